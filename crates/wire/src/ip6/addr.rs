//! IPv6 addresses: scopes, groups, prefixes and interface identifiers.

use core::net::Ipv6Addr;

use crate::Mac;

/// All nodes of the link, ff02::1 (RFC 4291 s2.7.1).
pub const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
/// All nodes of the interface, ff01::1 (RFC 4291 s2.7.1).
pub const ALL_NODES_IFACE: Ipv6Addr = Ipv6Addr::new(0xff01, 0, 0, 0, 0, 0, 0, 1);
/// All routers of the link, ff02::2 (RFC 4291 s2.7.1).
pub const ALL_ROUTERS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 2);
/// All routers of the link that speak MLDv2, ff02::16 (RFC 3810 s5.2.14).
pub const MLDV2_ROUTERS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x16);

/// How far an address reaches, in the numbers of multicast scopes (RFC 4291 s2.7), which RFC 6724 s3.1 uses
/// for unicast as well. A greater number reaches farther.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scope(pub u8);

impl Scope {
    /// One interface.
    pub const INTERFACE: Scope = Scope(1);
    /// One link.
    pub const LINK: Scope = Scope(2);
    /// The smallest scope that must be configured.
    pub const ADMIN: Scope = Scope(4);
    /// One site.
    pub const SITE: Scope = Scope(5);
    /// One organisation.
    pub const ORGANISATION: Scope = Scope(8);
    /// Everywhere.
    pub const GLOBAL: Scope = Scope(14);
}

/// The scope of any address, as source and destination selection compares them.
///
/// RFC 6724 s3.1 to s3.4: loopback counts as link-local, unique local addresses as global, and a mapped IPv4
/// address as link-local when it is 169.254/16 or 127/8 and as global otherwise.
pub fn scope(addr: Ipv6Addr) -> Scope {
    if let Some(scope) = multicast_scope(addr) {
        return scope;
    }
    if is_link_local(addr) || addr == Ipv6Addr::LOCALHOST {
        return Scope::LINK;
    }
    if addr.segments()[0] & 0xffc0 == 0xfec0 {
        return Scope::SITE;
    }
    match addr.to_ipv4_mapped() {
        Some(v4) if v4.is_link_local() || v4.is_loopback() => Scope::LINK,
        _ => Scope::GLOBAL,
    }
}

/// The scope of a multicast address; nothing for others.
pub const fn multicast_scope(addr: Ipv6Addr) -> Option<Scope> {
    if addr.is_multicast() { Some(Scope(addr.octets()[1] & 0x0f)) } else { None }
}

/// Whether this is a unicast address in fe80::/10.
pub const fn is_link_local(addr: Ipv6Addr) -> bool {
    addr.segments()[0] & 0xffc0 == 0xfe80
}

/// Whether the address holds an IPv4 address, mapped or compatible (RFC 4291 s2.5.5): ::ffff:0:0/96 and ::/96, but
/// for `::` and `::1`. Such an address is for programs, or for nobody; no packet has it.
pub const fn holds_ip4(addr: Ipv6Addr) -> bool {
    let bits = addr.to_bits();
    bits >> 32 == 0xffff || (bits >> 32 == 0 && bits > 1)
}

/// The group on which the owner of `addr` listens for solicitations: ff02::1:ff and its last 24 bits
/// (RFC 4291 s2.7.1).
pub const fn solicited_node(addr: Ipv6Addr) -> Ipv6Addr {
    let o = addr.octets();
    Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff00 | o[13] as u16, u16::from_be_bytes([o[14], o[15]]))
}

/// Whether this is a solicited-node group, whosever.
pub const fn is_solicited_node(addr: Ipv6Addr) -> bool {
    matches!(addr.segments(), [0xff02, 0, 0, 0, 0, 1, s, _] if s >> 8 == 0xff)
}

/// The link-local address whose interface identifier is the modified EUI-64 of `mac` (RFC 2464 s5).
pub fn eui64_link_local(mac: Mac) -> Ipv6Addr {
    eui64(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), mac)
}

/// The address in the /64 `prefix` whose interface identifier is the modified EUI-64 of `mac` (RFC 2464 s4).
pub fn eui64(prefix: Ipv6Addr, mac: Mac) -> Ipv6Addr {
    let [a, b, c, d, e, f] = mac.0;
    let mut octets = prefix.octets();
    // The universal/local bit is inverted, so that hand-written identifiers such as ::1 are local ones.
    octets[8..].copy_from_slice(&[a ^ 2, b, c, 0xff, 0xfe, d, e, f]);
    Ipv6Addr::from(octets)
}

/// How many leading bits two addresses share: 0..=128.
pub const fn common_prefix_len(a: Ipv6Addr, b: Ipv6Addr) -> u8 {
    (a.to_bits() ^ b.to_bits()).leading_zeros() as u8
}

