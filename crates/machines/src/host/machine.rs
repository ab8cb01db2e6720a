//! One interface as a host: what it hears, and what follows from it.

use core::net::Ipv6Addr;
use core::time::Duration;

use siding_netisr::IfId;
use siding_netisr::Instant;
use siding_wire::Mac;
use siding_wire::ip6;
use siding_wire::nd::NdOption;
use siding_wire::nd::PrefixInfo;
use siding_wire::nd::RouteInfo;

use super::address::Owned;
use super::address::until;
use super::announce::Announcer;
use super::config::Accept;
use super::config::HostConfig;
use super::config::Identifier;
use super::event::Gone;
use super::event::HostEvent;
use super::heard::HeardAdvert;
use super::limit::Learnt;
use super::limit::Refusals;
use super::params::Params;
use super::prefixes::OnLink;
use super::prefixes::Prefixes;
use super::redirects::Redirected;
use super::redirects::Redirects;
use super::routers::Full;
use super::routers::Known;
use super::routers::Room;
use super::routers::Router;
use super::routers::Routers;
use super::routers::Specific;
use super::slaac::Maker;
use super::slaac::Slaac;
use super::slaac::Step;
use super::solicit::Solicitor;
use crate::chance::Chance;
use crate::dad::DadConfig;
use crate::nud::Refused;
use crate::route::Origin;
use crate::route::Prefix;
use crate::route::Route;

/// The metric of default and more specific routes.
const METRIC: u32 = 1024;
/// The metric of on-link prefixes: that of connected ones.
const ON_LINK_METRIC: u32 = 256;
/// How often a preferred router that does not answer is probed (RFC 4191 s3.5: at most once a minute).
const PROBE_INTERVAL: Duration = Duration::from_secs(60);

/// The interface that a host is one on.
#[derive(Clone)]
pub struct Link {
    /// Its name, which stable-private identifiers are made of.
    pub name: String,
    /// Its link-layer address.
    pub mac: Mac,
    /// The largest packet that it takes, in bytes.
    pub mtu: u16,
    /// BaseReachableTime until a router says otherwise.
    pub reachable_time: Duration,
    /// What temporary addresses are made with; nobody else knows it.
    pub secret: [u8; 16],
    /// Duplicate address detection, unless the host's configuration has its own.
    pub dad: DadConfig,
}

impl core::fmt::Debug for Link {
    /// Without the secret: this ends in logs.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Link").field("name", &self.name).field("mac", &self.mac).finish_non_exhaustive()
    }
}

/// What a host wants sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Message {
    /// A Router Solicitation to all routers.
    Solicit,
    /// An unsolicited Neighbor Advertisement of this address to all routers.
    Announce(Ipv6Addr),
    /// A question whether this router is reachable.
    Probe(Ipv6Addr),
}

/// One interface's host. It holds no lock, reads no clock and sends nothing; see the [module](super).
#[derive(Debug)]
pub struct Host {
    config: HostConfig,
    link: Link,
    /// The stack forwards.
    forwarding: bool,
    routers: Routers,
    prefixes: Prefixes,
    slaac: Slaac,
    redirects: Redirects,
    params: Params,
    solicitor: Solicitor,
    announcer: Announcer,
    /// A preferred router that is silent, and when it is probed next.
    probe: Option<(Ipv6Addr, Instant)>,
    refusals: Refusals,
    /// A default router found no room, and none of those that are there has fallen silent since.
    full: bool,
    events: Vec<HostEvent>,
}

impl Host {
    /// A host that has heard nothing yet. If it obeys routers, it begins to ask for them.
    pub fn new(config: HostConfig, link: Link, forwarding: bool, now: Instant, chance: &mut Chance) -> Host {
        let mut host = Host {
            config,
            link,
            forwarding,
            routers: Routers::default(),
            prefixes: Prefixes::default(),
            slaac: Slaac::default(),
            redirects: Redirects::default(),
            params: Params::default(),
            solicitor: Solicitor::default(),
            announcer: Announcer::default(),
            probe: None,
            refusals: Refusals::default(),
            full: false,
            events: Vec::new(),
        };
        host.begin(now, chance);
        host
    }

