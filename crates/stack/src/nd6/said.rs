//! What a router says of itself and its link.

use std::net::Ipv6Addr;

use siding_wire::nd::NdOptions;
use siding_wire::nd::RouterAdvert;

/// A router's advertisement, as it was heard.
#[derive(Clone, Copy)]
pub(in crate::nd6) struct Said<'p> {
    /// Who says it.
    pub(in crate::nd6) router: Ipv6Addr,
    pub(in crate::nd6) advert: &'p RouterAdvert,
    pub(in crate::nd6) options: NdOptions<'p>,
}
