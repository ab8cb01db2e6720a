//! The filter's place in the stack: a router with an inner and an outer side, two workers, and rules by hand. Frames come
//! to whichever worker a test says.

use std::collections::VecDeque;
use std::io;
use std::net::IpAddr;
use std::net::Ipv6Addr;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::time::Duration;

use siding_lockorder::Ctx;
use siding_lockorder::Root;
use siding_lockorder::Unlocked;
use siding_mbuf::Cache;
use siding_mbuf::Mbuf;
use siding_mbuf::Pool;
use siding_mbuf::PoolConfig;
use siding_netisr::IfId;
use siding_netisr::Instant;
use siding_stack::Device;
use siding_stack::InterfaceSpec;
use siding_stack::Sent;
use siding_stack::Stack;
use siding_stack::StackConfig;
use siding_stack::StackWorker;
use siding_stack::drops::DropReason;
use siding_stack::filter::Asks;
use siding_stack::filter::CtState;
use siding_stack::filter::FilterSetup;
use siding_stack::filter::Hook;
use siding_stack::filter::Judge;
use siding_stack::filter::MOST_HEADERS;
use siding_stack::filter::Part;
use siding_stack::filter::Policy;
use siding_stack::filter::Reject;
use siding_stack::filter::StateLimits;
use siding_stack::filter::StateQuery;
use siding_stack::filter::StateReport;
use siding_stack::filter::Timeouts;
use siding_stack::filter::Verdict;
use siding_stack::ifnet::Version;
use siding_wire::EtherType;
use siding_wire::IpProto;
use siding_wire::Mac;
use siding_wire::checksum::Ends;
use siding_wire::ether::Ether;
use siding_wire::ext6::FragmentRepr;
use siding_wire::icmp6::Icmp6Repr;
use siding_wire::ip6::Ip6Repr;
use siding_wire::tcp::Flags;
use siding_wire::tcp::TcpRepr;
use siding_wire::udp::UdpRepr;

mod anew;
mod before;
mod frames;
mod headers;
mod known;
mod own_errors;
mod places;
mod policies;
mod rehearse;
mod trace;

const WORKERS: usize = 2;
const INNER: usize = 0;
const OUTER: usize = 1;
const REJECTED: u16 = 81;
const COUNTED: u16 = 82;

/// From the inner side everything may go out; from the outer side what belongs to it may come in, and else nothing, but
/// to one port it is told so, and to another two at a time may.
#[derive(Debug, Default)]
struct Edge {
    /// Nothing new, from nowhere.
    closed: bool,
}

impl Judge for Edge {
    fn has_rules(&self, hook: Hook, part: Part) -> bool {
        hook == Hook::Forward && part == Part::AfterStates
    }

    fn needs_states(&self) -> bool {
        true
    }

    fn judge(&self, _: usize, hook: Hook, _: Part, packet: &[u8], asks: &mut Asks<'_>) -> Verdict {
        assert_eq!(hook, Hook::Forward);
        assert!(asks.iif().is_some() && asks.oif().is_some());
        let port = u16::from_be_bytes([packet[42], packet[43]]);
        let inner = asks.iif().is_some_and(|(_, name)| name == "inner");
        match asks.connection().state {
            CtState::Established | CtState::Related => Verdict::Accept,
            CtState::New if self.closed => Verdict::Drop,
            CtState::New if inner => Verdict::Accept,
            CtState::New if port == REJECTED && packet[6] == 6 => Verdict::Reject(Reject::Reset),
            CtState::New if port == REJECTED => Verdict::Reject(Reject::Unreachable(1)),
            CtState::New if port == COUNTED && asks.count_connection(5) <= 2 => Verdict::Accept,
            _ => Verdict::Drop,
        }
    }

    fn rehearse(&self, hook: Hook, part: Part, packet: &[u8], asks: &mut Asks<'_>) -> Verdict {
        match hook {
            Hook::Forward => self.judge(0, hook, part, packet, asks),
            _ => Verdict::Accept,
        }
    }
}

