//! Which station was last heard where: a table of fixed size, of atomic words.
//!
//! An address has two buckets of [`WAYS`] places, which a keyed hash chooses; there are twice as many places as
//! stations may be remembered, so that both buckets are full only when the limit is reached, or nearly.
//! ("Balanced allocations", Azar, Broder, Karlin and Upfal, 1994.)
//!
//! # Locks
//!
//! None. One word holds a station's address and its port's number, so that nobody sees one without the other. When it
//! was heard stands beside it: whoever meets the word of a newcomer with the time of the station that had the place
//! before takes it for older or younger than it is, for a moment.

use std::hash::Hasher;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::time::Duration;

use siding_netisr::Instant;
use siding_wire::Mac;
use siphasher::sip::SipHasher13;

/// Places in a bucket.
const WAYS: usize = 8;

/// The stations of one bridge.
pub(crate) struct Stations {
    places: Box<[Place]>,
    secret: (u64, u64),
    limit: usize,
    ageing: AtomicU64,
    /// Places that are taken, by whomever.
    taken: AtomicUsize,
    /// The bucket that is next to be looked through for stations that have aged.
    hand: AtomicUsize,
}

#[derive(Default)]
struct Place {
    /// The address in the upper 48 bits, the port's number in the lower 16. Zero, which is no station's, for none.
    word: AtomicU64,
    /// When a frame of it came, in nanoseconds.
    heard: AtomicU64,
    /// Whether somebody has sent it a frame.
    wanted: AtomicBool,
}

/// What became of an address that was heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Learnt {
    /// It was there already.
    Known,
    /// It is there now.
    New,
    /// It was behind another port until now.
    Moved,
    /// There is no room for it.
    Refused,
}

/// A station, as the table has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Station {
    pub(crate) mac: Mac,
    /// Its port's number.
    pub(crate) port: u16,
    /// Time since its last frame.
    pub(crate) age: Duration,
    /// Whether somebody has sent it a frame.
    pub(crate) wanted: bool,
}

impl Stations {
    /// Room for `limit` stations, of which each is remembered for `ageing`.
    pub(crate) fn new(limit: usize, ageing: Duration, secret: (u64, u64)) -> Stations {
        let buckets = (2 * limit).div_ceil(WAYS).next_power_of_two();
        Stations {
            places: (0..buckets * WAYS).map(|_| Place::default()).collect(),
            secret,
            limit,
            ageing: AtomicU64::new(nanos(ageing)),
            taken: AtomicUsize::new(0),
            hand: AtomicUsize::new(0),
        }
    }

    /// Each is remembered for so long from now on, those that are known already, too.
    pub(crate) fn set_ageing(&self, ageing: Duration) {
        self.ageing.store(nanos(ageing), Ordering::Relaxed);
    }

    fn ageing(&self) -> u64 {
        self.ageing.load(Ordering::Relaxed)
    }

    /// A frame of `mac` came in by the port with this number. `stands` says which numbers are in use.
    pub(crate) fn learn(&self, mac: Mac, port: u16, now: Instant, stands: impl Fn(u16) -> bool) -> Learnt {
        let word = word(mac, port);
        let Some((place, before)) = self.place_of(mac) else { return self.admit(word, now, &stands) };
        let fresh = self.is_fresh(place, now) && stands(port_of(before));
        if before == word {
            if !fresh {
                place.wanted.store(false, Ordering::Relaxed);
            }
            // Workers share the line: it is written once in a while, not for each frame.
            let heard = place.heard.load(Ordering::Relaxed);
            if now.as_nanos().saturating_sub(heard) > self.ageing() / 256 {
                place.heard.store(now.as_nanos(), Ordering::Relaxed);
            }
            return if fresh { Learnt::Known } else { Learnt::New };
        }
        if place.word.compare_exchange(before, word, Ordering::SeqCst, Ordering::Relaxed).is_err() {
            return Learnt::Known; // Another worker hears it too, and has the last word.
        }
        place.heard.store(now.as_nanos(), Ordering::Relaxed);
        if fresh { Learnt::Moved } else { Learnt::New }
    }

