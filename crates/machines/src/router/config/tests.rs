use super::*;

fn prefix(text: &str) -> Prefix<Ipv6Addr> {
    text.parse().unwrap()
}

fn with(change: impl FnOnce(&mut AdvertConfig)) -> AdvertConfig {
    let mut config = AdvertConfig::default();
    change(&mut config);
    config
}

#[test]
fn the_defaults_4861_8() {
    let config = AdvertConfig::default();
    assert_eq!(config.check(1500), Ok(()));
    assert_eq!(config.max_interval, Duration::from_secs(600));
    assert_eq!(
        (config.min_interval(), config.default_lifetime().as_secs()),
        (Duration::from_secs(198), 1800)
    );
    let terms = config.own_prefixes.unwrap();
    assert_eq!(
        (terms.valid, terms.preferred, terms.on_link, terms.autonomous),
        (2_592_000, 604_800, true, true)
    );
    assert!(!config.managed && !config.other_config);
    assert_eq!(
        (config.reachable_time, config.retrans_timer, config.mtu),
        (Duration::ZERO, Duration::ZERO, None)
    );
    // The shortest interval follows the longest, down to its own least.
    for (max, min) in [(1800, 594_000), (10, 3300), (9, 3000), (8, 6000), (4, 3000)] {
        let config = with(|config| config.max_interval = Duration::from_secs(max));
        assert_eq!(config.min_interval(), Duration::from_millis(min), "{max}");
        assert_eq!(config.check(1500), Ok(()), "{max}");
    }
}

