//! What radvd advertises, and what our host makes of it.

use siding_tests::Siding;
use siding_tests::wait_for;

use super::util::*;

/// Everything at once, as an operator would write it.
const RICH: &str = "MaxRtrAdvInterval 30; AdvDefaultLifetime 600; AdvDefaultPreference high; AdvCurHopLimit 37; \
                    AdvLinkMTU 1400; AdvReachableTime 20000; AdvRetransTimer 500; \
                    prefix 2001:db8:1::/64 { AdvValidLifetime 3600; AdvPreferredLifetime 1800; }; \
                    prefix 2001:db8:2::/64 { AdvOnLink off; AdvValidLifetime infinity; \
                    AdvPreferredLifetime infinity; }; \
                    route 2001:db8:aaaa::/48 { AdvRouteLifetime 300; }; \
                    RDNSS 2001:db8:1::53 { }; DNSSL lan { };";

#[test]
fn an_address_a_default_route_and_the_link_by_radvd_4861_18_4861_23_4862_7_5942_1() {
    let Some((lab, ours, router)) = pair() else { return };
    let mut radvd = radvd(&lab, &router, "eth0", RICH);
    let daemon = Siding::start(&lab, &ours, &["run"], CONFIG);
    let own = address(&ours, &daemon);
    let link_local = default_route(&ours, &daemon).unwrap();
    assert!(link_local.starts_with("fe80::"), "{link_local}");
    // It answered our question: it does not advertise by itself that often.
    radvd.wait_for_output("RS", PATIENCE);
    let globals = globals(&ours, &daemon);
    assert_eq!(globals.len(), 2, "{globals:?}");
    let of = |prefix: &str| globals.iter().find(|own| own[0].starts_with(prefix)).unwrap();
    let [_, _, origin, preferred, valid] = of("2001:db8:1:");
    assert_eq!(origin, "autoconf");
    assert!((1700..=1800).contains(&preferred.parse::<u32>().unwrap()), "{preferred}");
    assert!((3500..=3600).contains(&valid.parse::<u32>().unwrap()), "{valid}");
    assert_eq!((of("2001:db8:2:")[3].as_str(), of("2001:db8:2:")[4].as_str()), ("forever", "forever"));
    // The route that was advertised, the prefix that is on-link, and not the other.
    let routes = rows(&ours, &daemon, "routes");
    let route =
        |to: &str| routes.iter().find(|row| row[0] == to).map(|row| (row[1].as_str(), row[4].as_str()));
    assert_eq!(route("2001:db8:aaaa::/48"), Some((link_local.as_str(), "advertised")));
    assert_eq!(route("2001:db8:1::/64"), Some(("on-link", "advertised")));
    assert_eq!(route("2001:db8:2::/64"), None);
    let routers = rows(&ours, &daemon, "routers");
    assert_eq!(routers[0][1..4], [link_local.clone(), "::/0".into(), "high".into()]);
    let interfaces = siding(&ours, &daemon, &["show", "interfaces"]);
    assert!(interfaces.contains(" 1400 "), "{interfaces}");
    // It works, near and far, and packets carry the hop limit: the far end sees it.
    assert!(ping(&ours, &daemon, "2001:db8:1::fe").contains(" 0% packet loss"));
    assert!(ping(&ours, &daemon, FAR).contains(" 0% packet loss"));
    let answer = router.run("ping", &["-c", "1", "-W", "2", &own]).expect_success();
    assert!(answer.contains("ttl=37"), "{answer}");
    // Forgotten, and learnt again when it speaks; restarted, and ready when that returns.
    assert_eq!(siding(&ours, &daemon, &["router", "flush"]), "1 router(s) forgotten\n");
    assert_eq!(default_route(&ours, &daemon), None);
    assert_eq!(siding(&ours, &daemon, &["prefix", "flush", "dev", "eth0"]), "1 prefix(es) forgotten\n");
    siding(&ours, &daemon, &["interface", "restart", "eth0", "--wait"]);
    wait_for("the default route after a restart", PATIENCE, || default_route(&ours, &daemon));
    assert_eq!(address(&ours, &daemon), own, "the same again");
    daemon.stop();
}

#[test]
fn stable_and_temporary_addresses_reach_and_are_reached_rfc7217_rfc8981() {
    let Some((lab, ours, router)) = pair() else { return };
    let _radvd = radvd(&lab, &router, "eth0", "MaxRtrAdvInterval 30; prefix 2001:db8:1::/64 { };");
    let more = "identifier = \"stable\"\nsecret = \"00112233445566778899aabbccddeeff\"\ntemporary = true\n\
                optimistic = true\nsolicit = \"backoff\"\n";
    let config = format!("{CONFIG}{more}");
    let daemon = Siding::start(&lab, &ours, &["run"], &config);
    let stable = address(&ours, &daemon);
    let temporary = wait_for("a temporary address", PATIENCE, || {
        with(&ours, &daemon, "temporary", "preferred").into_iter().next()
    });
    for own in [&stable, &temporary] {
        assert!(!own.contains("ff:fe"), "nothing of the MAC is in {own}");
        router.run("ping", &["-c", "2", "-i", "0.2", "-W", "2", own]).expect_success();
    }
    assert!(ping(&ours, &daemon, FAR).contains(" 0% packet loss"));
    // Another run makes the same stable address, and another temporary one.
    daemon.stop();
    let daemon = Siding::start(&lab, &ours, &["run"], &config);
    assert_eq!(address(&ours, &daemon), stable);
    let again = wait_for("a temporary address", PATIENCE, || {
        with(&ours, &daemon, "temporary", "preferred").into_iter().next()
    });
    assert_ne!(again, temporary);
    daemon.stop();
}

#[test]
fn a_router_of_ours_listens_to_no_other_unless_told_to_4861_16() {
    let Some((lab, ours, router)) = pair() else { return };
    let _radvd =
        radvd(&lab, &router, "eth0", "MaxRtrAdvInterval 4; MinRtrAdvInterval 3; prefix 2001:db8:1::/64 { };");
    let config = CONFIG.replace("[stack]\n", "[stack]\nforwarding = true\n");
    let daemon = Siding::start(&lab, &ours, &["run"], &config);
    wait_for("an advertisement that is not obeyed", PATIENCE, || {
        let drops = rows(&ours, &daemon, "drops");
        drops.into_iter().find(|row| row.get(2).is_some_and(|cause| cause == "autoconf-off"))
    });
    assert_eq!((default_route(&ours, &daemon), globals(&ours, &daemon).len()), (None, 0));
    siding(&ours, &daemon, &["autoconf", "start", "eth0", "--accept", "always", "--announce", "0"]);
    address(&ours, &daemon);
    assert!(default_route(&ours, &daemon).is_some());
    siding(&ours, &daemon, &["autoconf", "stop", "eth0"]);
    assert_eq!((default_route(&ours, &daemon), globals(&ours, &daemon).len()), (None, 0));
    daemon.stop();
}
