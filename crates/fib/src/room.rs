//! The keeper's side of the memory: which lines are free, and which are so soon.

use crate::arena::Arena;
use crate::arena::LINE;

/// Sizes of blocks, in lines. What is not a size is rounded up to one.
const SIZES: [usize; 24] =
    [1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 17, 18, 20, 22, 24, 28, 32, 40, 48, 56, 64, 82];

/// Lines kept aside before they are used again, at the least: look-ups under way have long ended then.
const ASIDE: usize = if cfg!(any(siding_loom, siding_shuttle)) { 0 } else { 4096 };

/// Lines that a value can name.
pub(crate) const MOST: usize = 1 << 27;

/// What is free. Memory that was used once is only used again after it was kept aside.
#[derive(Debug)]
pub(crate) struct Room {
    /// Lines never used yet: from here to the end of the present chunk.
    next: usize,
    end: usize,
    free: Box<[Vec<u32>]>,
    /// Blocks that readers may still be in, and their sizes.
    aside: Vec<(u32, u8)>,
    aside_lines: usize,
    live_lines: usize,
    /// Lines that there may be: more have no name that a value could have.
    most: usize,
}

fn size(words: usize) -> usize {
    let lines = words.div_ceil(LINE);
    SIZES.partition_point(|size| *size < lines).min(SIZES.len() - 1)
}

impl Room {
    pub(crate) fn new(most: usize) -> Room {
        Room {
            next: 0,
            end: 0,
            free: SIZES.map(|_| Vec::new()).into(),
            aside: Vec::new(),
            aside_lines: 0,
            live_lines: 0,
            most,
        }
    }

    /// The first line of a block of so many words. `None` if there is no more memory that could be named.
    pub(crate) fn take(&mut self, arena: &Arena, words: usize) -> Option<u32> {
        let size = size(words);
        let line = self.find(arena, size)?;
        self.live_lines += SIZES[size];
        Some(line)
    }

    fn find(&mut self, arena: &Arena, size: usize) -> Option<u32> {
        if let Some(line) = self.free[size].pop() {
            return Some(line);
        }
        if self.end - self.next < SIZES[size]
            && let Some(larger) = (size + 1..SIZES.len()).find(|larger| !self.free[*larger].is_empty())
            && let Some(line) = self.free[larger].pop()
        {
            self.split(line as usize + SIZES[size], SIZES[larger] - SIZES[size]);
            return Some(line);
        }
        while self.end - self.next < SIZES[size] {
            let chunk = arena.open(self.end).filter(|chunk| chunk.end <= self.most)?;
            let (rest, lines) = (self.next, self.end - self.next);
            self.split(rest, lines);
            (self.next, self.end) = (chunk.start, chunk.end);
        }
        let line = self.next;
        self.next += SIZES[size];
        u32::try_from(line).ok()
    }

    /// Whether so many blocks can be taken, whatever their sizes. What they may need is there from then on, so that taking them
    /// cannot fail for want of memory: that would be halfway through what is to be all or nothing. What is not used of it costs
    /// nothing, for the system makes each page when it is touched.
    pub(crate) fn has(&self, arena: &Arena, blocks: usize) -> bool {
        let largest = SIZES[SIZES.len() - 1];
        let (mut end, mut wanted) = (self.end, blocks.saturating_mul(largest));
        let mut lines = self.end - self.next;
        while lines < wanted {
            let Some(chunk) = arena.chunk_at(end).filter(|chunk| end + chunk <= self.most) else {
                return false;
            };
            (end, lines) = (end + chunk, lines + chunk);
            // What is left of a chunk may be too small for one.
            wanted += largest;
        }
        // Only when all can be named, so that no memory is asked for in vain.
        let mut opened = self.end;
        while opened < end {
            let Some(chunk) = arena.open(opened) else { return false };
            opened = chunk.end;
        }
        true
    }

    /// Gives a block back that is linked to no more.
    pub(crate) fn give(&mut self, arena: &Arena, line: u32, words: usize) {
        let size = size(words);
        self.live_lines -= SIZES[size];
        self.aside_lines += SIZES[size];
        self.aside.push((line, size as u8));
        if self.aside_lines > ASIDE {
            arena.tick();
            self.aside_lines = 0;
            for (line, size) in self.aside.drain(..) {
                self.free[usize::from(size)].push(line);
            }
        }
    }

    /// Lines in use, and lines that were and are not any more.
    pub(crate) fn lines(&self) -> (usize, usize) {
        let free: usize = self.free.iter().zip(SIZES).map(|(lines, size)| lines.len() * size).sum();
        (self.live_lines, free + self.aside_lines)
    }

    /// Notes lines as free, in blocks as large as there are.
    fn split(&mut self, mut line: usize, mut lines: usize) {
        while lines > 0 {
            let size = SIZES.partition_point(|size| *size <= lines) - 1;
            self.free[size].extend(u32::try_from(line));
            line += SIZES[size];
            lines -= SIZES[size];
        }
    }
}

#[cfg(all(test, not(any(siding_loom, siding_shuttle))))]
mod tests {
    use super::*;

    #[test]
    fn what_was_given_back_is_used_again_and_no_two_have_the_same() {
        let arena = Arena::new();
        let mut room = Room::new(MOST);
        let mut had: Vec<(u32, usize)> = Vec::new();
        let mut used = 0;
        for round in 0..20_000_usize {
            let words = 1 + round * 7919 % 640;
            had.push((room.take(&arena, words).unwrap(), words));
            if had.len() > 50 {
                let (line, words) = had.swap_remove(round % 50);
                room.give(&arena, line, words);
            }
            if round == 10_000 {
                used = room.end;
            }
        }
        assert_eq!(room.end, used, "a steady state takes no new memory");
        let lines = |(line, words): &(u32, usize)| (*line, *line + SIZES[size(*words)] as u32);
        let mut spans: Vec<_> = had.iter().map(lines).collect();
        spans.sort_unstable();
        assert!(spans.windows(2).all(|pair| pair[0].1 <= pair[1].0));
    }
}
