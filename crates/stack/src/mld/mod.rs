//! Multicast listener discovery, the listener's side: routers and snooping switches are told which groups we listen
//! to (RFC 3810, and RFC 2710 while a router of version 1 is there).
//!
//! `listener` is a machine (`siding_machines::mld`); `follow` joins it to the stack: it lets the machines
//! follow the snapshot, and runs their timers. `input` is for messages that come in, `output` for those that go out.
//!
//! # Locks
//!
//! The machines lie under [`ranks::Control`](crate::ranks::Control). Which groups an interface listens to is said by
//! the snapshot alone ([`Interface::groups`](crate::ifnet::Interface::groups)), so that packets, machines and
//! announcements cannot differ. A worker that takes up a snapshot compares it with the one before, and takes the lock
//! only if an interface's groups have changed. Reports are dispatched under it, never sent.
//!
//! # Teardown
//!
//! An interface that departs takes its machine with it; a timer that still refers to it finds none.

mod counted;
mod due;
mod follow;
mod input;
mod output;
mod protocol;
mod report;

use std::net::Ipv6Addr;

use siding_netisr::IfId;
use siding_netisr::Instant;

pub(crate) use follow::Machines;
pub(crate) use follow::end;
pub(crate) use follow::follow;
pub(crate) use follow::is_told;
pub(crate) use follow::take_leave;
pub(crate) use input::input;
pub(crate) use output::FLOW;
pub(crate) use output::build;
pub(crate) use output::report_source;
pub(crate) use output::reported;
pub(crate) use output::room;
pub(crate) use protocol::Listeners;
pub use siding_machines::mld::MldConfig;
pub use siding_machines::mld::listener;

/// A group that an interface listens to, for tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GroupReport {
    /// On which interface.
    pub interface: IfId,
    /// The group.
    pub group: Ipv6Addr,
    /// Why it is listened to.
    pub why: Why,
    /// Whether a report of it has left; `None` for a group that is never reported, or with reporting off.
    pub told: Option<bool>,
    /// Until when a querier of version 1 is taken to be on the link.
    pub version1_until: Option<Instant>,
}

/// Why an interface listens to a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// Every node does.
    Node,
    /// Every router does.
    Router,
    /// It is the solicited-node group of an address.
    Address,
    /// Somebody asked for it ([`Stack::join_group`](crate::Stack::join_group)).
    Asked,
}

impl Why {
    /// The reason in a word.
    pub const fn name(self) -> &'static str {
        match self {
            Why::Node => "node",
            Why::Router => "router",
            Why::Address => "address",
            Why::Asked => "asked",
        }
    }
}
