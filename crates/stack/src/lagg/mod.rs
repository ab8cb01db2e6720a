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
mod hash;
mod inline;
mod input;
mod late;
mod output;
mod protocol;
mod report;
mod select;
mod slow;
mod state;
mod step;
mod view;

pub use change::LaggError;
pub use hash::HashLayers;
pub(crate) use input::input;
pub(crate) use input::latecomer;
pub(crate) use input::take;
pub(crate) use output::output;
pub(crate) use protocol::Laggs;
pub use siding_machines::lacp;
pub use slow::LacpPortReport;
pub use slow::LacpReport;
pub use slow::LacpSpec;
pub use state::Announce;
pub(crate) use state::Lagg;
pub use state::LaggReport;
pub use state::LaggSpec;
pub use state::LaggTuning;
pub(crate) use state::Member;
pub use state::Mode;
pub use state::PortReport;
pub use state::Reselect;
pub use view::View;
