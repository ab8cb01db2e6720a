//! What is read and written, beside others who do the same.

#![allow(clippy::unwrap_used, reason = "the helpers of tests, too, say what they expect by unwrapping it")]

mod against_etherparse;
mod against_smoltcp;
mod roundtrip;
mod total;
