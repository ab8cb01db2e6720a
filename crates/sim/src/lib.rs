//! siding-sim
