//! What multicast listeners have the timer queue look at.

use siding_netisr::IfId;

/// The groups of an interface that are to be reported.
#[derive(Debug)]
pub(crate) struct Reporting(pub(crate) IfId);
