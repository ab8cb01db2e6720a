//! The gates: one word per interface that says whether it may still be named.
//!
//! The word is `[generation: 48 | dying: 1 | pins: 15]`. Everything that races meets in this one word, so
//! its modification order decides every race and no fence is needed:
//!
//! - a pin that comes before the mark is seen by the departure, which waits for it;
//! - a pin that comes after the mark sees it, and gives up.
//!
//! A dispatch takes no pin: its place on the ring stands for one (see the `ring` module). It only reads this word,
//! which therefore stays in every core's cache. What pins an interface for longer is counted under control's lock, and
//! has one pin here between them: the count in this word cannot run over.
//!
//! # Locks
//!
//! None. # Teardown: a slot that is free looks dying, so an identity that outlived its interface is refused
//! whether its slot is free (dying) or in use again (another generation). Generations are those of the identities; a
//! slot that has had the last one stays dying.

use alloc::boxed::Box;

use crate::IfId;
use crate::pad::CachePadded;
use crate::sync::atomic::AtomicU64;
use crate::sync::atomic::Ordering;
use crate::sync::mutant;

const PINS: u64 = DYING - 1;
const DYING: u64 = 1 << 15;
const GENERATION: u64 = 1 << SHIFT;
/// The shift from an identity's generation to the gate's.
const SHIFT: u32 = 16;

pub(crate) struct Gates {
    words: Box<[CachePadded<AtomicU64>]>,
    /// That of what names no interface: open for ever.
    nothing: AtomicU64,
}

impl Gates {
    pub(crate) fn new(count: usize) -> Gates {
        let words = (0..count).map(|_| CachePadded(AtomicU64::new(DYING))).collect();
        Gates { words, nothing: AtomicU64::new(0) }
    }

    /// Opens a free slot's gate for its next interface.
    pub(crate) fn open(&self, slot: usize) -> IfId {
        let step = if mutant("identity-used-again") && self.words[slot].0.load(Ordering::Relaxed) > GENERATION
        {
            DYING.wrapping_neg()
        } else {
            GENERATION - DYING
        };
        let before = self.words[slot].0.fetch_add(step, Ordering::AcqRel);
        IfId::new(slot, before.wrapping_add(step) >> SHIFT)
    }

    /// Whether a free slot has another identity to give.
    pub(crate) fn can_open(&self, slot: usize) -> bool {
        self.words[slot].0.load(Ordering::Acquire) >> SHIFT != u64::MAX >> SHIFT
    }

    /// Marks an interface dying. False if it is already, or has gone.
    pub(crate) fn mark(&self, id: IfId) -> bool {
        let Some(word) = self.word(id) else { return false };
        let mut seen = word.load(Ordering::Relaxed);
        while is_open(seen, id) {
            match word.compare_exchange_weak(seen, seen | DYING, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return true,
                Err(now) => seen = now,
            }
        }
        false
    }

    /// Whether the interface may be named. Only a worker may act on the answer without a pin, because a
    /// departure waits for every worker.
    #[inline]
    pub(crate) fn is_open(&self, id: IfId) -> bool {
        id.is_none() || self.word(id).is_some_and(|word| is_open(word.load(Ordering::Acquire), id))
    }

