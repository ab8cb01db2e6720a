//! What a field may hold: its width, the names of its values, and how they are read and written.
//!
//! Every value is a number of at most 128 bits, most significant first, so that one comparison, one set and one map
//! serve all of them. The name of an interface is its characters from the top, so that `eth*` is a prefix as
//! `10.0.0.0/8` is.

use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;

use siding_wire::Mac;

use crate::names;

/// The type of a field, of a set's key or of a map's data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Type {
    /// An IPv4 address.
    Ipv4,
    /// An IPv6 address.
    Ipv6,
    /// An Ethernet address.
    Ether,
    /// The name of an interface, with `*` at its end for all that begin so.
    Interface,
    /// The upper-layer protocol.
    Protocol,
    /// A port.
    Port,
    /// A packet's or a connection's mark.
    Mark,
    /// A code point of RFC 2474.
    Dscp,
    /// ICMP type.
    IcmpType,
    /// ICMP code.
    IcmpCode,
    /// ICMPv6 type.
    Icmp6Type,
    /// ICMPv6 code.
    Icmp6Code,
    /// TCP flags; a list of them means any of them.
    TcpFlags,
    /// A connection's state; a list means any of them.
    CtState,
    /// Original or reply.
    CtDirection,
    /// IPv4 or IPv6.
    Family,
    /// To whom the frame was sent.
    PacketType,
    /// What an address is to the routes.
    AddrType,
    /// An Ethernet type.
    EtherType,
    /// `exists` or `missing`.
    Presence,
    /// A number of so many bits.
    Number(u8),
}

/// What a value is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Value {
    /// Just this.
    Exact(u128),
    /// All that begin with so many of its bits; the rest are 0.
    Prefix(u128, u8),
    /// From the first to the last, both included.
    Range(u128, u128),
}

impl Type {
    /// Width in bits.
    pub const fn bits(self) -> u8 {
        match self {
            Type::Ipv6 | Type::Interface => 128,
            Type::Ether => 48,
            Type::Ipv4 | Type::Mark | Type::CtState | Type::AddrType => 32,
            Type::Port | Type::EtherType => 16,
            Type::Dscp => 6,
            Type::Presence => 1,
            Type::Number(bits) => bits,
            _ => 8,
        }
    }

    /// The largest value.
    pub const fn max(self) -> u128 {
        u128::MAX >> (128 - self.bits() as u32)
    }

    /// Whether its values are flags, a list of which means any of them.
    pub const fn is_flags(self) -> bool {
        matches!(self, Type::TcpFlags | Type::CtState)
    }

