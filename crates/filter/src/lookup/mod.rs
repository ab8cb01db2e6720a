//! Sets and maps, each in the form in which it is asked most quickly.
//!
//! | elements | form |
//! |---|---|
//! | single values, also side by side | a hash table ([`exact`]) |
//! | prefixes and ranges of one field | sorted, with a table of the first bits ([`ranges`]) |
//! | prefixes and ranges side by side | a hash table for each mask that occurs ([`tuples`]) |
//! | such as rules change, or time does | a table of atomic words ([`dynamic`]) |

pub(crate) mod dynamic;
pub(crate) mod each;
pub(crate) mod exact;
pub(crate) mod ranges;
pub(crate) mod tuples;

use crate::types::Type;
use crate::types::Value;

/// A key has at most so many parts.
pub(crate) const PARTS: usize = crate::parse::MOST_PARTS;

/// A key as it is looked up: a number for each part, the rest 0.
pub(crate) type Key = [u128; PARTS];

/// A set or map that nobody changes; it gives the number of the element.
#[derive(Debug)]
pub(crate) enum Lookup {
    Exact(exact::Exact),
    Ranges(ranges::Ranges),
    Tuples(tuples::Tuples),
}

impl Lookup {
    /// Builds the right form; `seed` keys its hash.
    ///
    /// # Errors
    /// What is too large.
    pub(crate) fn build(types: &[Type], keys: &[&[Value]], seed: [u64; 2]) -> Result<Lookup, String> {
        let exact = keys.iter().all(|key| key.iter().all(|value| matches!(value, Value::Exact(_))));
        if exact {
            let mut table = exact::Exact::with_capacity(types.len(), keys.len(), seed);
            for (n, key) in keys.iter().enumerate() {
                table.insert(&whole(types, key), n as u32);
            }
            return Ok(Lookup::Exact(table));
        }
        match types {
            [ty] => {
                let bounds = keys.iter().filter_map(|key| key.first()).map(|value| ty.bounds(*value));
                Ok(Lookup::Ranges(ranges::Ranges::build(*ty, bounds)))
            }
            _ => tuples::Tuples::build(types, keys, seed).map(Lookup::Tuples),
        }
    }

    /// The number of the element that a key is in.
    pub(crate) fn get(&self, key: &Key) -> Option<u32> {
        match self {
            Lookup::Exact(table) => table.get(key),
            Lookup::Ranges(table) => table.get(key[0]),
            Lookup::Tuples(table) => table.get(key),
        }
    }
}

/// The first value of each part.
pub(crate) fn whole(types: &[Type], values: &[Value]) -> Key {
    let mut key = [0; PARTS];
    for ((into, value), ty) in key.iter_mut().zip(values).zip(types) {
        *into = ty.bounds(*value).0;
    }
    key
}

/// Mixes every bit into the result. Keys are those of files, and of commands, which may have an address from a peer who would be locked
/// out: he does not know the seed.
pub(crate) fn mix(parts: &[u128], [seed, other_seed]: [u64; 2]) -> u64 {
    let mut hash = 0x9e37_79b9_7f4a_7c15_u64 ^ seed;
    for part in parts {
        let low = (*part as u64) ^ hash;
        let high = (*part >> 64) as u64 ^ 0xd6e8_feb8_6659_fd93 ^ other_seed;
        let product = u128::from(low | 1).wrapping_mul(u128::from(high | 1))
            ^ u128::from(low).wrapping_mul(0xa076_1d64_78bd_642f)
            ^ u128::from(high).wrapping_mul(0xe703_7ed1_a0b4_28db);
        hash = (product >> 64) as u64 ^ product as u64;
    }
    hash ^ hash >> 29
}
