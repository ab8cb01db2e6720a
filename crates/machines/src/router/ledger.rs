//! What hosts were told and are told no longer: it is taken back, or they would go on using it (RFC 9096 s3.5).
//!
//! Each thing by itself is taken back for as long as hosts would have kept it, and so many times at least, whatever else
//! changes meanwhile; when it is told again it is struck off. Pure.

use core::net::Ipv6Addr;
use core::time::Duration;

use siding_netisr::Instant;
use siding_wire::nd::Pref64;
use siding_wire::nd::PrefixInfo;
use siding_wire::nd::RouteInfo;

use super::contents::Contents;
use super::contents::names;
use super::schedule::MAX_INITIAL_RTR_ADVERTISEMENTS;

/// Addresses from a prefix that a router which ceases has told stay valid for at most this long, in seconds (the two hours
/// of RFC 4862 s5.5.3).
const TWO_HOURS: u32 = 7200;

/// There is no portal any more (RFC 8910 s2).
pub(super) const UNRESTRICTED: &str = "urn:ietf:params:capport:unrestricted";

/// What hosts take if nobody tells them (RFC 4861 s10, RFC 1700), in the units of their fields.
const HOP_LIMIT: u8 = 64;
const REACHABLE_TIME: u32 = 30_000;
const RETRANS_TIMER: u32 = 1000;

/// What hosts were told to keep for longer is taken back for so long: the usual lifetime of a prefix (RFC 4861 s6.2.1).
const LONGEST: u32 = 2_592_000;

/// So many things at most: of more the oldest are given up.
const MOST: usize = 256;

/// Something that hosts keep.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Told {
    Prefix(PrefixInfo),
    /// A prefix that is still told, but no longer with this one flag.
    Flag(PrefixInfo),
    Route(RouteInfo),
    Server([u8; 16]),
    Domain(Vec<u8>),
    Nat64(Pref64),
    Portal,
    Mtu,
    HopLimit,
    ReachableTime,
    RetransTimer,
}

#[derive(Debug, Clone)]
struct Entry {
    what: Told,
    /// Until then it is taken back, as somebody may have slept and keep it.
    until: Instant,
    /// How many times more it is taken back, however late that is.
    left: u32,
}

/// What is to be taken back.
#[derive(Debug, Clone, Default)]
pub struct Ledger(Vec<Entry>);

impl Ledger {
    /// Notes what `now` no longer tells of what `before` told last, `at` that time.
    pub fn note(&mut self, before: &Contents, at: Instant, now: &Contents) {
        let mut gone: Vec<(Told, u32)> = before.told().filter(|(what, _)| !now.tells(what)).collect();
        for old in &before.prefixes {
            let new = now.prefixes.iter().find(|new| same_prefix(old, new));
            let lost = |was: bool, is: fn(&PrefixInfo) -> bool| was && new.is_some_and(|new| !is(new));
            if lost(old.on_link, |new| new.on_link) {
                gone.push((
                    Told::Flag(PrefixInfo { autonomous: false, router_address: None, ..*old }),
                    old.valid,
                ));
            }
            if lost(old.autonomous, |new| new.autonomous) {
                gone.push((
                    Told::Flag(PrefixInfo { on_link: false, router_address: None, ..*old }),
                    old.valid,
                ));
            }
        }
        for (what, lifetime) in gone {
            self.0.retain(|entry| !same(&entry.what, &what));
            //= RFC 9096 s3.5: for at least the lifetime that it was told with.
            let until = at + Duration::from_secs(lifetime.min(LONGEST).into());
            self.0.push(Entry { what, until, left: MAX_INITIAL_RTR_ADVERTISEMENTS });
        }
        self.0.retain(|entry| !now.tells(&entry.what));
        let over = self.0.len().saturating_sub(MOST);
        self.0.drain(..over);
    }

