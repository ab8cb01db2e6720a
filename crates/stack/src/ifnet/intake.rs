//! How often others' messages may make us work. A message that changes what we know costs a lock that all share, and
//! perhaps a new snapshot; anybody on the link can send a million of them. So each kind has a bucket for each interface,
//! which is asked before any lock is taken: what finds it empty costs no more than what is ignored.
//!
//! The buckets are wide: many times what a link has need of. A router that is known has one of its own, which forged
//! routers do not empty.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use siding_netisr::Instant;

const NANOS: u64 = 1_000_000_000;

/// Known routers share so many buckets.
const ROUTERS: usize = 8;

/// What a message wants of us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wants {
    /// A router that we know advertises itself: its place among them.
    Router(usize),
    /// A router that we do not know does.
    NewRouter,
    /// Its advertisement is to be compared with ours.
    Comparison,
    /// A router tells of a better first hop.
    Redirect,
    /// A host asks us for an advertisement.
    Advert,
    /// Somebody asks or tells of multicast groups.
    Groups,
    /// Somebody says in ARP that our address is its own.
    Claim,
}

impl Wants {
    const COUNT: usize = ROUTERS + 6;

    fn place(self) -> usize {
        match self {
            Wants::Router(at) => at % ROUTERS,
            Wants::NewRouter => ROUTERS,
            Wants::Comparison => ROUTERS + 1,
            Wants::Redirect => ROUTERS + 2,
            Wants::Advert => ROUTERS + 3,
            Wants::Groups => ROUTERS + 4,
            Wants::Claim => ROUTERS + 5,
        }
    }

    /// So many at once, and so many a second in the long run.
    fn bounds(self) -> (u64, u64) {
        match self {
            Wants::Router(_) | Wants::NewRouter | Wants::Redirect => (256, 100),
            // A report of what differs is made once a minute.
            Wants::Comparison => (16, 4),
            Wants::Advert | Wants::Groups => (1000, 1000),
            Wants::Claim => (100, 100),
        }
    }
}

/// One interface's buckets; full to begin with. What is written here lies apart from what each packet reads of an
/// interface.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct Intake {
    /// By kind, the moment when its bucket will be full, in nanoseconds. Past: it is.
    full_at: [AtomicU64; Wants::COUNT],
    /// Routers that there was no room for, and that nobody has counted yet.
    routers: AtomicU64,
}

impl Intake {
    /// Whether one more message of its kind is heard.
    pub(crate) fn admits(&self, now: Instant, wants: Wants) -> bool {
        let (burst, rate) = wants.bounds();
        let (now, cost) = (now.as_nanos(), NANOS / rate);
        let taken =
            self.full_at[wants.place()].fetch_update(Ordering::Relaxed, Ordering::Relaxed, |full_at| {
                let full_at = full_at.max(now) + cost;
                (full_at <= now.saturating_add(burst * cost)).then_some(full_at)
            });
        taken.is_ok()
    }

    /// A router found no room.
    pub(crate) fn refuse_router(&self) {
        self.routers.fetch_add(1, Ordering::Relaxed);
    }

    /// How many found none since this was asked last.
    pub(crate) fn take_refused_routers(&self) -> u64 {
        self.routers.swap(0, Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const T0: Instant = Instant::from_nanos(7 * NANOS);

    #[test]
    fn a_burst_then_the_rate_and_nobody_takes_anothers() {
        let intake = Intake::default();
        let taken = |now, wants| (0..10_000).filter(|_| intake.admits(now, wants)).count();
        assert_eq!(taken(T0, Wants::NewRouter), 256);
        assert_eq!(taken(T0, Wants::Router(3)), 256, "forged routers empty no known one's");
        assert_eq!(taken(T0 + Duration::from_secs(1), Wants::NewRouter), 100);
        assert_eq!(taken(T0 + Duration::from_secs(3600), Wants::NewRouter), 256);
        let all = [Wants::Comparison, Wants::Redirect, Wants::Advert, Wants::Groups, Wants::Claim];
        assert!(all.into_iter().all(|wants| intake.admits(T0, wants)));
    }
}
