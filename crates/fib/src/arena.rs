//! The words that nodes are made of, for readers: they are there for good once they are there.

use std::sync::OnceLock;

use siding_lockorder::sync::atomic::AtomicU32;
use siding_lockorder::sync::atomic::AtomicU64;
use siding_lockorder::sync::atomic::Ordering;
use siding_lockorder::sync::atomic::fence;

use crate::node::Link;

/// Words of a line, which is a cache's line and what memory is dealt out by.
pub(crate) const LINE: usize = 8;
/// Lines of the first chunk. Each chunk has twice as many as the one before, so that few are as quickly found as many; one
/// is taken from the system untouched and costs what is used of it.
const FIRST: usize = if cfg!(any(siding_loom, siding_shuttle)) { 8 } else { 64 };
/// A checker's threads have small stacks, on which a table is made.
const CHUNKS: usize = if cfg!(any(siding_loom, siding_shuttle)) { 8 } else { 26 };

/// Chunks of a table that is small: a megabyte.
const SMALL: usize = 8;

/// All lines of a table.
#[derive(Debug)]
pub(crate) struct Arena {
    chunks: [OnceLock<Chunk>; CHUNKS],
    /// How often memory was taken into use again.
    clock: AtomicU64,
    /// Readers that were overtaken by the clock many times in a row, and read once more.
    waited_for: AtomicU32,
}

#[derive(Debug)]
struct Chunk {
    words: Box<[AtomicU64]>,
    /// Words before the first that begins a cache line.
    skew: usize,
}

/// Where a line is: its chunk, and its place in there.
fn place(line: usize) -> (usize, usize) {
    place_of(line + FIRST)
}

/// The same for a line counted from before the first, as many before as the first chunk has.
#[inline(always)]
fn place_of(at: usize) -> (usize, usize) {
    // It has such a bit, or a higher one: said so that nobody asks whether there is any.
    let top = (at | FIRST).ilog2();
    ((top - FIRST.ilog2()) as usize, at & !(1 << top))
}

impl Arena {
    pub(crate) fn new() -> Arena {
        Arena {
            chunks: [const { OnceLock::new() }; CHUNKS],
            clock: AtomicU64::new(0),
            waited_for: AtomicU32::new(0),
        }
    }

    /// The words from the beginning of a line to the end of its chunk. Nothing, if there is no such line: who has read
    /// what was used again meanwhile may ask for any.
    #[inline(always)]
    pub(crate) fn from(&self, line: usize) -> &[AtomicU64] {
        self.at(line + FIRST)
    }

    /// The same for a line counted from before the first, as many before as that chunk has.
    #[inline(always)]
    fn at(&self, at: usize) -> &[AtomicU64] {
        let (chunk, at) = place_of(at);
        let Some(chunk) = self.chunks.get(chunk).and_then(OnceLock::get) else { return &[] };
        chunk.words.get(chunk.skew + at * LINE..).unwrap_or_default()
    }

    /// The words from the beginning of a node to the end of its chunk, as [`from`](Self::from) its line.
    #[inline(always)]
    pub(crate) fn node(&self, link: Link) -> &[AtomicU64] {
        // A link has its line's number and one more: what comes of that is one sum.
        self.at((link.0 >> 1) as usize + FIRST - 1)
    }

    /// Whether all that there is fits into a core's own caches.
    #[inline(always)]
    pub(crate) fn is_small(&self) -> bool {
        self.chunks.get(SMALL).is_none_or(|chunk| chunk.get().is_none())
    }

    /// The lines of the chunk that `line` is in, which is there from now on. `None` if there can be no more.
    pub(crate) fn open(&self, line: usize) -> Option<std::ops::Range<usize>> {
        let (chunk, at) = place(line);
        let lines = FIRST << chunk;
        let there = self.chunks.get(chunk)?;
        if there.get().is_none() {
            let words = zeroed(lines * LINE + LINE - 1)?;
            let address = words.as_ptr().addr();
            let skew = (address.next_multiple_of(LINE * 8) - address) / 8;
            // There is one keeper, so nobody was faster.
            let _ = there.set(Chunk { words, skew });
        }
        Some(line - at..line - at + lines)
    }

