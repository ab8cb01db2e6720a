use super::*;
use crate::Chance;

const ZERO: Duration = Duration::ZERO;
const T0: Instant = Instant::from_nanos(1_000_000_000);
const S: Duration = Duration::from_secs(1);
const MS: Duration = Duration::from_millis(1);
/// The defaults of RFC 4861 s6.2.1.
const MIN: Duration = Duration::from_secs(198);
const MAX: Duration = Duration::from_secs(600);

fn asker(host: u16) -> Asker {
    Asker { addr: Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, host), lladdr: None }
}

/// Runs the machine until `end`; everything it says, with the time since the beginning.
fn run(schedule: &mut Schedule, chance: &mut Chance, end: Instant) -> Vec<(Duration, Say)> {
    let mut said = Vec::new();
    while let Some(now) = schedule.deadline().filter(|due| *due <= end) {
        schedule.on_timer(now, chance.between(MIN, MAX), |say| {
            said.push((now - T0, say));
            Ok(())
        });
    }
    said
}

/// The pauses between messages to everybody.
fn gaps(said: &[(Duration, Say)]) -> Vec<Duration> {
    let all: Vec<Duration> =
        said.iter().filter(|(_, say)| !matches!(say, Say::Answer(_))).map(|(at, _)| *at).collect();
    all.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

#[test]
fn intervals_are_random_and_the_first_three_short_4861_10() {
    let mut seen = Vec::new();
    for seed in 0..50 {
        let mut chance = Chance::new(seed);
        let mut schedule = Schedule::new(T0, 200 * MS, Audience::AnswersAlone);
        let said = run(&mut schedule, &mut chance, T0 + 3600 * 24 * S);
        assert_eq!(said[0], (200 * MS, Say::Advert));
        let gaps = gaps(&said);
        assert_eq!(gaps[..3], [16 * S; 3]);
        assert!(gaps[3..].iter().all(|gap| (MIN..=MAX).contains(gap)));
        seen.extend_from_slice(&gaps[3..]);
    }
    let (least, most) = (seen.iter().min().unwrap(), seen.iter().max().unwrap());
    assert!(*least < MIN + 5 * S && *most > MAX - 5 * S, "{least:?} to {most:?}");
}

#[test]
fn a_short_interval_is_not_made_longer_at_first_4861_10() {
    let mut schedule = Schedule::new(T0, ZERO, Audience::Everybody);
    let mut at = Vec::new();
    while at.len() < 5 {
        let now = schedule.deadline().unwrap();
        schedule.on_timer(now, 4 * S, |_| {
            at.push(now - T0);
            Ok(())
        });
    }
    assert_eq!(at, [ZERO, 4 * S, 8 * S, 12 * S, 16 * S]);
}

#[test]
fn an_answer_waits_at_most_half_a_second_4861_12() {
    let quiet = || {
        let mut schedule = Schedule::new(T0, ZERO, Audience::Everybody);
        run(&mut schedule, &mut Chance::new(1), T0 + 100 * S);
        schedule
    };
    let now = T0 + 100 * S;
    for delay in [ZERO, MS, 500 * MS, 10 * S] {
        let mut schedule = quiet();
        assert_eq!(schedule.on_solicit(now, delay, None), Heard::Answered);
        assert_eq!(schedule.deadline(), Some(now + delay.min(500 * MS)));
        // Whoever asks meanwhile gets the same answer.
        assert_eq!(schedule.on_solicit(now, 500 * MS, Some(asker(1))), Heard::Answered);
        assert_eq!(schedule.deadline(), Some(now + delay.min(500 * MS)));
        let said = run(&mut schedule, &mut Chance::new(1), now + 10 * S);
        assert_eq!(said.len(), 1);
    }
}

#[test]
fn adverts_to_everybody_are_three_seconds_apart_whatever_is_asked_4861_12() {
    for seed in 0..100 {
        let mut chance = Chance::new(seed);
        let audience = [Audience::Everybody, Audience::AnswersAlone][seed as usize % 2];
        let mut schedule = Schedule::new(T0, ZERO, audience);
        let (mut now, mut said) = (T0, Vec::new());
        while now < T0 + 120 * S {
            said.extend(run(&mut schedule, &mut chance, now));
            let from = if chance.next_u64().is_multiple_of(3) {
                None
            } else {
                Some(asker(chance.next_u64() as u16))
            };
            assert_eq!(schedule.on_solicit(now, chance.between(ZERO, 500 * MS), from), Heard::Answered);
            now += chance.between(ZERO, 10 * MS);
        }
        let gaps = gaps(&said);
        assert!(gaps.iter().all(|gap| (3 * S..=4 * S).contains(gap)), "{gaps:?}");
        // A storm is answered, and by no more than its bound.
        assert!(gaps.len() >= 28, "{}", gaps.len());
        let answers = said.iter().filter(|(_, say)| matches!(say, Say::Answer(_))).count();
        assert!(answers <= (gaps.len() + 2) * 2 * MAX_ANSWERS, "{answers}");
        assert_eq!(answers > 0, audience == Audience::AnswersAlone);
    }
}

#[test]
fn few_are_answered_alone_and_many_at_once_4861_12() {
    let mut schedule = Schedule::new(T0, ZERO, Audience::AnswersAlone);
    run(&mut schedule, &mut Chance::new(1), T0 + 100 * S);
    let (now, before) = (T0 + 100 * S, schedule.due());
    for host in 0..MAX_ANSWERS as u16 {
        assert_eq!(schedule.on_solicit(now, 100 * MS, Some(asker(host))), Heard::Answered);
        // Asking twice brings no second answer.
        assert_eq!(schedule.on_solicit(now, 50 * MS, Some(asker(host))), Heard::Answered);
    }
    assert_eq!(schedule.due(), before, "nobody else is told");
    let mut crowd = schedule.clone();
    let said = run(&mut schedule, &mut Chance::new(1), now + 10 * S);
    let expected: Vec<_> =
        (0..MAX_ANSWERS as u16).map(|host| (100 * S + 100 * MS, Say::Answer(asker(host)))).collect();
    assert_eq!(said, expected);
    assert_eq!(crowd.on_solicit(now, 50 * MS, Some(asker(99))), Heard::Answered);
    let said = run(&mut crowd, &mut Chance::new(1), now + 10 * S);
    assert_eq!(said, [(100 * S + 50 * MS, Say::Advert)], "it answers those who wait, too");
}

#[test]
fn only_askers_are_answered_if_so_configured() {
    let mut schedule = Schedule::new(T0, ZERO, Audience::AskersOnly);
    assert_eq!(schedule.deadline(), None);
    assert_eq!(schedule.on_solicit(T0, ZERO, None), Heard::Ignored, "it has no address to answer to");
    for host in 0..MAX_ANSWERS as u16 {
        assert_eq!(schedule.on_solicit(T0, ZERO, Some(asker(host))), Heard::Answered);
    }
    assert_eq!(schedule.on_solicit(T0, ZERO, Some(asker(99))), Heard::Ignored);
    let said = run(&mut schedule, &mut Chance::new(1), T0 + 3600 * S);
    assert_eq!(said.len(), MAX_ANSWERS);
    schedule.stop(T0 + 3600 * S);
    assert_eq!((schedule.phase(), schedule.deadline()), (Phase::Ceased, None));
}

#[test]
fn three_farewells_three_seconds_apart_4861_11() {
    let mut schedule = Schedule::new(T0, ZERO, Audience::AnswersAlone);
    let mut chance = Chance::new(1);
    run(&mut schedule, &mut chance, T0);
    let _ = schedule.on_solicit(T0 + S, ZERO, Some(asker(1)));
    schedule.stop(T0 + S);
    assert_eq!(schedule.phase(), Phase::Ceasing(3));
    assert_eq!(schedule.on_solicit(T0 + S, ZERO, None), Heard::Ignored);
    let said = run(&mut schedule, &mut chance, T0 + 3600 * S);
    assert_eq!(said, [3 * S, 6 * S, 9 * S].map(|at| (at, Say::Final)));
    assert_eq!((schedule.phase(), schedule.deadline()), (Phase::Ceased, None));
    // One who has said nothing has nothing to take back.
    let mut silent = Schedule::new(T0, 200 * MS, Audience::AnswersAlone);
    silent.stop(T0);
    assert_eq!((silent.phase(), silent.deadline()), (Phase::Ceased, None));
}

#[test]
fn one_farewell_before_a_pause_and_the_first_adverts_after_it_4861_11() {
    let mut schedule = Schedule::new(T0, ZERO, Audience::AnswersAlone);
    let mut chance = Chance::new(1);
    run(&mut schedule, &mut chance, T0 + 100 * S);
    let now = T0 + 100 * S;
    schedule.suspend(now);
    assert_eq!(run(&mut schedule, &mut chance, now + 50 * S), [(100 * S, Say::Final)]);
    assert_eq!((schedule.phase(), schedule.deadline()), (Phase::Suspended, None));
    schedule.resume(now + S, ZERO, Audience::AnswersAlone);
    let said = run(&mut schedule, &mut chance, now + 50 * S);
    assert_eq!(said, [103 * S, 119 * S, 135 * S].map(|at| (at, Say::Advert)));
    schedule.suspend(now + 50 * S);
    schedule.stop(now + 50 * S);
    assert_eq!(schedule.phase(), Phase::Ceasing(3), "a pause that has not begun becomes the end");
}

#[test]
fn old_and_new_address_take_turns_4861_14() {
    let mut schedule = Schedule::new(T0, ZERO, Audience::AnswersAlone);
    let mut chance = Chance::new(1);
    run(&mut schedule, &mut chance, T0 + 100 * S);
    schedule.moved(T0 + 100 * S);
    assert!(schedule.speaks_from_old());
    let said = run(&mut schedule, &mut chance, T0 + 160 * S);
    let (old, new) = (Say::FinalFromOld, Say::Advert);
    let at = |secs: u32, say| (secs * S, say);
    let expected =
        [at(100, old), at(103, new), at(106, old), at(109, new), at(112, old), at(115, new), at(131, new)];
    assert_eq!(said, expected);
    assert!(schedule.due().unwrap() >= T0 + 131 * S + MIN);
}

#[test]
fn a_refused_advert_is_not_an_advert_4861_10() {
    let mut schedule = Schedule::new(T0, ZERO, Audience::AnswersAlone);
    for _ in 0..100 {
        let now = schedule.deadline().unwrap();
        schedule.on_timer(now, MIN, |_| Err(Refused));
    }
    let begun = schedule.deadline().unwrap();
    assert_eq!(begun, T0 + 100 * REFUSED_RETRY);
    let said = run(&mut schedule, &mut Chance::new(1), begun + 48 * S);
    assert_eq!(gaps(&said), [16 * S; 3], "all first ones are still to come");
    let now = begun + 100 * S;
    let _ = schedule.on_solicit(now, ZERO, Some(asker(1)));
    schedule.on_timer(now, MIN, |_| Err(Refused));
    assert_eq!(schedule.deadline(), Some(now + REFUSED_RETRY), "whoever asked is not forgotten");
}

#[test]
fn what_takes_several_messages_goes_on_three_seconds_later_4861_12() {
    let mut schedule = Schedule::new(T0, ZERO, Audience::Everybody);
    let mut chance = Chance::new(1);
    let mut at = Vec::new();
    while at.len() < 12 {
        let now = schedule.deadline().unwrap();
        schedule.on_timer(now, chance.between(MIN, MAX), |_| Ok(()));
        at.push(now - T0);
        if at.len() % 3 != 0 {
            schedule.goes_on(now);
        }
    }
    let gaps: Vec<Duration> = at.windows(2).map(|pair| pair[1] - pair[0]).collect();
    // Three messages are one advertisement: the first three of these come soon.
    let (soon, first) = (3 * S, 16 * S);
    assert_eq!(gaps[..9], [soon, soon, first, soon, soon, first, soon, soon, first]);
    assert_eq!(gaps[9..], [soon, soon]);
}
