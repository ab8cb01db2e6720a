//! G7: first in, first out.

use std::sync::Arc;

use siding_netisr::Cause;
use siding_netisr::NoWake;

use crate::checker::thread;
use crate::rig::Own;
use crate::rig::Rig;
use crate::rig::Spec;
use crate::rig::outside;
use crate::rig::pick;

/// A sweep comes by while packets that stay wait and more come in.
pub(crate) fn sweep() {
    let rig = Rig::new(Spec::new("test").limit(8));
    let (stays, goes) = (rig.attach(), rig.attach());
    outside(|ctx| {
        rig.dispatch(ctx, 1, Some(&stays)).expect("room");
        rig.dispatch(ctx, 2, Some(&goes)).expect("room");
        rig.dispatch(ctx, 3, Some(&stays)).expect("room");
    });
    let mut worker = rig.worker();
    let departure = outside(|ctx| rig.netisr.detach(ctx, goes.id)).expect("attached");
    let (sending, named) = (rig.clone(), stays.clone());
    let last = pick(4, 7);
    let producer = thread::spawn(move || {
        outside(|ctx| {
            (4..=last).for_each(|number| sending.dispatch(ctx, number, Some(&named)).expect("room"))
        });
    });
    let mut own = Own::default();
    worker.poll(&mut own, 0);
    (0..pick(1, 4)).for_each(|_| _ = worker.poll(&mut own, 1));
    producer.join().expect("no panic");
    (0..3).for_each(|_| _ = worker.poll(&mut own, 64));
    drop((worker, departure));
    let expected: Vec<_> = [1, 3].into_iter().chain(4..=last).collect();
    assert_eq!(rig.handled(), expected);
    rig.finish();
}

/// Packets of one flow come from a worker, then from elsewhere: they meet in one lane.
pub(crate) fn flow() {
    let spec = Spec::new("test").limit(8).flow_key(|_, _| 7);
    let rig = Rig::with(2, spec, Arc::new(NoWake), |_ctx| {});
    let mut workers: Vec<_> = (0..2).map(|index| rig.netisr.worker(index).expect("free")).collect();
    for (number, worker) in (1..).zip(&mut workers) {
        worker.with_ctx(|ctx| rig.dispatch(ctx, number, None)).expect("room");
    }
    let sending = rig.clone();
    let producer = thread::spawn(move || outside(|ctx| sending.dispatch(ctx, 3, None)).expect("room"));
    let mut polling: Vec<_> = workers
        .into_iter()
        .map(|mut worker| thread::spawn(move || _ = worker.poll(&mut Own::default(), 64)))
        .collect();
    polling.push(producer);
    polling.into_iter().for_each(|thread| thread.join().expect("no panic"));
    let handled = rig.handled();
    assert!(handled.is_sorted(), "one flow, out of order: {handled:?}");
    rig.finish();
}

/// Packets of two flows, each with a permit of its own and after one without: each goes where its flow goes. A permit of
/// another flow is no good.
pub(crate) fn permits() {
    let spec = Spec::new("test").limit(4).flow_key(|frame, _| u64::from(frame.number / 10));
    let rig = Rig::with(2, spec, Arc::new(NoWake), |_ctx| {});
    let sending = rig.clone();
    let producer = thread::spawn(move || {
        outside(|ctx| {
            let (first, second) = FLOWS;
            let permit = sending.kind.reserve(ctx, Some(first.into())).expect("room");
            let other = sending.kind.reserve(ctx, Some(first.into())).expect("room");
            sending.dispatch(ctx, first * 10, None).expect("room");
            let (frame, meta) = sending.packet(first * 10 + 1, None);
            permit.dispatch(ctx, frame, meta).expect("its own flow");
            sending.note_accepted(1);
            sending.dispatch(ctx, second * 10, None).expect("room");
            let (frame, meta) = sending.packet(second * 10 + 1, None);
            let refused = other.dispatch(ctx, frame, meta).map_err(|refused| refused.cause);
            assert_eq!(refused, Err(Cause::OtherFlow));
            let open = sending.kind.reserve(ctx, None).expect("room");
            let (frame, meta) = sending.packet(second * 10 + 1, None);
            open.dispatch(ctx, frame, meta).expect("it may be of any flow");
            sending.note_accepted(1);
        });
    });
    let polling: Vec<_> = (0..pick(1, 2))
        .map(|index| rig.netisr.worker(index).expect("free"))
        .map(|mut worker| thread::spawn(move || _ = worker.poll(&mut Own::default(), 64)))
        .collect();
    producer.join().expect("no panic");
    polling.into_iter().for_each(|thread| thread.join().expect("no panic"));
    for index in 0..2 {
        rig.netisr.worker(index).expect("free").poll(&mut Own::default(), 64);
    }
    let handled = rig.handled();
    let (first, second) = FLOWS;
    for flow in [first, second] {
        let own: Vec<_> = handled.iter().filter(|number| *number / 10 == flow).copied().collect();
        assert_eq!(own, [flow * 10, flow * 10 + 1], "one flow, out of order: {handled:?}");
    }
    rig.finish();
}

/// Two flows that go to different workers.
const FLOWS: (u32, u32) = (1, 2);
