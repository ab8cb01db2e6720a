use siding_wire::nd;
use siding_wire::nd::NdMessage;
use siding_wire::nd::Preference;

use siding_netisr::Instant;

use super::*;
use crate::router::AdvertDnssl;
use crate::router::AdvertNat64;
use crate::router::AdvertPrefix;
use crate::router::AdvertRdnss;
use crate::router::AdvertRoute;
use crate::router::ledger::Ledger;

const MAC: Mac = Mac([2, 0, 0, 0, 0, 1]);
const SRC: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);

fn a(text: &str) -> Ipv6Addr {
    text.parse().unwrap()
}

fn own(addr: Ipv6Addr, len: u8, usable: bool) -> Own {
    Own { addr, len, usable, valid: None, preferred: None }
}

fn scene(own: &[Own], age: u64) -> Scene<'_> {
    Scene { lladdr: MAC, own, age: Duration::from_secs(age) }
}

/// Everything at once.
fn everything() -> AdvertConfig {
    let terms = PrefixTerms {
        autonomous: false,
        router_address: true,
        valid: 1000,
        preferred: 100,
        decrement: true,
        ..PrefixTerms::default()
    };
    AdvertConfig {
        max_interval: Duration::from_secs(20),
        managed: true,
        other_config: true,
        preference: Preference::High,
        hop_limit: 63,
        reachable_time: Duration::from_secs(30),
        retrans_timer: Duration::from_millis(1500),
        mtu: Some(1400),
        prefixes: vec![AdvertPrefix { prefix: "2001:db8:1::/64".parse().unwrap(), terms }],
        routes: vec![AdvertRoute {
            prefix: "2001:db8:5::/48".parse().unwrap(),
            preference: Preference::Low,
            lifetime: None,
        }],
        rdnss: vec![AdvertRdnss { servers: vec![a("2001:db8::53"), a("2001:db8::54")], lifetime: Some(600) }],
        dnssl: vec![AdvertDnssl { domains: vec!["lan".into(), "example.org".into()], lifetime: None }],
        nat64: vec![AdvertNat64 { prefix: "64:ff9b::/96".parse().unwrap(), lifetime: None }],
        captive_portal: Some("https://example.org/portal".into()),
        ..AdvertConfig::default()
    }
}

/// Written, and read back.
fn told(contents: &Contents) -> (RouterAdvert, Vec<String>) {
    let mut out = [0; 1280];
    let len = contents.emit(SRC, ip6::ALL_NODES, &mut out).unwrap();
    assert_eq!(len, contents.len());
    let message = nd::validate(255, SRC, ip6::ALL_NODES, &out[..len], false).unwrap();
    let NdMessage::RouterAdvert(advert, options) = message else { panic!("{message:?}") };
    let told = options.filter_map(|option| match option {
        NdOption::Prefix(info) => Some(format!(
            "prefix {}/{} L{} A{} R{:?} {} {}",
            info.prefix,
            info.prefix_len,
            u8::from(info.on_link),
            u8::from(info.autonomous),
            info.router_address,
            info.valid,
            info.preferred
        )),
        NdOption::Route(route) => Some(format!(
            "route {}/{} {:?} {}",
            route.prefix, route.prefix_len, route.preference, route.lifetime
        )),
        NdOption::Rdnss(rdnss) => {
            let servers: Vec<String> = rdnss.addresses().map(|addr| addr.to_string()).collect();
            Some(format!("rdnss {} {}", servers.join(","), rdnss.lifetime))
        }
        NdOption::Dnssl(dnssl) => {
            let names: Vec<String> = dnssl.domains().map(|name| name.to_string()).collect();
            Some(format!("dnssl {} {}", names.join(","), dnssl.lifetime))
        }
        NdOption::Pref64(nat64) => {
            Some(format!("nat64 {}/{} {}", nat64.prefix(), nat64.prefix_len(), nat64.lifetime()))
        }
        NdOption::CaptivePortal(uri) => Some(format!("portal {}", String::from_utf8_lossy(uri))),
        NdOption::SourceLinkLayer(_) | NdOption::Mtu(_) => None,
        other => panic!("{other:?}"),
    });
    (advert, told.collect())
}

