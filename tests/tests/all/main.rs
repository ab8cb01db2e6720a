//! Siding beside software that we did not write, over namespaces; the filter beside the kernel's; and the house itself:
//! its requirements and its structure. One program, so that it is linked once: `cargo test -p siding-tests --test all lagg::`
//! runs a part of it.

#![forbid(unsafe_code)]
// Not only the tests but also their helpers say what they expect by unwrapping it.
#![allow(clippy::unwrap_used)]

mod attack;
mod autoconf;
mod churn;
mod claim;
mod demo;
mod filter_kernel;
mod filter_names;
mod firewall;
mod harness;
mod host;
mod ip4;
mod ip6;
mod kernel;
mod lagg;
mod metrics;
mod ovs;
mod package;
mod pages;
mod requirements;
mod router;
mod structure;
