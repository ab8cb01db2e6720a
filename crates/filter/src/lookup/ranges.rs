//! Prefixes and ranges of one field: sorted and apart, with a table of their first bits in front.
//!
//! The bits that all of them share are left out of that table, so that it divides them however they lie: a thousand
//! prefixes of one /32 as well as a thousand all over the address space.

use crate::types::Type;

/// Bits of the table in front.
const FRONT: u32 = 12;

#[derive(Debug)]
pub(crate) struct Ranges {
    lows: Vec<u128>,
    highs: Vec<u128>,
    data: Vec<u32>,
    /// How many begin below each value of the first bits.
    front: Vec<u32>,
    first: u128,
    last: u128,
    shift: u32,
}

impl Ranges {
    /// Of what overlaps, the one that begins first has it; what is left of the other is its own.
    pub(crate) fn build(ty: Type, bounds: impl Iterator<Item = (u128, u128)>) -> Ranges {
        let mut all: Vec<(u128, u128, u32)> =
            bounds.enumerate().map(|(n, (low, high))| (low, high, n as u32)).collect();
        all.sort_unstable();
        let mut ranges = Ranges {
            lows: Vec::with_capacity(all.len()),
            highs: Vec::with_capacity(all.len()),
            data: Vec::with_capacity(all.len()),
            front: Vec::new(),
            first: all.first().map_or(0, |(low, ..)| *low),
            last: all.iter().map(|(_, high, _)| *high).max().unwrap_or(0),
            shift: 0,
        };
        for (low, high, data) in all {
            let begin = match ranges.highs.last() {
                Some(before) if *before >= high => continue,
                Some(before) if *before >= low => before + 1,
                _ => low,
            };
            ranges.lows.push(begin);
            ranges.highs.push(high);
            ranges.data.push(data);
        }
        ranges.divide(ty);
        ranges
    }

    fn divide(&mut self, ty: Type) {
        let span = self.last - self.first;
        let bits = 128 - span.leading_zeros();
        self.shift = bits.saturating_sub(FRONT).min(u32::from(ty.bits()));
        let cells = (span >> self.shift) as usize + 1;
        let mut at = 0;
        for cell in 0..=cells {
            let value = self.first.saturating_add((cell as u128) << self.shift);
            while at < self.lows.len() && self.lows[at] < value {
                at += 1;
            }
            self.front.push(at as u32);
        }
    }

    pub(crate) fn get(&self, value: u128) -> Option<u32> {
        if value < self.first || value > self.last || self.lows.is_empty() {
            return None;
        }
        let cell = ((value - self.first) >> self.shift) as usize;
        // The last that begins at or below the value begins in this cell, or just before it.
        let from = self.front[cell] as usize;
        let to = self.front.get(cell + 1).map_or(self.lows.len(), |to| *to as usize);
        let count = from + self.lows[from..to].partition_point(|low| *low <= value);
        let at = count.checked_sub(1)?;
        (self.highs[at] >= value).then(|| self.data[at])
    }
}
