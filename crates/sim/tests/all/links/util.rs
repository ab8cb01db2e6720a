//! One node with nested interfaces, and what it asks of its links.

use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;

use siding_netisr::IfId;
use siding_sim::Faults;
use siding_sim::LinkId;
use siding_sim::NodeId;
use siding_sim::NodeSpec;
use siding_stack::LaggSpec;
use siding_stack::Mode;
use siding_stack::Stack;
use siding_stack::ifnet::Vlan;
use siding_stack::nd6::dad::DadState;
use siding_wire::EtherType;

use crate::common::*;

pub(crate) const OWN4: Ipv4Addr = v4(7);
pub(crate) const OWN6: Ipv6Addr = v6(7);

/// Both families detect.
pub(crate) fn detecting() -> NodeSpec {
    let mut spec = NodeSpec { dad: Default::default(), ..without_mld("node") };
    spec.acd.enabled = true;
    spec
}

pub(crate) struct Bench {
    pub(crate) net: Net,
    pub(crate) node: NodeId,
    pub(crate) links: Vec<LinkId>,
    pub(crate) devices: Vec<IfId>,
}

impl Bench {
    /// A node with so many devices, each on a link of its own.
    pub(crate) fn new(spec: NodeSpec, devices: usize) -> Bench {
        let mut net = Net::new(1);
        let node = net.add_node(spec);
        let links: Vec<_> = (0..devices).map(|_| net.world.add_link(Faults::default())).collect();
        let devices = links.iter().map(|link| net.world.plug(node, *link, None).unwrap()).collect();
        Bench { net, node, links, devices }
    }

    pub(crate) fn control<O>(
        &self,
        work: impl FnOnce(&Stack, &mut siding_lockorder::Ctx<'_, siding_lockorder::Unlocked>) -> O,
    ) -> O {
        self.net.world.node(self.node).control(work)
    }

    pub(crate) fn link(&self, id: IfId, there: bool) {
        self.control(|stack, ctx| stack.set_link(ctx, id, there)).unwrap();
    }

    pub(crate) fn up(&self, id: IfId, up: bool) {
        self.control(|stack, ctx| stack.set_up(ctx, id, up)).unwrap();
    }

    pub(crate) fn vlan(&self, parent: IfId, vid: u16) -> IfId {
        let vlan = Vlan { parent, vid, ethertype: EtherType::VLAN };
        self.control(|stack, ctx| stack.add_vlan(ctx, &format!("vlan{vid}"), vlan)).unwrap()
    }

    pub(crate) fn lagg(&self, ports: &[IfId]) -> IfId {
        self.lagg_named("lagg0", ports)
    }

    pub(crate) fn lagg_named(&self, name: &str, ports: &[IfId]) -> IfId {
        self.control(|stack, ctx| {
            let lagg = stack.add_lagg(ctx, LaggSpec::new(name, Mode::Failover)).unwrap();
            for (place, port) in ports.iter().enumerate() {
                stack.lagg_add_port(ctx, lagg, *port, 100 - place as u16).unwrap();
            }
            lagg
        })
    }

    /// Gives the interface [`OWN6`] and [`OWN4`], to be tested.
    pub(crate) fn addresses(&mut self, id: IfId) {
        self.net.add_address(self.node, id, OWN6, true);
        self.net.add_address(self.node, id, OWN4, true);
    }

    pub(crate) fn has_link(&self, id: IfId) -> bool {
        self.net.world.node(self.node).stack.config().interface(id).unwrap().link
    }

    /// The states of [`OWN6`] and [`OWN4`].
    pub(crate) fn states(&self, id: IfId) -> [DadState; 2] {
        let config = self.net.world.node(self.node).stack.config();
        let interface = config.interface(id).unwrap();
        let own4 = interface.addrs4.iter().find(|own| own.addr == OWN4).unwrap();
        [interface.addr6(OWN6).unwrap().state, own4.state]
    }

    /// How often [`OWN6`] and [`OWN4`] have been asked for, whatever the tags, since the tape was last emptied.
    pub(crate) fn asked(&self) -> [usize; 2] {
        let untagged = |frame: Frame| {
            let mut bytes = frame.bytes;
            while bytes[12..14] == [0x81, 0] {
                bytes.drain(12..16);
            }
            bytes
        };
        let frames: Vec<Vec<u8>> = self.net.frames().into_iter().map(untagged).collect();
        let count = |what: &dyn Fn(&[u8]) -> bool| frames.iter().filter(|frame| what(frame)).count();
        // From `::`, a neighbour solicitation for the address; an ARP request for it from 0.0.0.0.
        let six = count(&|frame| {
            frame[12..14] == [0x86, 0xdd]
                && frame[22..38] == [0; 16]
                && frame[54] == 135
                && frame[62..78] == OWN6.octets()
        });
        let four = count(&|frame| {
            frame[12..14] == [8, 6] && frame[28..32] == [0; 4] && frame[38..42] == OWN4.octets()
        });
        [six, four]
    }

    pub(crate) fn route(&self, dst: Ipv6Addr, len: u8, via: Ipv6Addr, interface: IfId, metric: u32) {
        let prefix = siding_stack::route::Prefix::covering(dst, len);
        let origin = siding_stack::route::Origin::Static;
        let route = siding_stack::route::Route { prefix, next_hop: Some(via), interface, metric, origin };
        self.control(|stack, ctx| stack.add_routes6(ctx, [route])).unwrap();
    }

    pub(crate) fn neighbor(&self, on: IfId, addr: impl Into<IpAddr>) {
        let addr = addr.into();
        self.control(|stack, ctx| stack.add_neighbor(ctx, on, addr, PEER_MAC)).unwrap();
    }
}
