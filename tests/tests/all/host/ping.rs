//! Echo, address resolution, and the drivers that carry them.

use siding_tests::Lab;
use siding_tests::Siding;
use siding_tests::need;

use super::telling::asking;
use super::util::*;

#[test]
fn a_thousand_pings_over_af_packet_without_loss() {
    if !need(&["ping"]) {
        return;
    }
    let Some(lab) = Lab::open() else { return };
    let (ours, peer) = lab.pair();
    peer.address("eth0", "2001:db8::2/64");
    peer.address("eth0", "192.0.2.2/24");
    let siding = Siding::start(&lab, &ours, &["run"], PACKET);
    a_thousand_pings(&peer, "2001:db8::1");
    a_thousand_pings(&peer, "192.0.2.1");
    siding.stop();
}

#[test]
fn a_thousand_pings_over_tap_without_loss() {
    if !need(&["ping"]) {
        return;
    }
    let Some(lab) = Lab::open() else { return };
    let host = lab.host("host");
    let siding = Siding::start(&lab, &host, &["run"], TAP);
    host.address("tap0", "2001:db8::2/64");
    host.address("tap0", "192.0.2.2/24");
    a_thousand_pings(&host, "2001:db8::1");
    a_thousand_pings(&host, "192.0.2.1");
    siding.stop();
    assert!(host.netlink().link("tap0").is_err(), "the TAP interface is left behind");
}

#[test]
fn two_workers_answer_as_one() {
    if !need(&["ping"]) {
        return;
    }
    let Some(lab) = Lab::open() else { return };
    let (ours, peer) = lab.pair();
    peer.address("eth0", "2001:db8::2/64");
    peer.address("eth0", "192.0.2.2/24");
    let siding = Siding::start(&lab, &ours, &["run"], &PACKET.replace("[stack]", "[stack]\nworkers = 2"));
    a_thousand_pings(&peer, "2001:db8::1");
    a_thousand_pings(&peer, "192.0.2.1");
    siding.stop();
}

#[test]
fn ndisc6_gets_our_address_and_no_other() {
    if !need(&["ndisc6", "ping"]) {
        return;
    }
    let Some(lab) = Lab::open() else { return };
    let (ours, peer) = lab.pair();
    peer.address("eth0", "2001:db8::2/64");
    let mac = "02:00:00:00:00:42";
    let siding = Siding::start(&lab, &ours, &["run"], &format!("{PACKET}mac = \"{mac}\"\n"));
    wait_until_up(&peer, "2001:db8::1");
    let right = peer.run("ndisc6", &["-1", "-q", "2001:db8::1", "eth0"]).expect_success();
    assert_eq!(right.trim().to_lowercase(), mac);
    // From the MAC: ours too.
    let link_local = peer.run("ndisc6", &["-1", "-q", "fe80::42ff:fe00:42", "eth0"]);
    assert!(!link_local.succeeded(), "{link_local}");
    let link_local = peer.run("ndisc6", &["-1", "-q", "fe80::ff:fe00:42", "eth0"]).expect_success();
    assert_eq!(link_local.trim().to_lowercase(), mac);
    for other in ["2001:db8::77", "2001:db8::", "fe80::1"] {
        let wrong = peer.run("ndisc6", &["-1", "-r", "1", "-w", "300", "-q", other, "eth0"]);
        assert!(!wrong.succeeded(), "{wrong}");
    }
    siding.stop();
}

#[test]
fn arping_gets_our_address_and_no_other() {
    if !need(&["arping", "ping"]) {
        return;
    }
    let Some(lab) = Lab::open() else { return };
    let (ours, peer) = lab.pair();
    peer.address("eth0", "192.0.2.2/24");
    let mac = "02:00:00:00:00:42";
    let siding = Siding::start(&lab, &ours, &["run"], &format!("{PACKET}mac = \"{mac}\"\n"));
    wait_until_up(&peer, "192.0.2.1");
    let right = peer.run("arping", &["-c", "2", "-I", "eth0", "192.0.2.1"]).expect_success();
    assert_eq!(right.to_lowercase().matches(&format!("[{mac}]")).count(), 2, "{right}");
    let wrong = peer.run("arping", &["-c", "1", "-w", "1", "-I", "eth0", "192.0.2.77"]);
    assert!(wrong.stdout.contains("Received 0 response"), "{wrong}");
    siding.stop();
}

#[test]
fn our_ping_tells_what_theirs_does() {
    let Some(lab) = Lab::open() else { return };
    let (ours, peer) = lab.pair();
    peer.address("eth0", "2001:db8::2/64");
    peer.address("eth0", "192.0.2.2/24");
    let daemon = Siding::start(&lab, &ours, &["run"], PACKET);
    wait_until_up(&peer, "2001:db8::1");
    let text = siding(&ours, &daemon, &["ping6", "-c", "50", "-i", "0.01", "2001:db8::2"]).expect_success();
    assert!(text.contains("64 bytes from 2001:db8::2: icmp_seq=50 ttl=64 time="), "{text}");
    assert!(text.contains("50 packets transmitted, 50 received, 0% packet loss, time "), "{text}");
    assert!(text.contains("rtt min/avg/max/mdev = "), "{text}");
    let text = siding(&ours, &daemon, &["ping", "-c", "3", "-i", "0.01", "192.0.2.2"]).expect_success();
    assert!(text.contains("3 packets transmitted, 3 received"), "{text}");
    // The first packet waits for resolution, and is told when that fails.
    let lost = siding(&ours, &daemon, &["ping6", "-c", "1", "-W", "10", "2001:db8::99"]);
    assert_eq!(lost.status.code(), Some(1), "{lost}");
    assert!(lost.stdout.contains("icmp_seq=1 address unreachable"), "{lost}");
    assert!(lost.stdout.contains("1 packets transmitted, 0 received, +1 errors, 100% packet loss"), "{lost}");
    daemon.stop();
}

#[test]
fn more_than_a_packet_holds_is_refused_and_nobody_is_the_worse_for_it() {
    let Some(lab) = Lab::open() else { return };
    let (ours, peer) = lab.pair();
    peer.address("eth0", "2001:db8::2/64");
    let daemon = Siding::start(&lab, &ours, &["run"], PACKET);
    wait_until_up(&peer, "2001:db8::1");
    for size in ["65536", "1000000000000", "18446744073709551615"] {
        let refused = siding(&ours, &daemon, &["ping6", "-c", "1", "-s", size, "2001:db8::2"]);
        assert!(!refused.succeeded() && refused.stderr.contains(&format!("'{size}' for '-s")), "{refused}");
        // Who speaks to the socket by hand gets an answer, too, and the next request one on the same connection.
        let mut ask = asking(daemon.control());
        let request =
            format!("{{\"request\":\"ping-send\",\"address\":\"2001:db8::2\",\"seq\":1,\"size\":{size}}}");
        let answer = ask(&request);
        assert!(answer.contains("error") && answer.contains(size), "{answer}");
        assert!(ask("{\"request\":\"show-drops\"}").contains("value"));
    }
    let largest = siding(&ours, &daemon, &["ping6", "-c", "1", "-s", "65535", "2001:db8::2"]);
    assert!(!largest.succeeded(), "{largest}");
    assert!(!daemon.log().contains("panicked"), "{}", daemon.log());
    daemon.stop();
}
