//! What the steps of a turn take, looked at in one turn of many.
//!
//! A clock that is read for each step of each packet would cost more than what it measures. So one in [`EVERY`] of the turns
//! that have packets is timed, from step to step; of the others each step costs a look at a flag. What reading the clock
//! takes is found by reading it twice, and taken off.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use siding_netisr::Instant;

/// One turn is timed of so many that have packets. The first is.
const EVERY: u32 = 256;

/// Whether any of this is built: not where it is counted what it costs (tests/costs.rs).
const THERE: bool = !cfg!(siding_untimed);

/// A step of a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimedStep {
    /// The devices are asked for frames.
    Receive,
    /// What is plain, a batch at a time: from its headers to its port's queue.
    Express,
    /// The link layer's header, with VLANs, laggs and bridges above the device.
    Link,
    /// The IP header, and whose the packet is.
    Ip,
    /// What the filter's rules and states say.
    Filter,
    /// The way of a packet for others, and whether it may go it.
    Route,
    /// The next hop's address, the header in front, and a place in the device's queue.
    Neighbor,
    /// What is for this node, or dropped, and what answers it.
    Local,
    /// What was deferred is handled, with all that comes of it.
    Deferred,
    /// What is due, with all that comes of it.
    Timers,
    /// The devices are handed what is queued.
    Transmit,
    /// What a turn does beside.
    Other,
}

impl TimedStep {
    /// All, in a packet's order.
    pub const ALL: [TimedStep; 12] = [
        TimedStep::Receive,
        TimedStep::Express,
        TimedStep::Link,
        TimedStep::Ip,
        TimedStep::Filter,
        TimedStep::Route,
        TimedStep::Neighbor,
        TimedStep::Local,
        TimedStep::Deferred,
        TimedStep::Timers,
        TimedStep::Transmit,
        TimedStep::Other,
    ];

    /// As it is told.
    pub fn name(self) -> &'static str {
        match self {
            TimedStep::Receive => "receive",
            TimedStep::Express => "express",
            TimedStep::Link => "link",
            TimedStep::Ip => "ip",
            TimedStep::Filter => "filter",
            TimedStep::Route => "route",
            TimedStep::Neighbor => "neighbor",
            TimedStep::Local => "local",
            TimedStep::Deferred => "deferred",
            TimedStep::Timers => "timers",
            TimedStep::Transmit => "transmit",
            TimedStep::Other => "other",
        }
    }
}

/// What one step took in the turns of a worker that were timed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StepReport {
    /// The step.
    pub step: TimedStep,
    /// Packets that came to it. A packet may come by it twice, as by a filter with two hooks.
    pub packets: u64,
    /// All of them together, in nanoseconds.
    pub nanos: u64,
}

/// The turns of a worker that were timed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepsReport {
    /// So many.
    pub turns: u64,
    /// Packets in them: frames received, and deferred packets handled.
    pub packets: u64,
    /// What each step took, in a packet's order.
    pub steps: Vec<StepReport>,
}

/// Packets and nanoseconds, by step.
type Sums = [[u64; 2]; TimedStep::ALL.len()];

/// What one worker adds to and others read.
#[derive(Debug, Default)]
pub(crate) struct StepTimes {
    turns: AtomicU64,
    packets: AtomicU64,
    sums: [[AtomicU64; 2]; TimedStep::ALL.len()],
}

impl StepTimes {
    fn add(&self, packets: u64, sums: &Sums) {
        self.turns.fetch_add(1, Ordering::Relaxed);
        self.packets.fetch_add(packets, Ordering::Relaxed);
        for (sum, by) in self.sums.iter().flatten().zip(sums.iter().flatten()) {
            sum.fetch_add(*by, Ordering::Relaxed);
        }
    }

    pub(crate) fn report(&self) -> StepsReport {
        let step = |(step, [packets, nanos]): (TimedStep, &[AtomicU64; 2])| StepReport {
            step,
            packets: packets.load(Ordering::Relaxed),
            nanos: nanos.load(Ordering::Relaxed),
        };
        StepsReport {
            turns: self.turns.load(Ordering::Relaxed),
            packets: self.packets.load(Ordering::Relaxed),
            steps: TimedStep::ALL.into_iter().zip(&self.sums).map(step).collect(),
        }
    }
}

