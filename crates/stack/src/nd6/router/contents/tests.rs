use siding_wire::nd;
use siding_wire::nd::NdMessage;
use siding_wire::nd::Preference;

use super::*;
use crate::nd6::router::AdvertDnssl;
use crate::nd6::router::AdvertNat64;
use crate::nd6::router::AdvertPrefix;
use crate::nd6::router::AdvertRdnss;
use crate::nd6::router::AdvertRoute;

const MAC: Mac = Mac([2, 0, 0, 0, 0, 1]);
const SRC: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);

fn a(text: &str) -> Ipv6Addr {
    text.parse().unwrap()
}

fn scene(own: &[(Ipv6Addr, u8, bool)], age: u64) -> Scene<'_> {
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
    let own =
        [(a("2001:db8:1::9"), 64, true), (a("2001:db8:2::9"), 64, false), (a("2001:db8:3::9"), 56, true)];
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
    let own = [(a("2001:db8:2::9"), 64, true)];
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

#[test]
fn what_is_told_no_longer_is_taken_back() {
    let own = [(a("2001:db8:2::9"), 64, true)];
    let before = Contents::new(&everything(), &scene(&own, 0), Kind::Regular);
    let mut after = everything();
    after.own_prefixes = None;
    after.routes.clear();
    after.rdnss[0].servers.remove(1);
    let mut now = Contents::new(&after, &scene(&own, 0), Kind::Regular);
    now.withdraw(&before);
    let (_, options) = told(&now);
    assert_eq!(
        options[..5],
        [
            "prefix 2001:db8:1::/64 L1 A0 RNone 1000 100",
            "prefix 2001:db8:2::/64 L1 A1 RNone 7200 0",
            "route 2001:db8:5::/48 Low 0",
            "rdnss 2001:db8::53 600",
            "rdnss 2001:db8::54 0",
        ]
    );
    let mut same = before.clone();
    same.withdraw(&before);
    assert_eq!(same, before);
}

#[test]
fn never_larger_than_the_least_mtu_6980_1() {
    let own: Vec<(Ipv6Addr, u8, bool)> =
        (0..100).map(|at| (Ipv6Addr::new(0x2001, 0xdb8, at, 0, 0, 0, 0, 1), 64, true)).collect();
    let config = everything();
    let mut contents = Contents::new(&config, &scene(&own, 0), Kind::Regular);
    assert_eq!(
        contents.prefixes.len() - 1 + contents.left_out,
        99,
        "2001:db8:1::/64 is told on its own terms"
    );
    let mut before = Contents::new(&config, &scene(&own[50..], 0), Kind::Regular);
    before.routes = (0..100u16)
        .map(|at| RouteInfo {
            prefix: Ipv6Addr::new(0x2001, 0xdb9, at, 0, 0, 0, 0, 0),
            prefix_len: 64,
            preference: Preference::Medium,
            lifetime: 1,
        })
        .collect();
    contents.withdraw(&before);
    assert!((1280 - 40 - 32..=1280 - 40).contains(&contents.len()), "{}", contents.len());
}
