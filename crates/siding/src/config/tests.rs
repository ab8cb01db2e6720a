mod nested;

use std::collections::BTreeSet;
use std::time::Duration;

use siding_client::value::Driver;
use siding_stack::nd6::nud::NudConfig;
use siding_wire::Mac;

use super::*;
use crate::means::meant::Learnt;
use crate::protocol::setting::Configured;

fn error(text: &str) -> String {
    Config::parse(Path::new("host.toml"), text).unwrap_err().to_string()
}

fn parse(text: &str) -> Config {
    Config::parse(Path::new("host.toml"), text).unwrap_or_else(|error| panic!("{error}")).0
}

const ETH0: &str = "[[interface]]\nname = \"eth0\"\ndriver = \"packet\"\naddresses = [\"2001:db8::1/64\"]\n";

#[test]
fn an_empty_file_is_a_stack_without_interfaces() {
    let config = parse("");
    assert_eq!((config.stack.workers, config.stack.buffers), (1, 16_384));
    assert!(config.interfaces.is_empty() && !config.stack.forwarding);
    assert_eq!(config.stack.nud, NudConfig::default());
}

#[test]
fn everything_that_can_be_said() {
    let config = parse(
        r#"
        [stack]
        workers = 2
        buffers = 4096
        queue_limit = 100
        forwarding = true
        control = "/tmp/a.sock"
        log = "debug"
        pcap = "all.pcapng"
        spin_us = 0
        pin = false
        stop_timeout_ms = 7000
        reachable_time_ms = 300
        retrans_timer_ms = 100
        delay_first_probe_ms = 200
        dad_transmits = 2
        keep_unreachable = true
        [limits]
        error_burst = 5
        error_rate = 0
        redirect_burst = 7
        redirect_rate = 3
        fragments = 100
        fragments_per_source = 50
        datagrams = 20
        datagrams_per_source = 10
        large_buffers = 0
        path_mtus = 7
        [limits.neighbors]
        entries = 100
        forget_stale_s = 0
        [limits.all_neighbors]
        resolving = 1000
        [acd]
        enabled = false
        defence = "give-up"
        [mld]
        enabled = false
        robustness = 3
        groups = 9
        [[interface]]
        name = "lan"
        driver = "tap"
        device = "tap7"
        mac = "02:00:00:00:00:01"
        mtu = 9000
        addresses = ["2001:db8::1/64", "192.0.2.1/24"]
        link_local = false
        dad = false
        pcap = "lan.pcapng"
        [interface.neighbors]
        resolving = 7
        solicit_rate = 50
        forwarded_percent = 20
        forget_on_link_loss = false
        [[route]]
        to = "default"
        via = "192.0.2.254"
        [[route]]
        to = "2001:db8:1::/48"
        via = "fe80::1"
        interface = "lan"
        metric = 5
        [[neighbor]]
        interface = "lan"
        address = "2001:db8::9"
        mac = "02:00:00:00:00:09"
        "#,
    );
    let lan = &config.interfaces[0];
    assert_eq!((lan.driver, lan.device.as_str(), lan.mtu), (Driver::Tap, "tap7", Some(9000)));
    assert!(
        !lan.addressing.link_local && !lan.addressing.dad && !config.stack.pin && config.stack.spin.is_zero()
    );
    assert_eq!(config.stack.stop_timeout, Duration::from_secs(7));
    assert_eq!(config.stack.nud.reachable_time, Duration::from_millis(300));
    assert_eq!(config.stack.dad.retrans_timer, Duration::from_millis(100));
    assert!(config.stack.nud.unreachable.is_some());
    let neighbors = lan.addressing.neighbors.unwrap();
    assert_eq!((neighbors.entries, neighbors.resolving, neighbors.gc_stale_time), (100, 7, None));
    assert_eq!((neighbors.solicit_rate, neighbors.forwarded), (50, 20));
    assert!(!neighbors.forget_on_link_loss && config.stack.neighbors.forget_on_link_loss);
    let totals = config.stack.neighbor_totals;
    assert_eq!((totals.resolving, totals.held), (1000, 1024), "a quarter of 4,096 buffers");
    assert_eq!((config.stack.limits.error_burst, config.stack.limits.error_rate), (5, 0));
    let sections = config.sections.iter().map(|said| Configured(said.clone()).to_string());
    let sections: BTreeSet<String> = sections.collect();
    let expected =
        ["[acd] defence = give-up, enabled = false", "[mld] enabled = false, groups = 9, robustness = 3"];
    assert!(sections.iter().eq(expected.iter()), "{sections:?}");
    assert_eq!((config.stack.limits.redirect_burst, config.stack.limits.redirect_rate), (7, 3));
    let limits = &config.stack.limits;
    assert_eq!((limits.error_burst, limits.error_rate), (5, 0));
    assert_eq!((limits.large_buffers, limits.path_mtus), (0, 7));
    assert_eq!((limits.reassembly.fragments, limits.reassembly.fragments_per_source), (100, 50));
    assert_eq!((limits.reassembly.datagrams, limits.reassembly.datagrams_per_source), (20, 10));
    assert_eq!(config.routes[0].to.to_string(), "0.0.0.0/0");
    assert_eq!(config.routes[0].interface, "lan");
    assert_eq!((config.routes[1].metric, config.routes[0].metric), (5, 1024));
    assert_eq!(config.neighbors[0].mac.0, Mac([2, 0, 0, 0, 0, 9]));
}

