//! Two laggs back to back, and what they say to each other.

use std::time::Duration;

use siding_netisr::IfId;
use siding_netisr::Instant;
use siding_sim::Faults;
use siding_sim::LinkId;
use siding_sim::NodeId;
use siding_stack::LacpPortReport;
use siding_stack::LacpSpec;
use siding_stack::LaggReport;
use siding_stack::LaggSpec;
use siding_stack::Mode;
use siding_stack::lagg::lacp::Activity;
use siding_stack::lagg::lacp::Rate;
use siding_wire::EtherType;
use siding_wire::Mac;
use siding_wire::ether::Ether;
use siding_wire::lacp::LacpInfo;
use siding_wire::lacp::LacpState;
use siding_wire::lacp::LacpSystem;
use siding_wire::lacp::Lacpdu;
use siding_wire::lacp::SLOW_MAC;
use siding_wire::lacp::SlowPdu;

use crate::common::*;

pub(crate) const UP: &str = "active, short timeout, aggregatable, in sync, collecting, distributing";

pub(crate) fn fast() -> LaggSpec {
    with(LacpSpec { rate: Rate::Fast, ..LacpSpec::default() })
}

pub(crate) fn slow() -> LaggSpec {
    with(LacpSpec::default())
}

pub(crate) fn passive() -> LaggSpec {
    with(LacpSpec { activity: Activity::Passive, ..LacpSpec::default() })
}

pub(crate) fn with(lacp: LacpSpec) -> LaggSpec {
    LaggSpec { lacp, ..LaggSpec::new("lagg0", Mode::Lacp) }
}

/// A PDU that somebody sent.
#[derive(Debug, Clone)]
pub(crate) struct Heard {
    pub(crate) at: Instant,
    pub(crate) link: LinkId,
    pub(crate) ether: Ether,
    pub(crate) pdu: Lacpdu,
}

/// Laggs `a` and `b`, and a wire from each port of one to a port of the other.
pub(crate) struct Pair {
    pub(crate) net: Net,
    pub(crate) nodes: [NodeId; 2],
    pub(crate) laggs: [IfId; 2],
    pub(crate) links: Vec<LinkId>,
    /// By wire, the port of each node.
    pub(crate) ports: Vec<[IfId; 2]>,
}

impl Pair {
    pub(crate) fn new(wires: usize, a: LaggSpec, b: LaggSpec) -> Pair {
        let mut net = Net::new(1);
        let nodes = [net.add_node(spec("a")), net.add_node(spec("b"))];
        let specs = [a, b];
        let laggs = [0, 1].map(|end| {
            let added =
                net.world.node(nodes[end]).control(|stack, ctx| stack.add_lagg(ctx, specs[end].clone()));
            added.unwrap()
        });
        let mut pair = Pair { net, nodes, laggs, links: Vec::new(), ports: Vec::new() };
        for _ in 0..wires {
            let wire = pair.plug();
            [0, 1].into_iter().for_each(|end| pair.add(end, wire));
        }
        for end in [0, 1] {
            pair.net.add_address(nodes[end], laggs[end], v6(1 + end as u16), false);
        }
        pair
    }

    /// Two fast laggs that have agreed on all their wires.
    pub(crate) fn up(wires: usize) -> Pair {
        let mut pair = Pair::new(wires, fast(), fast());
        pair.net.run(secs(10));
        assert_eq!(pair.sending(0).len(), wires);
        assert_eq!(pair.sending(1).len(), wires);
        pair.net.rewind();
        pair
    }

    /// A wire from node to node, in no lagg yet.
    pub(crate) fn plug(&mut self) -> usize {
        let link = self.net.world.add_link(Faults::default());
        let ports = self.nodes.map(|node| self.net.world.plug(node, link, None).unwrap());
        self.links.push(link);
        self.ports.push(ports);
        self.links.len() - 1
    }

    pub(crate) fn add(&mut self, end: usize, wire: usize) {
        self.add_with(end, wire, 0x7fff);
    }

