//! What the scenarios share: a network with a tape of everything that its nodes sent, and frames by hand.
//!
//! A test plays the rest of the link itself: it injects frames as a stranger. Injected frames are not on the tape.
//! When a [`Net`] goes, what must hold at the end of every test is checked.

use std::cell::RefCell;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;
use std::rc::Rc;
use std::time::Duration;

use siding_netisr::IfId;
use siding_netisr::Instant;
use siding_sim::Faults;
use siding_sim::LinkId;
use siding_sim::NodeId;
use siding_sim::NodeSpec;
use siding_sim::World;
use siding_stack::Ping;
use siding_stack::PingReply;
use siding_stack::Section;
use siding_stack::SectionError;
use siding_stack::SendError;
use siding_stack::drops::DropReason as Cause;
use siding_stack::ifnet::IfCounter;
use siding_stack::nd6::nud::NudState;
use siding_wire::EtherType;
use siding_wire::IpProto;
use siding_wire::Mac;
use siding_wire::arp::ArpRepr;
use siding_wire::ether::Ether;
use siding_wire::icmp6::Icmp6Repr;
use siding_wire::icmp6::Icmp6Type;
use siding_wire::ip6::Ip6Repr;
use siding_wire::nd;
use siding_wire::nd::NdMessage;
use siding_wire::nd::NeighborAdvert;
use siding_wire::nd::NeighborSolicit;

/// The node under test, when there is but one.
pub const HOST: Ipv6Addr = v6(1);
/// A stranger, played by the test.
pub const PEER: Ipv6Addr = v6(0x99);
/// The stranger's link-layer address. (Nodes' own begin with 02:00.)
pub const PEER_MAC: Mac = Mac([2, 0xee, 0, 0, 0, 1]);
/// Another.
pub const OTHER_MAC: Mac = Mac([2, 0xee, 0, 0, 0, 2]);

/// For how long nodes are held up.
pub const HOLDS: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(3), Duration::from_secs(30)];

/// An address on the first link, 2001:db8::/64.
pub const fn v6(host: u16) -> Ipv6Addr {
    on_link(0, host)
}

/// An address on link `link`, 2001:db8:link::/64.
pub const fn on_link(link: u16, host: u16) -> Ipv6Addr {
    Ipv6Addr::new(0x2001, 0xdb8, link, 0, 0, 0, 0, host)
}

/// The link-local address fe80::host.
pub const fn local(host: u16) -> Ipv6Addr {
    Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, host)
}

/// 192.0.2.host.
pub const fn v4(host: u8) -> Ipv4Addr {
    Ipv4Addr::new(192, 0, 2, host)
}

pub const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// A node by its name whose addresses are usable at once: duplicate address detection is off.
pub fn spec(name: &str) -> NodeSpec {
    let mut spec = NodeSpec::new(name);
    spec.dad.transmits = 0;
    spec.acd.enabled = false;
    spec
}

/// The same, and it reports no groups.
pub fn without_mld(name: &str) -> NodeSpec {
    let mut spec = spec(name);
    spec.mld.enabled = false;
    spec
}

/// What holds buffers for a while, and none when all interfaces have gone.
const MUST_EMPTY: [&str; 3] = ["packet-buffers", "large-buffers", "reassembly-fragments"];

/// A world, and all that its nodes sent.
pub struct Net {
    pub world: World,
    tape: Rc<RefCell<Vec<Frame>>>,
    /// Reports of groups have a tape of their own: every node sends them, and hardly a scenario is about them.
    mld: Rc<RefCell<Vec<Frame>>>,
    start: Instant,
    nodes: Vec<NodeId>,
}

/// A frame that a node sent.
#[derive(Debug, Clone)]
pub struct Frame {
    pub at: Instant,
    pub link: LinkId,
    pub bytes: Vec<u8>,
}

/// A solicitation or advertisement that a node sent, with all its headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Nd<M> {
    pub at: Duration,
    pub ether: Ether,
    pub ip: Ip6Repr,
    pub message: M,
}

/// An ICMPv6 message that a node sent and that is none of neighbour discovery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Icmp {
    pub at: Duration,
    pub link: LinkId,
    pub ether: Ether,
    pub ip: Ip6Repr,
    pub message: Icmp6Repr,
    pub body: Vec<u8>,
}

