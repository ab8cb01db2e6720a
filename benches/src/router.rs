//! A router in memory: packets are made up where they come in, and go nowhere where they leave.
//!
//! One interface brings packets of 64 bytes to destinations spread over all routes, the other has the next hops, whose
//! link-layer addresses are known. Each worker has its own queues of both, its own flows, and a copy of its own of what they
//! are: nothing that the harness does is shared.

use std::error::Error;
use std::io;
use std::net::Ipv6Addr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
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
use siding_stack::ifnet::Vlan;
use siding_stack::route::Origin;
use siding_stack::route::Prefix;
use siding_stack::route::Route;
use siding_wire::EtherType;
use siding_wire::IpProto;
use siding_wire::Mac;
use siding_wire::ether;
use siding_wire::ether::Ether;
use siding_wire::ip6;
use siding_wire::ip6::Ip6Repr;

/// What the router has to do.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// Packets in a turn of a worker; at most 64.
    pub batch: usize,
    /// IPv6 routes; at most 65,536.
    pub routes: usize,
    /// Flows of each worker.
    pub flows: usize,
}

/// Next hops: each route has one of these.
const NEXT_HOPS: usize = 64;

/// Bytes of a frame, without FCS.
const FRAME: usize = 64;

/// One worker, and what has left by it.
pub struct Lane {
    worker: StackWorker,
    sent: Arc<Sunk>,
    received: u64,
    turns: u64,
}

/// Frames that a worker has sent; no other worker's count lies beside it.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Sunk(AtomicU64);

impl Lane {
    /// One turn. How many packets came in.
    pub fn turn(&mut self) -> usize {
        self.turns += 1;
        let received = self.worker.turn(Instant::from_nanos(self.turns * 1000)).received;
        self.received += received as u64;
        received
    }

    /// Whether each packet that came in has left again.
    pub fn lost_nothing(&self) -> bool {
        self.received > 0 && self.sent.0.load(Ordering::Relaxed) == self.received
    }
}

/// Builds one stack with so many workers.
///
/// # Errors
/// Whatever the stack refuses.
pub fn build(shape: Shape, workers: usize) -> Result<Vec<Lane>, Box<dyn Error>> {
    build_among(shape, workers, Crowd::default())
}

/// What there is besides that the packets have nothing to do with.
#[derive(Debug, Clone, Copy, Default)]
pub struct Crowd {
    /// VLANs on the interface that packets leave by.
    pub vlans: usize,
    /// IPv6 addresses, spread over them.
    pub addresses: usize,
}

/// The same with a crowd around.
///
/// # Errors
/// Whatever the stack refuses.
pub fn build_among(shape: Shape, workers: usize, crowd: Crowd) -> Result<Vec<Lane>, Box<dyn Error>> {
    let pool = Pool::new(PoolConfig { buffers: 4096 * workers as u32, ..PoolConfig::default() })?;
    let mut config = StackConfig::new(pool, || Instant::from_nanos(1));
    config.workers = workers;
    config.interfaces += crowd.vlans;
    let stack = Stack::new(config)?;
    let mut root = Root::new();
    let mut entered = root.enter()?;
    let mut ctx = entered.ctx();
    stack.set_forwarding(&mut ctx, true);
    let sunk: Vec<Arc<Sunk>> = (0..workers).map(|_| Arc::default()).collect();
    let mut sources: Vec<Box<dyn Device>> = Vec::new();
    let mut sinks: Vec<Box<dyn Device>> = Vec::new();
    for (number, sunk) in sunk.iter().enumerate() {
        sources.push(Box::new(Source::new(shape, number)?));
        sinks.push(Box::new(Sink(sunk.clone())));
    }
    let spec = |link: u8| InterfaceSpec { name: format!("em{link}"), mac: mac(link, 1), mtu: 1500 };
    let (near, far) = (stack.attach(&mut ctx, spec(1), sources)?, stack.attach(&mut ctx, spec(2), sinks)?);
    stack.add_address(&mut ctx, near, link_addr(1, 1).into(), 64, false)?;
    stack.add_address(&mut ctx, far, link_addr(2, 1).into(), 64, false)?;
    for hop in 0..NEXT_HOPS {
        stack.add_neighbor(&mut ctx, far, next_hop(hop).into(), mac(2, 2 + hop as u8))?;
    }
    let routes = (0..shape.routes).map(|number| Route {
        prefix: Prefix::covering(prefix(number), 48),
        next_hop: Some(next_hop(number)),
        interface: far,
        metric: 0,
        origin: Origin::Static,
    });
    stack.add_routes6(&mut ctx, routes)?;
    crowd.attach(&stack, &mut ctx, far, false)?;
    drop(entered);
    let mut lanes = Vec::new();
    for (number, sent) in sunk.into_iter().enumerate() {
        let worker = stack.worker(number).ok_or("no such worker")?;
        lanes.push(Lane { worker, sent, received: 0, turns: 0 });
    }
    Ok(lanes)
}

