//! An order that concerns one interface looks at what may name it, in its place, and at nothing else.

use std::cell::Cell;

use siding_lockorder::Root;
use siding_netisr::IfId;
use siding_netisr::Metadata;
use siding_netisr::Netisr;
use siding_netisr::Packet;
use siding_netisr::PacketType;
use siding_netisr::TypeSpec;
use siding_netisr::Worker;

thread_local! {
    /// How often a packet was asked what it names.
    static ASKED: Cell<u32> = const { Cell::new(0) };
}

struct Bare;

impl Packet for Bare {
    fn interfaces(&self, _visit: &mut impl FnMut(IfId)) {}
}

struct Out(IfId);

impl Metadata for Out {
    fn interfaces(&self, visit: &mut impl FnMut(IfId)) {
        ASKED.set(ASKED.get() + 1);
        visit(self.0);
    }
}

fn asked(work: impl FnOnce()) -> u32 {
    ASKED.set(0);
    work();
    ASKED.get()
}

/// Two interfaces whose slots are 64 apart cannot be told apart without a look.
#[test]
fn g5_a_look_at_very_much_is_taken_in_parts_and_comes_to_its_end() {
    const EACH: u32 = 32_767;
    const AT_ONCE: u32 = 65_536;
    let netisr = Netisr::<Bare>::builder().build().unwrap();
    let register = |name: &str| -> PacketType<Bare, Out> {
        netisr.register(TypeSpec::new(name).limit(EACH), |_ctx, _local: &mut (), _bare, _out| {}).unwrap()
    };
    let kinds = ["a", "b", "c", "d", "e"].map(register);
    let ids: Vec<_> = (0..65).map(|_| netisr.attach().unwrap()).collect();
    let mut worker: Worker<Bare> = netisr.worker(0).unwrap();
    worker.poll(&mut (), 0);
    for kind in &kinds {
        worker.with_ctx(|ctx| (0..EACH).for_each(|_| kind.dispatch(ctx, Bare, Out(ids[64])).ok().unwrap()));
    }
    let mut departure = worker.with_ctx(|ctx| netisr.detach(ctx, ids[0])).unwrap();
    let mut all = 0;
    let polls = (0..10).find(|_| {
        // There is always another order.
        netisr.call_workers();
        let asked = asked(|| _ = worker.poll(&mut (), 0));
        assert!(asked <= AT_ONCE, "{asked} in one poll");
        all += asked;
        departure.is_complete()
    });
    assert_eq!((polls, all), (Some(2), 5 * EACH), "each was looked at once");
    // Whoever comes by in the worker's stead looks at all of them.
    drop(worker);
    let mut root = Root::new();
    let mut departure = None;
    let asked = asked(|| departure = netisr.detach(&root.enter().unwrap().ctx(), ids[64]).ok());
    assert!(departure.unwrap().is_complete() && asked >= 5 * EACH);
    assert!(netisr.types().iter().all(|kind| kind.total().departed == u64::from(EACH)));
}

#[test]
fn g5_what_cannot_name_an_interface_is_not_looked_at() {
    const EACH: u32 = 3000;
    let netisr = Netisr::<Bare>::builder().build().unwrap();
    let register = |name: &str| -> PacketType<Bare, Out> {
        netisr.register(TypeSpec::new(name).limit(EACH + 1), |_ctx, _local: &mut (), _bare, _out| {}).unwrap()
    };
    let kinds = ["a", "b", "c"].map(register);
    let (stays, goes, other) = (netisr.attach().unwrap(), netisr.attach().unwrap(), netisr.attach().unwrap());
    let mut worker: Worker<Bare> = netisr.worker(0).unwrap();
    worker.poll(&mut (), 0);
    let dispatch = |worker: &mut Worker<Bare>, kind: &PacketType<Bare, Out>, id| {
        worker.with_ctx(|ctx| kind.dispatch(ctx, Bare, Out(id))).map_err(|refused| refused.cause).unwrap();
    };
    for kind in &kinds {
        (0..EACH).for_each(|_| dispatch(&mut worker, kind, stays));
    }
    let registered = asked(|| {
        register("d");
        worker.poll(&mut (), 0);
    });
    assert_eq!(registered, 0, "a registration concerns no interface");
    let unrelated = asked(|| {
        let mut departure = worker.with_ctx(|ctx| netisr.detach(ctx, other)).unwrap();
        worker.poll(&mut (), 0);
        assert!(departure.is_complete());
    });
    assert_eq!(unrelated, 0, "nothing names that interface");
    dispatch(&mut worker, &kinds[1], goes);
    let related = asked(|| {
        let mut departure = worker.with_ctx(|ctx| netisr.detach(ctx, goes)).unwrap();
        worker.poll(&mut (), 0);
        assert!(departure.is_complete());
    });
    assert_eq!(related, EACH + 1, "one queue is looked through, once");
    let handled = asked(|| while worker.poll(&mut (), 64).more {});
    // One in 64 is timed, and looked up apart.
    assert!(handled <= 3 * EACH + 3 * EACH / 32, "what stays costs nothing more: {handled}");
    netisr.check_conservation().unwrap();
    let total = netisr.types()[1].total();
    assert_eq!((total.handled, total.departed), (u64::from(EACH), 1));
}