#[test]
fn a_word_that_there_is_not() {
    let text = error("[stack]\nworker = 2\n");
    let (first, rest) = text.split_once('\n').unwrap();
    assert!(first.starts_with("host.toml:2:1: unknown field `worker`, expected one of `workers`"), "{text}");
    assert_eq!(rest, " 2 | worker = 2\n   | ^^^^^^");
}

#[test]
fn an_interface_that_there_is_not() {
    let text = error(&format!("{ETH0}\n[[route]]\nto = \"::/0\"\nvia = \"fe80::1\"\ninterface = \"eth9\"\n"));
    assert_eq!(
        text,
        "host.toml:9:13: unknown interface \"eth9\" in a route: this file has eth0\n \
         9 | interface = \"eth9\"\n   |             ^^^^^^"
    );
}

#[test]
fn every_mistake_has_its_line_and_a_way_out() {
    let with = |more: &str| format!("{ETH0}{more}\n");
    let cases: &[(String, &str)] = &[
        ("[stack]\nworkers = 0".into(), "host.toml:2:11: 0 workers: give 1 to 256"),
        ("[stack]\nbuffers = 5".into(), "host.toml:2:11: 5 packet buffers: give 1024 to 4194304"),
        ("[stack]\nretrans_timer_ms = 0".into(), "host.toml:2:20: 0 milliseconds: give 1 to 3600000"),
        ("[limits.neighbors]\nentries = 0".into(), "host.toml:2:11: 0 neighbors: give 1 to 4194304"),
        ("[limits]\nerror_burst = 0".into(), "host.toml:2:15: 0 ICMP errors at once: give 1 to 1000000"),
        (with("mtu = 1000"), "host.toml:5:7: an MTU of 1000 bytes: give 1280 (the least for IPv6) to 9216"),
        (
            with("mac = \"01:00:5e:00:00:01\""),
            "host.toml:5:7: 01:00:5e:00:00:01 cannot be a station's address: the first byte must be even, and not all zero",
        ),
        (
            with("mac = \"zebra\""),
            "host.toml:5:7: \"zebra\" is no link-layer address: give six bytes, such as \"02:00:00:00:00:01\"",
        ),
        (with(ETH0), "host.toml:6:8: a second interface named \"eth0\": give each a name of its own"),
        (
            ETH0.replace("::1/64", "::1"),
            "host.toml:4:14: \"2001:db8::1\" has no prefix length: write it behind the address, such as 2001:db8::1/64",
        ),
        (
            ETH0.replace("::1/64", "::1/129"),
            "host.toml:4:14: a prefix of 129 bits is longer than the address, which has 128",
        ),
        (
            ETH0.replace("2001:db8::1", "ff02::1"),
            "host.toml:4:14: ff02::1 is unspecified, loopback, multicast or broadcast: give a unicast address",
        ),
        (
            ETH0.replace("\"eth0\"", "\"sixteen-bytes-xx\""),
            "host.toml:2:8: \"sixteen-bytes-xx\" is no interface name: give 1 to 15 bytes without `/`, `:`, `%` or blanks",
        ),
        (
            ETH0.replace("\"eth0\"", "\"-\""),
            "host.toml:2:8: \"-\" is no interface name: tables have such a word for what is on none; give another",
        ),
        (
            with("[[bridge]]\nname = \"(departed)\"\nports = []\n"),
            "host.toml:6:8: \"(departed)\" is no interface name: tables have such a word for what is on none; give another",
        ),
        (
            with("[[route]]\nto = \"2001:db8:1::1/48\"\ninterface = \"eth0\""),
            "host.toml:6:6: 2001:db8:1::1/48 has bits set behind its prefix: did you mean 2001:db8:1::/48?",
        ),
        (
            with("[[route]]\nto = \"default\"\ninterface = \"eth0\""),
            "host.toml:6:6: `default` of which IP version? Give `via`, or write ::/0 or 0.0.0.0/0",
        ),
        (
            with("[[route]]\nto = \"::/0\""),
            "host.toml:5:1: a route that leads nowhere: give `via`, `interface` or both",
        ),
        (
            with("[[route]]\nto = \"::/0\"\nvia = \"fe80::1\""),
            "host.toml:7:7: no interface has a prefix with fe80::1 in it: say which by `interface = \"...\"`",
        ),
        (
            with("[[route]]\nto = \"::/0\"\nvia = \"192.0.2.1\""),
            "host.toml:7:7: 192.0.2.1 cannot lead to ::/0: one is IPv4 and the other IPv6",
        ),
        (
            with("[[route]]\nto = \"::/0\"\nvia = \"ff02::2\"\ninterface = \"eth0\""),
            "host.toml:7:7: ff02::2 cannot be a next hop: give a router's unicast address",
        ),
        (
            with(
                "[[neighbor]]\ninterface = \"eth0\"\naddress = \"2001:db8::9\"\nmac = \"00:00:00:00:00:00\"",
            ),
            "host.toml:8:7: 00:00:00:00:00:00 cannot be a station's address: the first byte must be even, and not all zero",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(error(text).lines().next().unwrap(), *expected, "{text}");
    }
}

#[test]
fn text_that_is_no_toml() {
    let text = error("[stack]\nworkers = \n");
    assert!(text.starts_with("host.toml:2:11: "), "{text}");
    assert!(
        error("[[interface]]\nname = \"a\"\ndriver = \"dpdk\"")
            .starts_with("host.toml:3:10: unknown variant `dpdk`")
    );
    assert!(error("[[interface]]\nname = \"a\"").starts_with("host.toml:1:1: missing field `driver`"));
}

#[test]
fn a_file_that_is_not_there() {
    let error = Config::load(Path::new("/nonexistent/host.toml")).unwrap_err().to_string();
    assert!(error.starts_with("cannot read /nonexistent/host.toml: No such file"), "{error}");
    assert!(error.contains("examples/"), "{error}");
}

#[test]
fn the_examples_are_right() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let examples = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let loaded: Vec<Config> = examples
        .filter(|path| path.extension().is_some_and(|ending| ending == "toml"))
        .map(|path| Config::load(&path).unwrap_or_else(|error| panic!("{error}")).0)
        .collect();
    assert!(loaded.len() >= 3, "{} examples", loaded.len());
}