#[derive(Clone, Default)]
struct Wire {
    inbound: Arc<Mutex<VecDeque<Vec<u8>>>>,
    sent: Arc<Mutex<Vec<Vec<u8>>>>,
    /// It takes nothing.
    blocked: Arc<AtomicBool>,
    /// It loses frames that end so.
    loses: Arc<Mutex<Option<&'static [u8]>>>,
}

impl Device for Wire {
    fn receive(&mut self, cache: &mut Cache, into: &mut Vec<Mbuf>, max: usize) -> io::Result<usize> {
        let mut inbound = self.inbound.lock().unwrap();
        let count = inbound.len().min(max);
        for frame in inbound.drain(..count) {
            let mut mbuf = cache.alloc().unwrap();
            assert!(mbuf.extend_from_slice(&frame));
            into.push(mbuf);
        }
        Ok(count)
    }

    fn transmit(&mut self, _: &mut Cache, frames: &mut Vec<Mbuf>) -> Sent {
        if self.blocked.load(Ordering::Relaxed) {
            return Sent::default();
        }
        let loses = *self.loses.lock().unwrap();
        let before = frames.len();
        frames.retain(|frame| loses.is_none_or(|end| !frame.data().ends_with(end)));
        let sent = Sent { lost: (before - frames.len()) as u64, ..Sent::all(frames) };
        self.sent.lock().unwrap().extend(frames.drain(..).map(|frame| frame.data()[14..].to_vec()));
        sent
    }
}

struct Router {
    stack: Stack,
    pool: Pool,
    workers: Vec<StackWorker>,
    ids: [IfId; 2],
    /// By side, and by worker.
    wires: [[Wire; WORKERS]; 2],
    now: Arc<Mutex<Instant>>,
}

