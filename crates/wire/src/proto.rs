//! IP protocol numbers.

use core::fmt;

/// What follows an IP header: IPv4's protocol and IPv6's next header field (IANA "Protocol Numbers").
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IpProto(pub u8);

impl IpProto {
    /// IPv6 hop-by-hop options (RFC 8200 s4.3).
    pub const HOP_BY_HOP: IpProto = IpProto(0);
    /// ICMP for IPv4 (RFC 792).
    pub const ICMP: IpProto = IpProto(1);
    /// IGMP.
    pub const IGMP: IpProto = IpProto(2);
    /// TCP.
    pub const TCP: IpProto = IpProto(6);
    /// UDP.
    pub const UDP: IpProto = IpProto(17);
    /// IPv6 routing header (RFC 8200 s4.4).
    pub const ROUTING: IpProto = IpProto(43);
    /// IPv6 fragment header (RFC 8200 s4.5).
    pub const FRAGMENT: IpProto = IpProto(44);
    /// Encapsulating security payload.
    pub const ESP: IpProto = IpProto(50);
    /// Authentication header.
    pub const AH: IpProto = IpProto(51);
    /// ICMPv6 (RFC 4443).
    pub const ICMP6: IpProto = IpProto(58);
    /// IPv6 no next header (RFC 8200 s4.7).
    pub const NO_NEXT: IpProto = IpProto(59);
    /// IPv6 destination options (RFC 8200 s4.6).
    pub const DST_OPTS: IpProto = IpProto(60);
    /// VRRP and CARP.
    pub const VRRP: IpProto = IpProto(112);
}

impl fmt::Debug for IpProto {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match *self {
            IpProto::HOP_BY_HOP => "hop-by-hop",
            IpProto::ICMP => "icmp",
            IpProto::IGMP => "igmp",
            IpProto::TCP => "tcp",
            IpProto::UDP => "udp",
            IpProto::ROUTING => "routing",
            IpProto::FRAGMENT => "fragment",
            IpProto::ESP => "esp",
            IpProto::AH => "ah",
            IpProto::ICMP6 => "icmp6",
            IpProto::NO_NEXT => "no-next",
            IpProto::DST_OPTS => "dst-opts",
            IpProto::VRRP => "vrrp",
            IpProto(other) => return write!(f, "proto {other}"),
        };
        f.write_str(name)
    }
}
