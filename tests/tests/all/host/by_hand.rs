//! Interfaces that somebody detaches and attaches again by hand: what the file says of them is in effect again.

use std::thread;
use std::time::Duration;
use std::time::Instant;

use siding_tests::Host;
use siding_tests::Lab;
use siding_tests::Siding;
use siding_tests::wait_for;

use super::util::*;

pub(super) const EVERYTHING: &str = r#"
[stack]
control = "{control}"
forwarding = true
[[interface]]
name = "lan"
driver = "memory"
addresses = ["2001:db8:1::1/64", "192.0.2.1/24"]
anycast = ["2001:db8:1::a"]
reachable_time_ms = 7000
dad = false
[interface.neighbors]
entries = 77
[interface.advertise]
dnssl = [{ domains = ["example.org"] }]
[[interface]]
name = "wan"
driver = "memory"
addresses = ["2001:db8:2::1/64"]
dad = false
[interface.autoconf]
[[interface]]
name = "p0"
driver = "memory"
[[interface]]
name = "p1"
driver = "memory"
[[interface]]
name = "b0"
driver = "memory"
[[vlan]]
name = "v5"
parent = "lan"
vid = 5
addresses = ["2001:db8:5::1/64"]
dad = false
[[vlan]]
name = "v56"
parent = "v5"
vid = 6
addresses = ["198.51.100.1/24"]
dad = false
[[lagg]]
name = "lagg0"
mode = "failover"
ports = ["p0", "p1"]
primary = "p1"
addresses = ["2001:db8:7::1/64"]
dad = false
[[bridge]]
name = "br0"
ports = ["b0"]
addresses = ["2001:db8:8::1/64"]
dad = false
[[vlan]]
name = "v9"
parent = "lagg0"
vid = 9
addresses = ["2001:db8:9::1/64"]
dad = false
[[route]]
to = "2001:db8:f1::/48"
via = "2001:db8:1::9"
metric = 7
[[route]]
to = "203.0.113.0/24"
via = "192.0.2.9"
[[route]]
to = "2001:db8:f5::/48"
via = "2001:db8:5::9"
[[route]]
to = "2001:db8:f7::/48"
interface = "lagg0"
[[neighbor]]
interface = "lan"
address = "192.0.2.7"
mac = "02:00:00:00:00:07"
[[neighbor]]
interface = "v56"
address = "198.51.100.7"
mac = "02:00:00:00:00:56"
[[group]]
interface = "lan"
group = "ff05::1234"
[[group]]
interface = "lagg0"
group = "ff05::5678"
"#;

/// All that can be seen of the configuration, in an order of its own, without what moves by itself.
pub(super) fn seen(host: &Host, daemon: &Siding) -> Vec<String> {
    let tables: [&[&str]; 7] = [
        &["show", "addresses"],
        &["show", "routes"],
        &["show", "neighbors"],
        &["vlan", "show"],
        &["lagg", "show"],
        &["bridge", "show"],
        &["show", "groups"],
    ];
    let mut lines = Vec::new();
    for table in tables {
        let text = siding(host, daemon, table).expect_success();
        // What counts and ages stands behind what is said.
        let said = match table {
            ["bridge", _] => 2,
            ["lagg", _] => 6,
            [_, "neighbors"] => 4,
            // Whether a group was reported already is a matter of time.
            [_, "groups"] => 3,
            _ => usize::MAX,
        };
        let line = |line: &str| line.split_whitespace().take(said).collect::<Vec<_>>().join(" ");
        lines.extend(text.lines().map(|text| format!("{table:?} {}", line(text))));
    }
    let interfaces = siding(host, daemon, &["show", "interfaces"]).expect_success();
    // Ports of equal priority stand in the order in which they came.
    let sorted = |word: &str| {
        let mut parts: Vec<_> = word.split(',').collect();
        parts.sort();
        parts.join(",")
    };
    let what = |line: &str| {
        let words = if line.starts_with("br0 ") { 4 } else { 5 };
        let words = line.split_whitespace().take(words).filter(|word| !word.starts_with("fe80::"));
        words.map(sorted).collect::<Vec<_>>().join(" ")
    };
    let moves = |line: &&str| line.starts_with("    ");
    lines.extend(interfaces.lines().filter(|line| !moves(line)).map(what));
    let advertises = siding(host, daemon, &["advertise", "show"]).expect_success();
    lines.extend(
        ["lan", "prefix 2001:db8:1::/64", "example.org"]
            .map(|part| format!("{part} {}", advertises.contains(part))),
    );
    let limits = siding(host, daemon, &["show", "limits"]).expect_success();
    lines.push(format!(
        "77 neighbors {}",
        limits.lines().any(|line| line.contains("lan") && line.contains("77"))
    ));
    // A lagg or bridge that is made anew has an address of its own, and so have its link-local address and that one's
    // group, and those of what lies on it.
    let made = |line: &String| {
        [" lagg0 ", " br0 ", " v9 "].iter().any(|name| line.contains(name))
            && (line.contains(" fe80::") || line.contains(" ff02::1:ff"))
    };
    lines.retain(|line| !made(line));
    lines.sort();
    lines
}

