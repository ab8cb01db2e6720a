//! Duplicate address detection, against Linux.

use siding_tests::Lab;
use siding_tests::Siding;
use siding_tests::need;
use siding_tests::wait_for;

use super::util::*;

/// Detection takes RetransTimer for each solicitation, after a delay of up to a second.
fn with_detection() -> String {
    PACKET.replace("dad = false", "dad = true")
}

#[test]
fn linux_has_the_address_first() {
    if !need(&["ping"]) {
        return;
    }
    let Some(lab) = Lab::open() else { return };
    let (ours, peer) = lab.pair();
    peer.address("eth0", "2001:db8::1/64");
    peer.address("eth0", "2001:db8::2/64");
    let mut daemon = Siding::start(&lab, &ours, &["run"], &with_detection());
    daemon.process().wait_for_output("WARN eth0: address 2001:db8::1: duplicate", PATIENCE);
    let text = siding(&ours, &daemon, &["show", "addresses"]).expect_success();
    assert!(
        text.lines().any(|line| line.contains("2001:db8::1/64") && line.contains(" duplicate ")),
        "{text}"
    );
    // It is not used, not even as a source; the link-local address is another matter.
    wait_for("the link-local address", PATIENCE, || {
        let text = siding(&ours, &daemon, &["show", "addresses"]).expect_success();
        text.lines().any(|line| line.contains("fe80::") && line.contains(" preferred ")).then_some(())
    });
    daemon.stop();
}

#[test]
fn we_have_the_address_first() {
    if !need(&["ping", "ip"]) {
        return;
    }
    let Some(lab) = Lab::open() else { return };
    let (ours, peer) = lab.pair();
    peer.address("eth0", "2001:db8::2/64");
    let daemon = Siding::start(&lab, &ours, &["run"], &with_detection());
    wait_until_up(&peer, "2001:db8::1");
    peer.run("ip", &["addr", "add", "2001:db8::1/64", "dev", "eth0"]).expect_success();
    wait_for("Linux to see that the address is taken", PATIENCE, || {
        let text = peer.run("ip", &["addr", "show", "dev", "eth0"]).expect_success();
        text.contains("dadfailed").then_some(())
    });
    // We have defended it, and keep it.
    peer.run("ip", &["addr", "del", "2001:db8::1/64", "dev", "eth0"]).expect_success();
    wait_until_up(&peer, "2001:db8::1");
    daemon.stop();
}
