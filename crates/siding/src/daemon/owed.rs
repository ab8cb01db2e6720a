//! What a reload that failed could not set back, yet: an interface that takes long to go cannot be made again before it has
//! gone, nor one whose device is not there. It is tried again, more and more rarely, until it is there, somebody wants
//! otherwise of it, another reload says what is wanted, or so much time has passed that it is given up.

use std::fmt::Display;
use std::time::Duration;
use std::time::Instant;

/// Between the first two attempts; twice as long each time, up to the second.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// After that nobody counts on it any more.
const LONGEST: Duration = Duration::from_secs(15 * 60);

/// Settings that are to be in effect and are not, in the order in which they can be.
#[derive(Debug)]
pub(super) struct Owed<T> {
    settings: Vec<T>,
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

/// What is to be told of an attempt after which something is left.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Left<T> {
    /// It is as it was before.
    AsBefore,
    /// It fails for this reason.
    Why(String),
    /// It is tried no more.
    GivenUp(Vec<T>),
}

impl<T> Default for Owed<T> {
    fn default() -> Owed<T> {
        Owed { settings: Vec::new(), tries: None }
    }
}

impl<T: Clone + PartialEq + Display> Owed<T> {
    /// These are to be, too; none of them is tried at once.
    pub(super) fn add(&mut self, settings: Vec<T>, now: Instant) {
        let new: Vec<T> = settings.into_iter().filter(|one| !self.settings.contains(one)).collect();
        if new.is_empty() {
            return;
        }
        self.settings.extend(new);
        self.tries = Some(Tries { since: now, next: now + PAUSES.0, pause: PAUSES.0, why: None });
    }

    /// All of them.
    pub(super) fn list(&self) -> Vec<T> {
        self.settings.clone()
    }

    /// All of them: nothing is owed any more, unless [`again`](Self::again) says so.
    pub(super) fn take(&mut self) -> Vec<T> {
        std::mem::take(&mut self.settings)
    }

    /// Somebody wants otherwise of these; whether there are such.
    pub(super) fn forget(&mut self, goes: impl Fn(&T) -> bool) -> bool {
        let before = self.settings.len();
        self.settings.retain(|one| !goes(one));
        self.settings.len() < before
    }

    /// These are left of what was taken, and why the first of them.
    pub(super) fn again(&mut self, left: Vec<T>, why: String, now: Instant) -> Left<T> {
        let Some(tries) = self.tries.as_mut().filter(|_| !left.is_empty()) else { return Left::AsBefore };
        if now.saturating_duration_since(tries.since) >= LONGEST {
            return Left::GivenUp(left);
        }
        tries.pause = (tries.pause * 2).min(PAUSES.1);
        tries.next = now + tries.pause;
        self.settings = left;
        match tries.why.replace(why.clone()) == Some(why.clone()) {
            true => Left::AsBefore,
            false => Left::Why(why),
        }
    }

    /// Whether it is time to try again.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        !self.settings.is_empty() && self.tries.as_ref().is_none_or(|tries| tries.next <= now)
    }

    /// For who asks what is going on.
    pub(super) fn told(&self, now: Instant) -> Option<String> {
        let tries = self.tries.as_ref().filter(|_| !self.settings.is_empty())?;
        let all: Vec<String> = self.settings.iter().map(T::to_string).collect();
        let why = tries.why.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
        let left = (tries.since + LONGEST).saturating_duration_since(now).as_secs();
        Some(format!(
            "not set back yet, of a reload that failed{why}: {}; it is tried for {left} s more, unless another is loaded",
            all.join(", ")
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_tried_ever_more_rarely_told_once_for_each_reason_and_given_up() {
        let begun = Instant::now();
        let mut owed = Owed::default();
        assert!(!owed.is_due(begun) && owed.told(begun).is_none());
        owed.add(vec!["a", "b"], begun);
        assert!(!owed.is_due(begun), "not at once");
        let (mut now, mut tries, mut told) = (begun, 0, Vec::new());
        while now < begun + 2 * LONGEST {
            now += Duration::from_secs(1);
            if !owed.is_due(now) {
                continue;
            }
            tries += 1;
            let left: Vec<&str> = owed.take().into_iter().filter(|one| *one != "a").collect();
            let why = if tries < 3 { "busy" } else { "not there" };
            match owed.again(left, why.into(), now) {
                Left::AsBefore => {}
                Left::Why(why) => told.push(why),
                Left::GivenUp(left) => told.push(format!("given up: {}", left.concat())),
            }
            if now < begun + LONGEST {
                assert!(owed.told(now).unwrap().contains("b; it is tried"), "{:?}", owed.told(now));
            }
        }
        assert_eq!(told, ["busy", "not there", "given up: b"]);
        assert!((30..40).contains(&tries), "{tries}");
        assert!(!owed.is_due(now) && owed.told(now).is_none());
        // Another one begins anew.
        owed.add(vec!["c", "d"], now);
        owed.add(vec!["d"], now);
        assert_eq!(owed.list(), ["c", "d"]);
        assert!(owed.forget(|one| *one == "c") && !owed.forget(|one| *one == "c"));
        assert_eq!((owed.take(), owed.list()), (vec!["d"], Vec::new()));
    }
}
