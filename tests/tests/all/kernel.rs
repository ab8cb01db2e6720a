//! What we ask of the kernel: links, addresses, routes, neighbours, the monitor, namespaces.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::os::fd::AsFd;
use std::process::Command;
use std::time::Duration;

use siding_drivers::kernel::Cidr;
use siding_drivers::kernel::Dad;
use siding_drivers::kernel::Error;
use siding_drivers::kernel::LinkEvent;
use siding_drivers::kernel::Monitor;
use siding_drivers::kernel::NeighbourState;
use siding_drivers::kernel::Netlink;
use siding_drivers::kernel::Netns;
use siding_drivers::kernel::isolate;
use siding_tests::Lab;
use siding_tests::need;
use siding_tests::skip;
use siding_tests::wait_for;

const PATIENCE: Duration = Duration::from_secs(10);

#[test]
fn veth_ends_are_where_they_were_asked_for() {
    let Some(lab) = Lab::open() else { return };
    let (left, right) = (lab.host("left"), lab.host("right"));
    left.netlink().create_veth("here", "there", Some(right.netns().as_fd())).unwrap();
    let names = |netlink: &mut Netlink| -> BTreeSet<String> {
        netlink.links().unwrap().into_iter().map(|link| link.name).collect()
    };
    assert_eq!(names(&mut left.netlink()), BTreeSet::from(["lo".to_owned(), "here".to_owned()]));
    assert_eq!(names(&mut right.netlink()), BTreeSet::from(["lo".to_owned(), "there".to_owned()]));

    let mut netlink = left.netlink();
    let link = netlink.link("here").unwrap();
    assert_eq!(netlink.link_by_index(link.index).unwrap(), link);
    assert!(!link.up && !link.carrier && link.mtu == 1500 && link.mac.is_some(), "{link:?}");

    netlink.delete_link("here").unwrap();
    assert_eq!(names(&mut right.netlink()), BTreeSet::from(["lo".to_owned()]), "one end goes with the other");
}

#[test]
fn link_changes_are_seen() {
    let Some(lab) = Lab::open() else { return };
    let (ours, peer) = lab.pair();
    let mut netlink = ours.netlink();
    let mac = [2, 0, 0, 0, 0xab, 1];
    netlink.set_mac("eth0", mac).unwrap();
    netlink.set_mtu("eth0", 1400).unwrap();
    let link = netlink.link("eth0").unwrap();
    assert_eq!((link.mac, link.mtu, link.up, link.carrier), (Some(mac), 1400, true, true));

    peer.netlink().set_down("eth0").unwrap();
    let link = netlink.link("eth0").unwrap();
    assert!(link.up && !link.carrier, "{link:?}");
    netlink.set_down("eth0").unwrap();
    assert!(!netlink.link("eth0").unwrap().up);
}

#[test]
fn links_move_between_namespaces() {
    let Some(lab) = Lab::open() else { return };
    let (left, right) = (lab.host("left"), lab.host("right"));
    let mut netlink = left.netlink();
    netlink.create_veth("a", "b", None).unwrap();
    netlink.move_to_netns("a", right.netns().as_fd()).unwrap();
    assert!(matches!(netlink.link("a"), Err(Error::NoInterface { .. })));
    assert_eq!(right.netlink().link("a").unwrap().name, "a");

    if !need(&["sleep"]) {
        return;
    }
    let sleeper = right.start("sleep", &["60"]);
    netlink.move_to_pid("b", sleeper.pid().as_raw_nonzero().get().cast_unsigned()).unwrap();
    assert_eq!(right.netlink().link("b").unwrap().name, "b");
}

#[test]
fn errors_name_operation_interface_and_way_out() {
    let Some(lab) = Lab::open() else { return };
    let host = lab.host("host");
    let mut netlink = host.netlink();
    let gone = netlink.set_mtu("eth9", 1400).unwrap_err();
    assert!(gone.is_gone());
    assert_eq!(
        gone.to_string(),
        "cannot set the MTU of eth9 to 1400: no interface \"eth9\" in this network namespace; `ip link` lists them"
    );
    assert!(matches!(netlink.link("../all"), Err(Error::BadName(_))));

    netlink.create_veth("a", "b", None).unwrap();
    let twice = netlink.create_veth("a", "c", None).unwrap_err();
    assert_eq!(twice.kind(), Some(std::io::ErrorKind::AlreadyExists));
    assert!(twice.to_string().starts_with("cannot make the veth pair a and c: "), "{twice}");

    // The kernel's own explanation is passed on.
    let small = netlink.set_mtu("a", 10).unwrap_err().to_string();
    assert!(small.to_lowercase().contains("mtu less than device minimum"), "{small}");
}

