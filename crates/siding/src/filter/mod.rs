//! The firewall: its rules as a setting, its sets and states, and trials of packets. # Teardown: none; the judge has it.

pub(crate) mod ask;
pub(crate) mod check;
pub(crate) mod set;
pub(crate) mod setting;
pub(crate) mod test;