    /// The interface has come up: routers are asked for again, and addresses tested. What was learnt stays, for as long
    /// as it was to.
    pub fn came_up(&mut self, now: Instant, chance: &mut Chance) {
        self.slaac.retest();
        self.announcer.stop();
        self.look_for_routers(now, chance);
    }

    /// Forgets all that was learnt, as if the interface were new.
    pub fn reset(&mut self, now: Instant, chance: &mut Chance) {
        self.forget();
        self.slaac.flush(&mut self.events);
        self.begin(now, chance);
    }

    /// The stack begins to forward, or ceases to.
    //= RFC 4861 s6.3.7 [4861-23]: a router that becomes a host asks for routers.
    pub fn set_forwarding(&mut self, forwarding: bool, now: Instant, chance: &mut Chance) {
        let before = self.accepts();
        self.forwarding = forwarding;
        match (before, self.accepts()) {
            (false, true) => self.look_for_routers(now, chance),
            (true, false) => {
                self.solicitor.stop();
                self.forget();
            }
            _ => {}
        }
    }

    /// A valid advertisement (RFC 4861 s6.3.4).
    ///
    /// # Errors
    ///
    /// There is no room for the router: nothing of its advertisement was taken.
    pub fn on_advert(
        &mut self,
        now: Instant,
        heard: HeardAdvert<'_>,
        known: Known<'_>,
        chance: &mut Chance,
    ) -> Result<(), Learnt> {
        let router = self.default_router(now, heard);
        let HeardAdvert { from, advert, options } = heard;
        // One that does not answer gives way to one that has just spoken.
        let room = Room { now, most: self.config.limits.routers, known };
        if let Some(gone) = self.routers.make_room(router, room, &mut self.events) {
            self.redirects.forget_router(gone);
            self.slaac.forget_router(gone);
            self.refuse(Learnt::Routers);
        }
        if self.routers.heard(router, now, room.most, &mut self.events).is_err() {
            self.refuse(Learnt::Routers);
            self.full = true;
            return Err(Learnt::Routers);
        }
        let is_default = router.until > now;
        if is_default {
            self.solicitor.heard_router();
        } else {
            self.redirects.forget_router(from);
            self.slaac.forget_router(from);
        }
        let bounds = (self.link.mtu, self.config.least_hop_limit);
        if let Some(hops) = self.params.heard(now, advert, bounds, chance) {
            self.events.push(HostEvent::HopLimitTooLow(from, hops));
        }
        for option in options {
            match option {
                NdOption::Prefix(info) => self.hear_prefix(now, &info, is_default.then_some(from), chance),
                NdOption::Route(route) if self.config.route_info => self.hear_route(now, from, &route, known),
                _ => {}
            }
        }
        self.routers.select(now, known, None, &mut self.events);
        self.note_probe(now, known);
        Ok(())
    }

    /// A valid redirect from the first-hop router of its destination, which the caller has made sure of.
    //= RFC 4861 s8.3 [4861-36]: the target is the next hop, or the destination is on-link if they are one.
    pub fn on_redirect(&mut self, destination: Ipv6Addr, target: Ipv6Addr, from: Ipv6Addr) {
        if self.redirects.learn(Redirected { destination, target, from }, self.config.limits.redirects) {
            self.refuse(Learnt::Redirects);
        }
        self.events.push(HostEvent::Redirected { destination, target });
    }

    /// A neighbour says that it is a router no more.
    //= RFC 4861 s6.3.5, s7.2.5 [4861-21, 4861-31]: it goes off the list, and whoever used it is sent elsewhere.
    pub fn router_ceased(&mut self, now: Instant, addr: Ipv6Addr, known: Known<'_>) {
        self.full = false;
        self.routers.remove(addr, Gone::NoRouter, &mut self.events);
        self.redirects.forget_router(addr);
        self.slaac.forget_router(addr);
        self.routers.select(now, known, None, &mut self.events);
        self.note_probe(now, known);
    }