#[test]
fn addresses_are_added_listed_and_taken_off() {
    let Some(lab) = Lab::open() else { return };
    let (ours, _peer) = lab.pair();
    let mut netlink = ours.netlink();
    let cidr = |text: &str| text.parse::<Cidr>().unwrap();
    netlink.add_address("eth0", cidr("192.0.2.1/24"), Dad::Detect).unwrap();
    netlink.add_address("eth0", cidr("2001:db8::1/64"), Dad::Skip).unwrap();
    netlink.add_address("eth0", cidr("2001:db8::2/64"), Dad::Detect).unwrap();
    let listed = netlink.addresses("eth0").unwrap();
    let find = |text: &str| listed.iter().find(|address| address.cidr == cidr(text)).copied();
    assert!(!find("192.0.2.1/24").unwrap().tentative);
    assert!(!find("2001:db8::1/64").unwrap().tentative, "no detection was asked for");
    assert!(find("2001:db8::2/64").unwrap().tentative, "detection takes a second");
    assert!(!find("2001:db8::2/64").unwrap().automatic);
    let automatic: Vec<_> = listed.iter().filter(|address| address.automatic).collect();
    assert_eq!(automatic.len(), 1, "the kernel's own link-local address, among {listed:?}");

    let twice = netlink.add_address("eth0", cidr("192.0.2.1/24"), Dad::Skip).unwrap_err();
    assert_eq!(twice.kind(), Some(std::io::ErrorKind::AlreadyExists));
    netlink.delete_address("eth0", cidr("192.0.2.1/24")).unwrap();
    assert!(netlink.addresses("eth0").unwrap().iter().all(|address| address.cidr != cidr("192.0.2.1/24")));
}

#[test]
fn routes_carry_packets_through_a_router() {
    if !need(&["ping"]) {
        return;
    }
    let Some(lab) = Lab::open() else { return };
    let (left, router, right) = (lab.host("left"), lab.host("router"), lab.host("right"));
    lab.wire(&left, "eth0", &router, "eth0");
    lab.wire(&right, "eth0", &router, "eth1");
    router.set_sysctl("ipv4/ip_forward", "1");
    router.set_sysctl("ipv6/conf/all/forwarding", "1");
    left.address("eth0", "192.0.2.2/25");
    left.address("eth0", "2001:db8:1::2/64");
    router.address("eth0", "192.0.2.1/25");
    router.address("eth0", "2001:db8:1::1/64");
    router.address("eth1", "192.0.2.129/25");
    router.address("eth1", "2001:db8:2::1/64");
    right.address("eth0", "192.0.2.130/25");
    right.address("eth0", "2001:db8:2::2/64");
    left.run("ping", &["-c1", "-W1", "192.0.2.130"]).expect_failure();

    left.route("0.0.0.0/0", "192.0.2.1", None);
    left.route("::/0", "2001:db8:1::1", None);
    right.route("192.0.2.0/25", "192.0.2.129", None);
    right.route("2001:db8:1::/64", "2001:db8:2::1", Some("eth0"));
    left.run("ping", &["-c1", "-W5", "192.0.2.130"]).expect_success();
    left.run("ping", &["-c1", "-W5", "2001:db8:2::2"]).expect_success();

    let routes = left.netlink().routes("eth0").unwrap();
    let by_hand: Vec<_> =
        routes.iter().filter(|route| !route.automatic).map(|route| route.destination).collect();
    assert_eq!(by_hand, ["0.0.0.0/0".parse().unwrap(), "::/0".parse().unwrap()], "{routes:?}");

    let mixed = left.netlink().add_route("::/0".parse().unwrap(), Some("192.0.2.1".parse().unwrap()), None);
    assert!(matches!(mixed, Err(Error::MixedFamilies { .. })));
}