#[test]
fn what_cannot_be_advertised_says_what_could_4861_8() {
    let secs = Duration::from_secs;
    let ms = Duration::from_millis;
    let one = |text: &str, terms: PrefixTerms| vec![AdvertPrefix { prefix: prefix(text), terms }];
    let plain = PrefixTerms::default();
    let route =
        |text: &str| AdvertRoute { prefix: prefix(text), preference: Preference::Medium, lifetime: None };
    let cases: Vec<(AdvertConfig, &str)> = vec![
        (with(|c| c.max_interval = ms(3999)), "a longest interval of 3.999s: give 4 to 1800 s"),
        (with(|c| c.max_interval = ms(1_800_001)), "a longest interval of 1800.001s: give 4 to 1800 s"),
        (
            with(|c| c.min_interval = Some(ms(2999))),
            "a shortest interval of 2.999s: give 3 s to 450s, three quarters of the longest",
        ),
        (
            with(|c| c.min_interval = Some(ms(450_001))),
            "a shortest interval of 450.001s: give 3 s to 450s, three quarters of the longest",
        ),
        (
            with(|c| c.default_lifetime = Some(secs(599))),
            "a lifetime of 599s as default router: give 0 for none, or 600s (the longest interval) to 9000 s",
        ),
        (
            with(|c| c.default_lifetime = Some(secs(9001))),
            "a lifetime of 9001s as default router: give 0 for none, or 600s (the longest interval) to 9000 s",
        ),
        (
            with(|c| c.reachable_time = ms(3_600_001)),
            "a reachable time of 3600.001s: give at most 3600 s, or 0 to leave it to the hosts",
        ),
        (
            with(|c| c.retrans_timer = ms(1 << 32)),
            "a retransmission timer of 4294967.296s: give at most 4294967295 ms, or 0 to leave it to the hosts",
        ),
        (
            with(|c| c.mtu = Some(1279)),
            "an MTU of 1279 bytes: give 1280 (the least for IPv6) to 1500, which is the link's",
        ),
        (
            with(|c| c.mtu = Some(1501)),
            "an MTU of 1501 bytes: give 1280 (the least for IPv6) to 1500, which is the link's",
        ),
        (
            with(|c| c.prefixes = one("fe80::/64", plain)),
            "fe80::/64 is of link-local or multicast addresses and is never advertised: leave it out",
        ),
        (
            with(|c| c.prefixes = [one("2001:db8::/64", plain), one("2001:db8::/64", plain)].concat()),
            "2001:db8::/64 is given a second time: leave one out",
        ),
        (
            with(|c| c.prefixes = one("2001:db8::/48", plain)),
            "hosts cannot make addresses from 2001:db8::/48: give a /64, or switch `autonomous` off for it",
        ),
        (
            with(|c| c.prefixes = one("2001:db8::/64", PrefixTerms { valid: 10, preferred: 11, ..plain })),
            "preferred for 11 s but valid for 10 s only: the preferred lifetime must not be longer",
        ),
        (
            with(|c| c.own_prefixes = Some(PrefixTerms { valid: INFINITE, decrement: true, ..plain })),
            "an infinite lifetime does not count down: give a number of seconds, or switch `decrement` off",
        ),
        (
            with(|c| c.routes = vec![route("2001:db8:1::/48"), route("2001:db8:1::/48")]),
            "2001:db8:1::/48 is given a second time: leave one out",
        ),
        (
            with(|c| {
                c.rdnss = vec![AdvertRdnss { servers: vec!["ff02::1".parse().unwrap()], lifetime: None }]
            }),
            "ff02::1 cannot be a DNS server's address: give a unicast address",
        ),
        (
            with(|c| c.rdnss = vec![AdvertRdnss { servers: vec![], lifetime: None }]),
            "a list of DNS servers or domains is empty: leave it out",
        ),
        (
            with(|c| c.dnssl = vec![AdvertDnssl { domains: vec!["a..b".into()], lifetime: None }]),
            "\"a..b\": a label of a domain name has 1 to 63 letters",
        ),
        (
            with(|c| c.nat64 = vec![AdvertNat64 { prefix: prefix("64:ff9b::/95"), lifetime: None }]),
            "64:ff9b::/95 cannot be a NAT64's prefix: give one of 96, 64, 56, 48, 40 or 32 bits",
        ),
        (
            with(|c| c.nat64 = vec![AdvertNat64 { prefix: prefix("64:ff9b::/96"), lifetime: Some(65_529) }]),
            "a NAT64 lifetime of 65529 s: give at most 65528",
        ),
        (
            with(|c| c.captive_portal = Some("http://portal".into())),
            "\"http://portal\" is no URI of a captive portal's API: give one that begins with https://",
        ),
        (
            with(|c| c.captive_portal = Some(format!("https://{}", "x".repeat(1300)))),
            "an advertisement of 1336 bytes: one takes 1240; make the captive portal's URI shorter",
        ),
    ];
    for (config, expected) in cases {
        assert_eq!(config.check(1500).unwrap_err().to_string(), expected);
    }
    // What is many things is told in several messages.
    let servers = vec![Ipv6Addr::LOCALHOST.to_bits().wrapping_add(1).into(); 80];
    with(|c| c.rdnss = vec![AdvertRdnss { servers, lifetime: None }]).check(1500).unwrap();
}

#[test]
fn the_ends_of_the_ranges_are_within_4861_8() {
    let secs = Duration::from_secs;
    for config in [
        with(|c| c.max_interval = secs(4)),
        with(|c| (c.max_interval, c.default_lifetime) = (secs(1800), Some(secs(1800)))),
        with(|c| c.default_lifetime = Some(secs(9000))),
        with(|c| c.default_lifetime = Some(secs(0))),
        with(|c| c.min_interval = Some(secs(3))),
        with(|c| c.min_interval = Some(secs(450))),
        with(|c| c.reachable_time = secs(3600)),
        with(|c| c.mtu = Some(1280)),
        with(|c| c.mtu = Some(1500)),
        with(|c| {
            c.own_prefixes =
                Some(PrefixTerms { preferred: INFINITE, valid: INFINITE, ..PrefixTerms::default() })
        }),
        with(|c| {
            let terms = PrefixTerms { autonomous: false, ..PrefixTerms::default() };
            c.prefixes = vec![AdvertPrefix { prefix: prefix("2001:db8::/48"), terms }];
        }),
    ] {
        assert_eq!(config.check(1500), Ok(()), "{config:?}");
    }
}