impl Net {
    pub fn new(seed: u64) -> Net {
        let mut world = World::new(seed);
        let (tape, mld) = (Rc::new(RefCell::new(Vec::new())), Rc::new(RefCell::new(Vec::new())));
        let (writer, mld_writer) = (tape.clone(), mld.clone());
        world.set_tap(move |at, link, bytes| {
            let frame = Frame { at, link, bytes: bytes.to_vec() };
            let to = if frame.is_mld() { &mld_writer } else { &writer };
            to.borrow_mut().push(frame);
        });
        let start = world.now();
        Net { world, tape, mld, start, nodes: Vec::new() }
    }

    /// One node with [`HOST`], on one link.
    pub fn host(spec: NodeSpec) -> (Net, NodeId, LinkId, IfId) {
        let mut net = Net::new(1);
        let link = net.world.add_link(Faults::default());
        let node = net.add_node(spec);
        let id = net.plug(node, link, HOST);
        net.run(Duration::ZERO);
        (net, node, link, id)
    }

    /// Two links and a router between them, which has [`on_link`]`(link, 1)` on each.
    pub fn router(spec: NodeSpec) -> (Net, NodeId, [LinkId; 2], [IfId; 2]) {
        let mut net = Net::new(1);
        let links = [net.world.add_link(Faults::default()), net.world.add_link(Faults::default())];
        let node = net.add_node(spec);
        let ids = [net.plug(node, links[0], on_link(0, 1)), net.plug(node, links[1], on_link(1, 1))];
        net.forwarding(node, true);
        net.run(Duration::ZERO);
        (net, node, links, ids)
    }

    pub fn add_node(&mut self, spec: NodeSpec) -> NodeId {
        let node = self.world.add_node(spec);
        self.nodes.push(node);
        node
    }

    pub fn plug(&mut self, node: NodeId, link: LinkId, addr: impl Into<IpAddr>) -> IfId {
        let addr = addr.into();
        let len = if addr.is_ipv6() { 64 } else { 24 };
        self.world.plug(node, link, Some((addr, len))).expect("a slot")
    }

    pub fn add_address(&mut self, node: NodeId, id: IfId, addr: impl Into<IpAddr>, detect: bool) {
        let addr = addr.into();
        let len = if addr.is_ipv6() { 64 } else { 24 };
        let added = self.world.node(node).control(|stack, ctx| stack.add_address(ctx, id, addr, len, detect));
        added.expect("an address that can be added");
    }

    pub fn forwarding(&mut self, node: NodeId, forwarding: bool) {
        self.world.node(node).control(|stack, ctx| stack.set_forwarding(ctx, forwarding));
        self.run(Duration::ZERO);
    }

    /// Configures a protocol while it runs; what is not said is as usual.
    pub fn configure(&mut self, node: NodeId, name: &str, said: &[(&str, &str)]) -> Result<(), SectionError> {
        let values = said.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
        let section = Section { name: name.into(), values };
        let done = self.world.node(node).control(|stack, ctx| stack.configure(ctx, &section));
        self.run(Duration::ZERO);
        done
    }

    pub fn run(&mut self, time: Duration) {
        self.world.run_for(time);
    }

    pub fn inject(&mut self, link: LinkId, frame: &[u8]) {
        self.world.inject(link, frame);
    }

    /// Injects, and lets everything happen that happens at once.
    pub fn hear(&mut self, link: LinkId, frame: &[u8]) {
        self.world.inject(link, frame);
        self.run(Duration::ZERO);
    }

    /// Holds `node` up for `time`. A moment after it begins, more frames than many turns take arrive on `link`, and `last`
    /// behind them all.
    pub fn hold_up(&mut self, node: NodeId, link: LinkId, last: &[u8], time: Duration) {
        self.world.hold_up(node, true);
        self.run(ms(1));
        let junk = frame(Mac::BROADCAST, EtherType(0x1234), &[0; 50]);
        (0..1600).for_each(|_| self.inject(link, &junk));
        self.inject(link, last);
        self.run(time - ms(1));
        self.world.hold_up(node, false);
    }

