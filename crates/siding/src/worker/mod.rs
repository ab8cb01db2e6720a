//! Workers, and how they spend their time. # Teardown: none; the daemon ends them.

mod performance;
mod report;