    /// Looks a gate up. None for an identity that has none.
    #[inline]
    pub(crate) fn gate(&self, id: IfId) -> Option<Gate<'_>> {
        self.word(id).map(|word| Gate { word, open: id.generation() << SHIFT })
    }

    /// The same; for [`IfId::NONE`], that of what names no interface.
    #[inline]
    pub(crate) fn gate_or_nothing(&self, id: IfId) -> Option<Gate<'_>> {
        if id.is_none() { Some(self.of_nothing()) } else { self.gate(id) }
    }

    /// That of what names no interface.
    #[inline]
    pub(crate) fn of_nothing(&self) -> Gate<'_> {
        Gate { word: &self.nothing, open: 0 }
    }

    /// Whether the slot still belongs to this identity, dying or not.
    pub(crate) fn is_current(&self, id: IfId) -> bool {
        self.word(id).is_some_and(|word| word.load(Ordering::Acquire) >> SHIFT == id.generation())
    }

    /// Keeps the interface's departure from completing until [`unpin`](Self::unpin). False if it is dying.
    pub(crate) fn pin(&self, id: IfId) -> bool {
        // The first look keeps refused callers from touching the word that a departure waits on.
        if !self.is_open(id) {
            return false;
        }
        if mutant("liveness-without-pin") {
            return true;
        }
        let Some(word) = self.word(id) else { return true };
        if is_open(word.fetch_add(1, Ordering::AcqRel), id) {
            return true;
        }
        self.unpin(id);
        false
    }

    pub(crate) fn unpin(&self, id: IfId) {
        if mutant("liveness-without-pin") {
            return;
        }
        if let Some(word) = self.word(id) {
            word.fetch_sub(1, Ordering::Release);
        }
    }

    /// How many pins the interface's gate carries.
    pub(crate) fn pins(&self, id: IfId) -> u64 {
        let word = self.word(id).map_or(0, |word| word.load(Ordering::Acquire));
        if word >> SHIFT == id.generation() { word & PINS } else { 0 }
    }

    /// Whether nobody pins an interface, that is marked, so that its departure can go on.
    pub(crate) fn is_unpinned(&self, id: IfId) -> bool {
        self.pins(id) == 0 || mutant("detach-skips-pins")
    }

    pub(crate) fn len(&self) -> usize {
        self.words.len()
    }

    /// None for [`IfId::NONE`], which has no gate, and for an identity of another, larger facility.
    #[inline]
    fn word(&self, id: IfId) -> Option<&AtomicU64> {
        if id.is_none() { None } else { self.words.get(id.slot()).map(|padded| &padded.0) }
    }
}

#[inline]
fn is_open(word: u64, id: IfId) -> bool {
    word & !PINS == id.generation() << SHIFT
}

/// A gate that was looked up, to be looked at again without another look-up.
#[derive(Clone, Copy)]
pub(crate) struct Gate<'g> {
    word: &'g AtomicU64,
    /// The word when the gate is open, but for the pins.
    open: u64,
}

impl Gate<'_> {
    /// As [`Gates::is_open`], at this moment.
    #[inline(always)]
    pub(crate) fn is_open(&self) -> bool {
        self.word.load(Ordering::Acquire) & !PINS == self.open
    }
}

/// The interfaces that one dispatch names, each found open.
///
/// No pin is taken: a dispatch from outside looks at them [again](Self::are_open) once it has claimed its place on
/// the ring, which is what a departure waits for (see the `ring` module). That second look runs no code of the
/// packet's, so that nothing can come between a claim and its publishing.
pub(crate) struct Names<'g> {
    gates: &'g Gates,
    seen: [IfId; Names::MOST],
    count: usize,
    bits: u64,
    /// The one that was added last: in a batch, most often the next one too.
    last: IfId,
    /// Its bit among those of `seen`.
    last_mark: u8,
}

/// Why an interface may not be named.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum NotOpen {
    Dying,
    TooMany,
}

impl<'g> Names<'g> {
    /// How many different interfaces one packet and its metadata may name.
    pub(crate) const MOST: usize = 8;

