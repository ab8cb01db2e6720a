//! Link aggregation: several ports as one interface.
//!
//! # Locks
//!
//! [`ranks::Lagg`](crate::ranks::Lagg) guards a lagg's ports and what is to be announced; it is taken under
//! [`ranks::Control`](crate::ranks::Control), for a change of ports makes a new snapshot. Everything that a change
//! brings forth (announcements, LACPDUs) is built and *dispatched* under it; nothing is sent from there. Frames
//! look at the [`View`] in the snapshot and take no lock, but for the few of slow protocols (`slow`).
//!
//! A change touches the port that changes: no other is detached, or initialised again.
//!
//! # Teardown
//!
//! A port that departs leaves its lagg first, under the lock. A lagg that departs gives its ports their own
//! addresses back; a timer that still refers to it finds no such interface.

mod announce;
mod change;
mod counted;
mod due;
mod follow;
mod inline;
mod input;
mod late;
mod output;
mod protocol;
mod report;
mod select;
mod shown;
mod slow;
mod step;

pub use crate::ports::lagg::Announce;
pub use crate::ports::lagg::HashLayers;
pub use crate::ports::lagg::LacpPortReport;
pub use crate::ports::lagg::LacpReport;
pub use crate::ports::lagg::LacpSpec;
pub use crate::ports::lagg::LaggReport;
pub use crate::ports::lagg::LaggSpec;
pub use crate::ports::lagg::LaggTuning;
pub use crate::ports::lagg::Mode;
pub use crate::ports::lagg::PortReport;
pub use crate::ports::lagg::Reselect;
pub use crate::ports::lagg::View;
pub use change::LaggError;
pub(crate) use input::input;
pub(crate) use input::latecomer;
pub(crate) use input::take;
pub(crate) use output::output;
pub(crate) use protocol::Laggs;
pub use siding_machines::lacp;
