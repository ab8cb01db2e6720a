//! The facility and its peers, measured side by side.
//!
//! Absolute times drift from machine to machine and from minute to minute, so every contestant runs in the same
//! process, in turns (A B C A B C …), and what counts is the ratio to the [reference](contestants::REFERENCE).
//!
//! - [`payload`]: the 64 bytes that are passed, and the tally that proves that each arrived once and in order.
//! - [`contestant`]: what a queue must offer to take part; [`contestants`]: those that do, one file each.
//! - [`scenario`]: who produces and who consumes, on which core, how many at a time;
//!   [`meeting`]: how they wait for each other.
//! - [`machine`]: what it runs on; [`measure`]: rounds, turns and statistics; [`report`]: the table and the JSON; [`targets`]: what the facility is
//!   held to.
//!
//! And the stack as a router in memory: [`router`] builds it, [`sharing`] asks what its workers cost each other. As a firewall:
//! [`firewall`]. What came of goals: [`verdicts`].
//!
//! What it does *not* measure: blocking and waking (everything here spins), latency, and queues of more than 1,024
//! payloads.

#![deny(unsafe_code)]

pub mod affinity;
pub mod contestant;
pub mod contestants;
pub mod error;
#[cfg(feature = "stack")]
pub mod firewall;
pub mod machine;
pub mod measure;
pub mod meeting;
pub mod payload;
pub mod report;
#[cfg(feature = "stack")]
pub mod router;
#[cfg(feature = "stack")]
pub mod routes;
pub mod scenario;
#[cfg(feature = "stack")]
pub mod sharing;
pub mod targets;
pub mod verdicts;
