//! A Linux router with a narrow link behind it.

use siding_tests::Host;
use siding_tests::Lab;
use siding_tests::Siding;
use siding_tests::need;

use super::util::*;

const BEHIND: &str = r#"
[stack]
control = "{control}"
log = "debug"
[[interface]]
name = "eth0"
driver = "packet"
addresses = ["2001:db8:a::1/64"]
dad = false
[[route]]
to = "::/0"
via = "2001:db8:a::fe"
"#;

/// Ours, a Linux router, and a Linux host behind a link of 1300 bytes.
fn network(lab: &Lab) -> (Host, Host, Host, Siding) {
    let (ours, router, far) = (lab.host("ours"), lab.host("router"), lab.host("far"));
    lab.wire(&ours, "eth0", &router, "left");
    lab.wire(&router, "right", &far, "eth0");
    router.address("left", "2001:db8:a::fe/64");
    router.address("right", "2001:db8:b::fe/64");
    router.set_sysctl("ipv6/conf/all/forwarding", "1");
    far.address("eth0", "2001:db8:b::2/64");
    far.route("::/0", "2001:db8:b::fe", None);
    for (host, interface) in [(&router, "right"), (&far, "eth0")] {
        host.run("ip", &["link", "set", interface, "mtu", "1300"]).expect_success();
    }
    let daemon = Siding::start(lab, &ours, &["run"], BEHIND);
    wait_until_up(&far, "2001:db8:a::1");
    (ours, router, far, daemon)
}

#[test]
fn we_learn_what_the_path_takes_from_a_linux_router_8201_1() {
    if !need(&["ping", "ip"]) {
        return;
    }
    let Some(lab) = Lab::open() else { return };
    let (ours, _router, _far, daemon) = network(&lab);
    let ping = |size: &str, count: &str| {
        siding(&ours, &daemon, &["ping6", "-c", count, "-i", "0.05", "-s", size, "2001:db8:b::2"])
    };
    ping("56", "2").expect_success();
    let text = ping("1452", "5").stdout;
    assert!(text.contains("icmp_seq=1 packet too big, the next link takes 1300 bytes"), "{text}");
    assert!(text.contains("4 received"), "{text}");
    let known = siding(&ours, &daemon, &["show", "path-mtus"]).expect_success();
    let row = known.lines().find(|line| line.starts_with("2001:db8:b::2")).unwrap();
    assert_eq!(row.split_whitespace().nth(2), Some("1300"), "{known}");
    for size in ["1452", "8000", "60000"] {
        let text = ping(size, "5").expect_success();
        assert!(text.contains(" 0% packet loss"), "{size}: {text}");
    }
    daemon.stop();
}

#[test]
fn our_answers_learn_it_too_8201_1() {
    if !need(&["ping", "ip"]) {
        return;
    }
    let Some(lab) = Lab::open() else { return };
    let (ours, _router, far, daemon) = network(&lab);
    // The requests come in pieces; the first answer leaves whole, and is too big for the way back.
    let text = far.run("ping", &["-c", "5", "-i", "0.05", "-W", "1", "-s", "1452", "2001:db8:a::1"]).stdout;
    assert!(text.contains("4 received"), "{text}");
    let known = siding(&ours, &daemon, &["show", "path-mtus", "--json"]).expect_success();
    assert!(known.contains("2001:db8:b::2") && known.contains("1300"), "{known}");
    for size in ["1452", "8000", "60000"] {
        let arguments = ["-q", "-c", "10", "-i", "0.02", "-s", size, "2001:db8:a::1"];
        let text = far.run("ping", &arguments).expect_success();
        assert!(text.contains(" 0% packet loss"), "{size}: {text}");
    }
    daemon.stop();
}

#[test]
fn tracert6_finds_us_behind_a_router_4443_5_4443_6() {
    if !need(&["ping", "ip", "tracert6"]) {
        return;
    }
    let Some(lab) = Lab::open() else { return };
    let (_ours, _router, far, daemon) = network(&lab);
    for method in [&["-U"][..], &["-I"]] {
        let arguments = [method, &["-n", "-q", "1", "2001:db8:a::1"]].concat();
        let text = far.run("tracert6", &arguments).expect_success();
        let hops: Vec<&str> =
            text.lines().skip(1).filter_map(|line| line.split_whitespace().nth(1)).collect();
        assert_eq!(hops, ["2001:db8:b::fe", "2001:db8:a::1"], "{text}");
    }
    daemon.stop();
}