#[test]
fn everything_that_can_be_told_4861_8() {
    let own = [("2001:db8:1::9", 64, true), ("2001:db8:2::9", 64, false), ("2001:db8:3::9", 56, true)];
    let own = own.map(|(addr, len, usable)| self::own(a(addr), len, usable));
    let contents = Contents::new(&everything(), &scene(&own, 40), Kind::Regular);
    let (advert, options) = told(&contents);
    let expected = RouterAdvert {
        cur_hop_limit: 63,
        managed: true,
        other_config: true,
        preference: Preference::High,
        router_lifetime: 60,
        reachable_time: 30_000,
        retrans_timer: 1500,
        slla: Some(MAC),
        mtu: Some(1400),
    };
    assert_eq!(advert, expected);
    assert_eq!(
        options,
        [
            "prefix 2001:db8:1::/64 L1 A0 RSome(2001:db8:1::9) 960 60",
            "prefix 2001:db8:2::/64 L1 A1 RNone 2592000 604800",
            "prefix 2001:db8:3::/56 L1 A0 RNone 2592000 604800",
            "route 2001:db8:5::/48 Low 60",
            "rdnss 2001:db8::53,2001:db8::54 600",
            "dnssl lan,example.org 60",
            "nat64 64:ff9b::/96 64",
            "portal https://example.org/portal",
        ]
    );
    let bare = AdvertConfig { source_link_layer: false, own_prefixes: None, ..AdvertConfig::default() };
    let (advert, options) = told(&Contents::new(&bare, &scene(&own, 0), Kind::Regular));
    assert_eq!((advert.slla, advert.mtu, options.len()), (None, None, 0));
}

#[test]
fn lifetimes_count_down_to_nothing_4861_8() {
    let config = everything();
    let at = |age| {
        let contents = Contents::new(&config, &scene(&[], age), Kind::Regular);
        (contents.prefixes[0].valid, contents.prefixes[0].preferred)
    };
    assert_eq!([at(0), at(100), at(999), at(5000)], [(1000, 100), (900, 0), (1, 0), (0, 0)]);
}

#[test]
fn a_farewell_takes_back_what_was_given_4861_11() {
    let mut config = everything();
    config.prefixes[0].terms.deprecate_on_stop = true;
    let own = [own(a("2001:db8:2::9"), 64, true)];
    let (advert, options) = told(&Contents::new(&config, &scene(&own, 0), Kind::Final));
    assert_eq!((advert.router_lifetime, advert.preference), (0, Preference::Medium));
    assert_eq!(
        options,
        [
            "prefix 2001:db8:1::/64 L1 A0 RNone 1000 0",
            "route 2001:db8:5::/48 Low 0",
            "rdnss 2001:db8::53,2001:db8::54 0",
            "dnssl lan,example.org 0",
            "nat64 64:ff9b::/96 0",
        ]
    );
    // From the address before: the network stays as it is, only not by way of that address.
    let (advert, options) = told(&Contents::new(&config, &scene(&own, 0), Kind::FinalFromOld));
    assert_eq!((advert.router_lifetime, options), (0, vec!["route 2001:db8:5::/48 Low 0".to_string()]));
}

/// A moment, in seconds.
fn at(seconds: u64) -> Instant {
    Instant::from_nanos(seconds * 1_000_000_000)
}

#[test]
fn what_is_told_no_longer_is_taken_back() {
    let own = [own(a("2001:db8:2::9"), 64, true)];
    let before = Contents::new(&everything(), &scene(&own, 0), Kind::Regular);
    let mut after = AdvertConfig { own_prefixes: None, hop_limit: 0, ..AdvertConfig::default() };
    after.prefixes = everything().prefixes;
    after.prefixes[0].terms.on_link = false;
    after.rdnss = everything().rdnss;
    after.rdnss[0].servers.remove(1);
    after.dnssl = everything().dnssl;
    after.dnssl[0].domains.remove(0);
    let plain = Contents::new(&after, &scene(&own, 0), Kind::Regular);
    let mut ledger = Ledger::default();
    ledger.note(&before, at(1), &plain);
    let mut now = plain.clone();
    ledger.add_to(&mut now, 1500);
    let (advert, options) = told(&now);
    assert_eq!(
        options,
        [
            "prefix 2001:db8:1::/64 L0 A0 RNone 1000 100",
            "prefix 2001:db8:2::/64 L1 A1 RNone 0 0",
            "prefix 2001:db8:1::/64 L1 A0 RNone 0 0",
            "route 2001:db8:5::/48 Low 0",
            "rdnss 2001:db8::53 600",
            "rdnss 2001:db8::54 0",
            "dnssl example.org 1800",
            "dnssl lan 0",
            "nat64 64:ff9b::/96 0",
            "portal urn:ietf:params:capport:unrestricted",
        ]
    );
    // What hosts took for theirs is what they had without us.
    let header = (advert.cur_hop_limit, advert.reachable_time, advert.retrans_timer, advert.mtu);
    assert_eq!(header, (64, 30_000, 1000, Some(1500)));
    // Three times, however late; and what hosts would have kept, for as long as they would.
    (0..2).for_each(|_| ledger.told(&now, true, at(2_592_002)));
    let mut back = |seconds: u64| {
        ledger.told(&now, true, at(seconds));
        now = plain.clone();
        ledger.add_to(&mut now, 1500);
        let taken_back = told(&now).1.into_iter().filter(|line| line.ends_with(" 0")).count();
        (now.advert != plain.advert, now.portal.is_some(), taken_back)
    };
    let (route_domain_nat64, server, flag, prefix) = (3, 1, 1, 1);
    for (seconds, left) in [
        (2, prefix + flag + server + route_domain_nat64),
        (60, prefix + flag + server + route_domain_nat64),
        (70, prefix + flag + server),
        (601, prefix + flag),
        (1001, prefix),
        (2_592_000, prefix),
        (2_592_001, 0),
    ] {
        assert_eq!(back(seconds), (false, false, left), "{seconds}");
    }
    assert_eq!(now, plain);
    // What stays the same is nothing to take back.
    ledger.note(&before, at(2), &before);
    ledger.add_to(&mut now, 1500);
    assert_eq!(now, plain);
}

