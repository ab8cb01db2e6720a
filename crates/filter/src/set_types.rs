//! The types that a set may be of, as its file says them.

use crate::types::Type;

/// What a set may say after `type`.
pub(crate) const TYPES: &[(&str, Type)] = &[
    ("ipv4_addr", Type::Ipv4),
    ("ipv6_addr", Type::Ipv6),
    ("ether_addr", Type::Ether),
    ("ifname", Type::Interface),
    ("inet_proto", Type::Protocol),
    ("inet_service", Type::Port),
    ("mark", Type::Mark),
    ("dscp", Type::Dscp),
    ("icmp_type", Type::IcmpType),
    ("icmp_code", Type::IcmpCode),
    ("icmpv6_type", Type::Icmp6Type),
    ("icmpv6_code", Type::Icmp6Code),
    ("tcp_flag", Type::TcpFlags),
    ("ct_state", Type::CtState),
    ("ct_dir", Type::CtDirection),
    ("nf_proto", Type::Family),
    ("pkt_type", Type::PacketType),
    ("fib_addrtype", Type::AddrType),
    ("ether_type", Type::EtherType),
];

impl Type {
    /// Its name after `type` in a set, if it has one.
    pub fn name(self) -> Option<&'static str> {
        TYPES.iter().find(|(_, ty)| *ty == self).map(|(name, _)| *name)
    }
}
