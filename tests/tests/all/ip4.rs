//! ARP and IPv4 with Linux and arping(8) at the other end.

use siding_tests::Host;
use siding_tests::Lab;
use siding_tests::Siding;
use siding_tests::need;
use siding_tests::wait_for;

use crate::host::util::*;

/// Ours between two links, the second of which takes less.
const ROUTER: &str = r#"
[stack]
control = "{control}"
log = "debug"
forwarding = true
[[interface]]
name = "eth0"
driver = "packet"
addresses = ["192.0.2.254/24"]
dad = false
[[interface]]
name = "eth1"
driver = "packet"
addresses = ["198.51.100.254/24"]
mtu = 1280
dad = false
"#;

/// The link-layer address that ours has for a neighbour.
fn our_mac_of(host: &Host, daemon: &Siding, address: &str) -> String {
    let text = siding(host, daemon, &["show", "neighbors"]).expect_success();
    let row = text.lines().find(|line| line.split_whitespace().next() == Some(address));
    row.and_then(|row| row.split_whitespace().nth(2)).unwrap_or_default().to_owned()
}

/// How the daemon shows an address of its own.
fn our_state(host: &Host, daemon: &Siding, address: &str) -> String {
    let text = siding(host, daemon, &["show", "addresses"]).expect_success();
    let row = text.lines().find(|line| line.contains(address)).map(str::to_owned);
    row.unwrap_or_else(|| panic!("{address} is not shown: {text}"))
}

#[test]
fn arping_detects_that_an_address_of_ours_is_taken_5227_1_5227_3() {
    if !need(&["arping"]) {
        return;
    }
    let Some(lab) = Lab::open() else { return };
    let (ours, peer) = lab.pair();
    peer.address("eth0", "192.0.2.2/24");
    let daemon = Siding::start(&lab, &ours, &["run"], PACKET);
    wait_until_up(&peer, "192.0.2.1");
    let detect = |address: &str| peer.run("arping", &["-D", "-c", "2", "-w", "3", "-I", "eth0", address]);
    let taken = detect("192.0.2.1");
    assert!(!taken.succeeded() && taken.stdout.contains("reply from 192.0.2.1"), "{taken}");
    let free = detect("192.0.2.77");
    assert!(free.succeeded() && free.stdout.contains("Received 0 response"), "{free}");
    // A probe says nothing of who sends it.
    assert_eq!(our_mac_of(&ours, &daemon, "0.0.0.0"), "");
    daemon.stop();
}

#[test]
fn announcements_of_arping_are_taken_826_1() {
    if !need(&["arping", "ip"]) {
        return;
    }
    let Some(lab) = Lab::open() else { return };
    let (ours, peer) = lab.pair();
    peer.address("eth0", "192.0.2.2/24");
    let daemon = Siding::start(&lab, &ours, &["run"], PACKET);
    wait_until_up(&peer, "192.0.2.1");
    // As a request (-U), and as a reply (-A).
    for (how, mac) in [("-U", "02:aa:00:00:00:01"), ("-A", "02:aa:00:00:00:02")] {
        peer.run("ip", &["link", "set", "eth0", "address", mac]).expect_success();
        let _ = peer.run("arping", &[how, "-c", "1", "-I", "eth0", "-s", "192.0.2.2", "192.0.2.2"]);
        wait_for(&format!("{mac} to be known"), PATIENCE, || {
            (our_mac_of(&ours, &daemon, "192.0.2.2") == mac).then_some(())
        });
        siding(&ours, &daemon, &["ping", "-c", "1", "192.0.2.2"]).expect_success();
    }
    daemon.stop();
}

#[test]
fn an_address_that_linux_has_is_not_used_5227_1() {
    if !need(&["ip"]) {
        return;
    }
    let Some(lab) = Lab::open() else { return };
    let (ours, peer) = lab.pair();
    peer.address("eth0", "192.0.2.1/24");
    let mut daemon = Siding::start(&lab, &ours, &["run"], &PACKET.replace("dad = false", "dad = true"));
    daemon.process().wait_for_output("WARN eth0: address 192.0.2.1: duplicate", PATIENCE);
    let row = our_state(&ours, &daemon, "192.0.2.1/24");
    assert!(row.contains("duplicate"), "{row}");
    daemon.stop();
}

#[test]
fn an_address_is_probed_announced_and_defended_5227_1_5227_3() {
    if !need(&["ping", "ip", "arping"]) {
        return;
    }
    let Some(lab) = Lab::open() else { return };
    let (ours, peer) = lab.pair();
    peer.address("eth0", "192.0.2.2/24");
    // Linux makes entries from announcements only if it is told to.
    peer.set_sysctl("ipv4/conf/eth0/arp_accept", "1");
    let mut daemon = Siding::start(&lab, &ours, &["run"], &PACKET.replace("dad = false", "dad = true"));
    assert!(our_state(&ours, &daemon, "192.0.2.1/24").contains("tentative"));
    daemon.process().wait_for_output("address 192.0.2.1: tentative -> preferred", PATIENCE);
    wait_for("the announcement to be known", PATIENCE, || {
        let text = peer.run("ip", &["neigh", "show", "192.0.2.1"]).expect_success();
        text.contains("lladdr").then_some(())
    });
    wait_until_up(&peer, "192.0.2.1");
    // Somebody claims it, and everybody is told otherwise.
    peer.run("ip", &["link", "add", "fake0", "link", "eth0", "type", "macvlan", "mode", "private"])
        .expect_success();
    peer.run("ip", &["link", "set", "fake0", "up"]).expect_success();
    peer.address("fake0", "192.0.2.1/32");
    let _ = peer.run("arping", &["-U", "-c", "1", "-I", "fake0", "-s", "192.0.2.1", "192.0.2.1"]);
    daemon.process().wait_for_output("address 192.0.2.1 is ours, but", PATIENCE);
    assert!(our_state(&ours, &daemon, "192.0.2.1/24").contains("preferred"));
    daemon.stop();
}

