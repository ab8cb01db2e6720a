//! Neighbor Solicitations that go out.
//!
//! # Locks
//!
//! May be called under any: the message is built from what is true now, and dispatched. It never sends.

use std::net::IpAddr;
use std::net::Ipv6Addr;

use siding_lockorder::Ctx;
use siding_mbuf::Mbuf;
use siding_wire::EtherType;
use siding_wire::IpProto;
use siding_wire::Mac;
use siding_wire::ether;
use siding_wire::ether::Ether;
use siding_wire::ip6;
use siding_wire::ip6::Ip6Repr;
use siding_wire::nd::HOP_LIMIT;
use siding_wire::nd::NeighborSolicit;

use crate::drops::DropReason;
use crate::ifnet::IfCounter;
use crate::ifnet::Interface;
use crate::nd6::dad::DadState;
use crate::nd6::nud::Refused;
use crate::nd6::nud::Solicit;
use crate::neighbor;
use crate::neighbor::LinkOut;
use crate::neighbor::What;
use crate::stack::worker::Local;

/// Asks for `target`'s link-layer address, or whether it is still there. `prompting` is the source of the packet
/// that waits for it. The caller holds the neighbour's entry; the source is chosen under that lock.
pub(crate) fn ns_output<L>(
    ctx: &Ctx<'_, L>,
    local: &mut Local,
    out: &Interface,
    (target, how): (Ipv6Addr, Solicit),
    prompting: Option<Ipv6Addr>,
) -> Result<(), Refused> {
    //= RFC 4861 s7.2.2 [4861-25]: from the address of the packet that prompts it, if that is ours here.
    let source = prompting.filter(|source| out.accepts(*source));
    let source = source.or_else(|| local.config().source6(target, out.ifnet.id));
    //= RFC 4429 s3.2 [4429-1]: never from an optimistic address. Its packet waits until the test is over: a refused
    //= question is asked again.
    let Some(source) = source.filter(|source| !is_optimistic(out, *source)) else {
        local.count(out.ifnet.id, DropReason::NoSource);
        return Err(Refused);
    };
    //= RFC 4861 s7.2.2 [4861-25]: with our link-layer address, so that the answer needs no question.
    let message = NeighborSolicit::new(target, out.mac_of(source.into()));
    let to = match how {
        Solicit::Multicast => Addressed::to_group(source, ip6::solicited_node(target)),
        Solicit::Unicast(mac) => Addressed { source, dst: target, mac: Some(mac) },
    };
    let frame = build(local, out, &to, message.buffer_len(), |bytes| message.emit(source, to.dst, bytes));
    let Some(frame) = frame else {
        local.count(out.ifnet.id, DropReason::NoBuffer);
        return Err(Refused);
    };
    let what = What::Message(Some(IpAddr::V6(source)), IfCounter::NsOut);
    neighbor::dispatch(ctx, local, frame, LinkOut::new(out.ifnet.id, target.into(), what))
}

fn is_optimistic(out: &Interface, source: Ipv6Addr) -> bool {
    out.addr6(source).is_some_and(|own| own.state == DadState::Optimistic)
}

/// How a message of neighbour discovery is addressed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Addressed {
    pub(crate) source: Ipv6Addr,
    pub(crate) dst: Ipv6Addr,
    /// Where that is; `None` if the neighbour table has to say so.
    pub(crate) mac: Option<Mac>,
}

impl Addressed {
    /// To all that listen to a group.
    pub(crate) fn to_group(source: Ipv6Addr, group: Ipv6Addr) -> Addressed {
        Addressed { source, dst: group, mac: Some(ether::multicast_mac(group)) }
    }
}

/// A whole frame with a neighbour discovery message of `len` bytes.
pub(crate) fn build(
    local: &mut Local,
    out: &Interface,
    to: &Addressed,
    len: usize,
    emit: impl FnOnce(&mut [u8]) -> Result<usize, siding_wire::Malformed>,
) -> Option<Mbuf> {
    let mut frame = local.cache.alloc()?;
    let place = frame.append(ether::HEADER_LEN + ip6::HEADER_LEN + len)?;
    let (link, rest) = place.split_at_mut(ether::HEADER_LEN);
    let (header, message) = rest.split_at_mut(ip6::HEADER_LEN);
    Ether { dst: to.mac.unwrap_or(Mac::ZERO), src: out.mac, ethertype: EtherType::IPV6 }.emit(link).ok()?;
    Ip6Repr::new(to.source, to.dst, IpProto::ICMP6, HOP_LIMIT, len as u16).emit(header).ok()?;
    emit(message).ok()?;
    Some(frame)
}
