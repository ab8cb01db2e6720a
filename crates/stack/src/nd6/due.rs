//! What neighbour discovery has the timer queue look at.

use std::net::Ipv6Addr;

use siding_netisr::IfId;

/// An address that is being probed for duplicates.
#[derive(Debug)]
pub(crate) struct Probed(pub(crate) IfId, pub(crate) Ipv6Addr);

/// An interface that advertises us as a router.
#[derive(Debug)]
pub(crate) struct Advertising(pub(crate) IfId);

/// An interface's host.
#[derive(Debug)]
pub(crate) struct Hosting(pub(crate) IfId);