#[test]
fn each_is_taken_back_as_often_whatever_changes_meanwhile() {
    let with = |domains: &[&str]| {
        let domains = domains.iter().map(ToString::to_string).collect();
        let dnssl = vec![AdvertDnssl { domains, lifetime: None }];
        let config = AdvertConfig { dnssl, ..AdvertConfig::default() };
        Contents::new(&config, &scene(&[], 0), Kind::Regular)
    };
    let (first, second, third) = (with(&["a", "b", "c"]), with(&["b", "c"]), with(&["c", "a"]));
    let mut ledger = Ledger::default();
    let mut seen = Vec::new();
    let mut last = first;
    // For as long as a name is kept: half an hour.
    for (plain, time) in
        [(&second, 1), (&second, 2), (&third, 3), (&third, 4), (&third, 1800), (&third, 1801), (&third, 1802)]
    {
        ledger.note(&last, at(1), plain);
        let mut now = plain.clone();
        ledger.add_to(&mut now, 1500);
        ledger.told(&now, true, at(time));
        seen.push(told(&now).1.into_iter().filter(|line| line.ends_with(" 0")).collect::<Vec<_>>().join(" "));
        last = plain.clone();
    }
    // `a` is told again: it is not taken back any more, and `b` is as often as it must.
    assert_eq!(seen, ["dnssl a 0", "dnssl a 0", "dnssl b 0", "dnssl b 0", "dnssl b 0", "dnssl b 0", ""]);
}

#[test]
fn lifetimes_are_no_longer_than_what_is_behind_them() {
    let of = |lifetimes: &[(Option<u32>, Option<u32>)]| {
        let own: Vec<Own> = lifetimes
            .iter()
            .zip(1..)
            .map(|((valid, preferred), host)| Own {
                valid: *valid,
                preferred: *preferred,
                ..own(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, host), 64, true)
            })
            .collect();
        let config = AdvertConfig::default();
        let info = Contents::new(&config, &scene(&own, 0), Kind::Regular).prefixes[0];
        (info.valid, info.preferred)
    };
    assert_eq!(of(&[(Some(60), Some(40))]), (60, 40));
    assert_eq!(of(&[(Some(60), Some(0))]), (60, 0));
    assert_eq!(of(&[(Some(60), None)]), (60, 60), "preferred for no longer than valid");
    // The longest of several; one that stays bounds nothing.
    assert_eq!(of(&[(Some(60), Some(40)), (Some(90), Some(0))]), (90, 40));
    assert_eq!(of(&[(Some(60), Some(40)), (None, None)]), (2_592_000, 604_800));
    // One that will not stay is never told for long at a time.
    assert_eq!(of(&[(Some(1_000_000), Some(900_000))]), (5400, 2700));
}

#[test]
fn what_does_not_fit_goes_into_further_messages_6980_1() {
    let own: Vec<Own> =
        (0..100).map(|at| self::own(Ipv6Addr::new(0x2001, 0xdb8, at, 0, 0, 0, 0, 1), 64, true)).collect();
    let mut config = everything();
    config.rdnss[0].servers = (0..100).map(|at| Ipv6Addr::new(0x2001, 0xdb9, 0, 0, 0, 0, 0, at)).collect();
    config.dnssl[0].domains = (0..100).map(|at| format!("{at}.example.org")).collect();
    let whole = Contents::new(&config, &scene(&own, 0), Kind::Regular);
    let parts = whole.parts();
    let (mut prefixes, mut servers, mut domains, mut others) = (0, 0, 0, 0);
    for part in &parts {
        let (advert, options) = told(part);
        assert_eq!(advert, whole.advert, "each is a whole advertisement");
        assert!(part.len() <= 1240);
        for option in options {
            let list = option.split(' ').nth(1).unwrap().split(',').count();
            match option.split(' ').next() {
                Some("prefix") => prefixes += 1,
                Some("rdnss") => servers += list,
                Some("dnssl") => domains += list,
                _ => others += 1,
            }
        }
    }
    assert_eq!((prefixes, servers, domains, others), (100, 100, 100, 3));
    assert_eq!(parts.len(), 6, "no more than it takes");
    assert_eq!(Contents::new(&everything(), &scene(&own[..1], 0), Kind::Regular).parts().len(), 1);
    // One that is a single option is too long by itself.
    config.captive_portal = Some(format!("https://{}", "x".repeat(1300)));
    assert!(matches!(config.check(1500), Err(super::super::AdvertError::TooLong { .. })));
}
