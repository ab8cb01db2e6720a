//! A packet from words: the language's own fields with a value each, for who asks what would become of one.
//!
//! `iif lan oif wan ip6 saddr 2001:db8::1 daddr 2001:db8::2 tcp dport 443 flags syn`. What is not said is as it is in the
//! first packet of a flow. What is said is written last, so that a packet can be as wrong as one likes.

use crate::host::CtState;
use crate::host::Direction;
use crate::host::PktType;
use crate::model::Hook;
use crate::packet::Family;
use crate::packet::Link;
use crate::packet::Packet;
use crate::select::Base;
use crate::select::EXTENSIONS;
use crate::select::FIELDS;
use crate::select::Field;
use crate::select::is_header;
use crate::types::Type;
use crate::types::Value;

/// A packet that somebody has described, and what is said beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Composed {
    /// From the IP header on; nothing if no header was named.
    pub bytes: Vec<u8>,
    /// The frame's addresses.
    pub link: Option<Link>,
    /// The VLAN that it comes in by.
    pub vlan: Option<u16>,
    /// The interface that it comes in by.
    pub iif: Option<String>,
    /// The interface that it goes out of.
    pub oif: Option<String>,
    /// To whom its frame is.
    pub pkttype: PktType,
    /// Its mark.
    pub mark: u32,
    /// What it is to its flow.
    pub state: Option<CtState>,
    /// Which way of it.
    pub direction: Option<Direction>,
    /// The flow's mark.
    pub ct_mark: u32,
    /// The only hook that is meant.
    pub hook: Option<Hook>,
}

const NO_NEXT: u8 = 59;

/// What has been said of a packet.
#[derive(Default)]
struct Said {
    /// In the order in which they were named.
    headers: Vec<Base>,
    fields: Vec<(&'static Field, u128)>,
    protocol: Option<u8>,
    length: Option<usize>,
}

impl Composed {
    /// Reads a description.
    ///
    /// # Errors
    /// A word that is none of it, and what would be right.
    pub fn parse(words: &[&str]) -> Result<Composed, String> {
        let mut out = Composed {
            bytes: Vec::new(),
            link: None,
            vlan: None,
            iif: None,
            oif: None,
            pkttype: PktType::Host,
            mark: 0,
            state: None,
            direction: None,
            ct_mark: 0,
            hook: None,
        };
        let mut said = Said::default();
        let mut header = None;
        let mut words = words.iter().copied().peekable();
        while let Some(word) = words.next() {
            let field = header.and_then(|header| crate::select::find(header, word));
            if let Some(field) = field {
                let value =
                    words.next().ok_or_else(|| format!("`{word}` has no value: write one behind it"))?;
                said.field(field, value, &mut out)?;
                continue;
            }
            if is_header(word) {
                header = Some(word);
                said.header(word);
                continue;
            }
            header = None;
            let mut value =
                || words.next().ok_or_else(|| format!("`{word}` has no value: write one behind it"));
            match word {
                "meta" | "exthdr" => {}
                "iif" | "iifname" => out.iif = Some(value()?.to_owned()),
                "oif" | "oifname" => out.oif = Some(value()?.to_owned()),
                "mark" => out.mark = Type::Mark.parse(value()?)? as u32,
                "length" => said.length = Some(Type::Number(16).parse(value()?)? as usize),
                "l4proto" => said.protocol = Some(Type::Protocol.parse(value()?)? as u8),
                "pkttype" => {
                    out.pkttype = match Type::PacketType.parse(value()?)? {
                        0 => PktType::Host,
                        1 => PktType::Broadcast,
                        2 => PktType::Multicast,
                        _ => PktType::Other,
                    }
                }
                "hook" => {
                    let name = value()?;
                    let hook = Hook::ALL.into_iter().find(|hook| hook.text() == name);
                    out.hook = Some(hook.ok_or_else(|| {
                        format!("`{name}` is no hook: write prerouting, input, forward or output")
                    })?);
                }
                "ct" => match value()? {
                    "state" => {
                        let state = words.next().unwrap_or_default();
                        out.state = Some(CtState(Type::CtState.parse(state)? as u8));
                    }
                    "direction" => {
                        let way = words.next().unwrap_or_default();
                        let reply = Type::CtDirection.parse(way)? == 1;
                        out.direction = Some(if reply { Direction::Reply } else { Direction::Original });
                    }
                    "mark" => out.ct_mark = Type::Mark.parse(words.next().unwrap_or_default())? as u32,
                    other => {
                        return Err(format!("`ct {other}` is not in: write ct state, direction or mark"));
                    }
                },
                _ => {
                    return Err(format!(
                        "`{word}` is no word of a packet: write iif, oif, ip6 or ip with saddr and daddr, tcp, udp or \
                         icmpv6 with their fields, length, mark, ct state, hook"
                    ));
                }
            }
        }
        if !said.headers.is_empty() || said.protocol.is_some() {
            out.bytes = said.bytes()?;
        }
        Ok(out)
    }
}

impl Said {
    fn header(&mut self, word: &str) {
        let base = FIELDS.iter().find(|field| field.header == word).map(|field| field.base);
        let Some(base) = base.filter(|base| !matches!(base, Base::Ether | Base::Vlan | Base::Transport))
        else {
            return;
        };
        if !self.headers.contains(&base) {
            self.headers.push(base);
        }
    }