    /// Whether a next hop may be reachable has changed; `failed` is one that was found not to answer.
    pub fn on_reachability(&mut self, now: Instant, failed: Option<Ipv6Addr>, known: Known<'_>) {
        self.full = false;
        if let Some(failed) = failed {
            self.redirects.forget_target(failed);
        }
        self.routers.select(now, known, failed, &mut self.events);
        self.note_probe(now, known);
    }

    /// Duplicate address detection of an address, by whomever it was given, has come to an end.
    pub fn on_detected(&mut self, now: Instant, addr: Ipv6Addr, passed: bool, chance: &mut Chance) {
        let maker = maker(&self.config, &self.link, &self.params);
        self.slaac.settled(addr, passed, maker, Step { now, chance, events: &mut self.events });
    }

    /// An address may be used from now on, or while it is tested.
    //= RFC 9131 s6.1.2 [9131-2]: a new global address is announced to the routers.
    pub fn on_usable(&mut self, now: Instant, addr: Ipv6Addr) {
        if !ip6::is_link_local(addr) && !self.forwarding {
            self.announcer.begin(addr, now, self.config.announce);
        }
    }

    /// The operator has removed an address. If it came from a prefix, the next advertisement makes it again.
    pub fn on_removed(&mut self, addr: Ipv6Addr) {
        self.slaac.removed(addr);
        self.on_gone(addr);
    }

    /// An address has gone.
    pub fn on_gone(&mut self, addr: Ipv6Addr) {
        self.announcer.forget(addr);
    }

    /// The interface has gone down: nothing is sent until it comes up. Lifetimes go on.
    pub fn went_down(&mut self) {
        self.solicitor.stop();
        self.announcer.stop();
    }

    /// The timer fired.
    pub fn on_timer(
        &mut self,
        now: Instant,
        known: Known<'_>,
        chance: &mut Chance,
        mut send: impl FnMut(Message) -> Result<(), Refused>,
    ) {
        self.full = false;
        self.params.on_timer(now, chance);
        let retrans_timer = self.dad_config().retrans_timer;
        self.solicitor.on_timer(now, chance, || send(Message::Solicit));
        self.announcer.on_timer(now, retrans_timer, |addr| send(Message::Announce(addr)));
        if let Some((addr, next)) = &mut self.probe
            && *next <= now
        {
            *next = now + PROBE_INTERVAL;
            // One that is refused is missed for a minute, which is no harm.
            let _ = send(Message::Probe(*addr));
        }
        //= RFC 4861 s6.3.5 [4861-21]: what has run out is let go of, and the next hop chosen anew.
        self.prefixes.expire(now, &mut self.events);
        self.routers.expire(now, &mut self.events);
        for gone in 0..self.events.len() {
            if let HostEvent::RouterRemoved(addr, Gone::Expired) = self.events[gone] {
                self.redirects.forget_router(addr);
                self.slaac.forget_router(addr);
            }
        }
        let maker = maker(&self.config, &self.link, &self.params);
        if self.slaac.on_timer(maker, Step { now, chance, events: &mut self.events }) != Ok(false) {
            self.refuse(Learnt::Addresses);
        }
        self.routers.select(now, known, None, &mut self.events);
        self.note_probe(now, known);
    }

    /// Makes a link-local address, if it is to have a stable-private identifier.
    pub fn make_link_local(&mut self) -> Option<Ipv6Addr> {
        let Identifier::Stable(_) = self.config.identifier else { return None };
        Some(self.slaac.make_link_local(maker(&self.config, &self.link, &self.params)))
    }

