//! What a reload that failed could not set back, yet: an interface that takes long to go cannot be made again before it has
//! gone, nor one whose device is not there. It is tried again, more and more rarely, until it is there, somebody wants
//! otherwise of it, another reload says what is wanted, or so much time has passed that it is given up.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::fmt::Display;
use std::hash::Hash;
use std::time::Duration;
use std::time::Instant;

/// Between the first two attempts; twice as long each time, up to the second.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// After that nobody counts on it any more.
const LONGEST: Duration = Duration::from_secs(15 * 60);

/// So many are told one by one.
const TOLD: usize = 8;

/// Settings that are to be in effect and are not, in the order in which they can be; one at each place. There may be a
/// hundred thousand, of which each that is set meanwhile is looked up.
#[derive(Debug)]
pub(crate) struct Owed<K, T> {
    places: HashMap<K, u64>,
    settings: BTreeMap<u64, (K, T)>,
    next: u64,
    tries: Option<Tries>,
}

/// How it was tried.
#[derive(Debug)]
struct Tries {
    since: Instant,
    next: Instant,
    pause: Duration,
    /// Why it could not be, the last time.
    why: Option<String>,
}

impl<K, T> Default for Owed<K, T> {
    fn default() -> Owed<K, T> {
        Owed { places: HashMap::new(), settings: BTreeMap::new(), next: 0, tries: None }
    }
}

impl<K: Clone + Eq + Hash, T: Clone + PartialEq + Display> Owed<K, T> {
    /// These are to be, too, each in the stead of what was to be at its place; none of them is tried at once.
    pub(crate) fn add(&mut self, settings: Vec<(K, T)>, now: Instant) {
        let mut is_new = false;
        for (place, one) in settings {
            let at = *self.places.entry(place.clone()).or_insert(self.next);
            self.next = self.next.max(at + 1);
            let before = self.settings.insert(at, (place, one.clone()));
            is_new |= before.is_none_or(|(_, before)| before != one);
        }
        if is_new {
            self.tries = Some(Tries { since: now, next: now + PAUSES.0, pause: PAUSES.0, why: None });
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.settings.is_empty()
    }

    /// All of them.
    pub(crate) fn list(&self) -> Vec<T> {
        self.settings.values().map(|(_, one)| one.clone()).collect()
    }

    /// Nothing is owed any more.
    pub(crate) fn clear(&mut self) {
        *self = Owed::default();
    }

    /// Somebody wants otherwise of these; whether there are such.
    pub(crate) fn forget(&mut self, goes: impl Fn(&T) -> bool) -> bool {
        let before = self.settings.len();
        let Owed { places, settings, .. } = self;
        settings.retain(|_, (place, one)| {
            let stays = !goes(one);
            if !stays {
                places.remove(place);
            }
            stays
        });
        self.settings.len() < before
    }

    /// What is to be at this place is, or somebody wants otherwise of it.
    pub(crate) fn forget_at(&mut self, place: &K) {
        let at = self.places.remove(place);
        at.and_then(|at| self.settings.remove(&at));
    }

    /// All of them, to be tried now. They stay owed until they are [forgotten](Self::forget_at): whoever tries may not come to
    /// the end, and then it is tried again all the same. An error has all that is given up, for it has been tried for too long.
    pub(crate) fn begin(&mut self, now: Instant) -> Result<Vec<T>, Vec<T>> {
        let Some(tries) = self.tries.as_mut() else { return Ok(self.list()) };
        if now.saturating_duration_since(tries.since) >= LONGEST {
            let all = self.list();
            self.clear();
            return Err(all);
        }
        tries.pause = (tries.pause * 2).min(PAUSES.1);
        tries.next = now + tries.pause;
        Ok(self.list())
    }

    /// An attempt has ended, after which some are left for this reason: the first of its kind is to be told.
    pub(crate) fn failed(&mut self, why: &str) -> bool {
        let tries = self.tries.as_mut().filter(|_| !self.settings.is_empty());
        tries.is_some_and(|tries| tries.why.replace(why.to_owned()).as_deref() != Some(why))
    }

    /// Whether it is time to try again.
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        !self.settings.is_empty() && self.tries.as_ref().is_none_or(|tries| tries.next <= now)
    }

