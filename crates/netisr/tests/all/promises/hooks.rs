//! The hooks after a drain and a poll: they are called for all that was handled, and their panics are dealt with.

use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;
use std::sync::Arc;
use std::sync::Mutex;

use siding_netisr::Ctx;
use siding_netisr::IfId;
use siding_netisr::Local;
use siding_netisr::Netisr;
use siding_netisr::OnPanic;
use siding_netisr::Packet;
use siding_netisr::PacketType;
use siding_netisr::Polled;
use siding_netisr::TypeSpec;
use siding_netisr::Unlocked;
use siding_netisr::Worker;

struct Number(u32);

impl Packet for Number {
    fn interfaces(&self, _visit: &mut impl FnMut(IfId)) {}
}

/// What was called, in order, and what is to panic next time.
#[derive(Default)]
struct Log {
    called: Vec<String>,
    panics: Vec<&'static str>,
}

impl Log {
    /// Notes a call; panics, printing nothing, if that is its turn.
    fn call(&mut self, what: &'static str, handled: usize) {
        self.called.push(format!("{what} {handled}"));
        if let Some(at) = self.panics.iter().position(|panics| *panics == what) {
            self.panics.remove(at);
            std::panic::resume_unwind(Box::new(what));
        }
    }
}

impl Local for Log {
    fn depart(&mut self, _stays: &dyn Fn(IfId) -> bool) {}

    fn drained(&mut self, _ctx: &mut Ctx<'_, Unlocked>, name: &str, handled: usize) {
        assert!(["one", "two"].contains(&name));
        self.call("drained", handled);
    }

    fn polled(&mut self, _ctx: &mut Ctx<'_, Unlocked>, polled: Polled) {
        self.call("polled", polled.handled);
    }
}

struct Rig {
    netisr: Netisr<Number, Log>,
    kinds: [PacketType<Number, (), Log>; 2],
    worker: Worker<Number, Log>,
    log: Log,
    told: Arc<Mutex<Vec<String>>>,
}

/// A facility of two types whose handlers panic at 3.
fn rig(policy: OnPanic) -> Rig {
    let told = Arc::<Mutex<Vec<String>>>::default();
    let tell = told.clone();
    let netisr = Netisr::<Number, Log>::builder()
        .on_panic(policy)
        .report_panics(move |panicked| {
            tell.lock().unwrap().push(format!("{}: {}", panicked.name, panicked.message.unwrap_or("?")));
        })
        .build()
        .unwrap();
    let kinds = ["one", "two"].map(|name| {
        let handler = |_ctx: &mut Ctx<'_, Unlocked>, _log: &mut Log, Number(number), _meta: ()| {
            if number == 3 {
                std::panic::resume_unwind(Box::new("handler"));
            }
        };
        netisr.register(TypeSpec::new(name), handler).unwrap()
    });
    let mut worker = netisr.worker(0).unwrap();
    worker.poll(&mut Log::default(), 64);
    Rig { netisr, kinds, worker, log: Log::default(), told }
}

impl Rig {
    fn send(&mut self, kind: usize, numbers: &[u32]) {
        let kind = &self.kinds[kind];
        for number in numbers {
            let sent = self.worker.with_ctx(|ctx| kind.dispatch(ctx, Number(*number), ()));
            sent.map_err(|refused| refused.cause).unwrap();
        }
    }

