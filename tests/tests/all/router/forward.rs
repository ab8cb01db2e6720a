//! Two Linux hosts that find each other by nothing but our advertisements.

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
[[interface]]
name = "left"
driver = "packet"
addresses = ["2001:db8:a::1/64"]
dad = false
[interface.advertise]
max_interval = 4
[[interface]]
name = "right"
driver = "packet"
addresses = ["2001:db8:b::1/64"]
dad = false
[interface.advertise]
max_interval = 4
"#;

fn network(lab: &Lab) -> (Host, Host, Host, Siding) {
    let (left, router, right) = (lab.host("left"), lab.host("router"), lab.host("right"));
    lab.wire(&left, "eth0", &router, "left");
    lab.wire(&right, "eth0", &router, "right");
    let siding = Siding::start(lab, &router, &["run"], ROUTER);
    (left, router, right, siding)
}

#[test]
fn hosts_reach_each_other_by_what_they_were_told_4861_10() {
    if !need(&["ping", "ip", "tracert6"]) {
        return;
    }
    let Some(lab) = Lab::open() else { return };
    let (left, _router, right, daemon) = network(&lab);
    let from = wait_for_address(&left, "2001:db8:a:");
    let to = wait_for_address(&right, "2001:db8:b:");
    wait_for_line(&left, &["route", "show", "default"], &["via fe80::", "proto ra"]);
    wait_for_line(&right, &["route", "show", "default"], &["via fe80::", "proto ra"]);
    let text = left.run("ping", &["-c", "100", "-i", "0.01", "-I", &from, &to]).expect_success();
    assert!(text.contains("ttl=63") && text.contains(" 0% packet loss"), "{text}");
    let text = left.run("tracert6", &["-n", "-q", "1", &to]).expect_success();
    let hops: Vec<&str> = text.lines().skip(1).filter_map(|line| line.split_whitespace().nth(1)).collect();
    assert_eq!(hops, ["2001:db8:a::1", &to], "{text}");
    daemon.stop();
}
