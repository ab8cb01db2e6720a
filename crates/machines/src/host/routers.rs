//! The default router list (RFC 4861 s5.1), routers' more specific routes (RFC 4191), and the choice among them.

use core::net::Ipv6Addr;
use core::time::Duration;

use siding_netisr::Instant;
use siding_wire::nd::Preference;

use super::event::Gone;
use super::event::HostEvent;
use crate::route::Prefix;

/// How long one router is tried before the next, while none answers. Ours: long enough for three solicitations.
const TURN: Duration = Duration::from_secs(5);

/// A default router.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Router {
    pub(super) addr: Ipv6Addr,
    pub(super) preference: Preference,
    pub(super) until: Instant,
}

/// A router's route to a prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Specific {
    pub(super) prefix: Prefix<Ipv6Addr>,
    pub(super) router: Router,
}

/// There is no room for one more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Full;

/// Whether a neighbour may be reachable: it has an entry that is neither INCOMPLETE nor UNREACHABLE.
pub type Known<'a> = &'a dyn Fn(Ipv6Addr) -> bool;

/// How much room there is, and who gives way where there is none: who is not known to answer.
#[derive(Clone, Copy)]
pub(super) struct Room<'a> {
    pub(super) now: Instant,
    /// So many there may be.
    pub(super) most: usize,
    pub(super) known: Known<'a>,
}

/// All routers that were heard of.
#[derive(Debug, Default)]
pub(super) struct Routers {
    /// In the order in which they were first heard.
    defaults: Vec<Router>,
    specifics: Vec<Specific>,
    /// For each prefix of `specifics`, the router in use.
    chosen: Vec<(Prefix<Ipv6Addr>, Ipv6Addr)>,
    current: Option<Ipv6Addr>,
    /// While no router answers: when the next has its turn.
    turn: Option<Instant>,
}

impl Routers {
    /// An advertisement's word on its sender as a default router.
    pub(super) fn heard(
        &mut self,
        router: Router,
        now: Instant,
        most: usize,
        events: &mut Vec<HostEvent>,
    ) -> Result<(), Full> {
        let at = self.defaults.iter().position(|known| known.addr == router.addr);
        match at {
            //= RFC 4861 s6.3.4 [4861-21]: a lifetime of 0 takes it off the list at once.
            Some(at) if router.until <= now => {
                self.defaults.remove(at);
                events.push(HostEvent::RouterRemoved(router.addr, Gone::Withdrawn));
            }
            Some(at) => self.defaults[at] = router,
            None if router.until <= now => {}
            //= RFC 4861 s6.3.4 [4861-17]: at least two are kept; those that are there stay, newcomers wait.
            None if self.defaults.len() >= most => return Err(Full),
            None => {
                self.defaults.push(router);
                events.push(HostEvent::RouterAdded(router.addr));
            }
        }
        Ok(())
    }

    /// A router's word on its route to a prefix.
    pub(super) fn heard_route(
        &mut self,
        specific: Specific,
        now: Instant,
        most: usize,
        events: &mut Vec<HostEvent>,
    ) -> Result<(), Full> {
        let Specific { prefix, router } = specific;
        let same = |known: &Specific| known.prefix == prefix && known.router.addr == router.addr;
        match self.specifics.iter().position(same) {
            Some(at) if router.until <= now => {
                self.specifics.remove(at);
                events.push(HostEvent::RouteRemoved(prefix, router.addr, Gone::Withdrawn));
            }
            Some(at) => self.specifics[at] = specific,
            None if router.until <= now => {}
            None if self.specifics.len() >= most => return Err(Full),
            None => {
                self.specifics.push(specific);
                events.push(HostEvent::RouteAdded(prefix, router.addr));
            }
        }
        Ok(())
    }

    /// Lets go of a router that is not in use and does not answer, if there is no room else for a new one.
    pub(super) fn make_room(
        &mut self,
        new: Router,
        Room { now, most, known }: Room<'_>,
        events: &mut Vec<HostEvent>,
    ) -> Option<Ipv6Addr> {
        let has_room = self.defaults.len() < most || self.defaults.iter().any(|other| other.addr == new.addr);
        if has_room || new.until <= now {
            return None;
        }
        let silent = |router: &&Router| Some(router.addr) != self.current && !known(router.addr);
        let goes = self.defaults.iter().filter(silent).min_by_key(|router| (router.preference, router.until));
        let goes = goes.map(|router| router.addr)?;
        self.defaults.retain(|router| router.addr != goes);
        events.push(HostEvent::RouterRemoved(goes, Gone::MadeRoom));
        Some(goes)
    }

