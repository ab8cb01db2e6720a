//! ICMPv6 messages that are for us.

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_mbuf::Mbuf;
use siding_netisr::IfId;
use siding_wire::IpProto;
use siding_wire::icmp6::Icmp6Repr;
use siding_wire::icmp6::Icmp6Type;
use siding_wire::ip6::HEADER_LEN;
use siding_wire::ip6::Ip6Repr;

use crate::drops::DropReason;
use crate::ifnet::Version;
use crate::ip6;
use crate::next::Arrival;
use crate::next::Layer;
use crate::next::Next;
use crate::next::Upper6;
use crate::ping::Answer;
use crate::ping::PingReply;
use crate::stack::worker::Local;

/// A message of ICMPv6.
pub(crate) fn input<'c>(
    ctx: &mut Ctx<'_, Unlocked>,
    local: &mut Local,
    arrival: Arrival<'c>,
    upper: Upper6,
    packet: Mbuf,
) -> Next<'c> {
    let Upper6 { about, at, .. } = upper;
    let on = arrival.on;
    let message = packet.data().get(at..).unwrap_or_default();
    let Some(kind) = message.first().map(|kind| Icmp6Type(*kind)) else {
        return Next::Drop(packet, DropReason::Malformed(siding_wire::Malformed::Truncated));
    };
    on.ifnet.mib.heard(local.index, Version::V6, kind.0);
    if kind.is_nd() {
        return Next::Upper6(on, Upper6 { layer: Layer::Nd, ..upper }, packet);
    }
    if kind.is_mld() {
        return Next::Upper6(on, Upper6 { layer: Layer::Mld, ..upper }, packet);
    }
    match Icmp6Repr::parse(about.header.src, about.header.dst, message) {
        Ok((Icmp6Repr::EchoRequest { ident, seq }, _)) => {
            reply(local, arrival, about.header, (at, Icmp6Repr::EchoReply { ident, seq }), packet)
        }
        Ok((Icmp6Repr::EchoReply { ident, seq }, _)) => {
            let answer = Answer::Reply { from: about.header.src.into(), hop_limit: about.header.hop_limit };
            local.shared.pings.answer(ctx, ident, PingReply { seq, at: local.now, answer });
            Next::Done(packet)
        }
        Ok((error, quoted)) if error.is_error() => {
            let believed = match error {
                Icmp6Repr::PacketTooBig { mtu } => ip6::too_big(ctx, local, arrival, mtu, quoted),
                _ => true,
            };
            if believed {
                report(ctx, local, error, about.header.src, quoted);
            }
            Next::Done(packet)
        }
        //= RFC 4443 s2.4(b) [4443-2]: unknown informational messages are dropped in silence.
        Ok(_) => Next::Drop(packet, DropReason::Ignored),
        Err(why) => Next::Drop(packet, DropReason::Malformed(why)),
    }
}

/// Answers an echo request, in its own buffer.
fn reply<'c>(
    local: &mut Local,
    arrival: Arrival<'c>,
    request: Ip6Repr,
    (at, repr): (usize, Icmp6Repr),
    packet: Mbuf,
) -> Next<'c> {
    let Arrival { config, on } = arrival;
    if request.src.is_unspecified() {
        return Next::Drop(packet, DropReason::BadSource);
    }
    //= RFC 4443 s4.2 [4443-7]: from the address that was asked; if that was a group's, or anybody's, from one of the
    //= interface.
    let source = match config.owner6(request.dst, on.ifnet.id).is_some() {
        true => Some(request.dst),
        false => config.source6(request.src, on.ifnet.id),
    };
    let Some(source) = source else { return Next::Drop(packet, DropReason::NoSource) };
    let mut packet = match packet.is_shared() {
        true => match local.unshare(packet) {
            Some(copy) => copy,
            None => return Next::Taken,
        },
        false => packet,
    };
    // It is ours from here on: should it not be delivered, nobody else is to be told.
    packet.set_rcvif(IfId::NONE);
    // Extension headers are not returned: what stands before the message becomes the answer's header.
    packet.trim_front(at - HEADER_LEN);
    let payload_len = packet.len() - HEADER_LEN;
    let header = Ip6Repr::new(source, request.src, IpProto::ICMP6, on.hop_limit, payload_len as u16);
    let Some(bytes) = packet.data_mut() else { return Next::Drop(packet, DropReason::NoHeadroom) };
    let (front, message) = bytes.split_at_mut(HEADER_LEN);
    if let Err(why) = repr.emit(source, request.src, message).and_then(|()| header.emit(front)) {
        return Next::Drop(packet, DropReason::Malformed(why));
    }
    Next::Own(request.src.into(), on.ifnet.id, packet)
}

/// An error about something that we sent: whoever waits for an answer hears of it.
fn report(
    ctx: &mut Ctx<'_, Unlocked>,
    local: &mut Local,
    error: Icmp6Repr,
    from: std::net::Ipv6Addr,
    quoted: &[u8],
) {
    //= RFC 4443 s2.4(d) [4443-2]: what the quoted packet was decides who is told.
    let Some((header, payload)) = ip6::quoted_header(quoted) else { return };
    let Some((ident, seq)) = ip6::echo_request(&header, payload) else { return };
    let answer = Answer::Error { from: from.into(), what: describe(error) };
    local.shared.pings.answer(ctx, ident, PingReply { seq, at: local.now, answer });
}

fn describe(error: Icmp6Repr) -> String {
    match error {
        Icmp6Repr::DestUnreachable { code: 0 } => "no route to destination".into(),
        Icmp6Repr::DestUnreachable { code: 3 } => "address unreachable".into(),
        Icmp6Repr::DestUnreachable { code: 4 } => "port unreachable".into(),
        Icmp6Repr::DestUnreachable { code } => format!("destination unreachable, code {code}"),
        Icmp6Repr::PacketTooBig { mtu } => format!("packet too big, the next link takes {mtu} bytes"),
        Icmp6Repr::TimeExceeded { code: 1 } => "fragment reassembly time exceeded".into(),
        Icmp6Repr::TimeExceeded { .. } => "hop limit exceeded".into(),
        Icmp6Repr::ParamProblem { code, pointer } => {
            format!("parameter problem, code {code}, at octet {pointer}")
        }
        _ => "error".into(),
    }
}