    pub fn mac(&self, node: NodeId, id: IfId) -> Mac {
        self.world.node(node).mac(id).expect("an interface")
    }

    /// Time since the beginning.
    pub fn now(&self) -> Duration {
        self.world.now() - self.start
    }

    pub fn open(&self, node: NodeId) -> Ping {
        self.world.node(node).control(|stack, ctx| stack.open_ping(ctx)).expect("an identifier")
    }

    pub fn ping(&self, node: NodeId, ping: &Ping, dst: impl Into<IpAddr>, seq: u16) -> Result<(), SendError> {
        self.ping_on(node, ping, dst, IfId::NONE, seq)
    }

    pub fn ping_on(
        &self,
        node: NodeId,
        ping: &Ping,
        dst: impl Into<IpAddr>,
        scope: IfId,
        seq: u16,
    ) -> Result<(), SendError> {
        let dst = dst.into();
        self.world.node(node).control(|stack, ctx| stack.ping(ctx, ping, dst, scope, seq, b"siding"))
    }

    /// Sends one echo request and lets everything happen that happens at once.
    pub fn ping_once(&mut self, node: NodeId, dst: impl Into<IpAddr>) {
        let ping = self.open(node);
        self.ping(node, &ping, dst, 1).expect("sent");
        self.run(Duration::ZERO);
    }

    pub fn answer(&self, node: NodeId, ping: &Ping) -> Option<PingReply> {
        self.world.node(node).control(|_, ctx| ping.answer(ctx))
    }

    pub fn dropped(&self, node: NodeId, cause: Cause) -> u64 {
        self.world.node(node).stack.dropped(cause)
    }

    /// All causes that have been counted, with their counts.
    pub fn drops(&self, node: NodeId) -> Vec<(Cause, u64)> {
        let all = self.world.node(node).stack.drops();
        // What is told of each interface, of none and of those that have gone is all there is.
        let accounts = self.world.node(node).stack.drops_by_interface();
        for drop in &all {
            let of = accounts.iter().flat_map(|account| &account.drops).filter(|of| of.cause == drop.cause);
            assert_eq!(of.map(|of| of.count).sum::<u64>(), drop.count, "{}: {accounts:?}", drop.cause);
        }
        all.into_iter().filter(|drop| drop.count > 0).map(|drop| (drop.cause, drop.count)).collect()
    }

    pub fn counter(&self, node: NodeId, id: IfId, counter: IfCounter) -> u64 {
        let config = self.world.node(node).stack.config();
        config.interface(id).expect("an interface").ifnet.counters.of(counter)
    }

    /// The neighbour's state and link-layer address, if there is an entry.
    pub fn neighbor(&self, node: NodeId, addr: impl Into<IpAddr>) -> Option<(NudState, Option<Mac>)> {
        let addr = addr.into();
        let all = self.world.node(node).control(|stack, ctx| stack.neighbors(ctx));
        all.into_iter().find(|one| one.addr == addr).map(|one| (one.state, one.lladdr))
    }

    pub fn neighbors(&self, node: NodeId) -> usize {
        self.world.node(node).control(|stack, ctx| stack.neighbors(ctx)).len()
    }

    /// What `node` told of `addr`, a line each.
    pub fn events(&self, node: NodeId, addr: impl Into<IpAddr>) -> Vec<String> {
        let (name, addr) = (format!(" {}: ", self.world.node(node).name), addr.into().to_string());
        let told = self.world.log().iter().filter_map(|line| line.split_once(&name)).map(|(_, what)| what);
        told.filter(|what| mentions(what, &addr)).map(ToString::to_string).collect()
    }

    /// The transitions that `node` told of the neighbour `addr`: "A -> B", in order.
    pub fn transitions(&self, node: NodeId, addr: impl Into<IpAddr>) -> Vec<String> {
        let all = self.events(node, addr).into_iter();
        let neighbor = all.filter(|what| what.starts_with("neighbor "));
        neighbor.filter_map(|what| what.rsplit_once(": ").map(|(_, step)| step.to_string())).collect()
    }

