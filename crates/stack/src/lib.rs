//! The network stack that lives on Siding's facility.
//!
//! # Model
//!
//! A [`Stack`] has interfaces, each with one [`Device`] for each worker, and workers ([`StackWorker`]) that an
//! embedder drives turn by turn: receive a batch from each interface, handle what was dispatched, run timers,
//! send. What the data path reads (interfaces, addresses) is an immutable [snapshot](config::Config), but for routes, which
//! change in place under its eyes ([`route::Fib`]); locks guard changes and protocol state, in one declared order ([`ranks`]). Whoever holds a lock and has
//! something to send dispatches it.
//!
//! Time comes in with each turn, chance from a seed, I/O through devices: the same stack runs on real threads, in the
//! simulator and under the model checkers.
//!
//! # Promises
//!
//! - Nothing is sent with a lock held: sending asks for a token that no holder of a lock has.
//! - When a detach is complete, no frame leaves by the interface, and nothing refers to it.
//! - Every packet that is dropped is counted by its cause ([`drops::DropReason`]).
//! - A packet to a reachable neighbour meets no lock and no allocation.
//!
//! # What it does not do
//!
//! TCP and UDP, but to tell that nobody listens; IGMP, and groups of IPv4.
#![forbid(unsafe_code)]

mod alarm;
pub mod arp;
pub mod bridge;
mod build;
mod common;
pub mod config;
mod control;
pub mod device;
pub mod drops;
mod ends;
mod ether;
mod event;
mod express;
mod farewell;
pub mod filter;
mod flow_hash;
mod fragments;
pub mod hooks;
pub mod icmp6;
pub mod ifnet;
mod ip4;
pub mod ip6;
pub mod lagg;
pub mod limits;
mod lltable;
pub mod mld;
mod named;
pub mod nd6;
mod neighbor;
mod next;
mod offload;
mod own;
mod ping;
mod ports;
mod protocols;
mod queues;
pub mod ranks;
pub mod reassembly;
mod remains;
mod resume;
mod rooms;
mod routes;
mod section;
mod sharing;
mod snapshot;
mod solicit;
mod stack;
mod table;
mod tcp;
mod timer;
pub mod trace;
mod turn;
mod vlan;
mod walk;

pub use bridge::BridgeError;
pub use bridge::BridgePortReport;
pub use bridge::BridgeReport;
pub use bridge::BridgeSpec;
pub use bridge::StationReport;
pub use build::BuildError;
pub use build::StackConfig;
pub use build::sections;
pub use config::DEEPEST;
pub use config::OnPort;
pub use control::*;
pub use device::BATCH;
pub use device::Device;
pub use device::Filter;
pub use device::Offloads;
pub use device::Sent;
pub use device::Unread;
pub use event::Deaf;
pub use event::Event;
pub use event::Observer;
pub use lagg::Announce;
pub use lagg::HashLayers;
pub use lagg::LacpPortReport;
pub use lagg::LacpReport;
pub use lagg::LacpSpec;
pub use lagg::LaggError;
pub use lagg::LaggReport;
pub use lagg::LaggSpec;
pub use lagg::LaggTuning;
pub use lagg::Mode;
pub use lagg::PortReport;
pub use lagg::Reselect;
pub use limits::LONGEST_PACKET;
pub use limits::LimitReport;
pub use limits::Limits;
pub use lltable::NeighborLimits;
pub use lltable::NeighborReport;
pub use lltable::NeighborTotals;
pub use offload::finished;
pub use ping::Answer;
pub use ping::Ping;
pub use ping::PingReply;
pub use section::KeySpec;
pub use section::Section;
pub use section::SectionError;
pub use section::SectionSpec;
pub use section::Takes;
pub use siding_machines::chance::Chance;
pub use siding_machines::route;
pub use siding_wire::ends::is_host;
pub use stack::Stack;
pub use stack::worker::FramesReport;
pub use stack::worker::StepReport;
pub use stack::worker::StepsReport;
pub use stack::worker::TimedStep;
pub use table::MOST_ROWS;
pub use table::Table;
pub use table::TableSpec;
#[cfg(any(siding_loom, siding_shuttle, siding_mutants))]
pub use timer::checked;
pub use turn::StackWorker;
pub use turn::Turn;
