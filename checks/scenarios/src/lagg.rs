//! The stack's lagg, shipped code: an operator changes it, or its links come and go, while a worker sends through it.
//!
//! Two ports, a lagg, a VLAN on it; addresses on both, that are announced when the port in use changes; and a load
//! of echo requests to a neighbour on the VLAN, which must all reach a wire.

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::net::Ipv4Addr;
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
use siding_stack::Announce;
use siding_stack::Device;
use siding_stack::InterfaceSpec;
use siding_stack::LaggSpec;
use siding_stack::Mode;
use siding_stack::Sent;
use siding_stack::Stack;
use siding_stack::StackConfig;
use siding_stack::StackWorker;
use siding_stack::drops::DropReason;
use siding_stack::ifnet::Vlan;
use siding_wire::EtherType;
use siding_wire::IpProto;
use siding_wire::Mac;
use siding_wire::arp::ArpRepr;
use siding_wire::ether::Ether;
use siding_wire::ether::VLAN_LEN;
use siding_wire::ip6::Ip6Repr;
use siding_wire::nd;
use siding_wire::nd::NdMessage;

use crate::checker::TIMED;
use crate::checker::thread;
use crate::rig::outside;
use crate::rig::pick;

const MACS: [Mac; 2] = [Mac([2, 0, 0, 0, 0, 1]), Mac([2, 0, 0, 0, 0, 2])];
const OTHER_MAC: Mac = Mac([2, 0, 0, 0, 0, 9]);
const NEIGHBOUR_MAC: Mac = Mac([2, 0, 0, 0, 1, 1]);
const ON_LAGG: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 1));
const ON_VLAN: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
const ON_VLAN6: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1));
const NEIGHBOUR: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2));
const INTERVAL: Duration = Duration::from_secs(1);
/// Rounds of announcements.
const ROUNDS: u32 = 2;

/// The end of a wire.
struct Wire(Arc<Seen>);

#[derive(Default)]
struct Seen {
    gone: AtomicU64,
    late: AtomicU64,
    frames: Mutex<Vec<Vec<u8>>>,
}

impl Device for Wire {
    fn receive(&mut self, _: &mut Cache, _: &mut Vec<Mbuf>, _: usize) -> io::Result<usize> {
        Ok(0)
    }

    fn transmit(&mut self, _: &mut Cache, frames: &mut Vec<Mbuf>) -> Sent {
        let sent = Sent::all(frames);
        self.0.late.fetch_add(self.0.gone.load(Ordering::Relaxed), Ordering::Relaxed);
        let bytes = frames.drain(..).map(|frame| frame.data().to_vec());
        self.0.frames.lock().expect("no panic").extend(bytes);
        sent
    }
}

/// What a frame is, to the tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    /// An announcement of the address, with the link-layer address that it says.
    Announces(IpAddr, Mac),
    /// A report of groups.
    Groups,
    /// A part of the load.
    Load,
}

struct Rig {
    stack: Stack,
    pool: Pool,
    clock: Arc<AtomicU64>,
    wires: [Arc<Seen>; 2],
    ports: [IfId; 2],
    lagg: IfId,
    vlan: IfId,
    load: usize,
}

