//! IPv6 packets that go out.

use std::net::Ipv6Addr;

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_mbuf::Mbuf;
use siding_netisr::IfId;
use siding_wire::ether::multicast_mac;
use siding_wire::ip6::Ip6Repr;
use siding_wire::ip6::MIN_MTU;

use super::fragment;
use super::paths;
use crate::config::Config;
use crate::drops::DropReason;
use crate::ends;
use crate::hooks;
use crate::ifnet::Interface;
use crate::neighbor;
use crate::next::Stopped;
use crate::own::LocalIn;
use crate::queues::Queue;
use crate::stack::worker::Local;
use crate::trace::Step;

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
    if !ends::may_be_destination6(dst) {
        return local.drop_packet(packet, DropReason::BadSource);
    }
    if let Some(own) = config.local6(dst, scope) {
        // To ourselves: not from here, for we may be deep in a packet already.
        let on = own.ifnet.id;
        local.trace.note(&packet, || Step::Queued { queue: LocalIn::NAME });
        if let Err(refused) = local.shared.queues.of::<LocalIn>().dispatch(ctx, packet, on) {
            local.drop_packet(refused.packet, DropReason::Refused);
        }
        return;
    }
    let flow = || config.flow_key.six(packet.data());
    let Some((out, next_hop)) = route(config, (dst, flow), scope) else {
        return local.drop_packet(packet, DropReason::NoRoute);
    };
    let packet = match hooks::sent(ctx, local, config, out, scope, packet) {
        Ok(packet) => packet,
        Err(Stopped::Drop(packet, cause)) => return local.drop_packet(packet, cause),
        Err(Stopped::Taken) => return,
    };
    out.ifnet.mib.sends(local.index, packet.data());
    let send = |ctx: &mut Ctx<'_, Unlocked>, local: &mut Local, packet: Mbuf| match dst.is_multicast() {
        true => local.transmit_ip(ctx, out, multicast_mac(dst), packet),
        false => forward_out(ctx, local, out, next_hop, packet),
    };
    //= RFC 8200 s5, RFC 8201 s4 [8200-5][8201-1]: every path takes 1280 bytes; more goes as the path takes it.
    if packet.len() > MIN_MTU {
        let mtu = paths::mtu(local, dst, out);
        if packet.len() > mtu {
            // Each piece is remembered as what it is.
            return fragment::output(ctx, local, (out, mtu), packet, send);
        }
        if let Ok((header, payload)) = Ip6Repr::parse(packet.data()) {
            local.shared.paths.note_sent(&header, payload);
        }
    }
    send(ctx, local, packet);
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
pub(super) fn route(
    config: &Config,
    (dst, flow): (Ipv6Addr, impl Fn() -> u32),
    scope: IfId,
) -> Option<(&Interface, Ipv6Addr)> {
    if siding_wire::ip6::is_link_local(dst) || dst.is_multicast() {
        return config.interface(scope).map(|out| (out, dst));
    }
    config.routing_at(scope).way6(dst, flow).ok()
}
