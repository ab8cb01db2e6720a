//! Link aggregation: several ports that look like one interface.

pub mod lacp;
