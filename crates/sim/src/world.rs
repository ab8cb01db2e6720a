//! The world: clock, links, nodes, and the step.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fmt::Display;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Duration;

use siding_mbuf::Pool;
use siding_mbuf::PoolConfig;
use siding_netisr::IfId;
use siding_netisr::Instant;
use siding_stack::Chance;
use siding_stack::Device;
use siding_stack::InterfaceSpec;
use siding_stack::Stack;
use siding_stack::StackConfig;
use siding_wire::Mac;

use crate::link::Faults;
use crate::link::Link;
use crate::link::LinkId;
use crate::node::Events;
use crate::node::Node;
use crate::node::NodeSpec;
use crate::node::Plug;

/// A node of a world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct NodeId(pub usize);

/// What looks at every frame: when, on which link, from which port, and its bytes.
type Tap = Box<dyn FnMut(Instant, LinkId, &[u8])>;

/// Everything there is.
pub struct World {
    clock: Arc<AtomicU64>,
    pub(crate) chance: Chance,
    pub(crate) nodes: Vec<Node>,
    links: Vec<(Link, Faults)>,
    /// Ports that are cut off from their link.
    cut: Vec<(LinkId, usize)>,
    flight: BinaryHeap<Reverse<InFlight>>,
    sent: u64,
    macs: u32,
    log: Vec<String>,
    tap: Option<Tap>,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct InFlight {
    due: Instant,
    /// The order of sending, for frames that are due together.
    number: u64,
    link: LinkId,
    to: usize,
    frame: Vec<u8>,
}

impl World {
    /// An empty world.
    pub fn new(seed: u64) -> World {
        World {
            // Not zero: an instant of zero would look like "never set" somewhere, some day.
            clock: Arc::new(AtomicU64::new(1_000_000_000)),
            chance: Chance::new(seed),
            nodes: Vec::new(),
            links: Vec::new(),
            cut: Vec::new(),
            flight: BinaryHeap::new(),
            sent: 0,
            macs: 0,
            log: Vec::new(),
            tap: None,
        }
    }

    /// Adds a link.
    pub fn add_link(&mut self, faults: Faults) -> LinkId {
        self.links.push((Link::new(), faults));
        LinkId(self.links.len() - 1)
    }

    /// Adds a node.
    ///
    /// # Panics
    ///
    /// If its sizes are out of their ranges.
    pub fn add_node(&mut self, spec: NodeSpec) -> NodeId {
        let pool = Pool::new(PoolConfig { buffers: spec.buffers, ..PoolConfig::default() });
        let pool = pool.unwrap_or_else(|error| panic!("{}: {error}", spec.name));
        let (clock, events) = (self.clock.clone(), Arc::new(Events::default()));
        let mut config =
            StackConfig::new(pool.clone(), move || Instant::from_nanos(clock.load(Ordering::Relaxed)));
        config.seed = self.chance.next_u64();
        config.observer = events.clone();
        config.nud = spec.nud;
        config.neighbors = spec.neighbors;
        config.neighbor_totals = spec.neighbor_totals.unwrap_or(config.neighbor_totals);
        config.dad = spec.dad;
        config.mld = spec.mld;
        config.acd = spec.acd;
        config.queue_limit = spec.queue_limit;
        config.limits.large_buffers = spec.large_buffers;
        config.interfaces = 16;
        let stack = Stack::new(config).unwrap_or_else(|error| panic!("{}: {error}", spec.name));
        let worker =
            stack.worker(0).unwrap_or_else(|| panic!("{}: a new stack has a vacant worker", spec.name));
        self.nodes.push(Node {
            name: spec.name,
            stack,
            pool,
            worker,
            plugs: Default::default(),
            leaving: Vec::new(),
            events,
            hoard: Vec::new(),
            pings: 0,
            held_up: false,
        });
        NodeId(self.nodes.len() - 1)
    }

    /// From now on every device on the link lets in everything, as one without a filter does.
    pub fn set_promiscuous(&mut self, link: LinkId) {
        self.links[link.0].0.set_promiscuous();
    }

    /// Plugs a new interface of `node` into `link`, with a link-local address and, if given, another.
    /// `None` if the node has no slot for it.
    pub fn plug(&mut self, node: NodeId, link: LinkId, addr: Option<(IpAddr, u8)>) -> Option<IfId> {
        self.plug_mtu(node, link, addr, 1500)
    }

