//! IPv4 packets that come in.

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_mbuf::Mbuf;
use siding_netisr::IfId;
use siding_wire::IpProto;
use siding_wire::Mac;
use siding_wire::checksum::Ends;
use siding_wire::icmp4::Icmp4Repr;
use siding_wire::icmp4::unreachable;
use siding_wire::ip4;
use siding_wire::ip4::Ip4Repr;
use siding_wire::udp::UdpRepr;

use super::error::error;
use super::forward;
use super::fragment;
use crate::config::Config;
use crate::drops::DropReason;
use crate::ends;
use crate::fragments;
use crate::hooks;
use crate::icmp6::LinkCast;
use crate::ifnet::Interface;
use crate::ifnet::Met;
use crate::ifnet::Version;
use crate::next::Arrival;
use crate::next::Framed;
use crate::next::Next;
use crate::next::Quoted;
use crate::next::Upper4;
use crate::ping::Answer;
use crate::ping::PingReply;
use crate::reassembly::Fragment;
use crate::stack::worker::Local;
use crate::trace::Step;

/// A packet from the link of `on`, with no link header.
pub(crate) fn input<'c>(
    ctx: &mut Ctx<'_, Unlocked>,
    local: &mut Local,
    arrival: Arrival<'c>,
    link: LinkCast,
    mut packet: Mbuf,
) -> Next<'c> {
    let Arrival { config, on } = arrival;
    let header = match parse(&mut packet) {
        Ok(header) => header,
        Err(cause) => return Next::Drop(packet, cause),
    };
    if let Err(cause) = ends::received4(config, on, &header) {
        return Next::Drop(packet, cause);
    }
    // What is for a group is for us, or for nobody: no routes lead there.
    let group = header.dst.is_multicast();
    if group && !on.has_joined4(header.dst) {
        return Next::Drop(packet, DropReason::NotJoined);
    }
    // What came to everybody on a link is neither answered nor forwarded (RFC 1122 s3.3.6, RFC 1812 s5.3.4).
    if !group && link != LinkCast::Unicast {
        return Next::Drop(packet, DropReason::NotForUs);
    }
    let packet = match hooks::received(ctx, local, arrival, Framed { from: Mac::ZERO, link }, packet) {
        Ok(packet) => packet,
        Err(stopped) => return stopped.into(),
    };
    if group || config.routing(on).owner4(header.dst).is_some() {
        return match hooks::for_us(ctx, local, arrival, packet) {
            Ok(packet) => Next::Ours4(on, header, packet),
            Err(stopped) => stopped.into(),
        };
    }
    if !config.forwarding {
        return Next::Drop(packet, DropReason::NotForUs);
    }
    forward::forward(ctx, local, arrival, header, packet)
}

/// A packet of our own to ourselves, by way of the facility.
pub(crate) fn local_input(config: &Config, mut packet: Mbuf, on: IfId) -> Next<'_> {
    let Some(on) = config.interface(on) else { return Next::Drop(packet, DropReason::InterfaceGone) };
    packet.set_rcvif(on.ifnet.id);
    match parse(&mut packet) {
        Ok(header) => Next::Ours4(on, header, packet),
        Err(cause) => Next::Drop(packet, cause),
    }
}

/// The header, with the packet cut to its length: the link may have padded the frame.
fn parse(packet: &mut Mbuf) -> Result<Ip4Repr, DropReason> {
    let (header, payload_len) = match Ip4Repr::parse(packet.data()) {
        Ok((header, payload)) => (header, payload.len()),
        Err(why) => return Err(DropReason::Malformed(why)),
    };
    let header_len = ip4::header_len(packet.data()).map_err(DropReason::Malformed)?;
    packet.truncate(header_len + payload_len);
    Ok(header)
}

