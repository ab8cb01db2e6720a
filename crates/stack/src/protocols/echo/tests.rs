#![allow(clippy::unwrap_used)] // The helpers of tests say what they expect by unwrapping it, as tests do.

use std::sync::Arc;
use std::sync::Mutex;

use siding_lockorder::Root;
use siding_mbuf::Cache;
use siding_mbuf::Pool;
use siding_mbuf::PoolConfig;
use siding_netisr::Instant;

use super::*;
use crate::Device;
use crate::InterfaceSpec;
use crate::Sent;
use crate::StackConfig;
use crate::StackWorker;

type Frames = Arc<Mutex<Vec<Vec<u8>>>>;

/// One end of a wire.
struct End {
    inbox: Frames,
    outbox: Frames,
}

impl Device for End {
    fn receive(&mut self, cache: &mut Cache, into: &mut Vec<Mbuf>, _: usize) -> std::io::Result<usize> {
        let frames = std::mem::take(&mut *self.inbox.lock().unwrap());
        for bytes in &frames {
            let mut frame = cache.alloc().unwrap();
            frame.append(bytes.len()).unwrap().copy_from_slice(bytes);
            into.push(frame);
        }
        Ok(frames.len())
    }

    fn transmit(&mut self, _: &mut Cache, frames: &mut Vec<Mbuf>) -> Sent {
        let sent = Sent::all(frames);
        self.outbox.lock().unwrap().extend(frames.drain(..).map(|frame| frame.data().to_vec()));
        sent
    }
}

struct Node {
    stack: Stack,
    id: IfId,
    worker: StackWorker,
    inbox: Frames,
}

fn control<O>(work: impl FnOnce(&mut Ctx<'_, Unlocked>) -> O) -> O {
    let mut root = Root::new();
    let mut entered = root.enter().unwrap();
    work(&mut entered.ctx())
}

/// Two stacks at the ends of a wire, and the clock of both.
fn pair() -> ([Node; 2], Arc<Mutex<Instant>>) {
    let clock = Arc::new(Mutex::new(Instant::from_nanos(1)));
    let wire: [Frames; 2] = Default::default();
    let node = |at: usize| {
        let time = clock.clone();
        let pool = Pool::new(PoolConfig::default()).unwrap();
        let stack = Stack::new(StackConfig::new(pool, move || *time.lock().unwrap())).unwrap();
        let spec = InterfaceSpec { name: "em0".into(), mac: Mac([2, 0, 0, 0, 0, at as u8 + 1]), mtu: 1500 };
        let end = End { inbox: wire[at].clone(), outbox: wire[1 - at].clone() };
        let id = control(|ctx| stack.attach(ctx, spec, vec![Box::new(end)])).unwrap();
        Node { worker: stack.worker(0).unwrap(), stack, id, inbox: wire[at].clone() }
    };
    ([0, 1].map(node), clock)
}

fn section(key: &str, value: &str) -> Section {
    Section { name: "echo".into(), values: [(key.to_owned(), value.to_owned())].into() }
}

impl Node {
    fn told(&self) -> Vec<String> {
        control(|ctx| self.stack.table(ctx, "echo")).unwrap().rows.remove(0)
    }
}

#[test]
fn it_asks_is_answered_and_forgets() {
    let ([mut asks, mut answers], clock) = pair();
    let run = |asks: &mut Node, answers: &mut Node, until: u64| {
        *clock.lock().unwrap() = Instant::from_nanos(1) + Duration::from_millis(until);
        for _ in 0..4 {
            asks.worker.turn(asks.stack.now());
            answers.worker.turn(answers.stack.now());
        }
    };
    run(&mut asks, &mut answers, 5000);
    assert_eq!(asks.told(), ["em0", "0", "0"], "nobody has configured it");

    control(|ctx| asks.stack.configure(ctx, &section("every_ms", "1000"))).unwrap();
    // Said twice, it is asked no more often.
    control(|ctx| asks.stack.configure(ctx, &section("every_ms", "1000"))).unwrap();
    run(&mut asks, &mut answers, 5000);
    assert_eq!(
        (asks.told(), answers.told()),
        (["em0", "1", "1"].map(String::from).to_vec(), ["em0", "0", "0"].map(String::from).to_vec())
    );
    for (until, count) in [(5999, "1"), (6000, "2"), (7000, "3")] {
        run(&mut asks, &mut answers, until);
        assert_eq!(asks.told(), ["em0", count, count]);
    }

    let drops = |node: &Node| {
        let malformed = DropReason::all().find(|cause| cause.to_string() == "echo-malformed").unwrap();
        node.stack.config().interface(node.id).unwrap().ifnet.drops.of(malformed)
    };
    let bad = Ether { dst: Mac::BROADCAST, src: Mac([2; 6]), ethertype: ECHO }.to_bytes();
    answers.inbox.lock().unwrap().extend([bad.to_vec(), [&bad[..], &[3, 0, 0, 0, 1]].concat()]);
    run(&mut asks, &mut answers, 7000);
    assert_eq!((drops(&answers), drops(&asks)), (2, 0));

    let mut detached = control(|ctx| asks.stack.detach(ctx, asks.id)).unwrap();
    asks.worker.turn(asks.stack.now());
    assert!(detached.is_complete());
    control(|ctx| {
        assert_eq!(asks.stack.shared.timers.len(ctx), 0, "its timer goes with it");
        let (mut control, _ctx) = ctx.lock(&asks.stack.shared.control);
        assert!(control.rooms.of::<State>().asking.is_empty());
    });
}

#[test]
fn what_makes_no_sense_is_refused_and_changes_nothing() {
    let ([node, _], _clock) = pair();
    let refused =
        |section: Section| control(|ctx| node.stack.configure(ctx, &section)).unwrap_err().to_string();
    assert_eq!(refused(section("often", "1")), "[echo] has no key 'often': there is every_ms");
    assert_eq!(refused(section("every_ms", "soon")), "[echo] every_ms: soon milliseconds: give 0 to 3600000");
    let other = Section { name: "ohce".into(), values: Default::default() };
    assert_eq!(refused(other), "no protocol has a section [ohce]");
    assert_eq!(node.told(), ["em0", "0", "0"]);
}

/// What CONTRIBUTING says of it: a folder, and the list.
#[test]
fn nothing_else_names_it() {
    let src = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut named = Vec::new();
    let mut folders = vec![src.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if std::fs::read_to_string(&path).unwrap().contains("echo::Echo") {
                named.push(path.strip_prefix(&src).unwrap().display().to_string());
            }
        }
    }
    named.retain(|path| !path.starts_with("protocols/echo"));
    assert_eq!(named, ["protocols.rs"]);
}
