//! The stack itself: shipped code from the operator's detach down to the ring, with a neighbour's timer due.
//!
//! Here stands the crash that started it all (`docs/design.md`), on the real thing: T1 is an operator who
//! detaches the interface, T2 a worker whose turn runs the timer.

use std::collections::VecDeque;
use std::io;
use std::net::IpAddr;
use std::net::Ipv6Addr;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Duration;

use siding_mbuf::Cache;
use siding_mbuf::Mbuf;
use siding_mbuf::Pool;
use siding_mbuf::PoolConfig;
use siding_netisr::IfId;
use siding_netisr::Instant;
use siding_netisr::NoWake;
use siding_netisr::Wake;
use siding_stack::Device;
use siding_stack::InterfaceSpec;
use siding_stack::Sent;
use siding_stack::Stack;
use siding_stack::StackConfig;
use siding_stack::StackWorker;
use siding_wire::EtherType;
use siding_wire::IpProto;
use siding_wire::Mac;
use siding_wire::ether;
use siding_wire::ether::Ether;
use siding_wire::icmp6::Icmp6Repr;
use siding_wire::icmp6::Icmp6Type;
use siding_wire::ip6;
use siding_wire::ip6::Ip6Repr;
use siding_wire::nd::NeighborAdvert;

use crate::checker::thread;
use crate::rig::LONG;
use crate::rig::outside;

const OWN: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);
const OWN_MAC: Mac = Mac([2, 0, 0, 0, 0, 1]);
const NEIGHBOUR: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 2);
const NEIGHBOUR_MAC: Mac = Mac([2, 0, 0, 0, 0, 2]);

/// The neighbour's answer.
const ADVERT: NeighborAdvert = NeighborAdvert {
    router: false,
    solicited: true,
    override_: true,
    target: NEIGHBOUR,
    tlla: Some(NEIGHBOUR_MAC),
};

/// The end of a wire: what arrives is scripted, what is sent is noted.
struct Wire(Arc<Seen>);

#[derive(Default)]
struct Seen {
    gone: AtomicU64,
    late: AtomicU64,
    arrives: Mutex<VecDeque<Vec<u8>>>,
    /// The ICMPv6 type of each frame.
    sent: Mutex<Vec<u8>>,
}

impl Device for Wire {
    fn receive(&mut self, cache: &mut Cache, into: &mut Vec<Mbuf>, _max: usize) -> io::Result<usize> {
        for frame in self.0.arrives.lock().expect("no panic").drain(..) {
            let mut mbuf = cache.alloc().expect("a free buffer");
            assert!(mbuf.extend_from_slice(&frame));
            into.push(mbuf);
        }
        Ok(into.len())
    }

    fn transmit(&mut self, _: &mut Cache, frames: &mut Vec<Mbuf>) -> Sent {
        let sent = Sent::all(frames);
        self.0.late.fetch_add(self.0.gone.load(Ordering::Relaxed), Ordering::Relaxed);
        let types = frames.drain(..).map(|frame| frame.data()[ether::HEADER_LEN + ip6::HEADER_LEN]);
        self.0.sent.lock().expect("no panic").extend(types);
        sent
    }
}

struct Host {
    stack: Stack,
    worker: StackWorker,
    pool: Pool,
    clock: Arc<AtomicU64>,
    seen: Arc<Seen>,
    /// What the second worker has of the wire, if there is one.
    elsewhere: Arc<Seen>,
    interface: IfId,
}

impl Host {
    /// A host with one interface, and a neighbour whose timer will be due a second from its start.
    fn new() -> Host {
        Host::of(1)
    }

    /// The same, with so many workers. The first has its seat taken.
    fn of(workers: usize) -> Host {
        let mut host = Host::silent(workers, Arc::new(NoWake));
        host.ask();
        while host.worker.turn(Instant::from_nanos(1)).handled > 0 {}
        assert_eq!(outside(|ctx| host.stack.neighbors(ctx).len()), 1, "the neighbour is being asked for");
        host
    }

    /// One that asks for nobody yet.
    fn silent(workers: usize, wake: Arc<dyn Wake>) -> Host {
        let pool = Pool::new(PoolConfig { buffers: 16, size: 512, headroom: 64 }).expect("sizes in range");
        let clock = Arc::new(AtomicU64::new(1));
        let ticking = clock.clone();
        let mut config =
            StackConfig::new(pool.clone(), move || Instant::from_nanos(ticking.load(Ordering::Relaxed)));
        config.interfaces = 1;
        config.workers = workers;
        config.queue_limit = 4;
        config.wake = Some(wake);
        // The scenarios count what is sent, and each frame more costs the checkers dearly.
        config.mld.enabled = false;
        let stack = Stack::new(config).expect("sizes in range");
        let seen = Arc::new(Seen::default());
        let elsewhere = Arc::new(Seen::default());
        let queues = [&seen, &elsewhere].into_iter().take(workers);
        let device = queues.map(|seen| Box::new(Wire(seen.clone())) as Box<dyn Device>).collect();
        let spec = InterfaceSpec { name: "em0".into(), mac: OWN_MAC, mtu: 1500 };
        let mut worker = stack.worker(0).expect("a new stack has a vacant worker");
        let interface = outside(|ctx| {
            let interface = stack.attach(ctx, spec, device).expect("a free slot");
            stack.add_address(ctx, interface, IpAddr::V6(OWN), 64, false).expect("a new address");
            interface
        });
        while worker.turn(Instant::from_nanos(1)).handled > 0 {}
        Host { stack, worker, pool, clock, seen, elsewhere, interface }
    }

