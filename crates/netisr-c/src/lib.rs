#![doc = include_str!("../README.md")]
//!
//! # This crate
//!
//! The header is `include/siding_netisr.h`, made from the source and from the page above; `tests/all/header.rs` keeps it so.
#![deny(unsafe_op_in_unsafe_fn)]
#![allow(unsafe_code)] // C's pointers are what this crate is about.

mod batch;
mod callback;
mod error;
mod facility;
mod handle;
mod held;
mod interfaces;
mod packet;
#[cfg(test)]
mod panics;
mod permit;
mod pointers;
mod report;
mod state;
mod trip;
mod types;
mod worker;

pub use batch::*;
pub use error::*;
pub use facility::*;
pub use held::*;
pub use interfaces::*;
pub use packet::*;
pub use permit::*;
pub use report::*;
pub use state::*;
pub use types::*;
pub use worker::*;
