//! `siding run`: the stack in the foreground, from its configuration to its clean stop.
//!
//! The main thread starts all others, watches them ([`watch`]), and ends them. [`tell`](crate::state::tell) writes the log.
//!
//! # Locks
//!
//! Ordinary ones, outside the stack's order and never taken by a worker: the ports (what we hold of the kernel for
//! each interface), the wires in memory, the runtime. Each is held for a few instructions; nobody waits for a
//! departure with one held. `closing` is entered by each request, and closed by the stop.
//! The link watcher's are in [`links`](crate::interface::links). A worker that tells of something reads a list of those who want to
//! know ([`events`](crate::state::events)).
//!
//! # Teardown
//!
//! In this order: the control socket is removed and requests under way are finished, or given up; every interface is detached, and
//! given back to the kernel as it was; workers are joined; then the counters must add up and the pool be full.

mod apart;
mod as_file;
mod confine;
mod door;
mod feed;
mod fence;
mod metrics;
mod pulse;
mod reload;
mod run;
mod said;
mod service;
mod session;
mod signals;
mod stop;
mod trace;
mod watch;

pub(crate) use run::run;