    /// The number of the port that `mac` was heard behind, for a frame that goes there.
    pub(crate) fn find(&self, mac: Mac, now: Instant) -> Option<u16> {
        let (place, word) = self.place_of(mac)?;
        if !self.is_fresh(place, now) {
            return None;
        }
        if !place.wanted.load(Ordering::Relaxed) {
            place.wanted.store(true, Ordering::Relaxed);
        }
        Some(port_of(word))
    }

    /// The same for somebody who only looks.
    pub(crate) fn look(&self, mac: Mac, now: Instant) -> Option<u16> {
        let (place, word) = self.place_of(mac)?;
        self.is_fresh(place, now).then(|| port_of(word))
    }

    /// Forgets the stations behind ports whose numbers `which` names. Gives how many.
    pub(crate) fn forget(&self, which: impl Fn(u16) -> bool) -> usize {
        let taken = self.places.iter().map(|place| (place, place.word.load(Ordering::Relaxed)));
        taken.filter(|(place, word)| *word != 0 && which(port_of(*word)) && self.vacate(place, *word)).count()
    }

    /// Every station that is remembered, in no order.
    pub(crate) fn all(&self, now: Instant) -> impl Iterator<Item = Station> + '_ {
        self.places.iter().filter_map(move |place| {
            let word = place.word.load(Ordering::Relaxed);
            (word != 0 && self.is_fresh(place, now)).then(|| Station {
                mac: mac_of(word),
                port: port_of(word),
                age: Duration::from_nanos(now.as_nanos().saturating_sub(place.heard.load(Ordering::Relaxed))),
                wanted: place.wanted.load(Ordering::Relaxed),
            })
        })
    }

    /// Finds a place for an address that has none.
    fn admit(&self, word: u64, now: Instant, stands: &impl Fn(u16) -> bool) -> Learnt {
        if self.ageing() == 0 {
            return Learnt::Refused;
        }
        let buckets = self.buckets(mac_of(word));
        let places = || buckets.into_iter().flatten();
        let is_stale = |place: &Place, word: u64| !self.is_fresh(place, now) || !stands(port_of(word));
        let mut stale = None;
        let mut idle: Option<(&Place, u64, u64)> = None;
        for place in places() {
            let there = place.word.load(Ordering::Relaxed);
            let heard = place.heard.load(Ordering::Relaxed);
            if there == 0 {
                continue;
            } else if is_stale(place, there) {
                stale = Some((place, there));
            } else if !place.wanted.load(Ordering::Relaxed)
                && idle.is_none_or(|(_, _, oldest)| heard < oldest)
            {
                idle = Some((place, there, heard));
            }
        }
        // Of the two buckets, the one with more room.
        let free = |bucket: &&[Place]| bucket.iter().filter(|place| place.is_free()).count();
        let roomier = buckets.iter().max_by_key(|bucket| free(bucket));
        let empty = roomier.and_then(|bucket| bucket.iter().find(|place| place.is_free()));
        let instead = stale.or(idle.map(|(place, there, _)| (place, there)));
        let taken = match (stale, empty) {
            (None, Some(place)) if self.take_room() => {
                let took = place.put(0, word, now);
                if !took {
                    self.taken.fetch_sub(1, Ordering::Relaxed);
                }
                took
            }
            _ => instead.is_some_and(|(place, there)| place.put(there, word, now)),
        };
        if !taken {
            self.look_for_aged(&is_stale);
            return Learnt::Refused;
        }
        // Two workers may hear a newcomer at once and give it two places. Each then leaves it the first alone, and
        // whoever was later has seen both.
        let same = |place: &&Place| mac_of(place.word.load(Ordering::SeqCst)) == mac_of(word);
        for other in places().filter(same).skip(1) {
            let there = other.word.load(Ordering::SeqCst);
            if mac_of(there) == mac_of(word) {
                self.vacate(other, there);
            }
        }
        Learnt::New
    }

    /// Room was wanted and not found: gives back what has aged in one more bucket, so that every bucket has its turn.
    fn look_for_aged(&self, is_stale: &impl Fn(&Place, u64) -> bool) {
        let buckets = self.places.len() / WAYS;
        let at = self.hand.fetch_add(1, Ordering::Relaxed) % buckets;
        for place in &self.places[at * WAYS..][..WAYS] {
            let word = place.word.load(Ordering::Relaxed);
            if word != 0 && is_stale(place, word) {
                self.vacate(place, word);
            }
        }
    }

    /// One more place is taken, if the limit allows.
    fn take_room(&self) -> bool {
        let more = |taken| (taken < self.limit).then_some(taken + 1);
        self.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok()
    }

    fn vacate(&self, place: &Place, word: u64) -> bool {
        let gone = place.word.compare_exchange(word, 0, Ordering::SeqCst, Ordering::Relaxed).is_ok();
        if gone {
            self.taken.fetch_sub(1, Ordering::Relaxed);
        }
        gone
    }

    #[inline]
    fn place_of(&self, mac: Mac) -> Option<(&Place, u64)> {
        let places = self.buckets(mac).into_iter().flatten();
        let mut words = places.map(|place| (place, place.word.load(Ordering::Relaxed)));
        words.find(|(_, word)| *word != 0 && mac_of(*word) == mac)
    }

    #[inline]
    fn buckets(&self, mac: Mac) -> [&[Place]; 2] {
        let mut hasher = SipHasher13::new_with_keys(self.secret.0, self.secret.1);
        hasher.write(&mac.0);
        let hash = hasher.finish();
        // The number of buckets is a power of two.
        let mask = self.places.len() / WAYS - 1;
        let (first, second) = (hash as usize & mask, (hash >> 32) as usize & mask);
        let bucket = |at: usize| &self.places[at * WAYS..][..WAYS];
        [bucket(first), if first == second { &[] } else { bucket(second) }]
    }

    #[inline]
    fn is_fresh(&self, place: &Place, now: Instant) -> bool {
        now.as_nanos().saturating_sub(place.heard.load(Ordering::Relaxed)) < self.ageing()
    }
}

