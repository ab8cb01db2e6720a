//! What an interface can be used for: the one place that says so.
//!
//! Three things decide: whether the operator has it *up*, whether its *link* is there, and what it *is* (a port's IP is
//! that of its lagg or bridge). Everybody asks here: detection of duplicates, routes, advertisements, announcements,
//! requests for routers, ports of laggs and bridges, `siding show`, and whoever takes or gives a frame.

use std::fmt;
use std::net::Ipv6Addr;

use super::Interface;

/// What somebody wants of an interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Use {
    /// That a frame is taken from it, or given to it. Whether its link is there does not count: a driver knows that better,
    /// and sooner, than anybody can be told.
    Passage,
    /// The same of a frame with IP of its own.
    IpPassage,
    /// That frames pass, whatever is in them.
    Frames,
    /// IPv4 of its own.
    Ip4,
    /// IPv6 of its own.
    Ip6,
}

/// What link an interface has when it has one again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Back {
    /// The one that it had a moment ago.
    Same,
    /// Perhaps another.
    Another,
}

/// Why an interface cannot be used for something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Unfit {
    /// The operator took it down.
    Down,
    /// What carries its frames is not there at all: its device, or what it lies on.
    Absent,
    /// Its link is not there, or nothing of what it lies on can be used.
    NoCarrier,
    /// It is a port of a lagg or bridge, to which all its frames belong.
    Port,
    /// Somebody else has the link-local address that our own MAC makes, hence that MAC: IP is stopped until the interface is
    /// taken up or restarted, its link comes back, or it is time to try again (RFC 4862 s5.4.5).
    Stopped(Ipv6Addr),
    /// It takes less than IPv6 needs (RFC 8200 s5).
    SmallMtu(u16),
}

/// The least MTU for IPv6 (RFC 8200 s5).
pub const LEAST_MTU6: u16 = 1280;

impl Interface {
    /// Whether the interface can be used for `what` now.
    ///
    /// # Errors
    ///
    /// Why not.
    #[inline]
    pub fn fit(&self, what: Use) -> Result<(), Unfit> {
        if !self.up {
            return Err(Unfit::Down);
        }
        match what {
            Use::Passage => return Ok(()),
            Use::IpPassage => return self.stopped.map_or(Ok(()), |addr| Err(Unfit::Stopped(addr))),
            Use::Frames | Use::Ip4 | Use::Ip6 => {}
        }
        if !self.present {
            return Err(Unfit::Absent);
        }
        if !self.link {
            return Err(Unfit::NoCarrier);
        }
        if what != Use::Frames && !self.member_of.is_none() {
            return Err(Unfit::Port);
        }
        if let Some(addr) = self.stopped.filter(|_| what != Use::Frames) {
            return Err(Unfit::Stopped(addr));
        }
        //= RFC 8200 s5 [8200-5]: a link that does not take 1280 bytes does not take IPv6.
        if what == Use::Ip6 && self.own_mtu < LEAST_MTU6 {
            return Err(Unfit::SmallMtu(self.own_mtu));
        }
        Ok(())
    }

    /// The same, for those who do not want to know why not.
    #[inline]
    pub fn is_fit(&self, what: Use) -> bool {
        self.fit(what).is_ok()
    }
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unfit::Down => f.write_str("down"),
            Unfit::Absent => f.write_str("absent"),
            Unfit::NoCarrier => f.write_str("no carrier"),
            Unfit::Port => f.write_str("port"),
            Unfit::SmallMtu(mtu) => write!(f, "no IPv6: MTU {mtu}, give at least {LEAST_MTU6}"),
            Unfit::Stopped(addr) => write!(f, "IP stopped: somebody else on the link has our MAC ({addr})"),
        }
    }
}

#[cfg(all(test, not(any(siding_loom, siding_shuttle))))]
#[allow(clippy::unwrap_used)] // The helpers of tests say what they expect by unwrapping it, as tests do.
mod tests {
    use siding_lockorder::Root;
    use siding_mbuf::Pool;
    use siding_mbuf::PoolConfig;
    use siding_netisr::Instant;
    use siding_wire::Mac;

    use super::*;
    use crate::BridgeSpec;
    use crate::Stack;
    use crate::StackConfig;

    fn interface() -> Interface {
        let pool = Pool::new(PoolConfig::default()).unwrap();
        let stack = Stack::new(StackConfig::new(pool, || Instant::from_nanos(1))).unwrap();
        let mut root = Root::new();
        let mut entered = root.enter().unwrap();
        let spec = BridgeSpec { mac: Some(Mac([2, 0, 0, 0, 0, 1])), ..BridgeSpec::new("br0") };
        let id = stack.add_bridge(&mut entered.ctx(), spec).unwrap();
        let config = stack.config();
        Interface { link: true, ..config.interface(id).unwrap().clone() }
    }

    #[test]
    fn what_an_interface_can_be_used_for() {
        const ALL: [Use; 5] = [Use::Passage, Use::IpPassage, Use::Frames, Use::Ip4, Use::Ip6];
        let fit = |change: fn(&mut Interface)| {
            let mut there = interface();
            change(&mut there);
            ALL.map(|what| there.fit(what).err())
        };
        assert_eq!(fit(|_| {}), [None; 5]);
        assert_eq!(fit(|there| there.up = false), [Some(Unfit::Down); 5]);
        // A frame that is there has come by a link that is there, and what is given to a device is its affair.
        let absent = Some(Unfit::Absent);
        assert_eq!(fit(|there| there.present = false), [None, None, absent, absent, absent]);
        let no_carrier = Some(Unfit::NoCarrier);
        assert_eq!(fit(|there| there.link = false), [None, None, no_carrier, no_carrier, no_carrier]);
        let stopped = Some(Unfit::Stopped(Ipv6Addr::LOCALHOST));
        assert_eq!(
            fit(|there| there.stopped = Some(Ipv6Addr::LOCALHOST)),
            [None, stopped, None, stopped, stopped]
        );
        let port = Some(Unfit::Port);
        assert_eq!(fit(|there| there.member_of = there.ifnet.id), [None, None, None, port, port]);
        assert_eq!(fit(|there| there.own_mtu = 1279), [None, None, None, None, Some(Unfit::SmallMtu(1279))]);
    }
}
