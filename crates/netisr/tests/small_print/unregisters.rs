//! Who holds up an unregister, and how long it is waited for.

use std::time::Duration;

use siding_netisr::IfId;
use siding_netisr::Netisr;
use siding_netisr::Pending;

use super::rig::Frame;
use super::rig::Seen;
use super::rig::Spec;
use super::rig::outside;
use super::rig::poll;
use super::rig::register;
use super::rig::send_own;
use super::rig::settled;

#[test]
fn it_names_who_holds_it_up() {
    let netisr = Netisr::<Frame, Seen>::builder().workers(3).build().unwrap();
    let kind = register(&netisr, Spec::new("test"));
    let mut workers: Vec<_> = (0..3).map(|index| settled(&netisr, index)).collect();
    send_own(&mut workers[1], &kind, 1, IfId::NONE).unwrap();
    let permits: Vec<_> =
        (0..2).map(|_| workers[0].with_ctx(|ctx| kind.reserve(ctx, None)).unwrap()).collect();
    let mut leaving = outside(|ctx| netisr.unregister(ctx, &kind, Pending::Drain)).unwrap();
    assert!(!leaving.is_complete());
    let named = |leaving: &siding_netisr::Unregistering<Frame, Seen>| {
        let text = leaving.holders().to_string();
        ["2 permit(s) of 'test'", "worker 0", "worker 1", "worker 2"].map(|words| text.contains(words))
    };
    assert_eq!(named(&leaving), [true, true, true, true], "nobody has come by");
    poll(&mut workers[0], 64);
    poll(&mut workers[2], 64);
    poll(&mut workers[1], 0);
    assert_eq!(named(&leaving), [true, false, true, false], "a packet waits at worker 1, which has come by");
    assert!(outside(|ctx| leaving.wait(ctx, Duration::ZERO)).is_err());
    poll(&mut workers[1], 64);
    assert_eq!(named(&leaving), [true, false, false, false]);
    drop(permits);
    assert!(!leaving.holders().to_string().contains("permit"), "none is left");
    assert_eq!(named(&leaving), [false, false, false, false]);
    assert!(!leaving.is_complete(), "no handler of before may run any more: each comes by once more");
    assert_eq!(named(&leaving), [false, true, true, true]);
    for (index, worker) in workers.iter_mut().enumerate() {
        assert!(!leaving.is_complete());
        poll(worker, 0);
        assert!(!named(&leaving)[index + 1]);
    }
    assert!(leaving.is_complete() && leaving.is_complete());
    assert_eq!(leaving.holders().holders, [""; 0]);
    assert!(outside(|ctx| leaving.wait(ctx, Duration::ZERO)).is_ok());
}

#[test]
fn a_vacant_worker_is_flushed_by_whoever_waits() {
    let netisr = Netisr::<Frame, Seen>::builder().workers(2).build().unwrap();
    let kind = register(&netisr, Spec::new("test"));
    for index in 0..2 {
        send_own(&mut settled(&netisr, index), &kind, 1, IfId::NONE).unwrap();
    }
    outside(|ctx| {
        let mut leaving = netisr.unregister(ctx, &kind, Pending::Flush).unwrap();
        leaving.wait(ctx, Duration::from_secs(60)).unwrap();
    });
    assert!(netisr.types().is_empty());
}

#[test]
fn types_come_and_go_under_a_worker_that_is_there() {
    let netisr = Netisr::<Frame, Seen>::builder().build().unwrap();
    let mut worker = settled(&netisr, 0);
    let names = || netisr.types().into_iter().map(|kind| kind.name).collect::<Vec<_>>();
    let _first = register(&netisr, Spec::new("first"));
    for round in 0..3 {
        let second = register(&netisr, Spec::new("second"));
        send_own(&mut worker, &second, round, IfId::NONE).unwrap();
        assert_eq!(poll(&mut worker, 64).0, [round]);
        let mut leaving = outside(|ctx| netisr.unregister(ctx, &second, Pending::Drain)).unwrap();
        for _ in 0..2 {
            poll(&mut worker, 64);
            leaving.is_complete();
        }
        assert!(leaving.is_complete(), "{}", leaving.holders());
        assert_eq!(names(), ["first"]);
    }
}