#[test]
fn neighbours_are_listed_added_and_flushed() {
    if !need(&["ping"]) {
        return;
    }
    let Some(lab) = Lab::open() else { return };
    let (ours, peer) = lab.pair();
    ours.address("eth0", "192.0.2.1/24");
    ours.address("eth0", "2001:db8::1/64");
    peer.address("eth0", "192.0.2.2/24");
    peer.address("eth0", "2001:db8::2/64");
    let mac = peer.netlink().link("eth0").unwrap().mac;
    let mut netlink = ours.netlink();
    for target in ["192.0.2.2", "2001:db8::2"] {
        ours.run("ping", &["-c1", "-W5", target]).expect_success();
        let address: IpAddr = target.parse().unwrap();
        let listed = netlink.neighbours("eth0").unwrap();
        let entry = listed.iter().find(|neighbour| neighbour.address == address).unwrap();
        assert_eq!(entry.mac, mac);
        assert_eq!(entry.state.to_string(), "REACHABLE");
        assert!(!entry.router);
    }

    let fixed: IpAddr = "2001:db8::99".parse().unwrap();
    netlink.add_neighbour("eth0", fixed, [2, 0, 0, 0, 0, 9]).unwrap();
    assert!(netlink.flush_neighbours("eth0").unwrap() >= 2);
    let left: Vec<_> = netlink.neighbours("eth0").unwrap();
    let kept = left.iter().find(|neighbour| neighbour.address == fixed).unwrap();
    assert_eq!((kept.mac, kept.state), (Some([2, 0, 0, 0, 0, 9]), NeighbourState::Permanent));
    // The kernel keeps a flushed entry for a while if something still refers to it, but without its address.
    assert!(
        left.iter().all(|neighbour| neighbour.address == fixed || neighbour.state == NeighbourState::Failed)
    );
}

#[test]
fn monitor_tells_carrier_loss_and_return_and_deletion() {
    let Some(lab) = Lab::open() else { return };
    let (ours, peer) = lab.pair();
    let mut monitor = ours.inside(Monitor::open).unwrap();
    let index = ours.netlink().link("eth0").unwrap().index;
    let mut last = drain(&mut monitor, index).expect("the links that exist are told first");
    assert_eq!((last.up, last.carrier, last.gone), (true, true, false));

    peer.netlink().set_down("eth0").unwrap();
    last = until(&mut monitor, index, |event| !event.carrier);
    assert!(last.up, "down at the far end only");
    peer.netlink().set_up("eth0").unwrap();
    until(&mut monitor, index, |event| event.carrier);
    ours.netlink().set_down("eth0").unwrap();
    until(&mut monitor, index, |event| !event.up);
    assert_eq!(monitor.next_within(Duration::from_millis(50)).unwrap(), None, "nothing happens");

    peer.netlink().delete_link("eth0").unwrap();
    last = until(&mut monitor, index, |event| event.gone);
    assert_eq!((last.name.as_str(), last.up, last.carrier), ("eth0", false, false));
    // Who had it when it went, and begins to watch only now, hears of that; of what is there, nothing more.
    let mut late = ours.inside(Monitor::open).unwrap();
    let lo = ours.netlink().link("lo").unwrap().index;
    late.expect(lo, "lo");
    late.expect(12_345, "eth0");
    let told: Vec<_> = std::iter::from_fn(|| late.try_next().unwrap()).collect();
    let gone: Vec<_> =
        told.iter().filter(|event| event.gone).map(|event| (event.index, event.name.as_str())).collect();
    assert_eq!(gone, [(12_345, "eth0")]);
    assert_eq!(told.iter().filter(|event| event.index == lo).count(), 1);
}