/// Whether `addr` lies in `prefix`, of which only the first `len` bits count. A `len` above 128 counts as
/// 128.
pub const fn in_prefix(addr: Ipv6Addr, prefix: Ipv6Addr, len: u8) -> bool {
    let shared = common_prefix_len(addr, prefix);
    shared >= len || shared == 128
}

/// The first `len` bits of `addr`, zeros behind. A `len` above 128 counts as 128.
pub const fn mask(addr: Ipv6Addr, len: u8) -> Ipv6Addr {
    let host_bits = 128u32.saturating_sub(len as u32);
    match u128::MAX.checked_shl(host_bits) {
        Some(mask) => Ipv6Addr::from_bits(addr.to_bits() & mask),
        None => Ipv6Addr::UNSPECIFIED,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn a(text: &str) -> Ipv6Addr {
        text.parse().unwrap()
    }

    #[test]
    fn scopes_6724_2() {
        for (addr, expected) in [
            ("::1", Scope::LINK),
            ("fe80::1", Scope::LINK),
            ("febf:ffff::1", Scope::LINK),
            ("fec0::1", Scope::SITE),
            ("fd00::1", Scope::GLOBAL),
            ("2001:db8::1", Scope::GLOBAL),
            ("::ffff:169.254.1.1", Scope::LINK),
            ("::ffff:127.0.0.1", Scope::LINK),
            ("::ffff:192.168.1.1", Scope::GLOBAL),
            ("ff01::1", Scope::INTERFACE),
            ("ff32::8000:1", Scope::LINK),
            ("ff05::1:3", Scope::SITE),
            ("ff1e::1", Scope::GLOBAL),
        ] {
            assert_eq!(scope(a(addr)), expected, "{addr}");
        }
        assert!(Scope::LINK < Scope::SITE && Scope::SITE < Scope::GLOBAL);
        assert_eq!(multicast_scope(a("fe80::1")), None);
    }

    #[test]
    fn addresses_that_hold_ip4_addresses() {
        for held in ["::ffff:192.0.2.1", "::ffff:0.0.0.0", "::192.0.2.1", "::2"] {
            assert!(holds_ip4(a(held)), "{held}");
        }
        for other in
            ["::", "::1", "::1:0:0", "::ffff:0:0:0", "::fffe:c000:201", "64:ff9b::192.0.2.1", "2001:db8::1"]
        {
            assert!(!holds_ip4(a(other)), "{other}");
        }
    }

    #[test]
    fn solicited_node_groups() {
        assert_eq!(solicited_node(a("2001:db8::1234:56ab:cdef")), a("ff02::1:ffab:cdef"));
        assert!(is_solicited_node(a("ff02::1:ff00:1")));
        for other in ["ff02::1:fe00:1", "ff05::1:ff00:1", "ff02::1", "ff02::2:ff00:1", "fe80::1:ff00:1"] {
            assert!(!is_solicited_node(a(other)), "{other}");
        }
    }

    #[test]
    fn identifiers() {
        assert_eq!(eui64_link_local(Mac([0x02, 0, 0x5e, 0x10, 0, 1])), a("fe80::5eff:fe10:1"));
        // RFC 2464 s4: 34-56-78-9A-BC-DE.
        let mac = Mac([0x34, 0x56, 0x78, 0x9a, 0xbc, 0xde]);
        assert_eq!(eui64(a("2001:db8:1:2::99"), mac), a("2001:db8:1:2:3656:78ff:fe9a:bcde"));
    }

    #[test]
    fn prefixes() {
        assert_eq!(common_prefix_len(a("2001:db8::"), a("2001:db8::1")), 127);
        assert_eq!(common_prefix_len(a("::"), a("8000::")), 0);
        assert_eq!(common_prefix_len(a("fe80::1"), a("fe80::1")), 128);
        assert!(in_prefix(a("2001:db8::5"), a("2001:db8::"), 64));
        assert!(!in_prefix(a("2001:db8:0:1::5"), a("2001:db8::"), 64));
        assert!(in_prefix(a("::5"), a("8000::"), 0));
        assert!(in_prefix(a("::5"), a("::5"), 255) && !in_prefix(a("::5"), a("::4"), 255));
        assert_eq!(mask(a("2001:db8:1:2:3::4"), 50), a("2001:db8:1::"));
        assert_eq!(mask(a("2001:db8::4"), 0), a("::"));
        assert_eq!(mask(a("2001:db8::4"), 128), a("2001:db8::4"));
        assert_eq!(mask(a("2001:db8::4"), 200), a("2001:db8::4"));
    }

    #[test]
    fn link_local_ends_at_ten_bits() {
        assert!(is_link_local(a("febf::1")));
        assert!(!is_link_local(a("fec0::1")) && !is_link_local(a("fe7f::1")) && !is_link_local(a("ff02::1")));
    }
}
