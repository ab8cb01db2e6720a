//! Why an MLD message is discarded.

use core::fmt;

/// The check that a message failed.
///
/// The value as `usize` is dense from 0 to [`MldInvalid::COUNT`], so that each reason has a counter of its
/// own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum MldInvalid {
    /// Not a type of MLD.
    NotMld,
    /// The hop limit is not 1.
    HopLimit,
    /// No router alert for MLD in a hop-by-hop options header.
    NoRouterAlert,
    /// From other than a link-local address.
    SourceNotLinkLocal,
    /// Shorter than the message's fixed part.
    TooShort,
    /// Wrong checksum.
    Checksum,
    /// A query of 25 to 27 octets, which is of neither version.
    QueryLength,
    /// Sources or records that run beyond the message.
    Truncated,
}

impl MldInvalid {
    /// How many reasons there are.
    pub const COUNT: usize = Self::ALL.len();

    /// Every reason, in the order of its number.
    pub const ALL: [MldInvalid; 8] = [
        MldInvalid::NotMld,
        MldInvalid::HopLimit,
        MldInvalid::NoRouterAlert,
        MldInvalid::SourceNotLinkLocal,
        MldInvalid::TooShort,
        MldInvalid::Checksum,
        MldInvalid::QueryLength,
        MldInvalid::Truncated,
    ];

    /// The name of every reason, in the order of its number.
    pub const NAMES: [&'static str; Self::COUNT] = [
        "not_mld",
        "hop_limit",
        "no_router_alert",
        "source_not_link_local",
        "too_short",
        "checksum",
        "query_length",
        "truncated",
    ];

    /// A short name for counters: lower case, with underscores.
    pub const fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }
}

impl fmt::Display for MldInvalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl core::error::Error for MldInvalid {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_dense() {
        for (i, reason) in MldInvalid::ALL.iter().enumerate() {
            assert_eq!(*reason as usize, i);
        }
        assert_eq!(MldInvalid::QueryLength.name(), "query_length");
        assert_eq!(MldInvalid::Truncated.name(), "truncated");
    }
}
