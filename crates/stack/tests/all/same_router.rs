//! Express is the same router: it is held against the way that can do everything, frame by frame and count by count, with
//! whatever packets chance thinks of; and what is plain does go by it.

use crate::express;
use crate::express::Outcome;
use siding_stack::BATCH;

#[test]
fn whatever_comes_both_do_the_same() {
    let mut all = Outcome::default();
    for seed in 0..40 {
        match express::compare(seed, 40) {
            Ok(outcome) => {
                all.frames += outcome.frames;
                all.expressed += outcome.expressed;
            }
            Err(what) => panic!("seed {seed}: {what}"),
        }
    }
    println!("{} of {} frames, most of which are odd, went by express", all.expressed, all.frames);
    assert!(all.expressed * 4 > all.frames, "{all:?}: too few to say much");
}

#[test]
fn whatever_comes_both_do_the_same_under_rules() {
    let mut all = Outcome::default();
    for seed in 0..60 {
        match express::filtered::compare(seed, 40) {
            Ok(outcome) => {
                all.frames += outcome.frames;
                all.expressed += outcome.expressed;
            }
            Err(what) => panic!("seed {seed}: {what}"),
        }
    }
    println!("{} of {} frames went by express", all.expressed, all.frames);
    assert!(all.expressed * 4 > all.frames, "{all:?}: too few to say much");
}

#[test]
fn who_changes_a_route_within_a_batch_changes_it_for_what_comes_behind() {
    let outcome = express::changed_meanwhile().unwrap_or_else(|what| panic!("{what}"));
    assert_eq!(outcome.expressed, outcome.plain);
}

#[test]
fn who_takes_rules_away_within_a_batch_leaves_them_what_they_have_counted() {
    let outcome = express::filtered::taken_away_meanwhile().unwrap_or_else(|what| panic!("{what}"));
    assert_eq!(outcome.expressed, BATCH as u64, "and none without rules");
}

#[test]
fn what_changes_between_two_packets_of_a_flow_that_is_known_holds_for_the_second() {
    let outcome = express::filtered::changed_between().unwrap_or_else(|what| panic!("{what}"));
    println!("by express, of 16 after each change: {outcome:?}");
    // The first to a neighbour is walked; else all go by express that go on.
    assert_eq!(outcome[0], ("nothing", 16));
}

#[test]
fn one_and_two_are_walked_and_three_go_by_express() {
    for ruled in [false, true] {
        for (many, expected) in [(1, 0), (2, 0), (3, 3), (4, 4)] {
            let expressed = express::of_a_batch(many, ruled).unwrap_or_else(|what| panic!("{many}: {what}"));
            assert_eq!(expressed, expected, "of {many}, under rules: {ruled}");
        }
    }
}

#[test]
fn what_comes_in_another_routing_instance_is_walked_and_goes_by_its_own_ways() {
    assert_eq!(express::in_another_instance(), Ok(0));
}

#[test]
fn nine_in_ten_of_what_is_plain_go_by_express() {
    let mut all = Outcome::default();
    for seed in 0..5 {
        let outcome = express::share(seed, 60).unwrap_or_else(|what| panic!("seed {seed}: {what}"));
        assert!(outcome.expressed <= outcome.plain, "{outcome:?}: what is not plain went by express");
        all.plain += outcome.plain;
        all.expressed += outcome.expressed;
        all.frames += outcome.frames;
    }
    println!("{all:?}: {:.1} % of what is plain", 100.0 * all.expressed as f64 / all.plain as f64);
    assert!(all.expressed * 10 >= all.plain * 9, "{all:?}");
}