    /// The names of its values, the one that is printed first.
    pub(crate) const fn constants(self) -> &'static [(&'static str, u128)] {
        match self {
            Type::Protocol => names::PROTOCOLS,
            Type::Port => names::PORTS,
            Type::Dscp => names::DSCP,
            Type::IcmpType => names::ICMP_TYPES,
            Type::IcmpCode => names::ICMP_CODES,
            Type::Icmp6Type => names::ICMP6_TYPES,
            Type::Icmp6Code => names::ICMP6_CODES,
            Type::TcpFlags => names::TCP_FLAGS,
            Type::CtState => names::CT_STATES,
            Type::CtDirection => names::DIRECTIONS,
            Type::Family => names::FAMILIES,
            Type::PacketType => names::PACKET_TYPES,
            Type::AddrType => names::ADDR_TYPES,
            Type::EtherType => names::ETHER_TYPES,
            Type::Presence => names::PRESENCE,
            _ => &[],
        }
    }

    /// One value from a word.
    ///
    /// # Errors
    /// What would be right instead.
    pub fn parse(self, word: &str) -> Result<u128, String> {
        if let Some((_, value)) = self.constants().iter().find(|(name, _)| *name == word) {
            return Ok(*value);
        }
        let read = match self {
            Type::Ipv4 => word.parse::<Ipv4Addr>().ok().map(|a| u128::from(a.to_bits())),
            Type::Ipv6 => word.parse::<Ipv6Addr>().ok().map(|a| a.to_bits()),
            Type::Ether => word.parse::<Mac>().ok().map(|mac| bytes(&mac.0)),
            Type::Interface => interface(word),
            _ => number(word).filter(|n| *n <= self.max()),
        };
        read.ok_or_else(|| format!("`{word}` is no {}: {}", self.what(), self.right_words()))
    }

    /// A value, a prefix, a range or a name that ends in `*`, from a word.
    ///
    /// # Errors
    /// What would be right instead.
    pub fn value(self, word: &str) -> Result<Value, String> {
        if self == Type::Interface {
            if let Some(start) = word.strip_suffix('*') {
                let value = interface(start).ok_or_else(|| format!("`{word}` is no {}", self.what()))?;
                return Ok(self.prefix(value, start.len() as u8 * 8));
            }
            return self.parse(word).map(Value::Exact);
        }
        let whole = self.parse(word);
        if whole.is_ok() {
            return whole.map(Value::Exact);
        }
        if let Some((start, len)) = word.split_once('/') {
            let value = self.parse(start)?;
            let bits = len.parse::<u8>().ok().filter(|len| *len <= self.bits());
            let bits = bits.ok_or_else(|| {
                format!("`/{len}` is no length of a prefix: write a number from 0 to {}", self.bits())
            })?;
            return Ok(self.prefix(value, bits));
        }
        for (at, _) in word.match_indices('-') {
            if let (Ok(low), Ok(high)) = (self.parse(&word[..at]), self.parse(&word[at + 1..])) {
                return self.range(low, high).ok_or_else(|| {
                    format!("`{word}` ends before it begins: write {}-{}", &word[at + 1..], &word[..at])
                });
            }
        }
        whole.map(Value::Exact)
    }

    /// A prefix in the form in which equal ones are equal.
    pub fn prefix(self, value: u128, len: u8) -> Value {
        if len >= self.bits() {
            return Value::Exact(value);
        }
        Value::Prefix(value & self.mask(len), len)
    }

    /// A range, unless it ends before it begins; one value if it has one.
    pub fn range(self, low: u128, high: u128) -> Option<Value> {
        match low.cmp(&high) {
            std::cmp::Ordering::Less => Some(Value::Range(low, high)),
            std::cmp::Ordering::Equal => Some(Value::Exact(low)),
            std::cmp::Ordering::Greater => None,
        }
    }

    /// The first `len` bits of this width.
    pub const fn mask(self, len: u8) -> u128 {
        if len == 0 {
            return 0;
        }
        (self.max() >> (self.bits() - len)) << (self.bits() - len)
    }

    /// The first and the last value that `value` means.
    pub fn bounds(self, value: Value) -> (u128, u128) {
        match value {
            Value::Exact(value) => (value, value),
            Value::Prefix(value, len) => (value, value | (self.max() & !self.mask(len))),
            Value::Range(low, high) => (low, high),
        }
    }

    /// As it is written in a file.
    pub fn print(self, value: Value) -> String {
        match value {
            Value::Exact(value) => self.print_one(value),
            Value::Prefix(value, _) if self == Type::Interface => {
                let name = self.print_one(value);
                format!("{}*\"", name.strip_suffix('"').unwrap_or(&name))
            }
            Value::Prefix(value, len) => format!("{}/{len}", self.print_one(value)),
            Value::Range(low, high) => format!("{}-{}", self.print_one(low), self.print_one(high)),
        }
    }

    fn print_one(self, value: u128) -> String {
        if self.is_flags() {
            return self.print_flags(value);
        }
        // As nft does: ports and marks as numbers.
        let named = self.constants().iter().find(|(_, v)| *v == value && self != Type::Port);
        if let Some((name, _)) = named {
            return (*name).to_owned();
        }
        match self {
            Type::Ipv4 => Ipv4Addr::from_bits(value as u32).to_string(),
            Type::Ipv6 => Ipv6Addr::from_bits(value).to_string(),
            Type::Ether => {
                let [.., a, b, c, d, e, f] = value.to_be_bytes();
                Mac([a, b, c, d, e, f]).to_string()
            }
            Type::Interface => format!("\"{}\"", name_of(value)),
            Type::Mark => format!("{value:#010x}"),
            Type::EtherType => format!("{value:#06x}"),
            _ => value.to_string(),
        }
    }

    fn print_flags(self, value: u128) -> String {
        let mut text = String::new();
        let mut left = value;
        for (name, flag) in self.constants().iter().filter(|(_, flag)| *flag != 0) {
            if left & flag == *flag {
                let _ = write!(text, "{}{name}", if text.is_empty() { "" } else { "|" });
                left &= !flag;
            }
        }
        if left != 0 || text.is_empty() {
            let _ = write!(text, "{}{left:#x}", if text.is_empty() { "" } else { "|" });
        }
        text
    }

    /// What one calls such a value.
    pub fn what(self) -> &'static str {
        match self {
            Type::Ipv4 => "IPv4 address",
            Type::Ipv6 => "IPv6 address",
            Type::Ether => "Ethernet address",
            Type::Interface => "name of an interface",
            Type::Protocol => "protocol",
            Type::Port => "port",
            Type::Mark => "mark",
            Type::Dscp => "DSCP",
            Type::IcmpType => "ICMP type",
            Type::IcmpCode => "ICMP code",
            Type::Icmp6Type => "ICMPv6 type",
            Type::Icmp6Code => "ICMPv6 code",
            Type::TcpFlags => "TCP flag",
            Type::CtState => "connection state",
            Type::CtDirection => "direction",
            Type::Family => "family",
            Type::PacketType => "packet type",
            Type::AddrType => "address type",
            Type::EtherType => "Ethernet type",
            Type::Presence => "`exists` or `missing`",
            Type::Number(_) => "number",
        }
    }

    fn right_words(self) -> String {
        match self {
            Type::Ipv4 => "write one as 192.0.2.1, 192.0.2.0/24 or 192.0.2.1-192.0.2.9".to_owned(),
            Type::Ipv6 => "write one as 2001:db8::1, 2001:db8::/32 or 2001:db8::1-2001:db8::9".to_owned(),
            Type::Ether => "write one as 02:00:00:00:00:01".to_owned(),
            Type::Interface => "write 1 to 15 characters in quotes".to_owned(),
            Type::Port => "write a number from 0 to 65535, or a range as 1024-65535".to_owned(),
            Type::Mark | Type::Number(_) => format!("write a number from 0 to {}", self.max()),
            _ => {
                let words: Vec<&str> = self.constants().iter().take(24).map(|(name, _)| *name).collect();
                let end = if self.constants().len() > words.len() { " …" } else { "" };
                format!("write a number, or one of {}{end}", words.join(" "))
            }
        }
    }
}

/// A number, decimal or with `0x`.
pub(crate) fn number(word: &str) -> Option<u128> {
    match word.strip_prefix("0x").or(word.strip_prefix("0X")) {
        Some(hex) => u128::from_str_radix(hex, 16).ok().filter(|_| !hex.starts_with('+')),
        None => word.parse().ok().filter(|_| !word.starts_with('+')),
    }
}

/// The characters of a name from the top, at most 15.
fn interface(word: &str) -> Option<u128> {
    let good =
        !word.is_empty() && word.len() <= 15 && word.bytes().all(|b| b.is_ascii_graphic() && b != b'"');
    good.then(|| crate::if_name::IfName::new(word).bits())
}

pub(crate) fn name_of(value: u128) -> String {
    let bytes = value.to_be_bytes();
    bytes.iter().take_while(|byte| **byte != 0).map(|byte| char::from(*byte)).collect()
}

fn bytes(bytes: &[u8]) -> u128 {
    bytes.iter().fold(0, |value, byte| value << 8 | u128::from(*byte))
}
