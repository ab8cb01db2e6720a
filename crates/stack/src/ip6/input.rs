//! IPv6 packets that come in.

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_mbuf::Mbuf;
use siding_wire::IpProto;
use siding_wire::checksum::Ends;
use siding_wire::icmp6::Icmp6Repr;
use siding_wire::icmp6::problem;
use siding_wire::icmp6::unreachable;
use siding_wire::ip6::Ip6Repr;
use siding_wire::udp::UdpRepr;

use super::forward;
use super::headers;
use super::headers::Next as Part;
use super::headers::Verdict;
use super::reassemble;
use crate::config::Config;
use crate::drops::DropReason;
use crate::ends;
use crate::fragments;
use crate::hooks;
use crate::icmp6;
use crate::ifnet::Met;
use crate::ifnet::Version;
use crate::next::Arrival;
use crate::next::Framed;
use crate::next::Layer;
use crate::next::Next;
use crate::next::Packet6;
use crate::next::Quoted;
use crate::next::Upper6;
use crate::reassembly::Fragment;
use crate::stack::worker::Local;
use crate::trace::Step;

/// A packet from the link of `on`, with no link header.
#[inline(always)] // One place calls it, for each packet: what it answers need not be written down.
pub(crate) fn input<'c>(
    ctx: &mut Ctx<'_, Unlocked>,
    local: &mut Local,
    arrival: Arrival<'c>,
    framed: Framed,
    mut packet: Mbuf,
) -> Next<'c> {
    let Arrival { config, on } = arrival;
    let header = match Ip6Repr::parse(packet.data()) {
        Ok((header, payload)) => {
            if let Err(cause) = ends::received6(config, on, &header, payload) {
                return Next::Drop(packet, cause);
            }
            // The link may have padded the frame.
            let len = siding_wire::ip6::HEADER_LEN + payload.len();
            packet.truncate(len);
            header
        }
        Err(why) => return Next::Drop(packet, DropReason::Malformed(why)),
    };
    let about = Packet6::new(header, framed);
    if local.filter.is_on() {
        match hooks::received(ctx, local, arrival, framed, packet) {
            Ok(passed) => packet = passed,
            Err(stopped) => return stopped.into(),
        }
    }
    let ours = match header.dst.is_multicast() {
        //= RFC 6092 REC-2 [6092-2]: what is for a group is for us, or for nobody.
        true if !on.has_joined(header.dst, config.forwarding) => {
            return Next::Drop(packet, DropReason::NotJoined);
        }
        true => true,
        false => config.routing(on).local6(header.dst, on.ifnet.id).is_some(),
    };
    if ours {
        return match hooks::for_us(ctx, local, arrival, packet) {
            Ok(packet) => Next::Ours6(on, about, packet),
            Err(stopped) => stopped.into(),
        };
    }
    if !config.forwarding {
        return Next::Drop(packet, DropReason::NotForUs);
    }
    forward::forward(ctx, local, arrival, about, packet)
}

/// A packet of our own to ourselves, by way of the facility.
pub(crate) fn local_input(config: &Config, mut packet: Mbuf, on: siding_netisr::IfId) -> Next<'_> {
    let Some(on) = config.interface(on) else { return Next::Drop(packet, DropReason::InterfaceGone) };
    packet.set_rcvif(on.ifnet.id);
    let header = match Ip6Repr::parse(packet.data()) {
        Ok((header, _)) => header,
        Err(why) => return Next::Drop(packet, DropReason::Malformed(why)),
    };
    Next::Ours6(on, Packet6::new(header, Framed::OWN), packet)
}

/// A packet that is for us: its extension headers, then the upper layer.
pub(crate) fn deliver<'c>(
    ctx: &mut Ctx<'_, Unlocked>,
    local: &mut Local,
    arrival: Arrival<'c>,
    about: Packet6,
    packet: Mbuf,
) -> Next<'c> {
    let on = arrival.on;
    local.trace.note(&packet, || Step::ForUs { on: on.ifnet.id });
    let Some(packet) = local.finish(packet) else { return Next::Taken };
    let (upper, atomic) = match headers::walk(&about, packet.data()) {
        Ok(Part::Upper(upper, atomic)) => (upper, atomic),
        // A fragment of what was put together of fragments: nobody sends that who means well.
        Ok(Part::Fragment(_)) if about.joined => return Next::Drop(packet, DropReason::Fragment),
        Ok(Part::Fragment(fragment)) => {
            let key = reassemble::key(on, &about, &fragment);
            let fragment = Fragment::new(local.shared.seed, &key, (on.ifnet.id, about.framed));
            fragments::defer(ctx, local, on, fragment, packet);
            return Next::Taken;
        }
        Err(Verdict::Drop(cause)) => return Next::Drop(packet, cause),
        Err(Verdict::Problem(code, pointer)) => {
            let repr = Icmp6Repr::ParamProblem { code, pointer };
            icmp6::error(ctx, local, arrival, repr, Quoted { about: &about, packet: &packet });
            return Next::Drop(packet, DropReason::Option);
        }
    };
    let at = siding_wire::ip6::HEADER_LEN + upper.offset;
    let carried = |layer| Upper6 { about, layer, at, fragmented: about.joined || atomic };
    match upper.proto {
        IpProto::ICMP6 => Next::Upper6(on, carried(Layer::Icmp), packet),
        IpProto::NO_NEXT => Next::Drop(packet, DropReason::Ignored),
        IpProto::UDP => {
            let ends = Ends::V6 { src: about.header.src, dst: about.header.dst };
            on.ifnet.mib.add(local.index, Version::V6, Met::Delivered, 1);
            //= RFC 8200 s8.1 [8200-5]: a datagram without a checksum, or with a wrong one, is dropped.
            if let Err(why) = UdpRepr::parse(ends, packet.data().get(at..).unwrap_or_default()) {
                return Next::Drop(packet, DropReason::Malformed(why));
            }
            let repr = Icmp6Repr::DestUnreachable { code: unreachable::PORT };
            icmp6::error(ctx, local, arrival, repr, Quoted { about: &about, packet: &packet });
            Next::Drop(packet, DropReason::NoListener)
        }
        IpProto::TCP => Next::Upper6(on, carried(Layer::Tcp), packet),
        _ => {
            //= RFC 8200 s4 [8200-1]: an unknown next header is told to the sender, with where it stands.
            let repr = Icmp6Repr::ParamProblem { code: problem::NEXT_HEADER, pointer: upper.pointer as u32 };
            icmp6::error(ctx, local, arrival, repr, Quoted { about: &about, packet: &packet });
            Next::Drop(packet, DropReason::UnknownProtocol)
        }
    }
}
