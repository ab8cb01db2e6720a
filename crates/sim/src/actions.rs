//! What chance does to a world.

use std::net::IpAddr;
use std::net::Ipv6Addr;
use std::time::Duration;

use siding_netisr::IfId;
use siding_stack::nd6::router::AdvertConfig;
use siding_stack::route::Group;
use siding_stack::route::Hop;
use siding_stack::route::Prefix;

use crate::link::Faults;
use crate::node::Node;
use crate::world::NodeId;
use crate::world::World;

/// The address of node `node` on link `link`.
pub(crate) fn address(link: usize, node: usize) -> (IpAddr, u8) {
    (IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, link as u16, 0, 0, 0, 0, node as u16 + 1)), 64)
}

/// Addresses that all hosts have of a world with a router.
pub(crate) fn shared() -> impl Iterator<Item = IpAddr> {
    (1..=8).map(|host| IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0xf, 0, 0, 0, 0, host)))
}

impl World {
    /// Does one thing that chance picks.
    pub(crate) fn act(&mut self) {
        let node = NodeId(self.pick(self.nodes.len()));
        match self.pick(17) {
            0 => self.act_unplug(node),
            1 | 2 => self.act_plug(node),
            3 => self.act_flap(node),
            4 => self.act_faults(),
            5 => self.act_hoard(node),
            6 => {
                let by = self.chance.between(Duration::ZERO, Duration::from_secs(40));
                self.jump(by);
            }
            7 => self.act_scan(node),
            8 => self.act_forget(node),
            9 => self.act_down(node),
            10 => self.act_readdress(node),
            11 => self.act_advertise(node),
            _ => self.act_ping(node),
        }
    }

    /// Sends an echo request from `node` to the address that `to` has on `link`. False if it could not be sent.
    pub(crate) fn ping(&mut self, node: NodeId, dst: IpAddr, scope: IfId) -> bool {
        let at = &mut self.nodes[node.0];
        at.pings += 1;
        let seq = at.pings as u16;
        at.control(|stack, ctx| {
            let Some(ping) = stack.open_ping(ctx) else { return false };
            let sent = stack.ping(ctx, &ping, dst, scope, seq, b"siding").is_ok();
            ping.close(ctx);
            sent
        })
    }

