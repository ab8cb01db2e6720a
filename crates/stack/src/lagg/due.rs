//! What laggs have the timer queue look at.

use siding_netisr::IfId;

/// A lagg that has something to announce, or an LACP timer.
#[derive(Debug)]
pub(crate) struct Timed(pub(crate) IfId);
