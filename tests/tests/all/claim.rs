//! A claimed interface: the kernel is silent on it, and gets it back as it was (`reports.md`, row 35).

use std::collections::BTreeSet;
use std::fs;
use std::net::UdpSocket;
use std::os::fd::OwnedFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::SocketAddr;
use std::os::unix::net::UnixListener;
use std::time::Duration;

use rustix::net::AddressFamily;
use rustix::net::Protocol;
use rustix::net::RawProtocol;
use rustix::net::RecvFlags;
use rustix::net::SocketAddrUnix;
use rustix::net::SocketFlags;
use rustix::net::SocketType;
use siding_drivers::kernel::Claim;
use siding_drivers::kernel::Error;
use siding_drivers::kernel::NeighbourState;
use siding_drivers::kernel::Netlink;
use siding_drivers::kernel::Offloads;
use siding_tests::Host;
use siding_tests::Lab;
use siding_tests::need;
use siding_tests::wait_for;

const PATIENCE: Duration = Duration::from_secs(10);

/// Of `linux/if_ether.h`.
const ETH_P_ALL: u16 = 3;
const ETH_P_IP: u16 = 0x800;

/// Settings that a claim may touch.
const SETTINGS: [&str; 5] = [
    "ipv4/conf/eth0/arp_ignore",
    "ipv4/conf/eth0/rp_filter",
    "ipv6/conf/eth0/disable_ipv6",
    "ipv6/conf/eth0/accept_ra",
    "ipv6/conf/eth0/addr_gen_mode",
];

#[test]
fn the_kernel_answers_no_arp_and_no_ipv4_on_a_claimed_interface() {
    if !need(&["ping", "arping"]) {
        return;
    }
    let Some(lab) = Lab::open() else { return };
    let (ours, peer) = lab.pair();
    // An address elsewhere on the host: the kernel answers for it on all interfaces.
    ours.address("lo", "192.0.2.1/32");
    peer.address("eth0", "192.0.2.2/24");
    let arp = |peer: &Host| {
        peer.netlink().flush_neighbours("eth0").unwrap();
        let _ = peer.run("ping", &["-c1", "-W1", "192.0.2.1"]);
        let entries = peer.netlink().neighbours("eth0").unwrap();
        let entry = entries.into_iter().find(|entry| entry.address.is_ipv4());
        entry.is_some_and(|entry| entry.mac.is_some() && entry.state != NeighbourState::Failed)
    };
    assert!(arp(&peer), "without a claim the kernel answers, else this test proves nothing");
    assert!(echoes(&ours) > 0);
    // A probe for a conflict, from 0.0.0.0; fails if somebody answers.
    let probe = |peer: &Host| peer.run("arping", &["-D", "-c2", "-w2", "-I", "eth0", "192.0.2.1"]);
    probe(&peer).expect_failure();

    let claim = ours.inside(|| Claim::new("eth0")).unwrap();
    assert!(!arp(&peer), "the kernel answered an ARP request");
    probe(&peer).expect_success();
    // Even if a peer knows the address already.
    let mac = ours.netlink().link("eth0").unwrap().mac.unwrap();
    peer.netlink().add_neighbour("eth0", "192.0.2.1".parse().unwrap(), mac).unwrap();
    let before = echoes(&ours);
    peer.run("ping", &["-c2", "-i0.2", "-W1", "192.0.2.1"]).expect_failure();
    assert_eq!(echoes(&ours), before, "IPv4 got through");

    drop(claim);
    let _ = peer.run("ping", &["-c1", "-W1", "192.0.2.1"]);
    assert_eq!(echoes(&ours), before + 1, "IPv4 works again");
}

#[test]
fn the_kernel_answers_no_ipv6_on_a_claimed_interface() {
    if !need(&["ping", "ndisc6"]) {
        return;
    }
    let Some(lab) = Lab::open() else { return };
    let (ours, peer) = lab.pair();
    let target = link_local(&ours);
    link_local(&peer);
    let on_link = format!("{target}%eth0");
    let resolve = |peer: &Host| peer.run("ndisc6", &["-1", "-r1", "-w500", &target, "eth0"]);
    resolve(&peer).expect_success();

    let claim = ours.inside(|| Claim::new("eth0")).unwrap();
    assert!(ours.netlink().addresses("eth0").unwrap().is_empty(), "the automatic address is gone");
    peer.netlink().flush_neighbours("eth0").unwrap();
    resolve(&peer).expect_failure();
    peer.run("ping", &["-c1", "-W1", &on_link]).expect_failure();
    // The peer itself answers this one.
    let all = peer.run("ping", &["-c2", "-W1", "-i0.2", "ff02::1%eth0"]);
    assert!(!all.stdout.contains(&format!("from {target}")), "{all}");

    drop(claim);
    assert_eq!(link_local(&ours), target, "the automatic address is back");
    peer.netlink().flush_neighbours("eth0").unwrap();
    resolve(&peer).expect_success();
}