    fn act_unplug(&mut self, node: NodeId) {
        let Some(id) = self.any_interface(node) else { return };
        // Packets in its name wait, and none has been handled, when it goes.
        for host in 0..self.pick(8) {
            let dst = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, host as u16);
            self.ping(node, dst.into(), id);
        }
        self.unplug(node, id);
    }

    fn act_plug(&mut self, node: NodeId) {
        let link = self.pick(self.links().count());
        let Some(link) = self.links().nth(link) else { return };
        if !self.nodes[node.0].plugs.values().any(|plug| plug.link == link) {
            self.plug(node, link, Some(address(link.0, node.0)));
        }
    }

    fn act_flap(&mut self, node: NodeId) {
        if let Some(id) = self.any_interface(node) {
            let joined = self.pick(2) == 0;
            self.set_link(node, id, joined);
        }
    }

    fn act_faults(&mut self) {
        let link = self.pick(self.links().count());
        let faults = Faults {
            loss: self.pick(50) as f64 / 100.0,
            duplicate: self.pick(30) as f64 / 100.0,
            delay: (Duration::from_micros(10), Duration::from_micros(10 + self.pick(100_000) as u64)),
        };
        if let Some(link) = self.links().nth(link) {
            self.set_faults(link, faults);
        }
    }

    /// Takes most of a pool's buffers, or gives them back.
    fn act_hoard(&mut self, node: NodeId) {
        let Node { pool, hoard, .. } = &mut self.nodes[node.0];
        if hoard.is_empty() {
            let leave = 2;
            while pool.available() > leave
                && let Some(mbuf) = pool.alloc()
            {
                hoard.push(mbuf);
            }
        } else {
            hoard.clear();
        }
        let (name, live) = (self.nodes[node.0].name.clone(), self.nodes[node.0].hoard.len());
        self.note(format!("{name}: {live} buffers are held back"));
    }

    /// Pings many addresses that nobody has.
    fn act_scan(&mut self, node: NodeId) {
        let Some(id) = self.any_interface(node) else { return };
        let link = self.nodes[node.0].plugs[&id].link.0 as u16;
        self.note(format!("{}: scans link {link}", self.nodes[node.0].name));
        for host in 0..50 {
            let dst = Ipv6Addr::new(0x2001, 0xdb8, link, 0, 0, 0, 0xdead, host);
            self.ping(node, dst.into(), IfId::NONE);
        }
    }

    fn act_forget(&mut self, node: NodeId) {
        let Some(id) = self.any_interface(node) else { return };
        let gone = self.nodes[node.0].control(|stack, ctx| stack.flush_neighbors(ctx, id, |_| true));
        self.note(format!("{}: forgets {gone} neighbors on {id}", self.nodes[node.0].name));
    }

    fn act_down(&mut self, node: NodeId) {
        let Some(id) = self.any_interface(node) else { return };
        let up = self.pick(2) == 0;
        if self.nodes[node.0].control(|stack, ctx| stack.set_up(ctx, id, up)).is_ok() {
            self.note(format!("{}: {id} {}", self.nodes[node.0].name, if up { "up" } else { "down" }));
        }
    }

    /// Removes the address of an interface and adds it again, so that it is detected once more.
    fn act_readdress(&mut self, node: NodeId) {
        let Some(id) = self.any_interface(node) else { return };
        let (addr, len) = address(self.nodes[node.0].plugs[&id].link.0, node.0);
        self.nodes[node.0].control(|stack, ctx| {
            if stack.remove_address(ctx, id, addr).is_ok() {
                let _ = stack.add_address(ctx, id, addr, len, true);
            }
        });
        self.note(format!("{}: {addr} removed and added", self.nodes[node.0].name));
    }

    /// Becomes a router that advertises itself, ceases to, or becomes a host.
    fn act_advertise(&mut self, node: NodeId) {
        let Some(id) = self.any_interface(node) else { return };
        let what = self.pick(4);
        let config = AdvertConfig { max_interval: Duration::from_secs(4), ..AdvertConfig::default() };
        self.nodes[node.0].control(|stack, ctx| match what {
            0 => stack.set_forwarding(ctx, false),
            1 => drop(stack.stop_advertising(ctx, id)),
            2 => drop(stack.suspend_advertising(ctx, id)),
            _ => {
                stack.set_forwarding(ctx, true);
                drop(stack.start_advertising(ctx, id, config));
            }
        });
        let what = ["is a host", "stops to advertise", "pauses", "advertises"][what];
        self.note(format!("{}: {what} on {id}", self.nodes[node.0].name));
    }

    fn act_ping(&mut self, node: NodeId) {
        let to = self.pick(self.nodes.len());
        let link = self.pick(self.links().count());
        self.ping(node, address(link, to).0, IfId::NONE);
    }

    /// Many packets in a row between two nodes: some of them are together in a turn of those between.
    pub(crate) fn act_burst(&mut self) {
        let (node, to) = (NodeId(self.pick(self.nodes.len())), self.pick(self.nodes.len()));
        let link = self.pick(self.links().count());
        (0..8).for_each(|_| _ = self.ping(node, address(link, to).0, IfId::NONE));
        if self.pick(2) == 0 {
            shared().for_each(|dst| _ = self.ping(node, dst, IfId::NONE));
        }
    }

    /// Has the router share the flows to what all hosts have among some of these, by weights; or among none.
    pub(crate) fn act_share(&mut self) {
        if self.pick(3) > 0 {
            return;
        }
        let (links, router) = (self.links().count(), NodeId(0));
        let mut hops = Vec::new();
        for host in 1..self.nodes.len() {
            let link = host % links;
            let by = self.nodes[router.0].plugs.iter().find(|(_, plug)| plug.link.0 == link);
            let by = by.map(|(interface, _)| *interface);
            let (weight, takes_part) = (1 + self.pick(4) as u8, self.pick(4) > 0);
            if let (Some(interface), IpAddr::V6(router), true) = (by, address(link, host).0, takes_part) {
                hops.push(Hop { router, interface, weight, metric: 0 });
            }
        }
        self.note(format!("{}: {} hosts share flows", self.nodes[router.0].name, hops.len()));
        let prefix = Prefix::covering(Ipv6Addr::new(0x2001, 0xdb8, 0xf, 0, 0, 0, 0, 0), 64);
        self.nodes[router.0].control(|stack, ctx| {
            let _ = match hops.is_empty() {
                true => stack.remove_multipath6(ctx, &prefix).map(|_| ()),
                false => stack.add_multipath6(ctx, Group { prefix, hops }),
            };
        });
    }

    fn any_interface(&mut self, node: NodeId) -> Option<IfId> {
        let interfaces = self.nodes[node.0].interfaces();
        if interfaces.is_empty() { None } else { Some(interfaces[self.pick(interfaces.len())]) }
    }

    pub(crate) fn pick(&mut self, below: usize) -> usize {
        (self.chance.next_u64() % below.max(1) as u64) as usize
    }
}
