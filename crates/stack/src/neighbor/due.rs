//! What neighbours have the timer queue look at.

use std::sync::Arc;

use siding_netisr::IfId;

use crate::lltable::Lle;

/// A neighbour: its entry has a deadline.
#[derive(Debug)]
pub(crate) struct Timed(pub(crate) Arc<Lle>);

/// Neighbours of an interface that nobody has used for long.
#[derive(Debug)]
pub(crate) struct Ageing(pub(crate) IfId);