    /// Has `contents` take it back. `link_mtu` is what hosts may take for the MTU again.
    pub fn add_to(&self, contents: &mut Contents, link_mtu: u32) {
        let (mut servers, mut domains) = (Vec::new(), Vec::new());
        for Entry { what, .. } in &self.0 {
            match what {
                //= RFC 9096 s3.5: both lifetimes are 0, and the flags as they were. The prefix is no longer on the link
                //= (RFC 4861 s6.3.4); addresses from it are for nothing new, and gone in two hours (RFC 4862 s5.5.3).
                Told::Prefix(info) | Told::Flag(info) => {
                    contents.prefixes.push(PrefixInfo { valid: 0, preferred: 0, ..*info });
                }
                Told::Route(route) => contents.routes.push(RouteInfo { lifetime: 0, ..*route }),
                Told::Server(server) => servers.push(*server),
                Told::Domain(name) => domains.extend_from_slice(name),
                Told::Nat64(nat64) => contents.nat64.push(withdrawn(nat64)),
                Told::Portal => contents.portal = Some(UNRESTRICTED.into()),
                Told::Mtu => contents.advert.mtu = Some(link_mtu),
                Told::HopLimit => contents.advert.cur_hop_limit = HOP_LIMIT,
                Told::ReachableTime => contents.advert.reachable_time = REACHABLE_TIME,
                Told::RetransTimer => contents.advert.retrans_timer = RETRANS_TIMER,
            }
        }
        //= RFC 8106 s5.1, s5.2: a lifetime of 0 says that it is not to be used any more.
        if !servers.is_empty() {
            contents.rdnss.push((0, servers));
        }
        if !domains.is_empty() {
            contents.dnssl.push((0, domains));
        }
    }

    /// `part` has been told to everybody; what every message has counts with the first of several only.
    pub fn told(&mut self, part: &Contents, first: bool, now: Instant) {
        for entry in &mut self.0 {
            let in_header =
                matches!(entry.what, Told::Mtu | Told::HopLimit | Told::ReachableTime | Told::RetransTimer);
            if if in_header { first } else { part.tells(&entry.what) } {
                entry.left = entry.left.saturating_sub(1);
            }
        }
        self.0.retain(|entry| entry.left > 0 || now < entry.until);
    }
}

impl Contents {
    /// Everything that hosts will keep, and for how many seconds; 0 for what has no end.
    fn told(&self) -> impl Iterator<Item = (Told, u32)> + '_ {
        let advert = &self.advert;
        let header = [
            (advert.mtu.is_some(), Told::Mtu),
            (advert.cur_hop_limit != 0, Told::HopLimit),
            (advert.reachable_time != 0, Told::ReachableTime),
            (advert.retrans_timer != 0, Told::RetransTimer),
            (self.portal.is_some(), Told::Portal),
        ];
        let header = header.into_iter().filter(|(told, _)| *told).map(|(_, what)| (what, 0));
        let prefixes = self.prefixes.iter().map(|info| (Told::Prefix(*info), info.valid));
        let routes = self.routes.iter().map(|route| (Told::Route(*route), route.lifetime));
        let servers = self.rdnss.iter().flat_map(|(lifetime, servers)| {
            servers.iter().map(move |server| (Told::Server(*server), *lifetime))
        });
        let domains = self
            .dnssl
            .iter()
            .flat_map(|(lifetime, all)| names(all).map(move |name| (Told::Domain(name.into()), *lifetime)));
        let nat64 = self.nat64.iter().map(|nat64| (Told::Nat64(*nat64), nat64.lifetime().into()));
        header.chain(prefixes).chain(routes).chain(servers).chain(domains).chain(nat64)
    }

    /// Whether it is in there, on whatever terms.
    fn tells(&self, what: &Told) -> bool {
        match what {
            Told::Flag(flag) => self.prefixes.iter().any(|info| {
                same_prefix(info, flag) && info.on_link >= flag.on_link && info.autonomous >= flag.autonomous
            }),
            what => self.told().any(|(other, _)| same(&other, what)),
        }
    }
}

fn same(a: &Told, b: &Told) -> bool {
    match (a, b) {
        (Told::Prefix(a), Told::Prefix(b)) => same_prefix(a, b),
        (Told::Flag(a), Told::Flag(b)) => same_prefix(a, b) && a.on_link == b.on_link,
        (Told::Route(a), Told::Route(b)) => (a.prefix, a.prefix_len) == (b.prefix, b.prefix_len),
        (Told::Nat64(a), Told::Nat64(b)) => (a.prefix(), a.prefix_len()) == (b.prefix(), b.prefix_len()),
        (a, b) => a == b,
    }
}

fn same_prefix(a: &PrefixInfo, b: &PrefixInfo) -> bool {
    let bits = |info: &PrefixInfo| -> (Ipv6Addr, u8) { (info.prefix, info.prefix_len) };
    bits(a) == bits(b)
}

/// As it is told by a router that ceases, and whose hosts keep what they have for a while.
pub(super) fn deprecated(info: &PrefixInfo) -> PrefixInfo {
    PrefixInfo { preferred: 0, valid: info.valid.min(TWO_HOURS), ..*info }
}

pub(super) fn withdrawn(nat64: &Pref64) -> Pref64 {
    Pref64::new(nat64.prefix(), nat64.prefix_len(), 0).unwrap_or(*nat64)
}
