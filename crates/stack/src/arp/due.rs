//! What ARP has the timer queue look at.

use std::net::Ipv4Addr;

use siding_netisr::IfId;

/// An IPv4 address that is probed, announced or defended.
#[derive(Debug)]
pub(crate) struct Claimed(pub(crate) IfId, pub(crate) Ipv4Addr);
