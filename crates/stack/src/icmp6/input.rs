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

use crate::config::Config;
use crate::drops::DropReason;
use crate::ifnet::Interface;
use crate::ip6;
use crate::ip6::Packet6;
use crate::mld;
use crate::nd6;
use crate::ping::Answer;
use crate::ping::PingReply;
use crate::worker::Local;

/// A message that starts `at` bytes into the packet.
#[allow(clippy::too_many_arguments)] // What is known of the packet, each used below.
pub(crate) fn input(
    ctx: &mut Ctx<'_, Unlocked>,
    local: &mut Local,
    config: &Config,
    on: &Interface,
    about: Packet6,
    at: usize,
    fragmented: bool,
    packet: Mbuf,
) {
    let message = packet.data().get(at..).unwrap_or_default();
    let Some(kind) = message.first().map(|kind| Icmp6Type(*kind)) else {
        return local.drop_packet(packet, DropReason::Malformed(siding_wire::Malformed::Truncated));
    };
    if kind.is_nd() {
        return nd6::input(ctx, local, config, on, about, at, fragmented, packet);
    }
    if kind.is_mld() {
        return mld::input(ctx, local, on, &about, at, packet);
    }
    match Icmp6Repr::parse(about.header.src, about.header.dst, message) {
        Ok((Icmp6Repr::EchoRequest { ident, seq }, _)) => {
            reply(ctx, local, config, on, about, at, Icmp6Repr::EchoReply { ident, seq }, packet);
        }
        Ok((Icmp6Repr::EchoReply { ident, seq }, _)) => {
            let answer = Answer::Reply { from: about.header.src.into(), hop_limit: about.header.hop_limit };
            local.shared.pings.answer(ctx, ident, PingReply { seq, at: local.now, answer });
            local.cache.free(packet);
        }
        Ok((error, quoted)) if error.is_error() => {
            let believed = match error {
                Icmp6Repr::PacketTooBig { mtu } => ip6::too_big(ctx, local, config, on, mtu, quoted),
                _ => true,
            };
            if believed {
                report(ctx, local, error, about.header.src, quoted);
            }
            local.cache.free(packet);
        }
        //= RFC 4443 s2.4(b) [4443-2]: unknown informational messages are dropped in silence.
        Ok(_) => local.drop_packet(packet, DropReason::Ignored),
        Err(why) => local.drop_packet(packet, DropReason::Malformed(why)),
    }
}

/// Answers an echo request, in its own buffer.
#[allow(clippy::too_many_arguments)] // As above.
fn reply(
    ctx: &mut Ctx<'_, Unlocked>,
    local: &mut Local,
    config: &Config,
    on: &Interface,
    about: Packet6,
    at: usize,
    repr: Icmp6Repr,
    packet: Mbuf,
) {
    let request = about.header;
    if request.src.is_unspecified() {
        return local.drop_packet(packet, DropReason::BadSource);
    }
    //= RFC 4443 s4.2 [4443-7]: from the address that was asked; if that was a group's, or anybody's, from one of the
    //= interface.
    let source = match config.owner6(request.dst, on.ifnet.id).is_some() {
        true => Some(request.dst),
        false => config.source6(request.src, on.ifnet.id),
    };
    let Some(source) = source else { return local.drop_packet(packet, DropReason::NoSource) };
    let mut packet = match packet.is_shared() {
        true => match local.unshare(packet) {
            Some(copy) => copy,
            None => return,
        },
        false => packet,
    };
    // It is ours from here on: should it not be delivered, nobody else is to be told.
    packet.set_rcvif(IfId::NONE);
    // Extension headers are not returned: what stands before the message becomes the answer's header.
    packet.trim_front(at - HEADER_LEN);
    let payload_len = packet.len() - HEADER_LEN;
    let header = Ip6Repr::new(source, request.src, IpProto::ICMP6, on.hop_limit, payload_len as u16);
    let Some(bytes) = packet.data_mut() else { return local.drop_packet(packet, DropReason::NoHeadroom) };
    let (front, message) = bytes.split_at_mut(HEADER_LEN);
    if let Err(why) = repr.emit(source, request.src, message).and_then(|()| header.emit(front)) {
        return local.drop_packet(packet, DropReason::Malformed(why));
    }
    ip6::output(ctx, local, config, request.src, on.ifnet.id, packet);
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
