//! What the tests of hosts have in common: a node that listens, and routers that the test plays.

use std::net::Ipv6Addr;
use std::time::Duration;

use siding_netisr::IfId;
use siding_sim::Faults;
use siding_sim::LinkId;
use siding_sim::NodeId;
use siding_sim::NodeSpec;
use siding_stack::ifnet::Addr6;
use siding_stack::nd6::host::HostConfig;
use siding_stack::nd6::host::PrefixReport;
use siding_stack::nd6::host::RouterReport;
use siding_stack::route::Origin;
use siding_wire::IpProto;
use siding_wire::Mac;
use siding_wire::ether::multicast_mac;
use siding_wire::ip6;
use siding_wire::nd;
use siding_wire::nd::NdMessage;
use siding_wire::nd::NdOption;
use siding_wire::nd::NeighborAdvert;
use siding_wire::nd::PrefixInfo;
use siding_wire::nd::Redirect;
use siding_wire::nd::RouterAdvert;

use crate::common::*;

/// The first router of the tests.
pub const ROUTER: Ipv6Addr = local(0x1001);
/// Somebody beyond every router.
pub const FAR: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0xffff, 0, 0, 0, 0, 1);

/// The link-layer address of the router `addr`.
pub fn router_mac(addr: Ipv6Addr) -> Mac {
    let [.., a, b] = addr.octets();
    Mac([2, 0xdd, 0, 0, a, b])
}

/// A host on a link.
pub struct Host {
    pub net: Net,
    pub node: NodeId,
    pub link: LinkId,
    pub id: IfId,
}

impl Host {
    /// A host whose link-local address is usable at once, with this configuration.
    pub fn new(config: HostConfig) -> Host {
        Host::with(spec("host"), config)
    }

    pub fn with(spec: NodeSpec, config: HostConfig) -> Host {
        let mut net = Net::new(1);
        let link = net.world.add_link(Faults::default());
        let node = net.add_node(spec);
        let id = net.world.plug(node, link, None).expect("a slot");
        let mut host = Host { net, node, link, id };
        host.configure(config);
        host.net.run(Duration::ZERO);
        host
    }

    pub fn configure(&mut self, config: HostConfig) {
        let id = self.id;
        let set = self.net.world.node(self.node).control(|stack, ctx| stack.set_autoconf(ctx, id, config));
        set.expect("a good configuration");
    }

    pub fn run(&mut self, time: Duration) {
        self.net.run(time);
    }

