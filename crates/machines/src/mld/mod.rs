//! Multicast listener discovery, the listener's side (RFC 3810, and RFC 2710 while a router of version 1 is there).

pub mod listener;

use core::time::Duration;

/// The rules for listeners on new interfaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MldConfig {
    /// Report at all. Without, a snooping switch may keep solicitations from us.
    pub enabled: bool,
    /// How often each change is reported, 2 to 7, while no querier says otherwise.
    pub robustness: u8,
    /// The longest random pause between two reports of one change.
    pub unsolicited_interval: Duration,
    /// Groups that one interface may be told to join, besides those of its addresses.
    pub groups: usize,
}

impl Default for MldConfig {
    //= RFC 3810 s9.1, s9.11 [3810-4]: a robustness of 2; a second at most between two reports of a change.
    fn default() -> MldConfig {
        MldConfig { enabled: true, robustness: 2, unsolicited_interval: Duration::from_secs(1), groups: 1024 }
    }
}
