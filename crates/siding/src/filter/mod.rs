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

mod beyond;
mod judge;
mod matching;
mod read;
mod running;
mod trial;

pub(crate) use judge::hook_of;
pub(crate) use judge::link;
pub(crate) use judge::state_of;
pub(crate) use matching::Match;
pub(crate) use read::FilterConfig;
pub(crate) use read::Texts;
pub(crate) use running::Filter;
pub(crate) use trial::Trial;
pub(crate) use trial::from_hex;
pub(crate) use trial::stacks_state;
pub(crate) use trial::with_asks;
