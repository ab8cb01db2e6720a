//! The checks that come before a neighbour discovery message may be looked at.

use core::net::Ipv6Addr;

use super::HOP_LIMIT;
use super::NdInvalid;
use super::NdMessage;
use super::NdOptions;
use super::NeighborAdvert;
use super::NeighborSolicit;
use super::Redirect;
use super::RouterAdvert;
use super::RouterSolicit;
use crate::icmp6;
use crate::icmp6::Icmp6Type;
use crate::ip6;

/// Reads a neighbour discovery message, `message` being the ICMPv6 type and all that follows.
///
/// The hop limit, source and destination are those of the IPv6 header. Checks are made from the cheap to the
/// dear, and the first that fails is told.
///
/// # Errors
/// [`NdInvalid`]: the message must be discarded in silence.
pub fn validate(
    hop_limit: u8,
    src: Ipv6Addr,
    dst: Ipv6Addr,
    message: &[u8],
    had_fragment_header: bool,
) -> Result<NdMessage<'_>, NdInvalid> {
    let &[kind, code, ..] = message.first_chunk::<8>().ok_or(NdInvalid::TooShort)?;
    let kind = Icmp6Type(kind);
    let min_len = min_len(kind).ok_or(NdInvalid::NotNd)?;

    // Hop limit, code, least length, checksum and the options' lengths are asked of all five alike.
    //= RFC 4861 s6.1.1, s6.1.2, s7.1.1 [4861-1, 4861-2, 4861-3]: RS, RA and NS pass all checks or are dropped
    //= RFC 4861 s7.1.2, s8.1 [4861-4, 4861-5]: so do NA and Redirect
    if hop_limit != HOP_LIMIT {
        return Err(NdInvalid::HopLimit);
    }
    //= RFC 6980 s5 [6980-1]: none of these messages may have a fragment header, not even an atomic one
    if had_fragment_header {
        return Err(NdInvalid::Fragmented);
    }
    if code != 0 {
        return Err(NdInvalid::Code);
    }
    let options = message.get(min_len..).ok_or(NdInvalid::TooShort)?;
    if !icmp6::verify(src, dst, message) {
        return Err(NdInvalid::Checksum);
    }
    //= RFC 4861 s6.1.1, s6.1.2, s7.1.1, s7.1.2, s8.1 [4861-6]: unknown and unexpected options are passed over
    let options = NdOptions::new(options)?;

    match kind {
        Icmp6Type::ROUTER_SOLICIT => router_solicit(src, options),
        Icmp6Type::ROUTER_ADVERT => router_advert(src, message, options),
        Icmp6Type::NEIGHBOR_SOLICIT => neighbor_solicit(src, dst, message, options),
        Icmp6Type::NEIGHBOR_ADVERT => neighbor_advert(dst, message, options),
        _ => redirect(src, message, options),
    }
}

fn min_len(kind: Icmp6Type) -> Option<usize> {
    match kind {
        Icmp6Type::ROUTER_SOLICIT => Some(RouterSolicit::MIN_LEN),
        Icmp6Type::ROUTER_ADVERT => Some(RouterAdvert::MIN_LEN),
        Icmp6Type::NEIGHBOR_SOLICIT => Some(NeighborSolicit::MIN_LEN),
        Icmp6Type::NEIGHBOR_ADVERT => Some(NeighborAdvert::MIN_LEN),
        Icmp6Type::REDIRECT => Some(Redirect::MIN_LEN),
        _ => None,
    }
}

fn router_solicit(src: Ipv6Addr, options: NdOptions<'_>) -> Result<NdMessage<'_>, NdInvalid> {
    //= RFC 4861 s6.1.1 [4861-1]: from :: there is no source link-layer address
    if src.is_unspecified() && options.tells_source() {
        return Err(NdInvalid::UnspecifiedWithSlla);
    }
    Ok(NdMessage::RouterSolicit(RouterSolicit::read(options)))
}

fn router_advert<'a>(
    src: Ipv6Addr,
    message: &[u8],
    options: NdOptions<'a>,
) -> Result<NdMessage<'a>, NdInvalid> {
    //= RFC 4861 s6.1.2 [4861-2]: an advertisement comes from a link-local address
    if !ip6::is_link_local(src) {
        return Err(NdInvalid::RaSourceNotLinkLocal);
    }
    let advert = RouterAdvert::read(message, options).ok_or(NdInvalid::TooShort)?;
    Ok(NdMessage::RouterAdvert(advert, options))
}

fn neighbor_solicit<'a>(
    src: Ipv6Addr,
    dst: Ipv6Addr,
    message: &[u8],
    options: NdOptions<'a>,
) -> Result<NdMessage<'a>, NdInvalid> {
    let solicit = NeighborSolicit::read(message, options).ok_or(NdInvalid::TooShort)?;
    //= RFC 4861 s7.1.1 [4861-3]: no group is a target; from :: only to solicited nodes and without SLLA
    if solicit.target.is_multicast() {
        return Err(NdInvalid::TargetMulticast);
    }
    if src.is_unspecified() {
        if !ip6::is_solicited_node(dst) {
            return Err(NdInvalid::UnspecifiedNotToSolicitedNode);
        }
        if options.tells_source() {
            return Err(NdInvalid::UnspecifiedWithSlla);
        }
    }
    Ok(NdMessage::NeighborSolicit(solicit))
}

fn neighbor_advert<'a>(
    dst: Ipv6Addr,
    message: &[u8],
    options: NdOptions<'a>,
) -> Result<NdMessage<'a>, NdInvalid> {
    let advert = NeighborAdvert::read(message, options).ok_or(NdInvalid::TooShort)?;
    //= RFC 4861 s7.1.2 [4861-4]: no group is a target; what goes to a group was not solicited
    if advert.target.is_multicast() {
        return Err(NdInvalid::TargetMulticast);
    }
    if advert.solicited && dst.is_multicast() {
        return Err(NdInvalid::SolicitedToMulticast);
    }
    Ok(NdMessage::NeighborAdvert(advert))
}

fn redirect<'a>(src: Ipv6Addr, message: &[u8], options: NdOptions<'a>) -> Result<NdMessage<'a>, NdInvalid> {
    let redirect = Redirect::read(message, options).ok_or(NdInvalid::TooShort)?;
    //= RFC 4861 s8.1 [4861-5]: from link-local, for no group, to a link-local or the destination itself
    if !ip6::is_link_local(src) {
        return Err(NdInvalid::RedirectSourceNotLinkLocal);
    }
    if redirect.destination.is_multicast() {
        return Err(NdInvalid::RedirectDestinationMulticast);
    }
    //= RFC 4861 s8.1 [4861-7]: whether a prefix covers the target does not matter
    if redirect.target != redirect.destination && !ip6::is_link_local(redirect.target) {
        return Err(NdInvalid::RedirectTargetNotLinkLocal);
    }
    Ok(NdMessage::Redirect(redirect))
}
