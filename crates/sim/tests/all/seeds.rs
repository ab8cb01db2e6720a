//! Many worlds: `siding sim` runs more of them.

#[test]
fn a_thousand_seeds_hold() {
    for seed in 0..1000 {
        if let Err(failure) = siding_sim::run_seed(seed) {
            let tail = failure.log.len().saturating_sub(60);
            panic!("{failure}\n{}", failure.log[tail..].join("\n"));
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_log() {
    for seed in [1, 7, 42] {
        let (first, second) = (siding_sim::run_seed(seed).unwrap(), siding_sim::run_seed(seed).unwrap());
        assert!(first.log.len() > 20);
        assert_eq!(first, second);
    }
    assert_ne!(siding_sim::run_seed(1).unwrap().log, siding_sim::run_seed(2).unwrap().log);
}

#[test]
fn the_seeds_meet_what_they_are_for() {
    let all: Vec<_> = (0..100).map(|seed| siding_sim::run_seed(seed).unwrap()).collect();
    assert!(all.iter().map(|run| run.departed).sum::<u64>() > 100, "packets depart with their interfaces");
    for what in [
        "has gone",
        "INCOMPLETE -> none",
        "PROBE -> REACHABLE",
        "the clock jumps",
        "tentative -> preferred",
        "held back",
    ] {
        assert!(
            all.iter().any(|run| run.log.iter().any(|line| line.contains(what))),
            "no seed shows '{what}'"
        );
    }
}