impl Crowd {
    /// Puts it on an interface, one after the other. How long the VLANs took, and the addresses.
    ///
    /// # Errors
    /// Whatever the stack refuses.
    pub fn attach(
        self,
        stack: &Stack,
        ctx: &mut Ctx<'_, Unlocked>,
        on: IfId,
        detect: bool,
    ) -> Result<(Duration, Duration), Box<dyn Error>> {
        let begun = std::time::Instant::now();
        let mut vlans = Vec::new();
        for vid in 1..=self.vlans as u16 {
            let vlan = Vlan { parent: on, vid, ethertype: EtherType::VLAN };
            vlans.push(stack.add_vlan(ctx, &format!("vlan{vid}"), vlan)?);
        }
        let made = begun.elapsed();
        for number in 0..self.addresses {
            let (vlan, host) = (number % self.vlans, number / self.vlans + 1);
            let addr = Ipv6Addr::new(0xfd01, vlan as u16, 0, 0, 0, 0, 0, host as u16);
            stack.add_address(ctx, vlans[vlan], addr.into(), 64, detect)?;
        }
        Ok((made, begun.elapsed() - made))
    }
}

fn link_addr(link: u16, host: u16) -> Ipv6Addr {
    Ipv6Addr::new(0xfd00, link, 0, 0, 0, 0, 0, host)
}

/// The next hop of the route of this number.
fn next_hop(route: usize) -> Ipv6Addr {
    link_addr(2, 2 + (route % NEXT_HOPS) as u16)
}

fn prefix(route: usize) -> Ipv6Addr {
    Ipv6Addr::new(0x2001, 0xdb8, route as u16, 0, 0, 0, 0, 0)
}

fn mac(link: u8, host: u8) -> Mac {
    Mac([2, 0, 0, 0, link, host])
}

/// Where packets come from: the same few bytes with another destination each.
struct Source {
    batch: usize,
    frame: [u8; FRAME],
    flows: Vec<Ipv6Addr>,
    next: usize,
}

/// Where the destination is in a frame.
const DESTINATION: usize = ether::HEADER_LEN + 24;

impl Source {
    fn new(shape: Shape, number: usize) -> Result<Source, siding_wire::Malformed> {
        let mut frame = [0; FRAME];
        let payload = FRAME - ether::HEADER_LEN - ip6::HEADER_LEN;
        let (link, rest) = frame.split_at_mut(ether::HEADER_LEN);
        Ether { dst: mac(1, 1), src: mac(1, 2), ethertype: EtherType::IPV6 }.emit(link)?;
        Ip6Repr::new(link_addr(1, 2), prefix(0), IpProto::NO_NEXT, 64, payload as u16).emit(rest)?;
        // A generator that has every value once in its period, so that flows and routes come in no order.
        let mut state = number as u64 + 1;
        let flows = (0..shape.flows).map(|flow| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let route = (state >> 33) as usize % shape.routes;
            Ipv6Addr::from_bits(prefix(route).to_bits() | u128::from(state >> 16) << 20 | flow as u128)
        });
        Ok(Source { batch: shape.batch, frame, flows: flows.collect(), next: 0 })
    }
}

impl Device for Source {
    fn receive(&mut self, cache: &mut Cache, into: &mut Vec<Mbuf>, max: usize) -> io::Result<usize> {
        let batch = self.batch.min(max);
        for _ in 0..batch {
            self.next = if self.next + 1 < self.flows.len() { self.next + 1 } else { 0 };
            let mut mbuf = cache.alloc().ok_or(io::ErrorKind::OutOfMemory)?;
            let room = mbuf.append(FRAME).ok_or(io::ErrorKind::InvalidInput)?;
            room.copy_from_slice(&self.frame);
            room[DESTINATION..DESTINATION + 16].copy_from_slice(&self.flows[self.next].octets());
            into.push(mbuf);
        }
        Ok(batch)
    }

    fn transmit(&mut self, cache: &mut Cache, frames: &mut Vec<Mbuf>) -> Sent {
        let lost = frames.len() as u64;
        cache.free_all(frames.drain(..));
        Sent { lost, ..Sent::default() }
    }
}

/// Where packets go, and are forgotten.
struct Sink(Arc<Sunk>);

impl Device for Sink {
    fn receive(&mut self, _: &mut Cache, _: &mut Vec<Mbuf>, _: usize) -> io::Result<usize> {
        Ok(0)
    }

    fn transmit(&mut self, cache: &mut Cache, frames: &mut Vec<Mbuf>) -> Sent {
        let sent = Sent::all(frames);
        // The stack has things to say of its own, which are longer.
        let forwarded = frames.iter().filter(|frame| frame.len() == FRAME).count() as u64;
        // This worker alone writes it.
        self.0.0.store(self.0.0.load(Ordering::Relaxed) + forwarded, Ordering::Relaxed);
        cache.free_all(frames.drain(..));
        sent
    }
}
