//! The embedder's own code panics, and has its packets dropped under its locks; a lane rests, and packets depart from
//! its middle.

use std::cell::Cell;
use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;
use std::panic::resume_unwind;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicBool as Flag;
use std::sync::atomic::Ordering;

use siding_netisr::Cause;
use siding_netisr::IfId;
use siding_netisr::Local;
use siding_netisr::Metadata;
use siding_netisr::Netisr;
use siding_netisr::NoClock;
use siding_netisr::Packet;
use siding_netisr::Pending;
use siding_netisr::TypeSpec;
use siding_netisr::Worker;

use crate::checker::thread;
use crate::rig::Frame;
use crate::rig::Own;
use crate::rig::Rig;
use crate::rig::Spec;
use crate::rig::outside;
use crate::rig::pick;

/// A panic that no hook is called for: the checkers end at the first that calls it.
fn give_up() {
    resume_unwind(Box::new("the embedder's code"));
}

/// Somebody who looks at the reports meanwhile, which must be all the same to everybody. Not where every interleaving is
/// looked at.
fn onlooker<P: Packet, W: Local>(netisr: &Netisr<P, W>) -> Option<thread::JoinHandle<()>> {
    let netisr = netisr.clone();
    let look = move || (0..3).for_each(|_| drop((netisr.types(), netisr.worker_reports())));
    pick(false, true).then(|| thread::spawn(look))
}

/// What is true while the embedder's code is to panic, or holds a lock.
#[derive(Clone, Default)]
struct Armed(Arc<Flag>);

impl Armed {
    fn set(&self, armed: bool) {
        self.0.store(armed, Ordering::Relaxed);
    }

    fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

struct Bare;

impl Packet for Bare {
    fn interfaces(&self, _visit: &mut impl FnMut(IfId)) {}
}

/// Metadata that panics when it is asked what it names, while it is armed.
struct Touchy(IfId, Armed);

impl Metadata for Touchy {
    fn interfaces(&self, visit: &mut impl FnMut(IfId)) {
        if self.1.is_set() {
            give_up();
        }
        visit(self.0);
    }
}

/// A worker's state whose `depart` panics once for each.
struct Slow(Rc<Cell<u32>>);

impl Local for Slow {
    fn depart(&mut self, _stays: &dyn Fn(IfId) -> bool) {
        if self.0.get() > 0 {
            self.0.set(self.0.get() - 1);
            give_up();
        }
    }
}

/// A worker's state panics when it is to let go of an interface, and a packet when it is asked what it names. The
/// order is carried out all the same, and the packet has a fate.
pub(crate) fn panics() {
    thread::spawn(panics_there).join().expect("no panic");
}

fn panics_there() {
    let netisr = Netisr::<Bare, Slow>::builder().interfaces(2).clock(NoClock).build().expect("small sizes");
    let spec = TypeSpec::new("touchy").limit(4).time_every(1 << 20);
    let kind =
        netisr.register(spec, |_ctx, _slow: &mut Slow, _bare, _meta: Touchy| {}).expect("the first type");
    let (goes, stays) = (netisr.attach().expect("a slot"), netisr.attach().expect("a slot"));
    let mut worker = netisr.worker(0).expect("free");
    let panics = Rc::new(Cell::new(0));
    let mut slow = Slow(panics.clone());
    worker.poll(&mut slow, 64);
    let onlooker = onlooker(&netisr);
    let armed = Armed::default();
    outside(|ctx| {
        for id in [goes, stays] {
            kind.dispatch(ctx, Bare, Touchy(id, armed.clone()))
                .map_err(|refused| refused.cause)
                .expect("room");
        }
    });
    let mut departure = outside(|ctx| netisr.detach(ctx, goes)).expect("attached");
    panics.set(1);
    armed.set(true);
    let caught =
        (0..5).filter(|_| catch_unwind(AssertUnwindSafe(|| worker.poll(&mut slow, 64))).is_err()).count();
    armed.set(false);
    worker.poll(&mut slow, 64);
    onlooker.into_iter().for_each(|onlooker| onlooker.join().expect("no panic"));
    assert_eq!(caught, 3, "one of the state, one of each packet");
    assert!(departure.is_complete(), "an order was lost: {}", departure.holders());
    netisr.check_conservation().unwrap_or_else(|imbalance| panic!("{imbalance}"));
    assert_eq!(netisr.types()[0].total().departed, 2, "nobody knows what they name");
}

/// Metadata that must not be dropped while its owner holds a lock.
struct Guarded(IfId, Armed);

impl Metadata for Guarded {
    fn interfaces(&self, visit: &mut impl FnMut(IfId)) {
        visit(self.0);
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        assert!(!self.1.is_set(), "a packet is dropped on the stack of a caller who holds a lock");
    }
}

/// Somebody with a lock detaches an interface and flushes a type, while nobody holds the worker.
pub(crate) fn under_locks() {
    thread::spawn(under_locks_there).join().expect("no panic");
}

fn under_locks_there() {
    let netisr = Netisr::<Bare>::builder().interfaces(2).clock(NoClock).build().expect("small sizes");
    let spec = TypeSpec::new("guarded").limit(4).time_every(1 << 20);
    let kind = netisr.register(spec, |_ctx, _: &mut (), _bare, _meta: Guarded| {}).expect("the first type");
    let (goes, stays) = (netisr.attach().expect("a slot"), netisr.attach().expect("a slot"));
    let onlooker = onlooker(&netisr);
    let locked = Armed::default();
    outside(|ctx| {
        for id in [goes, stays] {
            kind.dispatch(ctx, Bare, Guarded(id, locked.clone()))
                .map_err(|refused| refused.cause)
                .expect("room");
        }
        locked.set(true);
        let mut departure = netisr.detach(ctx, goes).expect("attached");
        assert!(departure.is_complete(), "nobody is in the way");
        let leaving = netisr.unregister(ctx, &kind, Pending::Flush).expect("registered");
        locked.set(false);
        drop(leaving);
    });
    let mut worker = netisr.worker(0).expect("free");
    (0..2).for_each(|_| _ = worker.poll(&mut (), 64));
    onlooker.into_iter().for_each(|onlooker| onlooker.join().expect("no panic"));
    netisr.check_conservation().unwrap_or_else(|imbalance| panic!("{imbalance}"));
}

/// A worker lets its lane rest, and forgets what packets named, while a producer names an interface. Then that departs.
pub(crate) fn resting() {
    let rig = Rig::new(Spec::new("test").limit(4));
    let interface = rig.attach();
    let mut worker = rig.worker();
    outside(|ctx| rig.dispatch(ctx, 1, Some(&interface))).expect("attached, with room");
    worker.poll(&mut Own::default(), 64);
    let (sending, named) = (rig.clone(), interface.clone());
    let producer = thread::spawn(move || {
        outside(|ctx| {
            (0..pick(1, 2)).for_each(|number| {
                sending.dispatch(ctx, 2 + number, Some(&named)).expect("attached, with room");
            });
        });
    });
    if worker.prepare_sleep() {
        worker.awake();
    }
    producer.join().expect("no panic");
    let mut departure = outside(|ctx| rig.netisr.detach(ctx, interface.id)).expect("attached until now");
    worker.poll(&mut Own::default(), 0);
    assert!(departure.is_complete(), "{}", departure.holders());
    interface.resource.tear_down();
    assert_eq!(rig.resident(), 0, "packets of an interface that has gone");
    drop(worker);
    rig.finish();
}

/// A worker has dispatched to itself, its lane rests, and a packet of another interface comes: the interface that the
/// worker names again is looked for in that lane when it departs.
pub(crate) fn noted() {
    let rig = Rig::new(Spec::new("test").limit(4));
    let (stays, goes) = (rig.attach(), rig.attach());
    let mut worker = rig.worker();
    let send = |worker: &mut Worker<Frame, Own>, number| {
        worker.with_ctx(|ctx| rig.dispatch(ctx, number, Some(&goes))).expect("attached, with room");
    };
    // Two at once, and one more: from then on there is room for a second without another look.
    (1..4).for_each(|number| send(&mut worker, number));
    worker.poll(&mut Own::default(), 64);
    let (sending, named) = (rig.clone(), stays.clone());
    let producer = thread::spawn(move || {
        outside(|ctx| sending.dispatch(ctx, 4, Some(&named))).expect("attached, with room");
    });
    if worker.prepare_sleep() {
        worker.awake();
    }
    producer.join().expect("no panic");
    send(&mut worker, 5);
    let mut departure = outside(|ctx| rig.netisr.detach(ctx, goes.id)).expect("attached until now");
    // A budget of nothing: control's order is carried out, no handler runs.
    worker.poll(&mut Own::default(), 0);
    assert!(departure.is_complete(), "{}", departure.holders());
    goes.resource.tear_down();
    assert_eq!(rig.resident(), 1, "packets of an interface that has gone");
    worker.poll(&mut Own::default(), 64);
    assert_eq!(rig.handled(), [1, 2, 3, 4]);
    drop(worker);
    rig.finish();
}

/// What departs from the middle of a queue stays there as nothing, and those who wait behind it are handled.
pub(crate) fn middle() {
    // A slot more than packets, so that nothing is moved up.
    let rig = Rig::new(Spec::new("test").limit(3));
    let (stays, goes) = (rig.attach(), rig.attach());
    let send = |number, named| outside(|ctx| rig.dispatch(ctx, number, Some(named))).expect("room");
    send(1, &stays);
    send(2, &goes);
    send(3, &stays);
    let mut worker = rig.worker();
    let mut departure = outside(|ctx| rig.netisr.detach(ctx, goes.id)).expect("attached");
    let (sending, named) = (rig.clone(), stays.clone());
    let producer = thread::spawn(move || {
        let result = outside(|ctx| sending.dispatch(ctx, 4, Some(&named)));
        assert!(matches!(result, Ok(()) | Err(Cause::Full)), "{result:?}");
        result.is_ok()
    });
    // A budget of nothing: control's order is carried out, no handler runs.
    worker.poll(&mut Own::default(), 0);
    assert!(departure.is_complete(), "{}", departure.holders());
    goes.resource.tear_down();
    let sent = producer.join().expect("no panic");
    worker.poll(&mut Own::default(), 64);
    assert_eq!(rig.handled(), if sent { vec![1, 3, 4] } else { vec![1, 3] });
    drop(worker);
    rig.finish();
}

/// The room of what has departed from the middle of a full queue is free, once, and at once.
pub(crate) fn room_of_departed() {
    let limit = 3;
    let rig = Rig::new(Spec::new("test").limit(limit));
    let (stays, goes) = (rig.attach(), rig.attach());
    outside(|ctx| {
        for (number, named) in (1..).zip([&stays, &goes, &stays]) {
            rig.dispatch(ctx, number, Some(named)).expect("room");
        }
    });
    let mut worker = rig.worker();
    let departure = outside(|ctx| rig.netisr.detach(ctx, goes.id)).expect("attached");
    let (sending, named) = (rig.clone(), stays.clone());
    let producer = thread::spawn(move || {
        let result = outside(|ctx| sending.dispatch(ctx, 4, Some(&named)));
        assert!(matches!(result, Ok(()) | Err(Cause::Full)), "{result:?}");
        u64::from(result.is_ok())
    });
    // A budget of nothing: control's order is carried out, no handler runs.
    worker.poll(&mut Own::default(), 0);
    let accepted = producer.join().expect("no panic");
    let later = outside(|ctx| [5, 6].map(|number| rig.dispatch(ctx, number, Some(&stays)).is_ok()));
    let later = later.into_iter().map(u64::from).sum::<u64>();
    assert_eq!(accepted + later, 1, "room for one");
    assert_eq!(rig.resident(), u64::from(limit));
    drop((worker, departure));
    rig.finish();
}
