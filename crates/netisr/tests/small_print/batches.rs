//! Batches go where their packets would have gone one by one; and marks that come in the middle of a dispatch.

use std::sync::Arc;
use std::sync::Mutex;

use siding_netisr::Cause;
use siding_netisr::Departure;
use siding_netisr::IfId;
use siding_netisr::Metadata;
use siding_netisr::Netisr;
use siding_netisr::PacketType;
use siding_netisr::TypeSpec;
use siding_netisr::Worker;

use super::rig::Facility;
use super::rig::Frame;
use super::rig::Kind;
use super::rig::Seen;
use super::rig::Spec;
use super::rig::outside;
use super::rig::poll;
use super::rig::register;
use super::rig::settled;

fn facility(workers: usize) -> Facility {
    Netisr::builder().workers(workers).interfaces(12).build().unwrap()
}

/// What each worker handles of a batch, and of the same packets one by one.
fn both_ways(netisr: &Facility, kind: &Kind, own: Option<usize>, ids: &[IfId]) -> [Vec<Vec<u32>>; 2] {
    let mut workers: Vec<_> = (0..netisr.workers()).map(|index| settled(netisr, index)).collect();
    let packets = || (0..).zip(ids).map(|(number, id)| (Frame(number), *id));
    let mut batch: Vec<_> = packets().map(Some).collect();
    let mut send = |work: &mut dyn FnMut(&siding_lockorder::Ctx<'_, siding_lockorder::Unlocked>)| {
        match own {
            Some(own) => workers[own].with_ctx(|ctx| work(ctx)),
            None => outside(|ctx| work(ctx)),
        }
        workers.iter_mut().map(|worker| poll(worker, 64).0).collect::<Vec<_>>()
    };
    let together = send(&mut |ctx| assert_eq!(kind.dispatch_batch(ctx, &mut batch), ids.len()));
    let apart = send(&mut |ctx| {
        for (frame, id) in packets() {
            kind.dispatch(ctx, frame, id).unwrap();
        }
    });
    assert!(batch.iter().all(Option::is_none));
    [together, apart]
}

#[test]
fn a_batch_goes_where_its_packets_would_go() {
    let netisr = facility(4);
    let ids: Vec<_> = (0..4).map(|_| netisr.attach().unwrap()).collect();
    let mixed = [ids[0], ids[0], ids[1], ids[3], IfId::NONE, ids[1], ids[2]];
    let kinds = [
        register(&netisr, Spec::new("by interface")),
        register(&netisr, Spec::new("by key").flow_key(|frame, _| u64::from(frame.0 / 2))),
        register(&netisr, Spec::new("shared").share(9)),
    ];
    for kind in &kinds {
        for own in [None, Some(0), Some(2)] {
            let [together, apart] = both_ways(&netisr, kind, own, &mixed);
            assert_eq!(together, apart, "{kind:?} from {own:?}");
            assert_eq!(together.iter().flatten().count(), mixed.len());
        }
    }
}

#[test]
fn a_share_is_a_share_in_a_batch_too() {
    let netisr = facility(1);
    let (one, other) = (netisr.attach().unwrap(), netisr.attach().unwrap());
    let kind = register(&netisr, Spec::new("test").share(2));
    let mut batch: Vec<_> =
        (0..).zip([one, one, one, other, one]).map(|(n, id)| Some((Frame(n), id))).collect();
    assert_eq!(outside(|ctx| kind.dispatch_batch(ctx, &mut batch)), 3);
    let left: Vec<_> = batch.iter().flatten().map(|(frame, _)| frame.0).collect();
    assert_eq!(left, [2, 4]);
    assert_eq!(netisr.types()[0].total().refused.of(Cause::Share), 2);
}

/// Metadata with up to two interfaces. When it is asked for them it has one detached, after it has named them.
struct Trap {
    ids: Vec<IfId>,
    sprung: Option<(Arc<Hunter>, IfId)>,
}

/// What traps detach with, and the departures that come of it.
struct Hunter {
    netisr: Netisr<Frame, Seen>,
    prey: Mutex<Vec<Departure<Frame, Seen>>>,
}

impl Metadata for Trap {
    fn interfaces(&self, visit: &mut impl FnMut(IfId)) {
        self.ids.iter().for_each(|id| visit(*id));
        if let Some((hunter, id)) = &self.sprung
            && hunter.netisr.is_attached(*id)
        {
            // This thread may hold a token already: another has one of its own.
            let departure = std::thread::scope(|scope| {
                scope.spawn(|| outside(|ctx| hunter.netisr.detach(ctx, *id).unwrap())).join().unwrap()
            });
            hunter.prey.lock().unwrap().push(departure);
        }
    }
}

