//! Handlers that panic: by the embedder's choice, and never in silence.

use std::cell::Cell;
use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;
use std::process::Command;
use std::sync::Arc;
use std::sync::Mutex;

use siding_netisr::Cause;
use siding_netisr::IfId;
use siding_netisr::Local;
use siding_netisr::Metadata;
use siding_netisr::Netisr;
use siding_netisr::OnPanic;
use siding_netisr::Packet;
use siding_netisr::PacketType;
use siding_netisr::Pending;
use siding_netisr::TypeSpec;
use siding_netisr::Worker;

struct Number(u32);

impl Packet for Number {
    fn interfaces(&self, _visit: &mut impl FnMut(IfId)) {}
}

type Told = Arc<Mutex<Vec<(String, Option<String>, OnPanic)>>>;

struct Rig {
    netisr: Netisr<Number>,
    kind: PacketType<Number, ()>,
    worker: Worker<Number>,
    handled: Arc<Mutex<Vec<u32>>>,
    told: Told,
}

/// A facility whose handler panics at every packet that is a multiple of 3.
fn rig(all: OnPanic, one: Option<OnPanic>) -> Rig {
    let told = Told::default();
    let tell = told.clone();
    let netisr = Netisr::<Number>::builder()
        .on_panic(all)
        .report_panics(move |panicked| {
            assert_eq!(panicked.worker, 0);
            let message = panicked.message.map(String::from);
            tell.lock().unwrap().push((panicked.name.into(), message, panicked.policy));
        })
        .build()
        .unwrap();
    let mut spec = TypeSpec::new("threes").limit(10);
    if let Some(policy) = one {
        spec = spec.on_panic(policy);
    }
    let handled = Arc::<Mutex<Vec<u32>>>::default();
    let log = handled.clone();
    let kind = netisr
        .register(spec, move |_ctx, _local: &mut (), Number(number), _meta: ()| {
            log.lock().unwrap().push(number);
            if number % 3 == 0 {
                std::panic::resume_unwind(Box::new(format!("at {number}"))); // A panic that prints nothing.
            }
        })
        .unwrap();
    let worker = netisr.worker(0).unwrap();
    let mut rig = Rig { netisr, kind, worker, handled, told };
    for number in 1..=7 {
        rig.dispatch(number).unwrap();
    }
    rig
}

impl Rig {
    fn dispatch(&mut self, number: u32) -> Result<(), Cause> {
        let kind = &self.kind;
        self.worker.with_ctx(|ctx| kind.dispatch(ctx, Number(number), ())).map_err(|refused| refused.cause)
    }

    /// How often polls panicked until nothing is left.
    fn poll(&mut self) -> usize {
        let mut panics = 0;
        for _ in 0..10 {
            panics += usize::from(catch_unwind(AssertUnwindSafe(|| self.worker.poll(&mut (), 64))).is_err());
        }
        assert!(self.worker.prepare_sleep(), "something waits");
        self.worker.awake();
        panics
    }

    fn check(&self, handled: &[u32], flushed: u64) {
        assert_eq!(*self.handled.lock().unwrap(), handled);
        self.netisr.check_conservation().unwrap();
        let total = self.netisr.types()[0].total();
        assert_eq!((total.handled, total.flushed), (handled.len() as u64, flushed));
        let panics = handled.iter().filter(|number| *number % 3 == 0).count();
        assert_eq!(total.panicked, panics as u64);
        let told = self.told.lock().unwrap();
        assert_eq!(told.len(), panics);
        for ((name, message, _), number) in told.iter().zip([3, 6]) {
            assert_eq!(
                (name.as_str(), message.as_deref()),
                ("threes", Some(format!("at {number}").as_str()))
            );
        }
    }
}

#[test]
fn a_panic_goes_out_of_the_poll_unless_told_otherwise() {
    let mut rig = rig(OnPanic::default(), None);
    assert_eq!(rig.poll(), 2);
    rig.check(&[1, 2, 3, 4, 5, 6, 7], 0);
    assert_eq!(rig.told.lock().unwrap()[0].2, OnPanic::Unwind);
}

