//! Neighbours that somebody gives. # Teardown: they go with their interface.

pub(crate) mod setting;
