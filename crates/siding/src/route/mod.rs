//! Routes and refusals. # Teardown: they go with their interface.

pub(crate) mod change;
pub(crate) mod setting;
pub(crate) mod table;
