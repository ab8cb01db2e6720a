//! siding-drivers
