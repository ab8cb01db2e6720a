//! Why a measurement failed.

use std::io;

/// Why a measurement failed. None of these is a slow result: each makes the figure meaningless.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// The thread could not be pinned: the machine has no such core, or this process may not use it.
    #[error("cannot pin a thread to core {core}: {source}")]
    Pin {
        /// The core's number, from 0.
        core: usize,
        /// What the system said.
        source: io::Error,
    },
    /// The contestant could not be built.
    #[error("{name} cannot be set up: {reason}")]
    SetUp {
        /// The contestant.
        name: &'static str,
        /// What is wrong, in words.
        reason: &'static str,
    },
    /// The consumer received something other than what was produced.
    #[error("{name}: a payload was lost, repeated, reordered or altered")]
    Corrupt {
        /// The contestant.
        name: &'static str,
    },
    /// A phase took longer than [`STALL_LIMIT`](crate::meeting::STALL_LIMIT), or another thread of this round failed.
    #[error("{name}: no progress")]
    Stalled {
        /// The contestant.
        name: &'static str,
    },
    /// A thread of the round panicked.
    #[error("{name}: a thread panicked")]
    Panicked {
        /// The contestant.
        name: &'static str,
    },
}
