//! The control socket: how the command line, or any other program, speaks with the daemon.
//!
//! A stream socket of the file system, for its owner alone (mode 0600). One line is one request, in JSON; one line
//! is its answer. Requests of one connection are carried out in order; connections do not wait for each other.
//!
//! ```text
//! > {"request":"show-workers"}
//! < {"answer":"workers","value":[{"worker":0,"core":0,"sleeping":true,"turns":52,"busy":9,"received":4,"sleeps":41,"wakeups":5}]}
//! ```
//!
//! What can be asked is in `siding-client`, which programs of others use, too; docs/control.md has all of it. A line may be a
//! batch ([`answer`]), or ask for events ([`stream`]).
//!
//! There are at most 64 connections; the next is told so. A request is whole within 10 s of its first byte and no longer
//! than 1 MiB; an answer is read within a minute, some of it every 10 s; a connection that is silent for a minute is
//! closed. Each is told why in an answer, as far as it reads.
//!
//! # Locks
//!
//! None of its own: see [`crate::daemon`]. # Teardown: the socket is removed before anything else stops; requests
//! under way are finished.

mod answer;
mod line;
mod pieces;
mod run;
mod server;
mod session;
mod stream;

pub(crate) use run::run_directory;
pub(crate) use server::CarryOut;
pub(crate) use server::Listener;
pub(crate) use server::Serve;
pub(crate) use session::Sessions;
pub(crate) use siding_client::*;
pub(crate) use stream::Feed;

#[cfg(test)]
mod tests;