fn control<T>(work: impl FnOnce(&mut Ctx<'_, Unlocked>) -> T) -> T {
    let mut root = Root::new();
    let mut entered = root.enter().unwrap();
    work(&mut entered.ctx())
}

fn addr(side: usize, host: u16) -> Ipv6Addr {
    Ipv6Addr::new(0x2001, 0xdb8, side as u16, 0, 0, 0, 0, host)
}

fn mac(side: usize, host: u8) -> Mac {
    Mac([2, 0, 0, 0, side as u8, host])
}

impl Router {
    /// With two states' limits and no filter yet.
    fn new() -> Router {
        Router::with(|_| {})
    }

    /// The same with another configuration.
    fn with(change: impl FnOnce(&mut StackConfig)) -> Router {
        let pool = Pool::new(PoolConfig { buffers: 4096, size: 2048, headroom: 128 }).unwrap();
        let now = Arc::new(Mutex::new(Instant::from_nanos(1)));
        let clock = now.clone();
        let mut config = StackConfig::new(pool.clone(), move || *clock.lock().unwrap());
        config.workers = WORKERS;
        config.mld.enabled = false;
        change(&mut config);
        let stack = Stack::new(config).unwrap();
        let workers = (0..WORKERS).map(|index| stack.worker(index).unwrap()).collect();
        let wires: [[Wire; WORKERS]; 2] = Default::default();
        control(|ctx| stack.set_forwarding(ctx, true));
        let mut router = Router { stack, pool, workers, ids: [IfId::NONE; 2], wires, now };
        router.ids = [INNER, OUTER].map(|side| router.attach(side, ["inner", "outer"][side]));
        router
    }

    fn attach(&self, side: usize, name: &str) -> IfId {
        let (stack, wires) = (&self.stack, &self.wires[side]);
        control(|ctx| {
            let spec = InterfaceSpec { name: name.to_owned(), mac: mac(side, 1), mtu: 1500 };
            let devices = wires.iter().map(|wire| Box::new(wire.clone()) as Box<dyn Device>);
            let id = stack.attach(ctx, spec, devices.collect()).unwrap();
            stack.add_address(ctx, id, addr(side, 1).into(), 64, false).unwrap();
            for host in 2..8 {
                stack.add_neighbor(ctx, id, addr(side, host).into(), mac(side, host as u8)).unwrap();
            }
            id
        })
    }

    /// The interface of a side departs, and another comes in its place. Gives the former.
    fn replace(&mut self, side: usize, name: &str) -> IfId {
        let gone = self.ids[side];
        let mut detached = control(|ctx| self.stack.detach(ctx, gone)).unwrap();
        self.turns();
        assert!(detached.is_complete());
        self.ids[side] = self.attach(side, name);
        gone
    }

    fn filtered() -> Router {
        let router = Router::new();
        router.load(Edge::default());
        router
    }

    fn load(&self, judge: impl Judge + 'static) {
        let limits = StateLimits { states: 64, half_open: 32, ..StateLimits::default() };
        let setup = FilterSetup { judge: Arc::new(judge), limits, timeouts: Timeouts::default() };
        control(|ctx| self.stack.set_filter(ctx, Some(setup)));
    }

    /// Takes turns until nothing happens.
    fn turns(&mut self) {
        for _ in 0..20 {
            let now = *self.now.lock().unwrap();
            for worker in &mut self.workers {
                worker.turn(now);
            }
        }
    }

    fn wait(&mut self, time: Duration) {
        *self.now.lock().unwrap() += time;
        self.turns();
    }

    /// Whether a packet that comes by `side` to `worker` leaves on the other side.
    fn passes(&mut self, side: usize, worker: usize, packet: &[u8]) -> bool {
        self.hear(side, worker, packet);
        let out = self.take(1 - side);
        assert!(out.len() <= 1, "{out:?}");
        // The hop limit is one less.
        out.first().is_some_and(|out| out[8..] == packet[8..])
    }

    fn hear(&mut self, side: usize, worker: usize, packet: &[u8]) {
        self.comes(side, worker, packet);
        self.turns();
    }

    fn comes(&mut self, side: usize, worker: usize, packet: &[u8]) {
        let header = Ether { dst: mac(side, 1), src: mac(side, 2), ethertype: EtherType::IPV6 };
        let frame = [&header.to_bytes()[..], packet].concat();
        self.wires[side][worker].inbound.lock().unwrap().push_back(frame);
    }

    /// What has left by a side.
    fn take(&mut self, side: usize) -> Vec<Vec<u8>> {
        let wires = &self.wires[side];
        wires.iter().flat_map(|wire| std::mem::take(&mut *wire.sent.lock().unwrap())).collect()
    }

    fn states(&mut self, query: StateQuery) -> (Vec<StateReport>, usize) {
        let asked = self.stack.ask_states(StateQuery { most: 100, ..query });
        self.turns();
        asked.take().unwrap()
    }

    fn dropped(&self, cause: DropReason) -> u64 {
        self.stack.dropped(cause)
    }

    /// How many packets were carried from worker to worker.
    fn carried(&self) -> u64 {
        let types = self.stack.netisr_types();
        types.iter().find(|kind| kind.name == "filter").unwrap().total().handled
    }

    /// Every packet had one fate, and none lives.
    fn end(mut self) {
        self.turns();
        self.stack.check_conservation().unwrap();
        control(|ctx| self.stack.set_filter(ctx, None));
        for id in self.ids {
            let mut detached = control(|ctx| self.stack.detach(ctx, id)).unwrap();
            self.turns();
            assert!(detached.is_complete());
        }
        let Router { stack, pool, workers, .. } = self;
        drop((workers, stack));
        assert!(pool.is_full(), "{} buffers are missing", pool.live());
    }
}

fn packet(src: Ipv6Addr, dst: Ipv6Addr, proto: IpProto, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; 40];
    Ip6Repr::new(src, dst, proto, 64, body.len() as u16).emit(&mut bytes).unwrap();
    bytes.extend_from_slice(body);
    bytes
}

