//! Two routers that are the same but for express, and whose wires, clocks and commands are the same: what one does, the other
//! must do.

use std::collections::VecDeque;
use std::fmt::Write;
use std::io;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::thread;
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
use siding_stack::Event;
use siding_stack::InterfaceSpec;
use siding_stack::LaggSpec;
use siding_stack::Mode;
use siding_stack::Observer;
use siding_stack::Sent;
use siding_stack::Stack;
use siding_stack::StackConfig;
use siding_stack::StackWorker;
use siding_stack::filter::StateQuery;
use siding_stack::ifnet::IfCounter;
use siding_stack::ifnet::Version;
use siding_stack::ifnet::Vlan;
use siding_stack::nd6::host::Accept;
use siding_stack::nd6::host::HostConfig;
use siding_stack::route::Group;
use siding_stack::route::Hop;
use siding_stack::route::Origin;
use siding_stack::route::Prefix;
use siding_stack::route::Refusal;
use siding_stack::route::Route;
use siding_wire::EtherType;
use siding_wire::Mac;

use super::rules::Counted;
use super::rules::Rules;

/// Devices: two alone, a trunk with VLANs, and the ports of a lagg.
pub const DEVICES: usize = 5;

/// Subnets, by the number of the interface that they are on: see [`Twin::new`].
pub const SUBNETS: [u8; 6] = [1, 2, 10, 20, 30, 4];

/// What an interface is called that has this subnet, and the device that its frames come by.
pub const ON: [(&str, usize); 6] =
    [("em1", 0), ("em2", 1), ("vlan10", 2), ("vlan20", 2), ("inner30", 2), ("lagg0", 3)];

/// Who takes frames for a virtual router's link-layer address as well, at first.
pub const FURTHER: [usize; 3] = [0, 2, 5];

/// Neighbours of each subnet whose link-layer addresses are known from the beginning.
pub const KNOWN: u16 = 8;

/// A router of the first VLAN.
pub const ROUTER: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0x99);

/// Hosts of a subnet that answer when they are asked for; those after them are silent.
pub const ANSWERING: u16 = 24;

/// What somebody else does, once.
type Deed = Box<dyn FnOnce() + Send>;

#[derive(Clone, Default)]
struct Wire {
    arriving: Arc<Mutex<VecDeque<Vec<u8>>>>,
    sent: Arc<Mutex<Vec<Vec<u8>>>>,
    /// Done on another thread while the next frames are sent.
    meanwhile: Arc<Mutex<Option<Deed>>>,
}

impl Device for Wire {
    fn receive(&mut self, cache: &mut Cache, into: &mut Vec<Mbuf>, max: usize) -> io::Result<usize> {
        let mut arriving = self.arriving.lock().unwrap();
        let many = max.min(arriving.len());
        for frame in arriving.drain(..many) {
            let mut mbuf = cache.alloc().expect("buffers");
            assert!(mbuf.extend_from_slice(&frame));
            into.push(mbuf);
        }
        Ok(many)
    }

    fn transmit(&mut self, cache: &mut Cache, frames: &mut Vec<Mbuf>) -> Sent {
        let deed = self.meanwhile.lock().unwrap().take();
        if let Some(deed) = deed {
            thread::spawn(deed).join().unwrap();
        }
        let sent = Sent::all(frames);
        self.sent.lock().unwrap().extend(frames.iter().map(|frame| frame.data().to_vec()));
        cache.free_all(frames.drain(..));
        sent
    }
}

#[derive(Default)]
struct Heard(Mutex<Vec<String>>);

impl Observer for Heard {
    fn event(&self, event: &Event) {
        self.0.lock().unwrap().push(event.to_string());
    }
}

/// One of the two.
struct Side {
    stack: Stack,
    workers: Vec<StackWorker>,
    /// Of each worker.
    wires: Vec<[Wire; DEVICES]>,
    heard: Arc<Heard>,
    counted: Counted,
}

