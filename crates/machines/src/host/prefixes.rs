//! The prefix list: what is on the link because a router says so (RFC 4861 s5.1, RFC 5942).

use core::net::Ipv6Addr;

use siding_netisr::Instant;

use super::event::Gone;
use super::event::HostEvent;
use super::routers::Full;
use crate::route::Prefix;

/// A prefix on the link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct OnLink {
    pub(super) prefix: Prefix<Ipv6Addr>,
    /// When its lifetime ends.
    pub(super) until: Instant,
    /// Nobody makes preferred addresses from it any more.
    pub(super) stale: bool,
}

/// On-link prefixes.
#[derive(Debug, Default)]
pub(super) struct Prefixes(Vec<OnLink>);

impl Prefixes {
    /// An advertisement says that the prefix is on-link until then. The caller has left out those without the L
    /// flag: they say nothing. True if another, which is on its way out, had to go for it.
    pub(super) fn heard(
        &mut self,
        heard: OnLink,
        now: Instant,
        most: usize,
        events: &mut Vec<HostEvent>,
    ) -> Result<bool, Full> {
        let OnLink { prefix, until, stale } = heard;
        match self.0.iter().position(|known| known.prefix == prefix) {
            //= RFC 4861 s6.3.4 [4861-20]: a valid lifetime of 0 ends it at once.
            Some(at) if until <= now => {
                self.0.remove(at);
                events.push(HostEvent::PrefixRemoved(prefix, Gone::Withdrawn));
            }
            Some(at) => self.0[at] = heard,
            None if until <= now => {}
            None => {
                let full = self.0.len() >= most;
                if full {
                    let of_no_use = self.0.iter().filter(|known| known.stale && !stale);
                    let goes =
                        of_no_use.min_by_key(|known| known.until).map(|known| known.prefix).ok_or(Full)?;
                    self.0.retain(|known| known.prefix != goes);
                    events.push(HostEvent::PrefixRemoved(goes, Gone::MadeRoom));
                }
                self.0.push(heard);
                events.push(HostEvent::PrefixAdded(prefix));
                return Ok(full);
            }
        }
        Ok(false)
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
        self.0.iter().map(|known| known.until).filter(|until| *until < Instant::NEVER).min()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Prefix<Ipv6Addr>, Instant)> + '_ {
        self.0.iter().map(|known| (known.prefix, known.until))
    }

    fn retain(&mut self, why: Gone, events: &mut Vec<HostEvent>, keep: impl Fn(Instant) -> bool) {
        for gone in self.0.extract_if(.., |known| !keep(known.until)) {
            events.push(HostEvent::PrefixRemoved(gone.prefix, why));
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

    fn on_link(prefix: Prefix<Ipv6Addr>, until: Instant) -> OnLink {
        OnLink { prefix, until, stale: false }
    }

    #[test]
    fn one_on_its_way_out_makes_room_4861_20() {
        let (mut prefixes, mut events) = (Prefixes::default(), Vec::new());
        let stale = |n, seconds| OnLink { stale: true, ..on_link(prefix(n), T0 + S * seconds) };
        for one in [on_link(prefix(1), T0 + S), stale(2, 20), stale(3, 10)] {
            prefixes.heard(one, T0, 3, &mut events).unwrap();
        }
        assert_eq!(prefixes.heard(stale(4, 30), T0, 3, &mut events), Err(Full), "it is of no more use");
        assert_eq!(prefixes.heard(on_link(prefix(4), T0 + S), T0, 3, &mut events), Ok(true));
        assert_eq!(prefixes.heard(on_link(prefix(5), T0 + S), T0, 3, &mut events), Ok(true));
        assert_eq!(prefixes.heard(on_link(prefix(6), T0 + S), T0, 3, &mut events), Err(Full));
        let left: Vec<_> = prefixes.iter().map(|(prefix, _)| prefix).collect();
        assert_eq!(left, [prefix(1), prefix(4), prefix(5)]);
    }

    #[test]
    fn a_prefix_lives_as_long_as_was_last_said_4861_20() {
        let mut prefixes = Prefixes::default();
        let mut events = Vec::new();
        prefixes.heard(on_link(prefix(1), T0 + S * 100), T0, 2, &mut events).unwrap();
        prefixes.heard(on_link(prefix(1), T0 + S * 9), T0, 2, &mut events).unwrap();
        prefixes.heard(on_link(prefix(2), Instant::NEVER), T0, 2, &mut events).unwrap();
        assert_eq!(prefixes.deadline(), Some(T0 + S * 9));
        assert_eq!(prefixes.heard(on_link(prefix(3), T0 + S), T0, 2, &mut events), Err(Full));
        prefixes.expire(T0 + S * 9, &mut events);
        prefixes.heard(on_link(prefix(2), T0), T0, 2, &mut events).unwrap();
        prefixes.heard(on_link(prefix(3), T0), T0, 2, &mut events).unwrap();
        let told = [
            HostEvent::PrefixAdded(prefix(1)),
            HostEvent::PrefixAdded(prefix(2)),
            HostEvent::PrefixRemoved(prefix(1), Gone::Expired),
            HostEvent::PrefixRemoved(prefix(2), Gone::Withdrawn),
        ];
        assert_eq!((events.as_slice(), prefixes.iter().count()), (&told[..], 0));
    }
}
