//! When an ICMPv6 error may be sent, and how often (RFC 4443 s2.4).

use core::net::Ipv6Addr;

use siding_netisr::Instant;

/// The example of RFC 4443 s2.4(f): so many at once...
pub const DEFAULT_BURST: u32 = 10;
/// ...and so many a second in the long run.
pub const DEFAULT_RATE: u32 = 10;
/// What the stack begins with, for all errors together: the example is meant for a host on a slow link.
pub const DEFAULT_ERROR_BURST: u32 = 100;
/// The same, a second in the long run.
pub const DEFAULT_ERROR_RATE: u32 = 1000;

const NANOS: u64 = 1_000_000_000;

/// A token bucket in whole billionths of a token, so that no rounding lets it drift.
//= RFC 4443 s2.4(f) [4443-4]: bursts pass, the average is bounded, both are configurable.
#[derive(Debug, Clone, Copy)]
pub struct TokenBucket {
    burst: u32,
    rate: u32,
    level: u64,
    filled: Instant,
}

impl TokenBucket {
    /// A full bucket: `burst` tokens at once, `rate` tokens a second. A rate of 0 never refills it.
    pub fn new(now: Instant, burst: u32, rate: u32) -> TokenBucket {
        TokenBucket { burst, rate, level: u64::from(burst) * NANOS, filled: now }
    }

    /// A token, if there is one.
    #[must_use]
    pub fn take(&mut self, now: Instant) -> bool {
        self.fill(now);
        let enough = self.level >= NANOS;
        if enough {
            self.level -= NANOS;
        }
        enough
    }

    /// Changes the limits; what has been earned stays, up to the new burst.
    pub fn configure(&mut self, now: Instant, burst: u32, rate: u32) {
        self.fill(now);
        self.burst = burst;
        self.rate = rate;
        self.level = self.level.min(u64::from(burst) * NANOS);
    }

    /// The most tokens at once.
    pub fn burst(&self) -> u32 {
        self.burst
    }

    /// Whole tokens at `now`.
    pub fn available(&self, now: Instant) -> u32 {
        let mut then = *self;
        then.fill(now);
        u32::try_from(then.level / NANOS).unwrap_or(u32::MAX)
    }

    fn fill(&mut self, now: Instant) {
        // A clock that went back earns nothing, and is not allowed to earn the same time twice.
        if now <= self.filled {
            return;
        }
        let passed = u64::try_from(now.since(self.filled).as_nanos()).unwrap_or(u64::MAX);
        let earned = passed.saturating_mul(u64::from(self.rate));
        self.level = self.level.saturating_add(earned).min(u64::from(self.burst) * NANOS);
        self.filled = now;
    }
}

/// The error one would like to send, as far as the exceptions of RFC 4443 s2.4(e) tell them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// Packet Too Big: path MTU discovery works for multicast too.
    PacketTooBig,
    /// Parameter Problem code 2 about an option whose two highest bits are 10.
    UnknownOption,
    /// Any other.
    Other,
}

/// How the offending packet's frame was addressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkCast {
    /// To us.
    Unicast,
    /// To a group.
    Multicast,
    /// To everybody.
    Broadcast,
}

/// What decides whether a packet may be answered with an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offender {
    /// Its source.
    pub source: Ipv6Addr,
    /// Its source is known to be an anycast address.
    pub source_is_anycast: bool,
    /// Its destination.
    pub destination: Ipv6Addr,
    /// It is an ICMPv6 error itself (type below 128), or ends before one can tell that it is none.
    pub is_error: bool,
    /// It is an ICMPv6 Redirect.
    pub is_redirect: bool,
    /// How its frame was addressed.
    pub link: LinkCast,
}

/// Why no error may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Silence {
    /// Errors do not beget errors.
    Error,
    /// Neither do redirects.
    Redirect,
    /// It went to a group.
    MulticastDestination,
    /// Its frame went to a group.
    LinkMulticast,
    /// Its frame went to everybody.
    LinkBroadcast,
    /// Its source is not one node: unspecified, multicast or anycast.
    SourceNotOneNode,
}

