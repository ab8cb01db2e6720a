//! Routes and refusals. # Teardown: they go with their interface.

mod ask;
pub(crate) mod change;
pub(crate) mod check;
pub(crate) mod means;
mod report;
pub(crate) mod setting;
pub(crate) mod table;
mod ways;
