//! How a node lies in memory.
//!
//! ```text
//! folded    head | bitmap, 4 words | entries, two to a word | prefixes, a word each
//! unfolded  head | 256 entries, two to a word               | prefixes, a word each
//!
//! head      0..27 what is inherited   27..59 entries before each word of the bitmap   59 whether there are prefixes
//! entry     0 | value | LINK and the link of a node
//! prefix    0..27 value   32..41 its bits after a 1 (so that the length is there, too)   63 whether it is the last
//! ```

use core::num::NonZeroU32;

use siding_lockorder::sync::atomic::AtomicU64;
use siding_lockorder::sync::atomic::Ordering;

/// What a value stands for: words that mean something to the caller.
pub type Meaning = [u64; 4];

/// What a prefix leads to: the name of a [`Meaning`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Value(NonZeroU32);

const BITS: u32 = 27;

impl Value {
    const MAX: u32 = (1 << BITS) - 1;

    pub(crate) const fn new(value: u32) -> Option<Value> {
        match NonZeroU32::new(value) {
            Some(number) if value <= Value::MAX => Some(Value(number)),
            _ => None,
        }
    }

    /// Its number, from 1 to 2^27 - 1, by which a caller may keep it in a word of a [`Meaning`].
    #[inline]
    pub const fn number(self) -> u32 {
        self.0.get()
    }

    /// The value of this number, if one can have it.
    #[inline]
    pub const fn of_number(number: u32) -> Option<Value> {
        Value::new(number)
    }

    /// The line that its meaning is in.
    #[inline]
    pub(crate) const fn line(self) -> usize {
        self.0.get() as usize - 1
    }
}

/// An entry that is no value.
pub(crate) const LINK: u32 = 1 << 31;
/// Words before the entries.
pub(crate) const FOLDED: usize = 5;
pub(crate) const UNFOLDED: usize = 1;
/// Words of an unfolded node's entries.
pub(crate) const PLACES: usize = 128;
const HAS_PREFIXES: u64 = 1 << 59;
const LAST: u64 = 1 << 63;

/// The name of a node: its line and how it lies there; 0 for none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Link(pub(crate) u32);

impl Link {
    pub(crate) const NONE: Link = Link(0);

    /// `None` for a line beyond what fits in a link.
    pub(crate) fn new(line: u32, unfolded: bool) -> Option<Link> {
        let link = line.checked_add(1).filter(|line| *line < 1 << 30)?;
        Some(Link(link << 1 | u32::from(unfolded)))
    }

    #[inline(always)]
    pub(crate) fn line(self) -> usize {
        (self.0 as usize >> 1).wrapping_sub(1) & 0x7fff_ffff
    }

    #[inline(always)]
    pub(crate) fn is_unfolded(self) -> bool {
        self.0 & 1 != 0
    }

    /// Words before the entries.
    #[inline(always)]
    pub(crate) fn head(self) -> usize {
        if self.is_unfolded() { UNFOLDED } else { FOLDED }
    }
}

/// A root's word: the best value of the prefixes that end above, their length, and the node below.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RootWord(pub(crate) u64);

impl RootWord {
    pub(crate) fn new(value: u32, len: u8, link: Link) -> RootWord {
        RootWord(u64::from(value) | u64::from(link.0) << BITS | u64::from(len) << 59)
    }

    #[inline(always)]
    pub(crate) fn value(self) -> u32 {
        self.0 as u32 & Value::MAX
    }

    #[inline(always)]
    pub(crate) fn link(self) -> Link {
        Link((self.0 >> BITS) as u32)
    }

    pub(crate) fn len(self) -> u8 {
        (self.0 >> 59) as u8
    }
}

/// What is inherited, of a head.
#[inline(always)]
pub(crate) fn inherited(head: u64) -> u32 {
    head as u32 & Value::MAX
}

/// A head.
pub(crate) fn head(inherited: u32, bitmap: Option<&[u64; 4]>, has_prefixes: bool) -> u64 {
    let mut head = u64::from(inherited) | if has_prefixes { HAS_PREFIXES } else { 0 };
    let mut before = 0;
    for (at, word) in bitmap.into_iter().flatten().enumerate() {
        head |= before << (BITS as usize + 8 * at);
        before += u64::from(word.count_ones());
    }
    head
}

/// The same head with another inheritance.
pub(crate) fn inheriting(head: u64, inherited: u32) -> u64 {
    head & !u64::from(Value::MAX) | u64::from(inherited)
}

/// Where in the entries the place's run is, by the words before them.
#[inline(always)]
pub(crate) fn rank_in(front: &[AtomicU64; FOLDED], head: u64, place: u8) -> usize {
    let word = usize::from(place >> 6);
    let bits = front[1 + word].load(Ordering::Relaxed);
    let bits = bits << (63 - (place & 63));
    let before = (head >> (BITS as usize + 8 * word)) as usize & 0xff;
    (before + bits.count_ones() as usize).wrapping_sub(1) & 0xff
}

/// The same of a node.
#[inline(always)]
pub(crate) fn rank(words: &[AtomicU64], head: u64, place: u8) -> usize {
    words.first_chunk::<FOLDED>().map_or(0, |front| rank_in(front, head, place))
}

/// The entry `at` of a node whose entries begin at word `first`.
#[inline(always)]
pub(crate) fn entry(words: &[AtomicU64], first: usize, at: usize) -> u32 {
    // It names what was published before it.
    let pair = words.get(first + at / 2).map_or(0, |pair| pair.load(Ordering::Acquire));
    (pair >> (at % 2 * 32)) as u32
}

/// How many entries a node has.
pub(crate) fn entries(words: &[AtomicU64], link: Link) -> usize {
    if link.is_unfolded() {
        return 2 * PLACES;
    }
    let head = words.first().map_or(0, |head| head.load(Ordering::Relaxed));
    rank(words, head, 255) + 1
}

/// A prefix that ends in a node, as it is listed there: `bits` are its bits in this node, after a 1.
pub(crate) fn prefix(bits: u16, value: u32, last: bool) -> u64 {
    u64::from(value) | u64::from(bits) << 32 | if last { LAST } else { 0 }
}

/// The prefixes that end in a node, the shorter first.
pub(crate) fn prefixes(words: &[AtomicU64], link: Link) -> impl Iterator<Item = (u16, u32)> {
    let head = words.first().map_or(0, |head| head.load(Ordering::Relaxed));
    let first = if head & HAS_PREFIXES == 0 {
        words.len()
    } else {
        (link.head() + entries(words, link).div_ceil(2)).min(words.len())
    };
    let mut ended = false;
    words[first..].iter().take(510).map_while(move |word| {
        let word = word.load(Ordering::Acquire);
        let goes_on = !std::mem::replace(&mut ended, word & LAST != 0);
        goes_on.then_some(((word >> 32) as u16 & 0x1ff, word as u32 & Value::MAX))
    })
}
