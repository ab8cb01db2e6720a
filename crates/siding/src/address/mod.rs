//! Addresses of interfaces. # Teardown: they go with their interface.

pub(crate) mod change;
pub(crate) mod setting;
pub(crate) mod told;
