//! MLD messages that go out.
//!
//! # Locks
//!
//! May be called under any: a message is built from what is true now, and dispatched. It never sends.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::net::Ipv6Addr;

use siding_lockorder::Ctx;
use siding_mbuf::Mbuf;
use siding_wire::EtherType;
use siding_wire::IpProto;
use siding_wire::ether;
use siding_wire::ether::Ether;
use siding_wire::ether::multicast_mac;
use siding_wire::ip6;
use siding_wire::ip6::Ip6Repr;
use siding_wire::mld;
use siding_wire::mld::MldV1;

use super::listener::Message;
use crate::common::Word;
use crate::config::Config;
use crate::drops::DropReason;
use crate::ifnet::IfCounter;
use crate::ifnet::Interface;
use crate::nd6::nud::Refused;
use crate::neighbor;
use crate::neighbor::LinkOut;
use crate::neighbor::What;
use crate::stack::worker::Local;

/// What every IPv6 link carries: a report needs no more.
const LARGEST: usize = 1280;
const HEADERS: usize = ip6::HEADER_LEN + mld::ROUTER_ALERT_LEN + 8;

/// Bytes that the records of one report may take.
pub(crate) fn room(out: &Interface) -> usize {
    LARGEST.min(usize::from(out.mtu)) - HEADERS
}

/// The groups that reports are about. An interface without IPv6 says nothing.
//= RFC 3810 s6 [3810-3]: nothing is said of all nodes, or of scopes 0 and 1; all others are reported, those of
//= solicited nodes too.
pub(crate) fn reported(config: &Config, out: &Interface) -> Vec<Ipv6Addr> {
    if out.addrs6.is_empty() && out.joined.is_empty() {
        return Vec::new();
    }
    let groups = out.groups(config.forwarding).filter(|group| mld::is_reported(*group));
    // Each once: the addresses that a MAC makes share one.
    groups.collect::<BTreeSet<_>>().into_iter().collect()
}

/// The address that reports leave from; `None` is `::`.
//= RFC 3810 s5.2.13 [3810-1]: a link-local address, or `::` while the interface has none.
pub(crate) fn report_source(out: &Interface) -> Option<Ipv6Addr> {
    out.addrs6.iter().map(|own| own.addr).find(|own| ip6::is_link_local(*own) && out.accepts(*own))
}

/// Writes the whole frame of a message into an empty buffer.
pub(crate) fn build(mut frame: Mbuf, out: &Interface, message: &Message<'_>) -> Option<Mbuf> {
    let (dst, len) = match message {
        //= RFC 3810 s5.2.14 [3810-1]: reports of version 2 go to ff02::16.
        Message::Report(records) => (ip6::MLDV2_ROUTERS, mld::report_v2_len(records)),
        //= RFC 2710 s4 [2710-1]: a report goes to its group, a done to all routers.
        Message::V1(MldV1::Report { group } | MldV1::Query { group, .. }) => (*group, MldV1::LEN),
        Message::V1(MldV1::Done { .. }) => (ip6::ALL_ROUTERS, MldV1::LEN),
    };
    let source = report_source(out).unwrap_or(Ipv6Addr::UNSPECIFIED);
    let payload_len = mld::ROUTER_ALERT_LEN + len;
    let place = frame.append(ether::HEADER_LEN + ip6::HEADER_LEN + payload_len)?;
    let (link, rest) = place.split_at_mut(ether::HEADER_LEN);
    let (header, rest) = rest.split_at_mut(ip6::HEADER_LEN);
    let (alert, bytes) = rest.split_at_mut(mld::ROUTER_ALERT_LEN);
    Ether { dst: multicast_mac(dst), src: out.mac, ethertype: EtherType::IPV6 }.emit(link).ok()?;
    //= RFC 3810 s5 [3810-1]: hop limit 1, and a router alert in a hop-by-hop options header.
    let payload_len = u16::try_from(payload_len).ok()?;
    Ip6Repr::new(source, dst, IpProto::HOP_BY_HOP, mld::HOP_LIMIT, payload_len).emit(header).ok()?;
    alert.copy_from_slice(&mld::router_alert_header(IpProto::ICMP6));
    match message {
        Message::Report(records) => mld::emit_report_v2(records, source, dst, bytes).ok()?,
        Message::V1(message) => message.emit(source, dst, bytes).ok()?,
    };
    Some(frame)
}

/// Builds a message and dispatches it; with a word, it is to leave before the interface goes.
pub(super) fn send<L>(
    ctx: &Ctx<'_, L>,
    local: &mut Local,
    out: &Interface,
    message: &Message<'_>,
    last: Option<Word>,
) -> Result<(), Refused> {
    let Some(frame) = local.cache.alloc().and_then(|frame| build(frame, out, message)) else {
        local.count(out.ifnet.id, DropReason::NoBuffer);
        return Err(Refused);
    };
    let source = report_source(out).map(IpAddr::V6);
    let what = match last {
        Some(word) => What::LastWords(source, IfCounter::MldOut, word),
        None => What::Message(source, IfCounter::MldOut),
    };
    neighbor::dispatch(ctx, local, frame, LinkOut::new(out.ifnet.id, FLOW, what))
}

/// The flow of an interface's reports. Duplicate address detection shares it, so that a solicitation cannot overtake the
/// report of its group.
pub(crate) const FLOW: IpAddr = IpAddr::V6(Ipv6Addr::UNSPECIFIED);
