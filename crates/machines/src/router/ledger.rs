//! What hosts were told and are told no longer: it is taken back, or they would go on using it (RFC 9096 s3.5).
//!
//! Each thing by itself is taken back so many times, whatever else changes meanwhile; when it is told again it is struck
//! off. Pure.

use core::net::Ipv6Addr;

use siding_netisr::Instant;
use siding_wire::nd::INFINITE;
use siding_wire::nd::Pref64;
use siding_wire::nd::PrefixInfo;
use siding_wire::nd::RouteInfo;

use super::contents::Contents;
use super::contents::names;
use super::schedule::MAX_INITIAL_RTR_ADVERTISEMENTS;

/// Addresses that are made from a prefix that is advertised no longer stay valid for at most this long, in seconds
/// (the two hours of RFC 4862 s5.5.3).
const TWO_HOURS: u32 = 7200;

/// There is no portal any more (RFC 8910 s2).
pub(super) const UNRESTRICTED: &str = "urn:ietf:params:capport:unrestricted";

/// What hosts take if nobody tells them (RFC 4861 s10, RFC 1700), in the units of their fields.
const HOP_LIMIT: u8 = 64;
const REACHABLE_TIME: u32 = 30_000;
const RETRANS_TIMER: u32 = 1000;

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
    /// When it was told last.
    at: Instant,
    /// How many times more it is taken back.
    left: u32,
}

/// What is to be taken back.
#[derive(Debug, Clone, Default)]
pub struct Ledger(Vec<Entry>);

impl Ledger {
    /// Notes what `now` no longer tells of what `before` told last, `at` that time.
    pub fn note(&mut self, before: &Contents, at: Instant, now: &Contents) {
        let mut gone: Vec<Told> = before.told().filter(|what| !now.tells(what)).collect();
        for old in &before.prefixes {
            let new = now.prefixes.iter().find(|new| same_prefix(old, new));
            let lost = |was: bool, is: fn(&PrefixInfo) -> bool| was && new.is_some_and(|new| !is(new));
            if lost(old.on_link, |new| new.on_link) {
                gone.push(Told::Flag(PrefixInfo { autonomous: false, router_address: None, ..*old }));
            }
            if lost(old.autonomous, |new| new.autonomous) {
                gone.push(Told::Flag(PrefixInfo { on_link: false, router_address: None, ..*old }));
            }
        }
        for what in gone {
            self.0.retain(|entry| !same(&entry.what, &what));
            self.0.push(Entry { what, at, left: MAX_INITIAL_RTR_ADVERTISEMENTS });
        }
        self.0.retain(|entry| !now.tells(&entry.what));
        let over = self.0.len().saturating_sub(MOST);
        self.0.drain(..over);
    }

    /// Has `contents` take it back. `link_mtu` is what hosts may take for the MTU again.
    pub fn add_to(&self, contents: &mut Contents, now: Instant, link_mtu: u32) {
        let (mut servers, mut domains) = (Vec::new(), Vec::new());
        for Entry { what, at, .. } in &self.0 {
            match what {
                Told::Prefix(info) => contents.prefixes.push(deprecated(info, now.since(*at).as_secs())),
                //= RFC 4861 s6.3.4: what is no longer on the link ceases to be with a valid lifetime of 0.
                Told::Flag(info) if info.on_link => {
                    contents.prefixes.push(PrefixInfo { valid: 0, preferred: 0, ..*info });
                }
                Told::Flag(info) => contents.prefixes.push(deprecated(info, now.since(*at).as_secs())),
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
    pub fn told(&mut self, part: &Contents, first: bool) {
        for entry in &mut self.0 {
            let in_header =
                matches!(entry.what, Told::Mtu | Told::HopLimit | Told::ReachableTime | Told::RetransTimer);
            if if in_header { first } else { part.tells(&entry.what) } {
                entry.left = entry.left.saturating_sub(1);
            }
        }
        self.0.retain(|entry| entry.left > 0);
    }
}

impl Contents {
    /// Everything that hosts will keep.
    fn told(&self) -> impl Iterator<Item = Told> + '_ {
        let advert = &self.advert;
        let header = [
            (advert.mtu.is_some(), Told::Mtu),
            (advert.cur_hop_limit != 0, Told::HopLimit),
            (advert.reachable_time != 0, Told::ReachableTime),
            (advert.retrans_timer != 0, Told::RetransTimer),
            (self.portal.is_some(), Told::Portal),
        ];
        let header = header.into_iter().filter(|(told, _)| *told).map(|(_, what)| what);
        let prefixes = self.prefixes.iter().copied().map(Told::Prefix);
        let routes = self.routes.iter().copied().map(Told::Route);
        let servers = self.rdnss.iter().flat_map(|(_, servers)| servers).copied().map(Told::Server);
        let domains = self.dnssl.iter().flat_map(|(_, all)| names(all)).map(|name| Told::Domain(name.into()));
        let nat64 = self.nat64.iter().copied().map(Told::Nat64);
        header.chain(prefixes).chain(routes).chain(servers).chain(domains).chain(nat64)
    }

    /// Whether it is in there, on whatever terms.
    fn tells(&self, what: &Told) -> bool {
        match what {
            Told::Flag(flag) => self.prefixes.iter().any(|info| {
                same_prefix(info, flag) && info.on_link >= flag.on_link && info.autonomous >= flag.autonomous
            }),
            what => self.told().any(|other| same(&other, what)),
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

/// As it is taken back when `age` seconds of its lifetime have passed.
pub(super) fn deprecated(info: &PrefixInfo, age: u64) -> PrefixInfo {
    let left = match info.valid {
        INFINITE => INFINITE,
        valid => valid.saturating_sub(u32::try_from(age).unwrap_or(u32::MAX)),
    };
    PrefixInfo { preferred: 0, valid: left.min(TWO_HOURS), ..*info }
}

pub(super) fn withdrawn(nat64: &Pref64) -> Pref64 {
    Pref64::new(nat64.prefix(), nat64.prefix_len(), 0).unwrap_or(*nat64)
}