    /// The same for a route: one that is not in use, by a router that does not answer. True if one went.
    pub(super) fn make_room_for_route(
        &mut self,
        new: Specific,
        Room { now, most, known }: Room<'_>,
        events: &mut Vec<HostEvent>,
    ) -> bool {
        let Specific { prefix, router: by } = new;
        let same = |other: &Specific| other.prefix == prefix && other.router.addr == by.addr;
        if self.specifics.len() < most || self.specifics.iter().any(same) || by.until <= now {
            return false;
        }
        let of_no_use =
            |(_, other): &(usize, &Specific)| other.router.addr != by.addr && !known(other.router.addr);
        let all = self.specifics.iter().enumerate().filter(of_no_use);
        let Some((at, _)) = all.min_by_key(|(_, other)| (other.router.preference, other.router.until)) else {
            return false;
        };
        let gone = self.specifics.remove(at);
        events.push(HostEvent::RouteRemoved(gone.prefix, gone.router.addr, Gone::MadeRoom));
        true
    }

    /// Lets go of those whose lifetime is over.
    pub(super) fn expire(&mut self, now: Instant, events: &mut Vec<HostEvent>) {
        self.retain(Gone::Expired, events, |router| router.until > now);
    }

    /// Lets go of one, as a default router and as a way to anything else; true if it was there.
    pub(super) fn remove(&mut self, addr: Ipv6Addr, why: Gone, events: &mut Vec<HostEvent>) -> bool {
        self.retain(why, events, |router| router.addr != addr)
    }

    /// Lets go of all.
    pub(super) fn flush(&mut self, events: &mut Vec<HostEvent>) -> usize {
        let before = self.defaults.len();
        self.retain(Gone::Flushed, events, |_| false);
        before
    }

    /// Chooses anew. `failed` is a router that has just been found not to answer.
    //= RFC 4861 s6.3.6 [4861-22]: one that may be reachable before one that is not, and of those the preferred
    //= (RFC 4191 s3.2); if none is, each in its turn, so that each is asked for.
    pub(super) fn select(
        &mut self,
        now: Instant,
        known: Known<'_>,
        failed: Option<Ipv6Addr>,
        events: &mut Vec<HostEvent>,
    ) {
        let before = self.current;
        let reachable = best(self.defaults.iter(), known, self.current);
        if reachable.is_some() || self.defaults.is_empty() {
            (self.current, self.turn) = (reachable, None);
        } else {
            let place = self.defaults.iter().position(|router| Some(router.addr) == self.current);
            let over = self.turn.is_some_and(|turn| turn <= now);
            let next = match place {
                Some(place) if over || failed == self.current => place + 1,
                Some(place) => place,
                None => 0,
            };
            self.current = Some(self.defaults[next % self.defaults.len()].addr);
            if failed.is_some() || over {
                self.turn = Some(now + TURN);
            }
        }
        if self.defaults.len() < 2 {
            self.turn = None;
        }
        if self.current != before {
            events.push(HostEvent::RouterChosen { from: before, to: self.current });
        }
        self.select_specifics(known);
    }

    /// When [`select`](Self::select) or [`expire`](Self::expire) want to be called.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let routers = self.defaults.iter().chain(self.specifics.iter().map(|specific| &specific.router));
        routers.map(|router| router.until).filter(|until| *until < Instant::NEVER).chain(self.turn).min()
    }

    /// The default router in use.
    pub(super) fn current(&self) -> Option<Ipv6Addr> {
        self.current
    }

    pub(super) fn defaults(&self) -> &[Router] {
        &self.defaults
    }

    pub(super) fn specifics(&self) -> &[Specific] {
        &self.specifics
    }

    /// The way to each prefix that routers told of.
    pub(super) fn chosen(&self) -> &[(Prefix<Ipv6Addr>, Ipv6Addr)] {
        &self.chosen
    }

    /// A default router that would be preferred to the one in use, were it reachable.
    //= RFC 4191 s3.5: a router that is preferred and not reachable is probed from time to time.
    pub(super) fn better_but_silent(&self, known: Known<'_>) -> Option<Ipv6Addr> {
        let current = self.defaults.iter().find(|router| Some(router.addr) == self.current)?;
        if !known(current.addr) {
            return None;
        }
        let better = |router: &&Router| router.preference > current.preference && !known(router.addr);
        self.defaults.iter().find(better).map(|router| router.addr)
    }

    /// Every next hop: those in use, and those that may be.
    pub(super) fn next_hops(&self) -> impl Iterator<Item = Ipv6Addr> + '_ {
        let specifics = self.specifics.iter().map(|specific| specific.router.addr);
        self.defaults.iter().map(|router| router.addr).chain(specifics)
    }

    fn select_specifics(&mut self, known: Known<'_>) {
        let mut prefixes: Vec<_> = self.specifics.iter().map(|specific| specific.prefix).collect();
        prefixes.sort();
        prefixes.dedup();
        let before = std::mem::take(&mut self.chosen);
        for prefix in prefixes {
            let ways = || {
                let to = self.specifics.iter().filter(move |specific| specific.prefix == prefix);
                to.map(|specific| &specific.router)
            };
            let now = before.iter().find(|(chosen, _)| *chosen == prefix).map(|(_, router)| *router);
            let chosen = best(ways(), known, now).or_else(|| best(ways(), &|_| true, now));
            self.chosen.extend(chosen.map(|router| (prefix, router)));
        }
    }

    fn retain(&mut self, why: Gone, events: &mut Vec<HostEvent>, keep: impl Fn(&Router) -> bool) -> bool {
        let before = self.defaults.len() + self.specifics.len();
        for router in self.defaults.extract_if(.., |router| !keep(router)) {
            events.push(HostEvent::RouterRemoved(router.addr, why));
        }
        for gone in self.specifics.extract_if(.., |specific| !keep(&specific.router)) {
            events.push(HostEvent::RouteRemoved(gone.prefix, gone.router.addr, why));
        }
        self.defaults.len() + self.specifics.len() < before
    }
}