    fn field(&mut self, field: &'static Field, value: &str, out: &mut Composed) -> Result<(), String> {
        let mut number = 0;
        for part in value.split([',', '|']).take(16) {
            number |= field.ty.parse(part)?;
            if !field.ty.is_flags() {
                break;
            }
        }
        let link = || Link { src: [2, 0, 0, 0, 0, 1], dst: [2, 0, 0, 0, 0, 2] };
        let mac = |number: u128| {
            let mut mac = [0; 6];
            mac.copy_from_slice(&number.to_be_bytes()[10..]);
            mac
        };
        match (field.base, field.name) {
            (Base::Ether, "saddr") => out.link.get_or_insert_with(link).src = mac(number),
            (Base::Ether, _) => out.link.get_or_insert_with(link).dst = mac(number),
            (Base::Vlan, _) => out.vlan = Some(number as u16),
            _ => self.fields.push((field, number)),
        }
        Ok(())
    }

    /// The upper layer: its protocol, and how long its header is.
    fn upper(&self, v4: bool) -> (u8, usize) {
        let named = self.headers.iter().find_map(|base| match base {
            Base::Proto(proto) => Some(*proto),
            _ => None,
        });
        let usual =
            if self.fields.iter().any(|(field, _)| field.base == Base::Transport) { 17 } else { NO_NEXT };
        let proto = self.protocol.or(named).unwrap_or(if v4 && usual == NO_NEXT { 253 } else { usual });
        let len = match proto {
            6 => 20,
            33 | 132 => 12,
            NO_NEXT => 0,
            _ => 8,
        };
        (proto, len)
    }