    /// Forgets the default routers and what came by them; says how many there were.
    pub fn flush_routers(&mut self) -> usize {
        let before = self.routers.defaults().len();
        for at in 0..before {
            self.slaac.forget_router(self.routers.defaults()[at].addr);
        }
        self.redirects.flush();
        self.routers.flush(&mut self.events);
        self.routers.select(Instant::ZERO, &|_| false, None, &mut self.events);
        before
    }

    /// Forgets the on-link prefixes and the addresses that were made from prefixes; says how many prefixes there were.
    pub fn flush_prefixes(&mut self) -> usize {
        self.slaac.flush(&mut self.events);
        self.prefixes.flush(&mut self.events)
    }

    /// What the interface's link is like now.
    pub fn set_link(&mut self, mac: Mac, mtu: u16) {
        (self.link.mac, self.link.mtu) = (mac, mtu);
    }

    /// Sets the link's own times; what a router has said goes before them.
    pub fn set_times(&mut self, reachable: Duration, retrans: Duration, now: Instant, chance: &mut Chance) {
        self.link.dad.retrans_timer = retrans;
        if self.link.reachable_time != reachable {
            self.params.rebase(now, self.link.reachable_time, reachable, chance);
            self.link.reachable_time = reachable;
        }
    }

    /// Has something told that others have found.
    pub fn tell(&mut self, event: HostEvent) {
        self.events.push(event);
    }

    /// What has happened since it was last asked.
    pub fn take_events(&mut self) -> Vec<HostEvent> {
        core::mem::take(&mut self.events)
    }

    /// Whether advertisements are obeyed now.
    //= RFC 4861 s6.2, s8.3 [4861-15, 4861-16]: a router changes no routes by what others advertise or redirect.
    pub fn accepts(&self) -> bool {
        match self.config.accept {
            Accept::Never => false,
            Accept::UnlessForwarding => !self.forwarding,
            Accept::Always => true,
        }
    }

    /// Whether redirects are obeyed now.
    pub fn accepts_redirects(&self) -> bool {
        self.config.redirects && self.accepts()
    }

    /// Whether addresses made from prefixes are used while they are tested.
    //= RFC 4429 s3.1 [4429-1]: routers do not.
    pub fn is_optimistic(&self) -> bool {
        self.config.optimistic && !self.forwarding
    }

    /// Its rules for duplicate address detection, with RetransTimer as it was advertised.
    pub fn dad_config(&self) -> DadConfig {
        dad_config(&self.config, &self.link, &self.params)
    }

    /// When [`on_timer`](Self::on_timer) wants to be called.
    pub fn deadline(&self, now: Instant) -> Option<Instant> {
        let maker = maker(&self.config, &self.link, &self.params);
        let all = [
            self.params.deadline(),
            self.solicitor.deadline(),
            self.announcer.deadline(),
            self.routers.deadline(),
            self.prefixes.deadline(),
            self.slaac.deadline(now, maker),
            self.probe.map(|(_, next)| next),
        ];
        all.into_iter().flatten().min()
    }

    /// The routes that follow from what was learnt.
    pub fn routes(&self, interface: IfId) -> Vec<Route<Ipv6Addr>> {
        let route = |prefix, next_hop, metric, origin| Route { prefix, next_hop, interface, metric, origin };
        let everything = Prefix::covering(Ipv6Addr::UNSPECIFIED, 0);
        let default = self.routers.current().map(|router| (everything, router));
        let advertised = default.into_iter().chain(self.routers.chosen().iter().copied());
        let advertised =
            advertised.map(|(prefix, router)| route(prefix, Some(router), METRIC, Origin::Advertised));
        //= RFC 4861 s6.3.4, RFC 5942 s4 [5942-1]: on-link is what was said to be, and nothing follows from addresses.
        let on_link = self.prefixes.iter();
        let on_link = on_link.map(|(prefix, _)| route(prefix, None, ON_LINK_METRIC, Origin::Advertised));
        let redirected = self.redirects.iter().map(|redirected| {
            let next_hop = Some(redirected.target).filter(|target| *target != redirected.destination);
            route(Prefix::covering(redirected.destination, 128), next_hop, METRIC, Origin::Redirect)
        });
        advertised.chain(on_link).chain(redirected).collect()
    }

