//! Neighbours that somebody gives. # Teardown: they go with their interface.

mod ask;
mod report;
pub(crate) mod setting;
