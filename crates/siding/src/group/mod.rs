//! Multicast groups. # Teardown: they are left with their interface.

pub(crate) mod ask;
pub(crate) mod check;
pub(crate) mod setting;
