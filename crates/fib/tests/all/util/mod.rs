//! A table that looks at every length, and random prefixes of realistic lengths.
#![allow(dead_code, reason = "each test uses its part")]

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;

use siding_fib::Key;
use siding_fib::Meaning;

/// A key that can be made of bits.
pub(crate) trait Bits: Key + std::fmt::Debug {
    /// The bits, in the uppermost; what does not fit is left out.
    fn of(bits: u128) -> Self;
    /// Lengths of prefixes, as often as they are to come.
    fn lengths() -> &'static [u8];
}

impl Bits for Ipv4Addr {
    fn of(bits: u128) -> Self {
        Ipv4Addr::from_bits((bits >> 96) as u32)
    }

    fn lengths() -> &'static [u8] {
        &[0, 1, 8, 12, 15, 16, 16, 17, 19, 20, 21, 22, 22, 23, 23, 24, 24, 24, 24, 24, 25, 28, 30, 32, 32]
    }
}

impl Bits for Ipv6Addr {
    fn of(bits: u128) -> Self {
        Ipv6Addr::from_bits(bits)
    }

    fn lengths() -> &'static [u8] {
        &[0, 3, 7, 10, 16, 20, 28, 29, 32, 32, 32, 36, 40, 44, 48, 48, 48, 48, 56, 60, 64, 64, 127, 128]
    }
}

/// Three bytes, of which the root decides none.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rootless([u8; 3]);

/// Three bytes, of which the root decides one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Small([u8; 3]);

macro_rules! three_bytes {
    ($name:ident, $root:expr) => {
        impl Key for $name {
            const BYTES: usize = 3;
            const ROOT: usize = $root;

            fn octet(self, at: usize) -> u8 {
                self.0.get(at).copied().unwrap_or(0)
            }
        }

        impl Bits for $name {
            fn of(bits: u128) -> Self {
                $name([(bits >> 120) as u8, (bits >> 112) as u8, (bits >> 104) as u8])
            }

            fn lengths() -> &'static [u8] {
                &[0, 1, 2, 3, 5, 7, 8, 8, 9, 10, 12, 15, 16, 16, 17, 20, 22, 23, 24, 24]
            }
        }
    };
}

three_bytes!(Rootless, 0);
three_bytes!(Small, 1);

/// The first `len` bits.
pub(crate) fn masked(bits: u128, len: u8) -> u128 {
    bits & u128::MAX.checked_shl(128 - u32::from(len)).unwrap_or(0)
}

/// What a prefix's value is to stand for: the prefix, and which of its values it is.
pub(crate) fn meaning(bits: u128, len: u8, version: u32) -> Meaning {
    let bits = masked(bits, len);
    let (upper, lower) = ((bits >> 64) as u64, bits as u64);
    [upper, lower, u64::from(len) | u64::from(version) << 8, !(upper ^ lower ^ u64::from(len))]
}

/// The prefix that a meaning was made for, if it is whole.
pub(crate) fn prefix_of(meaning: Meaning) -> Option<(u128, u8)> {
    let [upper, lower, which, check] = meaning;
    let len = which as u8;
    let whole = check == !(upper ^ lower ^ u64::from(len));
    whole.then_some((u128::from(upper) << 64 | u128::from(lower), len))
}

/// Prefixes and what they are for.
#[derive(Debug, Default)]
pub(crate) struct Oracle(pub(crate) BTreeMap<(u8, u128), u32>);

impl Oracle {
    /// All that contain these bits, the shorter first.
    pub(crate) fn covering(&self, bits: u128) -> Vec<(u8, u32)> {
        let there = |len: u8| self.0.get(&(len, masked(bits, len))).map(|value| (len, *value));
        (0..=128).filter_map(there).collect()
    }
}

/// Numbers that look random.
#[derive(Debug)]
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    /// The next.
    pub(crate) fn roll(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// One of `below`.
    pub(crate) fn below(&mut self, below: usize) -> usize {
        (self.roll() >> 32) as usize % below.max(1)
    }
}