    /// Something is sent to the neighbour, with the first worker's next turn.
    fn ask(&self) {
        outside(|ctx| {
            let ping = self.stack.open_ping(ctx).expect("a free identifier");
            self.stack.ping(ctx, &ping, NEIGHBOUR.into(), IfId::NONE, 1, b"").expect("room");
        });
    }

    /// Detaches the interface, waits until nothing of it is left, and looks for frames that come later.
    fn detach(stack: &Stack, seen: &Seen, interface: IfId) {
        outside(|ctx| {
            let mut detached = stack.detach(ctx, interface).expect("attached until now");
            detached.wait(ctx, LONG).expect("a wait without a time limit");
        });
        seen.gone.store(1, Ordering::Relaxed);
    }

    fn finish(mut self) {
        while self.worker.turn(Instant::from_nanos(self.clock.load(Ordering::Relaxed))).more {}
        self.stack.check_conservation().expect("one fate for each packet");
        assert_eq!(self.seen.late.load(Ordering::Relaxed), 0, "a frame left after the detach was complete");
        assert_eq!(self.pool.live(), 0, "buffers are missing from the pool");
    }
}

/// The six steps: the neighbour's timer against the interface's detach.
pub(crate) fn crash() {
    let Host { stack, mut worker, pool, clock, seen, elsewhere, interface } = Host::new();
    let due = Instant::from_nanos(1) + Duration::from_secs(1);
    clock.store(due.as_nanos(), Ordering::Relaxed);
    let timer = thread::spawn(move || {
        worker.turn(due);
        worker
    });
    // Nobody may wait for a worker that is not polled, so the operator only begins, and looks again afterwards.
    let mut detached = outside(|ctx| stack.detach(ctx, interface).expect("attached until now"));
    let mut worker = timer.join().expect("no panic");
    worker.turn(due);
    assert!(detached.is_complete(), "the worker has come by");
    seen.gone.store(1, Ordering::Relaxed);
    worker.turn(due);
    Host { stack, worker, pool, clock, seen, elsewhere, interface }.finish();
}

/// The same, with a worker that goes on polling while the operator waits.
pub(crate) fn crash_waiting() {
    let Host { stack, mut worker, pool, clock, seen, elsewhere, interface } = Host::new();
    let due = Instant::from_nanos(1) + Duration::from_secs(1);
    clock.store(due.as_nanos(), Ordering::Relaxed);
    let timer = thread::spawn(move || {
        worker.turn(due);
        worker.turn(due);
        // From here on nobody holds the worker: whoever waits serves it.
    });
    Host::detach(&stack, &seen, interface);
    timer.join().expect("no panic");
    let worker = stack.worker(0).expect("vacant again");
    Host { stack, worker, pool, clock, seen, elsewhere, interface }.finish();
}

/// All that was asked for was asked, and the answer waits at one worker when another's turn finds the deadline passed: the
/// packet that waits for its neighbour is sent, whoever comes first.
pub(crate) fn answer_unread() {
    let mut host = Host::of(2);
    let mut other = host.stack.worker(1).expect("a new stack has vacant workers");
    let late = Instant::from_nanos(1) + Duration::from_secs(3);
    for second in 1..3 {
        let now = Instant::from_nanos(1) + Duration::from_secs(second);
        host.clock.store(now.as_nanos(), Ordering::Relaxed);
        // The second worker has read up to then before the first decides, and what it decides may be the second's to send.
        other.turn(now);
        while host.worker.turn(now).more {}
        other.turn(now);
    }
    for seen in [&host.seen, &host.elsewhere] {
        seen.sent.lock().expect("no panic").clear();
    }
    host.clock.store(late.as_nanos(), Ordering::Relaxed);
    let answer = frame(255, ADVERT.buffer_len(), |message| {
        ADVERT.emit(NEIGHBOUR, OWN, message).expect("room");
    });
    host.elsewhere.arrives.lock().expect("no panic").push_back(answer);
    let reads = thread::spawn(move || {
        other.turn(late);
        other.turn(late);
        // Vacant from here on, and nobody waits for it.
    });
    for _ in 0..2 {
        host.worker.turn(late);
    }
    reads.join().expect("no panic");
    let mut other = host.stack.worker(1).expect("vacant again");
    for _ in 0..2 {
        other.turn(late);
        host.worker.turn(late);
    }
    let sent = |seen: &Seen| seen.sent.lock().expect("no panic").clone();
    let sent = [sent(&host.seen), sent(&host.elsewhere)].concat();
    assert_eq!(sent, [Icmp6Type::ECHO_REQUEST.0], "the packet was given up, or asked for again");
    host.finish();
}