    fn bytes(&self) -> Result<Vec<u8>, String> {
        let is4 = |base: &Base| matches!(base, Base::Ip4 | Base::Proto(1));
        let is6 = |base: &Base| matches!(base, Base::Ip6 | Base::Ext(_) | Base::Proto(58));
        let v4 = self.headers.iter().any(is4);
        if v4 && self.headers.iter().any(is6) {
            return Err("a packet is IPv4 or IPv6: write headers of one of them".to_owned());
        }
        let (proto, len) = self.upper(v4);
        let extensions: Vec<u8> = self
            .headers
            .iter()
            .filter_map(|base| match base {
                Base::Ext(kind) => Some(*kind),
                _ => None,
            })
            .collect();
        let start = if v4 { 20 } else { 40 };
        let upper = start + extensions.len() * 8;
        let total = (upper + len).max(self.length.unwrap_or(0));
        let mut bytes = vec![0; total];
        let after = |at: usize| extensions.get(at).copied().unwrap_or(proto);
        if v4 {
            bytes[..12].copy_from_slice(&[0x45, 0, 0, 0, 0, 1, 0, 0, 64, proto, 0, 0]);
            bytes[2..4].copy_from_slice(&(total as u16).to_be_bytes());
            bytes[12..20].copy_from_slice(&[192, 0, 2, 1, 198, 51, 100, 2]);
        } else {
            (bytes[0], bytes[6], bytes[7]) = (0x60, after(0), 64);
            bytes[4..6].copy_from_slice(&((total - 40) as u16).to_be_bytes());
            for (at, last) in [(8, 1), (24, 2)] {
                bytes[at..at + 4].copy_from_slice(&[0x20, 1, 0xd, 0xb8]);
                bytes[at + 15] = last;
            }
        }
        for at in 0..extensions.len() {
            bytes[start + at * 8] = after(at + 1);
        }
        match proto {
            6 => {
                bytes[upper..upper + 4].copy_from_slice(&[0x9c, 0x40, 0, 80]);
                (bytes[upper + 12], bytes[upper + 13]) = (0x50, 2);
            }
            17 | 33 | 132 | 136 => {
                bytes[upper..upper + 4].copy_from_slice(&[0x9c, 0x40, 0, 53]);
                bytes[upper + 4..upper + 6].copy_from_slice(&((total - upper) as u16).to_be_bytes());
            }
            1 => bytes[upper] = 8,
            58 => bytes[upper] = 128,
            _ => {}
        }
        for (field, value) in &self.fields {
            let base = match field.base {
                Base::Ip4 | Base::Ip6 => 0,
                Base::Ext(kind) => {
                    start + extensions.iter().position(|known| *known == kind).unwrap_or(0) * 8
                }
                _ => upper,
            };
            write(&mut bytes, base * 8 + usize::from(field.at), field.ty.bits(), *value)
                .ok_or_else(|| format!("`{} {}` has no place in this packet", field.header, field.name))?;
        }
        Ok(bytes)
    }
}

/// Writes so many bits.
fn write(bytes: &mut [u8], at: usize, bits: u8, value: u128) -> Option<()> {
    for bit in 0..usize::from(bits) {
        let byte = bytes.get_mut((at + bit) / 8)?;
        let mask = 0x80 >> ((at + bit) % 8);
        match value >> (usize::from(bits) - 1 - bit) & 1 {
            0 => *byte &= !mask,
            _ => *byte |= mask,
        }
    }
    Some(())
}

/// A packet in such words, as far as they tell who speaks with whom, and what.
pub fn words_of(bytes: &[u8]) -> String {
    let Ok(packet) = Packet::parse(bytes, None) else { return "no IP packet".to_owned() };
    let family = if packet.family() == Family::V4 { "ip" } else { "ip6" };
    let mut text = format!("{family} saddr {} daddr {}", packet.src(), packet.dst());
    for (name, kind) in EXTENSIONS {
        if packet.family() == Family::V6 && packet.ext_header(*kind).is_some() {
            text += &format!(" exthdr {name}");
        }
    }
    let upper = packet.protocol().zip(packet.transport());
    let fields: &[(&str, &str)] = match upper.map(|(proto, _)| proto) {
        Some(6) => &[("tcp", "sport"), ("tcp", "dport"), ("tcp", "flags")],
        Some(17) => &[("udp", "sport"), ("udp", "dport")],
        Some(1) => &[("icmp", "type"), ("icmp", "code")],
        Some(58) => &[("icmpv6", "type"), ("icmpv6", "code")],
        Some(33) => &[("dccp", "sport"), ("dccp", "dport")],
        Some(132) => &[("sctp", "sport"), ("sctp", "dport")],
        _ => &[],
    };
    let mut before = "";
    for field in fields.iter().filter_map(|(header, name)| crate::select::find(header, name)) {
        let value = upper.and_then(|(_, bytes)| read(bytes, usize::from(field.at), field.ty.bits()));
        let Some(value) = value else { continue };
        if before != field.header {
            text += &format!(" {}", field.header);
            before = field.header;
        }
        text += &format!(" {} {}", field.name, field.ty.print(Value::Exact(value)).replace('|', ","));
    }
    if let (Some(protocol), true) = (packet.protocol(), before.is_empty()) {
        text += &format!(" l4proto {}", Type::Protocol.print(Value::Exact(protocol.into())));
    }
    text + &format!(" length {}", packet.len())
}

/// Reads so many bits.
fn read(bytes: &[u8], at: usize, bits: u8) -> Option<u128> {
    (at..at + usize::from(bits)).try_fold(0, |value, bit| {
        let byte = u128::from(*bytes.get(bit / 8)?);
        Some(value << 1 | byte >> (7 - bit % 8) & 1)
    })
}