    /// The same, with an MTU of its own. (Links take anything.)
    pub fn plug_mtu(
        &mut self,
        node: NodeId,
        link: LinkId,
        addr: Option<(IpAddr, u8)>,
        mtu: u16,
    ) -> Option<IfId> {
        self.macs += 1;
        let [a, b, c, d] = self.macs.to_be_bytes();
        let mac = Mac([2, 0, a, b, c, d]);
        let (port, device) = self.links[link.0].0.plug();
        let name = format!("em{}", self.macs);
        let at = &mut self.nodes[node.0];
        let spec = InterfaceSpec { name: name.clone(), mac, mtu };
        let id = at.control(|stack, ctx| {
            let devices: Vec<Box<dyn Device>> = vec![Box::new(device)];
            let id = stack.attach(ctx, spec, devices).ok()?;
            // Nobody else has these: a new interface's own addresses cannot be refused.
            let _ = stack.add_link_local(ctx, id, true);
            if let Some((addr, len)) = addr {
                let _ = stack.add_address(ctx, id, addr, len, true);
            }
            Some(id)
        });
        let Some(id) = id else {
            self.links[link.0].0.depart(port);
            return None;
        };
        at.plugs.insert(id, Plug { name: name.clone(), link, port, mac });
        self.note(format!("{}: attach {name} ({id}) to link {}", self.nodes[node.0].name, link.0));
        Some(id)
    }

    /// Begins to detach an interface. It has gone when its worker has come by.
    pub fn unplug(&mut self, node: NodeId, id: IfId) {
        let at = &mut self.nodes[node.0];
        let detached = at.control(|stack, ctx| stack.detach(ctx, id));
        let Ok(detached) = detached else { return };
        let name = at.plugs.get(&id).map(|plug| plug.name.clone()).unwrap_or_default();
        at.leaving.push((id, detached));
        self.note(format!("{}: detach {name} ({id})", self.nodes[node.0].name));
    }

    /// Cuts an interface off from its link, or joins it again.
    pub fn set_link(&mut self, node: NodeId, id: IfId, joined: bool) {
        let Some(plug) = self.nodes[node.0].plugs.get(&id).cloned() else { return };
        self.cut.retain(|cut| *cut != (plug.link, plug.port));
        if !joined {
            self.cut.push((plug.link, plug.port));
        }
        let what = if joined { "joined to" } else { "cut off from" };
        self.note(format!("{}: {} {what} link {}", self.nodes[node.0].name, plug.name, plug.link.0));
    }

    /// Changes what a link does to frames.
    pub fn set_faults(&mut self, link: LinkId, faults: Faults) {
        self.links[link.0].1 = faults;
        self.note(format!("link {}: {faults:?}", link.0));
    }

    /// Has `look` see every frame that is sent.
    pub fn set_tap(&mut self, look: impl FnMut(Instant, LinkId, &[u8]) + 'static) {
        self.tap = Some(Box::new(look));
    }

    /// Puts a frame on a link, as a stranger would: every port gets it.
    pub fn inject(&mut self, link: LinkId, frame: &[u8]) {
        for port in self.links[link.0].0.ports() {
            self.links[link.0].0.deliver(port, frame.to_vec());
        }
    }

    /// Lets time pass, step by step.
    pub fn run_for(&mut self, time: Duration) {
        let end = self.now() + time;
        loop {
            let next = self.settle().min(end);
            self.clock.store(next.as_nanos(), Ordering::Relaxed);
            if next >= end {
                break;
            }
        }
        self.settle();
    }

    /// Lets the clock jump without anybody having run in between.
    pub fn jump(&mut self, by: Duration) {
        self.clock.fetch_add(by.as_nanos() as u64, Ordering::Relaxed);
        self.note(format!("the clock jumps by {by:?}"));
    }

    /// Holds a node up, as a machine does that is paused, or lets it go on: it takes no turn, and what arrives waits.
    pub fn hold_up(&mut self, node: NodeId, held_up: bool) {
        self.nodes[node.0].held_up = held_up;
        let what = if held_up { "is held up" } else { "goes on" };
        self.note(format!("{}: {what}", self.nodes[node.0].name));
    }

    /// The moment now.
    pub fn now(&self) -> Instant {
        Instant::from_nanos(self.clock.load(Ordering::Relaxed))
    }

    /// A node.
    pub fn node(&self, node: NodeId) -> &Node {
        &self.nodes[node.0]
    }