/// A worker's own: where it is in the turn that is timed.
pub(crate) struct Timed {
    /// Each step of a packet says where it is.
    on: bool,
    clock: std::sync::Arc<dyn Fn() -> Instant + Send + Sync>,
    /// Turns with packets until the next that is timed.
    left: u32,
    step: TimedStep,
    since: Instant,
    /// What reading the clock took at the least, in nanoseconds.
    reading: u64,
    sums: Sums,
}

impl Timed {
    pub(crate) fn new(clock: std::sync::Arc<dyn Fn() -> Instant + Send + Sync>) -> Timed {
        Timed {
            on: false,
            clock,
            left: 0,
            step: TimedStep::Other,
            since: Instant::NEVER,
            reading: u64::MAX,
            sums: Default::default(),
        }
    }

    #[inline]
    fn is_on(&self) -> bool {
        THERE && self.on
    }

    /// A turn begins. One that is timed for nothing, for want of packets, is not counted, and the next is timed in its place.
    #[inline]
    pub(crate) fn begin(&mut self) {
        if THERE && self.left == 0 {
            self.begin_timed();
        }
    }

    #[cold]
    fn begin_timed(&mut self) {
        self.sums = Sums::default();
        let once = (self.clock)();
        self.since = (self.clock)();
        self.reading = self.reading.min(nanos(once, self.since));
        (self.on, self.step) = (true, TimedStep::Other);
    }

    /// One packet comes to a step. Answers the step that it comes from.
    #[inline]
    pub(crate) fn enter(&mut self, step: TimedStep) -> TimedStep {
        if self.is_on() { self.change(step, 1) } else { step }
    }

    /// Goes to a step with no packet, or with those that have been there before.
    #[inline]
    pub(crate) fn back(&mut self, step: TimedStep) {
        if self.is_on() {
            self.change(step, 0);
        }
    }

    /// So many packets came to the step that this is.
    #[inline]
    pub(crate) fn count(&mut self, packets: usize) {
        if self.is_on() {
            self.sums[self.step as usize][0] += packets as u64;
        }
    }

    #[cold]
    #[inline(never)]
    fn change(&mut self, step: TimedStep, packets: usize) -> TimedStep {
        let now = (self.clock)();
        self.sums[self.step as usize][1] += nanos(self.since, now).saturating_sub(self.reading);
        self.sums[step as usize][0] += packets as u64;
        self.since = now;
        std::mem::replace(&mut self.step, step)
    }

    /// A device is handed a full batch of so many, in the midst of another step: the answer is which.
    #[inline]
    pub(crate) fn full(&mut self, packets: usize) -> TimedStep {
        if self.is_on() { self.change(TimedStep::Transmit, packets) } else { TimedStep::Transmit }
    }

    /// A step that others are part of: they do not say where they are meanwhile. For its end, [`resume`](Self::resume).
    #[inline]
    pub(crate) fn enter_whole(&mut self, step: TimedStep) -> bool {
        if self.is_on() {
            self.change(step, 0);
        }
        std::mem::take(&mut self.on)
    }

    /// A step that others are part of is over; so many packets were in it.
    #[inline]
    pub(crate) fn resume(&mut self, was_on: bool, packets: usize) {
        self.on = was_on;
        self.count(packets);
        self.back(TimedStep::Other);
    }

    /// A turn has ended, which had so many packets.
    #[inline]
    pub(crate) fn end(&mut self, into: &StepTimes, packets: usize) {
        if self.is_on() {
            self.end_timed(into, packets);
        } else if THERE && packets > 0 {
            self.left -= 1;
        }
    }

    #[cold]
    fn end_timed(&mut self, into: &StepTimes, packets: usize) {
        self.change(TimedStep::Other, 0);
        self.on = false;
        if packets > 0 {
            self.left = EVERY - 1;
            into.add(packets as u64, &self.sums);
        }
    }
}

fn nanos(from: Instant, to: Instant) -> u64 {
    to.as_nanos().saturating_sub(from.as_nanos())
}