    /// How many lines the chunk has that begins at `line`; `None` if there can be none.
    pub(crate) fn chunk_at(&self, line: usize) -> Option<usize> {
        let (chunk, _) = place(line);
        (chunk < self.chunks.len()).then_some(FIRST << chunk)
    }

    /// The clock, for a reader that begins.
    #[inline(always)]
    pub(crate) fn begin(&self) -> u64 {
        self.clock.load(Ordering::Acquire)
    }

    /// Whether all that was read since `begin` was what it was meant to be.
    #[inline(always)]
    pub(crate) fn held(&self, begun: u64) -> bool {
        fence(Ordering::Acquire);
        self.clock.load(Ordering::Relaxed) == begun
    }

    /// To be called by the keeper before it uses memory again.
    pub(crate) fn tick(&self) {
        if siding_lockorder::sync::mutant("fib-reuses-unannounced") {
            return;
        }
        self.wait_for_readers();
        let now = self.clock.load(Ordering::Relaxed);
        self.clock.store(now + 1, Ordering::Release);
        fence(Ordering::Release);
    }

    /// The clock stands still for those who have asked for it. One that asks while the clock moves is overtaken once more, and
    /// then no longer.
    #[inline]
    fn wait_for_readers(&self) {
        let mut looks = 0;
        while self.waited_for.load(Ordering::Relaxed) > 0 {
            rest(looks);
            looks = looks.saturating_add(1);
        }
    }

    /// A reader has been overtaken too often: the clock stands still while it has this.
    #[cold]
    pub(crate) fn hold_still(&self) -> Still<'_> {
        self.waited_for.fetch_add(1, Ordering::Relaxed);
        Still(self)
    }
}

/// The clock is asked to stand still.
#[derive(Debug)]
pub(crate) struct Still<'a>(&'a Arena);

impl Drop for Still<'_> {
    fn drop(&mut self) {
        self.0.waited_for.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Whoever is waited for reads for less than a microsecond, if it runs. If it does not, it may need this very core, and be less
/// urgent than the keeper.
#[cfg(not(any(siding_loom, siding_shuttle)))]
fn rest(looks: u32) {
    match looks {
        0..256 => std::hint::spin_loop(),
        256..512 => std::thread::yield_now(),
        _ => std::thread::sleep(std::time::Duration::from_micros(50)),
    }
}

#[cfg(any(siding_loom, siding_shuttle))]
fn rest(_looks: u32) {
    siding_lockorder::sync::yield_now();
}

#[cfg(all(test, not(any(siding_loom, siding_shuttle))))]
thread_local! {
    /// The largest piece of memory that a test's system has.
    pub(crate) static MOST_WORDS: std::cell::Cell<usize> = const { std::cell::Cell::new(usize::MAX) };
}

/// Words that are zero; `None` if there is no memory for them. Of many the system makes each page when it is touched.
#[cfg(not(any(siding_loom, siding_shuttle)))]
pub(crate) fn zeroed(words: usize) -> Option<Box<[AtomicU64]>> {
    use zerocopy::FromZeros;
    #[cfg(test)]
    if words > MOST_WORDS.get() {
        return None;
    }
    <[AtomicU64]>::new_box_zeroed_with_elems(words).ok()
}

#[cfg(any(siding_loom, siding_shuttle))]
pub(crate) fn zeroed(words: usize) -> Option<Box<[AtomicU64]>> {
    Some(std::iter::repeat_with(|| AtomicU64::new(0)).take(words).collect())
}

#[cfg(all(test, not(any(siding_loom, siding_shuttle))))]
mod tests {
    use super::*;

    #[test]
    fn lines_follow_each_other_and_begin_a_cache_line() {
        let arena = Arena::new();
        let mut next = 0;
        for _ in 0..5 {
            let lines = arena.open(next).unwrap();
            assert_eq!(lines.start, next);
            assert_eq!(arena.from(lines.start).len() / LINE, lines.len());
            for line in lines.clone() {
                assert_eq!(arena.from(line).as_ptr().addr() % 64, 0);
            }
            next = lines.end;
        }
        assert_eq!(next, FIRST * 31);
        assert!(arena.from(next).is_empty());
        assert!(arena.from(usize::MAX / 2).is_empty());
    }
}
