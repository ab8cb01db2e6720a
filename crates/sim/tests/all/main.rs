//! Stacks on virtual wires, in one program: each file is about one thing that a network of them must do.

#![allow(clippy::unwrap_used, clippy::expect_used)] // A test says what it expects by unwrapping it.
#![allow(unreachable_pub)] // What the tests share is reached from outside its file only.

mod acd;
mod ageing;
mod arp;
mod bridge;
mod bridge_lagg;
mod common;
mod corpus;
mod dad;
mod departure;
mod errors;
mod express;
mod filter;
mod forwarding;
mod groups4;
mod host_addresses;
mod host_and_router;
mod host_redirects;
mod host_routers;
mod host_util;
mod ip4;
mod ip6_path_mtu;
mod ip6_reassembly;
mod ip6_refusals;
mod lacp;
mod lagg;
mod lagg_late;
mod lagg_thousand;
mod links;
mod macs;
mod mld;
mod neighbors_limits;
mod neighbors_priority;
mod redirect;
mod resolution;
mod router;
mod seeds;
mod settings;
mod timers;
mod validation;
mod vrf;
