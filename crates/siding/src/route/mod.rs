//! Routes and refusals. # Teardown: they go with their interface.

mod ask;
pub(crate) mod change;
mod report;
pub(crate) mod setting;
pub(crate) mod table;
