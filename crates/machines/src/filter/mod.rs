//! What a firewall remembers of each flow: its states.
//!
//! A *state* is the two directions of a flow, found by one key, and how far the flow has come: a handshake, a stream,
//! an end. Rules then ask one thing of a packet, [`CtState`]: is it part of what was let through before?
//!
//! | | |
//! |---|---|
//! | [`Tuple`], [`Key`] | one direction as it stands in a packet; both directions, the same from either side |
//! | [`Packet`], [`Segment`] | what the states need to know of a packet |
//! | [`Phase`] | how far a flow has come; TCP's steps as a table (RFC 9293 s3.3.2) |
//! | [`window`] | which segments are part of a connection (RFC 9293 s3.10.7.4, RFC 7323, RFC 5961) |
//! | [`State`], [`States`] | one flow, in 128 bytes; all of them, with their bounds |
//! | [`record`] | a state as another firewall may read it, and go on with |
//! | [`Timeouts`] | how long each phase may be silent (RFC 6092), and less when the table fills; some flows may have times of their own, by a number |
//! | [`Sought`] | a flow that is looked for ahead of its packet |
//!
//! # Order of a packet
//!
//! [`States::track`] says what a packet is, and moves a flow that is known. A flow that is not known is only *named*
//! ([`Tracked::fresh`]): it has a state when all rules have passed, by [`States::insert`]. So what is dropped costs
//! no memory.
//!
//! # Under attack
//!
//! The table never grows beyond its limit. States that nobody has answered, or that were reset (*half-open*), have a
//! share of it; the oldest of them goes when that is full, or when the table is. From 60 % on all times shrink, so that the table would be
//! empty of idle flows at 120 %. A flow with traffic both ways is never thrown out for a new one.
//!
//! # Expiry
//!
//! There is no timer for each state. A packet finds at once that its state is too old; for the rest a *hand* goes round
//! the table, so many states a turn, every few seconds ([`States::sweep`]). Touching a state is then one store, no
//! links are mended on the way of a packet, and shorter times for a fuller table need no re-arming: what a timer wheel
//! would cost for each packet, or get wrong.

mod counts;
mod key;
mod packet;
mod phase;
pub mod record;
mod segment;
mod sought;
mod state;
mod sweep;
mod table;
mod timeouts;
mod track;
pub mod window;

pub use counts::Sources;
pub use key::Key;
pub use key::Tuple;
pub use key::Way;
pub use packet::Packet;
pub use packet::Upper;
pub use packet::question;
pub use phase::Phase;
pub use phase::Step;
pub use segment::Kind;
pub use segment::Segment;
pub use sought::Sought;
pub use state::State;
pub use table::Full;
pub use table::StateLimits;
pub use table::States;
pub use table::Usage;
pub use timeouts::NUMBERS;
pub use timeouts::POLICIES;
pub use timeouts::Timeouts;
pub use track::CtState;
pub use track::Fresh;
pub use track::Known;
pub use track::Slot;
pub use track::Tracked;
