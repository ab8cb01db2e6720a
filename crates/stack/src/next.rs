//! Where a packet goes from the stage that has just looked at it.
//!
//! A stage is a function that takes a packet, looks at it, and answers what is to become of it. It calls no other stage:
//! [`walk`](crate::walk) does, so that there is one place through which every packet comes.
//!
//! # Locks
//!
//! A stage has let go of its locks when it answers.

use std::net::IpAddr;

use siding_mbuf::Mbuf;
use siding_netisr::IfId;
use siding_wire::EtherType;
use siding_wire::Mac;
use siding_wire::ip4::Ip4Repr;
use siding_wire::ip6::Ip6Repr;

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
    /// It is a frame of another protocol, without its header.
    Frame(Frame<'c>),
    /// It is an IPv6 packet for us, put together of fragments or not.
    Ours6(&'c Interface, Packet6, bool, Mbuf),
    /// It is an IPv4 packet for us.
    Ours4(&'c Interface, Ip4Repr, Mbuf),
    /// It is for an upper layer of ours, in IPv6.
    Upper6(&'c Interface, Packet6, Upper, Mbuf),
    /// It is a TCP segment for us in IPv4, which starts so many bytes into the packet.
    Tcp4(&'c Interface, Ip4Repr, usize, Mbuf),
    /// It is a packet of our own to this destination, which is meant on that interface if it is of no more than a link.
    Own(IpAddr, IfId, Mbuf),
    /// It leaves by the interface for this neighbour on its link.
    Neighbor(&'c Interface, IpAddr, Mbuf),
    /// It is a whole frame that leaves by the interface, whatever carries that.
    Transmit(IfId, Mbuf),
    /// It has been heard, and is needed no more.
    Done(Mbuf),
    /// It is dropped.
    Drop(Mbuf, DropReason),
    /// It has been forwarded otherwise than as it is, and counted for that.
    Forwarded,
    /// Somebody has it: a queue, or nobody, if there was no buffer for it.
    Taken,
}

/// A frame for us, or for all, of a protocol that is not IP.
pub(crate) struct Frame<'c> {
    /// The interface that received it.
    pub(crate) on: &'c Interface,
    /// The station that sent it.
    pub(crate) from: Mac,
    pub(crate) ethertype: EtherType,
    /// What is behind the header, and perhaps padding.
    pub(crate) packet: Mbuf,
}

/// What is known of an IPv6 packet that is for us, or wants an error.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Packet6 {
    pub(crate) header: Ip6Repr,
    /// Who sent the frame; zero for a packet of our own.
    pub(crate) from: Mac,
    pub(crate) link: LinkCast,
}

/// Where in an IPv6 packet its upper layer begins, and which that is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Upper {
    pub(crate) layer: Layer,
    /// So many bytes into the packet.
    pub(crate) at: usize,
    /// The packet was a fragment, or came as several.
    pub(crate) fragmented: bool,
}

/// What is above IPv6.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Layer {
    Icmp,
    /// Neighbour discovery.
    Nd,
    /// Multicast listener discovery.
    Mld,
    Tcp,
}

impl Layer {
    /// As it is told.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Layer::Icmp => "icmp6",
            Layer::Nd => "nd",
            Layer::Mld => "mld",
            Layer::Tcp => "tcp",
        }
    }
}