    /// Forgets the tapes.
    pub fn rewind(&mut self) {
        self.tape.borrow_mut().clear();
        self.mld.borrow_mut().clear();
    }

    /// The multicast listener messages that were sent.
    pub fn mld_frames(&self) -> Vec<Frame> {
        self.mld.borrow().clone()
    }

    /// When a frame was sent, since the beginning.
    pub fn since_start(&self, frame: &Frame) -> Duration {
        frame.at - self.start
    }

    pub fn frames(&self) -> Vec<Frame> {
        self.tape.borrow().clone()
    }

    pub fn solicits(&self) -> Vec<Nd<NeighborSolicit>> {
        self.nd(|message| match message {
            NdMessage::NeighborSolicit(solicit) => Some(solicit),
            _ => None,
        })
    }

    /// The solicitations for one target.
    pub fn solicits_for(&self, target: Ipv6Addr) -> Vec<Nd<NeighborSolicit>> {
        self.solicits().into_iter().filter(|solicit| solicit.message.target == target).collect()
    }

    pub fn adverts(&self) -> Vec<Nd<NeighborAdvert>> {
        self.nd(|message| match message {
            NdMessage::NeighborAdvert(advert) => Some(advert),
            _ => None,
        })
    }

    /// One of the node's bounds.
    pub fn limit(&self, node: NodeId, name: &str) -> siding_stack::LimitReport {
        let limits = self.world.node(node).control(|stack, ctx| stack.limits(ctx));
        limits.into_iter().find(|limit| limit.name == name).expect("a limit of this name")
    }

    pub fn icmp(&self) -> Vec<Icmp> {
        let mut all = Vec::new();
        for frame in self.frames() {
            let Some((ether, ip, payload)) = frame.ip6() else { continue };
            if ip.next_header != IpProto::ICMP6 || Icmp6Type(payload[0]).is_nd() {
                continue;
            }
            let (message, body) = Icmp6Repr::parse(ip.src, ip.dst, payload).expect("a good message");
            let at = frame.at - self.start;
            all.push(Icmp { at, link: frame.link, ether, ip, message, body: body.to_vec() });
        }
        all
    }

    /// The numbers of the echo requests that went to `dst`, with where their frames went.
    pub fn requests(&self, dst: Ipv6Addr) -> Vec<(u16, Mac)> {
        let to = self.icmp().into_iter().filter(|icmp| icmp.ip.dst == dst);
        to.filter_map(|icmp| match icmp.message {
            Icmp6Repr::EchoRequest { seq, .. } => Some((seq, icmp.ether.dst)),
            _ => None,
        })
        .collect()
    }

    pub fn arps(&self) -> Vec<(Duration, Ether, ArpRepr)> {
        let mut all = Vec::new();
        for frame in self.frames() {
            let (ether, rest) = Ether::parse(&frame.bytes).expect("a frame");
            if ether.ethertype == EtherType::ARP {
                all.push((frame.at - self.start, ether, ArpRepr::parse(rest).expect("a good message")));
            }
        }
        all
    }

    fn nd<M>(&self, pick: impl Fn(NdMessage<'_>) -> Option<M>) -> Vec<Nd<M>> {
        let mut all = Vec::new();
        for frame in self.frames() {
            let Some((ether, ip, payload)) = frame.ip6() else { continue };
            if ip.next_header != IpProto::ICMP6 || !Icmp6Type(payload[0]).is_nd() {
                continue;
            }
            // A node that sends what its peers must discard is wrong whatever is being tested.
            let message =
                nd::validate(ip.hop_limit, ip.src, ip.dst, payload, false).expect("a valid message");
            if let Some(message) = pick(message) {
                all.push(Nd { at: frame.at - self.start, ether, ip, message });
            }
        }
        all
    }
}

impl Drop for Net {
    /// Every packet has one fate, no frame left by an interface that had gone, and every pool is full again.
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        for node in self.nodes.clone() {
            for id in self.world.node(node).interfaces() {
                self.world.unplug(node, id);
            }
        }
        self.world.run_for(ms(1));
        assert_eq!(self.world.ghosts(), 0);
        for node in &self.nodes {
            let node = self.world.node(*node);
            node.stack.check_conservation().expect("one fate each");
            assert!(node.stack.netisr_types().iter().all(|kind| kind.total().resident == 0));
            assert!(node.pool.is_full(), "{}: {} buffers are missing", node.name, node.pool.live());
            let limits = node.control(|stack, ctx| stack.limits(ctx));
            for limit in limits.iter().filter(|limit| MUST_EMPTY.contains(&limit.name.as_str())) {
                assert_eq!(limit.used, 0, "{}: {}", node.name, limit.name);
            }
        }
    }
}