    /// Polls once: what it has handled, or by what it has panicked; and what was called meanwhile.
    fn poll(&mut self) -> (Result<usize, &'static str>, Vec<String>) {
        let outcome = catch_unwind(AssertUnwindSafe(|| self.worker.poll(&mut self.log, 64).handled));
        let outcome = outcome.map_err(|payload| *payload.downcast::<&'static str>().unwrap());
        self.netisr.check_conservation().unwrap();
        (outcome, std::mem::take(&mut self.log.called))
    }

    fn panicked(&self) -> (u64, u64) {
        let lanes = self.netisr.types().iter().map(|kind| kind.total().panicked).sum();
        (lanes, self.netisr.worker_reports()[0].panicked)
    }

    fn told(&self) -> Vec<String> {
        std::mem::take(&mut *self.told.lock().unwrap())
    }
}

#[test]
fn a_poll_that_a_handler_ends_has_its_hooks() {
    let mut rig = rig(OnPanic::Unwind);
    rig.send(0, &[1, 2, 3, 4]);
    assert_eq!(rig.poll(), (Err("handler"), vec!["drained 3".into(), "polled 3".into()]));
    assert_eq!(rig.poll(), (Ok(1), vec!["drained 1".into(), "polled 1".into()]));
    // Of several types, too: the poll has handled what both have.
    rig.send(0, &[1, 2]);
    rig.send(1, &[1, 3]);
    let (mut handled, mut called) = (Vec::new(), Vec::new());
    for _ in 0..2 {
        let (outcome, hooks) = rig.poll();
        handled.push(outcome);
        called.extend(hooks);
    }
    let first_one = vec!["drained 2".to_string(), "drained 2".into(), "polled 4".into()];
    let first_two = vec!["drained 2".to_string(), "polled 2".into(), "drained 2".into(), "polled 2".into()];
    match handled[..] {
        [Err("handler"), Ok(0)] => assert_eq!(called, first_one),
        [Err("handler"), Ok(2)] => assert_eq!(called, first_two),
        _ => panic!("{handled:?}"),
    }
    assert_eq!(rig.panicked(), (2, 0));
}

#[test]
fn a_hook_that_panics_while_a_handler_unwinds_goes_no_further() {
    let mut rig = rig(OnPanic::Unwind);
    rig.send(0, &[1, 3, 4]);
    rig.log.panics = vec!["drained", "polled"];
    assert_eq!(rig.poll(), (Err("handler"), vec!["drained 2".into(), "polled 2".into()]));
    assert_eq!(rig.told(), ["one: handler", "one: drained", "Local::polled: polled"]);
    assert_eq!(rig.panicked(), (2, 1));
    assert_eq!(rig.poll(), (Ok(1), vec!["drained 1".into(), "polled 1".into()]));
}

#[test]
fn a_hooks_panic_unwinds_unless_told_otherwise() {
    let mut rig = rig(OnPanic::Unwind);
    rig.send(0, &[1]);
    rig.log.panics = vec!["drained"];
    assert_eq!(rig.poll(), (Err("drained"), vec!["drained 1".into(), "polled 1".into()]));
    rig.send(0, &[2]);
    rig.log.panics = vec!["polled"];
    assert_eq!(rig.poll(), (Err("polled"), vec!["drained 1".into(), "polled 1".into()]));
    assert_eq!(rig.told(), ["one: drained", "Local::polled: polled"]);
    assert_eq!(rig.panicked(), (1, 1));
}

#[test]
fn a_worker_goes_on_after_a_hooks_panic() {
    let mut rig = rig(OnPanic::GoOn);
    rig.send(0, &[1, 3, 4]);
    rig.send(1, &[5]);
    rig.log.panics = vec!["drained", "drained", "polled"];
    let (outcome, called) = rig.poll();
    assert_eq!((outcome, called.len()), (Ok(3), 3), "{called:?}");
    assert_eq!(called.last().map(String::as_str), Some("polled 3"));
    assert_eq!(rig.poll(), (Ok(1), vec!["drained 1".into(), "polled 1".into()]));
    assert_eq!(rig.panicked(), (3, 1));
}

#[test]
fn a_hooks_panic_stops_its_type() {
    let mut rig = rig(OnPanic::StopType);
    rig.send(0, &[1]);
    rig.send(1, &[1]);
    rig.log.panics = vec!["drained", "polled"];
    assert_eq!(rig.poll().0, Ok(2));
    let refused = |rig: &mut Rig, kind: usize| {
        let kind = &rig.kinds[kind];
        rig.worker.with_ctx(|ctx| kind.dispatch(ctx, Number(1), ())).is_err()
    };
    let stopped = [refused(&mut rig, 0), refused(&mut rig, 1)];
    assert!(stopped[0] != stopped[1], "the type whose hook has panicked, and no other: {stopped:?}");
    assert_eq!(rig.panicked(), (1, 1));
}
