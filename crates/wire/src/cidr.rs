//! Addresses with the lengths of their prefixes, as people write them.

use core::fmt;
use core::net::IpAddr;
use core::str::FromStr;

/// An IP address and how many of its bits are the prefix: `192.0.2.1/24`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Cidr {
    address: IpAddr,
    length: u8,
}

impl Cidr {
    /// An address with its prefix length in bits.
    ///
    /// # Errors
    /// If there are more bits than the address has.
    pub fn new(address: IpAddr, length: u8) -> Result<Self, CidrError> {
        let most = if address.is_ipv4() { 32 } else { 128 };
        if length > most { Err(CidrError::TooLong { length, most }) } else { Ok(Self { address, length }) }
    }

    /// The address, with its host bits.
    #[must_use]
    pub fn address(self) -> IpAddr {
        self.address
    }

    /// The prefix length in bits.
    #[must_use]
    pub fn length(self) -> u8 {
        self.length
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.length)
    }
}

impl FromStr for Cidr {
    type Err = CidrError;

    /// Reads `address/length`; without a length, the address alone is the prefix.
    fn from_str(text: &str) -> Result<Self, CidrError> {
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| CidrError::Unreadable)?;
        let length = match length {
            Some(length) => length.parse().map_err(|_| CidrError::Unreadable)?,
            None if address.is_ipv4() => 32,
            None => 128,
        };
        Self::new(address, length)
    }
}

/// Why a text or a pair is no [`Cidr`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CidrError {
    /// Not of the form `address/length`.
    Unreadable,
    /// More bits than the address has.
    TooLong {
        /// What was given, in bits.
        length: u8,
        /// What the address has, in bits.
        most: u8,
    },
}

impl fmt::Display for CidrError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CidrError::Unreadable => {
                f.write_str("no address with a prefix length; write 192.0.2.1/24 or 2001:db8::1/64")
            }
            CidrError::TooLong { length, most } => {
                write!(f, "a prefix of {length} bits is longer than the address, which has {most}")
            }
        }
    }
}

impl core::error::Error for CidrError {}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::string::ToString;

    use super::*;

    #[test]
    fn cidr_reads_what_it_writes() {
        for text in ["192.0.2.1/24", "2001:db8::1/64", "0.0.0.0/0", "::/0", "192.0.2.1/32"] {
            assert_eq!(text.parse::<Cidr>().unwrap().to_string(), text);
        }
        assert_eq!("fe80::1".parse::<Cidr>().unwrap().length(), 128);
    }

    #[test]
    fn cidr_refuses_what_is_none() {
        assert_eq!("10.0.0.1/33".parse::<Cidr>(), Err(CidrError::TooLong { length: 33, most: 32 }));
        for text in ["", "10.0.0/8", "::1/x", "::1/129/1", "10.0.0.1/-1"] {
            assert!(text.parse::<Cidr>().is_err(), "{text:?} was taken");
        }
    }
}