    /// A node, to be changed.
    pub fn node_mut(&mut self, node: NodeId) -> &mut Node {
        &mut self.nodes[node.0]
    }

    /// What has happened so far, a line each.
    pub fn log(&self) -> &[String] {
        &self.log
    }

    /// Frames that were sent by interfaces that had departed: there must be none.
    pub fn ghosts(&self) -> u64 {
        self.links.iter().map(|(link, _)| link.ghosts()).sum()
    }

    /// Frames that were sent.
    pub fn frames(&self) -> u64 {
        self.sent
    }

    pub(crate) fn links(&self) -> impl Iterator<Item = LinkId> + use<> {
        (0..self.links.len()).map(LinkId)
    }

    pub(crate) fn note(&mut self, what: impl Display) {
        self.log.push(format!("{:?} {what}", self.now()));
    }

    /// Lets everything happen that can happen at this moment; gives the moment at which there is more.
    fn settle(&mut self) -> Instant {
        loop {
            self.arrive();
            let mut next = Instant::NEVER;
            let mut busy = false;
            let now = self.now();
            for at in 0..self.nodes.len() {
                if self.nodes[at].held_up {
                    continue;
                }
                let turn = self.nodes[at].worker.turn(now);
                busy |= turn.more || turn.received > 0 || turn.handled > 0 || turn.timers > 0;
                next = next.min(turn.next);
                self.attend(at);
            }
            self.send();
            let plugs = self.nodes.iter().filter(|node| !node.held_up).flat_map(|node| node.plugs.values());
            busy |= plugs.into_iter().any(|plug| self.links[plug.link.0].0.has_arrivals(plug.port));
            if !busy && next > now && self.flight.peek().is_none_or(|Reverse(frame)| frame.due > now) {
                return next.min(self.flight.peek().map_or(Instant::NEVER, |Reverse(frame)| frame.due));
            }
        }
    }

    /// Notes what a node told, and finishes its detaches.
    fn attend(&mut self, at: usize) {
        for event in self.nodes[at].events.take() {
            let line = format!("{}: {event}", self.nodes[at].name);
            self.note(line);
        }
        let node = &mut self.nodes[at];
        let mut gone = Vec::new();
        node.leaving.retain_mut(|(id, detached)| {
            let complete = detached.is_complete();
            if complete {
                gone.push(*id);
            }
            !complete
        });
        for id in gone {
            if let Some(plug) = self.nodes[at].plugs.remove(&id) {
                self.links[plug.link.0].0.depart(plug.port);
                self.note(format!("{}: {} ({id}) has gone", self.nodes[at].name, plug.name));
            }
        }
    }

    /// Puts what was sent on its way, with what its link does to it.
    fn send(&mut self) {
        for at in 0..self.links.len() {
            let link = LinkId(at);
            for (from, frame) in self.links[at].0.collect() {
                let now = self.now();
                if let Some(tap) = &mut self.tap {
                    tap(now, link, &frame);
                }
                if self.cut.contains(&(link, from)) {
                    continue;
                }
                for to in self.links[at].0.ports() {
                    if to != from && !self.cut.contains(&(link, to)) {
                        self.fly(link, to, &frame);
                    }
                }
            }
        }
    }

    fn fly(&mut self, link: LinkId, to: usize, frame: &[u8]) {
        let faults = self.links[link.0].1;
        if self.luck(faults.loss) {
            return;
        }
        let copies = if self.luck(faults.duplicate) { 2 } else { 1 };
        for _ in 0..copies {
            self.sent += 1;
            let due = self.now() + self.chance.between(faults.delay.0, faults.delay.1);
            self.flight.push(Reverse(InFlight { due, number: self.sent, link, to, frame: frame.to_vec() }));
        }
    }

    fn arrive(&mut self) {
        let now = self.now();
        while self.flight.peek().is_some_and(|Reverse(frame)| frame.due <= now) {
            if let Some(Reverse(InFlight { link, to, frame, .. })) = self.flight.pop()
                && !self.cut.contains(&(link, to))
            {
                self.links[link.0].0.deliver(to, frame);
            }
        }
    }

    /// True with this probability.
    pub(crate) fn luck(&mut self, probability: f64) -> bool {
        // 53 bits are what a double holds.
        probability > 0.0 && ((self.chance.next_u64() >> 11) as f64) < probability * (1u64 << 53) as f64
    }
}
