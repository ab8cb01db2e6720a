//! One address that was made from a prefix: its lifetimes (RFC 4862 s5.5.3, s5.5.4).

use core::net::Ipv6Addr;
use core::time::Duration;

use siding_netisr::Instant;
use siding_wire::ip6;
use siding_wire::nd::INFINITE;

use crate::route::Prefix;

/// Who put an address on an interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AddrOrigin {
    /// The operator, or what the operator configured: a link-local address, too.
    Manual,
    /// Made from an advertised prefix (RFC 4862 s5.5), or the link-local one from a secret (RFC 7217).
    Autoconf,
    /// Made from an advertised prefix, for a while, with an identifier that tells nothing (RFC 8981).
    Temporary,
}

/// What an unauthenticated advertisement cannot shorten a valid lifetime below.
pub(super) const TWO_HOURS: Duration = Duration::from_secs(7200);

/// How far duplicate address detection has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Under way.
    Testing,
    /// Passed.
    Ready,
    /// Somebody else has it. It is kept, so that the next advertisement does not make it again.
    Failed,
    /// Somebody else has it; another is made from its prefix at this moment.
    Again(Instant),
}

/// An address of ours.
#[derive(Debug, Clone)]
pub struct Owned {
    /// The address.
    pub addr: Ipv6Addr,
    /// What it was made from.
    pub prefix: Prefix<Ipv6Addr>,
    /// How it was made.
    pub origin: AddrOrigin,
    /// When it ceases to be a source for what is new.
    pub preferred_until: Instant,
    /// When it ceases to be ours.
    pub valid_until: Instant,
    /// The first of these has come.
    pub deprecated: bool,
    /// How far its detection has come.
    pub phase: Phase,
    /// Duplicates before this one.
    pub counter: u8,
    /// The latest that a temporary address may be preferred and valid (RFC 8981 s3.4).
    pub cap: (Instant, Instant),
    /// The default routers that advertise its prefix (RFC 6724 rule 5.5).
    pub advertised_by: Vec<Ipv6Addr>,
}

/// When a lifetime of so many seconds ends.
pub(super) fn until(now: Instant, seconds: u32) -> Instant {
    //= RFC 4862 s5.5.3, RFC 4861 s4.6.2 [4862-8]: all ones is for ever.
    if seconds == INFINITE { Instant::NEVER } else { now + Duration::from_secs(seconds.into()) }
}

impl Owned {
    /// An advertisement gives its prefix these lifetimes, in seconds. True if it was deprecated and is so no longer.
    pub(super) fn refresh(&mut self, now: Instant, preferred: u32, valid: u32) -> bool {
        let wanted = until(now, valid);
        let floor = now + TWO_HOURS;
        //= RFC 4862 s5.5.3 e [4862-8]: the valid lifetime grows freely, and shrinks to two hours at the least, so that
        //= one forged advertisement does not end an address.
        if wanted > floor || wanted > self.valid_until {
            self.valid_until = wanted;
        } else if self.valid_until > floor {
            self.valid_until = floor;
        }
        //= RFC 4862 s5.5.3 e [4862-8]: the preferred lifetime is taken as it is.
        self.preferred_until = until(now, preferred);
        self.clamp();
        let revived = self.deprecated && self.preferred_until > now;
        self.deprecated = self.preferred_until <= now;
        revived
    }

    /// Keeps a temporary address within what it may live.
    //= RFC 8981 s3.4: whatever is advertised, a temporary address ends a given time after it was made.
    pub(super) fn clamp(&mut self) {
        self.preferred_until = self.preferred_until.min(self.cap.0);
        self.valid_until = self.valid_until.min(self.cap.1);
    }

    /// When something of it changes next.
    pub(super) fn deadline(&self) -> Instant {
        let preferred = if self.deprecated { Instant::NEVER } else { self.preferred_until };
        let again = if let Phase::Again(at) = self.phase { at } else { Instant::NEVER };
        self.valid_until.min(preferred).min(again)
    }

    /// Whether it is the link-local one, which no prefix was advertised for.
    pub(super) fn is_link_local(&self) -> bool {
        ip6::is_link_local(self.addr)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T0: Instant = Instant::from_nanos(1_000_000_000);
    const S: Duration = Duration::from_secs(1);

    fn owned(preferred: u32, valid: u32) -> Owned {
        Owned {
            addr: Ipv6Addr::LOCALHOST,
            prefix: Prefix::covering(Ipv6Addr::LOCALHOST, 64),
            origin: AddrOrigin::Autoconf,
            preferred_until: until(T0, preferred),
            valid_until: until(T0, valid),
            deprecated: preferred == 0,
            phase: Phase::Ready,
            counter: 0,
            cap: (Instant::NEVER, Instant::NEVER),
            advertised_by: Vec::new(),
        }
    }

    /// Valid lifetime left, received valid lifetime, and what is left then.
    const TWO_HOUR_RULE: [(u32, u32, u32); 12] = [
        // More than two hours, or more than is left: taken.
        (100, 7201, 7201),
        (10_000, 7201, 7201),
        (100, 101, 101),
        (7200, 7200, 7200),
        (0xffff_fffe, INFINITE, INFINITE),
        (INFINITE, 7201, 7201),
        // Two hours or less left, and less received: ignored.
        (7200, 7199, 7200),
        (7200, 0, 7200),
        (100, 99, 100),
        // More left: two hours.
        (7201, 7200, 7200),
        (INFINITE, 0, 7200),
        (INFINITE, 1, 7200),
    ];

    #[test]
    fn two_hour_rule_row_by_row_4862_8() {
        for (left, received, then) in TWO_HOUR_RULE {
            let mut own = owned(50, left);
            own.refresh(T0, 0, received);
            assert_eq!(own.valid_until, until(T0, then), "{left} left, {received} received");
        }
    }

    #[test]
    fn the_preferred_lifetime_is_always_taken_4862_8() {
        let mut own = owned(50, 10_000);
        for (preferred, revived) in [(0, false), (0, false), (7, true), (9000, false), (INFINITE, false)] {
            assert_eq!(own.refresh(T0, preferred, 0), revived, "{preferred}");
            assert_eq!((own.preferred_until, own.deprecated), (until(T0, preferred), preferred == 0));
        }
    }

    #[test]
    fn a_temporary_address_never_outlives_its_cap_rfc8981() {
        let mut own = owned(50, 100);
        own.cap = (T0 + S * 60, T0 + S * 120);
        own.refresh(T0, 5000, 9000);
        assert_eq!((own.preferred_until, own.valid_until), own.cap);
    }

    #[test]
    fn deadlines_in_their_order_4862_9() {
        let mut own = owned(50, 100);
        assert_eq!(own.deadline(), T0 + S * 50);
        own.deprecated = true;
        assert_eq!(own.deadline(), T0 + S * 100);
        own.phase = Phase::Again(T0 + S);
        assert_eq!(own.deadline(), T0 + S);
        assert_eq!(owned(INFINITE, INFINITE).deadline(), Instant::NEVER);
    }
}
