//! ICMPv6 errors that we send.

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_mbuf::Mbuf;
use siding_netisr::IfId;
use siding_wire::IpProto;
use siding_wire::icmp6;
use siding_wire::icmp6::Icmp6Repr;
use siding_wire::icmp6::Icmp6Type;
use siding_wire::ip6::HEADER_LEN;
use siding_wire::ip6::Ip6Repr;

use super::limit::ErrorKind;
use super::limit::Offender;
use super::limit::may_send_error;
use crate::common::Sending;
use crate::drops::DropReason;
use crate::ip6;
use crate::next::Arrival;
use crate::next::Framed;
use crate::next::Packet6;
use crate::next::Quoted;
use crate::ping::Answer;
use crate::ping::PingReply;
use crate::stack::worker::Local;

/// Tells the sender of a packet what is wrong with it; unless it must not be told.
pub(crate) fn error(
    ctx: &mut Ctx<'_, Unlocked>,
    local: &mut Local,
    arrival: Arrival<'_>,
    repr: Icmp6Repr,
    quoted: Quoted<'_, Packet6>,
) {
    let Arrival { config, on } = arrival;
    let Quoted { about, packet } = quoted;
    let kind = match repr {
        Icmp6Repr::PacketTooBig { .. } => ErrorKind::PacketTooBig,
        Icmp6Repr::ParamProblem { code: icmp6::problem::OPTION, .. } => ErrorKind::UnknownOption,
        _ => ErrorKind::Other,
    };
    let (is_error, is_redirect) = nature(about, packet.data());
    let offender = Offender {
        source: about.header.src,
        source_is_anycast: config.routing(on).is_shared6(about.header.src),
        destination: about.header.dst,
        is_error,
        is_redirect,
        link: about.framed.link,
    };
    if may_send_error(kind, &offender).is_err() {
        return local.count(on.ifnet.id, DropReason::Silenced);
    }
    let what = if kind == ErrorKind::PacketTooBig { Sending::TooBig } else { Sending::Error };
    if !local.may_send(ctx, what, on.ifnet.id, about.header.src) {
        return local.count(on.ifnet.id, DropReason::RateLimited);
    }
    //= RFC 4443 s2.2 [4443-1]: from the address that was written to, if it is ours, else by normal selection.
    let source = match config.owner6(about.header.dst, on.ifnet.id) {
        Some(_) => Some(about.header.dst),
        None => config.source6(about.header.src, on.ifnet.id),
    };
    let Some(source) = source else { return local.count(on.ifnet.id, DropReason::NoSource) };
    match build(local, repr, source, quoted, on.hop_limit) {
        Some(error) => ip6::output(ctx, local, config, about.header.src, on.ifnet.id, error),
        None => local.count(on.ifnet.id, DropReason::NoBuffer),
    }
}

/// The handler of packets whose neighbour did not answer: an error for each.
//= RFC 4861 s7.2.2 [4861-27]: address unreachable, for every packet that was held.
pub(crate) fn unreachable(ctx: &mut Ctx<'_, Unlocked>, local: &mut Local, out: IfId, packet: Mbuf) {
    let config = local.config().clone();
    let repr = Icmp6Repr::DestUnreachable { code: icmp6::unreachable::ADDRESS };
    if let Ok((header, payload)) = Ip6Repr::parse(packet.data()) {
        let about = Packet6::new(header, Framed::OWN);
        match config.interface(packet.rcvif()) {
            Some(on) => {
                let arrival = Arrival { config: &config, on };
                error(ctx, local, arrival, repr, Quoted { about: &about, packet: &packet });
            }
            // Our own packet: nobody to write to, but somebody may be waiting for its answer.
            None => {
                // The first piece, if it had to be cut.
                if let Some((ident, seq)) = ip6::echo_request(&header, payload) {
                    let answer =
                        Answer::Error { from: header.src.into(), what: "address unreachable".into() };
                    local.shared.pings.answer(ctx, ident, PingReply { seq, at: local.now, answer });
                }
            }
        }
    }
    local.drop_on(out, packet, DropReason::Unresolved);
}

/// Whether the packet is an ICMPv6 error, or a redirect. One that ends before its type counts as an error.
fn nature(about: &Packet6, packet: &[u8]) -> (bool, bool) {
    let payload = packet.get(HEADER_LEN..).unwrap_or_default();
    let Ok(upper) = siding_wire::ext6::walk(about.header.next_header, payload, |_| {}) else {
        return (false, false);
    };
    if upper.proto != IpProto::ICMP6 || upper.fragment.is_some_and(|fragment| fragment.offset > 0) {
        return (false, false);
    }
    match payload.get(upper.offset) {
        None => (true, false),
        Some(kind) => (Icmp6Type(*kind).is_error(), Icmp6Type(*kind) == Icmp6Type::REDIRECT),
    }
}

//= RFC 4443 s2.4(c) [4443-2]: as much of the packet as fits into the minimum MTU.
fn build(
    local: &mut Local,
    repr: Icmp6Repr,
    source: std::net::Ipv6Addr,
    Quoted { about, packet }: Quoted<'_, Packet6>,
    hop_limit: u8,
) -> Option<Mbuf> {
    let quoted = packet.data().get(..icmp6::quoted_len(packet.len()))?;
    let mut error = local.cache.alloc()?;
    let message_len = repr.buffer_len() + quoted.len();
    let place = error.append(HEADER_LEN + message_len)?;
    let (header, message) = place.split_at_mut(HEADER_LEN);
    message[repr.buffer_len()..].copy_from_slice(quoted);
    let dst = about.header.src;
    repr.emit(source, dst, message).ok()?;
    Ip6Repr::new(source, dst, IpProto::ICMP6, hop_limit, message_len as u16).emit(header).ok()?;
    Some(error)
}
