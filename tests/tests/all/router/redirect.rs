//! A Linux host with two routers on its link, of which ours is the wrong one.

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
name = "eth0"
driver = "packet"
addresses = ["2001:db8:a::1/64"]
dad = false
[interface.advertise]
max_interval = 4
[[route]]
to = "2001:db8:f::/64"
via = "fe80::beef"
interface = "eth0"
"#;

#[test]
fn linux_takes_our_redirect_4861_15() {
    if !need(&["ping", "ip"]) {
        return;
    }
    let Some(lab) = Lab::open() else { return };
    let [ours, peer, other, switch] = ["ours", "peer", "other", "switch"].map(|name| lab.host(name));
    let bridge = |arguments: &[&str]| switch.run("ip", arguments).expect_success();
    bridge(&["link", "add", "br0", "type", "bridge", "mcast_snooping", "0"]);
    for (host, port) in [(&ours, "p0"), (&peer, "p1"), (&other, "p2")] {
        lab.wire(host, "eth0", &switch, port);
        bridge(&["link", "set", port, "master", "br0"]);
    }
    bridge(&["link", "set", "br0", "up"]);
    // The other router has the destination for itself, and does not advertise.
    other.set_sysctl("ipv6/conf/all/forwarding", "1");
    other.address("eth0", "fe80::beef/64");
    other.address("lo", "2001:db8:f::1/128");
    let daemon = Siding::start(&lab, &ours, &["run"], ROUTER);
    let own = wait_for_address(&peer, "2001:db8:a:");
    other.run("ip", &["-6", "route", "replace", "2001:db8:a::/64", "dev", "eth0"]).expect_success();
    wait_for_line(&peer, &["route", "show", "default"], &["via fe80::", "proto ra"]);
    let hop = || {
        let text = ip(&peer, &["route", "get", "2001:db8:f::1"]);
        text.split_whitespace().skip_while(|word| *word != "via").nth(1).map(ToOwned::to_owned)
    };
    assert_ne!(hop().as_deref(), Some("fe80::beef"), "our router is all that it knows");
    wait_for("the redirect to be taken", PATIENCE, || {
        peer.run("ping", &["-c", "1", "-W", "1", "-I", &own, "2001:db8:f::1"]).succeeded().then_some(())?;
        (hop().as_deref() == Some("fe80::beef")).then_some(())
    });
    let cached = ip(&peer, &["route", "show", "cache"]);
    assert!(cached.contains("2001:db8:f::1 via fe80::beef"), "{cached}");
    // From now on its packets go there at once.
    let before = redirects(&ours, &daemon);
    assert!(before > 0);
    peer.run("ping", &["-c", "10", "-i", "0.02", "-I", &own, "2001:db8:f::1"]).expect_success();
    assert_eq!(redirects(&ours, &daemon), before);
    daemon.stop();
}

/// Redirects that we have sent: one for each packet that came by us, within the limit.
fn redirects(host: &Host, daemon: &Siding) -> u64 {
    let text = siding(host, daemon, &["show", "interfaces", "--json"]).expect_success();
    let line = text.lines().find(|line| line.contains("\"redirect-out\"")).unwrap();
    line.split(':').nth(1).unwrap().trim().trim_end_matches(',').parse().unwrap()
}
