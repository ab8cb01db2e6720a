//! Which addresses may stand at the ends of a packet on a wire, whoever owns them.

use core::net::IpAddr;
use core::net::Ipv4Addr;
use core::net::Ipv6Addr;

use crate::ip6;
use crate::ip6::Scope;

/// Whether a host may have this address: not "this" network, loopback, a group, or what is reserved, broadcast among
/// it (RFC 1122 s3.2.1.3, RFC 6890).
pub fn is_host4(addr: Ipv4Addr) -> bool {
    let first = addr.octets()[0];
    !(first == 0 || first == 127 || first >= 224)
}

/// The same for IPv6: not the unspecified or the loopback address, a group, or one that only holds an IPv4 address.
//= RFC 4291 s2.5.2, s2.5.3, s2.5.5: these are never on a wire but `::`, as the source of who has no address yet.
pub fn is_host6(addr: Ipv6Addr) -> bool {
    !(addr.is_unspecified() || addr.is_loopback() || addr.is_multicast() || ip6::holds_ip4(addr))
}

/// Whether a host may have this address on a link.
pub fn is_host(addr: IpAddr) -> bool {
    match addr {
        IpAddr::V4(addr) => is_host4(addr),
        IpAddr::V6(addr) => is_host6(addr),
    }
}

/// Whether the address is everybody's on a link with a prefix of so many bits, and so no host's: all ones behind the
/// prefix, or all zeros, as it was once (RFC 1122 s3.2.1.3). Links with two ends have none (RFC 3021).
pub fn is_everybody4(addr: Ipv4Addr, prefix_len: u8) -> bool {
    let hosts = u32::MAX.checked_shr(prefix_len.into()).unwrap_or(0);
    prefix_len < 31 && [0, hosts].contains(&(addr.to_bits() & hosts))
}

/// Whether a packet on a wire may be for `dst`.
//= RFC 4291 s2.7: groups of scope 0 are nobody's, and those of one interface's scope do not leave it.
pub fn may_be_destination6(dst: Ipv6Addr) -> bool {
    match ip6::multicast_scope(dst) {
        Some(scope) => scope > Scope::INTERFACE,
        None => is_host6(dst),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_host_may_have() {
        for addr in ["0.0.0.0", "0.255.0.1", "127.0.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255"] {
            assert!(!is_host(addr.parse().unwrap()), "{addr}");
        }
        for addr in ["::", "::1", "ff02::1", "::ffff:192.0.2.1", "::192.0.2.1"] {
            assert!(!is_host(addr.parse().unwrap()), "{addr}");
        }
        // Site-local addresses are like any others (RFC 4291 s2.5.7).
        for addr in ["1.0.0.1", "126.0.0.1", "169.254.0.1", "223.255.255.1", "fe80::1", "fec0::1", "fd00::1"]
        {
            assert!(is_host(addr.parse().unwrap()), "{addr}");
        }
    }

    #[test]
    fn what_is_everybodys_on_a_link() {
        for (addr, len, is) in [
            ("192.0.2.255", 24, true),
            ("192.0.2.0", 24, true),
            ("192.0.2.127", 25, true),
            ("192.0.2.127", 24, false),
            ("10.255.255.255", 8, true),
            ("255.255.255.255", 0, true),
            ("192.0.2.1", 31, false),
            ("192.0.2.0", 31, false),
            ("192.0.2.0", 32, false),
        ] {
            assert_eq!(is_everybody4(addr.parse().unwrap(), len), is, "{addr}/{len}");
        }
    }

    #[test]
    fn groups_that_reach_no_wire() {
        for (group, may) in [("ff00::1", false), ("ff01::1", false), ("ff02::1", true), ("ff0e::1", true)] {
            assert_eq!(may_be_destination6(group.parse().unwrap()), may, "{group}");
        }
    }
}
