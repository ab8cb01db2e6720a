//! What a rule can look at: the fields of headers, and what is known of a packet besides.

use crate::types::Type;

/// Something to look at in a packet, or beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Selector {
    /// A field of a header.
    Field(&'static Field),
    /// What is known of the packet.
    Meta(Meta),
    /// What is known of its connection.
    Ct(CtKey),
    /// What the routes say.
    Fib(Fib),
    /// Whether an IPv6 extension header is there: its word and its number.
    Exists(&'static str, u8),
}

/// A field of a header: so many bits, so far into it.
#[derive(Debug, PartialEq, Eq)]
pub struct Field {
    /// The header's word.
    pub header: &'static str,
    /// The field's word.
    pub name: &'static str,
    /// Which header, in a packet.
    pub base: Base,
    /// Where it begins, in bits.
    pub at: u16,
    /// What it holds.
    pub ty: Type,
}

/// Where a field's header is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Base {
    /// The Ethernet header.
    Ether,
    /// The VLAN tag.
    Vlan,
    /// The IPv4 header.
    Ip4,
    /// The IPv6 header.
    Ip6,
    /// The upper layer's, whichever it is.
    Transport,
    /// The upper layer's, if it is this protocol.
    Proto(u8),
    /// ICMP or ICMPv6, of any of the types in the second: a field that only those have.
    Icmp(u8, &'static [u8]),
    /// An IPv6 extension header.
    Ext(u8),
}

impl Base {
    /// Whether it is of the frame, of which a packet may know nothing.
    pub const fn is_of_frame(self) -> bool {
        matches!(self, Base::Ether)
    }
}

/// What is known of a packet beside its octets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meta {
    /// The interface that it came in by.
    Iif,
    /// The interface that it goes out of.
    Oif,
    /// IPv4 or IPv6.
    Family,
    /// The upper-layer protocol.
    Protocol,
    /// The Ethernet type.
    EtherType,
    /// Its length from the IP header on.
    Length,
    /// To whom the frame was sent.
    PacketType,
    /// Its mark.
    Mark,
}

/// What is known of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CtKey {
    /// Its state, for this packet.
    State,
    /// The packet's direction.
    Direction,
    /// Its mark.
    Mark,
}

/// A question to the routes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fib {
    /// About the source instead of the destination.
    pub source: bool,
    /// The way must go by the interface that the packet came in by.
    pub iif: bool,
    /// The way must go by the interface that the packet goes out of.
    pub oif: bool,
    /// The packet's mark takes part.
    pub mark: bool,
    /// What is asked.
    pub result: FibResult,
}

/// What the routes are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FibResult {
    /// Which interface the way goes by.
    Interface,
    /// Whether there is a way.
    Exists,
    /// What the address is.
    Type,
}

impl Selector {
    /// What it holds.
    pub const fn ty(self) -> Type {
        match self {
            Selector::Field(field) => field.ty,
            Selector::Meta(meta) => match meta {
                Meta::Iif | Meta::Oif => Type::Interface,
                Meta::Family => Type::Family,
                Meta::Protocol => Type::Protocol,
                Meta::EtherType => Type::EtherType,
                Meta::Length => Type::Number(32),
                Meta::PacketType => Type::PacketType,
                Meta::Mark => Type::Mark,
            },
            Selector::Ct(CtKey::State) => Type::CtState,
            Selector::Ct(CtKey::Direction) => Type::CtDirection,
            Selector::Ct(CtKey::Mark) => Type::Mark,
            Selector::Fib(fib) => match fib.result {
                FibResult::Interface => Type::Interface,
                FibResult::Exists => Type::Presence,
                FibResult::Type => Type::AddrType,
            },
            Selector::Exists(..) => Type::Presence,
        }
    }

    /// As it is written.
    pub fn text(self) -> String {
        match self {
            Selector::Field(field) => format!("{} {}", field.header, field.name),
            Selector::Meta(meta) => meta.text().to_owned(),
            Selector::Ct(CtKey::State) => "ct state".to_owned(),
            Selector::Ct(CtKey::Direction) => "ct direction".to_owned(),
            Selector::Ct(CtKey::Mark) => "ct mark".to_owned(),
            Selector::Fib(fib) => fib.text(),
            Selector::Exists(name, _) => format!("exthdr {name}"),
        }
    }
}

