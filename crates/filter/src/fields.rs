//! Reading a field from a packet.

use crate::Family;
use crate::Packet;
use crate::host::Ct;
use crate::host::FibQuery;
use crate::host::Host;
use crate::lookup::Key;
use crate::model::Part;
use crate::select::Base;
use crate::select::CtKey;
use crate::select::Fib;
use crate::select::FibResult;
use crate::select::Meta;
use crate::select::Selector;

/// How a field is read; the plainest and most asked for have ways of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Load {
    Iif,
    Oif,
    Protocol,
    Family,
    Src(Family),
    Dst(Family),
    Field { base: Base, byte: u16, len: u8, shift: u8, mask: u128 },
    Meta(Meta),
    Ct(CtKey),
    Fib(Fib),
    Exists(u8),
}

/// A field, and which of its bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct KeyPart {
    pub(crate) load: Load,
    pub(crate) and: u128,
}

impl KeyPart {
    pub(crate) fn new(part: &Part) -> KeyPart {
        KeyPart { load: Load::new(part.selector), and: part.and.unwrap_or(u128::MAX) }
    }
}

impl Load {
    /// Whether it is of the frame that the packet came in.
    pub(crate) const fn is_of_frame(&self) -> bool {
        matches!(self, Load::Field { base: Base::Ether, .. })
    }

    fn new(selector: Selector) -> Load {
        match selector {
            Selector::Meta(Meta::Iif) => Load::Iif,
            Selector::Meta(Meta::Oif) => Load::Oif,
            Selector::Meta(Meta::Protocol) => Load::Protocol,
            Selector::Meta(Meta::Family) => Load::Family,
            Selector::Meta(meta) => Load::Meta(meta),
            Selector::Ct(key) => Load::Ct(key),
            Selector::Fib(fib) => Load::Fib(fib),
            Selector::Exists(_, kind) => Load::Exists(kind),
            Selector::Field(field) => match (field.base, field.name) {
                (Base::Ip4, "saddr") => Load::Src(Family::V4),
                (Base::Ip4, "daddr") => Load::Dst(Family::V4),
                (Base::Ip6, "saddr") => Load::Src(Family::V6),
                (Base::Ip6, "daddr") => Load::Dst(Family::V6),
                _ => {
                    let bits = u16::from(field.ty.bits());
                    let end = field.at + bits;
                    let len = (end.div_ceil(8) - field.at / 8) as u8;
                    let shift = (8 - end % 8) as u8 % 8;
                    Load::Field { base: field.base, byte: field.at / 8, len, shift, mask: field.ty.max() }
                }
            },
        }
    }
}

/// A packet on its way through the rules of a hook.
pub(crate) struct Context<'a, 'b, H> {
    pub(crate) packet: &'a Packet<'b>,
    pub(crate) host: &'a mut H,
    /// Asked once.
    pub(crate) ct: Option<Ct>,
}

impl<H: Host> Context<'_, '_, H> {
    /// The field's bits; none if the packet has no such field.
    pub(crate) fn read(&mut self, part: &KeyPart) -> Option<u128> {
        self.load(part.load).map(|value| value & part.and)
    }

    /// A whole key.
    pub(crate) fn key(&mut self, parts: &[KeyPart]) -> Option<Key> {
        let mut key = Key::default();
        for (into, part) in key.iter_mut().zip(parts) {
            *into = self.read(part)?;
        }
        Some(key)
    }

    pub(crate) fn ct(&mut self) -> Ct {
        *self.ct.get_or_insert_with(|| self.host.ct())
    }

    fn load(&mut self, load: Load) -> Option<u128> {
        let packet = self.packet;
        match load {
            // Without an interface its name is empty, as in Linux: it differs from every other.
            Load::Iif => Some(self.host.iif().map_or(0, |interface| interface.name.bits())),
            Load::Oif => Some(self.host.oif().map_or(0, |interface| interface.name.bits())),
            Load::Protocol => packet.protocol().map(u128::from),
            Load::Family => Some(if packet.family() == Family::V4 { 2 } else { 10 }),
            Load::Src(family) => (packet.family() == family).then(|| packet.src_bits()),
            Load::Dst(family) => (packet.family() == family).then(|| packet.dst_bits()),
            Load::Field { base, byte, len, shift, mask } => {
                let bytes = match base {
                    Base::Ether => return ether(packet, byte),
                    Base::Vlan => return self.host.vlan().map(|id| u128::from(id) & 0xfff),
                    _ => self.base(base)?,
                };
                let field = bytes.get(usize::from(byte)..usize::from(byte) + usize::from(len))?;
                let value = field.iter().fold(0_u128, |value, byte| value << 8 | u128::from(*byte));
                Some(value >> shift & mask)
            }
            Load::Meta(meta) => self.meta(meta),
            Load::Ct(key) => {
                let ct = self.ct();
                match key {
                    CtKey::State => Some(u128::from(ct.state.0)),
                    CtKey::Direction => ct.direction.map(|direction| direction as u128),
                    // Without a connection there is no mark.
                    CtKey::Mark => ct.direction.map(|_| u128::from(ct.mark)),
                }
            }
            Load::Fib(fib) => Some(self.fib(fib)),
            Load::Exists(kind) => match packet.family() {
                Family::V6 => Some(u128::from(packet.ext_header(kind).is_some())),
                Family::V4 => None,
            },
        }
    }

    fn base(&self, base: Base) -> Option<&[u8]> {
        let packet = self.packet;
        match base {
            Base::Ip4 => (packet.family() == Family::V4).then(|| packet.bytes()),
            Base::Ip6 => (packet.family() == Family::V6).then(|| packet.bytes()),
            Base::Transport => packet.transport(),
            Base::Proto(proto) => {
                let right = match proto {
                    1 => packet.family() == Family::V4,
                    58 => packet.family() == Family::V6,
                    _ => true,
                };
                packet.transport().filter(|_| right && packet.protocol() == Some(proto))
            }
            Base::Icmp(proto, kinds) => self
                .base(Base::Proto(proto))
                .filter(|bytes| bytes.first().is_some_and(|kind| kinds.contains(kind))),
            Base::Ext(kind) => packet.ext_header(kind),
            Base::Ether | Base::Vlan => None,
        }
    }

    fn meta(&mut self, meta: Meta) -> Option<u128> {
        Some(match meta {
            Meta::EtherType => match self.packet.family() {
                Family::V4 => 0x0800,
                Family::V6 => 0x86dd,
            },
            Meta::Length => u128::from(self.packet.len()),
            Meta::PacketType => self.host.pkttype() as u128,
            Meta::Mark => u128::from(self.host.mark()),
            Meta::Iif => return self.load(Load::Iif),
            Meta::Oif => return self.load(Load::Oif),
            Meta::Family => return self.load(Load::Family),
            Meta::Protocol => return self.load(Load::Protocol),
        })
    }

    fn fib(&mut self, fib: Fib) -> u128 {
        let query = FibQuery { source: fib.source, iif: fib.iif, oif: fib.oif, mark: fib.mark };
        match fib.result {
            FibResult::Interface => self.host.fib_oif(query).map_or(0, |interface| interface.name.bits()),
            FibResult::Exists => u128::from(self.host.fib_oif(query).is_some()),
            FibResult::Type => self.host.fib_type(query) as u128,
        }
    }
}

fn ether(packet: &Packet<'_>, byte: u16) -> Option<u128> {
    let link = packet.link()?;
    let mac = if byte == 0 { link.dst } else { link.src };
    Some(mac.iter().fold(0, |value, byte| value << 8 | u128::from(*byte)))
}
