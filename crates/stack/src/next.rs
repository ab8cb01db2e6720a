//! Where a packet goes from the stage that has just looked at it.
//!
//! A stage is a function that takes a packet, looks at it, and answers what is to become of it. It calls no other stage:
//! [`walk`](crate::walk) does, so that there is one place through which every packet comes.
//!
//! # Locks
//!
//! A stage has let go of its locks when it answers.

use siding_mbuf::Mbuf;
use siding_netisr::IfId;
use siding_wire::Mac;

use crate::drops::DropReason;
use crate::icmp6::LinkCast;
use crate::ifnet::Interface;

/// What is to become of a packet.
pub(crate) enum Next<'c> {
    /// The interface receives it, as a frame.
    Up(&'c Interface, Mbuf),
    /// It is an IPv6 packet from this station on the interface's link.
    Ip6(&'c Interface, Mac, LinkCast, Mbuf),
    /// It is an IPv4 packet from the interface's link.
    Ip4(&'c Interface, LinkCast, Mbuf),
    /// It is an ARP message from this station.
    Arp(&'c Interface, Mac, Mbuf),
    /// It is a whole frame that leaves by the interface, whatever carries that.
    Transmit(IfId, Mbuf),
    /// It has been heard, and is needed no more.
    Done(Mbuf),
    /// It is dropped.
    Drop(Mbuf, DropReason),
    /// Somebody has it: a queue, or nobody, if there was no buffer for it.
    Taken,
}