/// The most preferred of those that may be reachable; of equals the one in use, else the first.
fn best<'a>(
    routers: impl Iterator<Item = &'a Router>,
    known: Known<'_>,
    current: Option<Ipv6Addr>,
) -> Option<Ipv6Addr> {
    let mut best: Option<&Router> = None;
    for router in routers.filter(|router| known(router.addr)) {
        let rank = |router: &Router| (router.preference, Some(router.addr) == current);
        if best.is_none_or(|best| rank(router) > rank(best)) {
            best = Some(router);
        }
    }
    best.map(|router| router.addr)
}

#[cfg(test)]
mod tests {
    use super::*;

    const T0: Instant = Instant::from_nanos(1_000_000_000);
    const S: Duration = Duration::from_secs(1);

    fn addr(n: u16) -> Ipv6Addr {
        Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, n)
    }

    fn router(n: u16, preference: Preference) -> Router {
        Router { addr: addr(n), preference, until: T0 + S * 1800 }
    }

    fn list(preferences: &[Preference]) -> Routers {
        let mut routers = Routers::default();
        for (n, preference) in preferences.iter().enumerate() {
            routers.heard(router(n as u16 + 1, *preference), T0, 8, &mut Vec::new()).unwrap();
        }
        routers
    }

    fn select(routers: &mut Routers, known: &[u16], failed: Option<u16>) -> Option<u16> {
        let is_known = |router: Ipv6Addr| known.contains(&router.segments()[7]);
        routers.select(T0, &is_known, failed.map(addr), &mut Vec::new());
        routers.current().map(|router| router.segments()[7])
    }

    use Preference::High;
    use Preference::Low;
    use Preference::Medium;

    #[test]
    fn a_reachable_router_goes_before_a_preferred_one_4861_22() {
        let mut routers = list(&[Medium, High, Low]);
        assert_eq!(select(&mut routers, &[1, 2, 3], None), Some(2));
        assert_eq!(select(&mut routers, &[1, 3], None), Some(1));
        assert_eq!(select(&mut routers, &[3], None), Some(3));
        assert_eq!(select(&mut routers, &[1, 2, 3], None), Some(2));
    }

    #[test]
    fn of_equals_the_one_in_use_stays_4861_22() {
        let mut routers = list(&[Medium, Medium]);
        assert_eq!(select(&mut routers, &[2], None), Some(2));
        assert_eq!(select(&mut routers, &[1, 2], None), Some(2));
    }

    #[test]
    fn round_robin_when_none_is_reachable_4861_22() {
        let mut routers = list(&[Medium, High, Low]);
        assert_eq!(select(&mut routers, &[], None), Some(1));
        assert_eq!(select(&mut routers, &[], None), Some(1), "it is still being asked for");
        assert_eq!(routers.turn, None, "and nothing says that it will not answer");
        let turns: Vec<_> =
            [1, 2, 3, 1].map(|failed| select(&mut routers, &[], Some(failed)).unwrap()).to_vec();
        assert_eq!(turns, [2, 3, 1, 2]);
        // Nobody sends, so nothing fails: time passes it on.
        let turn = routers.deadline().unwrap();
        assert_eq!(turn, T0 + TURN);
        routers.select(turn, &|_| false, None, &mut Vec::new());
        assert_eq!(routers.current(), Some(addr(3)));
        assert_eq!(select(&mut routers, &[2], None), Some(2), "until one is reachable");
        assert_eq!(routers.deadline(), Some(T0 + S * 1800), "then there are no turns");
    }

    #[test]
    fn the_only_router_stays_whatever_it_does_4861_22() {
        let mut routers = list(&[Low]);
        assert_eq!(select(&mut routers, &[], Some(1)), Some(1));
        assert_eq!(routers.deadline(), Some(T0 + S * 1800));
    }

    #[test]
    fn a_router_goes_by_lifetime_by_withdrawal_and_when_it_says_so_4861_21() {
        let mut routers = list(&[Medium, Medium, Medium]);
        let mut events = Vec::new();
        routers.heard(Router { until: T0, ..router(1, Medium) }, T0, 8, &mut events).unwrap();
        assert!(routers.remove(addr(2), Gone::NoRouter, &mut events));
        assert!(!routers.remove(addr(2), Gone::NoRouter, &mut events));
        routers.expire(T0 + S * 1800, &mut events);
        assert_eq!(
            events,
            [
                HostEvent::RouterRemoved(addr(1), Gone::Withdrawn),
                HostEvent::RouterRemoved(addr(2), Gone::NoRouter),
                HostEvent::RouterRemoved(addr(3), Gone::Expired),
            ]
        );
        assert_eq!(select(&mut routers, &[1, 2, 3], None), None);
    }

    #[test]
    fn those_that_are_there_stay_when_there_is_no_room_4861_17() {
        let mut routers = list(&[Low, Low]);
        assert_eq!(routers.heard(router(3, High), T0, 2, &mut Vec::new()), Err(Full));
        assert_eq!(routers.heard(router(1, High), T0, 2, &mut Vec::new()), Ok(()), "but they may change");
        // One that is no default router takes no room, and asks for none.
        assert_eq!(routers.heard(Router { until: T0, ..router(3, High) }, T0, 2, &mut Vec::new()), Ok(()));
        assert_eq!(routers.defaults().len(), 2);
    }

    #[test]
    fn a_router_that_is_silent_gives_way_to_one_that_speaks_4861_17() {
        let mut routers = list(&[Medium, High, Low]);
        select(&mut routers, &[1, 2, 3], None);
        let make_room = |routers: &mut Routers, known: &[u16]| {
            let is_known = |router: Ipv6Addr| known.contains(&router.segments()[7]);
            let gone = routers.make_room(
                router(9, High),
                Room { now: T0, most: 3, known: &is_known },
                &mut Vec::new(),
            );
            gone.map(|router| router.segments()[7])
        };
        assert_eq!(make_room(&mut routers, &[1, 2, 3]), None);
        // Not the one in use, whatever is known of it.
        assert_eq!(make_room(&mut routers, &[1, 3]), None);
        assert_eq!(make_room(&mut routers, &[2]), Some(3), "of two the less preferred");
        assert_eq!(make_room(&mut routers, &[2]), None, "there is room now");
    }

    #[test]
    fn specific_routes_are_chosen_each_for_itself_rfc4191() {
        let mut routers = list(&[Medium, Medium]);
        let prefix = Prefix::covering(Ipv6Addr::new(0x2001, 0xdb8, 9, 0, 0, 0, 0, 0), 48);
        let heard = |routers: &mut Routers, n, preference, seconds| {
            let router = Router { until: T0 + S * seconds, ..router(n, preference) };
            routers.heard_route(Specific { prefix, router }, T0, 2, &mut Vec::new())
        };
        heard(&mut routers, 1, Low, 100).unwrap();
        heard(&mut routers, 2, High, 100).unwrap();
        assert_eq!(heard(&mut routers, 3, High, 100), Err(Full));
        select(&mut routers, &[1, 2], None);
        assert_eq!(routers.chosen(), [(prefix, addr(2))]);
        select(&mut routers, &[1], None);
        assert_eq!(routers.chosen(), [(prefix, addr(1))]);
        select(&mut routers, &[], None);
        assert_eq!(routers.chosen(), [(prefix, addr(2))], "none is reachable: the preferred one");
        heard(&mut routers, 2, High, 0).unwrap();
        routers.remove(addr(1), Gone::NoRouter, &mut Vec::new());
        select(&mut routers, &[], None);
        assert_eq!(routers.chosen(), []);
    }

    #[test]
    fn a_preferred_router_that_is_silent_is_to_be_probed_rfc4191() {
        let mut routers = list(&[Medium, High]);
        select(&mut routers, &[1], None);
        assert_eq!(routers.better_but_silent(&|router| router == addr(1)), Some(addr(2)));
        assert_eq!(routers.better_but_silent(&|_| true), None);
        assert_eq!(routers.better_but_silent(&|_| false), None, "then its turn comes anyway");
    }
}