#[test]
fn every_example_is_right() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    // Folders there are programs, and rules are named by others.
    let is_file = |path: &std::path::PathBuf| path.extension().is_some_and(|ending| ending == "toml");
    let files = || std::fs::read_dir(&examples).unwrap().map(|file| file.unwrap().path()).filter(is_file);
    let right =
        files().filter(|file| Config::load(file).inspect_err(|error| siding_output::complain(error)).is_ok());
    assert_eq!(right.count(), files().count());
}

#[test]
fn groups_and_what_is_said_of_them_3810_4() {
    let config = parse(&format!("{ETH0}[[group]]\ninterface = \"eth0\"\ngroup = \"ff05::1234\"\n"));
    assert_eq!(config.groups[0].group, "ff05::1234".parse::<std::net::Ipv6Addr>().unwrap());
    assert!(config.sections.is_empty());
    let wrong = error(&format!("{ETH0}[[group]]\ninterface = \"eth0\"\ngroup = \"2001:db8::5\"\n"));
    assert!(wrong.contains("2001:db8::5 is no group: give a multicast address"), "{wrong}");
    let group = |group: &str| format!("[[group]]\ninterface = \"eth0\"\ngroup = \"{group}\"\n");
    let wrong = error(&format!("{ETH0}{}", group("ff00::5")));
    assert!(wrong.starts_with("host.toml:7:") && wrong.contains("of scope 1 or more"), "{wrong}");
    let (one, two) = (group("ff05::1"), group("ff05::2"));
    let config = parse(&format!("{ETH0}{one}{two}[mld]\ngroups = 2\n"));
    assert_eq!(config.groups.len(), 2);
    let wrong = error(&format!("{ETH0}{one}{two}[mld]\ngroups = 1\n"));
    assert!(wrong.starts_with("host.toml:10:") && wrong.contains("more than 1 groups on eth0"), "{wrong}");
    let wrong = error("[mld]\nrobustness = 1\n");
    assert!(wrong.contains("1 reports of each change: give 2 to 7"), "{wrong}");
}

