use siding_stack::Mode;
use siding_stack::Reselect;
use siding_stack::lagg::lacp::Activity;
use siding_stack::lagg::lacp::Rate;

use super::*;
use crate::nested::means::Nested;

const PORTS: &str =
    "[[interface]]\nname = \"e1\"\ndriver = \"packet\"\n[[interface]]\nname = \"e2\"\ndriver = \"packet\"\n";

#[test]
fn names_are_resolved_in_any_order() {
    let config = parse(&format!(
        r#"
        [[vlan]]
        name = "inner"
        parent = "outer"
        vid = 20
        addresses = ["2001:db8:20::1/64"]
        [[vlan]]
        name = "outer"
        parent = "lagg0"
        vid = 10
        protocol = "802.1ad"
        link_local = false
        [[lagg]]
        name = "lagg0"
        mode = "failover"
        ports = ["e1", "e2"]
        priorities = {{ e2 = 200 }}
        primary = "e2"
        reselect = "better"
        hash = ["l3"]
        announce_count = 5
        announce_interval_ms = 50
        mac = "02:00:00:00:00:07"
        mtu = 1400
        dad = false
        {PORTS}
        [[route]]
        to = "::/0"
        via = "2001:db8:20::9"
        "#
    ));
    let names: Vec<&str> = config.nested.iter().map(Nested::name).collect();
    assert_eq!(names, ["lagg0", "outer", "inner"], "lowest first");
    let Nested::Lagg(lagg) = &config.nested[0] else { panic!("{:?}", config.nested[0]) };
    assert_eq!(lagg.ports, [("e1".into(), 100), ("e2".into(), 200)]);
    assert_eq!((lagg.primary.as_deref(), lagg.addressing.dad), (Some("e2"), false));
    assert_eq!((lagg.spec.mode, lagg.spec.reselect, lagg.spec.mtu), (Mode::Failover, Reselect::Better, 1400));
    assert!(lagg.spec.hash.l3 && !lagg.spec.hash.l2 && !lagg.spec.hash.l4);
    assert_eq!((lagg.spec.announce.count, lagg.spec.announce.interval), (5, Duration::from_millis(50)));
    assert_eq!(lagg.spec.mac, Some(Mac([2, 0, 0, 0, 0, 7])));
    let Nested::Vlan(outer) = &config.nested[1] else { panic!("{:?}", config.nested[1]) };
    assert_eq!((outer.tag, outer.addressing.link_local), (siding_client::lagg::Tag::Service, false));
    assert!(
        config.interfaces.iter().all(|port| port.addressing.link_local),
        "a port has it when it is released"
    );
    assert_eq!(config.routes[0].interface, "inner", "found by its prefix");
}

#[test]
fn a_bridge_of_a_lagg_that_speaks_lacp() {
    let config = parse(&format!(
        r#"
        [[bridge]]
        name = "br0"
        ports = ["v10", "e3"]
        ageing_s = 20
        stations = 100
        addresses = ["192.0.2.1/24"]
        [[vlan]]
        name = "v10"
        parent = "lagg0"
        vid = 10
        [[lagg]]
        name = "lagg0"
        mode = "lacp"
        ports = ["e1", "e2"]
        lacp = {{ rate = "fast", activity = "passive", system_priority = 7, key = 3, min_links = 2, max_links = 4 }}
        {PORTS}
        [[interface]]
        name = "e3"
        driver = "packet"
        "#
    ));
    let names: Vec<&str> = config.nested.iter().map(Nested::name).collect();
    assert_eq!(names, ["lagg0", "v10", "br0"]);
    let Nested::Lagg(lagg) = &config.nested[0] else { panic!("{:?}", config.nested[0]) };
    let lacp = lagg.spec.lacp;
    assert_eq!((lacp.rate, lacp.activity), (Rate::Fast, Activity::Passive));
    assert_eq!((lacp.system_priority, lacp.key, lacp.min_links, lacp.max_links), (7, Some(3), 2, Some(4)));
    assert!(lagg.ports[0].1 < lagg.ports[1].1, "in LACP less is better, and the first port is the best");
    let Nested::Bridge(bridge) = &config.nested[2] else { panic!("{:?}", config.nested[2]) };
    assert_eq!((bridge.spec.ageing, bridge.spec.stations), (Duration::from_secs(20), 100));
    assert_eq!(bridge.ports, ["v10", "e3"]);
}

