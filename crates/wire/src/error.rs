//! What can be wrong with bytes.

use core::fmt;

/// Why bytes were not taken for the header they were offered as, or why a header could not be written.
///
/// The value as `usize` is dense from 0 to [`Malformed::COUNT`], so that callers can count drops per cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Malformed {
    /// Fewer bytes than the fixed part of the header needs.
    Truncated,
    /// A length field that contradicts the bytes that came, or lies below its own minimum.
    BadLength,
    /// The checksum does not agree with the contents.
    BadChecksum,
    /// No checksum where one is obligatory (UDP over IPv6, RFC 8200 s8.1).
    NoChecksum,
    /// An IP version other than the one asked for.
    BadVersion,
    /// A hardware or protocol address space or length other than Ethernet and IPv4 (ARP).
    BadAddressKind,
    /// A TLV option that runs beyond its header.
    BadOption,
    /// A message type that this parser does not read.
    UnknownType,
    /// A hop-by-hop options header that is not the first header (RFC 8200 s4).
    HopByHopNotFirst,
    /// Writing: the buffer is shorter than `buffer_len()`.
    NoRoom,
    /// Writing: the contents do not fit the header's length field.
    TooLong,
}

impl Malformed {
    /// How many causes there are.
    pub const COUNT: usize = Self::ALL.len();

    /// Every cause, in the order of its number.
    pub const ALL: [Malformed; 11] = [
        Malformed::Truncated,
        Malformed::BadLength,
        Malformed::BadChecksum,
        Malformed::NoChecksum,
        Malformed::BadVersion,
        Malformed::BadAddressKind,
        Malformed::BadOption,
        Malformed::UnknownType,
        Malformed::HopByHopNotFirst,
        Malformed::NoRoom,
        Malformed::TooLong,
    ];

    /// A short name for counters: lower case, with underscores.
    pub const fn name(self) -> &'static str {
        match self {
            Malformed::Truncated => "truncated",
            Malformed::BadLength => "bad_length",
            Malformed::BadChecksum => "bad_checksum",
            Malformed::NoChecksum => "no_checksum",
            Malformed::BadVersion => "bad_version",
            Malformed::BadAddressKind => "bad_address_kind",
            Malformed::BadOption => "bad_option",
            Malformed::UnknownType => "unknown_type",
            Malformed::HopByHopNotFirst => "hop_by_hop_not_first",
            Malformed::NoRoom => "no_room",
            Malformed::TooLong => "too_long",
        }
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Malformed::Truncated => "fewer bytes than the header needs",
            Malformed::BadLength => "a length field contradicts the bytes",
            Malformed::BadChecksum => "wrong checksum",
            Malformed::NoChecksum => "no checksum where one is obligatory",
            Malformed::BadVersion => "another IP version",
            Malformed::BadAddressKind => "not ARP for IPv4 over Ethernet",
            Malformed::BadOption => "an option runs beyond its header",
            Malformed::UnknownType => "a message type that is not read here",
            Malformed::HopByHopNotFirst => "a hop-by-hop options header after another header",
            Malformed::NoRoom => "the buffer is too short for the header",
            Malformed::TooLong => "the contents do not fit the length field",
        })
    }
}

impl core::error::Error for Malformed {}

/// The first `N` bytes of `out` to write to, or [`Malformed::NoRoom`].
pub(crate) fn room<const N: usize>(out: &mut [u8]) -> Result<&mut [u8; N], Malformed> {
    out.first_chunk_mut::<N>().ok_or(Malformed::NoRoom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_dense_and_names_differ() {
        for (i, cause) in Malformed::ALL.iter().enumerate() {
            assert_eq!(*cause as usize, i);
            for other in &Malformed::ALL[..i] {
                assert_ne!(cause.name(), other.name());
            }
        }
    }
}
