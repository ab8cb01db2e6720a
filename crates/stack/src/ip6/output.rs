//! IPv6 packets that go out.

use std::net::Ipv6Addr;

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_mbuf::Mbuf;
use siding_netisr::IfId;
use siding_wire::ether::multicast_mac;

use crate::config::Config;
use crate::drops::Drop;
use crate::ifnet::Interface;
use crate::neighbor;
use crate::worker::Local;

/// Sends a packet of our own to `dst`, which its header names. `scope` is the interface that a link-local or
/// multicast destination is meant on.
pub(crate) fn output(
    ctx: &mut Ctx<'_, Unlocked>,
    local: &mut Local,
    config: &Config,
    dst: Ipv6Addr,
    scope: IfId,
    packet: Mbuf,
) {
    if let Some(own) = config.owner6(dst, scope) {
        // To ourselves: not from here, for we may be deep in a packet already.
        let on = own.ifnet.id;
        if let Err(refused) = local.shared.types.local_in.dispatch(ctx, packet, on) {
            local.drop_packet(refused.packet, Drop::Refused);
        }
        return;
    }
    let Some((out, next_hop)) = route(config, dst, scope) else {
        return local.drop_packet(packet, Drop::NoRoute);
    };
    if packet.len() > usize::from(out.mtu) {
        return local.drop_packet(packet, Drop::TooBig);
    }
    if dst.is_multicast() {
        return local.transmit_ip(ctx, out, multicast_mac(dst), packet);
    }
    forward_out(ctx, local, out, next_hop, packet);
}

/// Sends a packet to the neighbour `next_hop` on `out`.
pub(crate) fn forward_out(
    ctx: &mut Ctx<'_, Unlocked>,
    local: &mut Local,
    out: &Interface,
    next_hop: Ipv6Addr,
    packet: Mbuf,
) {
    neighbor::output(ctx, local, out, next_hop.into(), packet);
}

/// The way to `dst`: for link-local and multicast destinations, the interface they are meant on.
fn route(config: &Config, dst: Ipv6Addr, scope: IfId) -> Option<(&Interface, Ipv6Addr)> {
    if siding_wire::ip6::is_link_local(dst) || dst.is_multicast() {
        return config.interface(scope).map(|out| (out, dst));
    }
    config.route6(dst)
}
