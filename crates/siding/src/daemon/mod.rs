//! `siding run`: the stack in the foreground, from its configuration to its clean stop.
//!
//! The main thread starts all others, watches them ([`watch`]), and ends them. [`tell`] writes the log.
//!
//! # Locks
//!
//! Ordinary ones, outside the stack's order and never taken by a worker: the ports (what we hold of the kernel for
//! each interface), the wires in memory, the runtime. Each is held for a few instructions; nobody waits for a
//! departure with one held. `closing` is entered by each request, and closed by the stop.
//! The link watcher's are in [`links`]. A worker that tells of something reads a list of those who want to know ([`events`]).
//!
//! # Teardown
//!
//! In this order: the control socket is removed and requests under way are finished, or given up; every interface is detached, and
//! given back to the kernel as it was; workers are joined; then the counters must add up and the pool be full.

mod advertise;
mod apart;
mod ask_nested;
mod bridge;
mod closing;
mod codes;
mod confine;
mod device;
mod door;
mod drops;
mod events;
mod feed;
mod fence;
mod filter;
mod filter_set;
mod filter_test;
mod group;
mod happened;
mod host;
mod lagg;
mod limit;
mod links;
mod log;
mod metrics;
mod nested;
mod owed;
mod performance;
mod port;
mod pulse;
mod record;
mod reload;
mod route;
mod run;
mod running;
mod said;
mod service;
mod session;
mod show;
mod signals;
mod spare;
mod stack;
mod state;
mod stop;
mod tell;
mod trace;
mod watch;

pub(crate) use run::run;
#[cfg(test)]
pub(crate) use running::Loaded;
pub(crate) use state::Daemon;
pub(crate) use state::Free;
pub(crate) use stop::PATIENCE;
