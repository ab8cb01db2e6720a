//! The queues by themselves, and what they cost at a million entries.

use siding_lockorder::Root;

use super::*;

#[derive(Debug)]
struct Look(Instant);

impl Due<Vec<Instant>> for Look {
    fn interface(&self) -> IfId {
        IfId::NONE
    }

    fn run(self: Box<Self>, _: &mut Ctx<'_, Unlocked>, looks: &mut Vec<Instant>) {
        looks.push(self.0);
    }
}

#[derive(Debug)]
struct On(IfId);

impl Due<Vec<Instant>> for On {
    fn interface(&self) -> IfId {
        self.0
    }

    fn run(self: Box<Self>, _: &mut Ctx<'_, Unlocked>, _: &mut Vec<Instant>) {}
}

fn at(nanos: u64) -> Instant {
    Instant::from_nanos(nanos)
}

fn with_ctx<O>(work: impl FnOnce(&mut Ctx<'_, Unlocked>) -> O) -> O {
    let mut root = Root::new();
    let mut entered = root.enter().expect("no other token on this thread");
    work(&mut entered.ctx())
}

/// What one takes out who looks, in order.
fn run(ctx: &mut Ctx<'_, Unlocked>, who: &Seen<'_, Vec<Instant>>, now: u64, all: bool) -> Vec<u64> {
    let mut looks = Vec::new();
    while let Some(due) = who.pop(ctx, at(now), all) {
        due.run(ctx, &mut looks);
    }
    looks.into_iter().map(Instant::as_nanos).collect()
}

#[test]
fn each_is_run_with_what_it_is_about_and_equal_deadlines_in_the_order_of_arming() {
    with_ctx(|ctx| {
        let timers = Timers::new(1);
        for (deadline, about) in [(20, 1), (10, 2), (20, 3), (30, 4)] {
            timers.of(0).arm(ctx, at(deadline), Look(at(about)));
        }
        assert_eq!(run(ctx, &timers.of(0), 29, false), [2, 1, 3]);
        assert_eq!(timers.of(0).next(false), at(30));
    });
}

#[test]
fn an_alarm_has_one_place_that_moves_to_earlier_deadlines_only() {
    let some = |nanos| Some(at(nanos));
    let due = || Look(Instant::NEVER);
    with_ctx(|ctx| {
        let all = Timers::new(1);
        let timers = all.of(0);
        let (mut first, mut second) = (Alarm::default(), Alarm::default());
        for (deadline, next) in
            [(some(90), 90), (None, 90), (some(95), 90), (some(50), 50), (some(50), 50), (some(10), 10)]
        {
            timers.set(ctx, &mut first, deadline, due);
            assert_eq!((timers.next(false), all.len(ctx)), (at(next), 1));
        }
        timers.set(ctx, &mut second, some(10), due);
        timers.arm(ctx, at(10), due());
        assert_eq!(all.len(ctx), 3, "others that are due then stay");

        // The queue has come by for the first; an earlier deadline finds its place gone, and takes a new one.
        assert!(timers.pop(ctx, at(9), false).is_none() && timers.pop(ctx, at(10), false).is_some());
        timers.set(ctx, &mut first, some(8), due);
        assert_eq!((timers.next(false), all.len(ctx)), (at(8), 3));
        assert!(!first.rings(at(7)), "the place that it has is still to come");
        assert!(first.rings(at(8)) && first.rings(at(8)));
    });
}

#[test]
fn an_alarm_keeps_to_one_place_whoever_moves_it() {
    let due = || Look(Instant::NEVER);
    with_ctx(|ctx| {
        let timers = Timers::new(2);
        let mut alarm = Alarm::default();
        let next = |who: usize| timers.of(who).next(false).as_nanos();
        let never = Instant::NEVER.as_nanos();
        timers.of(0).set(ctx, &mut alarm, Some(at(90)), due);
        assert_eq!((timers.len(ctx), next(0), next(1)), (1, 90, never));
        // Not earlier: it stays where it is.
        timers.of(1).set(ctx, &mut alarm, Some(at(90)), due);
        assert_eq!((timers.len(ctx), next(0), next(1)), (1, 90, never));
        timers.of(1).set(ctx, &mut alarm, Some(at(50)), due);
        assert_eq!((timers.len(ctx), next(0), next(1)), (1, never, 50));
        // Control has no worker: whoever comes by first.
        timers.set(ctx, &mut alarm, Some(at(40)), due);
        assert_eq!((timers.len(ctx), next(0), next(1)), (1, 40, 40));
        timers.of(0).set(ctx, &mut alarm, Some(at(30)), due);
        assert_eq!((timers.len(ctx), next(0), next(1)), (1, 30, never));
    });
}

#[test]
fn a_worker_looks_at_its_own_and_anybodys_and_who_has_time_at_all() {
    with_ctx(|ctx| {
        let timers = Timers::new(3);
        let fill = |ctx: &mut Ctx<'_, Unlocked>| {
            for (worker, deadline) in [(0, 10), (1, 5), (2, 20)] {
                timers.of(worker).arm(ctx, at(deadline), Look(at(deadline)));
            }
            timers.arm(ctx, at(7), Look(at(7)));
        };
        fill(ctx);
        let next = |all| [0, 1, 2].map(|worker| timers.of(worker).next(all).as_nanos());
        assert_eq!((next(false), next(true)), ([7, 5, 7], [5, 5, 5]));
        assert_eq!(run(ctx, &timers.of(0), 100, false), [7, 10]);
        assert!(timers.of(0).pop(ctx, at(100), false).is_none(), "the others' are not its own");
        assert_eq!(run(ctx, &timers.of(0), 19, true), [5]);
        assert_eq!((timers.len(ctx), next(true)), (1, [20; 3]));
        fill(ctx);
        assert_eq!(run(ctx, &timers.of(1), 100, true), [5, 7, 10, 20, 20], "by deadline, wherever it lies");
    });
}

#[test]
fn what_a_worker_has_left_is_everybodys_until_its_seat_is_taken() {
    with_ctx(|ctx| {
        let timers = Timers::new(2);
        assert!(!timers.leave(0), "nothing is left");
        timers.enter(0);
        timers.of(0).arm(ctx, at(10), Look(at(10)));
        timers.of(0).arm(ctx, at(20), Look(at(20)));
        timers.enter(0);
        assert_eq!(timers.of(1).next(false), Instant::NEVER);
        assert!(timers.leave(0) && timers.leave(0), "two are left");
        assert_eq!(timers.of(1).next(false), at(10));
        assert_eq!(run(ctx, &timers.of(1), 10, false), [10]);
        timers.enter(0);
        assert_eq!((timers.of(1).next(false), timers.of(0).next(false)), (Instant::NEVER, at(20)));
    });
}

#[test]
fn who_leaves_calls_the_others_for_what_it_may_have_armed_as_anybodys_and_frees_no_queue_but_its_own() {
    with_ctx(|ctx| {
        let timers = Timers::new(3);
        timers.arm(ctx, at(30), Look(at(30)));
        assert!(timers.leave(0), "those who sleep may not know of it");
        timers.of(2).arm(ctx, at(10), Look(at(10)));
        assert_eq!(timers.of(1).next(false), at(30), "another that has not left keeps its own");
        assert_eq!(timers.of(1).next(true), at(10));
        timers.of(1).arm(ctx, at(20), Look(at(20)));
        assert_eq!(timers.of(1).next(false), at(20));
    });
}

#[test]
fn an_interface_that_departs_leaves_nothing_in_any_queue() {
    with_ctx(|ctx| {
        let timers = Timers::new(2);
        let netisr = siding_netisr::Netisr::<siding_mbuf::Mbuf>::builder().interfaces(2).build().unwrap();
        let [goes, stays] = [(); 2].map(|()| netisr.attach().unwrap());
        for on in [goes, stays, IfId::NONE] {
            timers.arm(ctx, at(30), On(on));
            timers.of(0).arm(ctx, at(if on == goes { 10 } else { 20 }), On(on));
            timers.of(1).arm(ctx, at(20), On(on));
        }
        let gone = timers.purge(ctx, goes);
        assert_eq!(
            gone.iter().map(|gone| gone.len()).collect::<Vec<_>>(),
            [1, 1, 1],
            "to be dropped by whoever wants to"
        );
        assert_eq!((timers.len(ctx), timers.of(0).next(false)), (6, at(20)));
        timers.purge(ctx, stays);
        assert_eq!(timers.len(ctx), 3);
    });
}

#[test]
fn an_interface_that_has_departed_arms_nothing_and_the_next_in_its_slot_does() {
    with_ctx(|ctx| {
        let timers = Timers::new(2);
        let netisr = siding_netisr::Netisr::<siding_mbuf::Mbuf>::builder().interfaces(1).build().unwrap();
        let goes = netisr.attach().unwrap();
        let mut alarm = Alarm::default();
        timers.of(1).set(ctx, &mut alarm, Some(at(30)), || On(goes));
        timers.purge(ctx, goes);
        timers.of(0).set(ctx, &mut alarm, Some(at(20)), || On(goes));
        timers.of(1).set(ctx, &mut alarm, Some(at(10)), || On(goes));
        timers.arm(ctx, at(10), On(goes));
        assert_eq!((timers.len(ctx), timers.of(0).next(true)), (0, Instant::NEVER));

        assert!(netisr.detach(ctx, goes).unwrap().is_complete());
        let next = netisr.attach().unwrap();
        assert_eq!((next.slot(), next == goes), (goes.slot(), false));
        timers.of(0).arm(ctx, at(40), On(next));
        timers.of(0).arm(ctx, at(10), On(goes));
        timers.purge(ctx, goes);
        assert_eq!((timers.len(ctx), timers.of(0).next(true)), (1, at(40)), "it is the newcomer's slot now");
        timers.purge(ctx, next);
        assert_eq!(timers.len(ctx), 0);
    });
}

/// What a queue says is first, and what it runs, is as if it were one list, whoever comes and goes.
#[test]
fn any_order_of_arming_moving_running_and_departing() {
    with_ctx(|ctx| {
        let timers = Timers::new(1);
        let netisr = siding_netisr::Netisr::<siding_mbuf::Mbuf>::builder().interfaces(4).build().unwrap();
        let mut on: Vec<IfId> = (0..4).map(|_| netisr.attach().unwrap()).chain([IfId::NONE]).collect();
        let mut chance = crate::Chance::new(7);
        let mut alarms: Vec<(Alarm, Option<u64>)> = (0..40).map(|_| (Alarm::default(), None)).collect();
        for step in 0..20_000_u64 {
            let (draw, now) = (chance.next_u64(), step * 64);
            let number = (draw >> 32) as usize % alarms.len();
            match draw % 100 {
                0 => {
                    let goes = number % 4;
                    timers.purge(ctx, on[goes]);
                    assert!(netisr.detach(ctx, on[goes]).unwrap().is_complete());
                    on[goes] = netisr.attach().unwrap();
                    let its = alarms.iter_mut().skip(goes).step_by(5);
                    its.for_each(|alarm| *alarm = (Alarm::default(), None));
                }
                1..30 => {
                    let due = timers.of(0).pop(ctx, at(now), false).map(|due| due.interface());
                    let set = (0..alarms.len()).filter_map(|number| Some((alarms[number].1?, number)));
                    let first = set.min().filter(|(first, _)| *first <= now).map(|(_, number)| number);
                    assert_eq!(due, first.map(|number| on[number % 5]), "step {step}");
                    if let Some(number) = first {
                        assert!(alarms[number].0.rings(at(now)));
                        alarms[number].1 = None;
                    }
                }
                _ => {
                    // No two at one moment, so that it is known which is first.
                    let deadline = (step + (draw >> 40) % 500) * 64 + number as u64;
                    let (alarm, set) = &mut alarms[number];
                    timers.of(0).set(ctx, alarm, Some(at(deadline)), || On(on[number % 5]));
                    *set = Some(set.map_or(deadline, |set| set.min(deadline)));
                }
            }
            let first = alarms.iter().filter_map(|(_, at)| *at).min();
            assert_eq!(timers.of(0).next(false), first.map_or(Instant::NEVER, at), "step {step}");
            assert_eq!(timers.len(ctx), alarms.iter().filter(|(_, at)| at.is_some()).count());
        }
    });
}

#[test]
fn what_each_turn_reads_lies_apart_from_what_others_write() {
    let timers = Timers::<()>::new(2);
    let line = |addr: usize| addr / 128;
    let read: Vec<_> = timers.lines().map(|one| line(std::ptr::from_ref(&one.earliest).addr())).collect();
    let queues = timers.lines().map(|one| line(std::ptr::from_ref(&one.queue).addr()));
    let mut all: Vec<_> = read.iter().copied().chain(queues).collect();
    all.push(line(std::ptr::from_ref(&timers.left).addr()));
    for word in read {
        assert_eq!(all.iter().filter(|other| **other == word).count(), 1, "{all:?}");
    }
}

/// A neighbour in use has a deadline in some 30 s; what its messages say moves it to 5 s once in a while.
#[test]
#[ignore = "measures: cargo test --release -p siding-stack --lib timer -- --ignored --nocapture"]
fn what_a_million_entries_cost() {
    const ALL: usize = 1_000_000;
    for (in_one, what) in [(ALL, "one queue for all"), (ALL / 16, "one of sixteen")] {
        let mut best = [f64::MAX; 3];
        for round in 0..5 {
            let mut chance = crate::Chance::new(round);
            let mut within = |seconds: u64| at(chance.next_u64() % (seconds * 1_000_000_000));
            let took = with_ctx(|ctx| {
                let timers = Timers::<Vec<Instant>>::new(1);
                let mut alarms: Vec<Alarm> = (0..in_one).map(|_| Alarm::default()).collect();
                let later: Vec<Instant> =
                    (0..in_one).map(|_| within(25) + std::time::Duration::from_secs(5)).collect();
                let sooner: Vec<Instant> = (0..in_one).map(|_| within(5)).collect();
                let set = |ctx: &mut Ctx<'_, Unlocked>, alarms: &mut [Alarm], to: &[Instant]| {
                    let began = std::time::Instant::now();
                    for (alarm, at) in alarms.iter_mut().zip(to) {
                        timers.of(0).set(ctx, alarm, Some(*at), || Look(*at));
                    }
                    began.elapsed()
                };
                let took = [set(ctx, &mut alarms, &later), set(ctx, &mut alarms, &sooner)];
                let began = std::time::Instant::now();
                let mut count = 0;
                while let Some(due) = timers.of(0).pop(ctx, Instant::NEVER, false) {
                    drop(due);
                    count += 1;
                }
                assert_eq!(count, in_one);
                [took[0], took[1], began.elapsed()]
            });
            for (best, took) in best.iter_mut().zip(took) {
                *best = best.min(took.as_nanos() as f64 / in_one as f64);
            }
        }
        let [arm, move_, expire] = best;
        println!("{what}, {in_one} entries: arm {arm:.0} ns, move {move_:.0} ns, expire {expire:.0} ns");
    }
}