/// A segment without data and with a window of 0.
fn tcp(src: (Ipv6Addr, u16), dst: (Ipv6Addr, u16), flags: Flags, seq: u32, ack: u32) -> Vec<u8> {
    let repr = TcpRepr { src_port: src.1, dst_port: dst.1, seq, ack, flags };
    let mut body = vec![0; 20];
    repr.emit(Ends::V6 { src: src.0, dst: dst.0 }, &mut body).unwrap();
    packet(src.0, dst.0, IpProto::TCP, &body)
}

fn udp(src: (Ipv6Addr, u16), dst: (Ipv6Addr, u16), data: &[u8]) -> Vec<u8> {
    let mut body = vec![0; 8];
    body.extend_from_slice(data);
    let repr = UdpRepr { src_port: src.1, dst_port: dst.1 };
    repr.emit(Ends::V6 { src: src.0, dst: dst.0 }, &mut body).unwrap();
    packet(src.0, dst.0, IpProto::UDP, &body)
}

/// An error from outside about a packet.
fn too_big(to: Ipv6Addr, about: &[u8]) -> Vec<u8> {
    let (src, repr) = (addr(OUTER, 7), Icmp6Repr::PacketTooBig { mtu: 1280 });
    let mut body = vec![0; repr.buffer_len()];
    body.extend_from_slice(about);
    repr.emit(src, to, &mut body).unwrap();
    packet(src, to, IpProto::ICMP6, &body)
}

fn fragment(src: (Ipv6Addr, u16), dst: (Ipv6Addr, u16), ident: u32, offset: u16, more: bool) -> Vec<u8> {
    let whole = udp(src, dst, &[7; 40]);
    let repr = FragmentRepr { next_header: IpProto::UDP, offset, more, ident };
    let mut body = vec![0; 8];
    repr.emit(&mut body).unwrap();
    let data = &whole[40 + usize::from(offset)..];
    body.extend_from_slice(&data[..if more { 24 } else { data.len() }]);
    packet(src.0, dst.0, IpProto::FRAGMENT, &body)
}

const SYN_ACK: Flags = Flags(0x12);

/// A connection from inside, whose packets come to one worker and whose answers come to another.
fn connect(router: &mut Router, client: (Ipv6Addr, u16), server: (Ipv6Addr, u16), workers: (usize, usize)) {
    assert!(router.passes(INNER, workers.0, &tcp(client, server, Flags::SYN, 100, 0)));
    assert!(router.passes(OUTER, workers.1, &tcp(server, client, SYN_ACK, 500, 101)));
    assert!(router.passes(INNER, workers.0, &tcp(client, server, Flags::ACK, 101, 501)));
}

#[test]
fn answers_come_in_and_what_nobody_asked_for_does_not() {
    let mut router = Router::filtered();
    let (inner, outer) = ((addr(INNER, 2), 4000), (addr(OUTER, 2), 53));
    assert!(!router.passes(OUTER, 0, &udp(outer, inner, b"hello")));
    assert_eq!(router.dropped(DropReason::Filtered), 1);
    assert!(router.passes(INNER, 0, &udp(inner, outer, b"question")));
    assert!(router.passes(OUTER, 0, &udp(outer, inner, b"answer")));
    assert!(!router.passes(OUTER, 0, &udp((outer.0, 54), inner, b"from another port")));
    router.wait(Duration::from_secs(299));
    assert!(router.passes(OUTER, 0, &udp(outer, inner, b"more")), "a stream lives for five minutes");
    router.wait(Duration::from_secs(301));
    assert!(!router.passes(OUTER, 0, &udp(outer, inner, b"too late")));
    assert_eq!(router.stack.state_usage().iter().map(|usage| usage.states).sum::<usize>(), 0);
    router.end();
}

