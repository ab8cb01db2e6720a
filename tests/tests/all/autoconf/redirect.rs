//! Linux as the router redirects our host.

use siding_tests::Lab;
use siding_tests::Siding;
use siding_tests::need;
use siding_tests::wait_for;

use super::util::*;

#[test]
fn linux_redirects_us_to_a_neighbour_4861_36() {
    if !need(&["ip", "ping", "radvd"]) {
        return;
    }
    let Some(lab) = Lab::open() else { return };
    let (ours, router, peer) = (lab.host("ours"), lab.host("router"), lab.host("peer"));
    ours.set_sysctl("ipv6/conf/default/accept_ra", "0");
    router.set_sysctl("ipv6/conf/all/forwarding", "1");
    lab.wire(&ours, "eth0", &router, "p0");
    lab.wire(&peer, "eth0", &router, "p1");
    // One link for the three.
    for line in
        ["link add br0 type bridge mcast_snooping 0", "link set p0 master br0", "link set p1 master br0"]
    {
        let words: Vec<&str> = line.split(' ').collect();
        router.run("ip", &words).expect_success();
    }
    router.run("ip", &["link", "set", "br0", "up"]).expect_success();
    router.address("br0", "2001:db8:1::fe/64");
    peer.address("eth0", "2001:db8:1::99/64");
    // The prefix is for addresses and not on-link: everything goes to the router.
    let _radvd =
        radvd(&lab, &router, "br0", "MaxRtrAdvInterval 30; prefix 2001:db8:1::/64 { AdvOnLink off; };");
    let daemon = Siding::start(&lab, &ours, &["run"], CONFIG);
    address(&ours, &daemon);
    let route = |to: &str| {
        let all = rows(&ours, &daemon, "routes");
        all.into_iter().find(|row| row[0] == to).map(|row| (row[1].clone(), row[4].clone()))
    };
    assert_eq!(route("2001:db8:1::/64"), None);
    let found = wait_for("a redirect", PATIENCE, || {
        ping(&ours, &daemon, "2001:db8:1::99");
        route("2001:db8:1::99/128")
    });
    assert_eq!(found, ("on-link".to_owned(), "redirect".to_owned()));
    assert!(ping(&ours, &daemon, "2001:db8:1::99").contains(" 0% packet loss"), "without the router");
    let neighbors = rows(&ours, &daemon, "neighbors");
    assert!(neighbors.iter().any(|row| row[0] == "2001:db8:1::99"), "{neighbors:?}");
    daemon.stop();
}
