//! Bridges: ports (devices, laggs, VLANs) that are one link, with the stack itself as one more station on it
//! (IEEE 802.1D clause 7).
//!
//! A frame goes to the port behind which its destination was last heard; to all other ports when that is not known,
//! and when it is for a group; never back to where it came from. What a station's frames say of its place is kept
//! for [`BridgeSpec::ageing`]. The bridge has an address of its own, and is an interface like any other: addresses
//! and VLANs may lie on it.
//!
//! # Stations
//!
//! Peers choose the addresses that are learnt, so the table (`ports/bridge/table.rs`) has a fixed size from the beginning, a
//! secret decides where an address goes in it, and a newcomer for whom there is no room takes the place of a station
//! that nobody has sent to, or is not learnt: frames to it are flooded, and it is not cut off. A station that somebody
//! talks with is never pushed out, however many addresses are forged.
//!
//! What was learnt names its port by a *number* that the port has for as long as its frames pass: when its link goes,
//! or it leaves, the number goes with it. So one publication of a snapshot forgets everything that was learnt there,
//! and a worker that still looks at the last snapshot can teach the bridge nothing that outlives it.
//!
//! # Locks
//!
//! None on the path of a frame, whether its addresses are known or not: ports stand in the snapshot, stations in
//! atomic words. Changes happen under [`ranks::Control`](crate::ranks::Control). What is to be
//! announced after a change below a bridge is built and dispatched under the lagg's lock (see `announce`).
//!
//! # Teardown
//!
//! A port that departs is out of the bridge with the snapshot that no longer has it. A bridge that departs lets its
//! ports go.
//!
//! # What it does not do
//!
//! Spanning tree: a loop in the wiring is not noticed; one in the configuration is refused. Filtering by VLAN, and
//! snooping of multicast: every group is flooded.

mod announce;
mod change;
mod counted;
mod forward;
mod protocol;
mod report;
mod shown;

pub use crate::ports::bridge::BridgeSpec;
pub use crate::ports::bridge::Port;
pub use crate::ports::bridge::View;
pub(crate) use announce::beyond;
pub(crate) use announce::is_beyond;
pub(crate) use announce::learning_frame;
pub use change::BridgeError;
pub(crate) use forward::ByPort;
pub(crate) use forward::input;
pub(crate) use forward::output;
pub(crate) use protocol::Bridges;
pub use report::BridgePortReport;
pub use report::BridgeReport;
pub use report::StationReport;