#[test]
fn a_flow_and_its_answers_meet_on_one_worker() {
    for workers in [(0, 1), (1, 0), (0, 0), (1, 1)] {
        let mut router = Router::filtered();
        let (client, server) = ((addr(INNER, 2), 4000), (addr(OUTER, 2), 80));
        connect(&mut router, client, server, workers);
        assert_eq!(router.carried(), u64::from(workers.0 != workers.1), "the answer goes to its flow");
        let (states, all) = router.states(StateQuery::default());
        assert_eq!((all, states[0].phase, states[0].worker), (1, "established", workers.0));
        assert_eq!(states[0].traffic.map(|(packets, _)| packets), [2, 1]);
        router.end();
    }
}

#[test]
fn errors_about_a_flow_come_in_and_others_do_not() {
    let mut router = Router::filtered();
    let (client, server) = ((addr(INNER, 2), 4000), (addr(OUTER, 2), 80));
    connect(&mut router, client, server, (0, 0));
    let data = tcp(client, server, Flags::ACK, 101, 501);
    assert!(router.passes(OUTER, 1, &too_big(client.0, &data)), "to the other worker, by what it quotes");
    assert_eq!(router.carried(), 1);
    let never_sent = tcp(client, server, Flags::ACK, 5101, 501);
    assert!(!router.passes(OUTER, 1, &too_big(client.0, &never_sent)), "RFC 5927");
    let other = tcp((client.0, 4001), server, Flags::ACK, 101, 501);
    assert!(!router.passes(OUTER, 1, &too_big(client.0, &other)));
    router.end();
}

#[test]
fn whoever_is_rejected_is_told() {
    let mut router = Router::filtered();
    let (inside, outside) = ((addr(INNER, 2), REJECTED), (addr(OUTER, 2), 4000));
    router.hear(OUTER, 0, &tcp(outside, inside, Flags::SYN, 100, 0));
    let [reset] = &router.take(OUTER)[..] else { panic!("one reset") };
    assert_eq!(
        (&reset[8..24], reset[6], reset[53]),
        (&inside.0.octets()[..], 6, 0x14),
        "in the server's name"
    );
    assert_eq!(reset[48..52], 101u32.to_be_bytes(), "and it is believed");
    router.hear(OUTER, 0, &udp(outside, inside, b"hello"));
    let [error] = &router.take(OUTER)[..] else { panic!("one error") };
    assert_eq!(error[40..42], [1, 1], "administratively prohibited");
    assert_eq!((router.dropped(DropReason::Filtered), router.take(INNER).len()), (2, 0));
    assert_eq!(router.states(StateQuery::default()).1, 0);
    router.end();
}

#[test]
fn connections_are_counted_as_long_as_they_live() {
    let mut router = Router::filtered();
    let syn = |host| tcp((addr(OUTER, host), 4000), (addr(INNER, 2), COUNTED), Flags::SYN, 100, 0);
    assert!(router.passes(OUTER, 0, &syn(2)) && router.passes(OUTER, 1, &syn(3)));
    assert!(!router.passes(OUTER, 0, &syn(4)), "two at a time, over both workers");
    assert!(router.passes(OUTER, 1, &syn(2)), "one that is counted comes again");
    router.states(StateQuery { addr: Some(addr(OUTER, 2).into()), flush: true, ..StateQuery::default() });
    assert!(router.passes(OUTER, 0, &syn(4)));
    assert!(!router.passes(OUTER, 0, &syn(5)));
    router.end();
}

