//! ICMP errors that we send (RFC 792, RFC 1122 s3.2.2, RFC 1812 s4.3).

use std::net::Ipv4Addr;

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_mbuf::Mbuf;
use siding_wire::IpProto;
use siding_wire::icmp4::Icmp4Repr;
use siding_wire::icmp4::unreachable;
use siding_wire::ip4;
use siding_wire::ip4::HEADER_LEN;
use siding_wire::ip4::Ip4Repr;

use super::output::output;
use crate::arp;
use crate::common::Sending;
use crate::config::Config;
use crate::drops::DropReason;
use crate::ends;
use crate::next::Quoted;
use crate::stack::worker::Local;

/// How much of a packet an error quotes: what routers commonly do (RFC 1812 s4.3.2.3: at most 576 in all).
const QUOTED: usize = 576 - HEADER_LEN - 8;

/// Tells the sender of a packet, which came in by the interface that it says, what is wrong with it; unless it must
/// not be told.
pub(crate) fn error(
    ctx: &mut Ctx<'_, Unlocked>,
    local: &mut Local,
    config: &Config,
    repr: Icmp4Repr,
    Quoted { about, packet }: Quoted<'_, Ip4Repr>,
) {
    if !may_be_told(about, packet.data()) {
        return local.count(packet.rcvif(), DropReason::Silenced);
    }
    let what = match repr {
        Icmp4Repr::DestUnreachable { code: unreachable::FRAG_NEEDED, .. } => Sending::TooBig,
        _ => Sending::Error,
    };
    if !local.may_send(ctx, what, packet.rcvif(), about.src) {
        return local.count(packet.rcvif(), DropReason::RateLimited);
    }
    // From the address that was written to, if it is ours, else from one of the interface (RFC 1812 s4.3.2.4).
    let source = config.interface(packet.rcvif()).and_then(|on| match config.routing(on).owner4(about.dst) {
        Some(_) => Some(about.dst),
        None => arp::source(on, about.src),
    });
    let Some(source) = source else { return local.count(packet.rcvif(), DropReason::NoSource) };
    match build(local, repr, source, about.src, packet.data()) {
        Some(error) => output(ctx, local, config, (about.src, packet.rcvif()), error),
        None => local.count(packet.rcvif(), DropReason::NoBuffer),
    }
}

/// Whether a packet's sender may be told of what is wrong with it (RFC 1122 s3.2.2, RFC 1812 s4.3.2.7): not of an
/// error, a later fragment, or a packet to a group or to everybody; and only if it is one host.
fn may_be_told(about: &Ip4Repr, packet: &[u8]) -> bool {
    let error = about.proto == IpProto::ICMP && {
        let kind = ip4::header_len(packet).ok().and_then(|at| packet.get(at));
        // Echo, timestamp and information messages are none (RFC 1122 s3.2.2).
        kind.is_none_or(|kind| !matches!(kind, 0 | 8 | 9 | 10 | 13..=18))
    };
    about.frag_offset == 0 && !error && ends::is_host4(about.src) && ends::is_host4(about.dst)
}

fn build(local: &mut Local, repr: Icmp4Repr, src: Ipv4Addr, dst: Ipv4Addr, packet: &[u8]) -> Option<Mbuf> {
    let quoted = packet.get(..packet.len().min(QUOTED))?;
    let mut error = local.cache.alloc()?;
    let message_len = repr.buffer_len() + quoted.len();
    let place = error.append(HEADER_LEN + message_len)?;
    let (header, message) = place.split_at_mut(HEADER_LEN);
    message[repr.buffer_len()..].copy_from_slice(quoted);
    repr.emit(message).ok()?;
    Ip4Repr::new(src, dst, IpProto::ICMP, 64, message_len as u16).emit(header).ok()?;
    Some(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(src: [u8; 4], dst: [u8; 4], proto: IpProto, kind: u8, offset: u16) -> bool {
        let header = Ip4Repr { frag_offset: offset, ..Ip4Repr::new(src.into(), dst.into(), proto, 64, 8) };
        let mut packet = [0; 28];
        header.emit(&mut packet).unwrap();
        packet[20] = kind;
        may_be_told(&header, &packet)
    }

    #[test]
    fn who_is_told_of_what() {
        let (a, b) = ([192, 0, 2, 1], [198, 51, 100, 1]);
        assert!(told(a, b, IpProto::UDP, 0, 0) && told(a, b, IpProto::ICMP, 8, 0));
        for kind in [3, 4, 5, 11, 12, 200] {
            assert!(!told(a, b, IpProto::ICMP, kind, 0), "{kind} is an error, or may be one");
        }
        assert!(!told(a, b, IpProto::UDP, 0, 8), "a later fragment");
        for src in [[0, 0, 0, 0], [224, 0, 0, 1], [255, 255, 255, 255], [240, 0, 0, 1], [127, 0, 0, 1]] {
            assert!(!told(src, b, IpProto::UDP, 0, 0), "{src:?}");
        }
        for dst in [[224, 0, 0, 1], [255, 255, 255, 255]] {
            assert!(!told(a, dst, IpProto::UDP, 0, 0), "{dst:?}");
        }
    }
}
