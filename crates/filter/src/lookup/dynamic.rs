//! Sets that rules change while packets pass, and sets whose elements go after a time.
//!
//! One table for all workers, of words that are read and written atomically; nobody waits for anybody. Each element
//! lies in one of the places behind the one that its hash names. A place's first word says whether it is free, being
//! written (odd), or which writing of it this is: a reader that finds the same even number before and after has read one
//! element whole. Who adds takes the word of the hash's own place first, so that two workers do not add the same
//! element twice; if somebody else has it for longer than a few tries, the set counts as full for this packet.
//!
//! The hash is keyed: peers choose what is added.

mod room;

use std::hash::Hasher;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Acquire;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::Ordering::Release;
use std::sync::atomic::fence;

use siphasher::sip::SipHasher13;

use super::Key;
use super::each::Each;
use crate::cells::Use;
use crate::host::CountId;
use crate::host::Host;
use crate::types::Type;

/// An element lies at most so far from where its hash points.
const WINDOW: usize = 32;
/// Tries to be the one who adds.
const TRIES: usize = 128;

#[derive(Debug)]
pub(crate) struct Dynamic {
    /// What it was made for: another shape is another set.
    pub(crate) types: Vec<Type>,
    pub(crate) each: Vec<Each>,
    pub(crate) size: usize,
    /// How long an element stays that does not say so, in ns; 0 for ever.
    pub(crate) timeout: u64,
    seed: [u64; 2],
    number: u32,
    mask: usize,
    stride: usize,
    words: Box<[AtomicU64]>,
    adding: Box<[AtomicU32]>,
    count: AtomicUsize,
    swept: AtomicUsize,
}

/// An element's place, and which writing of it was met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Slot {
    at: usize,
    written: u64,
}

/// An element as it is listed.
pub(crate) struct Listed {
    pub(crate) key: Key,
    /// When its time is over, in ns; 0 never.
    pub(crate) expires: u64,
}