    /// Hears an advertisement of `from`.
    pub fn hear_advert(&mut self, from: Ipv6Addr, advert: &RouterAdvert, options: &[NdOption<'_>]) {
        self.net.hear(self.link, &advert_frame(from, advert, options));
    }

    /// Hears that `router` is a default router for so many seconds, with its link-layer address.
    pub fn hear_router(&mut self, router: Ipv6Addr, lifetime: u16) {
        self.hear_advert(router, &lives(router, lifetime), &[]);
    }

    pub fn hear_redirect(&mut self, from: Ipv6Addr, redirect: &Redirect<'_>) {
        let own = self.link_local();
        let mut bytes = vec![0; redirect.buffer_len()];
        redirect.emit(from, own, &mut bytes).expect("room");
        let packet = packet(from, own, IpProto::ICMP6, nd::HOP_LIMIT, &bytes);
        let to = self.net.mac(self.node, self.id);
        self.net.hear(self.link, &frame_from(router_mac(from), to, siding_wire::EtherType::IPV6, &packet));
    }

    /// `target` answers the host's question.
    pub fn answer(&mut self, target: Ipv6Addr, router: bool) {
        let own = self.link_local();
        let to = self.net.mac(self.node, self.id);
        let message = NeighborAdvert {
            router,
            solicited: true,
            override_: true,
            target,
            tlla: Some(router_mac(target)),
        };
        self.net.hear(self.link, &frame6(to, &advert(target, own, &message)));
    }

    pub fn link_local(&self) -> Ipv6Addr {
        let addrs = self.addrs();
        addrs.iter().find(|own| ip6::is_link_local(own.addr)).expect("a link-local address").addr
    }

    pub fn addrs(&self) -> Vec<Addr6> {
        let config = self.net.world.node(self.node).stack.config();
        config.interface(self.id).expect("an interface").addrs6.to_vec()
    }

    /// The addresses that are not link-local, each with its status.
    pub fn globals(&self) -> Vec<(Ipv6Addr, &'static str)> {
        let globals = self.addrs().into_iter().filter(|own| !ip6::is_link_local(own.addr));
        globals.map(|own| (own.addr, own.status())).collect()
    }

    /// Learnt routes: prefix, and next hop unless on-link.
    pub fn routes(&self) -> Vec<(String, Option<Ipv6Addr>)> {
        let routes = self.net.world.node(self.node).stack.routes6();
        let learnt = |origin| matches!(origin, Origin::Advertised | Origin::Redirect);
        let mut routes: Vec<_> = routes
            .into_iter()
            .filter(|route| learnt(route.origin))
            .map(|route| (route.prefix.to_string(), route.next_hop))
            .collect();
        routes.sort();
        routes
    }

    /// The default router in use.
    pub fn default_router(&self) -> Option<Ipv6Addr> {
        self.routes().into_iter().find(|(prefix, _)| prefix == "::/0").and_then(|(_, next_hop)| next_hop)
    }

    pub fn routers(&self) -> Vec<RouterReport> {
        self.net.world.node(self.node).control(|stack, ctx| stack.default_routers(ctx))
    }

    pub fn prefixes(&self) -> Vec<PrefixReport> {
        self.net.world.node(self.node).control(|stack, ctx| stack.prefixes(ctx))
    }

    /// How much of a limit is used, and how often it refused.
    pub fn limit(&self, name: &str) -> (u64, u64) {
        let limits = self.net.world.node(self.node).control(|stack, ctx| stack.limits(ctx));
        let found = limits.into_iter().find(|limit| limit.name == name && limit.interface == self.id);
        let found = found.expect("a limit of this name");
        (found.used, found.refused)
    }

    /// When each Router Solicitation left, with its source and whether it told our link-layer address.
    pub fn solicitations(&self) -> Vec<(Duration, Ipv6Addr, bool)> {
        let all = self.net.frames().into_iter().filter_map(|frame| {
            let (ether, ip, payload) = frame.ip6()?;
            if ip.next_header != IpProto::ICMP6 || payload[0] != 133 {
                return None;
            }
            assert_eq!((ip.dst, ether.dst), (ip6::ALL_ROUTERS, multicast_mac(ip6::ALL_ROUTERS)));
            let message =
                nd::validate(ip.hop_limit, ip.src, ip.dst, payload, false).expect("a valid message");
            let NdMessage::RouterSolicit(solicit) = message else { panic!("a solicitation") };
            Some((self.net.since_start(&frame), ip.src, solicit.slla.is_some()))
        });
        all.collect()
    }

    /// What the node told of itself as a host, from a moment on.
    pub fn told(&self, word: &str) -> Vec<String> {
        let lines = self.net.world.log().iter().filter(|line| line.contains(word));
        lines.filter_map(|line| line.split_once(": ").map(|(_, what)| what.to_string())).collect()
    }
}

/// An advertisement in a frame of its router.
pub fn advert_frame(from: Ipv6Addr, advert: &RouterAdvert, options: &[NdOption<'_>]) -> Vec<u8> {
    let to = ip6::ALL_NODES;
    let mut bytes = vec![0; advert.buffer_len(options)];
    advert.emit(options, from, to, &mut bytes).expect("room");
    let packet = packet(from, to, IpProto::ICMP6, nd::HOP_LIMIT, &bytes);
    frame_from(router_mac(from), multicast_mac(to), siding_wire::EtherType::IPV6, &packet)
}

/// A default router for so many seconds, which tells its link-layer address.
pub fn lives(router: Ipv6Addr, lifetime: u16) -> RouterAdvert {
    RouterAdvert { router_lifetime: lifetime, slla: Some(router_mac(router)), ..RouterAdvert::default() }
}

/// The prefix 2001:db8:n::/64, on-link and for addresses, with its lifetimes in seconds.
pub fn prefix(n: u16, preferred: u32, valid: u32) -> PrefixInfo {
    PrefixInfo {
        prefix: on_link(n, 0),
        prefix_len: 64,
        on_link: true,
        autonomous: true,
        router_address: None,
        valid,
        preferred,
    }
}