impl Rig {
    /// The first port is in use. Of the load nothing has been handled.
    fn new() -> (Rig, StackWorker) {
        let pool = Pool::new(PoolConfig { buffers: 32, size: 512, headroom: 64 }).expect("sizes in range");
        let clock = Arc::new(AtomicU64::new(1));
        let ticking = clock.clone();
        let mut config =
            StackConfig::new(pool.clone(), move || Instant::from_nanos(ticking.load(Ordering::Relaxed)));
        config.interfaces = 4;
        config.queue_limit = 8;
        let stack = Stack::new(config).expect("sizes in range");
        let wires = [Arc::new(Seen::default()), Arc::new(Seen::default())];
        let mut worker = stack.worker(0).expect("a new stack has a vacant worker");
        let (ports, lagg, vlan) = outside(|ctx| {
            let ports = [0, 1].map(|port| {
                let spec = InterfaceSpec { name: format!("em{port}"), mac: MACS[port], mtu: 1500 };
                let device: Vec<Box<dyn Device>> = vec![Box::new(Wire(wires[port].clone()))];
                stack.attach(ctx, spec, device).expect("a free slot")
            });
            let mut spec = LaggSpec::new("lagg0", Mode::Failover);
            spec.announce = Announce { count: ROUNDS, interval: INTERVAL };
            let lagg = stack.add_lagg(ctx, spec).expect("a free slot");
            for (port, priority) in ports.iter().zip([2, 1]) {
                stack.lagg_add_port(ctx, lagg, *port, priority).expect("a port without addresses");
            }
            let vlan = Vlan { parent: lagg, vid: 10, ethertype: EtherType::VLAN };
            let vlan = stack.add_vlan(ctx, "lagg0.10", vlan).expect("a free slot");
            stack.add_neighbor(ctx, vlan, NEIGHBOUR, NEIGHBOUR_MAC).expect("a new neighbour");
            (ports, lagg, vlan)
        });
        let mut pass = |intervals: u32| {
            for _ in 0..intervals {
                while worker.turn(Instant::from_nanos(clock.load(Ordering::Relaxed))).more {}
                clock.fetch_add(INTERVAL.as_nanos() as u64, Ordering::Relaxed);
            }
        };
        // That the first port was added is announced too, and groups are reported when they are joined: all of it is
        // over before the scenario begins.
        pass(ROUNDS + 1);
        outside(|ctx| {
            for (on, addr, len) in Rig::addresses(lagg, vlan) {
                stack.add_address(ctx, on, addr, len, false).expect("a new address");
            }
        });
        pass(pick(0, 10));
        wires.iter().for_each(|wire| wire.frames.lock().expect("no panic").clear());
        let load = pick(1, 3);
        outside(|ctx| {
            let ping = stack.open_ping(ctx).expect("a free identifier");
            for seq in 0..load {
                stack.ping(ctx, &ping, NEIGHBOUR, IfId::NONE, seq, b"").expect("room");
            }
        });
        (Rig { stack, pool, clock, wires, ports, lagg, vlan, load: load.into() }, worker)
    }

    fn addresses(lagg: IfId, vlan: IfId) -> Vec<(IfId, IpAddr, u8)> {
        let all = [(vlan, ON_VLAN, 24), (lagg, ON_LAGG, 24), (vlan, ON_VLAN6, 64)];
        all[..pick(2, 3)].to_vec()
    }

    fn now(&self) -> Instant {
        Instant::from_nanos(self.clock.load(Ordering::Relaxed))
    }

    /// Lets the rounds that are still due happen.
    fn settle(&self, worker: &mut StackWorker) {
        for _ in 0..=ROUNDS {
            while worker.turn(self.now()).more {}
            self.clock.fetch_add(INTERVAL.as_nanos() as u64, Ordering::Relaxed);
        }
    }

    /// How often each thing was sent, by wire.
    fn seen(&self) -> BTreeMap<(usize, What), usize> {
        let mut counts = BTreeMap::new();
        for (wire, seen) in self.wires.iter().enumerate() {
            for frame in seen.frames.lock().expect("no panic").iter() {
                *counts.entry((wire, what(frame))).or_default() += 1;
            }
        }
        counts
    }

    /// The announcements on each wire, without what they say: in all, and of each address.
    fn announcements(&self, wire: usize) -> BTreeMap<Option<IpAddr>, usize> {
        let mut counts = BTreeMap::new();
        for ((on, what), count) in self.seen() {
            let addr = match what {
                What::Announces(addr, _) => Some(addr),
                What::Groups => None,
                What::Load => continue,
            };
            if on == wire {
                *counts.entry(addr).or_default() += count;
            }
        }
        counts
    }

    /// What each address's announcements amount to when each was announced so often.
    fn each(&self, times: usize) -> BTreeMap<Option<IpAddr>, usize> {
        let addrs = Rig::addresses(self.lagg, self.vlan);
        let groups = addrs.iter().any(|(_, addr, _)| addr.is_ipv6()).then_some(None);
        addrs.into_iter().map(|(_, addr, _)| Some(addr)).chain(groups).map(|what| (what, times)).collect()
    }

    fn load_sent(&self) -> usize {
        self.seen().iter().filter(|((_, what), _)| *what == What::Load).map(|(_, count)| count).sum()
    }

    fn mac(&self, id: IfId) -> Option<Mac> {
        self.stack.config().interface(id).map(|interface| interface.mac)
    }

