//! ARP messages that go out.
//!
//! # Locks
//!
//! [`request_output`] may be called under any: it builds the request from what is true now and dispatches it.

use std::net::IpAddr;
use std::net::Ipv4Addr;

use siding_lockorder::Ctx;
use siding_mbuf::Mbuf;
use siding_wire::EtherType;
use siding_wire::Mac;
use siding_wire::arp::ARP_LEN;
use siding_wire::arp::ArpRepr;
use siding_wire::ether;
use siding_wire::ether::Ether;

use crate::drops::DropReason;
use crate::ifnet::IfCounter;
use crate::ifnet::Interface;
use crate::nd6::nud::Refused;
use crate::nd6::nud::Solicit;
use crate::neighbor;
use crate::neighbor::LinkOut;
use crate::neighbor::What;
use crate::stack::worker::Local;

/// Asks for `target`'s link-layer address, or whether it is still there.
pub(crate) fn request_output<L>(
    ctx: &Ctx<'_, L>,
    local: &mut Local,
    out: &Interface,
    target: Ipv4Addr,
    how: Solicit,
) -> Result<(), Refused> {
    let Some(source) = source(out, target) else {
        local.count(out.ifnet.id, DropReason::NoSource);
        return Err(Refused);
    };
    let to = match how {
        Solicit::Multicast => Mac::BROADCAST,
        Solicit::Unicast(mac) => mac,
    };
    let Some(frame) = build(local, out, to, &ArpRepr::request(out.mac_of(source.into()), source, target))
    else {
        local.count(out.ifnet.id, DropReason::NoBuffer);
        return Err(Refused);
    };
    let what = What::Message(Some(IpAddr::V4(source)), IfCounter::ArpRequestOut);
    neighbor::dispatch(ctx, local, frame, LinkOut::new(out.ifnet.id, target.into(), what))
}

/// A whole frame with an ARP message.
pub(crate) fn build(local: &mut Local, out: &Interface, to: Mac, message: &ArpRepr) -> Option<Mbuf> {
    let mut frame = local.cache.alloc()?;
    let place = frame.append(ether::HEADER_LEN + ARP_LEN)?;
    let (link, body) = place.split_at_mut(ether::HEADER_LEN);
    Ether { dst: to, src: out.mac, ethertype: EtherType::ARP }.emit(link).ok()?;
    message.emit(body).ok()?;
    Some(frame)
}

/// The address of the interface whose prefix covers `target`, else its first.
pub(crate) fn source(out: &Interface, target: Ipv4Addr) -> Option<Ipv4Addr> {
    let covers = |own: &&crate::ifnet::Addr4| {
        crate::route::Prefix::covering(own.addr, own.prefix_len).contains(target)
    };
    let assigned = || out.addrs4.iter().filter(|own| own.is_assigned());
    assigned().find(covers).or_else(|| assigned().next()).map(|own| own.addr)
}
