//! Why a neighbour discovery message is discarded.

use core::fmt;

/// The check that a message failed.
///
/// The value as `usize` is dense from 0 to [`NdInvalid::COUNT`], so that each reason has a counter of its
/// own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum NdInvalid {
    /// Not a type of neighbour discovery.
    NotNd,
    /// The hop limit is not 255.
    HopLimit,
    /// The packet had a fragment header (RFC 6980).
    Fragmented,
    /// Shorter than the message's fixed part.
    TooShort,
    /// Wrong checksum.
    Checksum,
    /// The code is not 0.
    Code,
    /// An option whose length is 0.
    OptionLengthZero,
    /// An option that runs beyond the message.
    OptionTruncated,
    /// The target of a neighbour message is a group.
    TargetMulticast,
    /// An advertisement to a group that claims to have been solicited.
    SolicitedToMulticast,
    /// A solicitation from :: that tells a source link-layer address.
    UnspecifiedWithSlla,
    /// A neighbour solicitation from :: that does not go to a solicited-node group.
    UnspecifiedNotToSolicitedNode,
    /// A router advertisement from other than a link-local address.
    RaSourceNotLinkLocal,
    /// A redirect from other than a link-local address.
    RedirectSourceNotLinkLocal,
    /// A redirect for a group.
    RedirectDestinationMulticast,
    /// A redirect to a target that is neither link-local nor the destination itself.
    RedirectTargetNotLinkLocal,
    /// A redirect from other than the first-hop router for its destination. Never said by
    /// [`super::validate`], which has no routes; the caller counts it with the rest.
    RedirectNotFirstHop,
}

impl NdInvalid {
    /// How many reasons there are.
    pub const COUNT: usize = Self::ALL.len();

    /// Every reason, in the order of its number.
    pub const ALL: [NdInvalid; 17] = [
        NdInvalid::NotNd,
        NdInvalid::HopLimit,
        NdInvalid::Fragmented,
        NdInvalid::TooShort,
        NdInvalid::Checksum,
        NdInvalid::Code,
        NdInvalid::OptionLengthZero,
        NdInvalid::OptionTruncated,
        NdInvalid::TargetMulticast,
        NdInvalid::SolicitedToMulticast,
        NdInvalid::UnspecifiedWithSlla,
        NdInvalid::UnspecifiedNotToSolicitedNode,
        NdInvalid::RaSourceNotLinkLocal,
        NdInvalid::RedirectSourceNotLinkLocal,
        NdInvalid::RedirectDestinationMulticast,
        NdInvalid::RedirectTargetNotLinkLocal,
        NdInvalid::RedirectNotFirstHop,
    ];

    /// The name of every reason, in the order of its number.
    pub const NAMES: [&'static str; Self::COUNT] = [
        "not_nd",
        "hop_limit",
        "fragmented",
        "too_short",
        "checksum",
        "code",
        "option_length_zero",
        "option_truncated",
        "target_multicast",
        "solicited_to_multicast",
        "unspecified_with_slla",
        "unspecified_not_to_solicited_node",
        "ra_source_not_link_local",
        "redirect_source_not_link_local",
        "redirect_destination_multicast",
        "redirect_target_not_link_local",
        "redirect_not_first_hop",
    ];

    /// A short name for counters: lower case, with underscores.
    pub const fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }
}

impl fmt::Display for NdInvalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl core::error::Error for NdInvalid {}

#[cfg(test)]
mod tests {
    use super::*;

    extern crate std;
    use std::format;
    use std::string::String;

    #[test]
    fn numbers_are_dense_and_names_are_the_variants() {
        for (i, reason) in NdInvalid::ALL.iter().enumerate() {
            assert_eq!(*reason as usize, i);
            let mut snake = String::new();
            for c in format!("{reason:?}").chars() {
                if c.is_uppercase() && !snake.is_empty() {
                    snake.push('_');
                }
                snake.push(c.to_ascii_lowercase());
            }
            assert_eq!(reason.name(), snake);
        }
    }
}
