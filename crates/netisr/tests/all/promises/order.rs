//! Permits keep to the order of their flow, and a flush ends at once.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::OnceLock;

use siding_lockorder::Root;
use siding_netisr::Cause;
use siding_netisr::IfId;
use siding_netisr::Local;
use siding_netisr::Netisr;
use siding_netisr::Packet;
use siding_netisr::PacketType;
use siding_netisr::Pending;
use siding_netisr::TypeSpec;

/// A number, and the flow that it belongs to.
struct Numbered(u32, u64);

impl Packet for Numbered {
    fn interfaces(&self, _visit: &mut impl FnMut(IfId)) {}
}

/// What one worker was given, in order.
#[derive(Default)]
struct Seen(Vec<u32>);

impl Local for Seen {
    fn depart(&mut self, _stays: &dyn Fn(IfId) -> bool) {}
}

const WORKERS: usize = 4;

fn facility() -> Netisr<Numbered, Seen> {
    Netisr::builder().workers(WORKERS).build().unwrap()
}

fn register(
    netisr: &Netisr<Numbered, Seen>,
    spec: TypeSpec<Numbered, IfId>,
) -> PacketType<Numbered, IfId, Seen> {
    netisr.register(spec, |_ctx, seen: &mut Seen, packet, _out| seen.0.push(packet.0)).unwrap()
}

/// What each worker is given when all are polled.
fn poll_all(netisr: &Netisr<Numbered, Seen>) -> Vec<Vec<u32>> {
    let poll = |index| {
        let (mut worker, mut seen) = (netisr.worker(index).unwrap(), Seen::default());
        while worker.poll(&mut seen, 64).more {}
        seen.0
    };
    (0..WORKERS).map(poll).collect()
}

#[test]
fn g8_a_permit_from_outside_goes_where_a_dispatch_would() {
    let netisr = facility();
    let kind = register(&netisr, TypeSpec::new("plain").limit(3));
    let interfaces: Vec<_> = (0..16).map(|_| netisr.attach().unwrap()).collect();
    let mut used = std::collections::HashSet::new();
    for out in interfaces {
        let mut root = Root::new();
        let mut entered = root.enter().unwrap();
        let permit = kind.reserve(&entered.ctx(), Some(7)).unwrap();
        kind.dispatch(&entered.ctx(), Numbered(1, 0), out).unwrap();
        permit.dispatch(&entered.ctx(), Numbered(2, 0), out).unwrap();
        drop(entered);
        let seen = poll_all(&netisr);
        let at = seen.iter().position(|seen| !seen.is_empty()).unwrap();
        assert_eq!(seen[at], [1, 2], "of one interface, in order");
        assert_eq!(seen.iter().flatten().count(), 2);
        used.insert(at);
    }
    assert!(used.len() > 1, "the interfaces are spread over workers");
    let reserved: u64 = netisr.types()[0].workers.iter().map(|lane| lane.reserved).sum();
    assert_eq!(reserved, 0, "all room is given back");
    netisr.check_conservation().unwrap();
}

#[test]
fn g8_room_that_is_not_everywhere_is_given_back() {
    let netisr = facility();
    let kind = register(&netisr, TypeSpec::new("plain").limit(1));
    let mut worker = netisr.worker(2).unwrap();
    worker.with_ctx(|ctx| kind.dispatch(ctx, Numbered(1, 0), IfId::NONE)).unwrap();
    let mut root = Root::new();
    let mut entered = root.enter().unwrap();
    assert_eq!(kind.reserve(&entered.ctx(), None).err(), Some(Cause::Full));
    assert!(netisr.types()[0].workers.iter().all(|lane| lane.reserved == 0));
    drop(entered);
    worker.poll(&mut Seen::default(), 64);
    let mut entered = root.enter().unwrap();
    let permit = kind.reserve(&entered.ctx(), None).unwrap();
    assert!(netisr.types()[0].workers.iter().all(|lane| lane.reserved == 1));
    drop(permit);
    assert!(netisr.types()[0].workers.iter().all(|lane| lane.reserved == 0));
}

