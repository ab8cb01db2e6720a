//! Batches go where their packets would have gone one by one; and marks that come in the middle of a dispatch.

use std::sync::Arc;
use std::sync::Mutex;

use siding_netisr::Cause;
use siding_netisr::Departure;
use siding_netisr::IfId;
use siding_netisr::Metadata;
use siding_netisr::Netisr;
use siding_netisr::PacketType;
use siding_netisr::Traced;
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

/// An interface is marked after its packet was looked at, and before the batch is claimed. The others are queued before
/// anybody's code runs again: not for the question what they name, nor for the trace.
#[test]
fn a_batch_that_is_caught_by_a_mark_holds_nobody_up() {
    /// What was asked of packets, by their numbers, and what was handled of them.
    #[derive(Default)]
    struct Notes {
        asked: Vec<u32>,
        handled: Vec<u32>,
        at_trace: Option<(Vec<u32>, Vec<u32>)>,
    }

    /// A trap that says when it is asked.
    struct Asked(u32, Trap, Arc<Mutex<Notes>>);

    impl Metadata for Asked {
        fn interfaces(&self, visit: &mut impl FnMut(IfId)) {
            self.2.lock().unwrap().asked.push(self.0);
            self.1.interfaces(visit);
        }
    }

    let netisr = facility(1);
    let (stays, goes) = (netisr.attach().unwrap(), netisr.attach().unwrap());
    let notes = Arc::<Mutex<Notes>>::default();
    let worker = Arc::new(Mutex::new(settled(&netisr, 0)));
    let (log, by) = (notes.clone(), worker.clone());
    let spec = TypeSpec::new("caught").trace(move |traced, _frame: &Frame, _meta: &Asked| {
        if traced == Traced::Refused(Cause::Departed) {
            let asked = log.lock().unwrap().asked.clone();
            // The worker comes by meanwhile, on a thread of its own.
            let poll = || _ = by.lock().unwrap().poll(&mut Seen::default(), 64);
            std::thread::scope(|scope| scope.spawn(poll).join().unwrap());
            let mut notes = log.lock().unwrap();
            notes.at_trace = Some((asked, notes.handled.clone()));
        }
    });
    let log = notes.clone();
    let kind = netisr
        .register(spec, move |_ctx, _seen: &mut Seen, frame: Frame, _meta: Asked| {
            log.lock().unwrap().handled.push(frame.0);
        })
        .unwrap();
    worker.lock().unwrap().poll(&mut Seen::default(), 64);
    let hunter = Arc::new(Hunter { netisr: netisr.clone(), prey: Mutex::default() });
    let ids = [stays, goes, IfId::NONE, stays, stays];
    let mut batch: Vec<_> = (0..)
        .zip(ids)
        .map(|(number, id)| {
            let sprung = (number == 3).then(|| (hunter.clone(), goes));
            Some((Frame(number), Asked(number, Trap { ids: vec![id], sprung }, notes.clone())))
        })
        .collect();
    assert_eq!(outside(|ctx| kind.dispatch_batch(ctx, &mut batch)), 4);
    let left: Vec<_> = batch.iter().flatten().map(|(frame, _)| frame.0).collect();
    assert_eq!(left, [1]);
    let (asked, handled) = notes.lock().unwrap().at_trace.take().unwrap();
    assert_eq!(handled, [0, 2, 3, 4], "all that stays is there when the refusal is shown");
    assert_eq!(asked[..5], [0, 1, 2, 3, 4], "each was asked once before the claim");
    assert!(asked[5..].iter().all(|number| *number == 1), "nobody between claim and last place: {asked:?}");
    netisr.check_conservation().unwrap();
}

/// A longer batch than is decided in one go: it is still the last ones that are refused.
#[test]
fn of_a_long_batch_the_last_ones_are_refused() {
    let netisr = facility(1);
    let kind = register(&netisr, Spec::new("long").limit(100));
    let mut batch: Vec<_> = (0..300).map(|number| Some((Frame(number), IfId::NONE))).collect();
    assert_eq!(outside(|ctx| kind.dispatch_batch(ctx, &mut batch)), 100);
    assert!(batch[..100].iter().all(Option::is_none) && batch[100..].iter().all(Option::is_some));
    assert_eq!(netisr.types()[0].total().refused.of(Cause::Full), 200);
    let mut worker = settled(&netisr, 0);
    let mut handled = poll(&mut worker, 64).0;
    handled.extend(poll(&mut worker, 64).0);
    assert!(handled.iter().copied().eq(0..100));
}