    pub(crate) fn add_with(&mut self, end: usize, wire: usize, priority: u16) {
        let (lagg, port) = (self.laggs[end], self.ports[wire][end]);
        let node = self.net.world.node(self.nodes[end]);
        node.control(|stack, ctx| stack.lagg_add_port(ctx, lagg, port, priority)).unwrap();
    }

    pub(crate) fn remove(&mut self, end: usize, wire: usize) {
        let (lagg, port) = (self.laggs[end], self.ports[wire][end]);
        let node = self.net.world.node(self.nodes[end]);
        node.control(|stack, ctx| stack.lagg_remove_port(ctx, lagg, port)).unwrap();
    }

    /// The carrier at one end of a wire.
    pub(crate) fn carrier(&mut self, end: usize, wire: usize, up: bool) {
        let port = self.ports[wire][end];
        self.net.world.node(self.nodes[end]).control(|stack, ctx| stack.set_link(ctx, port, up)).unwrap();
    }

    /// Nothing passes from or to one end of a wire, or it does again; the link seems to be up.
    pub(crate) fn passes(&mut self, end: usize, wire: usize, passes: bool) {
        self.net.world.set_link(self.nodes[end], self.ports[wire][end], passes);
    }

    pub(crate) fn configure(&mut self, end: usize, lacp: LacpSpec) {
        let lagg = self.laggs[end];
        let node = self.net.world.node(self.nodes[end]);
        node.control(|stack, ctx| stack.lagg_set_lacp(ctx, lagg, lacp)).unwrap();
    }

    pub(crate) fn report(&self, end: usize) -> LaggReport {
        self.net.world.node(self.nodes[end]).control(|stack, ctx| stack.laggs(ctx).remove(0))
    }

    /// LACP at one end of a wire.
    pub(crate) fn lacp(&self, end: usize, wire: usize) -> LacpPortReport {
        let id = self.ports[wire][end];
        self.report(end).ports.iter().find(|port| port.id == id).unwrap().lacp.unwrap()
    }

    /// Our state, in full words.
    pub(crate) fn state(&self, end: usize, wire: usize) -> String {
        self.lacp(end, wire).actor.state.to_string()
    }

    /// The wires that an end sends by.
    pub(crate) fn sending(&self, end: usize) -> Vec<usize> {
        self.wires(end, |view| &view.sending)
    }

    /// The wires that an end takes frames from.
    pub(crate) fn receiving(&self, end: usize) -> Vec<usize> {
        self.wires(end, |view| &view.receiving)
    }

    pub(crate) fn has_link(&self, end: usize) -> bool {
        self.net.world.node(self.nodes[end]).stack.config().interface(self.laggs[end]).unwrap().link
    }

    /// All LACPDUs on the tape.
    pub(crate) fn pdus(&self) -> Vec<Heard> {
        pdus(&self.net)
    }

    /// Those that one end sent on a wire.
    pub(crate) fn said(&self, end: usize, wire: usize) -> Vec<Heard> {
        let mac = self.net.mac(self.nodes[end], self.ports[wire][end]);
        let all = self.pdus().into_iter();
        all.filter(|one| one.link == self.links[wire] && one.ether.src == mac).collect()
    }

    /// What a node told, a line each.
    pub(crate) fn told(&self, end: usize) -> Vec<String> {
        let name = format!(" {}: ", self.net.world.node(self.nodes[end]).name);
        let lines = self.net.world.log().iter().filter_map(|line| line.split_once(&name));
        lines.map(|(_, what)| what.to_string()).collect()
    }

    fn wires(
        &self,
        end: usize,
        of: impl Fn(&siding_stack::lagg::View) -> &std::sync::Arc<[IfId]>,
    ) -> Vec<usize> {
        let config = self.net.world.node(self.nodes[end]).stack.config();
        let siding_stack::ifnet::Kind::Lagg(view) = &config.interface(self.laggs[end]).unwrap().kind else {
            panic!("a lagg")
        };
        let wire = |id: &IfId| self.ports.iter().position(|ports| ports[end] == *id).unwrap();
        of(view).iter().map(wire).collect()
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        for (node, lagg) in self.nodes.into_iter().zip(self.laggs) {
            go(&mut self.net, node, lagg);
        }
    }
}

