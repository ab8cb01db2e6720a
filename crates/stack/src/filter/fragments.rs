//! Later fragments follow their first.
//!
//! The first fragment has all headers (RFC 7112) and is judged like a packet. What became of it is remembered for those
//! that come after it, which have nothing to judge. Those that come before it wait for it, few and not for long. One that
//! would overwrite what was judged is dropped (RFC 5722, RFC 1858); overlaps behind that are the receiver's to find, who
//! must drop the whole packet.

use std::collections::VecDeque;
use std::hash::Hash;
use std::hash::Hasher;
use std::time::Duration;

use siding_machines::filter::Key;
use siding_mbuf::Mbuf;
use siding_netisr::IfId;
use siding_netisr::Instant;
use siding_netisr::sync::atomic::AtomicU64;
use siding_netisr::sync::atomic::Ordering;
use siding_wire::ip6;
use siphasher::sip::SipHasher13;

use super::carried::Carried;
use super::read::Piece;
use super::read::Read;

/// First fragments that each worker remembers; of two with the same place the later stays.
const PLACES: usize = 1024;

/// How long (RFC 8200 s4.5).
const TIME: Duration = Duration::from_secs(60);

/// Bits of a worker in a trail.
const WORKER: u64 = 0xffff;

/// Fragments that may wait for their first.
const MOST_EARLY: usize = 64;

/// How long they do.
const PATIENCE: Duration = Duration::from_secs(2);

/// What a worker remembers.
#[derive(Debug)]
pub(crate) struct Fragments {
    passed: Vec<Passed>,
    /// With the moment when they go; the oldest first.
    early: VecDeque<(Instant, Early)>,
}

/// A fragment that waits for its first.
#[derive(Debug)]
pub(crate) struct Early {
    pub(crate) name: u64,
    pub(crate) meta: Carried,
    pub(crate) packet: Mbuf,
}

/// A first fragment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct First {
    pub(crate) name: u64,
    /// Behind what is judged of its packet.
    pub(crate) end: usize,
    /// How long the headers are that each piece has for itself.
    pub(crate) head: usize,
}

/// Who let a first fragment pass.
#[derive(Debug, Clone, Copy)]
pub(crate) struct By {
    /// The rules, by their number.
    pub(crate) rules: u64,
    /// Its flow, if it takes part in one.
    pub(crate) flow: Option<Key>,
}

#[derive(Debug, Clone, Copy)]
struct Passed {
    first: First,
    until: Instant,
    by: By,
}

/// Where first fragments went, for workers to which later ones come: the workers that judged them.
#[derive(Debug)]
pub(crate) struct Trails(Box<[AtomicU64]>);

/// What to do with a later fragment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Follow {
    Pass,
    /// If its flow may go on: other rules let the first pass.
    PassWith(Option<Key>),
    Unknown,
    Overlap,
}

/// A number for the packet that a fragment is of, which peers cannot choose. Extension headers that stand before the fragment header are
/// the same in all pieces: rules see those of the first, and a routing header works before anybody puts pieces together.
pub(crate) fn name(secret: u64, read: &Read, piece: &Piece, bytes: &[u8]) -> u64 {
    let mut hasher = SipHasher13::new_with_keys(secret, 0x6672_6167);
    let proto = if read.src.is_ipv4() { read.proto.0 } else { 0 };
    (read.src, read.dst, piece.ident, proto).hash(&mut hasher);
    if read.src.is_ipv6() {
        bytes.get(ip6::HEADER_LEN..piece.head).unwrap_or_default().hash(&mut hasher);
    }
    hasher.finish().max(1)
}

impl Fragments {
    pub(crate) fn new() -> Fragments {
        Fragments { passed: Vec::new(), early: VecDeque::new() }
    }

    /// A first fragment has passed.
    pub(crate) fn pass(&mut self, now: Instant, first: First, by: By) {
        if self.passed.is_empty() {
            let first = First { name: 0, end: 0, head: 0 };
            let by = By { rules: 0, flow: None };
            self.passed.resize(PLACES, Passed { first, until: Instant::ZERO, by });
        }
        let passed = &mut self.passed[first.name as usize % PLACES];
        let again = passed.first.name == first.name && passed.until > now;
        let end = if again { first.end.max(passed.first.end) } else { first.end };
        *passed = Passed { first: First { end, ..first }, until: now + TIME, by };
    }

    /// A later one, under the rules of a number. One of IPv4 may have fewer options than its first, which not all are copied, but no more.
    pub(crate) fn follow(&self, (now, rules): (Instant, u64), name: u64, piece: &Piece) -> Follow {
        match self.passed.get(name as usize % PLACES) {
            Some(Passed { first, until, by })
                if first.name == name && *until > now && piece.head <= first.head =>
            {
                match usize::from(piece.offset) < first.end {
                    true => Follow::Overlap,
                    false if by.rules == rules => Follow::Pass,
                    false => Follow::PassWith(by.flow),
                }
            }
            _ => Follow::Unknown,
        }
    }

    /// The rules of a number would have let this first pass, too; or not, and then nobody asks again for those that come yet.
    pub(crate) fn judged(&mut self, name: u64, rules: u64, passes: bool) {
        let passed = self.passed.get_mut(name as usize % PLACES).filter(|passed| passed.first.name == name);
        match passed {
            Some(passed) if passes => passed.by.rules = rules,
            Some(passed) => passed.by.flow = None,
            None => {}
        }
    }

