//! Redirects that we send: a host is told of a better next hop on its own link (RFC 4861 s8.2).

use std::net::Ipv6Addr;

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_mbuf::Mbuf;
use siding_wire::IpProto;
use siding_wire::Mac;
use siding_wire::ip6;
use siding_wire::ip6::Ip6Repr;
use siding_wire::nd;
use siding_wire::nd::Redirect;

use super::advertise::link_local;
use crate::common::Sending;
use crate::config::Config;
use crate::drops::DropReason;
use crate::ifnet::IfCounter;
use crate::ifnet::Interface;
use crate::neighbor;
use crate::next::Arrival;
use crate::next::Packet6;
use crate::next::Quoted;
use crate::stack::worker::Local;

/// Tells the sender of a packet that is about to leave by the interface that it came in by where it could have gone at once.
/// The packet itself is forwarded all the same.
//= RFC 4861 s8.2 [4861-15]: to a neighbour, about a unicast destination, and no more often than the limit says.
pub(crate) fn redirect(
    ctx: &mut Ctx<'_, Unlocked>,
    local: &mut Local,
    Arrival { config, on }: Arrival<'_>,
    Quoted { about, packet }: Quoted<'_, Packet6>,
    next_hop: Ipv6Addr,
) {
    let (src, dst) = (about.header.src, about.header.dst);
    let Some(target) = target(dst, next_hop).filter(|target| *target != src) else { return };
    if dst.is_multicast() || !is_neighbor(config, on, src) {
        return;
    }
    let Some(source) = link_local(on) else { return };
    if !local.may_send(ctx, Sending::Redirect, on.ifnet.id, src) {
        return;
    }
    let redirect =
        Redirect { target, destination: dst, tlla: known(ctx, local, on, target), redirected: packet.data() };
    match build(local, source, src, &redirect) {
        Some(message) => {
            on.ifnet.counters.add(local.index, IfCounter::RedirectOut, 1);
            on.ifnet.mib.sends(local.index, message.data());
            neighbor::output(ctx, local, on, src.into(), message);
        }
        None => local.count(on.ifnet.id, DropReason::NoBuffer),
    }
}

/// Where the sender could send to.
//= RFC 4861 s8.2 [4861-15]: the destination itself if it is on the link, or a router by its link-local address: one
//= that we know by another address only cannot be told of.
fn target(dst: Ipv6Addr, next_hop: Ipv6Addr) -> Option<Ipv6Addr> {
    (next_hop == dst || ip6::is_link_local(next_hop)).then_some(next_hop)
}

/// Whether `addr` is on the interface's link.
fn is_neighbor(config: &Config, on: &Interface, addr: Ipv6Addr) -> bool {
    let near = |(out, hop): (&Interface, Ipv6Addr)| out.ifnet.id == on.ifnet.id && hop == addr;
    ip6::is_link_local(addr) || config.routing(on).route6(addr).is_some_and(near)
}

/// The target's link-layer address, if the neighbour table has it.
fn known(ctx: &mut Ctx<'_, Unlocked>, local: &Local, on: &Interface, target: Ipv6Addr) -> Option<Mac> {
    let direct = local.direct.lookup(on.ifnet.id, target.into());
    direct.or_else(|| {
        let lle = on.ifnet.neighbors.find(ctx, target.into())?;
        let (entry, _ctx) = ctx.lock(&lle.entry);
        entry.nud.usable()
    })
}

fn build(local: &mut Local, source: Ipv6Addr, dst: Ipv6Addr, redirect: &Redirect<'_>) -> Option<Mbuf> {
    let len = redirect.buffer_len();
    let mut message = local.cache.alloc()?;
    let (header, body) = message.append(ip6::HEADER_LEN + len)?.split_at_mut(ip6::HEADER_LEN);
    Ip6Repr::new(source, dst, IpProto::ICMP6, nd::HOP_LIMIT, len as u16).emit(header).ok()?;
    redirect.emit(source, dst, body).ok()?;
    Some(message)
}
