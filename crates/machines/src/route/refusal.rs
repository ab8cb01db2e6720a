//! Routes that lead nowhere: destinations that are refused on purpose.

use std::fmt;

use siding_wire::icmp4;
use siding_wire::icmp6::unreachable;

/// How packets to a destination are refused.
//= RFC 4443 s3.1 [4443-5]: which code tells of what; "unreachable" says what no route at all would, as Linux does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Refusal {
    /// As if there were no route: Destination Unreachable, code 0, also of IPv4.
    Unreachable,
    /// Administratively prohibited: code 1; 13 of IPv4.
    Prohibit,
    /// A reject route: code 6; IPv4 has none for it, and BSD's say 1, that the host is unreachable.
    Reject,
    /// In silence.
    Blackhole,
}

impl Refusal {
    /// All of them.
    pub const ALL: [Refusal; 4] =
        [Refusal::Unreachable, Refusal::Prohibit, Refusal::Reject, Refusal::Blackhole];

    /// The code of Destination Unreachable that tells of it; `None` for silence.
    pub const fn code(self) -> Option<u8> {
        match self {
            Refusal::Unreachable => Some(unreachable::NO_ROUTE),
            Refusal::Prohibit => Some(unreachable::PROHIBITED),
            Refusal::Reject => Some(unreachable::REJECT),
            Refusal::Blackhole => None,
        }
    }

    /// The same of IPv4 (RFC 1812 s5.2.7.1).
    pub const fn code4(self) -> Option<u8> {
        match self {
            Refusal::Unreachable => Some(icmp4::unreachable::NET),
            Refusal::Prohibit => Some(icmp4::unreachable::PROHIBITED),
            Refusal::Reject => Some(icmp4::unreachable::HOST),
            Refusal::Blackhole => None,
        }
    }

    /// Its name, as `ip route` writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Refusal::Unreachable => "unreachable",
            Refusal::Prohibit => "prohibit",
            Refusal::Reject => "reject",
            Refusal::Blackhole => "blackhole",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use core::net::Ipv6Addr;

    use super::*;
    use crate::route::Origin;
    use crate::route::Prefix;
    use crate::route::Rib;
    use crate::route::Route;
    use crate::route::Way;

    #[test]
    fn the_longer_prefix_decides_then_the_metric_4443_5() {
        let prefix = |text: &str| text.parse::<Prefix<Ipv6Addr>>().expect("a prefix");
        let mut rib = Rib::<Ipv6Addr, u16>::default();
        let fib = rib.fib();
        for (to, interface) in [("::/0", 1), ("2001:db8:1::/48", 2)] {
            let (prefix, origin) = (prefix(to), Origin::Static);
            rib.insert(Route { prefix, next_hop: None, interface, metric: 1024, origin }).expect("a route");
        }
        let refusal = |dst: &str| match fib.lookup(dst.parse().expect("an address")) {
            Some(Way::Refused(how)) => Some(how),
            _ => None,
        };
        assert_eq!(refusal("2001:db8:1::1"), None);
        for (to, how, metric, expected) in [
            ("2001:db8::/32", Refusal::Prohibit, 0, None),
            ("2001:db8:1::/48", Refusal::Reject, 1025, None),
            ("2001:db8:1::/48", Refusal::Blackhole, 1024, Some(Refusal::Blackhole)),
            ("2001:db8:1::1/128", Refusal::Unreachable, 9999, Some(Refusal::Unreachable)),
        ] {
            rib.refuse(prefix(to), how, metric).expect("room");
            assert_eq!(refusal("2001:db8:1::1"), expected, "{to}");
        }
        assert_eq!(refusal("2001:db8:2::1"), Some(Refusal::Prohibit));
        assert_eq!(refusal("3fff::1"), None);
    }
}