/// All LACPDUs on a tape.
pub(crate) fn pdus(net: &Net) -> Vec<Heard> {
    let mut all = Vec::new();
    for frame in net.frames() {
        let (ether, body) = Ether::parse(&frame.bytes).unwrap();
        if ether.ethertype == EtherType::SLOW
            && let SlowPdu::Lacp(pdu) = SlowPdu::parse(body).unwrap()
        {
            all.push(Heard { at: frame.at, link: frame.link, ether, pdu });
        }
    }
    all
}

/// One end's lagg alone: the test plays the partner.
pub(crate) struct Alone {
    pub(crate) net: Net,
    pub(crate) node: NodeId,
    pub(crate) lagg: IfId,
    pub(crate) links: Vec<LinkId>,
    pub(crate) ports: Vec<IfId>,
}

impl Alone {
    pub(crate) fn new(ports: usize, lagg: LaggSpec) -> Alone {
        let mut net = Net::new(1);
        let node = net.add_node(spec("a"));
        let lagg = net.world.node(node).control(|stack, ctx| stack.add_lagg(ctx, lagg)).unwrap();
        let links: Vec<_> = (0..ports).map(|_| net.world.add_link(Faults::default())).collect();
        let ports: Vec<_> = links.iter().map(|link| net.world.plug(node, *link, None).unwrap()).collect();
        for port in &ports {
            net.world.node(node).control(|stack, ctx| stack.lagg_add_port(ctx, lagg, *port, 1)).unwrap();
        }
        net.run(Duration::ZERO);
        Alone { net, node, lagg, links, ports }
    }

    pub(crate) fn report(&self) -> LaggReport {
        self.net.world.node(self.node).control(|stack, ctx| stack.laggs(ctx).remove(0))
    }

    pub(crate) fn lacp(&self, port: usize) -> LacpPortReport {
        self.report().ports[port].lacp.unwrap()
    }

    /// What a partner that agrees to everything says on a port.
    pub(crate) fn agreeing(&self, port: usize, partner: u8) -> Lacpdu {
        let actor = LacpInfo {
            system: LacpSystem { priority: 0x8000, mac: Mac([2, 0xee, 0, 0, 0, partner]) },
            key: 7,
            port_priority: 0x8000,
            port: port as u16 + 1,
            state: LacpState(0x3f),
        };
        Lacpdu { actor, partner: self.lacp(port).actor, collector_max_delay: 0 }
    }

    pub(crate) fn hears(&mut self, port: usize, pdu: &Lacpdu) {
        let link = self.links[port];
        self.net.hear(link, &slow_frame(&pdu.to_bytes()));
    }

    /// Lets a partner speak each second on every port.
    pub(crate) fn keep_up(&mut self, seconds: u64) {
        for _ in 0..seconds {
            for port in 0..self.ports.len() {
                let pdu = self.agreeing(port, 1);
                self.hears(port, &pdu);
            }
            self.net.run(secs(1));
        }
    }
}

impl Drop for Alone {
    fn drop(&mut self) {
        go(&mut self.net, self.node, self.lagg);
    }
}

/// A lagg goes, and with it the packets that wait for its neighbours.
fn go(net: &mut Net, node: NodeId, lagg: IfId) {
    if !std::thread::panicking() {
        let _ = net.world.node(node).control(|stack, ctx| stack.detach(ctx, lagg).map(drop));
        net.run(ms(1));
    }
}

/// A slow protocols' frame from [`PEER_MAC`].
pub(crate) fn slow_frame(body: &[u8]) -> Vec<u8> {
    frame(SLOW_MAC, EtherType::SLOW, body)
}
