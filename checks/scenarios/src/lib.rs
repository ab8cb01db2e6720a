//! Scenarios for the checkers: what must hold however threads meet.
//!
//! One source, built four times: on real threads (this package), for loom, for shuttle, and for the simulator, where
//! one thread has its turn at a time and a seed says whose (`checks/loom`, `checks/shuttle`, `checks/simulator`). Each time it meets the *shipped* source of `siding-netisr` and `siding-lockorder`,
//! built with the same cfg, so that the checker sees every atomic, lock and thread.
//!
//! # Model
//!
//! - A [`Scenario`] is a function that starts a few threads, joins them and asserts. [`explore`] runs it in as
//!   many ways as the checker knows.
//! - A [`Mutant`] is one way to break the code, or the way in which the scenario uses it, and names the
//!   scenario that must notice.
//!
//! Scenarios must end by themselves under every schedule: a thread either does a fixed number of steps, or
//! waits for what the facility promises. A promise that is broken shows as an assertion, as a deadlock, or, to
//! loom, as two accesses that nothing orders.
#![forbid(unsafe_code)]

mod basics;
mod capacity;
#[cfg_attr(siding_loom, path = "checker/loom.rs")]
#[cfg_attr(siding_shuttle, path = "checker/shuttle.rs")]
#[cfg_attr(all(siding_mutants, not(siding_simulator)), path = "checker/threads.rs")]
#[cfg_attr(siding_simulator, path = "checker/simulator.rs")]
mod checker;
mod departure;
mod edges;
mod embedder;
mod fib;
mod lagg;
mod mutants;
mod order;
mod rig;
mod scenario;
mod slab;
mod stack;
mod timers;
mod unregister;
mod wake;

pub use checker::explore;
pub use mutants::MUTANTS;
pub use mutants::Mutant;
pub use scenario::SCENARIOS;
pub use scenario::Scenario;
pub use scenario::executions;
pub use siding_netisr::sync::set_mutant;
