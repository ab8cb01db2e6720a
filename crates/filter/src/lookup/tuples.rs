//! Prefixes and ranges side by side: a hash table for each combination of masks that occurs. A range is split into
//! the prefixes that make it up.

use super::Key;
use super::PARTS;
use super::exact::Exact;
use crate::types::Type;
use crate::types::Value;

/// What ranges may be split into, all together.
const MOST: usize = 4_000_000;

#[derive(Debug)]
pub(crate) struct Tuples {
    groups: Vec<(Key, Exact)>,
    parts: usize,
    seed: [u64; 2],
}

impl Tuples {
    pub(crate) fn build(types: &[Type], keys: &[&[Value]], seed: [u64; 2]) -> Result<Tuples, String> {
        let mut tuples = Tuples { groups: Vec::new(), parts: types.len(), seed };
        let mut total = 0;
        for (n, key) in keys.iter().enumerate() {
            let pieces: Vec<Vec<(u128, u128)>> =
                key.iter().zip(types).map(|(v, ty)| split(*ty, *v)).collect();
            total += pieces.iter().map(Vec::len).product::<usize>();
            if total > MOST {
                return Err(format!("ranges side by side that make more than {MOST} prefixes: write fewer"));
            }
            tuples.add(&pieces, n as u32);
        }
        Ok(tuples)
    }

    /// Every combination of the pieces.
    fn add(&mut self, pieces: &[Vec<(u128, u128)>], data: u32) {
        let mut at = [0_usize; PARTS];
        loop {
            let mut key = Key::default();
            let mut masks = Key::default();
            for (n, piece) in pieces.iter().enumerate() {
                (key[n], masks[n]) = piece[at[n]];
            }
            let group = self.groups.iter().position(|(known, _)| *known == masks).unwrap_or_else(|| {
                self.groups.push((masks, Exact::with_capacity(self.parts, 4, self.seed)));
                self.groups.len() - 1
            });
            self.groups[group].1.insert(&key, data);
            let mut n = 0;
            loop {
                if n == pieces.len() {
                    return;
                }
                at[n] += 1;
                if at[n] < pieces[n].len() {
                    break;
                }
                at[n] = 0;
                n += 1;
            }
        }
    }

    /// The first element, in the order in which they are written, that the key is in.
    pub(crate) fn get(&self, key: &Key) -> Option<u32> {
        let mut found: Option<u32> = None;
        for (masks, table) in &self.groups {
            let mut masked = *key;
            masked.iter_mut().zip(masks).for_each(|(part, mask)| *part &= mask);
            if let Some(data) = table.get(&masked) {
                found = Some(found.map_or(data, |other| other.min(data)));
            }
        }
        found
    }
}

/// The prefixes that make up a value: first value and mask of each.
fn split(ty: Type, value: Value) -> Vec<(u128, u128)> {
    match value {
        Value::Exact(value) => vec![(value, u128::MAX)],
        Value::Prefix(value, len) => vec![(value, ty.mask(len))],
        Value::Range(low, high) => {
            let mut out = Vec::new();
            let mut at = low;
            loop {
                // The largest block that begins here and does not go beyond the end.
                let mut bits = at.trailing_zeros().min(u32::from(ty.bits()));
                while bits > 0 && at + (size(bits) - 1) > high {
                    bits -= 1;
                }
                out.push((at, if bits >= 128 { 0 } else { u128::MAX << bits }));
                match at.checked_add(size(bits)) {
                    Some(next) if next <= high => at = next,
                    _ => return out,
                }
            }
        }
    }
}

fn size(bits: u32) -> u128 {
    1_u128.checked_shl(bits).unwrap_or(u128::MAX)
}