#[test]
fn what_the_file_says_is_in_effect_again() {
    let Some(lab) = Lab::open() else { return };
    let ours = lab.host("ours");
    let daemon = Siding::start(&lab, &ours, &["run"], EVERYTHING);
    // What is advertised is known when it has been sent.
    let advertised = || seen(&ours, &daemon).iter().any(|line| line == "prefix 2001:db8:1::/64 true");
    wait_for("the first advertisement", Duration::from_secs(10), || advertised().then_some(()));
    let before = seen(&ours, &daemon);
    let said = |words: &str| {
        let words: Vec<&str> = words.split_whitespace().collect();
        siding(&ours, &daemon, &words).expect_success()
    };
    for part in
        ["2001:db8:f1::/48", "203.0.113.0/24", "192.0.2.7", "198.51.100.7", "ff05::1234", "77 neighbors true"]
    {
        assert!(before.iter().any(|line| line.contains(part)), "{part}: {before:#?}");
    }
    // Each by itself, each twice, with what lies on it there or not; then a lower one and a higher one together.
    for (first, then) in [
        ("interface detach lan", "interface attach lan"),
        ("interface detach lan", "interface attach lan"),
        ("interface detach p0", "interface attach p0"),
        ("interface detach p1", "interface attach p1"),
        ("interface detach b0", "interface attach b0 --driver memory"),
        ("interface detach wan", "interface attach wan"),
        ("vlan delete v56", "vlan add v56 --parent v5 --vid 6 --no-dad"),
        ("vlan delete v5", "vlan add v5 --parent lan --vid 5 --address 2001:db8:5::1/64 --no-dad"),
        ("vlan delete v56; vlan delete v5; interface detach lan", "interface attach lan"),
        ("interface detach p1; interface detach p0", "interface attach p0; interface attach p1"),
        ("lagg delete lagg0", "lagg add lagg0 --mode failover --no-dad"),
        ("bridge delete br0; interface detach b0", "interface attach b0; bridge add br0 --no-dad"),
    ] {
        for words in first.split("; ") {
            said(words);
        }
        assert_ne!(seen(&ours, &daemon), before, "{first}");
        for words in then.split("; ") {
            said(words);
        }
        let mut after = seen(&ours, &daemon);
        let deadline = Instant::now() + Duration::from_secs(5);
        while after != before && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(100));
            after = seen(&ours, &daemon);
        }
        let lost: Vec<_> = before.iter().filter(|line| !after.contains(line)).collect();
        let more: Vec<_> = after.iter().filter(|line| !before.contains(line)).collect();
        assert!(lost.is_empty() && more.is_empty(), "{first}; {then}: lost {lost:#?}, came {more:#?}");
    }
    daemon.stop();
}

#[test]
fn what_cannot_be_is_told_with_what_to_do() {
    let Some(lab) = Lab::open() else { return };
    let (ours, _peer) = lab.pair();
    let daemon = Siding::start(&lab, &ours, &["run"], PACKET);
    let refused = |words: &str| {
        let words: Vec<&str> = words.split_whitespace().collect();
        let finished = siding(&ours, &daemon, &words);
        assert!(!finished.succeeded(), "{finished}");
        finished.stderr
    };
    let text = refused("interface attach again --driver packet --device eth0");
    assert!(text.contains("'eth0' carries 'eth0' already") && !text.contains("another Siding"), "{text}");
    let text = refused("interface attach other");
    assert!(text.contains("no driver for 'other'"), "{text}");
    siding(&ours, &daemon, &["interface", "attach", "m0", "--driver", "memory"]).expect_success();
    for address in ["2001:db8::1/64", "192.0.2.1/32"] {
        let text = refused(&format!("address add {address} dev m0"));
        assert!(text.contains("is on 'eth0' already: remove it there first"), "{text}");
    }
    // Two are there.
    for at in 2..256 {
        let name = format!("v{at}");
        let vlan = ["vlan", "add", &name, "--parent", "m0", "--vid", &at.to_string(), "--no-link-local"];
        siding(&ours, &daemon, &vlan).expect_success();
    }
    let text = refused("vlan add v256 --parent m0 --vid 256");
    assert!(text.contains("all 256 places for interfaces are taken: detach one first"), "{text}");
    daemon.stop();
}
