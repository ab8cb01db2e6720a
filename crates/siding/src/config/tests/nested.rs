use siding_stack::Mode;
use siding_stack::Reselect;

use super::*;
use crate::config::nested::Nested;

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
    assert_eq!((outer.tag, outer.addressing.link_local), (file::Tag::Service, false));
    assert!(config.interfaces.iter().all(|port| !port.link_local), "a port has no addresses");
    assert_eq!(config.routes[0].interface, "inner", "found by its prefix");
}

#[test]
fn every_mistake_in_what_lies_on_others_has_its_line_and_a_way_out() {
    let lagg = |more: &str| format!("{PORTS}[[lagg]]\nname = \"lagg0\"\nmode = \"failover\"\n{more}\n");
    let vlan = |name: &str, parent: &str, vid: u16| {
        format!("[[vlan]]\nname = \"{name}\"\nparent = \"{parent}\"\nvid = {vid}\n")
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
        (lagg("announce_count = 101"), "host.toml:10:18: 101 announcements: give 0 to 100"),
        (lagg("mtu = 1000"), "host.toml:10:7: an MTU of 1000 bytes: give 1280 (the least for IPv6) to 9216"),
        (
            lagg("ports = [\"e1\"]").replacen("\"packet\"", "\"packet\"\naddresses = [\"192.0.2.1/24\"]", 1),
            "host.toml:11:10: e1 has addresses, and a port has none: move them to lagg0",
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
