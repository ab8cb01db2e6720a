//! IPv4 packets for others (RFC 1812).

use std::net::Ipv4Addr;

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_mbuf::Mbuf;
use siding_wire::icmp4::Icmp4Repr;
use siding_wire::icmp4::exceeded;
use siding_wire::icmp4::unreachable;
use siding_wire::ip4;
use siding_wire::ip4::Ip4Repr;

use super::cut::cut;
use super::error::error;
use crate::drops::DropReason;
use crate::ends;
use crate::fragments;
use crate::hooks;
use crate::ifnet::IfCounter;
use crate::ifnet::Interface;
use crate::ifnet::Met;
use crate::ifnet::Version;
use crate::nd6::dad::DadState;
use crate::neighbor;
use crate::next::Arrival;
use crate::next::Next;
use crate::next::Quoted;
use crate::offload;
use crate::stack::worker::Local;
use crate::stack::worker::TimedStep;

/// Forwards a packet, which came in by a unicast frame.
pub(super) fn forward<'c>(
    ctx: &mut Ctx<'_, Unlocked>,
    local: &mut Local,
    arrival: Arrival<'c>,
    header: Ip4Repr,
    packet: Mbuf,
) -> Next<'c> {
    let config = arrival.config;
    if let Err(cause) = ends::forwarded4(&header) {
        return Next::Drop(packet, cause);
    }
    let refuse = |ctx: &mut Ctx<'_, Unlocked>, local: &mut Local, repr, packet: Mbuf, cause| {
        error(ctx, local, config, repr, Quoted { about: &header, packet: &packet });
        Next::Drop(packet, cause)
    };
    // Not with a time to live of 0, nor with one that would become 0 (RFC 1812 s5.3.1).
    if header.ttl <= 1 {
        let repr = Icmp4Repr::TimeExceeded { code: exceeded::TTL };
        return refuse(ctx, local, repr, packet, DropReason::HopLimit);
    }
    local.timed.enter(TimedStep::Route);
    let (out, next_hop) =
        match config.routing(arrival.on).way4(header.dst, || config.flow_key.four(packet.data())) {
            Ok(way) => way,
            Err(refusal) => {
                let (code, cause) = match refusal {
                    None => (Some(unreachable::NET), DropReason::NoRoute),
                    Some(refusal) => (refusal.code4(), DropReason::RouteRefuses),
                };
                let Some(code) = code else { return Next::Drop(packet, cause) };
                return refuse(ctx, local, Icmp4Repr::DestUnreachable { code, mtu: 0 }, packet, cause);
            }
        };
    // A broadcast from afar is how one host makes many answer (RFC 2644). An address that we have and may not use yet
    // is nobody else's to be asked for.
    if ends::is_directed_broadcast(out, header.dst) || is_tentative(out, next_hop) {
        return Next::Drop(packet, DropReason::NotForUs);
    }
    // The sender does not choose the way (RFC 7126 s4.3, s4.4).
    if has_source_route(packet.data()) {
        return Next::Drop(packet, DropReason::Option);
    }
    // A super-frame is as large as its segments, which are what the link has to take.
    let mtu = usize::from(out.mtu);
    let too_big = packet.len() > mtu && packet.longest() > mtu;
    if too_big && header.dont_fragment {
        // With the next link's MTU (RFC 1191 s4).
        let repr = Icmp4Repr::DestUnreachable { code: unreachable::FRAG_NEEDED, mtu: out.mtu };
        out.ifnet.mib.add(local.index, Version::V4, Met::TooBig, 1);
        return refuse(ctx, local, repr, packet, DropReason::TooBig);
    }
    let mut packet = match hooks::forwarded(ctx, local, arrival, out, packet) {
        Ok(packet) => packet,
        Err(stopped) => return stopped.into(),
    };
    if packet.is_shared() {
        let Some(copy) = local.unshare(packet) else { return Next::Taken };
        packet = copy;
    }
    if let Some(bytes) = packet.data_mut()
        && let Err(why) = ip4::decrement_ttl(bytes)
    {
        return Next::Drop(packet, DropReason::Malformed(why));
    }
    if too_big {
        local.note_forwarded(Version::V4, &packet, out);
        fragments(ctx, local, out, next_hop, packet);
        return Next::Forwarded;
    }
    Next::Neighbor(out, next_hop.into(), packet)
}

/// Sends a packet in pieces that the next link takes. A checksum over them all is completed before, and the segments of a
/// super-frame are packets of their own: it is counted as one that was cut, be it that some of them fit.
fn fragments(
    ctx: &mut Ctx<'_, Unlocked>,
    local: &mut Local,
    out: &Interface,
    next_hop: Ipv4Addr,
    packet: Mbuf,
) {
    let mut segments = Vec::new();
    let mut made = Some(0);
    if packet.is_unfinished() {
        if let Err(cause) = offload::cut(&mut local.cache, packet, 0, |_, segment| segments.push(segment)) {
            local.count(out.ifnet.id, cause);
            made = None;
        }
    } else {
        segments.push(packet);
    }
    for segment in segments {
        let pieces = if segment.len() > usize::from(out.mtu) {
            pieces(ctx, local, out, next_hop, segment)
        } else {
            neighbor::output(ctx, local, out, next_hop.into(), segment);
            Some(1)
        };
        made = made.zip(pieces).map(|(made, more)| made + more);
    }
    out.ifnet.mib.cut(local.index, Version::V4, made);
}

/// Sends one packet in pieces, and says how many; `None` if not all of them.
fn pieces(
    ctx: &mut Ctx<'_, Unlocked>,
    local: &mut Local,
    out: &Interface,
    next_hop: Ipv4Addr,
    packet: Mbuf,
) -> Option<u64> {
    let Some(cuts) = cut(packet.data(), fragments::longest(local, out.mtu.into())) else {
        local.drop_packet(packet, DropReason::TooBig);
        return None;
    };
    let mut made = Some(0);
    for cut in cuts {
        let piece = local.cache.alloc().and_then(|mut piece| {
            let whole =
                piece.extend_from_slice(&cut.header) && piece.extend_from_slice(&packet.data()[cut.data]);
            piece.set_rcvif(packet.rcvif());
            piece.set_mark(packet.mark());
            whole.then_some(piece)
        });
        let Some(piece) = piece else {
            local.count(out.ifnet.id, DropReason::NoBuffer);
            made = None;
            break;
        };
        out.ifnet.counters.add(local.index, IfCounter::FragmentsOut, 1);
        neighbor::output(ctx, local, out, next_hop.into(), piece);
        made = made.map(|made| made + 1);
    }
    local.cache.free(packet);
    made
}

fn is_tentative(out: &Interface, addr: Ipv4Addr) -> bool {
    out.addrs4.iter().any(|own| own.addr == addr && own.state == DadState::Tentative)
}

fn has_source_route(packet: &[u8]) -> bool {
    let options = ip4::header_len(packet).ok().and_then(|len| packet.get(ip4::HEADER_LEN..len));
    let mut options = options.unwrap_or_default();
    while let Some(kind) = options.first() {
        let len = match kind {
            0 => return false,
            1 => 1,
            131 | 137 => return true,
            _ => usize::from(options.get(1).copied().unwrap_or(2)).max(2),
        };
        options = options.get(len..).unwrap_or_default();
    }
    false
}