#[test]
fn linux_hosts_reach_each_other_by_us() {
    if !need(&["ping", "ip"]) {
        return;
    }
    let Some(lab) = Lab::open() else { return };
    let [ours, left, right] = ["ours", "left", "right"].map(|name| lab.host(name));
    lab.wire(&ours, "eth0", &left, "eth0");
    lab.wire(&ours, "eth1", &right, "eth0");
    left.address("eth0", "192.0.2.1/24");
    right.address("eth0", "198.51.100.1/24");
    left.route("0.0.0.0/0", "192.0.2.254", None);
    right.route("0.0.0.0/0", "198.51.100.254", None);
    let daemon = Siding::start(&lab, &ours, &["run"], ROUTER);
    wait_until_up(&left, "198.51.100.1");
    let ping = |arguments: &[&str]| {
        let all = [&["-c", "1", "-W", "2"], arguments].concat();
        left.run("ping", &all)
    };
    let through = ping(&["198.51.100.1"]);
    assert!(through.stdout.contains("ttl=63"), "{through}");
    // As a traceroute does: the first hop tells of itself, the second is the host.
    let expired = ping(&["-t", "1", "198.51.100.1"]);
    assert!(
        expired.stdout.contains("From 192.0.2.254") && expired.stdout.contains("Time to live exceeded"),
        "{expired}"
    );
    assert!(ping(&["-t", "2", "198.51.100.1"]).succeeded());
    // The second link takes 1280 bytes: told of, learnt, and cut where that is allowed.
    let large = ping(&["-M", "do", "-s", "1300", "198.51.100.1"]);
    assert!(large.stdout.contains("Frag needed and DF set (mtu = 1280)"), "{large}");
    let cut = ping(&["-M", "dont", "-s", "1300", "198.51.100.1"]);
    assert!(cut.succeeded(), "{cut}");
    let nobody = ping(&["-W", "8", "198.51.100.77"]);
    assert!(nobody.stdout.contains("Destination Host Unreachable"), "{nobody}");
    let nowhere = ping(&["203.0.113.1"]);
    assert!(nowhere.stdout.contains("Destination Net Unreachable"), "{nowhere}");
    // What is meant for one link stays there.
    let broadcast = ping(&["-b", "198.51.100.255"]);
    assert!(!broadcast.succeeded(), "{broadcast}");
    let drops = siding(&ours, &daemon, &["show", "drops"]).expect_success();
    for cause in ["hop-limit", "too-big", "no-route", "unresolved", "not-for-us"] {
        assert!(drops.contains(cause), "{cause}: {drops}");
    }
    daemon.stop();
}

#[test]
fn linux_is_told_why_a_destination_is_refused() {
    if !need(&["ping"]) {
        return;
    }
    let Some(lab) = Lab::open() else { return };
    let (ours, peer) = lab.pair();
    peer.address("eth0", "192.0.2.2/24");
    peer.route("0.0.0.0/0", "192.0.2.1", None);
    let refuse = |net: &str, how: &str| format!("[[refuse]]\nto = \"{net}\"\nhow = \"{how}\"\n");
    let config = PACKET.replace("[stack]", "[stack]\nforwarding = true")
        + &refuse("198.51.100.0/24", "prohibit")
        + &refuse("203.0.113.0/24", "unreachable")
        + &refuse("203.0.113.8/29", "reject")
        + &refuse("203.0.113.9/32", "blackhole");
    let daemon = Siding::start(&lab, &ours, &["run"], &config);
    wait_until_up(&peer, "192.0.2.1");
    let ping = |address: &str| peer.run("ping", &["-c", "1", "-W", "1", address]).expect_failure();
    let say = |arguments: &[&str]| siding(&ours, &daemon, arguments).expect_success();
    let tells = |address: &str, words: &str| {
        let text = ping(address);
        assert!(text.contains("From 192.0.2.1 ") && text.contains(words), "{address}: {text}");
    };
    let tells_nothing = |address: &str| {
        let text = ping(address);
        assert!(!text.contains("From") && text.contains("0 received"), "{address}: {text}");
    };
    // Code 13, 0 and 1; and the longest prefix decides.
    tells("198.51.100.1", "Packet filtered");
    tells("203.0.113.1", "Destination Net Unreachable");
    tells("203.0.113.10", "Destination Host Unreachable");
    tells_nothing("203.0.113.9");
    let refused = || {
        let drops = say(&["show", "drops"]);
        let row = drops.lines().find(|line| line.contains(" route-refuses ")).map(str::to_owned);
        row.and_then(|row| row.split_whitespace().nth(3)?.parse::<u64>().ok()).unwrap_or_default()
    };
    assert_eq!(refused(), 4);
    // By hand, in the place of another, and no more: as where nothing leads.
    say(&["route", "refuse", "198.51.100.0/24", "how", "blackhole"]);
    tells_nothing("198.51.100.1");
    say(&["route", "refuse", "203.0.113.9/32", "how", "reject"]);
    tells("203.0.113.9", "Destination Host Unreachable");
    say(&["route", "del", "198.51.100.0/24"]);
    tells("198.51.100.1", "Destination Net Unreachable");
    assert_eq!(refused(), 6, "where nothing leads nothing is refused");
    daemon.stop();
}
