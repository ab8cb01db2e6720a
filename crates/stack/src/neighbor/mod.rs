//! Neighbours: one [table](crate::lltable) for each interface, for IPv6 (neighbour discovery) and IPv4 (ARP) alike; here is
//! what becomes of its entries, and what is sent to them.
//!
//! # Locks
//!
//! The timer holds the entry's lock from beginning to end: what it sends is built and dispatched under it. Nobody sends under
//! it, nor under the table's.
//!
//! # Teardown
//!
//! A timer that still refers to an entry finds it dead.

mod age;
mod dispatch;
mod due;
mod flush;
mod output;
mod protocol;
mod timer;

pub(crate) use protocol::Tables;

pub(crate) use dispatch::dispatch;
pub(crate) use due::Ageing;
pub(crate) use flush::flush;
pub(crate) use output::output;
pub(crate) use timer::settle;
pub(crate) use timer::source_of;

use std::net::IpAddr;

use siding_netisr::IfId;
use siding_netisr::Metadata;
use siding_wire::Mac;

use crate::lltable::Lle;
use crate::lltable::flow_key;
use crate::queues::Queue;

/// Metadata of what goes to a neighbour by way of the facility: captured when it was dispatched.
#[derive(Debug)]
pub(crate) struct LinkOut {
    /// The interface that it goes out of.
    pub(crate) out: IfId,
    /// The same for all that goes to one neighbour, so that it stays in order.
    pub(crate) key: u64,
    pub(crate) what: What,
}

impl LinkOut {
    /// What goes out of `out` to the neighbour `to`, or to its flow.
    pub(crate) fn new(out: IfId, to: IpAddr, what: What) -> LinkOut {
        LinkOut { out, key: flow_key(out, to), what }
    }
}

#[derive(Debug)]
pub(crate) enum What {
    /// A whole frame that announces or asks with this source address, which must still be ours; `None` is "no
    /// source needed" (`::`, or an ARP probe).
    Message(Option<IpAddr>, crate::ifnet::IfCounter),
    /// The same, as the last that is said on the interface.
    LastWords(Option<IpAddr>, crate::ifnet::IfCounter, crate::common::Word),
    /// A frame in the name of a station behind another port of the bridge, which must still be there.
    Station(Mac),
    /// An IP packet that was held for the neighbour.
    Held(std::sync::Arc<Lle>),
}

/// What goes to neighbours: solicitations, and packets that were held.
impl Queue for LinkOut {
    type Meta = LinkOut;
    const NAME: &'static str = "link_out";
}

/// Announcements, for which room is reserved.
pub(crate) struct Announcing;

impl Queue for Announcing {
    type Meta = LinkOut;
    const NAME: &'static str = "announce";
}

impl Metadata for LinkOut {
    fn interfaces(&self, visit: &mut impl FnMut(IfId)) {
        visit(self.out);
    }
}