#[test]
fn autoconf_of_whatever_has_addresses() {
    let table = "optimistic = true\n";
    let config = parse(&format!(
        "{ETH0}[interface.autoconf]\n{table}[[vlan]]\nname = \"v5\"\nparent = \"eth0\"\nvid = 5\ndad = false\n\
         [vlan.autoconf]\n{table}"
    ));
    let (device, vlan) = (&config.interfaces[0].addressing.autoconf, &config.nested[0].addressing().autoconf);
    let transmits = |autoconf: &Option<Learnt>| autoconf.as_ref().unwrap().means.dad_transmits;
    assert_eq!((transmits(device), transmits(vlan)), (None, Some(0)));
    assert!(device.as_ref().unwrap().means.optimistic && vlan.as_ref().unwrap().means.optimistic);
    assert_eq!(parse(ETH0).interfaces[0].addressing.autoconf, None, "who says nothing listens to nobody");
    let text = error(&format!("{ETH0}[interface.autoconf]\nannounce = 9\n"));
    assert!(text.contains("9 announcements of a new address: give 0 to 3"), "{text}");
    assert!(text.starts_with("host.toml:5:"), "{text}");
    let port = "[[interface]]\nname = \"p\"\ndriver = \"packet\"\n[interface.autoconf]\n";
    let text = error(&format!("{port}[[lagg]]\nname = \"l\"\nmode = \"failover\"\nports = [\"p\"]\n"));
    assert!(text.contains("a port has none"), "{text}");
}

#[test]
fn switches_of_the_stack_and_what_an_interface_has_of_its_own() {
    let config = parse(
        r#"
        [stack]
        learn_announced = false
        examine_options = true
        express = false
        [limits]
        too_big_burst = 8
        too_big_rate = 4
        [[interface]]
        name = "eth0"
        driver = "memory"
        anycast = ["2001:db8::a", "fe80::a"]
        reachable_time_ms = 15000
        retrans_timer_ms = 500
        [interface.autoconf]
        least_hop_limit = 1
        "#,
    );
    assert!(!config.stack.learn_announced && config.stack.examine_options && !config.stack.express);
    assert_eq!((config.stack.limits.too_big_burst, config.stack.limits.too_big_rate), (8, 4));
    let eth0 = &config.interfaces[0];
    assert_eq!(
        eth0.addressing.anycast,
        ["2001:db8::a", "fe80::a"].map(|addr| addr.parse::<std::net::Ipv6Addr>().unwrap())
    );
    assert_eq!(eth0.addressing.times, (Some(Duration::from_secs(15)), Some(Duration::from_millis(500))));
    assert_eq!(eth0.addressing.autoconf.as_ref().unwrap().means.least_hop_limit, 1);
    let usual = parse("").stack;
    assert!(usual.learn_announced && !usual.examine_options && usual.express);
    for (text, expected) in [
        ("anycast = [\"ff02::1\"]", "is unspecified, loopback, multicast or broadcast"),
        ("anycast = [\"::ffff:192.0.2.1\"]", "is reserved, and no host's"),
        ("anycast = [\"2001:db8::a\", \"2001:db8::a\"]", "is given a second time: leave one out"),
        ("retrans_timer_ms = 0", "0 milliseconds: give 1 to 3600000"),
    ] {
        let error = error(&format!("[[interface]]\nname = \"eth0\"\ndriver = \"memory\"\n{text}\n"));
        assert!(error.contains(expected), "{text}: {error}");
    }
}