/// Both.
pub struct Twin {
    sides: [Side; 2],
    clock: Arc<AtomicU64>,
}

/// What both have sent in a turn, by device.
pub type Frames = [Vec<Vec<u8>>; DEVICES];

/// How a twin is made.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    pub mode: Mode,
    pub examine_options: bool,
    pub point_to_point: bool,
    pub workers: usize,
}

/// The address of a host on a subnet.
pub fn addr6(subnet: u8, host: u16) -> Ipv6Addr {
    Ipv6Addr::new(0x2001, 0xdb8, subnet.into(), 0, 0, 0, 0, host)
}

/// The same in IPv4.
pub fn addr4(subnet: u8, host: u16) -> Ipv4Addr {
    Ipv4Addr::new(10, 0, subnet, host as u8)
}

/// The link-layer address of a host.
pub fn mac(subnet: u8, host: u16) -> Mac {
    Mac([2, 0, 0, 1, subnet, host as u8])
}

/// The link-layer address of one of our devices.
pub fn own_mac(device: usize) -> Mac {
    Mac([2, 0, 0, 0, 0, device as u8 + 1])
}

/// That of a virtual router on an interface that this device's frames may be for.
pub fn further_mac(device: usize) -> Mac {
    Mac([0, 0, 0x5e, 0, 1, device as u8 + 1])
}

/// A destination behind a router of a subnet: its prefixes are 2001:db8:1SSH::/48 and 10.1SS.H.0/24, by way of host H.
pub fn behind6(subnet: u8, host: u16) -> Ipv6Addr {
    Ipv6Addr::new(0x2001, 0xdb8, 0x1000 | u16::from(subnet) << 4 | host, 0, 0, 0, 7, host)
}

/// The same in IPv4.
pub fn behind4(subnet: u8, host: u16) -> Ipv4Addr {
    Ipv4Addr::new(10, 100 + subnet, host as u8, 7)
}

/// A destination whose flows some routers share.
pub fn shared6(host: u16) -> Ipv6Addr {
    Ipv6Addr::new(0x2001, 0xdb8, 0x5000, 0, 0, 0, 0, host)
}

/// The same in IPv4.
pub fn shared4(host: u16) -> Ipv4Addr {
    Ipv4Addr::new(10, 200, 0, host as u8)
}

/// Those routers: each a host of the subnet in a place, with its weight.
pub const SHARING: [(usize, u16, u8); 3] = [(1, 2, 1), (3, 3, 2), (5, 4, 1)];

/// Has these routers share the flows.
pub fn share(stack: &Stack, ctx: &mut Ctx<'_, Unlocked>, sharing: &[(usize, u16, u8)]) {
    fn hops<A>(stack: &Stack, sharing: &[(usize, u16, u8)], addr: fn(u8, u16) -> A) -> Vec<Hop<A>> {
        let on = |place: usize| stack.config().by_name(ON[place].0).unwrap().ifnet.id;
        let hop = |(place, host, weight): &(usize, u16, u8)| Hop {
            router: addr(SUBNETS[*place], *host),
            interface: on(*place),
            weight: *weight,
            metric: 0,
        };
        sharing.iter().map(hop).collect()
    }
    let (prefix, hops6) = (Prefix::covering(shared6(0), 48), hops(stack, sharing, addr6));
    stack.add_multipath6(ctx, Group { prefix, hops: hops6 }).unwrap();
    let (prefix, hops4) = (Prefix::covering(shared4(0), 24), hops(stack, sharing, addr4));
    stack.add_multipath4(ctx, Group { prefix, hops: hops4 }).unwrap();
}

