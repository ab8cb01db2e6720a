//! The protocols' state machines: what happens, without whatever makes it happen.
//!
//! Nothing here holds a lock, reads a clock, draws a random number, does I/O or knows a table of interfaces. Time
//! ([`Instant`](siding_netisr::Instant)) and chance ([`Chance`]) come in as arguments; what is to be sent goes out
//! through a callback that may refuse; interfaces are names ([`IfId`](siding_netisr::IfId)) that are handed on. So each can be tested by itself, in
//! any order of events, and the stack that joins them to the world decides about locks, queues and timers.
//!
//! | | |
//! |---|---|
//! | [`nud`], [`hold`] | one neighbour: reachability (RFC 4861 s7.3, RFC 7048), and the packets that wait for it |
//! | [`dad`], [`acd`] | whether an address is somebody else's: IPv6 (RFC 4862 s5.4), IPv4 (RFC 5227) |
//! | [`arp`] | what a message of ARP means for a neighbour (RFC 826) |
//! | [`host`] | routers, prefixes, addresses and redirects that are learnt (RFC 4861 s6.3, s8.3; RFC 4862) |
//! | [`router`] | what a router advertises, and when (RFC 4861 s6.2) |
//! | [`mld`] | which groups are reported (RFC 3810, RFC 2710) |
//! | [`lacp`] | link aggregation with a partner (IEEE 802.1AX s6.4) |
//! | [`reassembly`] | fragments put together (RFC 8200 s4.5, RFC 791) |
//! | [`route`], [`source`] | the way to a destination, and the address to send from (RFC 6724) |
//! | [`path_mtu`] | how large packets to a destination may be (RFC 8201) |
//! | [`filter`] | what a firewall remembers of each flow (RFC 6092, RFC 9293) |
//! | [`bucket`] | when an ICMP error may be sent, and how often (RFC 4443 s2.4) |
//! | [`idle`] | which neighbours are idle: whom to forget first |
//! | [`limits`] | what a bound tells of itself |
#![forbid(unsafe_code)]

pub mod acd;
pub mod arp;
pub mod bucket;
pub mod chance;
pub mod dad;
pub mod filter;
pub mod hold;
pub mod host;
pub mod idle;
pub mod lacp;
pub mod limits;
pub mod mld;
pub mod nud;
#[cfg(test)]
mod page;
pub mod path_mtu;
pub mod reassembly;
pub mod route;
pub mod router;
pub mod source;

pub use chance::Chance;