    /// Checks what holds at the end of each of these scenarios.
    fn finish(self, mut worker: StackWorker) {
        for id in [self.vlan, self.lagg, self.ports[0], self.ports[1]] {
            let detached = outside(|ctx| self.stack.detach(ctx, id));
            if let Ok(mut detached) = detached {
                worker.turn(self.now());
                assert!(detached.is_complete(), "the worker has come by");
            }
        }
        while worker.turn(self.now()).more {}
        self.stack.check_conservation().expect("one fate for each packet");
        let late = |wire: &Arc<Seen>| wire.late.load(Ordering::Relaxed);
        assert_eq!(self.wires.iter().map(late).sum::<u64>(), 0, "a frame left after a detach was complete");
        assert_eq!(self.stack.config().interfaces().count(), 0);
        drop(worker);
        assert_eq!(self.pool.live(), 0, "buffers are missing from the pool");
    }
}

fn what(frame: &[u8]) -> What {
    let (header, mut rest) = Ether::parse(frame).expect("a frame");
    let mut ethertype = header.ethertype;
    if ethertype == EtherType::VLAN {
        ethertype = EtherType(u16::from_be_bytes([rest[2], rest[3]]));
        rest = &rest[VLAN_LEN..];
    }
    match ethertype {
        EtherType::IPV4 => What::Load,
        EtherType::ARP => {
            let arp = ArpRepr::parse(rest).expect("a good message");
            assert!(arp.is_announcement() && arp.sha == header.src, "{arp:?} from {}", header.src);
            What::Announces(arp.spa.into(), arp.sha)
        }
        _ => {
            let (ip, body) = Ip6Repr::parse(rest).expect("a packet");
            if ip.next_header == IpProto::HOP_BY_HOP {
                return What::Groups;
            }
            match nd::validate(ip.hop_limit, ip.src, ip.dst, body, false) {
                Ok(NdMessage::NeighborAdvert(advert)) if advert.tlla == Some(header.src) => {
                    What::Announces(advert.target.into(), header.src)
                }
                other => panic!("{other:?} from {}", header.src),
            }
        }
    }
}

/// The port in use fails while a worker sends through the lagg. Nothing is lost, and each address is announced as
/// often as configured, on the new port alone.
pub(crate) fn failover() {
    let (rig, mut worker) = Rig::new();
    let now = rig.now();
    let sending = thread::spawn(move || {
        (0..pick(1, 3)).for_each(|_| _ = worker.turn(now));
        worker
    });
    outside(|ctx| rig.stack.set_link(ctx, rig.ports[0], false)).expect("attached");
    let mut worker = sending.join().expect("no panic");
    rig.settle(&mut worker);
    assert_eq!(rig.announcements(0), rig.each(0).into_iter().filter(|(_, times)| *times > 0).collect());
    assert_eq!(rig.announcements(1), rig.each(ROUNDS as usize), "each address, as often as configured");
    assert_eq!(rig.load_sent(), rig.load, "a part of the load was lost");
    assert_eq!(rig.stack.drops().iter().map(|drop| drop.count).sum::<u64>(), 0);
    rig.finish(worker);
}

/// A port is detached while a worker sends through it.
pub(crate) fn port_departs() {
    let (rig, mut worker) = Rig::new();
    let now = rig.now();
    let sending = thread::spawn(move || {
        (0..pick(1, 3)).for_each(|_| _ = worker.turn(now));
        worker
    });
    // Nobody may wait for a worker that is not polled, so the operator only begins, and looks again afterwards.
    let mut detached = outside(|ctx| rig.stack.detach(ctx, rig.ports[0])).expect("attached until now");
    let mut worker = sending.join().expect("no panic");
    worker.turn(now);
    assert!(detached.is_complete(), "the worker has come by");
    rig.wires[0].gone.store(1, Ordering::Relaxed);
    rig.settle(&mut worker);
    assert_eq!(rig.announcements(1), rig.each(ROUNDS as usize), "the port that is left is announced");
    let dropped = rig.stack.dropped(DropReason::InterfaceGone) as usize;
    assert_eq!(rig.load_sent() + dropped, rig.load, "one fate for each part of the load");
    rig.finish(worker);
}

/// How many times slower everything is, where a sanitizer looks at each access and says so.
fn slower() -> u32 {
    std::env::var("SIDING_SLOWER").ok().and_then(|times| times.parse().ok()).unwrap_or(1)
}