impl Meta {
    /// As it is written.
    pub const fn text(self) -> &'static str {
        match self {
            Meta::Iif => "iifname",
            Meta::Oif => "oifname",
            Meta::Family => "meta nfproto",
            Meta::Protocol => "meta l4proto",
            Meta::EtherType => "meta protocol",
            Meta::Length => "meta length",
            Meta::PacketType => "meta pkttype",
            Meta::Mark => "meta mark",
        }
    }

    /// From the word after `meta`.
    pub fn parse(word: &str) -> Option<Meta> {
        Some(match word {
            "iifname" | "iif" => Meta::Iif,
            "oifname" | "oif" => Meta::Oif,
            "nfproto" => Meta::Family,
            "l4proto" => Meta::Protocol,
            "protocol" => Meta::EtherType,
            "length" => Meta::Length,
            "pkttype" => Meta::PacketType,
            "mark" => Meta::Mark,
            _ => return None,
        })
    }
}

impl Fib {
    fn text(self) -> String {
        let mut text = String::from(if self.source { "fib saddr" } else { "fib daddr" });
        for (on, word) in [(self.mark, " . mark"), (self.iif, " . iif"), (self.oif, " . oif")] {
            text.push_str(if on { word } else { "" });
        }
        text.push_str(match self.result {
            FibResult::Interface => " oifname",
            FibResult::Exists => " oif",
            FibResult::Type => " type",
        });
        text
    }
}

const fn field(header: &'static str, name: &'static str, base: Base, at: u16, ty: Type) -> Field {
    Field { header, name, base, at, ty }
}

const HBH: Base = Base::Ext(0);
const RT: Base = Base::Ext(43);
const FRAG: Base = Base::Ext(44);
const DST: Base = Base::Ext(60);
const MH: Base = Base::Ext(135);
const TCP: Base = Base::Proto(6);
const UDP: Base = Base::Proto(17);
const UDPLITE: Base = Base::Proto(136);
const DCCP: Base = Base::Proto(33);
const SCTP: Base = Base::Proto(132);
const ICMP: Base = Base::Proto(1);
const ICMP6: Base = Base::Proto(58);
const ECHOES: &[u8] = &[0, 8];
const ECHOES6: &[u8] = &[128, 129];

