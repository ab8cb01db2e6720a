//! IPv4 packets that go out, and ICMP errors.

use std::net::Ipv4Addr;

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_mbuf::Mbuf;
use siding_netisr::IfId;
use siding_wire::IpProto;
use siding_wire::icmp4::Icmp4Repr;
use siding_wire::icmp4::unreachable;
use siding_wire::ip4::Ip4Repr;

use super::error::error;
use super::fragment;
use crate::config::Config;
use crate::drops::DropReason;
use crate::ends;
use crate::hooks;
use crate::neighbor;
use crate::next::Quoted;
use crate::next::Stopped;
use crate::own::LocalIn;
use crate::ping::Answer;
use crate::ping::PingReply;
use crate::queues::Queue;
use crate::stack::worker::Local;
use crate::trace::Step;

/// Sends a packet of our own to `dst`, which its header names, in the routing instance of the interface `by`.
pub(crate) fn output(
    ctx: &mut Ctx<'_, Unlocked>,
    local: &mut Local,
    config: &Config,
    (dst, by): (Ipv4Addr, IfId),
    packet: Mbuf,
) {
    let routing = config.routing_at(by);
    if let Some(own) = routing.owner4(dst) {
        let on = own.ifnet.id;
        local.trace.note(&packet, || Step::Queued { queue: LocalIn::NAME });
        if let Err(refused) = local.shared.queues.of::<LocalIn>().dispatch(ctx, packet, on) {
            local.drop_packet(refused.packet, DropReason::Refused);
        }
        return;
    }
    let Ok((out, next_hop)) = routing.way4(dst, || config.flow_key.four(packet.data())) else {
        return local.drop_packet(packet, DropReason::NoRoute);
    };
    if !ends::may_send4(out, dst) {
        return local.drop_packet(packet, DropReason::BadSource);
    }
    let scope = siding_netisr::IfId::NONE;
    let packet = match hooks::sent(ctx, local, config, out, scope, packet) {
        Ok(packet) => packet,
        Err(Stopped::Drop(packet, cause)) => return local.drop_packet(packet, cause),
        Err(Stopped::Taken) => return,
    };
    out.ifnet.mib.sends(local.index, packet.data());
    if packet.len() > usize::from(out.mtu) {
        return fragment::output(ctx, local, out, packet, |ctx, local, piece| {
            neighbor::output(ctx, local, out, next_hop.into(), piece);
        });
    }
    neighbor::output(ctx, local, out, next_hop.into(), packet);
}

/// A packet whose neighbour did not answer: its sender is told, or whoever waits here for the answer to a ping.
pub(crate) fn unreachable(ctx: &mut Ctx<'_, Unlocked>, local: &mut Local, out: IfId, packet: Mbuf) {
    let config = local.config().clone();
    let parsed = Ip4Repr::parse(packet.data());
    if let Ok((header, _)) = parsed
        && !packet.rcvif().is_none()
    {
        let repr = Icmp4Repr::DestUnreachable { code: unreachable::HOST, mtu: 0 };
        error(ctx, local, &config, repr, Quoted { about: &header, packet: &packet });
    } else if let Ok((header, [8, _, _, _, a, b, c, d, ..])) = parsed
        && header.proto == IpProto::ICMP
        && header.frag_offset == 0
    {
        let (ident, seq) = (u16::from_be_bytes([*a, *b]), u16::from_be_bytes([*c, *d]));
        let answer = Answer::Error { from: header.src.into(), what: "host unreachable".into() };
        local.shared.pings.answer(ctx, ident, PingReply { seq, at: local.now, answer });
    }
    local.drop_on(out, packet, DropReason::Unresolved);
}
