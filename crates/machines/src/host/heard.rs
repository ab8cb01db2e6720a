//! What a router was heard to say.

use core::net::Ipv6Addr;

use siding_wire::nd::NdOptions;
use siding_wire::nd::RouterAdvert;

/// A router's advertisement, as it was heard.
#[derive(Debug, Clone, Copy)]
pub struct HeardAdvert<'a> {
    /// The router.
    pub from: Ipv6Addr,
    /// What it says of itself.
    pub advert: &'a RouterAdvert,
    /// What it says of prefixes and routes.
    pub options: NdOptions<'a>,
}
