//! The control socket: how the command line, or any other program, speaks with the daemon.
//!
//! A stream socket of the file system, for its owner alone (mode 0600). One line is one request, in JSON; one line
//! is its answer. Requests of one connection are carried out in order; connections do not wait for each other.
//!
//! ```text
//! > {"request":"show-drops"}
//! < {"answer":"drops","value":[{"cause":"no-route","count":3}]}
//! ```
//!
//! There are at most 64 connections; the next is told so. A request is whole within 10 s of its first byte and no longer
//! than 1 MiB; an answer is read within a minute, some of it every 10 s; a connection that is silent for a minute is
//! closed. Each is told why in an answer, as far as it reads.
//!
//! # Locks
//!
//! None of its own: see [`crate::daemon`]. # Teardown: the socket is removed before anything else stops; requests
//! under way are finished.

mod bridge;
mod client;
mod filter;
mod group;
mod host;
mod nested;
mod path;
mod protocol;
mod reload;
mod report;
mod server;
mod session;

pub(crate) use bridge::*;
pub(crate) use client::Client;
pub(crate) use filter::*;
pub(crate) use group::*;
pub(crate) use host::*;
pub(crate) use nested::*;
pub(crate) use path::default_path;
pub(crate) use path::run_directory;
pub(crate) use protocol::*;
pub(crate) use reload::*;
pub(crate) use report::*;
pub(crate) use server::CarryOut;
pub(crate) use server::Listener;
pub(crate) use server::Serve;
pub(crate) use session::Sessions;

#[cfg(test)]
mod tests;
