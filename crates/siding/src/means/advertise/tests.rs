use std::path::Path;

use super::*;
use crate::config::Config;

const ROUTER: &str = "[stack]\nforwarding = true\n[[interface]]\nname = \"eth0\"\ndriver = \"packet\"\nmtu = 1500\n[interface.advertise]\n";

fn parse(text: &str) -> AdvertConfig {
    let config = Config::parse(Path::new("router.toml"), text).unwrap_or_else(|error| panic!("{error}")).0;
    config.interfaces[0].addressing.advertise.clone().unwrap().means
}

fn error(more: &str) -> String {
    let text = format!("{ROUTER}{more}\n");
    let error = Config::parse(Path::new("router.toml"), &text).unwrap_err().to_string();
    error.lines().next().unwrap().to_owned()
}

#[test]
fn an_empty_table_has_the_defaults_4861_8() {
    assert_eq!(parse(ROUTER), AdvertConfig::default());
}

#[test]
fn everything_that_can_be_advertised() {
    let config = parse(&format!(
        r#"{ROUTER}
        max_interval = 30
        min_interval = 10
        managed = true
        other = true
        default_lifetime = 90
        preference = "high"
        hop_limit = 32
        reachable_time_ms = 30000
        retrans_timer_ms = 1000
        mtu = 1400
        source_link_layer = false
        captive_portal = "https://example.org"
        answer_alone = false
        [[interface.advertise.prefix]]
        prefix = "interface"
        valid = 100
        [[interface.advertise.prefix]]
        prefix = "2001:db8:1::/64"
        on_link = false
        autonomous = false
        router_address = true
        valid = "infinite"
        preferred = 5
        deprecate_on_stop = true
        [[interface.advertise.route]]
        prefix = "2001:db8:8::/48"
        preference = "low"
        lifetime = 60
        [[interface.advertise.rdnss]]
        servers = ["2001:db8::53"]
        [[interface.advertise.dnssl]]
        domains = ["lan", "example.org"]
        lifetime = 61
        [[interface.advertise.nat64]]
        prefix = "64:ff9b::/96"
        "#
    ));
    let own = PrefixTerms { valid: 100, preferred: 100, ..PrefixTerms::default() };
    let terms = PrefixTerms {
        on_link: false,
        autonomous: false,
        router_address: true,
        valid: INFINITE,
        preferred: 5,
        decrement: false,
        deprecate_on_stop: true,
    };
    let expected = AdvertConfig {
        max_interval: Duration::from_secs(30),
        min_interval: Some(Duration::from_secs(10)),
        managed: true,
        other_config: true,
        default_lifetime: Some(Duration::from_secs(90)),
        preference: siding_wire::nd::Preference::High,
        hop_limit: 32,
        reachable_time: Duration::from_secs(30),
        retrans_timer: Duration::from_secs(1),
        mtu: Some(1400),
        source_link_layer: false,
        own_prefixes: Some(own),
        prefixes: vec![AdvertPrefix { prefix: "2001:db8:1::/64".parse().unwrap(), terms }],
        routes: vec![AdvertRoute {
            prefix: "2001:db8:8::/48".parse().unwrap(),
            preference: siding_wire::nd::Preference::Low,
            lifetime: Some(60),
        }],
        rdnss: vec![AdvertRdnss { servers: vec!["2001:db8::53".parse().unwrap()], lifetime: None }],
        dnssl: vec![AdvertDnssl { domains: vec!["lan".into(), "example.org".into()], lifetime: Some(61) }],
        nat64: vec![AdvertNat64 { prefix: "64:ff9b::/96".parse().unwrap(), lifetime: None }],
        captive_portal: Some("https://example.org".into()),
        audience: Audience::Everybody,
    };
    assert_eq!(config, expected);
    assert_eq!(parse(&format!("{ROUTER}unicast_only = true\n")).audience, Audience::AskersOnly);
    assert_eq!(parse(&format!("{ROUTER}own_prefixes = false\n")).own_prefixes, None);
}

#[test]
fn every_mistake_has_its_place_4861_8() {
    let prefix = |more: &str| format!("[[interface.advertise.prefix]]\n{more}");
    let cases: &[(String, &str)] = &[
        ("max_interval = 3".into(), "8:16: a longest interval of 3s: give 4 to 1800 s"),
        (
            "max_interval = 30\nmin_interval = 25".into(),
            "9:16: a shortest interval of 25s: give 3 s to 22.5s, three quarters of the longest",
        ),
        (
            "default_lifetime = 10".into(),
            "8:20: a lifetime of 10s as default router: give 0 for none, or 600s (the longest interval) to 9000 s",
        ),
        (
            "mtu = 1501".into(),
            "8:7: an MTU of 1501 bytes: give 1280 (the least for IPv6) to 1500, which is the link's",
        ),
        (
            prefix("prefix = \"2001:db8::1/64\""),
            "9:10: 2001:db8::1/64 has bits set behind its prefix: did you mean 2001:db8::/64?",
        ),
        (prefix("prefix = \"zebra\""), "9:10: \"zebra\" is no IPv6 prefix: give one such as 2001:db8::/64"),
        (
            prefix("prefix = \"2001:db8::/48\""),
            "9:10: hosts cannot make addresses from 2001:db8::/48: give a /64, or switch `autonomous` off for it",
        ),
        (
            prefix("prefix = \"2001:db8::/64\"\nvalid = 10\npreferred = 11"),
            "11:13: preferred for 11 s but valid for 10 s only: the preferred lifetime must not be longer",
        ),
        (
            prefix("prefix = \"2001:db8::/64\"\nvalid = -1"),
            "10:9: invalid value: integer `-1`, expected a number of seconds, or \"infinite\"",
        ),
        (
            format!("own_prefixes = false\n{}", prefix("prefix = \"interface\"")),
            "10:10: `own_prefixes = false` leaves out the interface's prefixes: remove either",
        ),
        (
            "[[interface.advertise.rdnss]]\nservers = [\"ff02::1\"]".into(),
            "9:1: ff02::1 cannot be a DNS server's address: give a unicast address",
        ),
        ("managed = 1".into(), "8:11: invalid type: integer `1`, expected a boolean"),
    ];
    for (more, expected) in cases {
        assert_eq!(error(more), format!("router.toml:{expected}"), "{more}");
    }
}

#[test]
fn a_host_does_not_advertise_4861_16() {
    let text = ROUTER.replace("forwarding = true", "forwarding = false");
    let error = Config::parse(Path::new("router.toml"), &text).unwrap_err().to_string();
    let expected =
        "router.toml:7:12: hosts do not advertise: give `forwarding = true` in [stack], or leave this out";
    assert_eq!(error.lines().next().unwrap(), expected);
}