struct Trapped {
    hunter: Arc<Hunter>,
    kind: PacketType<Frame, Trap, Seen>,
    worker: Worker<Frame, Seen>,
}

impl Trapped {
    fn new() -> Trapped {
        let netisr = facility(1);
        let kind = netisr
            .register(TypeSpec::new("test"), |_ctx, seen: &mut Seen, frame: Frame, _: Trap| {
                seen.0.push(frame.0)
            })
            .unwrap();
        let worker = settled(&netisr, 0);
        Trapped { hunter: Arc::new(Hunter { netisr, prey: Mutex::default() }), kind, worker }
    }

    fn attach(&self) -> IfId {
        self.hunter.netisr.attach().unwrap()
    }

    fn trap(&self, id: IfId) -> Trap {
        Trap { ids: vec![id], sprung: Some((self.hunter.clone(), id)) }
    }

    /// Whatever was detached has gone, with nothing of it left; these were handled.
    fn finish(mut self, handled: &[u32]) {
        assert_eq!(poll(&mut self.worker, 64).0, handled);
        assert_eq!(poll(&mut self.worker, 64).0, [0; 0]);
        let prey = std::mem::take(&mut *self.hunter.prey.lock().unwrap());
        assert!(!prey.is_empty());
        for mut departure in prey {
            assert!(departure.is_complete(), "{}", departure.holders());
        }
        let total = self.hunter.netisr.types()[0].total();
        assert_eq!((total.resident, total.reserved), (0, 0));
        assert_eq!((total.accepted, total.handled), (handled.len() as u64, handled.len() as u64));
        self.hunter.netisr.check_conservation().unwrap();
    }
}

#[test]
fn a_mark_between_look_and_claim_is_seen_by_the_second_look() {
    let rig = Trapped::new();
    let id = rig.attach();
    let refused = outside(|ctx| rig.kind.dispatch(ctx, Frame(1), rig.trap(id))).unwrap_err();
    assert_eq!((refused.packet.0, refused.cause), (1, Cause::Departed));
    rig.finish(&[]);
}

#[test]
fn it_is_seen_by_a_permits_second_look() {
    let rig = Trapped::new();
    let id = rig.attach();
    let permit = outside(|ctx| rig.kind.reserve(ctx, None)).unwrap();
    let refused = outside(|ctx| permit.dispatch(ctx, Frame(1), rig.trap(id))).unwrap_err();
    assert_eq!((refused.packet.0, refused.cause), (1, Cause::Departed));
    rig.finish(&[]);
}

#[test]
fn a_batch_loses_only_the_packets_of_the_one_that_was_marked() {
    let rig = Trapped::new();
    let (stays, goes) = (rig.attach(), rig.attach());
    let plain = |id| Trap { ids: vec![id], sprung: None };
    let springs = Trap { ids: vec![stays], sprung: Some((rig.hunter.clone(), goes)) };
    let metas = [plain(stays), plain(goes), plain(stays), plain(goes), springs, plain(stays)];
    let mut batch: Vec<_> = (0..).zip(metas).map(|(number, meta)| Some((Frame(number), meta))).collect();
    assert_eq!(outside(|ctx| rig.kind.dispatch_batch(ctx, &mut batch)), 4);
    let left: Vec<_> = batch.iter().flatten().map(|(frame, _)| frame.0).collect();
    assert_eq!(left, [1, 3]);
    assert_eq!(rig.hunter.netisr.types()[0].total().refused.of(Cause::Departed), 2);
    rig.finish(&[0, 2, 4, 5]);
}

#[test]
fn strangers_may_name_eight_interfaces() {
    let rig = Trapped::new();
    let ids: Vec<_> = (0..9).map(|_| rig.attach()).collect();
    let meta = |count: usize| Trap { ids: [&ids[..count], &ids[..count]].concat(), sprung: None };
    outside(|ctx| {
        assert!(rig.kind.dispatch(ctx, Frame(1), meta(8)).is_ok(), "each counts once");
        let refused = rig.kind.dispatch(ctx, Frame(2), meta(9)).unwrap_err();
        assert_eq!(refused.cause, Cause::TooManyInterfaces);
        let permit = rig.kind.reserve(ctx, None).unwrap();
        assert_eq!(permit.dispatch(ctx, Frame(3), meta(9)).unwrap_err().cause, Cause::TooManyInterfaces);
    });
    rig.hunter.prey.lock().unwrap().push(outside(|ctx| rig.hunter.netisr.detach(ctx, ids[8])).unwrap());
    rig.finish(&[1]);
}
