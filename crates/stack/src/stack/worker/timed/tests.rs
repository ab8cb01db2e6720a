use std::net::Ipv6Addr;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use siding_lockorder::Root;
use siding_mbuf::Cache;
use siding_mbuf::Mbuf;
use siding_mbuf::Pool;
use siding_mbuf::PoolConfig;
use siding_wire::EtherType;
use siding_wire::IpProto;
use siding_wire::Mac;
use siding_wire::ether::Ether;
use siding_wire::ip6::Ip6Repr;

use super::*;
use crate::BATCH;
use crate::Device;
use crate::InterfaceSpec;
use crate::Sent;
use crate::Stack;
use crate::StackConfig;
use crate::StackWorker;

/// Each reading of the clock takes a hundred nanoseconds, and time passes as devices work.
#[derive(Clone, Default)]
struct Clock(Arc<AtomicU64>);

impl Clock {
    fn pass(&self, nanos: u64) {
        self.0.fetch_add(nanos, Ordering::Relaxed);
    }

    fn read(&self) -> Instant {
        Instant::from_nanos(self.0.fetch_add(100, Ordering::Relaxed) + 100)
    }
}

/// Gives what it is told to, which takes 1,000 ns a frame; sending takes 500. Of one call it takes no more than it has room for.
struct End {
    clock: Clock,
    frames: Arc<Mutex<Vec<Vec<u8>>>>,
    room: Arc<AtomicUsize>,
}

impl Device for End {
    fn receive(&mut self, cache: &mut Cache, into: &mut Vec<Mbuf>, _: usize) -> std::io::Result<usize> {
        let frames = std::mem::take(&mut *self.frames.lock().unwrap());
        for frame in &frames {
            let mut mbuf = cache.alloc().unwrap();
            assert!(mbuf.extend_from_slice(frame));
            into.push(mbuf);
            self.clock.pass(1000);
        }
        Ok(frames.len())
    }

    fn transmit(&mut self, cache: &mut Cache, frames: &mut Vec<Mbuf>) -> Sent {
        let takes = frames.len().min(self.room.load(Ordering::Relaxed));
        let sent = Sent::all(&frames[..takes]);
        self.clock.pass(500 * takes as u64);
        cache.free_all(frames.drain(..takes));
        sent
    }
}

fn addr(link: u8, host: u16) -> Ipv6Addr {
    Ipv6Addr::new(0x2001, 0xdb8, link.into(), 0, 0, 0, 0, host)
}

fn frame(dst: Ipv6Addr) -> Vec<u8> {
    let mut bytes = vec![0; 14 + 40];
    let link =
        Ether { dst: Mac([2, 0, 0, 0, 1, 1]), src: Mac([2, 0, 0, 0, 1, 2]), ethertype: EtherType::IPV6 };
    link.emit(&mut bytes).unwrap();
    Ip6Repr::new(addr(1, 2), dst, IpProto::NO_NEXT, 64, 0).emit(&mut bytes[14..]).unwrap();
    bytes
}

/// A router that forwards from one link to the other, and has said what the start has to say.
struct Rig {
    clock: Clock,
    stack: Stack,
    worker: StackWorker,
    /// What comes in, by link.
    wires: [Arc<Mutex<Vec<Vec<u8>>>>; 2],
    room: Arc<AtomicUsize>,
}

impl Rig {
    fn new() -> Rig {
        let clock = Clock::default();
        let pool = Pool::new(PoolConfig::default()).unwrap();
        let read = clock.clone();
        let stack = Stack::new(StackConfig::new(pool, move || read.read())).unwrap();
        let worker = stack.worker(0).unwrap();
        let room = Arc::new(AtomicUsize::new(usize::MAX));
        let mut rig = Rig { clock, stack, worker, wires: Default::default(), room };
        let Rig { clock, stack, worker, wires, room } = &mut rig;
        {
            let mut root = Root::new();
            let mut entered = root.enter().unwrap();
            let mut ctx = entered.ctx();
            stack.set_forwarding(&mut ctx, true);
            for (link, frames) in [1, 2].into_iter().zip(wires) {
                let mac = |host| Mac([2, 0, 0, 0, link, host]);
                let spec = InterfaceSpec { name: format!("em{link}"), mac: mac(1), mtu: 1500 };
                let end = End { clock: clock.clone(), frames: frames.clone(), room: room.clone() };
                let id = stack.attach(&mut ctx, spec, vec![Box::new(end)]).unwrap();
                stack.add_address(&mut ctx, id, addr(link, 1).into(), 64, false).unwrap();
                stack.add_neighbor(&mut ctx, id, addr(link, 2).into(), mac(2)).unwrap();
            }
        }
        while worker.turn(clock.read() + Duration::from_secs(10)).next < Instant::NEVER {
            clock.pass(10_000_000_000);
            if stack.steps()[0].turns > 0 {
                break;
            }
        }
        rig
    }

    /// A turn with so many packets for these.
    fn turn(&mut self, to: &[Ipv6Addr]) {
        *self.wires[0].lock().unwrap() = to.iter().copied().map(frame).collect();
        assert_eq!(self.worker.turn(self.clock.read()).received, to.len());
    }

