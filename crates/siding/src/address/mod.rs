//! Addresses of interfaces. # Teardown: they go with their interface.

pub(crate) mod acd;
mod ask;
pub(crate) mod change;
pub(crate) mod report;
pub(crate) mod setting;
