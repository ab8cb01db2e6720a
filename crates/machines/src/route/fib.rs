//! The table of routes as the data path reads it.
//!
//! Prefixes cut the address space into ranges, within each of which one route is best: n routes make at most
//! 2n + 1 ranges. A look-up is a search for the range that the destination lies in. The starts of the ranges
//! are kept as a static B-tree of 64-byte lines (the layout is that of Khuong and Morin, "Array Layouts for
//! Comparison-Based Searching", 2017), eight starts to a line, so that 100,000 routes cost six lines, of
//! which the first four stay in the nearer caches.
//!
//! A start has 64 bits: of an IPv6 address the upper half. Where prefixes longer than 64 bits subdivide one upper
//! half, its range points to a list of its own, searched by the lower half.

use siding_netisr::IfId;

use super::prefix::Address;
use super::table::Route;
use super::table::Table;

/// Starts in a line of the tree.
const WIDTH: usize = 8;
/// The range has no route.
const NONE: u32 = u32::MAX;
/// Marks a range that is subdivided; the other bits are an index into the lists.
const LIST: u32 = 1 << 31;

/// The best routes of a [`Table`], compiled for look-ups; it never changes, and a new one is published instead.
#[derive(Debug, Clone)]
pub struct Fib<A, I = IfId> {
    routes: Vec<Route<A, I>>,
    starts: Vec<Line>,
    /// What each start begins, in the order of `starts`.
    values: Vec<[u32; WIDTH]>,
    /// Lines from the root to the deepest.
    height: usize,
    lists: Vec<List>,
}

/// Eight starts, ascending, in one line of the cache.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
struct Line([u64; WIDTH]);

/// The ranges within one upper half: where each starts, and its route. The first starts at 0.
#[derive(Debug, Clone, Default)]
struct List {
    starts: Vec<u64>,
    values: Vec<u32>,
}

impl<A: Address, I: Copy + Ord> Fib<A, I> {
    /// Compiles a table, in time proportional to n log n. Routes beyond 2^31 prefixes, which no memory holds,
    /// would be left out.
    pub fn compile(table: &Table<A, I>) -> Fib<A, I> {
        let mut routes: Vec<Route<A, I>> = table.best().copied().collect();
        routes.truncate(LIST as usize);
        routes.sort_unstable_by_key(|route| (route.prefix.addr(), route.prefix.prefix_len()));
        let (tops, lists) = split(&ranges(&routes));
        // One line more than the starts need, all of it padding: where the descent goes that has left the tree.
        // Padding has the last start's value, so that an address at the very end that finds it is right too.
        let lines = tops.len().div_ceil(WIDTH) + 1;
        let last = tops.last().map_or(NONE, |top| top.1);
        let mut fib = Fib {
            routes,
            starts: vec![Line([u64::MAX; WIDTH]); lines],
            values: vec![[last; WIDTH]; lines],
            height: 0,
            lists,
        };
        fib.lay_out(&mut tops.into_iter(), 0);
        let mut leftmost = 0;
        while leftmost < lines - 1 {
            leftmost = child(leftmost, 0);
            fib.height += 1;
        }
        fib
    }

    /// The best route of the longest prefix that contains `dst`: what [`Table::lookup`] says.
    #[inline]
    pub fn lookup(&self, dst: A) -> Option<&Route<A, I>> {
        let position = dst.left_justified();
        let (upper, lower) = ((position >> 64) as u64, position as u64);
        let padding = self.starts.len() - 1;
        let (mut found, mut line) = ((padding, 0), 0);
        // Always the whole height, so that no branch depends on the destination and none is guessed wrong.
        for _ in 0..self.height {
            let below = self.starts[line].rank(upper);
            found = if below > 0 { (line, below - 1) } else { found };
            line = child(line, below).min(padding);
        }
        let mut value = self.values[found.0][found.1];
        if value != NONE && value & LIST != 0 {
            let list = &self.lists[(value & !LIST) as usize];
            let below = list.starts.partition_point(|start| *start <= lower);
            value = list.values[below.saturating_sub(1)];
        }
        self.routes.get(value as usize)
    }

    /// Number of prefixes.
    pub fn len(&self) -> usize {
        self.routes.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.routes.is_empty()
    }