impl Frame {
    /// Whether it carries a multicast listener message, which a router alert goes before.
    pub fn is_mld(&self) -> bool {
        self.ip6().is_some_and(|(_, ip, payload)| {
            ip.next_header == IpProto::HOP_BY_HOP && matches!(payload.get(8), Some(130 | 131 | 132 | 143))
        })
    }

    pub fn ip6(&self) -> Option<(Ether, Ip6Repr, &[u8])> {
        let (ether, rest) = Ether::parse(&self.bytes).expect("a frame");
        if ether.ethertype != EtherType::IPV6 {
            return None;
        }
        let (ip, payload) = Ip6Repr::parse(rest).expect("a packet");
        Some((ether, ip, payload))
    }
}

/// A frame from [`PEER_MAC`] to `to`.
pub fn frame(to: Mac, ethertype: EtherType, body: &[u8]) -> Vec<u8> {
    frame_from(PEER_MAC, to, ethertype, body)
}

pub fn frame_from(from: Mac, to: Mac, ethertype: EtherType, body: &[u8]) -> Vec<u8> {
    [&Ether { dst: to, src: from, ethertype }.to_bytes()[..], body].concat()
}

/// An IPv6 packet.
pub fn packet(src: Ipv6Addr, dst: Ipv6Addr, proto: IpProto, hop_limit: u8, payload: &[u8]) -> Vec<u8> {
    let header = Ip6Repr::new(src, dst, proto, hop_limit, payload.len() as u16);
    [&header.to_bytes()[..], payload].concat()
}

pub fn frame6(to: Mac, packet: &[u8]) -> Vec<u8> {
    frame(to, EtherType::IPV6, packet)
}

/// An ICMPv6 message with its checksum.
pub fn message(src: Ipv6Addr, dst: Ipv6Addr, repr: Icmp6Repr, body: &[u8]) -> Vec<u8> {
    let mut message = vec![0; repr.buffer_len()];
    message.extend_from_slice(body);
    repr.emit(src, dst, &mut message).expect("room");
    message
}

pub fn echo(src: Ipv6Addr, dst: Ipv6Addr, seq: u16) -> Vec<u8> {
    let message = message(src, dst, Icmp6Repr::EchoRequest { ident: 7, seq }, b"who is there");
    packet(src, dst, IpProto::ICMP6, 64, &message)
}

/// A solicitation, with source and destination as the sender likes.
pub fn solicit(src: Ipv6Addr, dst: Ipv6Addr, message: &NeighborSolicit) -> Vec<u8> {
    let mut bytes = vec![0; message.buffer_len()];
    message.emit(src, dst, &mut bytes).expect("room");
    packet(src, dst, IpProto::ICMP6, nd::HOP_LIMIT, &bytes)
}

pub fn advert(src: Ipv6Addr, dst: Ipv6Addr, message: &NeighborAdvert) -> Vec<u8> {
    let mut bytes = vec![0; message.buffer_len()];
    message.emit(src, dst, &mut bytes).expect("room");
    packet(src, dst, IpProto::ICMP6, nd::HOP_LIMIT, &bytes)
}

/// The usual answer to a solicitation: `target` is at `mac`.
pub fn answer(target: Ipv6Addr, dst: Ipv6Addr, mac: Mac) -> Vec<u8> {
    let message = NeighborAdvert { router: false, solicited: true, override_: true, target, tlla: Some(mac) };
    advert(target, dst, &message)
}

/// Whether the address stands in the line by itself, not as a part of another.
fn mentions(line: &str, addr: &str) -> bool {
    line.split([' ', ',']).any(|word| word.trim_end_matches(':') == addr)
}