    /// For who asks what is going on.
    pub(crate) fn told(&self, now: Instant) -> Option<String> {
        let tries = self.tries.as_ref().filter(|_| !self.settings.is_empty())?;
        let why = tries.why.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
        let left = (tries.since + LONGEST).saturating_duration_since(now).as_secs();
        Some(format!(
            "not set back yet, of a reload that failed{why}: {}; it is tried for {left} s more, unless another is loaded",
            few(self.settings.values().map(|(_, one)| one), self.settings.len())
        ))
    }
}

/// The first of so many, in words.
pub(crate) fn few<T: Display>(all: impl Iterator<Item = T>, count: usize) -> String {
    let mut words: Vec<String> = all.take(TOLD).map(|one| one.to_string()).collect();
    if count > TOLD {
        words.push(format!("and {} more", count - TOLD));
    }
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keyed(all: &[&'static str]) -> Vec<(&'static str, &'static str)> {
        all.iter().map(|one| (*one, *one)).collect()
    }

    #[test]
    fn it_is_tried_ever_more_rarely_told_once_for_each_reason_and_given_up() {
        let begun = Instant::now();
        let mut owed = Owed::default();
        assert!(!owed.is_due(begun) && owed.told(begun).is_none());
        owed.add(keyed(&["a", "b"]), begun);
        assert!(!owed.is_due(begun), "not at once");
        let (mut now, mut tries, mut told) = (begun, 0, Vec::new());
        while now < begun + 2 * LONGEST {
            now += Duration::from_secs(1);
            if !owed.is_due(now) {
                continue;
            }
            tries += 1;
            match owed.begin(now) {
                Ok(all) if tries == 1 => assert_eq!(all, ["a", "b"]),
                Ok(all) => assert_eq!(all, ["b"]),
                Err(left) => {
                    told.push(format!("given up: {}", left.concat()));
                    continue;
                }
            }
            owed.forget_at(&"a");
            let why = if tries < 3 { "busy" } else { "not there" };
            if owed.failed(why) {
                told.push(why.to_owned());
            }
            assert!(owed.told(now).unwrap().contains("b; it is tried"), "{:?}", owed.told(now));
        }
        assert_eq!(told, ["busy", "not there", "given up: b"]);
        assert!((30..40).contains(&tries), "{tries}");
        assert!(!owed.is_due(now) && owed.told(now).is_none());
        // Another one begins anew.
        owed.add(keyed(&["c", "d"]), now);
        owed.add(keyed(&["d"]), now);
        assert_eq!(owed.list(), ["c", "d"]);
        assert!(owed.forget(|one| *one == "c") && !owed.forget(|one| *one == "c"));
        assert_eq!(owed.list(), ["d"]);
        // At its place, another value.
        owed.add(vec![("d", "other")], now);
        assert_eq!(owed.list(), ["other"]);
        owed.clear();
        assert!(owed.list().is_empty() && !owed.is_due(now + LONGEST));
    }

    #[test]
    fn whoever_tries_and_comes_to_no_end_loses_nothing_and_is_not_called_at_once() {
        let begun = Instant::now();
        let mut owed = Owed::default();
        owed.add(keyed(&["a", "b"]), begun);
        let (mut now, mut tries) = (begun, 0);
        while now < begun + LONGEST {
            now += Duration::from_secs(1);
            if owed.is_due(now) {
                tries += 1;
                // He has set one, and has panicked at the next.
                assert!(owed.begin(now).is_ok_and(|all| all.contains(&"b")) || now >= begun + LONGEST);
                owed.forget_at(&"a");
                assert!(!owed.is_due(now));
            }
        }
        assert!((30..40).contains(&tries), "{tries}");
        now += PAUSES.1;
        assert!(owed.list().is_empty() || owed.begin(now) == Err(vec!["b"]));
    }

    /// To compare each with all others would take hours; who asks is told a few, and of the rest how many.
    #[test]
    fn a_hundred_thousand_are_owed_noted_and_told() {
        let now = Instant::now();
        let mut owed = Owed::default();
        let all = || (0..100_000).map(|at| (at, at)).collect::<Vec<(u32, u32)>>();
        owed.add(all(), now);
        owed.add(all(), now);
        assert_eq!(owed.list().len(), 100_000);
        let told = owed.told(now).unwrap();
        assert!(told.contains(": 0, 1, 2, 3, 4, 5, 6, 7, and 99992 more; it is tried"), "{told}");
        (0..99_999).for_each(|at| owed.forget_at(&at));
        assert_eq!(owed.list(), [99_999]);
    }
}
