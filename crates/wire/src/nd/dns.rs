//! The options that tell hosts of DNS: RFC 8106.

use core::fmt;
use core::net::Ipv6Addr;

/// A recursive DNS server option (RFC 8106 s5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rdnss<'a> {
    /// In seconds.
    pub lifetime: u32,
    /// The servers' addresses, at least one, in network order. Whether they are unicast is for the caller to
    /// see.
    pub servers: &'a [[u8; 16]],
}

impl<'a> Rdnss<'a> {
    pub(super) fn read(data: &'a [u8]) -> Option<Rdnss<'a>> {
        let (&[_, _, a, b, c, d], octets) = data.split_first_chunk::<6>()?;
        let (servers, rest) = octets.as_chunks::<16>();
        let whole = rest.is_empty() && !servers.is_empty();
        whole.then_some(Rdnss { lifetime: u32::from_be_bytes([a, b, c, d]), servers })
    }

    /// The servers' addresses.
    pub fn addresses(&self) -> impl Iterator<Item = Ipv6Addr> + 'a {
        self.servers.iter().copied().map(Ipv6Addr::from)
    }
}

/// A DNS search list option (RFC 8106 s5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dnssl<'a> {
    /// In seconds.
    pub lifetime: u32,
    /// The domain names, at least one, one behind the other, each as its labels with a length before each and a
    /// zero behind the last ([`encode_domain`]). Padding is left out when read.
    pub names: &'a [u8],
}

impl<'a> Dnssl<'a> {
    pub(super) fn read(data: &'a [u8]) -> Option<Dnssl<'a>> {
        let (&[_, _, a, b, c, d], octets) = data.split_first_chunk::<6>()?;
        let mut len = 0;
        // An empty name is where the padding begins.
        while octets.get(len).is_some_and(|label| *label != 0) {
            len += name_len(&octets[len..])?;
        }
        let names = &octets[..len];
        (len > 0).then_some(Dnssl { lifetime: u32::from_be_bytes([a, b, c, d]), names })
    }

    /// The domain names, in order.
    pub fn domains(&self) -> impl Iterator<Item = Domain<'a>> + 'a {
        let mut rest = self.names;
        core::iter::from_fn(move || {
            let (name, behind) = rest.split_at_checked(name_len(rest)?)?;
            rest = behind;
            Some(Domain(name))
        })
    }
}

/// A domain name of a [`Dnssl`]. Shown as text: its labels with dots between, and any octet that is no printable
/// ASCII, or is a dot, as `\\DDD`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Domain<'a>(&'a [u8]);

impl fmt::Display for Domain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        let mut first = true;
        while let Some((&len, behind)) = rest.split_first()
            && len != 0
        {
            let (label, behind) = behind.split_at_checked(usize::from(len)).unwrap_or((behind, &[]));
            rest = behind;
            if !core::mem::replace(&mut first, false) {
                f.write_str(".")?;
            }
            for octet in label {
                match octet {
                    b'.' | b'\\' => write!(f, "\\{octet:03}")?,
                    0x21..=0x7e => write!(f, "{}", char::from(*octet))?,
                    _ => write!(f, "\\{octet:03}")?,
                }
            }
        }
        Ok(())
    }
}

/// Why a text is no domain name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadDomain {
    /// A label is empty, or longer than 63 octets.
    Label,
    /// An octet that is no letter, digit, hyphen or underscore.
    Octet,
    /// Longer than 255 octets when written, or than the room that was given.
    TooLong,
}

impl fmt::Display for BadDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            BadDomain::Label => "a label of a domain name has 1 to 63 letters",
            BadDomain::Octet => {
                "a domain name has letters, digits, hyphens and underscores, with dots between"
            }
            BadDomain::TooLong => "a domain name has at most 253 letters",
        })
    }
}

impl core::error::Error for BadDomain {}

/// Writes a domain name, such as `example.org`, as the labels that [`Dnssl`] has (RFC 1035 s3.1); says how many
/// bytes it took. A dot at the end does not matter.
///
/// # Errors
/// It is no domain name, or there is no room.
pub fn encode_domain(text: &str, out: &mut [u8]) -> Result<usize, BadDomain> {
    let text = text.strip_suffix('.').unwrap_or(text);
    let len = text.len() + 2;
    let out = out.get_mut(..len).filter(|_| len <= 255).ok_or(BadDomain::TooLong)?;
    let mut at = 0;
    for label in text.as_bytes().split(|octet| *octet == b'.') {
        if label.is_empty() || label.len() > 63 {
            return Err(BadDomain::Label);
        }
        if !label.iter().all(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_')) {
            return Err(BadDomain::Octet);
        }
        out[at] = label.len() as u8;
        out[at + 1..][..label.len()].copy_from_slice(label);
        at += 1 + label.len();
    }
    out[at] = 0;
    Ok(len)
}

/// Octets of the name that `bytes` begins with, its end included; nothing if it is no name.
fn name_len(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        match usize::from(*bytes.get(at)?) {
            0 if at == 0 => return None,
            0 => return Some(at + 1),
            label @ 1..=63 => at += 1 + label,
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    extern crate std;
    use std::string::String;
    use std::string::ToString;
    use std::vec::Vec;

    #[test]
    fn names_go_and_come_back() {
        let mut names = [0; 64];
        let mut len = encode_domain("example.org.", &mut names).unwrap();
        assert_eq!(names[..len], *b"\x07example\x03org\0");
        len += encode_domain("a-b.lan", &mut names[len..]).unwrap();
        let dnssl = Dnssl { lifetime: 1, names: &names[..len] };
        let texts: Vec<String> = dnssl.domains().map(|name| name.to_string()).collect();
        assert_eq!(texts, ["example.org", "a-b.lan"]);
    }

    #[test]
    fn octets_that_are_no_letters_show_by_number() {
        let dnssl = Dnssl { lifetime: 1, names: b"\x03a.\n\x01\xff\0" };
        assert_eq!(dnssl.domains().next().unwrap().to_string(), "a\\046\\010.\\255");
    }

    #[test]
    fn texts_that_are_no_names() {
        let mut out = [0; 300];
        let long = "a".repeat(64);
        let longer =
            [long[..63].to_string(), long[..63].to_string(), long[..63].to_string(), long[..62].to_string()];
        for (text, why) in [
            ("", BadDomain::Label),
            ("a..b", BadDomain::Label),
            (long.as_str(), BadDomain::Label),
            ("a b", BadDomain::Octet),
            ("\u{e4}", BadDomain::Octet),
            (longer.join(".").as_str(), BadDomain::TooLong),
        ] {
            assert_eq!(encode_domain(text, &mut out), Err(why), "{text}");
        }
        assert_eq!(encode_domain(&longer.join(".")[1..], &mut out), Ok(255));
        assert_eq!(encode_domain("lan", &mut out[..4]), Err(BadDomain::TooLong));
    }
}