    /// Bytes of memory behind it.
    pub fn bytes(&self) -> usize {
        let lists: usize = self.lists.iter().map(|list| list.starts.len() * 12 + size_of::<List>()).sum();
        size_of_val(self.routes.as_slice())
            + size_of_val(self.starts.as_slice())
            + size_of_val(self.values.as_slice())
            + lists
    }

    /// Fills the subtree of `line` in ascending order: child, start, child, start ... child.
    fn lay_out(&mut self, tops: &mut impl Iterator<Item = (u64, u32)>, line: usize) {
        if line >= self.starts.len() - 1 {
            return;
        }
        for place in 0..WIDTH {
            self.lay_out(tops, child(line, place));
            if let Some((start, value)) = tops.next() {
                self.starts[line].0[place] = start;
                self.values[line][place] = value;
            }
        }
        self.lay_out(tops, child(line, WIDTH));
    }
}

impl Line {
    /// How many of the starts are not beyond `upper`: three halvings and the last. Counting all eight, which the
    /// compiler turns into vectors that lack this comparison, made a look-up half as slow again.
    #[inline]
    fn rank(&self, upper: u64) -> usize {
        let le = |place: usize| usize::from(self.0[place & (WIDTH - 1)] <= upper);
        let mut rank = 4 * le(3);
        rank += 2 * le(rank + 1);
        rank += le(rank);
        rank + usize::from(rank == WIDTH - 1) * le(WIDTH - 1)
    }
}

fn child(line: usize, place: usize) -> usize {
    line * (WIDTH + 1) + place + 1
}

/// The ranges of the address space, each by its start and the route that is best in it, in ascending order, and no
/// two neighbours alike. `routes` are sorted, a prefix before those within it.
fn ranges<A: Address, I>(routes: &[Route<A, I>]) -> Vec<(u128, u32)> {
    let mut ranges = vec![(0, NONE)];
    // The prefixes around the present position, innermost last: their last address and their route.
    let mut around: Vec<(u128, u32)> = Vec::new();
    let leave = |ranges: &mut Vec<(u128, u32)>, around: &mut Vec<(u128, u32)>| {
        if let Some((last, _)) = around.pop()
            && let Some(next) = last.checked_add(1)
        {
            begin(ranges, next, around.last().map_or(NONE, |outer| outer.1));
        }
    };
    for (index, route) in routes.iter().enumerate() {
        let first = route.prefix.addr().left_justified();
        let size = u128::MAX.checked_shr(u32::from(route.prefix.prefix_len())).unwrap_or(0);
        while around.last().is_some_and(|(last, _)| *last < first) {
            leave(&mut ranges, &mut around);
        }
        begin(&mut ranges, first, index as u32);
        around.push((first | size, index as u32));
    }
    while !around.is_empty() {
        leave(&mut ranges, &mut around);
    }
    ranges.dedup_by_key(|range| range.1);
    ranges
}

/// A range begins; of several that begin at one place the last counts.
fn begin(ranges: &mut Vec<(u128, u32)>, start: u128, value: u32) {
    match ranges.last_mut() {
        Some(last) if last.0 == start => last.1 = value,
        _ => ranges.push((start, value)),
    }
}

/// Separates what the upper halves decide from the lists for those that are subdivided. A start that comes twice
/// is meant as it comes the second time, and so it is found: the search wants the last that is not beyond.
fn split(ranges: &[(u128, u32)]) -> (Vec<(u64, u32)>, Vec<List>) {
    let mut tops: Vec<(u64, u32)> = Vec::with_capacity(ranges.len());
    let mut lists = Vec::new();
    // The route in force where the present upper half begins.
    let mut inherited = NONE;
    for group in ranges.chunk_by(|a, b| a.0 >> 64 == b.0 >> 64) {
        let upper = (group[0].0 >> 64) as u64;
        let after = group[group.len() - 1].1;
        if group.len() == 1 && group[0].0 as u64 == 0 {
            tops.push((upper, after));
        } else {
            let mut list = List::default();
            if group[0].0 as u64 != 0 {
                list.starts.push(0);
                list.values.push(inherited);
            }
            list.starts.extend(group.iter().map(|range| range.0 as u64));
            list.values.extend(group.iter().map(|range| range.1));
            tops.push((upper, LIST | lists.len() as u32));
            lists.push(list);
            if let Some(next) = upper.checked_add(1) {
                tops.push((next, after));
            }
        }
        inherited = after;
    }
    (tops, lists)
}