    /// Keeps a later one that has come before. Gives the one that it pushes out.
    pub(crate) fn hold(&mut self, now: Instant, early: Early) -> Option<Mbuf> {
        let full = self.early.len() >= MOST_EARLY;
        let pushed_out = if full { self.early.pop_front() } else { None };
        self.early.push_back((now + PATIENCE, early));
        pushed_out.map(|(_, early)| early.packet)
    }

    /// One of those that wait for this first.
    pub(crate) fn early(&mut self, name: u64) -> Option<Early> {
        let at = self.early.iter().position(|(_, early)| early.name == name)?;
        self.early.remove(at).map(|(_, early)| early)
    }

    /// One that has waited for too long.
    pub(crate) fn expired(&mut self, now: Instant) -> Option<Mbuf> {
        if self.deadline() > now {
            return None;
        }
        self.early.pop_front().map(|(_, early)| early.packet)
    }

    /// When the next one has; [`Instant::NEVER`] for never.
    pub(crate) fn deadline(&self) -> Instant {
        self.early.front().map_or(Instant::NEVER, |(until, _)| *until)
    }

    /// Those that came in by interfaces that depart.
    pub(crate) fn depart(&mut self, stays: &dyn Fn(IfId) -> bool) -> Vec<Mbuf> {
        let all = std::mem::take(&mut self.early);
        let (stay, go): (VecDeque<_>, VecDeque<_>) =
            all.into_iter().partition(|(_, early)| stays(early.meta.on()));
        self.early = stay;
        go.into_iter().map(|(_, early)| early.packet).collect()
    }
}

impl Trails {
    pub(crate) fn new() -> Trails {
        Trails((0..4 * PLACES).map(|_| AtomicU64::new(0)).collect())
    }

    /// Who judges a first fragment.
    pub(crate) fn lay(&self, name: u64, worker: usize) {
        // One more than the worker: a word of 0 is of nobody.
        let word = name & !WORKER | (worker as u64 + 1) & WORKER;
        self.0[name as usize % self.0.len()].store(word, Ordering::Relaxed);
    }

    /// The same, for a later one.
    pub(crate) fn find(&self, name: u64) -> Option<usize> {
        let word = self.0[name as usize % self.0.len()].load(Ordering::Relaxed);
        let worker = (word & WORKER) as usize;
        if word & !WORKER == name & !WORKER { worker.checked_sub(1) } else { None }
    }
}

#[cfg(all(test, not(any(siding_loom, siding_shuttle))))]
mod tests {
    use siding_machines::filter::Tuple;
    use siding_wire::IpProto;

    use super::*;

    #[test]
    fn later_fragments_follow_their_first_and_do_not_overwrite_it() {
        let at = |secs| Instant::ZERO + Duration::from_secs(secs);
        let under = |secs| (at(secs), 3);
        let mut fragments = Fragments::new();
        let piece = |offset, head| Piece { offset, ident: 5, len: 8, head };
        assert_eq!(fragments.follow(under(1), 77, &piece(8, 24)), Follow::Unknown);
        fragments.pass(at(1), First { name: 77, end: 1232, head: 24 }, By { rules: 3, flow: None });
        assert_eq!(fragments.follow(under(1), 77, &piece(1232, 24)), Follow::Pass);
        assert_eq!(fragments.follow(under(1), 77, &piece(1232, 20)), Follow::Pass);
        assert_eq!(
            fragments.follow(under(1), 77, &piece(1232, 28)),
            Follow::Unknown,
            "more options than rules saw"
        );
        assert_eq!(fragments.follow(under(1), 77, &piece(1224, 24)), Follow::Overlap);
        let other = 77 + PLACES as u64;
        assert_eq!(fragments.follow(under(1), other, &piece(1232, 24)), Follow::Unknown, "of the same place");
        assert_eq!(fragments.follow(under(60), 77, &piece(1232, 24)), Follow::Pass);
        assert_eq!(fragments.follow(under(61), 77, &piece(1232, 24)), Follow::Unknown);
    }

    #[test]
    fn a_first_of_other_rules_is_judged_once_for_all_that_follow() {
        let (now, later) = (Instant::ZERO, Piece { offset: 1232, ident: 5, len: 8, head: 24 });
        let ends = [std::net::Ipv6Addr::LOCALHOST; 2];
        let flow =
            Tuple { src: ends[0], dst: ends[1], proto: IpProto::UDP, src_port: 1, dst_port: 2 }.key().0;
        for passes in [true, false] {
            let mut fragments = Fragments::new();
            fragments.pass(now, First { name: 77, end: 1232, head: 24 }, By { rules: 3, flow: Some(flow) });
            assert_eq!(fragments.follow((now, 4), 77, &later), Follow::PassWith(Some(flow)));
            fragments.judged(77, 4, passes);
            let then = if passes { Follow::Pass } else { Follow::PassWith(None) };
            assert_eq!(fragments.follow((now, 4), 77, &later), then);
        }
    }

    #[test]
    fn a_trail_leads_to_the_worker() {
        let trails = Trails::new();
        let name = 0x1234_5678_9abc_def0;
        assert_eq!(trails.find(name), None);
        assert_eq!(trails.find(1), None, "a word that nobody has written");
        for worker in [0, 7, 65_534] {
            trails.lay(name, worker);
            assert_eq!(trails.find(name), Some(worker));
            assert_eq!(trails.find(name ^ 1 << 50), None);
        }
    }
}
