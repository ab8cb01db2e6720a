//! Routes that lead nowhere: destinations that are refused on purpose.

use std::fmt;
use std::net::Ipv6Addr;

use siding_wire::icmp6::unreachable;

use super::Route;
use super::Table;

/// How packets to a destination are refused.
//= RFC 4443 s3.1 [4443-5]: which code tells of what; "unreachable" says what no route at all would, as Linux does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Refusal {
    /// As if there were no route: Destination Unreachable, code 0.
    Unreachable,
    /// Administratively prohibited: code 1.
    Prohibit,
    /// A reject route: code 6.
    Reject,
    /// In silence.
    Blackhole,
}

/// Refused destinations: a table of routes whose "interface" is the way in which they are refused.
pub type Refusals = Table<Ipv6Addr, Refusal>;

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

/// How `dst` is refused, if a refusal is better than the best route: its prefix longer, or as long and its metric no
/// worse.
#[inline]
pub fn refused<I: Copy + Ord>(
    refusals: &Refusals,
    best: Option<&Route<Ipv6Addr, I>>,
    dst: Ipv6Addr,
) -> Option<Refusal> {
    if refusals.is_empty() {
        return None;
    }
    let refusal = refusals.lookup(dst)?;
    let beats = |route: &Route<Ipv6Addr, I>| {
        let (own, its) = (refusal.prefix.prefix_len(), route.prefix.prefix_len());
        own > its || (own == its && refusal.metric <= route.metric)
    };
    best.is_none_or(beats).then_some(refusal.interface)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::route::Fib;
    use crate::route::Origin;
    use crate::route::Prefix;

    fn route<I>(prefix: &str, interface: I, metric: u32) -> Route<Ipv6Addr, I> {
        let (addr, len) = prefix.split_once('/').unwrap();
        let prefix = Prefix::covering(addr.parse().unwrap(), len.parse().unwrap());
        Route { prefix, next_hop: None, interface, metric, origin: Origin::Static }
    }

    #[test]
    fn the_longer_prefix_decides_then_the_metric_4443_5() {
        let mut routes = Table::new();
        for there in [route("::/0", 1, 1024), route("2001:db8:1::/48", 2, 1024)] {
            routes.insert(there).unwrap();
        }
        let fib = Fib::compile(&routes);
        let mut refusals = Refusals::new();
        let dst = "2001:db8:1::1".parse().unwrap();
        assert_eq!(refused(&refusals, fib.lookup(dst), dst), None);
        for (prefix, how, metric, expected) in [
            ("2001:db8::/32", Refusal::Prohibit, 0, None),
            ("2001:db8:1::/48", Refusal::Reject, 1025, None),
            ("2001:db8:1::/48", Refusal::Blackhole, 1024, Some(Refusal::Blackhole)),
            ("2001:db8:1::1/128", Refusal::Unreachable, 9999, Some(Refusal::Unreachable)),
        ] {
            refusals.insert(route(prefix, how, metric)).unwrap();
            assert_eq!(refused(&refusals, fib.lookup(dst), dst), expected, "{prefix}");
        }
        let other = "2001:db8:2::1".parse().unwrap();
        assert_eq!(refused(&refusals, fib.lookup(other), other), Some(Refusal::Prohibit));
        assert_eq!(refused::<u16>(&refusals, None, other), Some(Refusal::Prohibit));
        let nowhere = "3fff::1".parse().unwrap();
        assert_eq!(refused(&refusals, fib.lookup(nowhere), nowhere), None);
    }
}