#[test]
fn the_kernel_sends_nothing_by_itself_on_a_claimed_interface() {
    if !need(&["tcpdump"]) {
        return;
    }
    let Some(lab) = Lab::open() else { return };
    let (ours, peer) = lab.pair();
    ours.set_sysctl("ipv4/conf/eth0/arp_notify", "1");
    let mac = ours.netlink().link("eth0").unwrap().mac.unwrap();
    let text: Vec<String> = mac.iter().map(|byte| format!("{byte:02x}")).collect();
    let filter = format!("ether src {}", text.join(":"));
    // Duplicate address detection, multicast reports and router solicitations all start when a link comes up.
    let frames_at_link_up = || {
        let mut tcpdump =
            peer.start("tcpdump", &["-n", "-e", "-l", "--immediate-mode", "-i", "eth0", &filter]);
        tcpdump.wait_for_output("listening on", PATIENCE);
        ours.netlink().set_down("eth0").unwrap();
        ours.netlink().set_up("eth0").unwrap();
        std::thread::sleep(Duration::from_millis(2500));
        tcpdump.stop(PATIENCE).expect_success().trim().to_owned()
    };
    let before = frames_at_link_up();
    assert!(!before.is_empty(), "without a claim the kernel speaks, else this test proves nothing");

    let claim = ours.inside(|| Claim::new("eth0")).unwrap();
    // Taking IPv6 off leaves the multicast groups, and says so.
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(frames_at_link_up(), "");
    claim.release().unwrap();
}

#[test]
fn a_released_interface_is_as_it_was() {
    if !need(&["tc"]) {
        return;
    }
    let Some(lab) = Lab::open() else { return };
    let ours = lab.host("ours");
    // No `wire`: that switches offloads off.
    ours.netlink().create_veth("eth0", "eth1", None).unwrap();
    ours.set_sysctl("ipv4/conf/eth0/arp_ignore", "2");
    ours.set_sysctl("ipv4/conf/eth0/rp_filter", "2");
    let state = || -> (Vec<String>, BTreeSet<String>) {
        let settings = SETTINGS.iter().map(|key| ours.sysctl(key)).chain([ours.queues("eth0")]).collect();
        (settings, ours.inside(|| Offloads::open()?.active("eth0")).unwrap())
    };
    let before = state();
    assert!(
        before.1.contains("tx-checksum-ip-generic") && before.1.contains("tx-tcp-segmentation"),
        "{before:?}"
    );
    let claim = ours.inside(|| Claim::new("eth0")).unwrap();
    assert_eq!((claim.interface(), claim.index()), ("eth0", ours.netlink().link("eth0").unwrap().index));
    let claimed = state();
    assert_eq!(claimed.0[..3], ["8", "1", "1"]);
    for feature in ["rx-vlan-hw-parse", "tx-vlan-hw-insert"] {
        assert!(before.1.contains(feature) && !claimed.1.contains(feature), "{feature} is still on");
    }
    for feature in ["tx-checksum-ip-generic", "tx-tcp-segmentation", "tx-scatter-gather"] {
        assert!(claimed.1.contains(feature), "{feature} alters nothing that is not noted in the packet");
    }
    // From this thread, which is in another namespace.
    claim.release().unwrap();
    assert_eq!(state(), before);

    // What was off before stays off.
    let changed = ours.inside(|| Offloads::open()?.turn_off("eth0")).unwrap();
    let off = state();
    drop(ours.inside(|| Claim::new("eth0")).unwrap());
    assert_eq!(state(), off);
    ours.inside(|| Offloads::open()?.put_back("eth0", &changed)).unwrap();
    assert_eq!(state(), before);
}

#[test]
fn a_claim_follows_its_interface_through_a_renaming_and_ends_with_its_deletion() {
    if !need(&["ip"]) {
        return;
    }
    let Some(lab) = Lab::open() else { return };
    let (ours, _peer) = lab.pair();
    let claim = ours.inside(|| Claim::new("eth0")).unwrap();
    ours.netlink().set_down("eth0").unwrap();
    ours.run("ip", &["link", "set", "eth0", "name", "other"]).expect_success();
    assert_eq!(ours.sysctl("ipv6/conf/other/disable_ipv6"), "1");
    claim.release().unwrap();
    assert_eq!(ours.sysctl("ipv6/conf/other/disable_ipv6"), "0");

    let claim = ours.inside(|| Claim::new("other")).unwrap();
    ours.netlink().delete_link("other").unwrap();
    claim.release().unwrap();
}

