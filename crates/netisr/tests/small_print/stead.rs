//! What is done in the stead of a worker that nobody holds, when somebody asks for a departure.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use siding_netisr::Fate;
use siding_netisr::IfId;
use siding_netisr::Metadata;
use siding_netisr::Netisr;
use siding_netisr::OnPanic;
use siding_netisr::PacketType;
use siding_netisr::TypeSpec;

use super::rig::Facility;
use super::rig::Frame;
use super::rig::Seen;
use super::rig::outside;
use super::rig::poll;

/// Names an interface; and does something else when it is asked, once it is armed.
struct Asked {
    id: IfId,
    armed: Arc<AtomicBool>,
    then: fn(),
}

impl Metadata for Asked {
    fn interfaces(&self, visit: &mut impl FnMut(IfId)) {
        visit(self.id);
        if self.armed.load(Ordering::Acquire) {
            (self.then)();
        }
    }
}

type Kind = PacketType<Frame, Asked, Seen>;
type Spec = TypeSpec<Frame, Asked>;

fn register(netisr: &Facility, spec: Spec) -> Kind {
    netisr.register(spec, |_ctx, seen: &mut Seen, frame: Frame, _: Asked| seen.0.push(frame.0)).unwrap()
}

fn send(kind: &Kind, number: u32, id: IfId, armed: &Arc<AtomicBool>, then: fn()) {
    let meta = Asked { id, armed: armed.clone(), then };
    outside(|ctx| kind.dispatch(ctx, Frame(number), meta)).map_err(|refused| refused.cause).unwrap();
}

fn panic_in_silence() {
    std::panic::resume_unwind(Box::new("asked"));
}

#[test]
fn what_went_meanwhile_is_dropped_by_the_next_poll_though_nothing_was_ordered() {
    for share in [None, Some(1)] {
        let netisr: Facility = Netisr::builder().interfaces(2).build().unwrap();
        let told = Arc::<Mutex<Vec<_>>>::default();
        let tell = told.clone();
        let spec = Spec::new("test")
            .on_drop(move |fate, frame: Frame, _| tell.lock().unwrap().push((fate, frame.0)));
        let kind = register(&netisr, share.map_or(spec, |share| Spec::new("test").share(share)));
        let (stays, goes) = (netisr.attach().unwrap(), netisr.attach().unwrap());
        let quiet = Arc::<AtomicBool>::default();
        send(&kind, 1, goes, &quiet, || {});
        let mut departure = outside(|ctx| netisr.detach(ctx, goes)).unwrap();
        assert!(departure.is_complete(), "{}", departure.holders());
        assert!(told.lock().unwrap().is_empty(), "nobody is polled");
        let mut worker = netisr.worker(0).unwrap();
        assert_eq!(poll(&mut worker, 64).0, [0; 0]);
        if share.is_none() {
            assert_eq!(*told.lock().unwrap(), [(Fate::Departed, 1)]);
        }
        // And the lane is as it was before: what is handled gives its share back.
        for number in 2..6 {
            send(&kind, number, stays, &quiet, || {});
            assert_eq!(poll(&mut worker, 64).0, [number]);
        }
    }
}

#[test]
fn a_packet_that_panics_in_a_workers_stead_does_not_hide_those_behind_it() {
    let netisr: Facility = Netisr::builder().interfaces(2).build().unwrap();
    let kind = register(&netisr, Spec::new("test").on_panic(OnPanic::GoOn));
    let goes = netisr.attach().unwrap();
    let armed = Arc::<AtomicBool>::default();
    send(&kind, 1, goes, &armed, panic_in_silence);
    send(&kind, 2, goes, &armed, || {});
    armed.store(true, Ordering::Release);
    let mut departure = outside(|ctx| netisr.detach(ctx, goes)).unwrap();
    while !departure.is_complete() {}
    let total = netisr.types()[0].total();
    assert_eq!((total.departed, total.resident), (2, 0), "complete is complete");
}

#[test]
fn a_packet_that_always_panics_when_it_is_asked_departs() {
    let netisr: Facility = Netisr::builder().interfaces(2).build().unwrap();
    let kind = register(&netisr, Spec::new("test").on_panic(OnPanic::GoOn));
    let id = netisr.attach().unwrap();
    let mut worker = super::rig::settled(&netisr, 0);
    let armed = Arc::<AtomicBool>::default();
    send(&kind, 1, id, &armed, panic_in_silence);
    send(&kind, 2, id, &armed, || {});
    armed.store(true, Ordering::Release);
    // The poll that meets it ends there.
    let polls: Vec<_> = (0..3).map(|_| poll(&mut worker, 64).0).collect();
    assert_eq!(polls.concat(), [2]);
    let total = netisr.types()[0].total();
    assert_eq!((total.departed, total.handled, total.resident), (1, 1, 0));
}

/// Where the two threads of the next test have come to.
static LOOKING: AtomicBool = AtomicBool::new(false);
static CLAIMING: AtomicBool = AtomicBool::new(false);

#[test]
fn who_only_comes_by_in_a_workers_stead_is_not_in_the_way_of_who_wants_it() {
    // The patience with a visitor has an end, so one that the machine lets wait may be in the way now and then.
    let claims = (0..50).filter(|_| is_claimed_during_a_visit()).count();
    assert!(claims >= 25, "{claims} of 50");
}

fn is_claimed_during_a_visit() -> bool {
    let netisr: Facility = Netisr::builder().interfaces(2).build().unwrap();
    let kind = register(&netisr, Spec::new("test"));
    let goes = netisr.attach().unwrap();
    let armed = Arc::<AtomicBool>::default();
    send(&kind, 1, goes, &armed, || {
        LOOKING.store(true, Ordering::Release);
        while !CLAIMING.load(Ordering::Acquire) {
            std::thread::yield_now();
        }
    });
    armed.store(true, Ordering::Release);
    LOOKING.store(false, Ordering::Release);
    CLAIMING.store(false, Ordering::Release);
    std::thread::scope(|scope| {
        scope.spawn(|| outside(|ctx| netisr.detach(ctx, goes)).unwrap().is_complete());
        while !LOOKING.load(Ordering::Acquire) {
            std::thread::yield_now();
        }
        CLAIMING.store(true, Ordering::Release);
        netisr.worker(0).is_some()
    })
}
