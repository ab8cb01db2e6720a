//! The prefix list: what is on the link because a router says so (RFC 4861 s5.1, RFC 5942).

use core::net::Ipv6Addr;

use siding_netisr::Instant;

use super::event::Gone;
use super::event::HostEvent;
use super::routers::Full;
use crate::route::Prefix;

/// On-link prefixes with the end of their lifetimes.
#[derive(Debug, Default)]
pub(super) struct Prefixes(Vec<(Prefix<Ipv6Addr>, Instant)>);

impl Prefixes {
    /// An advertisement says that the prefix is on-link until then. The caller has left out those without the L
    /// flag: they say nothing.
    pub(super) fn heard(
        &mut self,
        prefix: Prefix<Ipv6Addr>,
        until: Instant,
        now: Instant,
        most: usize,
        events: &mut Vec<HostEvent>,
    ) -> Result<(), Full> {
        match self.0.iter().position(|known| known.0 == prefix) {
            //= RFC 4861 s6.3.4 [4861-20]: a valid lifetime of 0 ends it at once.
            Some(at) if until <= now => {
                self.0.remove(at);
                events.push(HostEvent::PrefixRemoved(prefix, Gone::Withdrawn));
            }
            Some(at) => self.0[at].1 = until,
            None if until <= now => {}
            None if self.0.len() >= most => return Err(Full),
            None => {
                self.0.push((prefix, until));
                events.push(HostEvent::PrefixAdded(prefix));
            }
        }
        Ok(())
    }

    /// Lets go of those whose lifetime is over.
    pub(super) fn expire(&mut self, now: Instant, events: &mut Vec<HostEvent>) {
        self.retain(Gone::Expired, events, |until| until > now);
    }

    /// Lets go of all; says how many there were.
    pub(super) fn flush(&mut self, events: &mut Vec<HostEvent>) -> usize {
        let before = self.0.len();
        self.retain(Gone::Flushed, events, |_| false);
        before
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.0.iter().map(|known| known.1).filter(|until| *until < Instant::NEVER).min()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Prefix<Ipv6Addr>, Instant)> + '_ {
        self.0.iter().copied()
    }

    fn retain(&mut self, why: Gone, events: &mut Vec<HostEvent>, keep: impl Fn(Instant) -> bool) {
        for (prefix, _) in self.0.extract_if(.., |known| !keep(known.1)) {
            events.push(HostEvent::PrefixRemoved(prefix, why));
        }
    }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::*;

    const T0: Instant = Instant::from_nanos(1_000_000_000);
    const S: Duration = Duration::from_secs(1);

    fn prefix(n: u16) -> Prefix<Ipv6Addr> {
        Prefix::covering(Ipv6Addr::new(0x2001, 0xdb8, n, 0, 0, 0, 0, 0), 64)
    }

    #[test]
    fn a_prefix_lives_as_long_as_was_last_said_4861_20() {
        let mut prefixes = Prefixes::default();
        let mut events = Vec::new();
        prefixes.heard(prefix(1), T0 + S * 100, T0, 2, &mut events).unwrap();
        prefixes.heard(prefix(1), T0 + S * 9, T0, 2, &mut events).unwrap();
        prefixes.heard(prefix(2), Instant::NEVER, T0, 2, &mut events).unwrap();
        assert_eq!(prefixes.deadline(), Some(T0 + S * 9));
        assert_eq!(prefixes.heard(prefix(3), T0 + S, T0, 2, &mut events), Err(Full));
        prefixes.expire(T0 + S * 9, &mut events);
        prefixes.heard(prefix(2), T0, T0, 2, &mut events).unwrap();
        prefixes.heard(prefix(3), T0, T0, 2, &mut events).unwrap();
        let told = [
            HostEvent::PrefixAdded(prefix(1)),
            HostEvent::PrefixAdded(prefix(2)),
            HostEvent::PrefixRemoved(prefix(1), Gone::Expired),
            HostEvent::PrefixRemoved(prefix(2), Gone::Withdrawn),
        ];
        assert_eq!((events.as_slice(), prefixes.iter().count()), (&told[..], 0));
    }
}
