//! Prefixes and ranges of one field: sorted and apart, with a table of their first bits in front.
//!
//! The bits that all of them share are left out of that table, so that it divides them however they lie: a thousand
//! prefixes of one /32 as well as a thousand all over the address space. It has about as many cells as there are ranges, so that
//! one is found at once, in three lines of a cache however many they are.

use crate::types::Type;

/// Bits of the table in front, at the least and at the most.
const FRONT: [u32; 2] = [6, 16];

/// The number of what is between two ranges.
const NOTHING: u32 = u32::MAX;

#[derive(Debug)]
pub(crate) struct Ranges {
    /// Where each begins, and what is between two. It ends where the next one begins, the last at `last`.
    lows: Vec<u128>,
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
            data: Vec::with_capacity(all.len()),
            front: Vec::new(),
            first: all.first().map_or(0, |(low, ..)| *low),
            last: all.iter().map(|(_, high, _)| *high).max().unwrap_or(0),
            shift: 0,
        };
        let mut end = None;
        for (low, high, data) in all {
            let begin = match end {
                Some(before) if before >= high => continue,
                Some(before) if before >= low => before + 1,
                _ => low,
            };
            if let Some(before) = end.filter(|before| begin - before > 1) {
                ranges.lows.push(before + 1);
                ranges.data.push(NOTHING);
            }
            ranges.lows.push(begin);
            ranges.data.push(data);
            end = Some(high);
        }
        ranges.divide(ty);
        ranges
    }

    fn divide(&mut self, ty: Type) {
        let span = self.last - self.first;
        let bits = 128 - span.leading_zeros();
        let front = (usize::BITS - self.lows.len().leading_zeros()).clamp(FRONT[0], FRONT[1]);
        self.shift = bits.saturating_sub(front).min(u32::from(ty.bits()));
        let cells = (span >> self.shift) as usize + 1;
        let mut at = 0;
        for cell in 0..cells {
            let value = self.first + ((cell as u128) << self.shift);
            while at < self.lows.len() && self.lows[at] < value {
                at += 1;
            }
            self.front.push(at as u32);
        }
        // Behind the last cell there may be no value any more.
        self.front.push(self.lows.len() as u32);
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
        Some(self.data[at]).filter(|data| *data != NOTHING)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whatever ranges there are, each value is in that which has it: of several the one that begins first, or is shorter.
    #[test]
    fn values_are_found_where_a_list_has_them() {
        let mut number = 1_u64;
        let mut next = |below: u64| {
            number = number.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
            u128::from((number >> 33) % below)
        };
        for round in 0..200 {
            let span = [20, 300, 70_000][round % 3];
            let bounds: Vec<(u128, u128)> = (0..next(60) + 1)
                .map(|_| {
                    let low = next(span);
                    (low, (low + next(span / 8)).min(0xffff_ffff))
                })
                .collect();
            let ranges = Ranges::build(Type::Ipv4, bounds.iter().copied());
            let mut sorted: Vec<(u128, u128, u32)> =
                bounds.iter().zip(0..).map(|((low, high), at)| (*low, *high, at)).collect();
            sorted.sort_unstable();
            for value in (0..u128::from(span) * 2).step_by(1 + round % 7) {
                // What a range that begins earlier has, another one has not.
                let has = sorted.iter().find(|(low, high, _)| (*low..=*high).contains(&value));
                assert_eq!(ranges.get(value), has.map(|(.., at)| *at), "{value} in {bounds:?}");
            }
        }
    }

    #[test]
    fn the_whole_of_a_field_is_a_range_as_others_are() {
        let ranges = Ranges::build(Type::Ipv6, [(0, u128::MAX)].into_iter());
        assert_eq!([0, 7, u128::MAX].map(|value| ranges.get(value)), [Some(0); 3]);
        let two = Ranges::build(Type::Ipv6, [(u128::MAX, u128::MAX), (0, 0)].into_iter());
        assert_eq!([0, 7, u128::MAX].map(|value| two.get(value)), [Some(1), None, Some(0)]);
        assert_eq!(Ranges::build(Type::Ipv6, std::iter::empty()).get(0), None);
    }
}
