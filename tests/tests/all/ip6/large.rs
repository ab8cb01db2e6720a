//! Packets larger than a link takes, both ways.

use siding_tests::Lab;
use siding_tests::Siding;
use siding_tests::need;

use super::util::*;

#[test]
fn linux_pings_us_with_large_packets_8200_4_8200_5() {
    if !need(&["ping"]) {
        return;
    }
    let Some(lab) = Lab::open() else { return };
    let (ours, peer) = lab.pair();
    peer.address("eth0", "2001:db8::2/64");
    peer.address("eth0", "192.0.2.2/24");
    let daemon = Siding::start(&lab, &ours, &["run"], OURS);
    for address in ["2001:db8::1", "192.0.2.1"] {
        wait_until_up(&peer, address);
        // The largest are 65,535 bytes long: in version 6 without the header, in version 4 with it.
        let largest = if address.contains(':') { ["65488", "65527"] } else { ["65487", "65507"] };
        for size in ["1453", "8000", "60000"].into_iter().chain(largest) {
            let text = peer.run("ping", &["-q", "-c", "20", "-i", "0.02", "-s", size, address]);
            let text = text.expect_success();
            assert!(text.contains(" 0% packet loss"), "{size} to {address}: {text}");
        }
    }
    assert_eq!(limit(&ours, &daemon, "reassembly-fragments", 1), 0);
    assert!(limit(&ours, &daemon, "reassembly-fragments", 2) >= 40, "a packet of 60,000 bytes is that many");
    daemon.stop();
}

#[test]
fn we_ping_linux_with_large_packets_8200_5() {
    if !need(&["ping"]) {
        return;
    }
    let Some(lab) = Lab::open() else { return };
    let (ours, peer) = lab.pair();
    peer.address("eth0", "2001:db8::2/64");
    peer.address("eth0", "192.0.2.2/24");
    let daemon = Siding::start(&lab, &ours, &["run"], OURS);
    for (command, address) in [("ping6", "2001:db8::2"), ("ping", "192.0.2.2")] {
        // Resolved first: fewer packets are held for a neighbor than a packet of 60,000 bytes is cut into.
        siding(&ours, &daemon, &[command, "-c", "3", "-i", "0.1", address]).expect_success();
        let largest = if command == "ping6" { ["65488", "65527"] } else { ["65487", "65507"] };
        for size in ["4000", "8000", "60000"].into_iter().chain(largest) {
            let text = siding(&ours, &daemon, &[command, "-c", "20", "-i", "0.02", "-s", size, address])
                .expect_success();
            assert!(text.contains(" 0% packet loss"), "{size} to {address}: {text}");
        }
    }
    let text = siding(&ours, &daemon, &["show", "interfaces", "--json"]).expect_success();
    assert!(text.contains("fragments-out") && text.contains("reassembled"), "{text}");
    for (command, size, address) in [("ping6", "65528", "2001:db8::2"), ("ping", "65508", "192.0.2.2")] {
        let too_large = siding(&ours, &daemon, &[command, "-c", "1", "-s", size, address]);
        assert!(!too_large.succeeded() && too_large.stderr.contains("do not fit"), "{too_large}");
    }
    daemon.stop();
}