impl Place {
    fn is_free(&self) -> bool {
        self.word.load(Ordering::Relaxed) == 0
    }

    /// Gives the place to another, if it still is as it was.
    fn put(&self, before: u64, word: u64, now: Instant) -> bool {
        let put = self.word.compare_exchange(before, word, Ordering::SeqCst, Ordering::Relaxed).is_ok();
        if put {
            self.heard.store(now.as_nanos(), Ordering::Relaxed);
            self.wanted.store(false, Ordering::Relaxed);
        }
        put
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

fn word(mac: Mac, port: u16) -> u64 {
    let [a, b, c, d, e, f] = mac.0;
    let [g, h] = port.to_be_bytes();
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}

fn mac_of(word: u64) -> Mac {
    let [a, b, c, d, e, f, ..] = word.to_be_bytes();
    Mac([a, b, c, d, e, f])
}

fn port_of(word: u64) -> u16 {
    word as u16
}

#[cfg(all(test, not(any(siding_loom, siding_shuttle))))]
mod tests {
    use super::*;

    const AGEING: Duration = Duration::from_secs(300);
    const ALL: fn(u16) -> bool = |_| true;

    fn table(limit: usize) -> Stations {
        Stations::new(limit, AGEING, (1, 2))
    }

    fn at(secs: u64) -> Instant {
        Instant::from_nanos(1) + Duration::from_secs(secs)
    }

    fn mac(number: u32) -> Mac {
        let [a, b, c, d] = number.to_be_bytes();
        Mac([2, 0xaa, a, b, c, d])
    }

    #[test]
    fn a_station_is_remembered_until_it_has_been_silent_for_the_ageing_time() {
        let table = table(16);
        assert_eq!(table.find(mac(1), at(0)), None);
        assert_eq!(table.learn(mac(1), 7, at(0), ALL), Learnt::New);
        assert_eq!(table.learn(mac(1), 7, at(200), ALL), Learnt::Known);
        assert_eq!(table.find(mac(1), at(499)), Some(7));
        assert_eq!(table.find(mac(1), at(500)), None);
        assert_eq!(table.all(at(500)).count(), 0);
        assert_eq!(table.learn(mac(1), 8, at(501), ALL), Learnt::New, "it did not move: it was forgotten");
        assert_eq!(table.learn(mac(1), 9, at(502), ALL), Learnt::Moved);
        assert_eq!(table.find(mac(1), at(502)), Some(9));
    }

    #[test]
    fn the_limit_is_exact_and_whoever_is_talked_with_stays() {
        let table = table(64);
        for number in 0..64 {
            assert_eq!(table.learn(mac(number), 1, at(0), ALL), Learnt::New);
            assert_eq!(table.find(mac(number), at(0)), Some(1));
        }
        for number in 64..10_000 {
            assert_eq!(table.learn(mac(number), 2, at(1), ALL), Learnt::Refused);
        }
        assert_eq!(table.all(at(1)).count(), 64);
        assert!((0..64).all(|number| table.find(mac(number), at(1)) == Some(1)));
    }

    #[test]
    fn a_newcomer_takes_the_place_of_a_station_that_nobody_has_sent_to() {
        let table = table(64);
        (0..10_000).for_each(|number| _ = table.learn(mac(number), 1, at(0), ALL));
        assert_eq!(table.all(at(1)).count(), 64);
        let newcomers: Vec<Mac> = (20_000..20_016).map(mac).collect();
        for mac in &newcomers {
            assert_eq!(table.learn(*mac, 2, at(2), ALL), Learnt::New);
            assert_eq!(table.find(*mac, at(2)), Some(2));
        }
        (30_000..40_000).for_each(|number| _ = table.learn(mac(number), 1, at(3), ALL));
        assert!(newcomers.iter().all(|mac| table.find(*mac, at(3)) == Some(2)));
        assert_eq!(table.all(at(3)).count(), 64);
    }

    #[test]
    fn room_comes_back_from_stations_that_have_aged_wherever_they_stand() {
        let table = table(256);
        for number in 0..256 {
            table.learn(mac(number), 1, at(0), ALL);
            table.find(mac(number), at(0));
        }
        let learnt = |number| {
            table.learn(mac(number), 1, at(300), ALL);
            table.find(mac(number), at(300)).is_some()
        };
        // A newcomer that is refused has one more bucket looked through: it is in by its next frames.
        assert!((1000..1256).all(|number| (0..64).any(|_| learnt(number))));
        assert_eq!(table.all(at(300)).count(), 256);
    }

    #[test]
    fn what_was_learnt_under_a_number_that_has_gone_makes_room_and_is_no_move() {
        let table = table(4);
        (0..4).for_each(|number| {
            table.learn(mac(number), 1, at(0), ALL);
            table.find(mac(number), at(0));
        });
        let stands = |number| number == 2;
        assert_eq!(table.learn(mac(0), 2, at(1), stands), Learnt::New);
        assert_eq!(table.learn(mac(9), 2, at(1), stands), Learnt::New);
        assert_eq!(table.all(at(1)).filter(|station| station.port == 2).count(), 2);
    }

    #[test]
    fn a_flush_forgets_and_gives_the_room_back() {
        let table = table(4);
        (0..4).for_each(|number| _ = table.learn(mac(number), number as u16 % 2, at(0), ALL));
        assert_eq!(table.forget(|port| port == 1), 2);
        assert_eq!(table.find(mac(1), at(0)), None);
        assert_eq!(table.find(mac(0), at(0)), Some(0));
        assert_eq!(table.forget(ALL), 2);
        assert_eq!(table.taken.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn with_an_ageing_time_of_zero_nothing_is_learnt() {
        let table = Stations::new(4, Duration::ZERO, (1, 2));
        assert_eq!(table.learn(mac(1), 1, at(0), ALL), Learnt::Refused);
        assert_eq!(table.find(mac(1), at(0)), None);
    }

    #[test]
    fn workers_that_learn_at_once_keep_to_the_limit_and_to_one_place_for_each() {
        for round in 0..200 {
            let table = table(32);
            std::thread::scope(|scope| {
                for port in 0..4 {
                    let table = &table;
                    scope.spawn(move || (0..64).for_each(|n| _ = table.learn(mac(n), port, at(round), ALL)));
                }
            });
            let mut known: Vec<Mac> = table.all(at(round)).map(|station| station.mac).collect();
            assert!(known.len() <= 32);
            assert_eq!(table.taken.load(Ordering::Relaxed), known.len());
            known.sort();
            known.dedup();
            assert_eq!(known.len(), table.all(at(round)).count(), "an address has two places");
        }
    }
}