/// A packet that is for us: what is above IPv4.
pub(crate) fn deliver<'c>(
    ctx: &mut Ctx<'_, Unlocked>,
    local: &mut Local,
    arrival: Arrival<'c>,
    header: Ip4Repr,
    packet: Mbuf,
) -> Next<'c> {
    let Arrival { config, on } = arrival;
    local.trace.note(&packet, || Step::ForUs { on: on.ifnet.id });
    let Some(packet) = local.finish(packet) else { return Next::Taken };
    if header.is_fragment() {
        let key = fragment::key(on, &header);
        let fragment = Fragment::new(local.shared.seed, &key, (on.ifnet.id, Framed::OWN));
        fragments::defer(ctx, local, on, fragment, packet);
        return Next::Taken;
    }
    let at = packet.len() - usize::from(header.payload_len);
    match header.proto {
        IpProto::ICMP => {
            on.ifnet.mib.add(local.index, Version::V4, Met::Delivered, 1);
            if let Some(kind) = packet.data().get(at) {
                on.ifnet.mib.heard(local.index, Version::V4, *kind);
            }
            // An answer would tell who listens to a group (RFC 1122 s3.2.2.6 allows silence), and nothing else that is
            // sent to one is an answer to us.
            if header.dst.is_multicast() {
                return Next::Drop(packet, DropReason::Ignored);
            }
            icmp(ctx, local, on, Upper4 { about: header, at }, packet)
        }
        IpProto::UDP => {
            on.ifnet.mib.add(local.index, Version::V4, Met::Delivered, 1);
            // With a wrong checksum nobody knows whose it is (RFC 1122 s4.1.3.4); it need not have one.
            let ends = Ends::V4 { src: header.src, dst: header.dst };
            if let Err(why) = UdpRepr::parse(ends, packet.data().get(at..).unwrap_or_default()) {
                return Next::Drop(packet, DropReason::Malformed(why));
            }
            let repr = Icmp4Repr::DestUnreachable { code: unreachable::PORT, mtu: 0 };
            error(ctx, local, config, repr, Quoted { about: &header, packet: &packet });
            Next::Drop(packet, DropReason::NoListener)
        }
        IpProto::TCP => Next::Tcp4(on, Upper4 { about: header, at }, packet),
        _ => {
            let repr = Icmp4Repr::DestUnreachable { code: unreachable::PROTOCOL, mtu: 0 };
            error(ctx, local, config, repr, Quoted { about: &header, packet: &packet });
            Next::Drop(packet, DropReason::UnknownProtocol)
        }
    }
}

fn icmp<'c>(
    ctx: &mut Ctx<'_, Unlocked>,
    local: &mut Local,
    on: &Interface,
    Upper4 { about: request, at }: Upper4,
    mut packet: Mbuf,
) -> Next<'c> {
    match Icmp4Repr::parse(packet.data().get(at..).unwrap_or_default()) {
        Ok((Icmp4Repr::EchoRequest { ident, seq }, _)) => {
            if packet.is_shared() {
                let Some(copy) = local.unshare(packet) else { return Next::Taken };
                packet = copy;
            }
            packet.set_rcvif(IfId::NONE);
            // Options are not returned: what stands before the message becomes the answer's header.
            packet.trim_front(at - ip4::HEADER_LEN);
            let payload_len = (packet.len() - ip4::HEADER_LEN) as u16;
            let header = Ip4Repr::new(request.dst, request.src, IpProto::ICMP, on.hop_limit, payload_len);
            let Some(bytes) = packet.data_mut() else {
                return Next::Drop(packet, DropReason::NoHeadroom);
            };
            let (front, message) = bytes.split_at_mut(ip4::HEADER_LEN);
            let reply = Icmp4Repr::EchoReply { ident, seq };
            if let Err(why) = reply.emit(message).and_then(|()| header.emit(front)) {
                return Next::Drop(packet, DropReason::Malformed(why));
            }
            Next::Own(request.src.into(), on.ifnet.id, packet)
        }
        Ok((Icmp4Repr::EchoReply { ident, seq }, _)) => {
            let answer = Answer::Reply { from: request.src.into(), hop_limit: request.ttl };
            local.shared.pings.answer(ctx, ident, PingReply { seq, at: local.now, answer });
            Next::Done(packet)
        }
        Ok(_) => Next::Drop(packet, DropReason::Ignored),
        Err(why) => Next::Drop(packet, DropReason::Malformed(why)),
    }
}