    /// Up to the turn that is looked at.
    fn skip(&mut self) {
        for _ in 1..EVERY {
            self.turn(&[addr(2, 2)]);
        }
    }

    /// Packets and nanoseconds of the step, since `before`.
    fn took(&self, before: &StepsReport, step: TimedStep) -> (u64, u64) {
        let of = |report: &StepsReport| report.steps[step as usize];
        let (after, before) = (of(&self.stack.steps()[0]), of(before));
        assert_eq!(after.step, step);
        (after.packets - before.packets, after.nanos - before.nanos)
    }
}

#[test]
fn each_packet_is_at_its_steps_and_one_turn_in_1024_is_looked_at() {
    packets_at_their_steps(false);
    packets_at_their_steps(true);
}

fn packets_at_their_steps(express: bool) {
    let mut rig = Rig::new();
    {
        let mut root = Root::new();
        let mut entered = root.enter().unwrap();
        rig.stack.set_express(&mut entered.ctx(), express);
    }
    let before = rig.stack.steps().remove(0);
    // Of each 1,024 turns with packets one is looked at: those without are not counted.
    for _ in 1..EVERY {
        rig.turn(&[addr(2, 2)]);
        rig.turn(&[]);
        assert_eq!(rig.stack.steps(), std::slice::from_ref(&before));
    }
    rig.turn(&[]);
    assert_eq!(rig.stack.steps(), std::slice::from_ref(&before), "a turn without a packet says nothing");
    // Two are for others.
    rig.turn(&[addr(2, 2), addr(1, 1), addr(2, 2), addr(3, 1)]);
    let after = rig.stack.steps().remove(0);
    assert_eq!((after.turns - before.turns, after.packets - before.packets), (1, 4));
    // What reading the clock takes is nobody's.
    let (by_express, walked) = if express { (2, 2) } else { (0, 4) };
    let others = [
        (TimedStep::Receive, (4, 4000)),
        (TimedStep::Express, (by_express, 0)),
        (TimedStep::Link, (walked, 0)),
        (TimedStep::Ip, (walked, 0)),
        (TimedStep::Filter, (0, 0)),
        // One of them has none.
        (TimedStep::Route, (walked - 1, 0)),
        (TimedStep::Neighbor, (walked - 2, 0)),
        (TimedStep::Local, (2, 0)),
        (TimedStep::Timers, (0, 0)),
        (TimedStep::Other, (0, 0)),
    ];
    for (step, expected) in others {
        assert_eq!(rig.took(&before, step), expected, "{}", step.name());
    }
    let (sent, nanos) = rig.took(&before, TimedStep::Transmit);
    assert_eq!(nanos, sent * 500);
    assert!(sent >= 2, "{sent}");
}

/// Of a version that counts what is handed over, 64 frames were 128, and those that it then did not take 61 more.
#[test]
fn a_frame_that_no_device_takes_is_not_counted_until_one_does() {
    let mut rig = Rig::new();
    for express in [false, true] {
        {
            let mut root = Root::new();
            let mut entered = root.enter().unwrap();
            rig.stack.set_express(&mut entered.ctx(), express);
        }
        rig.skip();
        let before = rig.stack.steps().remove(0);
        // Once when the batch is full, and once at the end.
        rig.room.store(3, Ordering::Relaxed);
        rig.turn(&[addr(2, 2); BATCH]);
        assert_eq!(rig.took(&before, TimedStep::Transmit), (6, 3000));
        let way = if express { TimedStep::Express } else { TimedStep::Neighbor };
        assert_eq!(rig.took(&before, way), (64, 0));
        // Those that wait go in turns that nobody looks at: the next that is looked at has its own alone.
        rig.room.store(usize::MAX, Ordering::Relaxed);
        rig.skip();
        let before = rig.stack.steps().remove(0);
        rig.turn(&[addr(2, 2); 5]);
        assert_eq!(rig.took(&before, TimedStep::Transmit), (5, 2500));
        // It counts when it has gone, whatever turn it came in.
        rig.skip();
        let before = rig.stack.steps().remove(0);
        rig.room.store(0, Ordering::Relaxed);
        rig.turn(&[addr(2, 2); 5]);
        assert_eq!(rig.took(&before, TimedStep::Transmit), (0, 0));
        rig.room.store(usize::MAX, Ordering::Relaxed);
        rig.turn(&[]);
    }
}

#[test]
fn what_goes_by_express_is_no_part_of_receiving() {
    let mut rig = Rig::new();
    {
        let mut root = Root::new();
        let mut entered = root.enter().unwrap();
        rig.stack.set_express(&mut entered.ctx(), true);
    }
    rig.skip();
    let before = rig.stack.steps().remove(0);
    // What is ours is left to be walked, amidst what is not.
    rig.turn(&[addr(2, 2), addr(1, 1), addr(2, 2)]);
    for (step, expected) in [
        (TimedStep::Receive, (3, 3000)),
        (TimedStep::Express, (2, 0)),
        (TimedStep::Link, (1, 0)),
        (TimedStep::Local, (1, 0)),
        (TimedStep::Transmit, (2, 1000)),
    ] {
        assert_eq!(rig.took(&before, step), expected, "{}", step.name());
    }
}
