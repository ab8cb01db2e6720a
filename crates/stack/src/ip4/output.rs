//! IPv4 packets that go out, and ICMP errors.

use std::net::Ipv4Addr;

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_mbuf::Mbuf;
use siding_netisr::IfId;
use siding_wire::IpProto;
use siding_wire::icmp4::Icmp4Repr;
use siding_wire::ip4::HEADER_LEN;
use siding_wire::ip4::Ip4Repr;

use super::fragment;
use crate::config::Config;
use crate::drops::Drop;
use crate::neighbor;
use crate::ping::Answer;
use crate::ping::PingReply;
use crate::worker::Local;

/// How much of a packet an error quotes: what routers commonly do (RFC 1812 s4.3.2.3: at most 576 in all).
const QUOTED: usize = 576 - HEADER_LEN - 8;

/// Sends a packet of our own to `dst`, which its header names.
pub(crate) fn output(
    ctx: &mut Ctx<'_, Unlocked>,
    local: &mut Local,
    config: &Config,
    dst: Ipv4Addr,
    packet: Mbuf,
) {
    if let Some(own) = config.owner4(dst) {
        let on = own.ifnet.id;
        if let Err(refused) = local.shared.types.local_in.dispatch(ctx, packet, on) {
            local.drop_packet(refused.packet, Drop::Refused);
        }
        return;
    }
    let Some((out, next_hop)) = config.route4(dst) else { return local.drop_packet(packet, Drop::NoRoute) };
    if packet.len() > usize::from(out.mtu) {
        return fragment::output(ctx, local, out, packet, |ctx, local, piece| {
            neighbor::output(ctx, local, out, next_hop.into(), piece);
        });
    }
    neighbor::output(ctx, local, out, next_hop.into(), packet);
}

/// Tells the sender of a packet that was for us what is wrong with it.
pub(crate) fn error(
    ctx: &mut Ctx<'_, Unlocked>,
    local: &mut Local,
    config: &Config,
    repr: Icmp4Repr,
    about: Ip4Repr,
    packet: &Mbuf,
) {
    if about.src.is_unspecified() || about.proto == IpProto::ICMP {
        return local.count(Drop::Silenced);
    }
    if !local.shared.take_error_token(ctx, local.now) {
        return local.count(Drop::RateLimited);
    }
    match build(local, repr, about, packet.data()) {
        Some(error) => output(ctx, local, config, about.src, error),
        None => local.count(Drop::NoBuffer),
    }
}

/// A packet whose neighbour did not answer. Only our own come here: IPv4 is not forwarded.
pub(crate) fn unreachable(ctx: &mut Ctx<'_, Unlocked>, local: &mut Local, packet: Mbuf, _out: IfId) {
    if let Ok((header, [8, _, _, _, a, b, c, d, ..])) = Ip4Repr::parse(packet.data())
        && header.proto == IpProto::ICMP
    {
        let (ident, seq) = (u16::from_be_bytes([*a, *b]), u16::from_be_bytes([*c, *d]));
        let answer = Answer::Error { from: header.src.into(), what: "host unreachable".into() };
        local.shared.pings.answer(ctx, ident, PingReply { seq, at: local.now, answer });
    }
    local.drop_packet(packet, Drop::Unresolved);
}

fn build(local: &mut Local, repr: Icmp4Repr, about: Ip4Repr, packet: &[u8]) -> Option<Mbuf> {
    let quoted = packet.get(..packet.len().min(QUOTED))?;
    let mut error = local.cache.alloc()?;
    let message_len = repr.buffer_len() + quoted.len();
    let place = error.append(HEADER_LEN + message_len)?;
    let (header, message) = place.split_at_mut(HEADER_LEN);
    message[repr.buffer_len()..].copy_from_slice(quoted);
    repr.emit(message).ok()?;
    Ip4Repr::new(about.dst, about.src, IpProto::ICMP, 64, message_len as u16).emit(header).ok()?;
    Some(error)
}