#[test]
fn a_worker_goes_on_with_the_next_packet() {
    let mut rig = rig(OnPanic::GoOn, None);
    let polled = rig.worker.poll(&mut (), 64);
    assert_eq!(polled.handled, 3, "a poll counts what it has handled");
    assert_eq!(rig.poll(), 0);
    rig.check(&[1, 2, 3, 4, 5, 6, 7], 0);
}

#[test]
fn a_type_is_stopped() {
    let mut rig = rig(OnPanic::Unwind, Some(OnPanic::StopType));
    let permit = {
        let kind = &rig.kind;
        rig.worker.with_ctx(|ctx| kind.reserve(ctx, None)).unwrap()
    };
    assert_eq!(rig.poll(), 0, "the type's own choice");
    rig.check(&[1, 2, 3], 4);
    assert_eq!(rig.dispatch(8), Err(Cause::Stopped));
    let mut batch = [Some((Number(9), ()))];
    let kind = &rig.kind;
    assert_eq!(rig.worker.with_ctx(|ctx| kind.dispatch_batch(ctx, &mut batch)), 0);
    assert_eq!(rig.worker.with_ctx(|ctx| kind.reserve(ctx, None)).err(), Some(Cause::Stopped));
    assert_eq!(rig.netisr.types()[0].total().refused.of(Cause::Stopped), 3);
    // A permit that was given out before is good for a packet that is flushed.
    rig.worker.with_ctx(|ctx| permit.dispatch(ctx, Number(10), ())).map_err(|refused| refused.cause).unwrap();
    rig.poll();
    rig.check(&[1, 2, 3], 5);
    // It can be unregistered, and its name used again.
    let (netisr, kind) = (rig.netisr.clone(), rig.kind.clone());
    let mut leaving = rig.worker.with_ctx(|ctx| netisr.unregister(ctx, &kind, Pending::Drain)).unwrap();
    assert_eq!(rig.dispatch(11), Err(Cause::Closed));
    (0..3).for_each(|_| _ = rig.worker.poll(&mut (), 64));
    assert!(leaving.is_complete(), "{}", leaving.holders());
    rig.worker.poll(&mut (), 64);
    netisr.register(TypeSpec::new("threes"), |_ctx, _local: &mut (), _packet, _meta: ()| {}).unwrap();
}

#[test]
fn the_process_is_ended() {
    const CHILD: &str = "SIDING_TEST_ABORTS";
    if std::env::var_os(CHILD).is_some() {
        rig(OnPanic::Abort, None).poll();
        println!("still here");
        return;
    }
    assert_ends("the_process_is_ended", CHILD);
}

/// One of these tests, in a process of its own, which `child` tells what to do.
fn assert_ends(test: &str, child: &str) {
    // What the test is called there: the path without the program.
    let name = format!("{}::{test}", module_path!().split_once("::").unwrap().1);
    let program = std::env::current_exe().unwrap();
    let output =
        Command::new(program).args(["--exact", "--nocapture", &name]).env(child, "1").output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("running 1 test"), "{said}");
    assert!(!output.status.success() && !said.contains("still here"), "{said}");
}

