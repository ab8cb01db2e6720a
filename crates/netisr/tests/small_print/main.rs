//! The small print: what is counted, said and timed, who is woken, and whose turn it is, to the number.
//!
//! The promises have tests of their own; these hold the rest, so that no line can be changed unnoticed.

#![allow(clippy::unwrap_used)] // Helpers of tests are tests.

mod batches;
mod counts;
mod departures;
mod from;
mod names;
mod polls;
mod residence;
mod rig;
mod seats;
mod sleep;
mod stead;
mod time;
mod unregisters;
mod words;
