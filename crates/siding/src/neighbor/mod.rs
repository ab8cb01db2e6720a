//! Neighbours that somebody gives. # Teardown: they go with their interface.

mod ask;
pub(crate) mod check;
mod report;
pub(crate) mod setting;