/// What is thrown panics when it is dropped, and so does who is told of it: the choice holds.
#[test]
fn a_choice_holds_whatever_the_report_and_what_was_thrown_do() {
    const CHILD: &str = "SIDING_TEST_ABORTS_UNTOLD";
    struct Thrown(Arc<()>);

    impl Drop for Thrown {
        fn drop(&mut self) {
            assert!(Arc::strong_count(&self.0) > 1, "dropped twice");
            std::panic::resume_unwind(Box::new("what was thrown"));
        }
    }

    let life = Arc::new(());
    let poll = |policy: OnPanic| {
        let netisr = Netisr::<Number>::builder()
            .on_panic(policy)
            .report_panics(|_| std::panic::resume_unwind(Box::new("the report")))
            .build()
            .unwrap();
        let thrown = life.clone();
        let kind = netisr
            .register(TypeSpec::new("throws"), move |_ctx, _: &mut (), _, _: ()| {
                std::panic::resume_unwind(Box::new(Thrown(thrown.clone())));
            })
            .unwrap();
        let mut worker = netisr.worker(0).unwrap();
        for number in 0..3 {
            worker.with_ctx(|ctx| kind.dispatch(ctx, Number(number), ())).map_err(|_| ()).unwrap();
        }
        let outcomes: Vec<_> = (0..4)
            .map(|_| match catch_unwind(AssertUnwindSafe(|| worker.poll(&mut (), 64))) {
                Ok(polled) => Ok(polled.handled),
                Err(payload) => Err(std::mem::ManuallyDrop::new(payload).is::<Thrown>()),
            })
            .collect();
        netisr.check_conservation().unwrap();
        let total = netisr.types()[0].total();
        (outcomes, (total.handled, total.panicked, total.flushed))
    };
    if std::env::var_os(CHILD).is_some() {
        poll(OnPanic::Abort);
        println!("still here");
        return;
    }
    assert_eq!(poll(OnPanic::GoOn), (vec![Ok(1), Ok(1), Ok(1), Ok(0)], (3, 3, 0)));
    assert_eq!(poll(OnPanic::StopType), (vec![Ok(1), Ok(0), Ok(0), Ok(0)], (1, 1, 2)));
    assert_eq!(Arc::strong_count(&life), 1, "what was thrown is gone");
    let own = vec![Err(true), Err(true), Err(true), Ok(0)];
    assert_eq!(poll(OnPanic::Unwind), (own, (3, 3, 0)), "the handler's own panic goes on");
    assert_ends("a_choice_holds_whatever_the_report_and_what_was_thrown_do", CHILD);
}

thread_local! {
    /// How many more calls of the embedder's code go well before one panics; 0 is for ever.
    static FUSE: Cell<u32> = const { Cell::new(0) };
}

fn called() {
    let left = FUSE.get();
    FUSE.set(left.saturating_sub(1));
    if left == 1 {
        std::panic::resume_unwind(Box::new("the embedder's code"));
    }
}

/// Metadata that panics when it is asked or dropped, as the fuse has it.
struct Touchy {
    out: IfId,
    _live: Arc<()>,
}

impl Metadata for Touchy {
    fn interfaces(&self, visit: &mut impl FnMut(IfId)) {
        called();
        visit(self.out);
    }
}

impl Drop for Touchy {
    fn drop(&mut self) {
        called();
    }
}

struct Letting(Vec<u32>);

impl Local for Letting {
    fn depart(&mut self, _stays: &dyn Fn(IfId) -> bool) {
        called();
    }
}

#[test]
fn an_order_is_carried_out_whatever_panics_on_the_way() {
    for fuse in 1..30 {
        let netisr = Netisr::<Number, Letting>::builder().build().unwrap();
        let kind = netisr
            .register(
                TypeSpec::new("touchy").time_every(1),
                |_ctx, local: &mut Letting, packet, _meta: Touchy| {
                    local.0.push(packet.0);
                },
            )
            .unwrap();
        let (goes, stays) = (netisr.attach().unwrap(), netisr.attach().unwrap());
        let (mut worker, mut local) = (netisr.worker(0).unwrap(), Letting(Vec::new()));
        worker.poll(&mut local, 64);
        let live = Arc::new(());
        for (number, id) in (0..).zip([stays, goes, stays, goes, stays, stays]) {
            let meta = Touchy { out: id, _live: live.clone() };
            worker.with_ctx(|ctx| kind.dispatch(ctx, Number(number), meta)).unwrap();
        }
        let mut departure = worker.with_ctx(|ctx| netisr.detach(ctx, goes)).unwrap();
        FUSE.set(fuse);
        for _ in 0..4 {
            drop(catch_unwind(AssertUnwindSafe(|| worker.poll(&mut local, 64))));
            netisr.check_conservation().unwrap();
        }
        FUSE.set(0);
        (0..2).for_each(|_| _ = worker.poll(&mut local, 64));
        assert!(departure.is_complete(), "fuse {fuse}: {}", departure.holders());
        netisr.check_conservation().unwrap();
        let total = netisr.types()[0].total();
        assert_eq!(total.resident, 0, "fuse {fuse}");
        assert!(
            local.0.is_sorted() && !local.0.contains(&1) && !local.0.contains(&3),
            "fuse {fuse}: {:?}",
            local.0
        );
        assert_eq!(Arc::strong_count(&live), 1, "dropped once each");
    }
}
