//! Bounds of all that can grow. # Teardown: none; each is kept where it holds.

pub(crate) mod check;
mod report;
