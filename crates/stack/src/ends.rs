//! Who may stand at the ends of a packet on a wire: asked for both families, of what comes in, passes through and goes
//! out, so that no path knows less than another.

use std::net::Ipv4Addr;

use siding_wire::IpProto;
use siding_wire::ends::is_everybody4;
pub(crate) use siding_wire::ends::is_host4;
pub(crate) use siding_wire::ends::is_host6;
pub(crate) use siding_wire::ends::may_be_destination6;
use siding_wire::icmp6::Icmp6Type;
use siding_wire::ip4::Ip4Repr;
use siding_wire::ip6;
use siding_wire::ip6::Ip6Repr;

use crate::config::Config;
use crate::drops::DropReason;
use crate::ifnet::Interface;
use crate::route::Prefix;

/// Judges the ends of a packet from the link of `on`.
//= RFC 1122 s3.2.1.3, RFC 1812 s5.3.7: dropped in silence, whether it is for us or for others.
pub(crate) fn received4(config: &Config, on: &Interface, header: &Ip4Repr) -> Result<(), DropReason> {
    let (src, dst) = (header.src, header.dst);
    if !is_host4(src) || config.routing(on).owner4(src).is_some() || is_directed_broadcast(on, src) {
        return Err(DropReason::BadSource);
    }
    match dst.is_multicast() || is_host4(dst) {
        true => Ok(()),
        false => Err(DropReason::NotForUs),
    }
}

/// Judges them once more if it is for others: what is meant for one link is not (RFC 3927 s2.7).
pub(crate) fn forwarded4(header: &Ip4Repr) -> Result<(), DropReason> {
    if header.src.is_link_local() {
        return Err(DropReason::BadSource);
    }
    match header.dst.is_link_local() {
        true => Err(DropReason::NotForUs),
        false => Ok(()),
    }
}

/// Whether we may send to `dst` by `out`.
pub(crate) fn may_send4(out: &Interface, dst: Ipv4Addr) -> bool {
    is_host4(dst) && !is_directed_broadcast(out, dst)
}

/// Judges the ends of a packet from the link of `on`.
#[inline(always)] // Left to itself the compiler makes it a call, which each packet pays for.
pub(crate) fn received6(
    config: &Config,
    on: &Interface,
    header: &Ip6Repr,
    payload: &[u8],
) -> Result<(), DropReason> {
    let (src, dst) = (header.src, header.dst);
    //= RFC 6092 REC-1 [6092-1]: nothing comes from a group.
    // What may come from `::` is for its protocol to say.
    if !(src.is_unspecified() || is_host6(src)) || !may_be_destination6(dst) {
        return Err(DropReason::BadSource);
    }
    // Nobody else sends from our address, but who has it too and says so: that is told as a conflict.
    let tells = header.next_header == IpProto::ICMP6
        && payload.first().is_some_and(|kind| Icmp6Type(*kind) == Icmp6Type::NEIGHBOR_ADVERT);
    match config.routing(on).owner6(src, on.ifnet.id).is_some() && !tells {
        true => Err(DropReason::BadSource),
        false => Ok(()),
    }
}

/// Judges them once more if it is for others. (How far the source reaches is known when the way is.)
#[inline(always)] // Left to itself the compiler makes it a call, which each packet pays for.
pub(crate) fn forwarded6(config: &Config, on: &Interface, header: &Ip6Repr) -> Result<(), DropReason> {
    // Of what comes from an address of ours, only an advertisement has passed.
    let ours = || header.next_header == IpProto::ICMP6 && config.owner6(header.src, on.ifnet.id).is_some();
    if header.src.is_unspecified() || ours() {
        return Err(DropReason::BadSource);
    }
    //= RFC 4291 s2.5.6: what is meant for one link stays there.
    match ip6::is_link_local(header.dst) {
        true => Err(DropReason::NotForUs),
        false => Ok(()),
    }
}

/// Whether it is everybody's address on the link of `on`.
pub(crate) fn is_directed_broadcast(on: &Interface, addr: Ipv4Addr) -> bool {
    on.addrs4.iter().any(|own| {
        let prefix = Prefix::<Ipv4Addr>::covering(own.addr, own.prefix_len);
        prefix.contains(addr) && is_everybody4(addr, own.prefix_len)
    })
}
