//! Whose turn it is: types take turns, to the packet.

use std::time::Duration;

use siding_netisr::IfId;
use siding_netisr::Netisr;

use super::rig::Facility;
use super::rig::Frame;
use super::rig::Seen;
use super::rig::Spec;
use super::rig::outside;
use super::rig::poll;
use super::rig::register;
use super::rig::send;
use super::rig::settled;

/// `count` packets of each type, numbered from 1,000 times the type's place.
fn filled(kinds: u32, count: u32) -> Facility {
    let netisr = Netisr::builder().build().unwrap();
    for place in 0..kinds {
        let kind = register(&netisr, Spec::new(&format!("type {place}")).limit(1_000));
        (0..count).for_each(|number| send(&kind, place * 1_000 + number, IfId::NONE).unwrap());
    }
    netisr
}

/// Runs of neighbours: `(type, first, how many)`.
fn runs(numbers: &[u32]) -> Vec<(u32, u32, usize)> {
    let chunks = numbers.chunk_by(|one, next| one + 1 == *next);
    chunks.map(|run| (run[0] / 1_000, run[0] % 1_000, run.len())).collect()
}

#[test]
fn one_type_has_64_at_a_time() {
    let netisr = filled(1, 130);
    let mut worker = netisr.worker(0).unwrap();
    assert_eq!(poll(&mut worker, 0), (vec![], true), "nothing was asked for, and there is something");
    let (numbers, more) = poll(&mut worker, usize::MAX);
    assert_eq!((runs(&numbers), more), (vec![(0, 0, 64)], true));
    let (numbers, more) = poll(&mut worker, 3);
    assert_eq!((runs(&numbers), more), (vec![(0, 64, 3)], true));
    let (numbers, more) = poll(&mut worker, 64);
    assert_eq!((runs(&numbers), more), (vec![(0, 67, 63)], false));
    assert_eq!(poll(&mut worker, 64), (vec![], false));
}

#[test]
fn types_take_turns_and_none_is_always_first() {
    let netisr = filled(3, 200);
    let mut worker = settled(&netisr, 0);
    let mut seen = Vec::new();
    for _ in 0..4 {
        let (numbers, more) = poll(&mut worker, 100);
        assert!(more);
        seen.push(runs(&numbers));
    }
    // The poll that settled it was the first type's turn to be first.
    assert_eq!(seen[0], [(1, 0, 64), (2, 0, 36)]);
    assert_eq!(seen[1], [(2, 36, 64), (0, 0, 36)]);
    // From here on the first place is a number without a type: the lowest has its turn.
    assert_eq!(seen[2], [(0, 36, 64), (1, 64, 36)]);
    assert_eq!(seen[3], [(0, 100, 64), (1, 100, 36)]);
}

#[test]
fn two_types_are_first_in_turn_and_a_lone_one_takes_nobodys() {
    let netisr = filled(2, 0);
    let kinds = [register(&netisr, Spec::new("three")), register(&netisr, Spec::new("four"))];
    let mut worker = settled(&netisr, 0);
    for number in 0..3 {
        send(&kinds[0], number, IfId::NONE).unwrap();
        assert_eq!(poll(&mut worker, 64), (vec![number], false));
    }
    for (place, kind) in (0..).zip(&kinds) {
        (0..9).for_each(|number| send(kind, 1_000 * place + number, IfId::NONE).unwrap());
    }
    // Their bits are the third and the fourth of the word, and the first place moves on by one with each poll.
    let types: Vec<_> = (0..6).map(|_| poll(&mut worker, 1).0[0] / 1_000).collect();
    assert_eq!(types, [0, 0, 0, 1, 0, 0]);
}

#[test]
fn a_poll_of_several_types_takes_64_of_each() {
    let netisr = filled(3, 70);
    let mut worker = netisr.worker(0).unwrap();
    let (numbers, more) = poll(&mut worker, usize::MAX);
    assert_eq!((runs(&numbers), more), (vec![(0, 0, 64), (1, 0, 64), (2, 0, 64)], true));
    let (numbers, more) = poll(&mut worker, usize::MAX);
    assert_eq!((runs(&numbers), more), (vec![(1, 64, 6), (2, 64, 6), (0, 64, 6)], false));
    assert_eq!(poll(&mut worker, usize::MAX), (vec![], false));
}

#[test]
fn a_budget_that_is_used_up_to_the_packet_says_that_there_may_be_more() {
    let netisr = filled(2, 5);
    let mut worker = netisr.worker(0).unwrap();
    let (numbers, more) = poll(&mut worker, 5);
    assert_eq!((runs(&numbers), more), (vec![(0, 0, 5)], true));
    let (numbers, more) = poll(&mut worker, 6);
    assert_eq!((runs(&numbers), more), (vec![(1, 0, 5)], false));
}

#[test]
fn who_runs_too_long_is_named_by_its_type() {
    let netisr = Netisr::<Frame, Seen>::builder().workers(2).build().unwrap();
    let inside = netisr.clone();
    register(&netisr, Spec::new("quick"));
    let slow = netisr
        .register(Spec::new("slow"), move |_ctx, seen: &mut Seen, frame: Frame, _id: IfId| {
            let netisr = inside.clone();
            // Another thread detaches while this handler runs.
            let held = std::thread::spawn(move || {
                outside(|ctx| {
                    let going = netisr.attach().unwrap();
                    let mut departure = netisr.detach(ctx, going).unwrap();
                    departure.wait(ctx, Duration::from_millis(1)).unwrap_err().to_string()
                })
            });
            let held = held.join().unwrap();
            assert!(held.contains("worker 0, in the handler of 'slow'"), "{held}");
            seen.0.push(frame.0);
        })
        .unwrap();
    let other = register(&netisr, Spec::new("other"));
    let mut worker = settled(&netisr, 0);
    send(&slow, 1, IfId::NONE).unwrap();
    assert_eq!(poll(&mut worker, 64).0, [1]);
    send(&slow, 2, IfId::NONE).unwrap();
    send(&other, 3, IfId::NONE).unwrap();
    let mut both = poll(&mut worker, 64).0;
    both.sort_unstable();
    assert_eq!(both, [2, 3]);
    // Between polls it runs nothing.
    let going = netisr.attach().unwrap();
    let departure = outside(|ctx| netisr.detach(ctx, going)).unwrap();
    let held = departure.holders().to_string();
    assert!(held.contains("worker 0, which has not been polled"), "{held}");
}