#[test]
fn monitor_ends_with_the_right_state_after_an_overrun() {
    let Some(lab) = Lab::open() else { return };
    let (ours, peer) = lab.pair();
    let mut netlink = ours.netlink();
    netlink.create_veth("short", "lived", None).unwrap();
    let index = netlink.link("eth0").unwrap().index;
    let short = netlink.link("short").unwrap().index;
    let mut monitor = ours.inside(Monitor::open).unwrap();
    drain(&mut monitor, index);

    // Each change is an event of more than a kilobyte; the socket holds about 200 kB.
    for _ in 0..500 {
        netlink.set_down("eth0").unwrap();
        netlink.set_up("eth0").unwrap();
    }
    netlink.delete_link("short").unwrap();
    // Up without a carrier is a state that none of the events before tells, so that they cannot end with it.
    peer.netlink().set_down("eth0").unwrap();
    // The kernel tells of a carrier up to a second late; this too is to be lost.
    std::thread::sleep(Duration::from_millis(1500));
    let mut told = 0;
    let mut last = None;
    let mut short_is_gone = false;
    while let Some(event) = monitor.next_within(Duration::from_millis(100)).unwrap() {
        told += 1;
        short_is_gone |= event.index == short && event.gone;
        if event.index == index {
            last = Some(event);
        }
    }
    assert!(told < 1000, "no overrun: {told} events");
    let last = last.unwrap();
    assert!(last.up && !last.carrier, "the last state told is not the last there was: {last:?}");
    assert!(short_is_gone, "a deletion that was lost is found out");
}

#[test]
fn monitor_takes_no_leaving_of_a_bridge_for_a_deletion() {
    if !need(&["ip"]) {
        return;
    }
    let Some(lab) = Lab::open() else { return };
    let (ours, _peer) = lab.pair();
    if !ours.run("ip", &["link", "add", "br0", "type", "bridge"]).succeeded() {
        skip("this kernel has no bridges");
        return;
    }
    let index = ours.netlink().link("eth0").unwrap().index;
    let mut monitor = ours.inside(Monitor::open).unwrap();
    ours.run("ip", &["link", "set", "eth0", "master", "br0"]).expect_success();
    ours.run("ip", &["link", "set", "eth0", "nomaster"]).expect_success();
    let mut told = 0;
    while let Some(event) = monitor.next_within(Duration::from_millis(200)).unwrap() {
        told += usize::from(event.index == index);
        assert!(!event.gone, "{event:?}");
    }
    assert!(told > 1, "joining and leaving are told");
}

#[test]
fn namespaces_enclose_threads_programs_and_sockets() {
    let Some(lab) = Lab::open() else { return };
    let host = lab.host("host");
    let outside = Netns::current().unwrap().identity().unwrap();
    let inside = host.inside(|| Netns::current().unwrap().identity().unwrap());
    assert_eq!(inside, host.netns().identity().unwrap());
    assert_ne!(inside, outside);
    assert_eq!(Netns::current().unwrap().identity().unwrap(), outside, "the caller stays where it is");
    assert!(host.inside(|| host.netns().is_current().unwrap()));
    assert!(!host.netns().is_current().unwrap());

    let link = host.run("readlink", &["/proc/self/ns/net"]).expect_success();
    assert_eq!(link.trim(), format!("net:[{inside}]"));

    let missing = host.netns().spawn(&mut Command::new("/no/such/program")).unwrap_err();
    assert!(missing.to_string().starts_with("cannot start /no/such/program: "), "{missing}");
}

#[test]
fn isolating_a_privileged_thread_says_so() {
    if Lab::open().is_none() {
        return;
    }
    let outside = Netns::current().unwrap().identity().unwrap();
    let (isolation, inside) = std::thread::spawn(|| {
        let isolation = isolate().unwrap();
        (isolation, Netns::current().unwrap().identity().unwrap())
    })
    .join()
    .unwrap();
    assert_eq!(isolation.to_string(), "in a private network namespace, with the privileges of the caller");
    assert_ne!(inside, outside);
}

#[test]
fn a_namespace_goes_with_its_last_holder() {
    let Some(lab) = Lab::open() else { return };
    let (ours, peer) = lab.pair();
    drop(peer);
    // With the namespace goes its end of the wire, and with that ours. The kernel does it a moment later.
    wait_for("the wire to go with the namespace at its other end", PATIENCE, || {
        ours.netlink().link("eth0").is_err().then_some(())
    });
}

/// Reads what there is; the last event on that interface.
fn drain(monitor: &mut Monitor, index: u32) -> Option<LinkEvent> {
    let mut last = None;
    while let Some(event) = monitor.try_next().unwrap() {
        if event.index == index {
            last = Some(event);
        }
    }
    last
}

fn until(monitor: &mut Monitor, index: u32, wanted: impl Fn(&LinkEvent) -> bool) -> LinkEvent {
    loop {
        let event = monitor.next_within(PATIENCE).unwrap().expect("the event was awaited in vain");
        if event.index == index && wanted(&event) {
            return event;
        }
    }
}
