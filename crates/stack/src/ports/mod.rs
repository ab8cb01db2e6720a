//! Interfaces that have ports, as frames and snapshots see them: laggs and bridges.
//!
//! What changes them, and what is done with their frames, is [`lagg`](crate::lagg)'s and [`bridge`](crate::bridge)'s.

pub(crate) mod bridge;
pub(crate) mod lagg;
