//! What is learnt from others, how much of it, and how often more was refused.

use core::fmt;

use super::config::HostLimits;

/// What a host learns, each with a limit of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Learnt {
    /// Default routers.
    Routers,
    /// On-link prefixes.
    Prefixes,
    /// More specific routes.
    Routes,
    /// Addresses made from prefixes.
    Addresses,
    /// Redirected destinations: those that had to go for a newer one count as refused.
    Redirects,
}

impl Learnt {
    /// All of them, in order.
    pub const ALL: [Learnt; 5] =
        [Learnt::Routers, Learnt::Prefixes, Learnt::Routes, Learnt::Addresses, Learnt::Redirects];

    /// The name in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Learnt::Routers => "routers",
            Learnt::Prefixes => "prefixes",
            Learnt::Routes => "routes",
            Learnt::Addresses => "addresses",
            Learnt::Redirects => "redirects",
        }
    }
}

impl fmt::Display for Learnt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl HostLimits {
    /// The limit for one of them.
    pub const fn of(&self, what: Learnt) -> usize {
        match what {
            Learnt::Routers => self.routers,
            Learnt::Prefixes => self.prefixes,
            Learnt::Routes => self.routes,
            Learnt::Addresses => self.addresses,
            Learnt::Redirects => self.redirects,
        }
    }
}

/// Refusals, by cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Refusals {
    counts: [u64; Learnt::ALL.len()],
    /// Told already, and no place has become free since.
    told: [bool; Learnt::ALL.len()],
}

impl Refusals {
    /// Counts one. True if it is to be told: the first since there was room.
    pub(super) fn count(&mut self, what: Learnt) -> bool {
        self.counts[what as usize] += 1;
        !core::mem::replace(&mut self.told[what as usize], true)
    }

    /// There is room again.
    pub(super) fn room(&mut self, what: Learnt) {
        self.told[what as usize] = false;
    }

    /// Others have refused so many.
    pub(super) fn add(&mut self, what: Learnt, count: u64) {
        self.counts[what as usize] += count;
    }

    pub(super) fn of(&self, what: Learnt) -> u64 {
        self.counts[what as usize]
    }
}
