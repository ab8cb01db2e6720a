//! The Link Aggregation Control Protocol: IEEE 802.1AX-2014 s6.4 (802.1AX-2008 s5.4, 802.3ad-2000 s43.4).
//!
//! # Model
//!
//! A [`Group`] is the protocol's side of one lagg: its [`Port`]s, each with its receive, periodic, mux, churn
//! and transmit machine, and the selection of the aggregator that the lagg uses. It holds no lock, reads no
//! clock and sends nothing: whoever owns the lagg steps it under the lagg's write lock and hands in a `send`
//! that dispatches to a queue. Each step takes every machine as far as it goes and then sends, once, what the
//! partner must know. A refused send stays due and is tried again after [`GroupConfig::refused_retry`]; it
//! does not count against the limit of three a second.
//!
//! What comes out: which ports take frames ([`Port::is_collecting`]) and which send them
//! ([`Port::is_distributing`]), of which the lagg's snapshot is made anew when [`Group::generation`] has
//! moved; whether the lagg has a carrier ([`Group::carrier`]); and the [`Event`]s, one for each transition.
//!
//! **Deadlines are absolute**: a late timer makes the next one no later. Only [`Group::on_timer`] takes a
//! silent partner for gone, so a worker that was held up must feed the PDUs that it finds waiting first.
//!
//! # Which aggregator, when there are several
//!
//! One lagg is one aggregator. Ports that could not share one (another partner, another key, individual) form
//! sets of their own, and the lagg uses **the set with the most ports that hear their partner; among equals the
//! one in use, then the one with the lowest port number**. As soon as a port of the set in use is attached the
//! choice stands until none is left ([`Reselect::WhenEmpty`]; [`Reselect::MostPorts`] goes on choosing). Ports
//! of other sets stay STANDBY: out of sync, so that their partner sends nothing there that would be lost, and
//! with their aggregate wait behind them, so that they take over without it.
//!
//! With [`GroupConfig::max_links`], ports that are attached already come first, then the order of port
//! priority and number **as the system with the lower identity sees it**, so that both ends choose alike.
//!
//! # Taking a port out
//!
//! [`Group::retire`] stops sending, tells the partner (out of sync) after a grace in which queued frames leave, and
//! goes on collecting until the partner says that it has stopped: nothing is lost in either direction.
//! [`Group::remove`] takes the port out at once.
//!
//! # What it does not do
//!
//! No marker *generator*: a flow that changes its port does so when the lagg decides. No version 2 PDUs
//! (conversation-sensitive distribution). A partner that speaks no LACP is not used unless
//! [`PortConfig::partner_admin`] says what to assume of it.

mod churn;
mod config;
mod event;
mod group;
mod limit;
mod mux;
#[cfg(test)]
pub(crate) mod page;
mod periodic;
mod port;
mod receive;
mod selection;

use core::num::NonZeroU16;
use core::time::Duration;

pub use config::*;
pub use event::*;
pub use group::*;
pub use mux::MuxState;
pub use periodic::PeriodicState;
pub use port::*;
pub use receive::ReceiveState;
pub use selection::LagId;
pub use selection::Selected;

/// A port's number in its system, of which no two ports have the same.
//= IEEE 802.1AX s6.3.4 [LACP-12]: 1 to 65535, never 0
pub type PortNumber = NonZeroU16;

//= IEEE 802.1AX s6.4.4 [LACP-3]: the protocol's times
/// Time between periodic PDUs to a partner with a short timeout, and the span of the transmit limit.
pub const FAST_PERIODIC_TIME: Duration = Duration::from_secs(1);
/// Time between periodic PDUs to a partner with a long timeout.
pub const SLOW_PERIODIC_TIME: Duration = Duration::from_secs(30);
/// How long a partner that should send each second may be silent.
pub const SHORT_TIMEOUT_TIME: Duration = Duration::from_secs(3);
/// How long a partner that should send each 30 seconds may be silent.
pub const LONG_TIMEOUT_TIME: Duration = Duration::from_secs(90);
/// How long an end may be out of sync before that counts as churn.
pub const CHURN_DETECTION_TIME: Duration = Duration::from_secs(60);
/// How long a port waits for others to be attached together with it.
pub const AGGREGATE_WAIT_TIME: Duration = Duration::from_secs(2);
/// LACPDUs that one port may send in any [`FAST_PERIODIC_TIME`] (s6.4.16).
pub const MAX_LACPDUS: usize = 3;
/// Marker responses that one port may send in a second (IEEE 802.3 Annex 57A: slow protocols stay slow).
pub const MAX_MARKERS: usize = 10;

/// LACPDUs of one port that are looked at in a second. No partner that keeps the limit sends as many, whatever the wire
/// does to their order and number.
pub const MAX_HEARD: usize = 32;

/// The queue did not take the PDU. Why is for the caller to count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused;
