//! G6: a type is unregistered while its packets come in and its handler runs.

use std::sync::Arc;

use siding_netisr::Cause;
use siding_netisr::NoWake;
use siding_netisr::Pending;
use siding_netisr::Unregistering;

use crate::checker::thread;
use crate::rig::Own;
use crate::rig::Resource;
use crate::rig::Rig;
use crate::rig::Spec;
use crate::rig::outside;
use crate::rig::pick;

pub(crate) fn drain() {
    leave(Pending::Drain);
}

pub(crate) fn flush() {
    leave(Pending::Flush);
}

/// A module goes with its handler: it must not run once the facility says that it is gone.
fn module(limit: u32) -> (Rig, Arc<Resource>) {
    let module = Resource::new();
    let code = module.clone();
    let rig = Rig::with(1, Spec::new("test").limit(limit), Arc::new(NoWake), move |_ctx| code.use_it());
    (rig, module)
}

fn leave(pending: Pending) {
    let (rig, module) = module(4);
    let sending = rig.clone();
    let producer = thread::spawn(move || {
        for number in 0..pick(1, 4) {
            let result = outside(|ctx| sending.dispatch(ctx, number, None));
            assert!(matches!(result, Ok(()) | Err(Cause::Closed)), "{result:?}");
        }
    });
    let mut worker = rig.worker();
    let polling = thread::spawn(move || {
        (0..pick(2, 4)).for_each(|_| _ = worker.poll(&mut Own::default(), 64));
    });
    let mut leaving =
        outside(|ctx| rig.netisr.unregister(ctx, &rig.kind, pending)).expect("registered until now");
    assert_eq!(outside(|ctx| rig.dispatch(ctx, 99, None)), Err(Cause::Closed));
    for _ in 0..pick(1, 4) {
        if leaving.is_complete() {
            module.tear_down();
            break;
        }
        thread::yield_now();
    }
    producer.join().expect("no panic");
    polling.join().expect("no panic");
    complete(&rig, &mut leaving);
    if pending == Pending::Drain {
        assert_eq!(rig.handled().len() as u64, rig.accepted(), "a drain handles all that was accepted");
    }
    rig.finish();
}

/// A permit is out when its type is unregistered: it stays good, and is waited for.
pub(crate) fn permit() {
    let (rig, module) = module(2);
    let permit = outside(|ctx| rig.kind.reserve(ctx, None)).expect("room");
    let using = rig.clone();
    let producer = thread::spawn(move || {
        let (frame, meta) = using.packet(1, None);
        outside(|ctx| permit.dispatch(ctx, frame, meta)).expect("a permit cannot fail");
        using.note_accepted(1);
    });
    let mut worker = rig.worker();
    let polling = thread::spawn(move || {
        (0..pick(1, 3)).for_each(|_| _ = worker.poll(&mut Own::default(), 64));
    });
    let mut leaving =
        outside(|ctx| rig.netisr.unregister(ctx, &rig.kind, Pending::Drain)).expect("registered until now");
    for _ in 0..pick(1, 4) {
        if leaving.is_complete() {
            module.tear_down();
            break;
        }
        thread::yield_now();
    }
    producer.join().expect("no panic");
    polling.join().expect("no panic");
    complete(&rig, &mut leaving);
    assert_eq!(rig.handled(), [1]);
    rig.finish();
}

/// When all is quiet, a few polls complete it.
fn complete(rig: &Rig, leaving: &mut Unregistering<crate::rig::Frame, Own>) {
    let mut worker = rig.worker();
    for _ in 0..3 {
        worker.poll(&mut Own::default(), 64);
        leaving.is_complete();
    }
    assert!(leaving.is_complete(), "{}", leaving.holders());
}