/// As in Linux, states are moved on before rules are asked: who resets a connection is believed, though the other end may never hear of it.
#[test]
fn a_reset_that_rules_drop_ends_its_flow_all_the_same_which_counts_no_more() {
    /// Counts what comes to one port, two at a time, and drops resets.
    #[derive(Debug)]
    struct NoResets;

    impl Judge for NoResets {
        fn has_rules(&self, hook: Hook, part: Part) -> bool {
            hook == Hook::Forward && part == Part::AfterStates
        }

        fn needs_states(&self) -> bool {
            true
        }

        fn judge(&self, _: usize, _: Hook, _: Part, packet: &[u8], asks: &mut Asks<'_>) -> Verdict {
            let comes = packet[42..44] == COUNTED.to_be_bytes();
            let drops = packet[53] & 4 != 0 || comes && asks.count_connection(5) > 2;
            if drops { Verdict::Drop } else { Verdict::Accept }
        }

        fn rehearse(&self, _: Hook, _: Part, _: &[u8], _: &mut Asks<'_>) -> Verdict {
            Verdict::Accept
        }
    }

    let mut router = Router::new();
    router.load(NoResets);
    let (client, server) = (|port| (addr(INNER, 2), port), (addr(OUTER, 2), COUNTED));
    connect(&mut router, client(1), server, (0, 0));
    connect(&mut router, client(2), server, (0, 0));
    assert!(!router.passes(INNER, 0, &tcp(client(3), server, Flags::SYN, 1, 0)));
    assert!(!router.passes(INNER, 0, &tcp(client(1), server, Flags::RST, 101, 0)), "dropped");
    assert!(router.passes(INNER, 0, &tcp(client(3), server, Flags::SYN, 1, 0)));
    assert!(!router.passes(INNER, 0, &tcp(client(4), server, Flags::SYN, 1, 0)));
    router.end();
}

#[test]
fn later_fragments_follow_their_first_to_whichever_worker_they_come() {
    let mut router = Router::filtered();
    let (inside, outside) = ((addr(INNER, 2), 4000), (addr(OUTER, 2), 53));
    for worker in [0, 1] {
        let ident = worker as u32;
        assert!(router.passes(INNER, 0, &fragment(inside, outside, ident, 0, true)));
        assert!(router.passes(INNER, worker, &fragment(inside, outside, ident, 24, false)));
        assert!(
            !router.passes(INNER, worker, &fragment(inside, outside, ident, 16, false)),
            "over what was judged"
        );
    }
    assert_eq!(router.dropped(DropReason::FragmentOverlap), 2);
    // One that comes first waits for its first; one whose first is dropped goes nowhere.
    assert!(!router.passes(INNER, 0, &fragment(inside, outside, 7, 24, false)));
    router.hear(INNER, 0, &fragment(inside, outside, 7, 0, true));
    let offsets: Vec<u8> = router.take(OUTER).iter().map(|piece| piece[43]).collect();
    assert_eq!(offsets, [1, 24], "the first, and then the other");
    let stranger = (addr(OUTER, 3), 53);
    assert!(!router.passes(OUTER, 0, &fragment(stranger, inside, 9, 0, true)));
    assert!(!router.passes(OUTER, 0, &fragment(stranger, inside, 9, 24, false)));
    router.wait(Duration::from_secs(3));
    assert_eq!(router.dropped(DropReason::FilterFragment), 1);
    router.end();
}

#[test]
fn established_flows_survive_a_reload_and_a_flood() {
    let mut router = Router::filtered();
    let (client, server) = ((addr(INNER, 2), 4000), (addr(OUTER, 2), 80));
    connect(&mut router, client, server, (0, 1));
    for flood in 0..1000 {
        let port = 5000 + flood % 200;
        router.hear(
            INNER,
            usize::from(flood % 2),
            &tcp((addr(INNER, 3), port), (addr(OUTER, 3), 80), Flags::SYN, 1, 0),
        );
    }
    assert!(router.stack.state_usage().iter().all(|usage| usage.states <= 32 && usage.evicted > 0));
    router.take(OUTER);
    assert!(router.passes(OUTER, 1, &tcp(server, client, Flags::ACK, 501, 101)));
    router.load(Edge::default());
    assert!(router.passes(OUTER, 1, &tcp(server, client, Flags::ACK, 501, 101)));
    assert!(router.passes(INNER, 0, &tcp(client, server, Flags::ACK, 101, 501)));
    router.load(Edge { closed: true });
    assert!(
        !router.passes(OUTER, 1, &tcp(server, client, Flags::ACK, 501, 101)),
        "it may not begin any more"
    );
    assert!(!router.passes(INNER, 0, &tcp((client.0, 4001), server, Flags::SYN, 1, 0)), "the new rules hold");
    router.end();
}

