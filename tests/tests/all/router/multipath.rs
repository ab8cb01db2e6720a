//! Two Linux hosts behind Siding that have the same addresses: each flow keeps to one of them, and to the other when that one goes.

use std::time::Duration;

use siding_tests::Host;
use siding_tests::Lab;
use siding_tests::Siding;
use siding_tests::need;
use siding_tests::wait_for;

use super::util::*;

const ROUTER: &str = r#"
[stack]
control = "{control}"
log = "debug"
forwarding = true
[[interface]]
name = "left"
driver = "packet"
addresses = ["2001:db8:a::1/64", "192.0.2.1/24"]
dad = false
[[interface]]
name = "one"
driver = "packet"
addresses = ["2001:db8:b::1/64", "198.51.100.1/24"]
dad = false
[[interface]]
name = "two"
driver = "packet"
addresses = ["2001:db8:c::1/64", "203.0.113.1/24"]
dad = false
[[route]]
to = "2001:db8:f::/64"
via = "2001:db8:b::2"
weight = 3
[[route]]
to = "2001:db8:f::/64"
via = "2001:db8:c::2"
weight = 1
"#;

/// Addresses that both hosts have, in each family.
const ADDRESSES: u32 = 48;

fn addresses(net: &str) -> Vec<String> {
    (1..=ADDRESSES).map(|host| format!("{net}{host}")).collect()
}

/// How many requests of each family the host has had, and answered.
fn echoes(host: &Host) -> [u32; 2] {
    let six = host.run("grep", &["Icmp6InEchos", "/proc/net/snmp6"]).expect_success();
    let four = host.run("grep", &["Icmp:", "/proc/net/snmp"]).expect_success();
    let lines: Vec<Vec<&str>> = four.lines().map(|line| line.split_whitespace().collect()).collect();
    let at = lines[0].iter().position(|name| *name == "InEchos").unwrap();
    [six.split_whitespace().nth(1).unwrap(), lines[1][at]].map(|number| number.parse().unwrap())
}

/// All addresses answer: how many of them each host.
fn all_answer(left: &Host, hosts: [&Host; 2]) -> [[u32; 2]; 2] {
    let before = hosts.map(echoes);
    for address in addresses("2001:db8:f::").iter().chain(&addresses("10.9.9.")) {
        let ping = left.run("ping", &["-c", "1", "-W", "3", address]);
        assert!(ping.succeeded(), "{address} does not answer: {}", ping.expect_success());
    }
    let after = hosts.map(echoes);
    [0, 1].map(|host| [0, 1].map(|family| after[host][family] - before[host][family]))
}

#[test]
fn flows_share_two_routers_and_all_go_by_one_when_the_other_goes() {
    if !need(&["ping", "ip"]) {
        return;
    }
    let Some(lab) = Lab::open() else { return };
    let (left, router) = (lab.host("left"), lab.host("router"));
    let (one, two) = (lab.host("one"), lab.host("two"));
    lab.wire(&left, "eth0", &router, "left");
    lab.wire(&one, "eth0", &router, "one");
    lab.wire(&two, "eth0", &router, "two");
    let daemon = Siding::start(&lab, &router, &["run"], ROUTER);
    let nets = [
        (&left, "2001:db8:a::", "192.0.2."),
        (&one, "2001:db8:b::", "198.51.100."),
        (&two, "2001:db8:c::", "203.0.113."),
    ];
    for (host, six, four) in nets {
        host.address("eth0", &format!("{six}2/64"));
        host.address("eth0", &format!("{four}2/24"));
        host.route("::/0", &format!("{six}1"), None);
        host.route("0.0.0.0/0", &format!("{four}1"), None);
    }
    for host in [&one, &two] {
        for (net, len) in [("2001:db8:f::", 128), ("10.9.9.", 32)] {
            addresses(net).iter().for_each(|address| host.address("lo", &format!("{address}/{len}")));
        }
    }
    // Of the other family by hand: all at once, each with the same share.
    let add = ["route", "add", "10.9.9.0/24", "via", "198.51.100.2", "via", "203.0.113.2"];
    siding(&router, &daemon, &add).expect_success();
    let both = [all_answer(&left, [&one, &two]), all_answer(&left, [&one, &two])];
    assert_eq!(both[0], both[1], "each flow keeps to its own");
    let [[six_one, four_one], [six_two, four_two]] = both[0];
    assert_eq!((six_one + six_two, four_one + four_two), (ADDRESSES, ADDRESSES));
    assert!(six_one > six_two && six_two > 0 && four_one > 8 && four_two > 8, "{both:?}");
    let way = siding(&router, &daemon, &["route", "get", "2001:db8:f::7"]).expect_success();
    for (via, share) in [
        ("via 2001:db8:b::2 dev one src ", " share 768/1024"),
        ("via 2001:db8:c::2 dev two src ", " share 256/1024"),
    ] {
        assert!(way.lines().any(|line| line.contains(via) && line.ends_with(share)), "{way}");
    }
    let routes = siding(&router, &daemon, &["route", "show"]).expect_success();
    assert!(routes.contains("2001:db8:b::2 weight 3") && routes.contains("203.0.113.2 weight 1"), "{routes}");

    // A link goes: nothing is lost once that is known.
    one.run("ip", &["link", "set", "eth0", "down"]).expect_success();
    wait_for("that a link has gone", Duration::from_secs(10), || {
        let routes = siding(&router, &daemon, &["route", "show"]).expect_success();
        routes.contains("one (no carrier)").then_some(())
    });
    assert_eq!(all_answer(&left, [&one, &two]), [[0, 0], [ADDRESSES, ADDRESSES]]);

    // A router is taken out by hand, and is saved no more; nor is the other's weight lost.
    siding(&router, &daemon, &["route", "del", "2001:db8:f::/64", "via", "2001:db8:b::2"]).expect_success();
    let way = siding(&router, &daemon, &["route", "get", "2001:db8:f::7"]).expect_success();
    assert_eq!(way, "2001:db8:f::7 via 2001:db8:c::2 dev two src 2001:db8:c::1 share 1024/1024\n");
    let file = siding(&router, &daemon, &["config", "show"]).expect_success();
    assert!(file.contains("weight = 1") && !file.contains("weight = 3"), "{file}");
    daemon.stop();
}