/// Whether `kind` may be sent about `offender`; the token bucket comes after.
///
/// # Errors
/// The first reason for silence, in the order of RFC 4443 s2.4(e).
pub fn may_send_error(kind: ErrorKind, offender: &Offender) -> Result<(), Silence> {
    //= RFC 4443 s2.4(e) [4443-3]: when an error must not be sent, and the two that a group may hear.
    if offender.is_error {
        return Err(Silence::Error);
    }
    if offender.is_redirect {
        return Err(Silence::Redirect);
    }
    if kind == ErrorKind::Other {
        if offender.destination.is_multicast() {
            return Err(Silence::MulticastDestination);
        }
        match offender.link {
            LinkCast::Unicast => {}
            LinkCast::Multicast => return Err(Silence::LinkMulticast),
            LinkCast::Broadcast => return Err(Silence::LinkBroadcast),
        }
    }
    let source = offender.source;
    if source.is_unspecified() || source.is_multicast() || offender.source_is_anycast {
        return Err(Silence::SourceNotOneNode);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::*;

    const T0: Instant = Instant::from_nanos(5 * NANOS);

    fn burst_at(bucket: &mut TokenBucket, now: Instant) -> u32 {
        (0..10_000).take_while(|_| bucket.take(now)).count() as u32
    }

    #[test]
    fn burst_then_average_4443_4() {
        let mut bucket = TokenBucket::new(T0, DEFAULT_BURST, DEFAULT_RATE);
        assert_eq!(burst_at(&mut bucket, T0), 10);
        assert_eq!(burst_at(&mut bucket, T0 + Duration::from_millis(99)), 0);
        assert_eq!(burst_at(&mut bucket, T0 + Duration::from_millis(100)), 1);
        assert_eq!(burst_at(&mut bucket, T0 + Duration::from_secs(3600)), 10);
    }

    #[test]
    fn no_drift_over_odd_intervals_4443_4() {
        let mut bucket = TokenBucket::new(T0, 1, 3);
        let mut passed = 0;
        let mut now = T0;
        for _ in 0..1_000_000 {
            now += Duration::from_nanos(10_007_003);
            passed += u32::from(bucket.take(now));
        }
        // 10,007.003 s at 3 a second, one at a time: 10 ms steps may cost up to 3 % of them.
        assert!((29_000..=30_022).contains(&passed), "{passed}");
    }

    #[test]
    fn limits_are_configurable_4443_4() {
        let mut bucket = TokenBucket::new(T0, 100, 0);
        bucket.configure(T0, 5, 1000);
        assert_eq!(bucket.available(T0), 5);
        assert_eq!(burst_at(&mut bucket, T0), 5);
        assert_eq!(bucket.available(T0 + Duration::from_millis(3)), 3);
        let mut never = TokenBucket::new(T0, 2, 0);
        assert_eq!(burst_at(&mut never, T0), 2);
        assert!(!never.take(Instant::NEVER));
    }

    #[test]
    fn a_clock_that_goes_back_earns_nothing() {
        let mut bucket = TokenBucket::new(T0 + Duration::from_secs(1), 1, 1);
        assert!(bucket.take(T0 + Duration::from_secs(1)));
        assert!(!bucket.take(T0));
        assert!(!bucket.take(T0 + Duration::from_millis(1999)));
        assert!(bucket.take(T0 + Duration::from_secs(2)));
    }

    #[test]
    fn when_no_error_is_sent_4443_3() {
        let good = Offender {
            source: "2001:db8::1".parse().expect("address"),
            source_is_anycast: false,
            destination: "2001:db8::2".parse().expect("address"),
            is_error: false,
            is_redirect: false,
            link: LinkCast::Unicast,
        };
        let group: Ipv6Addr = "ff02::1".parse().expect("address");
        let to_group = Offender { destination: group, link: LinkCast::Multicast, ..good };
        // The packet; then what becomes of an error of the kinds Other, PacketTooBig, UnknownOption.
        let (all, none) = (|why| [Err(why); 3], [Ok(()); 3]);
        let but_two = |why| [Err(why), Ok(()), Ok(())];
        let rows = [
            (good, none),
            (Offender { is_error: true, ..good }, all(Silence::Error)),
            (Offender { is_redirect: true, ..good }, all(Silence::Redirect)),
            (to_group, but_two(Silence::MulticastDestination)),
            (Offender { link: LinkCast::Multicast, ..good }, but_two(Silence::LinkMulticast)),
            (Offender { link: LinkCast::Broadcast, ..good }, but_two(Silence::LinkBroadcast)),
            (Offender { source: Ipv6Addr::UNSPECIFIED, ..good }, all(Silence::SourceNotOneNode)),
            (Offender { source: group, ..good }, all(Silence::SourceNotOneNode)),
            (Offender { source_is_anycast: true, ..good }, all(Silence::SourceNotOneNode)),
            (Offender { is_error: true, ..to_group }, all(Silence::Error)),
        ];
        for (offender, expected) in rows {
            let kinds = [ErrorKind::Other, ErrorKind::PacketTooBig, ErrorKind::UnknownOption];
            assert_eq!(kinds.map(|kind| may_send_error(kind, &offender)), expected, "{offender:?}");
        }
    }
}
