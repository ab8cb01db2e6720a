//! G8: limits, to the packet.

use std::sync::Arc;

use siding_netisr::Cause;
use siding_netisr::Overflow;

use crate::checker::sync::atomic::AtomicBool;
use crate::checker::sync::atomic::Ordering;
use crate::checker::thread;
use crate::rig::Own;
use crate::rig::Rig;
use crate::rig::Spec;
use crate::rig::outside;
use crate::rig::pick;

/// Nobody takes anything out. A permit and a dispatch want the last place of the queue.
pub(crate) fn limit() {
    fill(3, pick(1, 2), pick(2, 0));
}

/// Permits and dispatches fill a longer queue to its limit, and no packet more.
pub(crate) fn limit_wide() {
    fill(3, 2, 1);
}

/// With `waiting` packets there already. The limit is one that leaves slots over: so one too many would find one.
fn fill(limit: u32, packets: u32, waiting: u32) {
    let rig = Rig::new(Spec::new("test").limit(limit));
    outside(|ctx| (0..waiting).for_each(|number| rig.dispatch(ctx, number, None).expect("room")));
    let producer = |first: u32| {
        let rig = rig.clone();
        thread::spawn(move || {
            let mut refused = false;
            for number in first..first + packets {
                let result = outside(|ctx| rig.dispatch(ctx, number, None));
                assert!(matches!(result, Ok(()) | Err(Cause::Full)), "{result:?}");
                refused |= result.is_err();
            }
            refused
        })
    };
    let producers: Vec<_> = (1..=pick(1, 2)).map(|each| producer(10 * each)).collect();
    let reserved = outside(|ctx| {
        let Ok(permit) = rig.kind.reserve(ctx, None) else { return false };
        let (frame, meta) = rig.packet(1, None);
        permit.dispatch(ctx, frame, meta).expect("a permit in hand cannot fail");
        rig.note_accepted(1);
        true
    });
    let refused: Vec<_> = producers.into_iter().map(|producer| producer.join().expect("no panic")).collect();
    assert_eq!(rig.resident(), rig.accepted());
    assert!(rig.resident() <= u64::from(limit), "more packets than the limit");
    let told = (reserved, refused);
    assert_eq!(rig.resident(), u64::from(limit), "there was room: {told:?}");
    rig.finish();
}

/// A worker dispatches to itself, up to the level that was reached before and no packet further, while somebody else has room
/// reserved. The limit is one that leaves a slot over.
pub(crate) fn own() {
    let limit = 3;
    let rig = Rig::new(Spec::new("test").limit(limit));
    let mut worker = rig.worker();
    worker.with_ctx(|ctx| (0..limit).for_each(|number| rig.dispatch(ctx, number, None).expect("room")));
    worker.poll(&mut Own::default(), 64);
    let reserving = rig.clone();
    let other = thread::spawn(move || {
        outside(|ctx| {
            let Ok(permit) = reserving.kind.reserve(ctx, None) else { return };
            let (frame, meta) = reserving.packet(20, None);
            permit.dispatch(ctx, frame, meta).expect("a permit in hand cannot fail");
            reserving.note_accepted(1);
        });
    });
    // One after the other, as handlers do: the other thread gets in between.
    for number in 10..=10 + limit {
        let result = worker.with_ctx(|ctx| rig.dispatch(ctx, number, None));
        assert!(matches!(result, Ok(()) | Err(Cause::Full)), "{result:?}");
    }
    drop(worker);
    other.join().expect("no panic");
    assert_eq!(rig.resident(), u64::from(limit), "not as many packets as the limit");
    rig.finish();
}

/// The limit is lowered while a queue fills. Once that is done, what comes in keeps to it, whatever was there before.
pub(crate) fn lowered() {
    let rig = Rig::new(Spec::new("test").limit(2).limit_up_to(2));
    let sending = rig.clone();
    let producer = thread::spawn(move || {
        outside(|ctx| (0..2).filter(|number| sending.dispatch(ctx, *number, None).is_ok()).count())
    });
    rig.kind.set_limit(1).expect("in range");
    let accepted = producer.join().expect("no panic");
    let mut worker = rig.worker();
    worker.poll(&mut Own::default(), 1);
    drop(worker);
    let waiting = accepted - 1;
    assert_eq!(rig.resident(), waiting as u64, "the first has room under either limit");
    let result = outside(|ctx| rig.dispatch(ctx, 9, None));
    assert_eq!(result, if waiting == 0 { Ok(()) } else { Err(Cause::Full) }, "{waiting} wait, and one may");
    rig.finish();
}