/// Every field that a rule can name.
pub static FIELDS: &[Field] = &[
    field("ether", "daddr", Base::Ether, 0, Type::Ether),
    field("ether", "saddr", Base::Ether, 48, Type::Ether),
    field("vlan", "id", Base::Vlan, 4, Type::Number(12)),
    field("ip", "version", Base::Ip4, 0, Type::Number(4)),
    field("ip", "hdrlength", Base::Ip4, 4, Type::Number(4)),
    field("ip", "dscp", Base::Ip4, 8, Type::Dscp),
    field("ip", "length", Base::Ip4, 16, Type::Number(16)),
    field("ip", "id", Base::Ip4, 32, Type::Number(16)),
    field("ip", "frag-off", Base::Ip4, 48, Type::Number(16)),
    field("ip", "ttl", Base::Ip4, 64, Type::Number(8)),
    field("ip", "protocol", Base::Ip4, 72, Type::Protocol),
    field("ip", "checksum", Base::Ip4, 80, Type::Number(16)),
    field("ip", "saddr", Base::Ip4, 96, Type::Ipv4),
    field("ip", "daddr", Base::Ip4, 128, Type::Ipv4),
    field("ip6", "version", Base::Ip6, 0, Type::Number(4)),
    field("ip6", "dscp", Base::Ip6, 4, Type::Dscp),
    field("ip6", "flowlabel", Base::Ip6, 12, Type::Number(20)),
    field("ip6", "length", Base::Ip6, 32, Type::Number(16)),
    field("ip6", "nexthdr", Base::Ip6, 48, Type::Protocol),
    field("ip6", "hoplimit", Base::Ip6, 56, Type::Number(8)),
    field("ip6", "saddr", Base::Ip6, 64, Type::Ipv6),
    field("ip6", "daddr", Base::Ip6, 192, Type::Ipv6),
    field("tcp", "sport", TCP, 0, Type::Port),
    field("tcp", "dport", TCP, 16, Type::Port),
    field("tcp", "sequence", TCP, 32, Type::Number(32)),
    field("tcp", "ackseq", TCP, 64, Type::Number(32)),
    field("tcp", "doff", TCP, 96, Type::Number(4)),
    field("tcp", "flags", TCP, 104, Type::TcpFlags),
    field("tcp", "window", TCP, 112, Type::Number(16)),
    field("tcp", "checksum", TCP, 128, Type::Number(16)),
    field("tcp", "urgptr", TCP, 144, Type::Number(16)),
    field("udp", "sport", UDP, 0, Type::Port),
    field("udp", "dport", UDP, 16, Type::Port),
    field("udp", "length", UDP, 32, Type::Number(16)),
    field("udp", "checksum", UDP, 48, Type::Number(16)),
    field("udplite", "sport", UDPLITE, 0, Type::Port),
    field("udplite", "dport", UDPLITE, 16, Type::Port),
    field("dccp", "sport", DCCP, 0, Type::Port),
    field("dccp", "dport", DCCP, 16, Type::Port),
    field("sctp", "sport", SCTP, 0, Type::Port),
    field("sctp", "dport", SCTP, 16, Type::Port),
    field("th", "sport", Base::Transport, 0, Type::Port),
    field("th", "dport", Base::Transport, 16, Type::Port),
    field("icmp", "type", ICMP, 0, Type::IcmpType),
    field("icmp", "code", ICMP, 8, Type::IcmpCode),
    field("icmp", "checksum", ICMP, 16, Type::Number(16)),
    field("icmp", "id", Base::Icmp(1, ECHOES), 32, Type::Number(16)),
    field("icmp", "sequence", Base::Icmp(1, ECHOES), 48, Type::Number(16)),
    field("icmp", "gateway", Base::Icmp(1, &[5]), 32, Type::Number(32)),
    field("icmp", "mtu", Base::Icmp(1, &[3]), 48, Type::Number(16)),
    field("icmpv6", "type", ICMP6, 0, Type::Icmp6Type),
    field("icmpv6", "code", ICMP6, 8, Type::Icmp6Code),
    field("icmpv6", "checksum", ICMP6, 16, Type::Number(16)),
    field("icmpv6", "id", Base::Icmp(58, ECHOES6), 32, Type::Number(16)),
    field("icmpv6", "sequence", Base::Icmp(58, ECHOES6), 48, Type::Number(16)),
    field("icmpv6", "mtu", Base::Icmp(58, &[2]), 32, Type::Number(32)),
    field("icmpv6", "parameter-problem", Base::Icmp(58, &[4]), 32, Type::Number(32)),
    field("icmpv6", "max-delay", Base::Icmp(58, &[130]), 32, Type::Number(16)),
    field("hbh", "nexthdr", HBH, 0, Type::Protocol),
    field("hbh", "hdrlength", HBH, 8, Type::Number(8)),
    field("rt", "nexthdr", RT, 0, Type::Protocol),
    field("rt", "hdrlength", RT, 8, Type::Number(8)),
    field("rt", "type", RT, 16, Type::Number(8)),
    field("rt", "seg-left", RT, 24, Type::Number(8)),
    field("frag", "nexthdr", FRAG, 0, Type::Protocol),
    field("frag", "reserved", FRAG, 8, Type::Number(8)),
    field("frag", "frag-off", FRAG, 16, Type::Number(13)),
    field("frag", "reserved2", FRAG, 29, Type::Number(2)),
    field("frag", "more-fragments", FRAG, 31, Type::Number(1)),
    field("frag", "id", FRAG, 32, Type::Number(32)),
    field("dst", "nexthdr", DST, 0, Type::Protocol),
    field("dst", "hdrlength", DST, 8, Type::Number(8)),
    field("mh", "nexthdr", MH, 0, Type::Protocol),
    field("mh", "hdrlength", MH, 8, Type::Number(8)),
    field("mh", "type", MH, 16, Type::Number(8)),
    field("mh", "reserved", MH, 24, Type::Number(8)),
    field("mh", "checksum", MH, 32, Type::Number(16)),
];

/// The extension headers that `exthdr … exists` knows.
pub static EXTENSIONS: &[(&str, u8)] = &[("hbh", 0), ("rt", 43), ("frag", 44), ("dst", 60), ("mh", 135)];

/// Whether a word begins a field.
pub fn is_header(word: &str) -> bool {
    FIELDS.iter().any(|field| field.header == word)
}

/// A field by its words.
pub fn find(header: &str, name: &str) -> Option<&'static Field> {
    FIELDS.iter().find(|field| field.header == header && field.name == name)
}
