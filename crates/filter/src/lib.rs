//! The firewall's language: a subset of nftables, read, compiled and evaluated.
//!
//! No lock, no clock and no I/O: files that a text includes are read by a closure, everything that is not in the
//! packet itself is asked of a [`Host`], and what counts is atomic words that workers share or have to themselves.
//!
//! ```
//! use siding_filter::Hook;
//! use siding_filter::Packet;
//! use siding_filter::Program;
//! use siding_filter::Ruleset;
//! use siding_filter::Setup;
//! use siding_filter::Verdict;
//! # struct Nowhere;
//! # impl siding_filter::Host for Nowhere {
//! #     fn now(&self) -> u64 { 0 }
//! #     fn iif(&self) -> Option<siding_filter::Interface> { None }
//! #     fn oif(&self) -> Option<siding_filter::Interface> { None }
//! # }
//! let text = "table ip fw { chain c { type filter hook forward priority 0; udp dport 53 drop; }; }";
//! let ruleset = Ruleset::load(&[("rules.nft", text)], &mut |path| Err(format!("no file {path}")))?;
//! let program = Program::compile(ruleset, &Setup::default(), None)?;
//!
//! let mut packet = [0; 28];
//! packet[0] = 0x45;
//! packet[3] = 28;
//! packet[9] = 17;
//! packet[23] = 53;
//! let packet = Packet::parse(&packet, None)?;
//! assert!(matches!(program.run(0, Hook::Forward, &packet, &mut Nowhere), Verdict::Drop { .. }));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | | |
//! |---|---|
//! | `lex`, `expand` | text to words; variables and included files |
//! | `json` | libnftables' JSON to the same words |
//! | `parse`, [`model`], `check` | words to a ruleset, and what makes no sense in one |
//! | `print` | a ruleset as text, which loads as the same ruleset |
//! | `compile`, `lookup` | a ruleset to a [`Program`]; sets to tables |
//! | `run`, `fields`, [`Packet`] | a packet through a program |
//! | [`Composed`] | a packet from words |
//! | `cells` | counters, limits, quotas: what outlives a reload |
//! | `change`, `edits`, `follow`, `again` | elements and prefixes changed while packets pass, and a program after another |
//!
//! # What it does not do
//!
//! - **No NAT, no queue, no netdev, bridge or arp family, no changes to headers**: they are refused with their place.
//! - **No connections**: their states come from the [`Host`].
#![forbid(unsafe_code)]

mod again;
mod built_in;
mod cells;
mod change;
mod check;
mod compile;
mod compose;
mod edits;
mod expand;
mod fields;
mod follow;
mod host;
mod if_name;
mod json;
mod lex;
mod load;
mod lookup;
pub mod model;
mod name;
mod names;
mod packet;
mod parse;
mod place;
mod prefixes;
mod print;
mod program;
mod rule_id;
mod rules_alike;
mod run;
pub mod select;
mod set_types;
mod shortcut;
mod timed;
pub mod types;

pub use again::Commands;
pub use built_in::BUILT_IN;
pub use change::SetElement;
pub use change::SetInfo;
pub use change::SetListed;
pub use compile::MOST_TIMEOUTS;
pub use compose::Composed;
pub use compose::words_of;
pub use host::AddrType;
pub use host::CountId;
pub use host::Ct;
pub use host::CtState;
pub use host::Direction;
pub use host::FibQuery;
pub use host::FlowtableId;
pub use host::Host;
pub use host::Interface;
pub use host::LogLine;
pub use host::PktType;
pub use if_name::IfName;
pub use model::Count;
pub use model::Hook;
pub use model::Level;
pub use model::Ruleset;
pub use model::SynProxy;
pub use model::TableFamily;
pub use name::Name;
pub use packet::ChainError;
pub use packet::Family;
pub use packet::Fragment;
pub use packet::Link;
pub use packet::MOST_HEADERS;
pub use packet::Packet;
pub use packet::ParseError;
pub use packet::is_known_upper;
pub use place::Error;
pub use place::Errors;
pub use place::Place;
pub use program::ChainId;
pub use program::ChainInfo;
pub use program::Program;
pub use program::RuleInfo;
pub use program::Setup;
pub use rule_id::RuleId;
pub use run::At;
pub use run::Outcome;
pub use run::Reject;
pub use run::Step;
pub use run::Verdict;
