//! siding-stack
