//! What paths take: learnt from Packet Too Big, forgotten after a while (RFC 8201). Pure.

use std::collections::BTreeMap;
use std::net::Ipv6Addr;
use std::time::Duration;

use siding_netisr::IfId;
use siding_netisr::Instant;
use siding_wire::ip6::MIN_MTU;

/// How long an estimate holds. Then the path is taken to be as good as its first link, which probes for an increase.
//= RFC 8201 s4, s5.3 [8201-1]: not before 5 minutes have passed; 10 are recommended.
pub const AGE: Duration = Duration::from_secs(600);

/// A path, as far as we know paths: by its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path {
    /// The destination.
    pub destination: Ipv6Addr,
    /// The link of a destination that has no meaning without; [`IfId::NONE`] for others.
    pub zone: IfId,
}

/// A path's MTU, for tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PathMtuReport {
    /// The path.
    pub path: Path,
    /// The largest packet that is sent there, in bytes.
    pub mtu: u16,
    /// How long this holds.
    pub left: Duration,
}

/// What a Packet Too Big has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// The estimate is lower now.
    Lowered {
        /// What it was, in bytes.
        from: u16,
        /// What it is.
        to: u16,
    },
    /// It says no less than what we send anyway.
    NotLower,
    /// It says less than any IPv6 link takes.
    TooSmall,
}

/// Estimates of paths that take less than their first link. Bounded.
#[derive(Debug, Clone)]
pub struct PathMtus {
    limit: usize,
    paths: BTreeMap<Path, Estimate>,
}

#[derive(Debug, Clone, Copy)]
struct Estimate {
    mtu: u16,
    until: Instant,
}

impl PathMtus {
    /// Nothing is known. There will be no more than `limit` estimates; 0 is taken as 1.
    pub fn new(limit: usize) -> PathMtus {
        PathMtus { limit: limit.max(1), paths: BTreeMap::new() }
    }

    /// Takes up that a router on the path has a next link of `reported` bytes. Our own link takes `link` bytes. True
    /// in the second place if an estimate that had not grown old made room.
    //= RFC 8201 s4 [8201-1]: an estimate is lowered, never raised by a message, and never below the least MTU.
    pub fn hear(&mut self, now: Instant, path: Path, reported: u32, link: u16) -> (Heard, bool) {
        if let Some(nothing) = self.nothing_new(now, &path, reported, link) {
            return (nothing, false);
        }
        let from = self.mtu(now, &path).unwrap_or(link).min(link);
        let mut evicted = false;
        if self.paths.len() >= self.limit && !self.paths.contains_key(&path) {
            let before = self.paths.len();
            self.paths.retain(|_, estimate| estimate.until > now);
            if self.paths.len() == before {
                let oldest = self.paths.iter().min_by_key(|(_, estimate)| estimate.until);
                let oldest = oldest.map(|(path, _)| *path);
                evicted = oldest.and_then(|path| self.paths.remove(&path)).is_some();
            }
        }
        // Below `from`, so it fits.
        let mtu = reported as u16;
        self.paths.insert(path, Estimate { mtu, until: now + AGE });
        (Heard::Lowered { from, to: mtu }, evicted)
    }

    /// What comes of the same word if nothing changes by it.
    pub fn nothing_new(&self, now: Instant, path: &Path, reported: u32, link: u16) -> Option<Heard> {
        if (reported as usize) < MIN_MTU {
            return Some(Heard::TooSmall);
        }
        let from = self.mtu(now, path).unwrap_or(link).min(link);
        (reported >= u32::from(from)).then_some(Heard::NotLower)
    }

    /// Forgets paths.
    pub fn retain(&mut self, mut keep: impl FnMut(&Path) -> bool) {
        self.paths.retain(|path, _| keep(path));
    }

    /// What the path takes, if that is less than its first link may.
    pub fn mtu(&self, now: Instant, path: &Path) -> Option<u16> {
        self.paths.get(path).filter(|estimate| estimate.until > now).map(|estimate| estimate.mtu)
    }

    /// All estimates that hold.
    pub fn report(&self, now: Instant) -> Vec<PathMtuReport> {
        let holds = self.paths.iter().filter(|(_, estimate)| estimate.until > now);
        holds
            .map(|(path, estimate)| PathMtuReport {
                path: *path,
                mtu: estimate.mtu,
                left: estimate.until.since(now),
            })
            .collect()
    }

    /// How many estimates there are, old ones included.
    pub fn len(&self) -> usize {
        self.paths.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.paths.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T0: Instant = Instant::from_nanos(1_000_000_000);

    fn path(host: u16) -> Path {
        Path { destination: Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, host), zone: IfId::NONE }
    }

    #[test]
    fn an_estimate_only_falls_and_not_below_1280_8201_1() {
        let mut paths = PathMtus::new(8);
        let mut hear = |mtu| paths.hear(T0, path(1), mtu, 1500).0;
        assert_eq!(hear(1500), Heard::NotLower);
        assert_eq!(hear(9000), Heard::NotLower);
        assert_eq!(hear(1400), Heard::Lowered { from: 1500, to: 1400 });
        assert_eq!(hear(1400), Heard::NotLower);
        assert_eq!(hear(1450), Heard::NotLower);
        assert_eq!(hear(1279), Heard::TooSmall);
        assert_eq!(hear(0), Heard::TooSmall);
        assert_eq!(hear(1280), Heard::Lowered { from: 1400, to: 1280 });
        assert_eq!(hear(u32::MAX), Heard::NotLower);
        assert_eq!((paths.mtu(T0, &path(1)), paths.mtu(T0, &path(2))), (Some(1280), None));
    }

    #[test]
    fn an_increase_is_probed_after_ten_minutes_8201_1() {
        let mut paths = PathMtus::new(8);
        paths.hear(T0, path(1), 1400, 1500);
        let before = T0 + (AGE - Duration::from_nanos(1));
        // A message that lowers nothing does not prolong it.
        paths.hear(T0 + Duration::from_secs(300), path(1), 1400, 1500);
        assert_eq!((paths.mtu(before, &path(1)), paths.mtu(T0 + AGE, &path(1))), (Some(1400), None));
        assert_eq!(paths.report(before)[0].left, Duration::from_nanos(1));
        assert_eq!(paths.report(T0 + AGE), []);
        // The probe fails: from the link's MTU down again, which starts the time anew.
        let (heard, _) = paths.hear(T0 + AGE, path(1), 1450, 1500);
        assert_eq!(heard, Heard::Lowered { from: 1500, to: 1450 });
        assert_eq!(paths.mtu(T0 + AGE + Duration::from_secs(599), &path(1)), Some(1450));
    }

    #[test]
    fn the_number_of_paths_is_bounded_8201_1() {
        let mut paths = PathMtus::new(3);
        let at = |n: u16| T0 + Duration::from_secs(n.into());
        for n in 0..3 {
            assert!(!paths.hear(at(n), path(n), 1400, 1500).1);
        }
        // The oldest makes room, and what is known already needs none.
        assert!(!paths.hear(at(3), path(1), 1300, 1500).1);
        assert!(paths.hear(at(4), path(9), 1300, 1500).1);
        let known = |paths: &PathMtus, now| {
            paths.report(now).iter().map(|report| report.path.destination.segments()[7]).collect::<Vec<_>>()
        };
        assert_eq!(known(&paths, at(4)), [1, 2, 9]);
        // Those that have grown old go first.
        let later = at(2) + AGE;
        assert!(!paths.hear(later, path(5), 1300, 1500).1);
        assert_eq!(known(&paths, later), [1, 5, 9]);
        assert_eq!(paths.len(), 3);
    }
}
