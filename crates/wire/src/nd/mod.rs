//! Neighbour discovery: RFC 4861, with the nonce of RFC 7527, the route information of RFC 4191, the DNS
//! servers and search lists of RFC 8106, the captive portals of RFC 8910 and the NAT64 prefixes of RFC 8781.
//!
//! [`validate`] is the one way in: it applies every check that RFC 4861 makes before a message may be looked
//! at, and names the one that failed. What depends on more than the packet is left to the caller: whether a
//! host listens to a solicitation, whether a redirect came from the first-hop router, whether a target is
//! ours.

mod advert;
mod dns;
mod invalid;
mod neighbor;
mod option;
mod pref64;
mod prefix;
mod redirect;
mod router;
mod validate;
#[cfg(test)]
mod validate_tests;

pub use advert::RouterAdvert;
pub use dns::BadDomain;
pub use dns::Dnssl;
pub use dns::Domain;
pub use dns::Rdnss;
pub use dns::encode_domain;
pub use invalid::NdInvalid;
pub use neighbor::NeighborAdvert;
pub use neighbor::NeighborSolicit;
pub use option::INFINITE;
pub use option::NdOption;
pub use option::NdOptions;
pub use option::Nonce;
pub use option::Preference;
pub use option::RouteInfo;
pub use pref64::Pref64;
pub use prefix::PrefixInfo;
pub use redirect::Redirect;
pub use router::RouterSolicit;
pub use validate::validate;

/// The hop limit of every neighbour discovery message: no router can have forwarded one that still has it.
pub const HOP_LIMIT: u8 = 255;

/// A message that passed [`validate`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NdMessage<'a> {
    /// A host asks for advertisements.
    RouterSolicit(RouterSolicit),
    /// A router advertises itself, with all its options.
    RouterAdvert(RouterAdvert, NdOptions<'a>),
    /// Who has this address?
    NeighborSolicit(NeighborSolicit),
    /// I have this address.
    NeighborAdvert(NeighborAdvert),
    /// There is a better next hop.
    Redirect(Redirect<'a>),
}
