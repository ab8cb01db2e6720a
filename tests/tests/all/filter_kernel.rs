//! The same rules in the kernel's nftables and in ours, and the same packets: those that come out are the same.
//!
//! Rulesets and packets are made by chance, from a seed. Seeds that agree are to go on agreeing; those that do not yet are
//! listed in `known`, and only shown. `FILTER_SEED` says from which seed on, `FILTER_RULESETS` how many: with 1, a seed
//! that differs is shown in full. How it compares, and what differs by intent, stands in `docs/filter.md`.

mod bytes;
mod chance;
mod compare;
mod known;
mod ours;
mod packets;
mod rules;
mod theirs;
pub(crate) mod wire;