    /// Every next hop whose reachability matters.
    pub fn next_hops(&self) -> Vec<Ipv6Addr> {
        let redirected = self.redirects.iter().map(|redirected| redirected.target);
        let mut all: Vec<_> = self.routers.next_hops().chain(redirected).collect();
        all.sort();
        all.dedup();
        all
    }

    /// What it was told to do.
    pub fn config(&self) -> &HostConfig {
        &self.config
    }

    /// The link's parameters, as routers tell them.
    pub fn params(&self) -> &Params {
        &self.params
    }

    /// The addresses that it has made.
    pub fn owned(&self) -> impl Iterator<Item = &Owned> {
        self.slaac.iter()
    }

    pub(super) fn routers(&self) -> &Routers {
        &self.routers
    }

    pub(super) fn prefixes(&self) -> &Prefixes {
        &self.prefixes
    }

    /// How much of a limit is used, and how often it refused.
    pub(super) fn usage(&self, what: Learnt) -> (usize, u64) {
        let used = match what {
            Learnt::Routers => self.routers.defaults().len(),
            Learnt::Prefixes => self.prefixes.iter().count(),
            Learnt::Routes => self.routers.specifics().len(),
            Learnt::Addresses => self.slaac.len(),
            Learnt::Redirects => self.redirects.len(),
        };
        (used, self.refusals.of(what))
    }

    /// Whether one more default router would find no room, as the last did that tried.
    pub fn is_full(&self) -> bool {
        self.full && self.routers.defaults().len() >= self.config.limits.routers
    }

    /// So many default routers were refused by who knew that it was full.
    pub fn note_refused(&mut self, count: u64) {
        self.refusals.add(Learnt::Routers, count);
    }

    fn begin(&mut self, now: Instant, chance: &mut Chance) {
        self.params = Params::default();
        if self.config.accept != Accept::Never {
            self.params.begin(now, self.link.reachable_time, chance);
        }
        self.look_for_routers(now, chance);
    }

    /// Asks for routers, from the beginning, if they are obeyed.
    pub(super) fn look_for_routers(&mut self, now: Instant, chance: &mut Chance) {
        if self.accepts() {
            self.solicitor.begin(now, self.config.solicit, chance);
        }
    }

    fn default_router(&self, now: Instant, HeardAdvert { from, advert, options }: HeardAdvert<'_>) -> Router {
        //= RFC 4191 s3.1: what a router says of its route to everything overrides what its header says.
        let everything = options.iter().find_map(|option| match option {
            NdOption::Route(route) if route.prefix_len == 0 && self.config.route_info => Some(route),
            _ => None,
        });
        let (lifetime, preference) = match everything {
            Some(route) => (route.lifetime, route.preference),
            None => (advert.router_lifetime.into(), advert.preference),
        };
        Router { addr: from, preference, until: until(now, lifetime) }
    }

    fn hear_prefix(&mut self, now: Instant, info: &PrefixInfo, from: Option<Ipv6Addr>, chance: &mut Chance) {
        //= RFC 4861 s6.3.4 [4861-20]: without L it says nothing of the link; the link-local prefix is known.
        let prefix = Prefix::covering(info.prefix, info.prefix_len);
        if is_reserved(&prefix) {
            return;
        }
        if info.on_link {
            let (most, until) = (self.config.limits.prefixes, until(now, info.valid));
            let heard = OnLink { prefix, until, stale: info.preferred == 0 };
            match self.prefixes.heard(heard, now, most, &mut self.events) {
                Err(Full) => self.refuse(Learnt::Prefixes),
                Ok(true) => self.refuse(Learnt::Prefixes),
                Ok(false) if self.prefixes.iter().count() < most => self.refusals.room(Learnt::Prefixes),
                Ok(false) => {}
            }
        }
        if self.config.autoconf {
            let maker = maker(&self.config, &self.link, &self.params);
            match self.slaac.heard(info, from, maker, Step { now, chance, events: &mut self.events }) {
                // One of no use went for it: that is told as well.
                Err(Full) | Ok(true) => self.refuse(Learnt::Addresses),
                Ok(false) if self.slaac.len() < self.config.limits.addresses => {
                    self.refusals.room(Learnt::Addresses);
                }
                Ok(false) => {}
            }
        }
    }

