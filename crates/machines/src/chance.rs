//! Chance, from a seed.

use std::time::Duration;

/// A small generator (SplitMix64), good enough to spread timers. Secrets come from the seed, which the program
/// draws from the system and the simulator from its own.
#[derive(Debug, Clone)]
pub struct Chance(u64);

impl Chance {
    /// A generator; the same seed gives the same numbers.
    pub fn new(seed: u64) -> Chance {
        Chance(seed)
    }

    /// Any number.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A duration from `from` to `to`.
    pub fn between(&mut self, from: Duration, to: Duration) -> Duration {
        let span = u64::try_from(to.saturating_sub(from).as_nanos()).unwrap_or(u64::MAX);
        from + Duration::from_nanos(((u128::from(self.next_u64()) * (u128::from(span) + 1)) >> 64) as u64)
    }

    /// A nonce (RFC 7527).
    pub fn nonce(&mut self) -> [u8; 6] {
        let [a, b, c, d, e, f, ..] = self.next_u64().to_be_bytes();
        [a, b, c, d, e, f]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_stay_in_their_range_and_reach_its_ends() {
        let mut chance = Chance::new(7);
        let (from, to) = (Duration::from_nanos(3), Duration::from_nanos(5));
        let drawn: std::collections::BTreeSet<_> =
            (0..200).map(|_| chance.between(from, to).as_nanos()).collect();
        assert_eq!(drawn.into_iter().collect::<Vec<_>>(), [3, 4, 5]);
    }
}
