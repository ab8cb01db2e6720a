//! Buffers, and the pool that they come from.

#![allow(clippy::unwrap_used, reason = "the helpers of tests, too, say what they expect by unwrapping it")]

mod mbuf;
mod pool;
