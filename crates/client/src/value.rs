//! Single values, in the words of the configuration file and of requests.

use std::fmt;

use serde::Deserialize;
use serde::Deserializer;
use serde::Serialize;
use serde::de::Visitor;
use siding_wire::Cidr;
use siding_wire::CidrError;
use siding_wire::Mac;

/// What carries an interface's frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
#[serde(rename_all = "lowercase")]
pub enum Driver {
    /// A TAP interface, whose other end is the kernel's.
    Tap,
    /// An Ethernet interface of the kernel's, claimed, by AF_PACKET.
    Packet,
    /// A wire in this process's memory.
    Memory,
}

impl Driver {
    /// As files have it.
    pub fn name(self) -> &'static str {
        match self {
            Driver::Tap => "tap",
            Driver::Packet => "packet",
            Driver::Memory => "memory",
        }
    }
}

/// A link-layer address, from its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct ParsedMac(pub Mac);

/// An address with the length of its prefix, from their text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct ParsedCidr(pub Cidr);

/// An address of an interface, which may be tested for duplicates or not whatever the interface says: a word behind it, `dad` or
/// `no-dad`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(into = "String")]
pub struct OwnAddress {
    /// The address, with the length of its prefix.
    pub cidr: Cidr,
    /// Whether it is tested; `None` is as the interface says.
    pub dad: Option<bool>,
}

impl TryFrom<String> for ParsedMac {
    type Error = String;

    fn try_from(text: String) -> Result<ParsedMac, String> {
        text.parse().map(ParsedMac).map_err(|_| {
            format!("{text:?} is no link-layer address: give six bytes, such as \"02:00:00:00:00:01\"")
        })
    }
}

impl std::str::FromStr for ParsedMac {
    type Err = String;

    fn from_str(text: &str) -> Result<ParsedMac, String> {
        text.to_owned().try_into()
    }
}

impl std::str::FromStr for ParsedCidr {
    type Err = String;

    fn from_str(text: &str) -> Result<ParsedCidr, String> {
        text.to_owned().try_into()
    }
}

impl std::str::FromStr for OwnAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<OwnAddress, String> {
        let (address, word) = text.trim_end().split_once(' ').unwrap_or((text, ""));
        let dad = match word.trim() {
            "" => None,
            "dad" => Some(true),
            "no-dad" => Some(false),
            word => return Err(format!("{word:?} behind an address: give `dad`, `no-dad` or nothing")),
        };
        Ok(OwnAddress { cidr: address.parse::<ParsedCidr>()?.0, dad })
    }
}

impl<'de> Deserialize<'de> for OwnAddress {
    /// What is wrong is told while the text is read: who reads it knows then where it stands, in a list too.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<OwnAddress, D::Error> {
        struct Text;

        impl Visitor<'_> for Text {
            type Value = OwnAddress;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<OwnAddress, E> {
                text.parse().map_err(E::custom)
            }
        }

        deserializer.deserialize_str(Text)
    }
}

impl From<OwnAddress> for String {
    fn from(own: OwnAddress) -> String {
        own.to_string()
    }
}

impl fmt::Display for OwnAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = self.dad.map_or("", |dad| if dad { " dad" } else { " no-dad" });
        write!(f, "{}{word}", self.cidr)
    }
}

impl From<ParsedMac> for String {
    fn from(mac: ParsedMac) -> String {
        mac.0.to_string()
    }
}

impl TryFrom<String> for ParsedCidr {
    type Error = String;

    fn try_from(text: String) -> Result<ParsedCidr, String> {
        if !text.contains('/') {
            return Err(format!(
                "{text:?} has no prefix length: write it behind the address, such as {text}/64"
            ));
        }
        cidr(&text).map(ParsedCidr)
    }
}

impl From<ParsedCidr> for String {
    fn from(cidr: ParsedCidr) -> String {
        cidr.0.to_string()
    }
}

/// Reads an address with the length of its prefix; without a length, the address alone is the prefix.
///
/// # Errors
///
/// It is none, and what would be.
pub fn cidr(text: &str) -> Result<Cidr, String> {
    text.parse().map_err(|why| match why {
        CidrError::Unreadable => format!("{text:?} is {why}"),
        why => why.to_string(),
    })
}