#[test]
fn g8_a_permit_of_another_flow_is_refused() {
    let netisr = facility();
    let kind = register(&netisr, TypeSpec::new("keyed").limit(4).flow_key(|packet, _out| packet.1));
    let mut root = Root::new();
    let mut entered = root.enter().unwrap();
    let ctx = entered.ctx();
    for key in 0..20 {
        let permit = kind.reserve(&ctx, Some(key)).unwrap();
        let refused = permit.dispatch(&ctx, Numbered(3, key + 1), IfId::NONE).unwrap_err();
        assert_eq!((refused.cause, refused.packet.0), (Cause::OtherFlow, 3));
        // The right one, and one that was reserved before its flow was known.
        let permits = [Some(key), None].map(|key| kind.reserve(&ctx, key).unwrap());
        for (number, permit) in (1..).zip(permits) {
            permit.dispatch(&ctx, Numbered(number, key), IfId::NONE).unwrap();
        }
        let total = netisr.types()[0].total();
        assert_eq!((total.resident, total.reserved), (2 * (key + 1), 0));
        if key % 2 == 1 {
            break;
        }
    }
    drop(entered);
    assert!(poll_all(&netisr).iter().all(|seen| seen.chunks(2).all(|two| two == [1, 2])));
    assert_eq!(netisr.types()[0].total().refused.of(Cause::OtherFlow), 2);
}

#[test]
fn g8_a_workers_permit_is_for_that_worker() {
    let netisr = facility();
    let kind = register(&netisr, TypeSpec::new("plain"));
    let mut workers = [0, 1].map(|index| netisr.worker(index).unwrap());
    let permits = [(); 2].map(|()| workers[0].with_ctx(|ctx| kind.reserve(ctx, None)).unwrap());
    let [here, there] = permits;
    workers[0].with_ctx(|ctx| here.dispatch(ctx, Numbered(1, 0), IfId::NONE)).unwrap();
    let refused = workers[1].with_ctx(|ctx| there.dispatch(ctx, Numbered(2, 0), IfId::NONE)).unwrap_err();
    assert_eq!(refused.cause, Cause::OtherFlow);
    assert_eq!(netisr.types()[0].total().reserved, 0);
}

#[test]
fn g6_a_flush_from_the_types_own_handler_is_the_handlers_last_call() {
    // With and without shares: there are two loops.
    for share in [None, Some(100)] {
        let netisr = Netisr::<Numbered>::builder().build().unwrap();
        let own = Arc::<OnceLock<PacketType<Numbered, (), ()>>>::default();
        let calls = Arc::new(Mutex::new(0));
        let (facility, this, counted) = (netisr.clone(), own.clone(), calls.clone());
        let mut spec = TypeSpec::new("once");
        if let Some(share) = share {
            spec = spec.share(share);
        }
        let kind = netisr
            .register(spec, move |ctx, _local: &mut (), _packet, _meta| {
                *counted.lock().unwrap() += 1;
                // The facility keeps what is under way when this is dropped.
                drop(facility.unregister(ctx, this.get().unwrap(), Pending::Flush));
            })
            .unwrap();
        own.set(kind.clone()).ok().unwrap();
        let mut worker = netisr.worker(0).unwrap();
        worker.poll(&mut (), 64);
        for number in 0..100 {
            worker.with_ctx(|ctx| kind.dispatch(ctx, Numbered(number, 0), ())).unwrap();
        }
        assert_eq!(worker.poll(&mut (), 64).handled, 1);
        (0..5).for_each(|_| _ = worker.poll(&mut (), 64));
        assert_eq!(*calls.lock().unwrap(), 1, "the handler ran after the flush");
        if let Some(report) = netisr.types().first() {
            assert_eq!((report.total().handled, report.total().flushed), (1, 99));
        }
    }
}