#[test]
fn an_interface_in_use_is_refused_and_left_as_it_is() {
    let Some(lab) = Lab::open() else { return };
    let (ours, _peer) = lab.pair();
    let claim = || ours.inside(|| Claim::new("eth0"));
    let before: Vec<String> = SETTINGS.iter().map(|key| ours.sysctl(key)).collect();

    ours.address("eth0", "192.0.2.1/24");
    let error = claim().unwrap_err();
    assert!(matches!(&error, Error::HasAddresses { .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains("192.0.2.1/24") && text.contains("`ip addr flush dev eth0`"), "{text}");
    ours.netlink().delete_address("eth0", "192.0.2.1/24".parse().unwrap()).unwrap();

    ours.netlink().add_route("198.51.100.0/24".parse().unwrap(), None, Some("eth0")).unwrap();
    let error = claim().unwrap_err();
    assert!(matches!(&error, Error::HasRoutes { .. }), "{error}");
    assert!(error.to_string().contains("198.51.100.0/24"), "{error}");
    // A route goes when its interface goes down.
    ours.netlink().set_down("eth0").unwrap();
    ours.netlink().set_up("eth0").unwrap();
    let after: Vec<String> = SETTINGS.iter().map(|key| ours.sysctl(key)).collect();
    assert_eq!(after, before);

    let first = claim().unwrap();
    assert!(matches!(claim(), Err(Error::AlreadyClaimed { .. })));
    assert_eq!(
        ours.sysctl("ipv6/conf/eth0/disable_ipv6"),
        "1",
        "the second one undid nothing of the first's"
    );
    drop(first);
    drop(claim().unwrap());
    assert!(matches!(ours.inside(|| Claim::new("eth9")), Err(Error::NoInterface { .. })));
}

#[test]
fn the_kernel_is_not_given_the_ipv4_that_is_sent_to_a_claimed_interface() {
    if !need(&["tc", "ip", "ping"]) {
        return;
    }
    let Some(lab) = Lab::open() else { return };
    let (ours, peer) = lab.pair();
    peer.address("eth0", "192.0.2.2/24");
    let mac = ours.netlink().link("eth0").unwrap().mac.unwrap();
    peer.netlink().add_neighbour("eth0", "192.0.2.1".parse().unwrap(), mac).unwrap();
    // Interfaces on top of it, with a tag or an address of their own; not every kernel has both.
    let mut others = Vec::new();
    for (name, network, kind) in
        [("tagged", "198.51.100", &["vlan", "id", "5"][..]), ("own", "203.0.113", &["macvlan"])]
    {
        let add = [&["link", "add", "link", "eth0", "name", name, "type"], kind].concat();
        if [(&ours, 1), (&peer, 2)].into_iter().all(|(host, end)| {
            let made = host.run("ip", &add).succeeded();
            made.then(|| {
                host.netlink().set_up(name).unwrap();
                host.address(name, &format!("{network}.{end}/24"));
            });
            made
        }) {
            others.push(format!("{network}.1"));
        }
    }
    println!("on top of it: {others:?}");
    let send = |to: &str| {
        let sent = peer.inside(|| {
            let socket = UdpSocket::bind("192.0.2.2:0")?;
            socket.set_broadcast(true)?;
            socket.send_to(b"to be seen", to)
        });
        assert_eq!(sent.unwrap(), 10);
    };
    // As we listen, and as those do who are interested in IPv4 alone.
    let listen = |protocol: u16| {
        let protocol = Protocol::from_raw(RawProtocol::new(protocol.to_be().into()).unwrap());
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        ours.inside(|| {
            rustix::net::socket_with(AddressFamily::PACKET, SocketType::DGRAM, flags, Some(protocol)).unwrap()
        })
    };
    let (all, ipv4) = (listen(ETH_P_ALL), listen(ETH_P_IP));
    let seen = |socket: &OwnedFd| {
        let mut packet = [0; 128];
        let next =
            || rustix::net::recv(socket, &mut packet, RecvFlags::empty()).ok().map(|(length, _)| length);
        std::iter::from_fn(next).filter(|length| *length == 20 + 8 + 10).count()
    };
    // How many each of the two and the kernel's stack get, of what is sent to one port, to another, and to all.
    let counted = |to: &str| {
        let before = received(&ours);
        (0..5).for_each(|_| send(to));
        (seen(&all), seen(&ipv4), received(&ours) - before)
    };
    assert_eq!(
        counted("192.0.2.1:9"),
        (5, 5, 5),
        "without a claim it gets all, else this test proves nothing"
    );
    // Of these the macvlan has one of its own.
    let to_all = counted("192.0.2.255:9");
    assert!(to_all.2 >= 5);
    let claim = ours.inside(|| Claim::new("eth0")).unwrap();
    if let Some(error) = claim.unfiltered() {
        return siding_tests::skip(&format!("this kernel has no such filters: {error}"));
    }
    assert_eq!(counted("192.0.2.1:9"), (5, 0, 0));
    assert_eq!(counted("192.0.2.1:68"), (5, 5, 5), "a DHCP client has its answers");
    assert_eq!(counted("192.0.2.255:9"), to_all);
    for other in others {
        peer.run("ping", &["-c1", "-W5", &other]).expect_success();
    }
    claim.release().unwrap();
    seen(&ipv4);
    assert_eq!(counted("192.0.2.1:9").1, 5);
}

#[test]
fn whoever_has_filters_on_an_interface_keeps_them() {
    if !need(&["tc"]) {
        return;
    }
    let Some(lab) = Lab::open() else { return };
    let (ours, _peer) = lab.pair();
    let tc = |words: &str| ours.run("tc", &words.split(' ').collect::<Vec<_>>());
    let add = |direction: &str| {
        let words = ["filter", "add", "dev", "eth0", direction, "protocol", "ip", "pref", "7", "bpf", "da"];
        let goes_on = ["bytecode", "1,6 0 0 4294967295"];
        ours.run("tc", &[&words[..], &goes_on].concat()).expect_success();
    };
    let claim = || ours.inside(|| Claim::new("eth0")).unwrap();
    let nothing = ours.queues("eth0");
    for kind in ["clsact", "ingress"] {
        if !tc(&format!("qdisc add dev eth0 {kind}")).succeeded() {
            return siding_tests::skip("this kernel has no such filters");
        }
        for filtered in [false, true] {
            if filtered {
                add("ingress");
            }
            let before = ours.queues("eth0");
            let claim = claim();
            assert!(claim.unfiltered().is_none(), "{claim:?}");
            assert_ne!(ours.queues("eth0"), before, "ours is there beside");
            claim.release().unwrap();
            assert_eq!(ours.queues("eth0"), before);
        }
        tc(&format!("qdisc del dev eth0 {kind}")).expect_success();
    }
    // Into a queue that we have made.
    for direction in ["ingress", "egress"] {
        let claimed = claim();
        add(direction);
        claimed.release().unwrap();
        let kept = ours.queues("eth0");
        tc("qdisc del dev eth0 clsact").expect_success();
        tc("qdisc add dev eth0 clsact").expect_success();
        add(direction);
        assert_eq!(kept, ours.queues("eth0"), "theirs, and nothing of ours");
        tc("qdisc del dev eth0 clsact").expect_success();
    }
    // Who takes ours away meant that, whether or not he puts one of his own there.
    let claimed = claim();
    tc("qdisc del dev eth0 clsact").expect_success();
    claimed.release().unwrap();
    assert_eq!(ours.queues("eth0"), nothing);
    let claimed = claim();
    tc("qdisc del dev eth0 clsact").expect_success();
    tc("qdisc add dev eth0 clsact").expect_success();
    let theirs = ours.queues("eth0");
    claimed.release().unwrap();
    assert_eq!(ours.queues("eth0"), theirs);
    // What has our filter's place by another program, as another version of ours would have left it, goes with the claim that
    // has it in its record.
    tc("qdisc del dev eth0 clsact").expect_success();
    let claimed = claim();
    let place = ["filter", "del", "dev", "eth0", "ingress", "pref", "65535"];
    ours.run("tc", &place).expect_success();
    let other =
        ["filter", "add", "dev", "eth0", "ingress", "pref", "65535", "protocol", "ip", "handle", "0x51d1496"];
    ours.run("tc", &[&other[..], &["bpf", "da", "bytecode", "1,6 0 0 2"]].concat()).expect_success();
    claimed.release().unwrap();
    assert_eq!(ours.queues("eth0"), nothing);
}

/// The name by which claims of one namespace see each other, taken by this user.
fn squat(host: &Host, user: u32) -> UnixListener {
    let index = host.netlink().link("eth0").unwrap().index;
    // On a thread of its own, which ends with that.
    host.inside(|| {
        rustix::thread::set_thread_uid(rustix::process::Uid::from_raw(user)).unwrap();
        let name = SocketAddr::from_abstract_name(format!("siding/claim/{index}")).unwrap();
        UnixListener::bind_addr(&name).unwrap()
    })
}

/// Connections to that socket, as many as go into its queue.
fn full(host: &Host, of: &UnixListener) -> Vec<OwnedFd> {
    let name = of.local_addr().unwrap();
    let address = SocketAddrUnix::new_abstract_name(name.as_abstract_name().unwrap()).unwrap();
    let connect = || {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None).unwrap();
        match rustix::net::connect(&socket, &address) {
            Err(error) => assert_eq!(error, rustix::io::Errno::AGAIN),
            Ok(()) => return Some(socket),
        }
        None
    };
    host.inside(|| std::iter::repeat_with(connect).map_while(|asked| asked).collect())
}

#[test]
fn who_may_not_have_an_interface_keeps_it_from_nobody() {
    let Some(lab) = Lab::open() else { return };
    let (ours, _peer) = lab.pair();
    let claim = || ours.inside(|| Claim::new("eth0"));
    drop(claim().unwrap());
    if !fs::metadata("/run/siding").is_ok_and(|there| there.uid() == rustix::process::geteuid().as_raw()) {
        return siding_tests::skip("nothing can be made in /run");
    }
    let squatter = squat(&ours, 65_534);
    let first = claim().unwrap();
    assert_eq!(ours.sysctl("ipv6/conf/eth0/disable_ipv6"), "1");
    // It is had by one all the same, although that one has not got the name.
    assert!(matches!(claim(), Err(Error::AlreadyClaimed { .. })));
    drop(squatter);
    assert!(matches!(claim(), Err(Error::AlreadyClaimed { .. })));
    drop(first);
    // A Siding that has other directories than we have: in another container, say.
    let elsewhere = squat(&ours, 0);
    assert!(matches!(claim(), Err(Error::AlreadyClaimed { .. })));
    // Each has asked him once, however long it tried: nobody takes those connections, and there is room for so many.
    elsewhere.set_nonblocking(true).unwrap();
    assert_eq!(elsewhere.incoming().map_while(Result::ok).count(), 1);
    // One whose queue is full has it still. It is a short one, so that this takes few descriptors.
    rustix::net::listen(&elsewhere, 1).unwrap();
    let asked = full(&ours, &elsewhere);
    assert!(matches!(claim(), Err(Error::AlreadyClaimed { .. })));
    drop(asked);
    drop(elsewhere);
    drop(claim().unwrap());
}

#[test]
fn a_port_of_a_bridge_is_refused() {
    if !need(&["ip"]) {
        return;
    }
    let Some(lab) = Lab::open() else { return };
    let (ours, _peer) = lab.pair();
    let made = ours.run("ip", &["link", "add", "br0", "type", "bridge"]);
    if !made.succeeded() {
        siding_tests::skip("this kernel has no bridges");
        return;
    }
    ours.run("ip", &["link", "set", "eth0", "master", "br0"]).expect_success();
    let error = ours.inside(|| Claim::new("eth0")).unwrap_err();
    assert!(matches!(&error, Error::IsPort { controller, .. } if controller == "br0"), "{error}");
    assert!(error.to_string().contains("`ip link set eth0 nomaster`"), "{error}");
}

/// The kernel's automatic link-local address of `eth0`, once it is usable.
fn link_local(host: &Host) -> String {
    let usable = |netlink: &mut Netlink| {
        let addresses = netlink.addresses("eth0").unwrap();
        addresses.into_iter().find(|address| address.automatic && !address.tentative)
    };
    let mut netlink = host.netlink();
    wait_for("a link-local address", PATIENCE, || usable(&mut netlink)).cidr.address().to_string()
}

/// ICMPv4 echo requests that reached this host's stack.
fn echoes(host: &Host) -> u64 {
    snmp(host, "Icmp: ", "InEchos")
}

/// IPv4 packets that reached it.
fn received(host: &Host) -> u64 {
    snmp(host, "Ip: ", "InReceives")
}

fn snmp(host: &Host, protocol: &str, counter: &str) -> u64 {
    let text = host.inside(|| fs::read_to_string("/proc/thread-self/net/snmp")).unwrap();
    let mut lines = text.lines().filter_map(|line| line.strip_prefix(protocol));
    let (names, values) = (lines.next().unwrap(), lines.next().unwrap());
    let column = names.split(' ').position(|name| name == counter).unwrap();
    values.split(' ').nth(column).unwrap().parse().unwrap()
}
