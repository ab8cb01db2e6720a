//! IPv6 packets that come in.

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_mbuf::Mbuf;
use siding_wire::IpProto;
use siding_wire::Mac;
use siding_wire::checksum::Ends;
use siding_wire::icmp6::Icmp6Repr;
use siding_wire::icmp6::problem;
use siding_wire::icmp6::unreachable;
use siding_wire::ip6::Ip6Repr;
use siding_wire::udp::UdpRepr;

use super::forward;
use super::headers;
use super::headers::Next;
use super::headers::Verdict;
use super::reassemble;
use crate::config::Config;
use crate::drops::DropReason;
use crate::ends;
use crate::filter;
use crate::icmp6;
use crate::icmp6::LinkCast;
use crate::ifnet::Interface;
use crate::tcp;
use crate::worker::Local;

/// What is known of a packet that is for us, or wants an error.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Packet6 {
    pub(crate) header: Ip6Repr,
    /// Who sent the frame; zero for a packet of our own.
    pub(crate) from: Mac,
    pub(crate) link: LinkCast,
}

/// A packet from the link of `on`, with no link header.
pub(crate) fn input(
    ctx: &mut Ctx<'_, Unlocked>,
    local: &mut Local,
    config: &Config,
    on: &Interface,
    from: Mac,
    link: LinkCast,
    mut packet: Mbuf,
) {
    let header = match Ip6Repr::parse(packet.data()) {
        Ok((header, payload)) => {
            if let Err(cause) = ends::received6(config, on, &header, payload) {
                return local.drop_packet(packet, cause);
            }
            // The link may have padded the frame.
            let len = siding_wire::ip6::HEADER_LEN + payload.len();
            packet.truncate(len);
            header
        }
        Err(why) => return local.drop_packet(packet, DropReason::Malformed(why)),
    };
    let about = Packet6 { header, from, link };
    if local.filter.is_on() {
        match filter::received(ctx, local, config, on, (from, link), packet) {
            Some(passed) => packet = passed,
            None => return,
        }
    }
    if header.dst.is_multicast() {
        if !on.has_joined(header.dst, config.forwarding) {
            return local.drop_packet(packet, DropReason::NotJoined);
        }
        let Some(packet) = filter::for_us(ctx, local, config, on, packet) else { return };
        return deliver(ctx, local, config, on, about, false, packet);
    }
    if config.local6(header.dst, on.ifnet.id).is_some() {
        let Some(packet) = filter::for_us(ctx, local, config, on, packet) else { return };
        return deliver(ctx, local, config, on, about, false, packet);
    }
    if !config.forwarding {
        return local.drop_packet(packet, DropReason::NotForUs);
    }
    forward::forward(ctx, local, config, on, about, packet);
}

/// A packet of our own to ourselves, by way of the facility.
pub(crate) fn local_input(
    ctx: &mut Ctx<'_, Unlocked>,
    local: &mut Local,
    mut packet: Mbuf,
    on: siding_netisr::IfId,
) {
    let config = local.config().clone();
    let Some(on) = config.interface(on) else { return local.drop_packet(packet, DropReason::InterfaceGone) };
    packet.set_rcvif(on.ifnet.id);
    let header = match Ip6Repr::parse(packet.data()) {
        Ok((header, _)) => header,
        Err(why) => return local.drop_packet(packet, DropReason::Malformed(why)),
    };
    let about = Packet6 { header, from: Mac::ZERO, link: LinkCast::Unicast };
    deliver(ctx, local, &config, on, about, false, packet);
}

/// A packet that is for us: its extension headers, then the upper layer. `joined` says that it was put together of
/// fragments.
pub(super) fn deliver(
    ctx: &mut Ctx<'_, Unlocked>,
    local: &mut Local,
    config: &Config,
    on: &Interface,
    about: Packet6,
    joined: bool,
    packet: Mbuf,
) {
    let Some(packet) = local.finish(packet) else { return };
    let (upper, atomic) = match headers::walk(&about, packet.data()) {
        Ok(Next::Upper(upper, atomic)) => (upper, atomic),
        // A fragment of what was put together of fragments: nobody sends that who means well.
        Ok(Next::Fragment(_)) if joined => return local.drop_packet(packet, DropReason::Fragment),
        Ok(Next::Fragment(fragment)) => {
            return reassemble::defer(ctx, local, on, &about, &fragment, packet);
        }
        Err(Verdict::Drop(cause)) => return local.drop_packet(packet, cause),
        Err(Verdict::Problem(code, pointer)) => {
            let repr = Icmp6Repr::ParamProblem { code, pointer };
            icmp6::error(ctx, local, config, on, repr, &about, &packet);
            return local.drop_packet(packet, DropReason::Option);
        }
    };
    let fragmented = joined || atomic;
    let at = siding_wire::ip6::HEADER_LEN + upper.offset;
    match upper.proto {
        IpProto::ICMP6 => icmp6::input(ctx, local, config, on, about, at, fragmented, packet),
        IpProto::NO_NEXT => local.drop_packet(packet, DropReason::Ignored),
        IpProto::UDP => {
            let ends = Ends::V6 { src: about.header.src, dst: about.header.dst };
            //= RFC 8200 s8.1 [8200-5]: a datagram without a checksum, or with a wrong one, is dropped.
            if let Err(why) = UdpRepr::parse(ends, packet.data().get(at..).unwrap_or_default()) {
                return local.drop_packet(packet, DropReason::Malformed(why));
            }
            let repr = Icmp6Repr::DestUnreachable { code: unreachable::PORT };
            icmp6::error(ctx, local, config, on, repr, &about, &packet);
            local.drop_packet(packet, DropReason::NoListener);
        }
        IpProto::TCP => tcp::input6(ctx, local, config, on, &about, at, packet),
        _ => {
            //= RFC 8200 s4 [8200-1]: an unknown next header is told to the sender, with where it stands.
            let repr = Icmp6Repr::ParamProblem { code: problem::NEXT_HEADER, pointer: upper.pointer as u32 };
            icmp6::error(ctx, local, config, on, repr, &about, &packet);
            local.drop_packet(packet, DropReason::UnknownProtocol);
        }
    }
}