#[cfg(all(test, not(any(siding_loom, siding_shuttle))))]
#[allow(clippy::unwrap_used)] // Helpers of tests are tests.
mod tests {
    use std::net::Ipv6Addr;
    use std::sync::Arc;
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
    use crate::Device;
    use crate::InterfaceSpec;
    use crate::Sent;
    use crate::Stack;
    use crate::StackConfig;

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

    /// Gives what it is told to, which takes 1,000 ns a frame; sending takes 500.
    struct End {
        clock: Clock,
        frames: Arc<std::sync::Mutex<Vec<Vec<u8>>>>,
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
            let sent = Sent::all(frames);
            self.clock.pass(500 * frames.len() as u64);
            cache.free_all(frames.drain(..));
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

    #[test]
    fn each_packet_is_at_its_steps_and_one_turn_in_256_is_looked_at() {
        packets_at_their_steps(false);
        packets_at_their_steps(true);
    }

    fn packets_at_their_steps(express: bool) {
        let clock = Clock::default();
        let pool = Pool::new(PoolConfig::default()).unwrap();
        let read = clock.clone();
        let config = StackConfig { express, ..StackConfig::new(pool, move || read.read()) };
        let stack = Stack::new(config).unwrap();
        let mut worker = stack.worker(0).unwrap();
        let wires: [Arc<std::sync::Mutex<Vec<Vec<u8>>>>; 2] = Default::default();
        {
            let mut root = Root::new();
            let mut entered = root.enter().unwrap();
            let mut ctx = entered.ctx();
            stack.set_forwarding(&mut ctx, true);
            for (link, frames) in [1, 2].into_iter().zip(&wires) {
                let mac = |host| Mac([2, 0, 0, 0, link, host]);
                let spec = InterfaceSpec { name: format!("em{link}"), mac: mac(1), mtu: 1500 };
                let end = End { clock: clock.clone(), frames: frames.clone() };
                let id = stack.attach(&mut ctx, spec, vec![Box::new(end)]).unwrap();
                stack.add_address(&mut ctx, id, addr(link, 1).into(), 64, false).unwrap();
                stack.add_neighbor(&mut ctx, id, addr(link, 2).into(), mac(2)).unwrap();
            }
        }
        // What the start has to say is said.
        while worker.turn(clock.read() + Duration::from_secs(10)).next < Instant::NEVER {
            clock.pass(10_000_000_000);
            if stack.steps()[0].turns > 0 {
                break;
            }
        }
        let before = stack.steps().remove(0);
        let turn = |worker: &mut crate::StackWorker, frames: Vec<Vec<u8>>| {
            *wires[0].lock().unwrap() = frames;
            worker.turn(clock.read())
        };
        // Two are for others, and of each 256 turns with packets one is looked at: those without are not counted.
        for _ in 0..255 {
            assert_eq!(turn(&mut worker, vec![frame(addr(2, 2))]).received, 1);
            assert_eq!(turn(&mut worker, vec![]).received, 0);
            assert_eq!(stack.steps(), std::slice::from_ref(&before));
        }
        assert_eq!(turn(&mut worker, vec![]).received, 0);
        assert_eq!(stack.steps(), std::slice::from_ref(&before), "a turn without a packet says nothing");
        let batch = [addr(2, 2), addr(1, 1), addr(2, 2), addr(3, 1)].map(frame).into();
        assert_eq!(turn(&mut worker, batch).received, 4);
        let after = stack.steps().remove(0);
        assert_eq!((after.turns - before.turns, after.packets - before.packets), (1, 4));
        let took = |step: TimedStep| {
            let of = |report: &StepsReport| report.steps[step as usize];
            let (after, before) = (of(&after), of(&before));
            assert_eq!(after.step, step);
            (after.packets - before.packets, after.nanos - before.nanos)
        };
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
            assert_eq!(took(step), expected, "{}", step.name());
        }
        let (sent, nanos) = took(TimedStep::Transmit);
        assert_eq!(nanos, sent * 500);
        assert!(sent >= 2, "{sent}");
    }
}
