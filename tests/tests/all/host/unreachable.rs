//! Siding as a router: what becomes of packets for a neighbour that is not there.

use siding_tests::Host;
use siding_tests::Lab;
use siding_tests::Siding;
use siding_tests::need;

use super::util::*;

const ROUTER: &str = r#"
[stack]
control = "{control}"
log = "debug"
forwarding = true
retrans_timer_ms = 200
[[interface]]
name = "left"
driver = "packet"
addresses = ["2001:db8:a::1/64"]
dad = false
[[interface]]
name = "right"
driver = "packet"
addresses = ["2001:db8:b::1/64"]
dad = false
"#;

/// Two Linux hosts with our router between them.
fn network(lab: &Lab) -> (Host, Host, Host, Siding) {
    let (left, router, right) = (lab.host("left"), lab.host("router"), lab.host("right"));
    lab.wire(&left, "eth0", &router, "left");
    lab.wire(&right, "eth0", &router, "right");
    left.address("eth0", "2001:db8:a::2/64");
    right.address("eth0", "2001:db8:b::2/64");
    left.route("::/0", "2001:db8:a::1", None);
    right.route("::/0", "2001:db8:b::1", None);
    let siding = Siding::start(lab, &router, &["run"], ROUTER);
    (left, router, right, siding)
}

#[test]
fn packets_pass_with_one_hop_less() {
    if !need(&["ping"]) {
        return;
    }
    let Some(lab) = Lab::open() else { return };
    let (left, _router, _right, daemon) = network(&lab);
    wait_until_up(&left, "2001:db8:b::2");
    let text = left.run("ping", &["-c", "3", "-i", "0.01", "2001:db8:b::2"]).expect_success();
    assert_eq!(text.matches("ttl=63").count(), 3, "{text}");
    a_thousand_pings(&left, "2001:db8:b::2");
    let text = left.run("ping", &["-c", "1", "-t", "1", "2001:db8:b::2"]).stdout;
    assert!(text.contains("From 2001:db8:a::1") && text.contains("Time exceeded"), "{text}");
    daemon.stop();
}

#[test]
fn held_packets_get_address_unreachable_after_three_tries() {
    if !need(&["ping"]) {
        return;
    }
    let Some(lab) = Lab::open() else { return };
    let (left, router, _right, daemon) = network(&lab);
    wait_until_up(&left, "2001:db8:b::2");
    let lost = left.run("ping", &["-c", "3", "-i", "0.05", "-W", "3", "2001:db8:b::99"]);
    let told = lost.stdout.matches("From 2001:db8:a::1").count();
    assert_eq!(told, 3, "{lost}");
    assert_eq!(lost.stdout.matches("Destination unreachable: Address unreachable").count(), 3, "{lost}");
    let drops = siding(&router, &daemon, &["show", "drops"]).expect_success();
    let unresolved = drops.lines().find(|line| line.contains(" unresolved ")).unwrap_or_default();
    assert_eq!(unresolved.split_whitespace().nth(3), Some("3"), "{drops}");
    daemon.stop();
}
