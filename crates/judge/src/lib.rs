//! The firewall: files of rules in, a judge for the stack out.
//!
//! | | |
//! |---|---|
//! | [`FilterConfig`] | what is to run: the files as they were read, and the bounds of the states |
//! | `beyond` | what the language knows and the stack cannot do: one list, for `check`, `load` and `run` |
//! | `judge` | a compiled ruleset, asked by the workers |
//! | [`Trial`] | what would become of a packet, and why |
//! | [`Match`] | the words of a rule that say which packets, for those who watch some |
//! | [`Filter`] | what runs, and what follows it: prefixes of interfaces, elements whose time is over |
//!
//! # Locks
//!
//! One, outside the stack's order and never taken by a worker: what runs. It is held while a ruleset takes the place of
//! another, so that of two at once the later one stays. # Teardown: none; states name interfaces for display alone.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod beyond;
mod judge;
mod matching;
mod read;
mod running;
mod trial;

pub use judge::Rules;
pub use judge::hook_of;
pub use judge::link;
pub use judge::state_of;
pub use matching::Match;
pub use read::FilterConfig;
pub use read::Texts;
pub use running::Filter;
pub use trial::Trial;
pub use trial::from_hex;
pub use trial::stacks_state;
pub use trial::with_asks;
