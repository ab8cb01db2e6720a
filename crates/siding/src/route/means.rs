//! What a route and a refusal mean.

use std::net::IpAddr;

use siding_client::refuse::How;
use siding_drivers::kernel::Cidr;
use siding_stack::route::Refusal;

/// A static route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RouteConfig {
    /// Address and length, without host bits.
    pub(crate) to: Cidr,
    pub(crate) via: Option<IpAddr>,
    pub(crate) interface: String,
    pub(crate) metric: u32,
    /// Its share of the flows beside others with one; `None` if it is alone.
    pub(crate) weight: Option<u8>,
}

/// A refused destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RefuseConfig {
    /// Address and length, without host bits.
    pub(crate) to: Cidr,
    pub(crate) how: How,
    pub(crate) metric: u32,
}

/// What a route and a refusal cost unless told.
pub(crate) const METRIC: u32 = 1024;

/// What the stack is to do.
pub(crate) fn refusal(how: How) -> Refusal {
    match how {
        How::Unreachable => Refusal::Unreachable,
        How::Prohibit => Refusal::Prohibit,
        How::Reject => Refusal::Reject,
        How::Blackhole => Refusal::Blackhole,
    }
}
