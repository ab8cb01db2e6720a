//! siding-drivers

pub mod kernel;