/// How often the second worker was called. No checker's: it is looked at when all is over.
#[derive(Default)]
struct Calls(AtomicU64);

impl Wake for Calls {
    fn wake(&self, worker: usize) {
        self.0.fetch_add(worker as u64, Ordering::Relaxed);
    }
}

/// A worker asks for a neighbour and leaves, while another goes to sleep: that one knows until when, or is called.
pub(crate) fn timers_left() {
    let calls = Arc::new(Calls::default());
    let mut host = Host::silent(2, calls.clone());
    let now = Instant::from_nanos(1);
    let mut other = host.stack.worker(1).expect("a new stack has vacant workers");
    while other.turn(now).handled > 0 {}
    host.ask();
    let before = calls.0.load(Ordering::Relaxed);
    let leaves = thread::spawn(move || {
        host.worker.turn(now);
        let Host { stack, worker, pool, clock, seen, elsewhere, interface } = host;
        drop(worker);
        (stack, pool, clock, seen, elsewhere, interface)
    });
    let next = other.turn(now).next;
    let sleeps = other.prepare_sleep();
    let (stack, pool, clock, seen, elsewhere, interface) = leaves.join().expect("no panic");
    let due = now + Duration::from_secs(1);
    let is_called = calls.0.load(Ordering::Relaxed) > before;
    assert!(!sleeps || next <= due || is_called, "it sleeps past what the other had armed");
    other.awake();
    clock.store(due.as_nanos(), Ordering::Relaxed);
    assert_eq!(other.turn(due).timers, 1, "who is there asks again");
    let mut worker = stack.worker(0).expect("vacant again");
    let mut detached = outside(|ctx| stack.detach(ctx, interface).expect("attached until now"));
    for _ in 0..2 {
        worker.turn(due);
        other.turn(due);
    }
    assert!(detached.is_complete(), "both have come by");
    Host { stack, worker, pool, clock, seen, elsewhere, interface }.finish();
}

/// A packet waits for its neighbour. The answer comes, and in the same batch something that is answered at once:
/// the packet that waited still leaves first.
pub(crate) fn flush_order() {
    let mut host = Host::new();
    let answer = frame(255, ADVERT.buffer_len(), |message| {
        ADVERT.emit(NEIGHBOUR, OWN, message).expect("room");
    });
    let request = Icmp6Repr::EchoRequest { ident: 1, seq: 1 };
    let asks =
        frame(64, request.buffer_len(), |message| request.emit(NEIGHBOUR, OWN, message).expect("room"));
    host.seen.arrives.lock().expect("no panic").extend([answer, asks]);
    host.seen.sent.lock().expect("no panic").clear();
    let looked_at = host.stack.clone();
    let turns = thread::spawn(move || {
        while host.worker.turn(Instant::from_nanos(2)).handled > 0 {}
        host
    });
    outside(|ctx| looked_at.neighbors(ctx)); // An operator's look takes the same locks, and changes nothing.
    let mut host = turns.join().expect("no panic");
    let sent = host.seen.sent.lock().expect("no panic").clone();
    assert_eq!(
        sent,
        [Icmp6Type::ECHO_REQUEST.0, Icmp6Type::ECHO_REPLY.0],
        "a later packet overtook the held one"
    );
    // Once the last of them has left, packets go straight to the wire again.
    let deferred =
        |host: &Host| -> u64 { host.stack.netisr_types().iter().map(|kind| kind.total().accepted).sum() };
    let before = deferred(&host);
    let asks =
        frame(64, request.buffer_len(), |message| request.emit(NEIGHBOUR, OWN, message).expect("room"));
    host.seen.arrives.lock().expect("no panic").push_back(asks);
    while host.worker.turn(Instant::from_nanos(2)).more {}
    assert_eq!(deferred(&host), before, "a packet to a reachable neighbour was deferred");
    host.finish();
}

/// A frame from the neighbour to us.
fn frame(hop_limit: u8, len: usize, emit: impl FnOnce(&mut [u8])) -> Vec<u8> {
    let mut bytes = vec![0; ether::HEADER_LEN + ip6::HEADER_LEN + len];
    let (link, rest) = bytes.split_at_mut(ether::HEADER_LEN);
    let (header, message) = rest.split_at_mut(ip6::HEADER_LEN);
    Ether { dst: OWN_MAC, src: NEIGHBOUR_MAC, ethertype: EtherType::IPV6 }.emit(link).expect("room");
    Ip6Repr::new(NEIGHBOUR, OWN, IpProto::ICMP6, hop_limit, len as u16).emit(header).expect("room");
    emit(message);
    bytes
}
