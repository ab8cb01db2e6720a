//! Interfaces that lie on others: VLANs, laggs and bridges, and their ports. # Teardown: they go with what they lie on.

pub(crate) mod ask;
pub(crate) mod bridge;
pub(crate) mod check;
pub(crate) mod lagg;
pub(crate) mod make;
pub(crate) mod means;
pub(crate) mod port;
pub(crate) mod setting;
pub(crate) mod vlan;
