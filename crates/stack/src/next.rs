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

use crate::config::Config;
use crate::drops::DropReason;
use crate::icmp6::LinkCast;
use crate::ifnet::Interface;

/// What is to become of a packet.
pub(crate) enum Next<'c> {
    /// The interface receives it, as a frame.
    Up(&'c Interface, Mbuf),
    /// It is an IPv6 packet from the interface's link.
    Ip6(&'c Interface, Framed, Mbuf),
    /// It is an IPv4 packet from the interface's link.
    Ip4(&'c Interface, LinkCast, Mbuf),
    /// It is a frame of another protocol, without its header.
    Frame(Frame<'c>),
    /// It is an IPv6 packet for us.
    Ours6(&'c Interface, Packet6, Mbuf),
    /// It is an IPv4 packet for us.
    Ours4(&'c Interface, Ip4Repr, Mbuf),
    /// It is for an upper layer of ours, in IPv6.
    Upper6(&'c Interface, Upper6, Mbuf),
    /// It is a TCP segment for us, in IPv4.
    Tcp4(&'c Interface, Upper4, Mbuf),
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

/// What is to become of a packet that goes no further.
pub(crate) enum Stopped {
    /// It is dropped.
    Drop(Mbuf, DropReason),
    /// Somebody has it.
    Taken,
}

impl From<Stopped> for Next<'_> {
    fn from(stopped: Stopped) -> Self {
        match stopped {
            Stopped::Drop(packet, cause) => Next::Drop(packet, cause),
            Stopped::Taken => Next::Taken,
        }
    }
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

/// Where a packet has come in, and the snapshot that it is looked at by: of one moment from its first stage to its last.
#[derive(Clone, Copy)]
pub(crate) struct Arrival<'c> {
    pub(crate) config: &'c Config,
    /// The interface that received it.
    pub(crate) on: &'c Interface,
}

/// How a packet's frame was addressed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Framed {
    /// By whom it was sent; zero for a packet of our own.
    pub(crate) from: Mac,
    /// To whom.
    pub(crate) link: LinkCast,
}

impl Framed {
    /// As a packet is that has come from ourselves.
    pub(crate) const OWN: Framed = Framed { from: Mac::ZERO, link: LinkCast::Unicast };
}

/// What is known of an IPv6 packet that is for us, or wants an error.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Packet6 {
    pub(crate) header: Ip6Repr,
    pub(crate) framed: Framed,
    /// It was put together of fragments.
    pub(crate) joined: bool,
}

impl Packet6 {
    /// One that has come as it is.
    pub(crate) fn new(header: Ip6Repr, framed: Framed) -> Packet6 {
        Packet6 { header, framed, joined: false }
    }
}

/// A packet that its sender is to be told something about, with its header.
pub(crate) struct Quoted<'p, H> {
    pub(crate) about: &'p H,
    pub(crate) packet: &'p Mbuf,
}

/// What an IPv6 packet carries, and where that begins.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Upper6 {
    pub(crate) about: Packet6,
    pub(crate) layer: Layer,
    /// So many bytes into the packet.
    pub(crate) at: usize,
    /// The packet was a fragment, or came as several.
    pub(crate) fragmented: bool,
}

/// Where what an IPv4 packet carries begins.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Upper4 {
    pub(crate) about: Ip4Repr,
    /// So many bytes into the packet.
    pub(crate) at: usize,
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