fn control<O>(work: impl FnOnce(&mut Ctx<'_, Unlocked>) -> O) -> O {
    let mut root = Root::new();
    let mut entered = root.enter().unwrap();
    work(&mut entered.ctx())
}

impl Side {
    fn new(express: bool, shape: Shape, clock: &Arc<AtomicU64>) -> Side {
        let pool = Pool::new(PoolConfig { buffers: 2048, size: 2048, headroom: 128 }).unwrap();
        let clock = clock.clone();
        let mut config = StackConfig::new(pool, move || Instant::from_nanos(clock.load(Ordering::Relaxed)));
        let heard = Arc::new(Heard::default());
        config.observer = heard.clone();
        config.express = express;
        config.dad.transmits = 0;
        config.acd.enabled = false;
        config.limits.large_buffers = 2;
        config.workers = shape.workers;
        let stack = Stack::new(config).unwrap();
        let workers = (0..shape.workers).map(|worker| stack.worker(worker).unwrap()).collect();
        let wires: Vec<[Wire; DEVICES]> = (0..shape.workers).map(|_| Default::default()).collect();
        control(|ctx| furnish(&stack, ctx, shape, &wires));
        Side { stack, workers, wires, heard, counted: Counted::default() }
    }

    /// What all workers have sent, by device.
    fn sent(&self) -> Frames {
        std::array::from_fn(|device| {
            let of = |wires: &[Wire; DEVICES]| std::mem::take(&mut *wires[device].sent.lock().unwrap());
            self.wires.iter().flat_map(of).collect()
        })
    }

    /// All that is counted.
    fn account(&self) -> String {
        let config = self.stack.config();
        let mut all = String::new();
        for interface in config.interfaces() {
            let ifnet = &interface.ifnet;
            writeln!(all, "{}", ifnet.name).unwrap();
            for counter in IfCounter::all().filter(|counter| ifnet.counters.of(*counter) > 0) {
                writeln!(all, "  {} {}", counter.name(), ifnet.counters.of(counter)).unwrap();
            }
            for version in [Version::V4, Version::V6] {
                writeln!(all, "  {:?}", ifnet.mib.stats(version)).unwrap();
            }
        }
        for account in self.stack.drops_by_interface() {
            writeln!(all, "{account:?}").unwrap();
        }
        for kind in self.stack.netisr_types() {
            writeln!(all, "{kind:?}").unwrap();
        }
        control(|ctx| {
            writeln!(all, "{:?}", self.stack.neighbors(ctx)).unwrap();
            writeln!(all, "{:?}", self.stack.limits(ctx)).unwrap();
            writeln!(all, "{:?}", self.stack.laggs(ctx)).unwrap();
        });
        writeln!(all, "{:?}", self.stack.routes6()).unwrap();
        writeln!(all, "{:?}", self.stack.state_usage()).unwrap();
        writeln!(all, "{}", self.counted.account()).unwrap();
        all
    }
}

fn furnish(stack: &Stack, ctx: &mut Ctx<'_, Unlocked>, shape: Shape, wires: &[[Wire; DEVICES]]) {
    stack.set_forwarding(ctx, true);
    stack.set_examine_options(ctx, shape.examine_options);
    let devices: Vec<IfId> = (0..DEVICES)
        .map(|device| {
            let name = format!("em{}", device + 1);
            let spec = InterfaceSpec { name, mac: own_mac(device), mtu: 1500 };
            let queues = wires.iter().map(|wires| Box::new(wires[device].clone()) as Box<dyn Device>);
            stack.attach(ctx, spec, queues.collect()).unwrap()
        })
        .collect();
    let mut vlan = |name: &str, parent, vid, ethertype| {
        stack.add_vlan(ctx, name, Vlan { parent, vid, ethertype }).unwrap()
    };
    let outer = vlan("outer", devices[2], 30, EtherType::QINQ);
    let ten = vlan("vlan10", devices[2], 10, EtherType::VLAN);
    let twenty = vlan("vlan20", devices[2], 20, EtherType::VLAN);
    let inner = vlan("inner30", outer, 31, EtherType::VLAN);
    let lagg = stack.add_lagg(ctx, LaggSpec::new("lagg0", shape.mode)).unwrap();
    for port in &devices[3..] {
        stack.lagg_add_port(ctx, lagg, *port, 100).unwrap();
    }
    stack.set_mtu(ctx, devices[1], 1280).unwrap();
    // Of one link it is a host as well, as a home router is.
    let host = HostConfig { accept: Accept::Always, autoconf: false, ..HostConfig::default() };
    stack.set_autoconf(ctx, ten, host).unwrap();
    stack.set_point_to_point(ctx, devices[0], shape.point_to_point).unwrap();
    let interfaces = [devices[0], devices[1], ten, twenty, inner, lagg];
    for (on, subnet) in interfaces.into_iter().zip(SUBNETS) {
        stack.add_link_local(ctx, on, false).unwrap();
        let all: [(IpAddr, u8); 2] = [(addr6(subnet, 1).into(), 64), (addr4(subnet, 1).into(), 24)];
        for (addr, len) in all {
            stack.add_address(ctx, on, addr, len, false).unwrap();
        }
        for host in 2..2 + KNOWN {
            stack.add_neighbor(ctx, on, addr6(subnet, host).into(), mac(subnet, host)).unwrap();
            stack.add_neighbor(ctx, on, addr4(subnet, host).into(), mac(subnet, host)).unwrap();
        }
        for host in 2..10 {
            let prefix = Prefix::covering(behind6(subnet, host), 48);
            let next_hop = Some(addr6(subnet, host));
            let route = Route { prefix, next_hop, interface: on, metric: 0, origin: Origin::Static };
            stack.add_routes6(ctx, [route]).unwrap();
            let prefix = Prefix::covering(behind4(subnet, host), 24);
            let next_hop = Some(addr4(subnet, host));
            let route = Route { prefix, next_hop, interface: on, metric: 0, origin: Origin::Static };
            stack.add_route4(ctx, route).unwrap();
        }
        if let Some(from) = FURTHER.into_iter().find(|from| SUBNETS[*from] == subnet) {
            stack.add_mac(ctx, on, further_mac(ON[from].1)).unwrap();
        }
        // What is everybody's there has a way, too, and it is nobody's to be sent by it.
        let prefix = Prefix::covering(addr4(subnet, 255), 32);
        let next_hop = Some(addr4(subnet, 2));
        let route = Route { prefix, next_hop, interface: on, metric: 0, origin: Origin::Static };
        stack.add_route4(ctx, route).unwrap();
    }
    share(stack, ctx, &SHARING);
    // The router that comes and goes: no question is open of it, so that nothing but its route decides.
    stack.add_neighbor(ctx, ten, ROUTER.into(), mac(10, 0x99)).unwrap();
    let refused = Prefix::covering(Ipv6Addr::new(0x2001, 0xdb8, 0xdead, 0, 0, 0, 0, 0), 48);
    stack.add_refusal6(ctx, refused, Refusal::Prohibit, 0).unwrap();
    stack.add_refusal4(ctx, Prefix::covering(behind4(10, 3), 24), Refusal::Reject, 0).unwrap();
}

impl Twin {
    /// Two stacks, the first with express.
    pub fn new(shape: Shape) -> Twin {
        let clock = Arc::new(AtomicU64::new(1_000_000_000));
        let sides = [true, false].map(|express| Side::new(express, shape, &clock));
        Twin { sides, clock }
    }

    /// Frames arrive at a device.
    pub fn arrive(&self, device: usize, frames: &[Vec<u8>]) {
        self.arrive_at(0, device, frames);
    }

    /// Frames arrive at a device, which gives them to a worker.
    pub fn arrive_at(&self, worker: usize, device: usize, frames: &[Vec<u8>]) {
        for side in &self.sides {
            side.wires[worker][device].arriving.lock().unwrap().extend(frames.iter().cloned());
        }
    }

    /// Loads rules of a number, or none.
    pub fn load(&self, number: Option<u64>) {
        self.load_these(|counted| number.map(|number| Rules::new(number, counted)));
    }

    /// Loads these rules, or none.
    pub fn load_these(&self, rules: impl Fn(Counted) -> Option<Rules>) {
        for side in &self.sides {
            let rules = rules(side.counted.clone()).map(Rules::setup);
            control(|ctx| side.stack.set_filter(ctx, rules));
        }
    }

    /// Time passes.
    pub fn wait(&self, time: Duration) {
        self.clock.fetch_add(time.as_nanos() as u64, Ordering::Relaxed);
    }

    /// Packets that have gone by express.
    pub fn expressed(&self) -> u64 {
        self.sides[0].workers.iter().map(StackWorker::expressed).sum()
    }

    /// Whether the other one has sent none by it.
    pub fn is_without(&self) -> bool {
        self.sides[1].workers.iter().all(|worker| worker.expressed() == 0)
    }

    /// Does something to both.
    pub fn command(&self, mut work: impl FnMut(&Stack, &mut Ctx<'_, Unlocked>)) {
        for side in &self.sides {
            control(|ctx| work(&side.stack, ctx));
        }
    }

    /// Has something done to both by somebody else, each while its device next sends.
    pub fn meanwhile(&self, device: usize, work: fn(&Stack, &mut Ctx<'_, Unlocked>)) {
        for side in &self.sides {
            let stack = side.stack.clone();
            *side.wires[0][device].meanwhile.lock().unwrap() =
                Some(Box::new(move || control(|ctx| work(&stack, ctx))));
        }
    }

    /// A turn of both. What they sent, or what they do not agree on.
    pub fn turn(&mut self) -> Result<Frames, String> {
        let now = Instant::from_nanos(self.clock.load(Ordering::Relaxed));
        let [one, two] = &mut self.sides;
        for (one, two) in one.workers.iter_mut().zip(&mut two.workers) {
            same("the turn", &one.turn(now), &two.turn(now))?;
        }
        let sent = [one.sent(), two.sent()];
        for (device, (ours, theirs)) in sent[0].iter().zip(&sent[1]).enumerate() {
            if ours != theirs {
                let at = ours.iter().zip(theirs).take_while(|(ours, theirs)| ours == theirs).count();
                return Err(format!(
                    "device {device}, frame {at} of {} and {}:\n{:02x?}\n{:02x?}",
                    ours.len(),
                    theirs.len(),
                    ours.get(at),
                    theirs.get(at)
                ));
            }
        }
        let events = |side: &Side| std::mem::take(&mut *side.heard.0.lock().unwrap());
        same("events", &events(one), &events(two))?;
        let [sent, _] = sent;
        Ok(sent)
    }

    /// Whether all states agree. Asking takes a turn: what that has sent.
    pub fn states(&mut self) -> Result<Frames, String> {
        let asked = self
            .sides
            .each_ref()
            .map(|side| side.stack.ask_states(StateQuery { most: usize::MAX, ..StateQuery::default() }));
        let sent = self.turn()?;
        let [one, two] = asked.each_ref().map(|asked| {
            let (mut states, _) = asked.take().expect("each worker has few");
            // Where a state lies is nobody's business.
            states.sort_by_key(|state| format!("{state:?}"));
            states
        });
        for (one, two) in one.iter().zip(&two) {
            same("states", one, two)?;
        }
        same("states", &one.len(), &two.len())?;
        Ok(sent)
    }

    /// Whether all that is counted agrees.
    pub fn settle(&self) -> Result<(), String> {
        let [one, two] = self.sides.each_ref().map(Side::account);
        let differ = one.lines().zip(two.lines()).find(|(one, two)| one != two);
        match differ {
            Some((one, two)) => Err(format!("counters:\n{one}\n{two}")),
            None => same("counters", &one, &two),
        }
    }
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, one: &T, two: &T) -> Result<(), String> {
    if one == two { Ok(()) } else { Err(format!("{what}:\n{one:?}\n{two:?}")) }
}
