//! Speaks with a running Siding by its control socket.
//!
//! A stream socket of the file system. One line is one request, in JSON; one line is its answer. Requests of one connection
//! are carried out in order; connections do not wait for each other.
//!
//! ```text
//! > {"request":"show-workers"}
//! < {"answer":"workers","value":[{"worker":0,"core":0,"sleeping":true,"turns":52,"busy":9,"received":4,"sleeps":41,"wakeups":5}]}
//! ```
//!
//! [`Client`] is a connection, [`Request`] what can be asked and [`Answer`] what is answered:
//!
//! ```no_run
//! use siding_client::Answer;
//! use siding_client::Client;
//! use siding_client::Request;
//!
//! let mut client = Client::connect(&siding_client::found_path())?;
//! if let Answer::Interfaces(rows) = client.ask(&Request::ShowInterfaces {})? {
//!     for row in rows {
//!         println!("{}: {}", row.name, row.state);
//!     }
//! }
//! # Ok::<(), siding_client::ClientError>(())
//! ```
//!
//! The daemon's own command line speaks by this crate. What files of a configuration and requests say in the same words is
//! here, too: [`value`], [`lagg`], [`advertise`], [`autoconf`], [`route`],
//! [`refuse`], [`neighbor`], [`Group`], [`Addressing`].
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod advertise;
pub mod autoconf;
mod bridge;
mod code;
mod connection;
mod event;
mod filter;
mod filter_set;
mod filter_test;
mod group;
mod host;
pub mod lagg;
pub mod neighbor;
mod nested;
mod path;
mod protocol;
pub mod refuse;
mod reload;
mod report;
pub mod route;
#[cfg(feature = "schema")]
pub mod schema;
mod section;
mod session;
mod table;
mod trace;
pub mod value;

pub use bridge::*;
pub use code::*;
pub use connection::Client;
pub use connection::ClientError;
pub use connection::Events;
pub use event::*;
pub use filter::*;
pub use filter_set::*;
pub use filter_test::*;
pub use group::*;
pub use host::*;
pub use nested::*;
pub use path::default_path;
pub use path::found_path;
pub use protocol::*;
pub use reload::*;
pub use report::*;
pub use section::*;
pub use session::*;
pub use table::*;
pub use trace::*;