/// The queue is full until the worker has come by; whoever knows that it has is not refused.
pub(crate) fn refill() {
    let rig = Rig::new(Spec::new("test").limit(2));
    outside(|ctx| {
        (0..2).for_each(|number| rig.dispatch(ctx, number, None).expect("room"));
        assert_eq!(rig.dispatch(ctx, 9, None), Err(Cause::Full));
    });
    let emptied = Arc::new(AtomicBool::new(false));
    let (seen, sending) = (emptied.clone(), rig.clone());
    let producer = thread::spawn(move || {
        for number in 2..pick(3, 4) {
            let known = seen.load(Ordering::Acquire);
            let result = outside(|ctx| sending.dispatch(ctx, number, None));
            assert!(!known || result.is_ok(), "refused though there is room: {result:?}");
        }
    });
    let mut worker = rig.worker();
    worker.poll(&mut Own::default(), 64);
    emptied.store(true, Ordering::Release);
    worker.poll(&mut Own::default(), 64);
    drop(worker);
    producer.join().expect("no panic");
    rig.finish();
}

/// A sweep moves the packets that stay out of the ring's way. They count all the while, once.
pub(crate) fn sweep() {
    let limit = pick(2, 4);
    let rig = Rig::new(Spec::new("test").limit(limit));
    let (stays, goes) = (rig.attach(), rig.attach());
    let mut worker = rig.worker();
    outside(|ctx| (1..limit).for_each(|number| rig.dispatch(ctx, number, Some(&stays)).expect("room")));
    let departure = outside(|ctx| rig.netisr.detach(ctx, goes.id)).expect("attached");
    let (sending, named) = (rig.clone(), stays.clone());
    let producer = thread::spawn(move || {
        outside(|ctx| {
            assert_eq!(sending.dispatch(ctx, 10, Some(&named)), Ok(()), "there is room for one");
            assert_eq!(
                sending.dispatch(ctx, 11, Some(&named)),
                Err(Cause::Full),
                "there is room for one only"
            );
        });
    });
    // A budget of nothing: control's order is carried out, no handler runs.
    worker.poll(&mut Own::default(), 0);
    producer.join().expect("no panic");
    drop((worker, departure));
    assert_eq!(rig.resident(), u64::from(limit));
    rig.finish();
}

/// Producers overrun a queue that drops its oldest packet, while the worker takes some.
pub(crate) fn drop_oldest() {
    overrun(pick(1, 2), pick(1, 2));
}

/// Two producers overrun it, and nobody takes any.
pub(crate) fn drop_oldest_two() {
    overrun(2, 0);
}

fn overrun(producers: u32, polls: usize) {
    let limit = pick(1, 2);
    let rig = Rig::new(Spec::new("test").limit(limit).overflow(Overflow::DropOldest));
    outside(|ctx| (0..limit).for_each(|number| rig.dispatch(ctx, number, None).expect("room")));
    let mut worker = rig.worker();
    let producers: Vec<_> = (1..=producers)
        .map(|producer| {
            let rig = rig.clone();
            thread::spawn(move || {
                for number in 10 * producer..10 * producer + pick(1, 3) {
                    let result = outside(|ctx| rig.dispatch(ctx, number, None));
                    // Refused only while another takes the oldest one out.
                    assert!(matches!(result, Ok(()) | Err(Cause::Full)), "{result:?}");
                }
            })
        })
        .collect();
    (0..polls).for_each(|_| _ = worker.poll(&mut Own::default(), 1));
    drop(worker);
    producers.into_iter().for_each(|producer| producer.join().expect("no panic"));
    assert!(rig.resident() <= u64::from(limit), "more packets than the limit");
    let handled = rig.handled();
    for producer in 1..3 {
        assert!(handled.iter().filter(|number| **number / 10 == producer).is_sorted(), "{handled:?}");
    }
    rig.finish();
}

/// An interface may have one packet; it comes and goes while two producers try.
pub(crate) fn share() {
    let rig = Rig::new(Spec::new("test").limit(4).share(1));
    let interface = rig.attach();
    outside(|ctx| rig.dispatch(ctx, 0, Some(&interface))).expect("a share of one");
    let emptied = Arc::new(AtomicBool::new(false));
    let producers = [1, 2].map(|number| {
        let (rig, interface, emptied) = (rig.clone(), interface.clone(), emptied.clone());
        thread::spawn(move || {
            let known = emptied.load(Ordering::Acquire);
            let result = outside(|ctx| rig.dispatch(ctx, number, Some(&interface)));
            assert!(matches!(result, Ok(()) | Err(Cause::Share)), "{result:?}");
            (known, result.is_ok())
        })
    });
    let mut worker = rig.worker();
    worker.poll(&mut Own::default(), 1);
    emptied.store(true, Ordering::Release);
    drop(worker);
    let answers = producers.map(|producer| producer.join().expect("no panic"));
    assert!(rig.resident() <= 1, "more packets than the share");
    let refused = answers.iter().any(|(known, accepted)| *known && !accepted);
    assert!(!refused || answers.iter().any(|(_, accepted)| *accepted), "refused though the share is unused");
    rig.finish();
}