/// The link changes while others take the lagg's lock all the time: an operator who looks, a worker whose timer runs.
/// The change is done at once.
pub(crate) fn lock_contended() {
    let (rig, mut worker) = Rig::new();
    let now = rig.now();
    let looking = rig.stack.clone();
    let looker = thread::spawn(move || {
        (0..pick(1, 50)).for_each(|_| assert_eq!(outside(|ctx| looking.laggs(ctx)).len(), 1));
    });
    let spinning = thread::spawn(move || {
        // The first change makes a timer that is due an interval later; from then on each turn takes the lock.
        (0..pick(1, 20)).for_each(|turn| _ = worker.turn(now + INTERVAL * turn));
        worker
    });
    let mut took = Vec::new();
    for change in 0..pick(1, 9) {
        let begun = std::time::Instant::now();
        outside(|ctx| rig.stack.set_link(ctx, rig.ports[0], change % 2 == 1)).expect("attached");
        took.push(begun.elapsed());
    }
    looker.join().expect("no panic");
    let mut worker = spinning.join().expect("no panic");
    // The one in the middle: now and then the machine does something else meanwhile.
    took.sort();
    assert!(!TIMED || took[took.len() / 2] < Duration::from_millis(10) * slower(), "{took:?}");
    rig.clock.store((now + INTERVAL * 20).as_nanos(), Ordering::Relaxed);
    rig.settle(&mut worker);
    assert_eq!(rig.load_sent(), rig.load, "a part of the load was lost");
    rig.finish(worker);
}

/// The lagg gets another address while the port in use fails. What is announced says one address or the other, whole,
/// and in the end the new one.
pub(crate) fn set_mac() {
    let (rig, mut worker) = Rig::new();
    let now = rig.now();
    let (stack, lagg) = (rig.stack.clone(), rig.lagg);
    let operator = thread::spawn(move || {
        outside(|ctx| stack.lagg_set_mac(ctx, lagg, OTHER_MAC)).expect("a lagg");
    });
    outside(|ctx| rig.stack.set_link(ctx, rig.ports[0], false)).expect("attached");
    (0..pick(0, 2)).for_each(|_| _ = worker.turn(now));
    operator.join().expect("no panic");
    rig.settle(&mut worker);
    for id in [rig.lagg, rig.vlan, rig.ports[0], rig.ports[1]] {
        assert_eq!(rig.mac(id), Some(OTHER_MAC), "{id}");
    }
    // Two changes, of which the second's rounds replace what is left of the first's.
    let [first, second] = [0, 1].map(|wire| rig.announcements(wire).values().sum::<usize>());
    let once = rig.each(1).len();
    assert_eq!(first + second, (1 + ROUNDS as usize) * once, "{:?}", rig.seen());
    let latest = |addr| {
        let frames = rig.wires[1].frames.lock().expect("no panic");
        frames.iter().rev().find_map(|frame| match what(frame) {
            What::Announces(announced, mac) if announced == addr => Some(mac),
            _ => None,
        })
    };
    for (_, addr, _) in Rig::addresses(rig.lagg, rig.vlan) {
        assert_eq!(latest(addr), Some(OTHER_MAC), "{addr}");
    }
    assert_eq!(rig.load_sent(), rig.load, "a part of the load was lost");
    rig.finish(worker);
}

/// The lagg is destroyed while the link of a port comes and goes.
pub(crate) fn destroyed() {
    let (rig, mut worker) = Rig::new();
    let now = rig.now();
    let (stack, port) = (rig.stack.clone(), rig.ports[0]);
    let flapping = thread::spawn(move || {
        for change in 0..pick(1, 4) {
            // In the midst of it there may be no lagg any more.
            outside(|ctx| stack.set_link(ctx, port, change % 2 == 1)).expect("the port is attached");
        }
        stack.config().interface(port).is_some_and(|port| port.link)
    });
    let mut detached = outside(|ctx| rig.stack.detach(ctx, rig.lagg)).expect("attached until now");
    worker.turn(now);
    let link = flapping.join().expect("no panic");
    worker.turn(now);
    assert!(detached.is_complete(), "the worker has come by");
    assert_eq!(link, pick(false, true), "the last that the driver said");
    for (port, mac) in rig.ports.iter().zip(MACS) {
        let config = rig.stack.config();
        let port = config.interface(*port).expect("attached");
        assert_eq!((port.member_of, port.mac), (IfId::NONE, mac), "a port without a lagg");
    }
    rig.settle(&mut worker);
    rig.finish(worker);
}
