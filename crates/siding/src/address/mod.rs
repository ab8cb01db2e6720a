//! Addresses of interfaces. # Teardown: they go with their interface.

mod ask;
pub(crate) mod change;
pub(crate) mod report;
pub(crate) mod setting;