    fn hear_route(&mut self, now: Instant, from: Ipv6Addr, route: &RouteInfo, known: Known<'_>) {
        let prefix = Prefix::covering(route.prefix, route.prefix_len);
        // That to everything was taken for the router's own.
        let lies_in = |(addr, len): &(Ipv6Addr, u8)| ip6::in_prefix(route.prefix, *addr, *len);
        if route.prefix_len == 0 || RESERVED.iter().any(|block| block.1 <= route.prefix_len && lies_in(block))
        {
            return;
        }
        let router = Router { addr: from, preference: route.preference, until: until(now, route.lifetime) };
        let route = Specific { prefix, router };
        let most = self.config.limits.routes;
        if self.routers.make_room_for_route(route, Room { now, most, known }, &mut self.events) {
            self.refuse(Learnt::Routes);
        }
        if self.routers.heard_route(route, now, most, &mut self.events).is_err() {
            self.refuse(Learnt::Routes);
        }
    }

    fn note_probe(&mut self, now: Instant, known: Known<'_>) {
        let silent = self.routers.better_but_silent(known);
        if silent != self.probe.map(|(addr, _)| addr) {
            self.probe = silent.map(|addr| (addr, now + PROBE_INTERVAL));
        }
        if self.routers.defaults().len() < self.config.limits.routers {
            self.refusals.room(Learnt::Routers);
        }
    }

    /// Forgets routes, but not addresses: those age.
    fn forget(&mut self) {
        self.flush_routers();
        self.prefixes.flush(&mut self.events);
    }

    fn refuse(&mut self, what: Learnt) {
        if self.refusals.count(what) {
            self.events.push(HostEvent::LimitReached(what, self.config.limits.of(what)));
        }
    }
}

/// What no network has: addresses that hold IPv4 ones, with the unspecified and the loopback address; those of each link;
/// groups.
const RESERVED: [(Ipv6Addr, u8); 4] = [
    (Ipv6Addr::UNSPECIFIED, 96),
    (Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0), 96),
    (Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10),
    (Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0), 8),
];

/// Whether some of a prefix is no network's, so that it cannot be one on the link. That of everything is among them.
fn is_reserved(prefix: &Prefix<Ipv6Addr>) -> bool {
    RESERVED
        .iter()
        .any(|(addr, len)| ip6::common_prefix_len(prefix.addr(), *addr) >= prefix.prefix_len().min(*len))
}

fn maker<'a>(config: &'a HostConfig, link: &'a Link, params: &Params) -> Maker<'a> {
    let dad = dad_config(config, link, params);
    Maker {
        config,
        name: &link.name,
        mac: link.mac,
        secret: &link.secret,
        detection: dad.retrans_timer * dad.transmits,
    }
}

fn dad_config(config: &HostConfig, link: &Link, params: &Params) -> DadConfig {
    let dad = link.dad;
    let transmits = config.dad_transmits.unwrap_or(dad.transmits);
    let nonce = config.dad_nonce.unwrap_or(dad.nonce);
    //= RFC 4862 s5.4.2 [4862-3]: the interface's RetransTimer, which a router may have advertised.
    let retrans_timer = params.retrans_timer.unwrap_or(dad.retrans_timer);
    DadConfig { transmits, nonce, retrans_timer, ..dad }
}
