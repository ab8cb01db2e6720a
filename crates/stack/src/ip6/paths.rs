//! Path MTU discovery in the stack: Packet Too Big that is heard, and what output asks.

use std::net::Ipv6Addr;

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_netisr::IfId;
use siding_wire::IpProto;
use siding_wire::ext6;
use siding_wire::icmp6::Icmp6Type;
use siding_wire::ip6;
use siding_wire::ip6::HEADER_LEN;
use siding_wire::ip6::Ip6Repr;

use super::output::route;
use super::path_mtu::Heard;
use super::path_mtu::Path;
use crate::common::TooBig;
use crate::config::Config;
use crate::drops::DropReason;
use crate::event::Event;
use crate::ifnet::Interface;
use crate::ifnet::Use;
use crate::next::Arrival;
use crate::stack::worker::Local;

/// The largest packet of our own that may go to `dst` by `out`, in bytes. To be asked for packets above the least MTU.
pub(crate) fn mtu(local: &mut Local, dst: Ipv6Addr, out: &Interface) -> usize {
    local.shared.paths.keep_up(&mut local.paths);
    let estimate = local.paths.value().mtu(local.now, &path(dst, out.ifnet.id));
    usize::from(estimate.map_or(out.mtu, |mtu| mtu.min(out.mtu)))
}

/// A router tells that a packet of ours was too big. False if that cannot be.
//= RFC 8201 s4 [8201-1]: only if it quotes what we can have sent, and only above the least MTU.
pub(crate) fn too_big(
    ctx: &mut Ctx<'_, Unlocked>,
    local: &mut Local,
    arrival: Arrival<'_>,
    reported: u32,
    quoted: &[u8],
) -> bool {
    let Arrival { config, on } = arrival;
    let learnt = plausible(local, arrival, reported, quoted).and_then(|header| {
        let dst = header.dst;
        let (out, _) = route(config, (dst, || config.flow_key.six(quoted)), on.ifnet.id)?;
        let path = path(dst, out.ifnet.id);
        // A piece does not tell its packet's flow: it may have gone by any of several routers.
        let is_anybodys = header.next_header == IpProto::FRAGMENT && path.zone.is_none();
        let link = if is_anybodys { widest(config, dst, out) } else { out.mtu };
        Some((dst, local.shared.paths.hear(ctx, local.now, TooBig { path, reported, link })))
    });
    match learnt {
        Some((addr, Heard::Lowered { from, to })) => {
            local.tell(Event::PathMtu { addr, from, to });
            true
        }
        Some((_, Heard::NotLower)) => true,
        Some((_, Heard::TooSmall)) | None => {
            local.count(on.ifnet.id, DropReason::BadPacketTooBig);
            false
        }
    }
}

/// What the widest link takes of those that flows to `dst` may go by. `out` is one of them.
fn widest(config: &Config, dst: Ipv6Addr, out: &Interface) -> u16 {
    let others = config.routing(out).sharing6(dst).into_iter().filter_map(|(out, ..)| config.interface(out));
    others.filter(|out| out.is_fit(Use::Ip6)).map(|out| out.mtu).fold(out.mtu, u16::max)
}

/// The header of the quoted packet, if it was one of ours that was too big.
//= RFC 8201 s3, s4: each of several that a packet to a group brings counts, also when nobody waits any more.
fn plausible(local: &Local, arrival: Arrival<'_>, reported: u32, quoted: &[u8]) -> Option<Ip6Repr> {
    let Arrival { config, on } = arrival;
    let (header, payload) = quoted_header(quoted)?;
    let len = HEADER_LEN + usize::from(header.payload_len);
    let ours = config.owner6(header.src, on.ifnet.id).is_some();
    let theirs = config.local6(header.dst, on.ifnet.id).is_none();
    let sent = || local.shared.paths.was_sent(&header, payload);
    (ours && theirs && len > reported as usize && sent()).then_some(header)
}

/// The fixed header of a packet that an error quotes in part, and what there is behind it.
pub(crate) fn quoted_header(quoted: &[u8]) -> Option<(Ip6Repr, &[u8])> {
    let (bytes, payload) = quoted.split_first_chunk::<HEADER_LEN>()?;
    let mut bytes = *bytes;
    let payload_len = u16::from_be_bytes([bytes[4], bytes[5]]);
    // The packet was cut to fit the error: its length promises more than came.
    bytes[4..6].fill(0);
    let (header, _) = Ip6Repr::parse(&bytes).ok()?;
    Some((Ip6Repr { payload_len, ..header }, payload))
}

/// Identifier and number of a quoted echo request, if it is one and its header is there.
pub(crate) fn echo_request(header: &Ip6Repr, payload: &[u8]) -> Option<(u16, u16)> {
    let upper = ext6::walk(header.next_header, payload, |_| {}).ok()?;
    let begins = upper.fragment.is_none_or(|fragment| fragment.offset == 0);
    if upper.proto != IpProto::ICMP6 || !begins {
        return None;
    }
    match payload.get(upper.offset..)? {
        [kind, _, _, _, a, b, c, d, ..] if Icmp6Type(*kind) == Icmp6Type::ECHO_REQUEST => {
            Some((u16::from_be_bytes([*a, *b]), u16::from_be_bytes([*c, *d])))
        }
        _ => None,
    }
}

fn path(destination: Ipv6Addr, out: IfId) -> Path {
    let scoped = ip6::is_link_local(destination) || destination.is_multicast();
    Path { destination, zone: if scoped { out } else { IfId::NONE } }
}