impl Dynamic {
    pub(crate) fn new(
        types: &[Type],
        each: &[Each],
        size: usize,
        timeout: u64,
        seed: [u64; 2],
        number: u32,
    ) -> Dynamic {
        let slots = (size + size / 2 + WINDOW).next_power_of_two();
        let stride = 2 + types.len() * 2 + each.iter().map(|each| each.words()).sum::<usize>();
        Dynamic {
            types: types.to_vec(),
            each: each.to_vec(),
            size,
            timeout,
            seed,
            number,
            mask: slots - 1,
            stride,
            words: (0..slots * stride).map(|_| AtomicU64::new(0)).collect(),
            adding: (0..slots).map(|_| AtomicU32::new(0)).collect(),
            count: AtomicUsize::new(0),
            swept: AtomicUsize::new(0),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.count.load(Relaxed)
    }

    fn hash(&self, key: &Key) -> u64 {
        let mut hasher = SipHasher13::new_with_keys(self.seed[0], self.seed[1]);
        for part in &key[..self.types.len()] {
            hasher.write(&part.to_ne_bytes());
        }
        hasher.finish()
    }

    fn home(&self, key: &Key) -> usize {
        self.hash(key) as usize & self.mask
    }

    /// Where an element's connections are counted: by its key, so that one that goes and comes again finds those that are
    /// still there, and none of another that has lain in the same place.
    fn count_id(&self, key: &Key) -> CountId {
        CountId(1 << 63 | u64::from(self.number & 0x7fff) << 48 | self.hash(key) >> 16)
    }

    fn word(&self, slot: usize, at: usize) -> &AtomicU64 {
        &self.words[slot * self.stride + at]
    }

    /// Where an element's own words begin.
    fn own(&self) -> usize {
        2 + self.types.len() * 2
    }

    fn holds(&self, slot: usize, key: &Key) -> bool {
        key[..self.types.len()].iter().enumerate().all(|(n, part)| {
            self.word(slot, 2 + n * 2).load(Relaxed) == *part as u64
                && self.word(slot, 3 + n * 2).load(Relaxed) == (*part >> 64) as u64
        })
    }

    fn find(&self, home: usize, key: &Key, now: u64) -> Option<Slot> {
        for step in 0..WINDOW {
            let at = (home + step) & self.mask;
            let written = self.word(at, 0).load(Acquire);
            if written == 0 || written & 1 == 1 || !self.holds(at, key) {
                continue;
            }
            let expires = self.word(at, 1).load(Relaxed);
            fence(Acquire);
            if self.word(at, 0).load(Relaxed) == written {
                return (expires == 0 || expires > now).then_some(Slot { at, written });
            }
        }
        None
    }

    /// The element, if it is in and its time is not over.
    pub(crate) fn get(&self, key: &Key, now: u64) -> Option<Slot> {
        self.find(self.home(key), key, now)
    }

    /// Adds an element that is not in, or gives the one that is; `again` begins its time again. `None` if it is full.
    pub(crate) fn add(&self, key: &Key, now: u64, timeout: Option<u64>, again: bool) -> Option<Slot> {
        let home = self.home(key);
        let stay = timeout.unwrap_or(self.timeout);
        let expires = if stay == 0 { 0 } else { now.saturating_add(stay) };
        if let Some(slot) = self.find(home, key, now) {
            if again {
                self.word(slot.at, 1).store(expires, Relaxed);
            }
            return Some(slot);
        }
        let free = |word: &AtomicU32| word.compare_exchange(0, 1, Acquire, Relaxed).is_ok();
        let mut tries = 0;
        while !free(&self.adding[home]) {
            tries += 1;
            if tries == TRIES {
                return None;
            }
            std::hint::spin_loop();
        }
        // Somebody may have added it meanwhile.
        let slot = self.find(home, key, now).or_else(|| self.insert(home, key, now, expires));
        self.adding[home].store(0, Release);
        slot
    }

    fn key_at(&self, at: usize) -> Key {
        let mut key = Key::default();
        for (n, part) in key[..self.types.len()].iter_mut().enumerate() {
            let low = self.word(at, 2 + n * 2).load(Relaxed);
            *part = u128::from(self.word(at, 3 + n * 2).load(Relaxed)) << 64 | u128::from(low);
        }
        key
    }

    fn insert(&self, home: usize, key: &Key, now: u64, expires: u64) -> Option<Slot> {
        if self.count.load(Relaxed) >= self.size {
            self.sweep_part(now, WINDOW);
        }
        for step in 0..WINDOW {
            let at = (home + step) & self.mask;
            let word = self.word(at, 0);
            let written = word.load(Relaxed);
            let over = written & 1 == 0 && written != 0 && self.over(at, now);
            if written != 0 && !over {
                continue;
            }
            if !over && self.count.fetch_add(1, Relaxed) >= self.size {
                self.count.fetch_sub(1, Relaxed);
                return None;
            }
            // Which writing it is goes on from what it was, wherever that was.
            let busy = (now << 1 | 1).max(3);
            if word.compare_exchange(written, busy, Acquire, Relaxed).is_err() {
                if !over {
                    self.count.fetch_sub(1, Relaxed);
                }
                continue;
            }
            for (n, part) in key[..self.types.len()].iter().enumerate() {
                self.word(at, 2 + n * 2).store(*part as u64, Relaxed);
                self.word(at, 3 + n * 2).store((*part >> 64) as u64, Relaxed);
            }
            self.word(at, 1).store(expires, Relaxed);
            for own in self.own()..self.stride {
                self.word(at, own).store(0, Relaxed);
            }
            let written = if busy.wrapping_add(1) == 0 { 2 } else { busy.wrapping_add(1) };
            word.store(written, Release);
            return Some(Slot { at, written });
        }
        None
    }

    fn over(&self, at: usize, now: u64) -> bool {
        let expires = self.word(at, 1).load(Relaxed);
        expires != 0 && expires <= now
    }

    fn take(&self, slot: Slot) -> bool {
        let taken = self.word(slot.at, 0).compare_exchange(slot.written, 0, Acquire, Relaxed).is_ok();
        if taken {
            self.count.fetch_sub(1, Relaxed);
        }
        taken
    }

    /// Takes an element out; whether it was in.
    pub(crate) fn delete(&self, key: &Key, now: u64) -> bool {
        self.get(key, now).is_some_and(|slot| self.take(slot))
    }

    /// What is in, in no order.
    pub(crate) fn list(&self, now: u64) -> Vec<Listed> {
        let mut out = Vec::new();
        for at in 0..=self.mask {
            let written = self.word(at, 0).load(Acquire);
            if written == 0 || written & 1 == 1 || self.over(at, now) {
                continue;
            }
            let key = self.key_at(at);
            let expires = self.word(at, 1).load(Relaxed);
            fence(Acquire);
            if self.word(at, 0).load(Relaxed) == written {
                out.push(Listed { key, expires });
            }
        }
        out
    }

    /// What an element has for itself, of one that would be new; whether the rule would go on.
    pub(crate) fn run_new(&self, len: u32, used: Use, host: &impl Host) -> bool {
        self.each.iter().all(|each| each.run_new(len, used, host))
    }

    /// Runs what an element has for itself; whether the rule goes on.
    pub(crate) fn run_each(
        &self,
        (key, slot): (&Key, Slot),
        len: u32,
        used: Use,
        host: &mut impl Host,
    ) -> bool {
        let mut own = &self.words[slot.at * self.stride..][self.own()..self.stride];
        self.each.iter().all(|each| {
            let (words, others) = own.split_at(each.words());
            own = others;
            each.run(words, len, used, || self.count_id(key), host)
        })
    }
}
