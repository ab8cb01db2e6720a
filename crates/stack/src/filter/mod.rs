//! The firewall's place in the stack: where packets are judged, and who keeps the states of their flows.
//!
//! What rules say is somebody else's: a [`Judge`] is asked, at four [`Hook`]s. **Frames that are bridged are not
//! filtered**: no hook sees what is not routed.
//!
//! # States
//!
//! Each flow's state belongs to one worker, so that no lock and no shared line lies on a packet's way. Which one is not
//! decided by a hash of ours: it is the worker to which the device brings the flow, for nearly all packets of a flow come
//! there, and answers too if the device hashes symmetrically. A worker *claims* the bucket of a flow with one
//! compare-and-swap when the first packet of it comes (`owners`), and gives it back when the bucket is empty. A packet
//! that comes to another worker is carried to the owner by the facility, as a type of its own with a share for each
//! interface: answers where the device's hash differs, errors by what they quote, later fragments.
//!
//! Had a hash of ours said who owns a flow, then of two workers' packets every other one would be carried.
//!
//! # Order of hooks
//!
//! As in Linux: *prerouting* before anybody knows whether a packet is for us, *input* or *forward* then, *output* for our
//! own. States are looked up in the midst of prerouting and output, between the rules of a priority below -200 and the
//! others. A flow has its state when the last hook has let its first packet pass.
//!
//! Neighbour discovery and MLD that we send pass no hook: they are not routed.
//!
//! # Locks
//!
//! None on a packet's way. Rules are a snapshot; a table of states is made by control and handed to its worker with the
//! snapshot; questions about states lie in a leaf-locked mailbox that a worker looks into when an atomic says so.
//! # Teardown: states name interfaces by numbers that a worker gives to their identities, and refer to nothing; the number of one that has
//! departed is nobody's (`came_by`). A packet that is carried names the interfaces that it concerns, and goes with them.

mod ahead;
mod alone;
pub(crate) mod ask;
mod asks;
mod came_by;
pub(crate) mod carried;
mod causes;
mod counted;
mod counts;
mod flow;
mod fragments;
mod judge;
mod keeper;
mod owners;
mod passing;
mod policies;
pub(crate) mod read;
mod report;
mod round;
mod rules;

pub use ask::StateQuery;
pub use ask::StatesAsked;
pub use asks::AddrKind;
pub use asks::Asks;
pub use asks::Connection;
pub(crate) use asks::Counting;
pub use asks::FrameEnds;
pub(crate) use asks::NOBODYS;
pub(crate) use asks::Rehearsed;
pub(crate) use came_by::CameBy;
pub(crate) use carried::Carried;
pub(crate) use causes::CAUSES;
pub(crate) use counted::Counted;
pub use flow::Flow;
pub(crate) use fragments::Early;
pub use judge::Hook;
pub use judge::Judge;
pub use judge::Part;
pub use judge::Policy;
pub use judge::Reject;
pub use judge::Verdict;
pub(crate) use keeper::Keeper;
pub(crate) use keeper::Look;
pub(crate) use passing::Between;
pub(crate) use passing::Brief;
pub(crate) use passing::Passing;
pub use read::MOST_HEADERS;
pub(crate) use report::Gauge;
pub use report::StateReport;
pub use rules::FilterSetup;
pub(crate) use rules::Shared;
pub use siding_machines::bucket::LinkCast;
pub use siding_machines::filter::CtState;
pub use siding_machines::filter::POLICIES;
pub use siding_machines::filter::StateLimits;
pub use siding_machines::filter::Timeouts;
pub use siding_machines::filter::Usage as StateUsage;
pub use siding_machines::filter::Way;