#[test]
fn without_rules_nothing_is_filtered_and_no_state_is_kept() {
    let mut router = Router::filtered();
    control(|ctx| router.stack.set_filter(ctx, None));
    let (inside, outside) = ((addr(INNER, 2), 4000), (addr(OUTER, 2), 53));
    assert!(router.passes(OUTER, 0, &udp(outside, inside, b"hello")));
    assert_eq!(router.states(StateQuery::default()), (vec![], 0));
    assert!(!router.stack.limits_by_name().iter().any(|name| name.starts_with("filter-states")));
    router.load(Edge::default());
    assert!(!router.passes(OUTER, 0, &udp(outside, inside, b"hello")), "and begins with nothing");
    router.end();
}

#[test]
fn what_is_carried_goes_with_its_interface() {
    let mut router = Router::filtered();
    let (client, server) = ((addr(INNER, 2), 4000), (addr(OUTER, 2), 80));
    connect(&mut router, client, server, (0, 0));
    let answer = tcp(server, client, Flags::ACK, 501, 101);
    let header = Ether { dst: mac(OUTER, 1), src: mac(OUTER, 2), ethertype: EtherType::IPV6 };
    let frame = [&header.to_bytes()[..], &answer].concat();
    router.wires[OUTER][1].inbound.lock().unwrap().push_back(frame);
    let now = *router.now.lock().unwrap();
    // The other worker has sent it on; its own has not come by.
    router.workers[1].turn(now);
    let mut detached = control(|ctx| router.stack.detach(ctx, router.ids[OUTER])).unwrap();
    router.turns();
    assert!(detached.is_complete());
    assert_eq!(router.take(INNER).len(), 0);
    router.ids[OUTER] = router.ids[INNER];
    let Router { stack, pool, workers, .. } = router;
    stack.check_conservation().unwrap();
    let departed = stack.netisr_types().iter().find(|kind| kind.name == "filter").unwrap().total().departed;
    assert_eq!(departed, 1);
    drop((workers, stack));
    assert!(pool.is_full());
}

trait LimitNames {
    fn limits_by_name(&self) -> Vec<String>;
}

impl LimitNames for Stack {
    fn limits_by_name(&self) -> Vec<String> {
        control(|ctx| self.limits(ctx)).into_iter().map(|report| report.name.to_string()).collect()
    }
}

#[test]
fn states_are_told_by_what_they_are_of() {
    let mut router = Router::filtered();
    let (client, server) = ((addr(INNER, 2), 4000), (addr(OUTER, 2), 80));
    connect(&mut router, client, server, (0, 1));
    assert!(router.passes(INNER, 1, &udp((addr(INNER, 3), 9), (addr(OUTER, 3), 53), b"")));
    let count = |router: &mut Router, query| router.states(query).1;
    let of = StateQuery::default;
    assert_eq!(count(&mut router, of()), 2);
    assert_eq!(count(&mut router, StateQuery { port: Some(53), ..of() }), 1);
    assert_eq!(count(&mut router, StateQuery { proto: Some(IpProto::TCP), ..of() }), 1);
    assert_eq!(count(&mut router, StateQuery { phase: Some("asked".into()), ..of() }), 1);
    let host = IpAddr::from(addr(OUTER, 2));
    let (states, _) = router.states(StateQuery { addr: Some(host), flush: true, ..of() });
    assert_eq!((states[0].src, states[0].dst, states[0].dst_port), (client.0.into(), host, 80));
    assert_eq!(states[0].interfaces, router.ids);
    assert_eq!(count(&mut router, of()), 1);
    assert!(!router.passes(OUTER, 0, &tcp(server, client, SYN_ACK, 1, 1)), "a flushed flow is no more");
    router.end();
}
