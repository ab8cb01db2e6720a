//! What is dropped for its owner is dropped on the worker, and whoever asked for it is handed it there.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::Mutex as StdMutex;

use siding_lockorder::Mutex;
use siding_lockorder::Root;
use siding_netisr::Cause;
use siding_netisr::Fate;
use siding_netisr::IfId;
use siding_netisr::Metadata;
use siding_netisr::Netisr;
use siding_netisr::Overflow;
use siding_netisr::Packet;
use siding_netisr::Pending;
use siding_netisr::TypeSpec;

use super::Table;

struct Number(u32);

impl Packet for Number {
    fn interfaces(&self, _visit: &mut impl FnMut(IfId)) {}
}

thread_local! {
    static LOCKED: Cell<bool> = const { Cell::new(false) };
    static DROPPED: Cell<u32> = const { Cell::new(0) };
}

/// Must not be dropped while this thread holds its lock.
struct Guarded(IfId);

impl Metadata for Guarded {
    fn interfaces(&self, visit: &mut impl FnMut(IfId)) {
        visit(self.0);
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        assert!(!LOCKED.get(), "dropped on the stack of a caller who holds a lock");
        DROPPED.set(DROPPED.get() + 1);
    }
}

#[test]
fn nothing_is_dropped_under_the_callers_locks() {
    let netisr = Netisr::<Number>::builder().build().unwrap();
    let table = Mutex::<Table, ()>::new(());
    let spec = TypeSpec::new("guarded").limit(2).overflow(Overflow::DropOldest);
    let kind = netisr.register(spec, |_ctx, _local: &mut (), _packet, _meta: Guarded| {}).unwrap();
    let (goes, stays) = (netisr.attach().unwrap(), netisr.attach().unwrap());
    {
        let mut root = Root::new();
        let mut entered = root.enter().unwrap();
        let mut ctx = entered.ctx();
        let (_guard, ctx) = ctx.lock(&table);
        LOCKED.set(true);
        for number in 0..5 {
            kind.dispatch(&ctx, Number(number), Guarded(if number % 2 == 0 { goes } else { stays })).unwrap();
            assert!(netisr.types()[0].total().resident <= 2, "the limit is exact");
        }
        assert_eq!(netisr.types()[0].total().dropped_oldest, 3);
        // Nobody holds the worker.
        let mut departure = netisr.detach(&ctx, goes).unwrap();
        assert!(departure.is_complete(), "{}", departure.holders());
        let total = netisr.types()[0].total();
        assert_eq!((total.departed, total.resident), (1, 1));
        kind.dispatch(&ctx, Number(5), Guarded(stays)).unwrap();
        drop(netisr.unregister(&ctx, &kind, Pending::Flush));
        assert_eq!(DROPPED.get(), 0);
        LOCKED.set(false);
    }
    let mut worker = netisr.worker(0).unwrap();
    (0..2).for_each(|_| _ = worker.poll(&mut (), 64));
    assert_eq!(DROPPED.get(), 6, "the worker has come by");
    netisr.check_conservation().unwrap();
}

#[test]
fn a_hook_is_handed_each_packet_with_its_fate() {
    let netisr = Netisr::<Number>::builder().build().unwrap();
    let told = Arc::<StdMutex<Vec<(Fate, u32, IfId)>>>::default();
    let tell = told.clone();
    let spec = TypeSpec::new("traced")
        .limit(3)
        .overflow(Overflow::DropOldest)
        .on_drop(move |fate, packet: Number, out| tell.lock().unwrap().push((fate, packet.0, out)));
    let kind = netisr.register(spec, |_ctx, _local: &mut (), _packet, _out: IfId| {}).unwrap();
    let (goes, stays) = (netisr.attach().unwrap(), netisr.attach().unwrap());
    let mut worker = netisr.worker(0).unwrap();
    worker.poll(&mut (), 64);
    for (number, out) in (0..).zip([stays, stays, goes, goes, stays]) {
        worker.with_ctx(|ctx| kind.dispatch(ctx, Number(number), out)).unwrap();
    }
    assert!(told.lock().unwrap().is_empty(), "on the worker, when it is polled");
    assert_eq!(netisr.types()[0].total().dropped_oldest, 2);
    let _departure = worker.with_ctx(|ctx| netisr.detach(ctx, goes)).unwrap();
    worker.poll(&mut (), 0);
    let _leaving = worker.with_ctx(|ctx| netisr.unregister(ctx, &kind, Pending::Flush)).unwrap();
    (0..2).for_each(|_| _ = worker.poll(&mut (), 64));
    assert_eq!(
        *told.lock().unwrap(),
        [
            (Fate::DroppedOldest, 0, stays),
            (Fate::DroppedOldest, 1, stays),
            (Fate::Departed, 2, goes),
            (Fate::Departed, 3, goes),
            (Fate::Flushed, 4, stays)
        ]
    );
    let report = netisr.interface(stays);
    assert_eq!((report.dropped_oldest, report.flushed), (2, 1));
}

#[test]
fn the_oldest_are_dropped_until_there_is_no_slot_to_keep_them_in() {
    let netisr = Netisr::<Number>::builder().build().unwrap();
    let spec = TypeSpec::new("newest").limit(1).overflow(Overflow::DropOldest);
    let handled = Arc::<StdMutex<Vec<u32>>>::default();
    let log = handled.clone();
    let kind = netisr
        .register(spec, move |_ctx, _local: &mut (), packet: Number, ()| log.lock().unwrap().push(packet.0))
        .unwrap();
    let mut worker = netisr.worker(0).unwrap();
    let mut dispatch = |number| {
        let result = worker.with_ctx(|ctx| kind.dispatch(ctx, Number(number), ()));
        result.map_err(|refused| refused.cause)
    };
    (0..256).for_each(|number| dispatch(number).unwrap());
    let refused = (256..2000).find(|number| dispatch(*number) == Err(Cause::Full)).unwrap();
    assert_eq!(netisr.types()[0].total().resident, 1);
    worker.poll(&mut (), 64);
    assert_eq!(*handled.lock().unwrap(), [refused - 1]);
    worker.with_ctx(|ctx| kind.dispatch(ctx, Number(0), ())).unwrap();
    netisr.check_conservation().unwrap();
}

#[test]
fn g5_what_was_dropped_to_make_room_is_gone_when_its_interface_is() {
    let netisr = Netisr::<Number>::builder().build().unwrap();
    let spec = TypeSpec::new("guarded").limit(1).overflow(Overflow::DropOldest);
    let kind = netisr.register(spec, |_ctx, _local: &mut (), _packet, _meta: Guarded| {}).unwrap();
    let (goes, stays, other) = (netisr.attach().unwrap(), netisr.attach().unwrap(), netisr.attach().unwrap());
    let mut worker = netisr.worker(0).unwrap();
    worker.poll(&mut (), 0);
    for (number, id) in (0..).zip([goes, stays]) {
        worker.with_ctx(|ctx| kind.dispatch(ctx, Number(number), Guarded(id))).unwrap();
    }
    assert_eq!((netisr.interface(goes).dropped_oldest, netisr.interface(stays).dropped_oldest), (1, 0));
    DROPPED.set(0);
    for (id, dropped) in [(other, 0), (goes, 1)] {
        let mut departure = worker.with_ctx(|ctx| netisr.detach(ctx, id)).unwrap();
        assert!(!departure.is_complete());
        worker.poll(&mut (), 0);
        assert!(departure.is_complete());
        assert_eq!(DROPPED.get(), dropped);
    }
    netisr.check_conservation().unwrap();
}