#[test]
fn every_mistake_in_what_lies_on_others_has_its_line_and_a_way_out() {
    let lagg = |more: &str| format!("{PORTS}[[lagg]]\nname = \"lagg0\"\nmode = \"failover\"\n{more}\n");
    let vlan = |name: &str, parent: &str, vid: u16| {
        format!("[[vlan]]\nname = \"{name}\"\nparent = \"{parent}\"\nvid = {vid}\n")
    };
    let neighbor = |interface: &str, address: &str| {
        format!(
            "[[neighbor]]\ninterface = \"{interface}\"\naddress = \"{address}\"\nmac = \"02:00:00:00:00:01\""
        )
    };
    let cases: &[(String, &str)] = &[
        (
            lagg("ports = [\"e1\", \"e9\"]"),
            "host.toml:10:16: unknown interface \"e9\": this file has e1, e2, lagg0",
        ),
        (lagg("ports = [\"e1\", \"e1\"]"), "host.toml:10:16: e1 is a port of lagg0 already: leave one out"),
        (
            lagg("ports = [\"e1\"]\nprimary = \"e2\""),
            "host.toml:11:11: \"e2\" is not among the `ports` of lagg0: add it there",
        ),
        (
            lagg("ports = [\"e1\"]\npriorities = { e2 = 5 }"),
            "host.toml:11:16: \"e2\" is not among the `ports` of lagg0: add it there",
        ),
        (
            lagg("lacp = { rate = \"fast\" }"),
            "host.toml:10:8: a lagg in mode failover speaks no LACP: leave this out, or set mode lacp",
        ),
        (
            lagg("ports = [\"e1\"]\n[[bridge]]\nname = \"br0\"\nports = [\"e1\"]"),
            "host.toml:13:10: e1 is a port of lagg0 already: leave one out",
        ),
        (
            lagg("[[bridge]]\nname = \"br0\"\n[[bridge]]\nname = \"br1\"\nports = [\"br0\"]"),
            "host.toml:14:10: br0 is a bridge, and no port: give its ports to br1",
        ),
        (lagg("[[bridge]]\nname = \"br0\"\nstations = 0"), "host.toml:12:12: 0 stations: give 1 to 1048576"),
        (lagg("announce_count = 101"), "host.toml:10:18: 101 announcements: give 0 to 100"),
        (lagg("mtu = 1000"), "host.toml:10:7: an MTU of 1000 bytes: give 1280 (the least for IPv6) to 9216"),
        (
            lagg("ports = [\"e1\"]").replacen("\"packet\"", "\"packet\"\naddresses = [\"192.0.2.1/24\"]", 1),
            "host.toml:11:10: e1 has addresses, and a port has none: move them to lagg0",
        ),
        (
            lagg("ports = [\"e1\"]").replacen("\"packet\"", "\"packet\"\nanycast = [\"2001:db8::a\"]", 1),
            "host.toml:11:10: e1 has anycast addresses, and a port has none: move them to lagg0",
        ),
        (
            lagg("ports = [\"e1\"]").replacen(
                "\"packet\"",
                "\"packet\"\nautoconf = { accept = \"always\" }",
                1,
            ),
            "host.toml:11:10: e1 has settings as a host, and a port has none: move them to lagg0",
        ),
        (
            lagg("ports = [\"e1\"]\n[[route]]\nto = \"2001:db8::/32\"\ninterface = \"e1\""),
            "host.toml:13:13: e1 is a port of lagg0, which all its frames belong to: give lagg0",
        ),
        (
            lagg("ports = [\"e1\"]\n[[group]]\ninterface = \"e1\"\ngroup = \"ff05::9\""),
            "host.toml:12:13: e1 is a port of lagg0, which all its frames belong to: give lagg0",
        ),
        (
            lagg(&format!("ports = [\"e1\"]\n{}", neighbor("e1", "2001:db8::2"))),
            "host.toml:12:13: e1 is a port of lagg0, which all its frames belong to: give lagg0",
        ),
        (
            lagg("addresses = [\"192.0.2.255/24\"]"),
            "host.toml:10:14: 192.0.2.255 is everybody's where prefixes have 24 bits: give a host's",
        ),
        (
            lagg(&format!("addresses = [\"192.0.2.1/24\"]\n{}", neighbor("lagg0", "192.0.2.0"))),
            "host.toml:13:11: 192.0.2.0 is everybody's where prefixes have 24 bits: give a host's",
        ),
        (
            lagg(&format!("ports = [\"e1\"]\n{}", vlan("v5", "e1", 5))),
            "host.toml:13:10: e1 is a port of lagg0: put v5 on lagg0 instead",
        ),
        (
            lagg(&format!("ports = [\"v5\"]\n{}", vlan("v5", "lagg0", 5))),
            "host.toml:10:10: v5 lies on lagg0 already, and nothing can lie on itself: name another interface here or there",
        ),
        (
            lagg(&vlan("e1", "e2", 5)),
            "host.toml:11:8: a second interface named \"e1\": give each a name of its own",
        ),
        (lagg(&vlan("v0", "e1", 0)), "host.toml:13:7: 0 is no VLAN identifier: give 1 to 4094"),
        (
            lagg(&(1..=5).fold(String::new(), |text, n| {
                let parent = if n == 1 { "e1".into() } else { format!("v{}", n - 1) };
                text + &vlan(&format!("v{n}"), &parent, n)
            })),
            "host.toml:28:10: interfaces may lie 4 deep on each other, and this would be deeper: leave one level out",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(error(text).lines().next().unwrap(), *expected, "{text}");
    }
}