    #[inline]
    pub(crate) fn new(gates: &'g Gates) -> Names<'g> {
        let seen = [IfId::NONE; Names::MOST];
        Names { gates, seen, count: 0, bits: 0, last: IfId::NONE, last_mark: 0 }
    }

    /// Adds an interface, if it is not among them, and looks at its gate. Gives its mark: one bit among those of all that
    /// were added.
    #[inline(always)]
    pub(crate) fn add(&mut self, id: IfId) -> Result<u8, NotOpen> {
        if id.is_none() {
            return Ok(0);
        }
        if id != self.last {
            self.add_another(id)?;
        }
        Ok(self.last_mark)
    }

    #[inline]
    fn add_another(&mut self, id: IfId) -> Result<(), NotOpen> {
        if let Some(place) = self.seen[..self.count].iter().position(|seen| *seen == id) {
            (self.last, self.last_mark) = (id, 1 << place);
            return Ok(());
        }
        if self.count == Names::MOST {
            return Err(NotOpen::TooMany);
        }
        if !self.gates.is_open(id) {
            return Err(NotOpen::Dying);
        }
        self.seen[self.count] = id;
        self.last_mark = 1 << self.count;
        self.count += 1;
        self.bits |= crate::ring::Named::bit(id);
        self.last = id;
        Ok(())
    }

    /// The marks of those that are no longer open.
    #[cold]
    pub(crate) fn gone(&self) -> u8 {
        let seen = self.seen[..self.count].iter().enumerate();
        seen.filter(|(_, id)| !self.gates.is_open(**id)).fold(0, |gone, (place, _)| gone | 1 << place)
    }

    /// The first of them; [`IfId::NONE`] if there is none.
    #[inline]
    pub(crate) fn first(&self) -> IfId {
        self.seen[0]
    }

    /// Their bits in a lane's [`Named`](crate::ring::Named).
    #[inline]
    pub(crate) fn bits(&self) -> u64 {
        self.bits
    }

    /// Whether all of them are still open.
    #[inline]
    pub(crate) fn are_open(&self) -> bool {
        mutant("claim-without-second-look")
            || self.seen[..self.count].iter().all(|id| self.gates.is_open(*id))
    }
}

#[cfg(all(test, not(any(siding_loom, siding_shuttle))))]
mod tests {
    use super::*;

    #[test]
    fn an_identity_is_never_used_again() {
        let gates = Gates::new(1);
        let first = gates.open(0);
        assert!(gates.is_open(first));
        assert!(gates.mark(first));
        assert!(!gates.is_open(first) && !gates.mark(first));
        let second = gates.open(0);
        assert_eq!(second.slot(), first.slot());
        assert!(gates.is_open(second) && !gates.is_open(first));
        assert!(!gates.pin(first) && !gates.mark(first), "a stale identity must not touch the newcomer");
        assert_eq!(gates.pins(second), 0);
    }

    #[test]
    fn the_last_identity_of_a_slot_is_its_last() {
        let gates = Gates::new(1);
        gates.words[0].0.fetch_add(GENERATION * ((1 << 48) - 3), Ordering::Relaxed);
        for _ in 0..2 {
            assert!(gates.can_open(0));
            let id = gates.open(0);
            assert!(gates.is_open(id) && gates.pin(id) && gates.mark(id));
            assert_eq!((gates.pins(id), gates.is_current(id)), (1, true));
            gates.unpin(id);
        }
        assert!(!gates.can_open(0), "the next would be the first again");
    }

    #[test]
    fn pins_are_counted_and_survive_the_mark() {
        let gates = Gates::new(2);
        let id = gates.open(1);
        assert!(gates.pin(id) && gates.pin(id));
        assert_eq!(gates.pins(id), 2);
        assert!(gates.mark(id));
        assert!(!gates.pin(id));
        assert_eq!(gates.pins(id), 2);
        gates.unpin(id);
        gates.unpin(id);
        assert_eq!(gates.pins(id), 0);
    }

    #[test]
    fn names_are_looked_at_twice() {
        let gates = Gates::new(10);
        let ids: std::vec::Vec<_> = (0..10).map(|slot| gates.open(slot)).collect();
        let mut names = Names::new(&gates);
        assert_eq!(names.add(IfId::NONE), Ok(0));
        let marks: std::vec::Vec<_> = ids[..8].iter().chain(&ids[..8]).map(|id| names.add(*id)).collect();
        assert!(marks[..8] == marks[8..] && (0..8).all(|place| marks[place] == Ok(1 << place)));
        assert_eq!(names.add(ids[8]), Err(NotOpen::TooMany));
        assert!(gates.mark(ids[9]) && names.are_open());
        assert!(gates.mark(ids[7]) && !names.are_open());
        assert_eq!(Names::new(&gates).add(ids[7]), Err(NotOpen::Dying));
    }

    #[test]
    fn no_interface_has_no_gate() {
        let gates = Gates::new(1);
        assert!(gates.is_open(IfId::NONE) && gates.pin(IfId::NONE) && !gates.mark(IfId::NONE));
    }
}
