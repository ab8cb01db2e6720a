//! TCP between Linux hosts that are as they come: super-frames, unfinished checksums. What is received is what was sent.

use std::collections::BTreeMap;
use std::io::Read;
use std::io::Write;
use std::net::IpAddr;
use std::net::TcpListener;
use std::net::TcpStream;
use std::os::fd::AsFd;
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use siding_tests::Host;
use siding_tests::Lab;
use siding_tests::Siding;
use siding_tests::need;

use super::util::*;

const HEAD: &str = r#"
[stack]
control = "{control}"
log = "debug"
forwarding = true
"#;

const LEFT: &str = r#"
[[interface]]
name = "left"
driver = "packet"
addresses = ["2001:db8:a::1/64", "192.0.2.1/25"]
dad = false
"#;

/// What the router's other side is called, and lies on.
const RIGHT: &str = r#"
[[interface]]
name = "right"
driver = "packet"
"#;

const ADDRESSES: &str = r#"
addresses = ["2001:db8:b::1/64", "192.0.2.129/25"]
dad = false
"#;

/// Bytes that each way sends: a hundred super-frames.
const BYTES: usize = 4 << 20;

const CHUNK: usize = 1 << 16;

/// What `show interfaces` says, as far as we look.
#[derive(serde::Deserialize)]
struct Row {
    name: String,
    device_counters: BTreeMap<String, u64>,
}

/// Connects two hosts by a veth pair as it comes.
fn veth(left: &Host, left_name: &str, right: &Host, right_name: &str) {
    left.netlink().create_veth(left_name, right_name, Some(right.netns().as_fd())).unwrap();
    left.netlink().set_up(left_name).unwrap();
    right.netlink().set_up(right_name).unwrap();
}

/// The bytes that are sent: others in each chunk (xorshift, G. Marsaglia 2003, turned and numbered).
fn chunk(n: usize) -> Vec<u8> {
    static BYTES: OnceLock<Vec<u8>> = OnceLock::new();
    let bytes = BYTES.get_or_init(|| {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let words = (0..CHUNK / 8).flat_map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()
        });
        words.collect()
    });
    let mut chunk = bytes.clone();
    chunk.rotate_left(n * 7919 % CHUNK);
    chunk[..8].copy_from_slice(&n.to_le_bytes());
    chunk
}

/// Sends from one host to the other by one TCP connection, looks at every byte, and says how long it took.
fn transfer(from: &Host, to: &Host, addr: &str) -> Duration {
    let addr: IpAddr = addr.parse().unwrap();
    let listener = to.inside(|| TcpListener::bind((addr, 0))).unwrap();
    let port = listener.local_addr().unwrap().port();
    let start = Instant::now();
    thread::scope(|scope| {
        let receiver = scope.spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            let mut got = vec![0; CHUNK];
            for n in 0..BYTES / CHUNK {
                stream.read_exact(&mut got).unwrap_or_else(|e| panic!("to {addr}, chunk {n}: {e}"));
                assert!(got == chunk(n), "to {addr}: chunk {n} is not what was sent");
            }
            assert_eq!(stream.read(&mut got).unwrap(), 0, "nothing more was sent");
        });
        let mut stream = from
            .inside(|| TcpStream::connect_timeout(&(addr, port).into(), PATIENCE))
            .unwrap_or_else(|e| panic!("to {addr}: {e}"));
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        for n in 0..BYTES / CHUNK {
            stream.write_all(&chunk(n)).unwrap_or_else(|e| panic!("to {addr}, chunk {n}: {e}"));
        }
        drop(stream);
        receiver.join().unwrap();
    });
    start.elapsed()
}

/// Both ways, over both families; and few enough frames for so many bytes that they were super-frames.
fn flows(left: &Host, right: &Host, router: &Host, daemon: Siding) {
    for (from, to, addr) in [
        (left, right, "2001:db8:b::2"),
        (right, left, "2001:db8:a::2"),
        (left, right, "192.0.2.130"),
        (right, left, "192.0.2.2"),
    ] {
        let took = transfer(from, to, addr);
        println!("{} MiB to {addr} in {took:?}", BYTES >> 20);
    }
    let text = siding(router, &daemon, &["show", "interfaces", "--json"]).expect_success();
    let rows: Vec<Row> = serde_json::from_str(&text).unwrap();
    let mut devices = 0;
    for Row { name, device_counters } in rows {
        let count = |what: &str| device_counters.get(what).copied().unwrap_or(0);
        if count("rx-frames") == 0 {
            continue;
        }
        devices += 1;
        for drops in ["rx-offload", "rx-too-big", "rx-malformed", "tx-refused", "tx-too-big"] {
            assert_eq!(count(drops), 0, "{name}: {drops}");
        }
        for (bytes, frames) in [("rx-bytes", "rx-frames"), ("tx-bytes", "tx-frames")] {
            let mean = count(bytes) / count(frames);
            assert!(mean > 3000, "{name}: {mean} bytes in the mean of {frames}: they did not come whole");
        }
    }
    assert_eq!(devices, 2);
    daemon.stop();
}

/// Addresses and routes of the two hosts.
fn settle(left: (&Host, &str), right: (&Host, &str)) {
    for ((host, interface), n6, n4, via) in
        [(left, 'a', "192.0.2.2/25", "192.0.2.1"), (right, 'b', "192.0.2.130/25", "192.0.2.129")]
    {
        host.address(interface, &format!("2001:db8:{n6}::2/64"));
        host.address(interface, n4);
        host.route("2001:db8::/32", &format!("2001:db8:{n6}::1"), None);
        host.route("192.0.2.0/24", via, None);
    }
}

/// Two hosts, and the router between them, whose right side `config` says.
fn between(config: &str) {
    if !need(&["ip"]) {
        return;
    }
    let Some(lab) = Lab::open() else { return };
    let (left, router, right) = (lab.host("left"), lab.host("router"), lab.host("right"));
    veth(&left, "eth0", &router, "left");
    veth(&right, "eth0", &router, "right");
    let daemon = Siding::start(&lab, &router, &["run"], &format!("{HEAD}{LEFT}{config}"));
    settle((&left, "eth0"), (&right, "eth0"));
    flows(&left, &right, &router, daemon);
}

#[test]
fn tcp_flows_between_hosts_as_they_come() {
    between(&format!("{RIGHT}{ADDRESSES}"));
}

/// Not every kernel has VLANs: at the other end of this one is another router of ours.
#[test]
fn tcp_flows_through_a_vlan_between_two_routers() {
    if !need(&["ip"]) {
        return;
    }
    let Some(lab) = Lab::open() else { return };
    let (left, near, far, right) = (lab.host("left"), lab.host("near"), lab.host("far"), lab.host("right"));
    veth(&left, "eth0", &near, "left");
    veth(&near, "trunk", &far, "trunk");
    veth(&right, "eth0", &far, "right");
    let router = |trunk: &str, edge: &str, beyond: [&str; 2], via: [&str; 2]| {
        format!(
            "{HEAD}{edge}[[interface]]\nname = \"trunk\"\ndriver = \"packet\"\n\
             [[vlan]]\nname = \"v7\"\nparent = \"trunk\"\nvid = 7\naddresses = [{trunk}]\ndad = false\n\
             [[route]]\nto = \"{}\"\nvia = \"{}\"\n[[route]]\nto = \"{}\"\nvia = \"{}\"\n",
            beyond[0], via[0], beyond[1], via[1]
        )
    };
    let config = router(
        "\"2001:db8:c::1/64\", \"198.51.100.1/24\"",
        LEFT,
        ["2001:db8:b::/64", "192.0.2.128/25"],
        ["2001:db8:c::2", "198.51.100.2"],
    );
    let first = Siding::start(&lab, &near, &["run"], &config);
    let config = router(
        "\"2001:db8:c::2/64\", \"198.51.100.2/24\"",
        &format!("{RIGHT}{ADDRESSES}"),
        ["2001:db8:a::/64", "192.0.2.0/25"],
        ["2001:db8:c::1", "198.51.100.1"],
    );
    let second = Siding::start(&lab, &far, &["run"], &config);
    settle((&left, "eth0"), (&right, "eth0"));
    flows(&left, &right, &near, first);
    second.stop();
}

#[test]
fn tcp_flows_through_a_lagg() {
    let lagg =
        format!("{RIGHT}[[lagg]]\nname = \"lagg0\"\nmode = \"failover\"\nports = [\"right\"]\n{ADDRESSES}");
    between(&lagg);
}

#[test]
fn tcp_flows_through_a_bridge_that_routes() {
    let bridge = format!("{RIGHT}[[bridge]]\nname = \"br0\"\nports = [\"right\"]\n{ADDRESSES}");
    between(&bridge);
}

#[test]
fn tcp_flows_from_port_to_port_of_a_bridge() {
    if !need(&["ip"]) {
        return;
    }
    let Some(lab) = Lab::open() else { return };
    let (left, bridge, right) = (lab.host("left"), lab.host("bridge"), lab.host("right"));
    veth(&left, "eth0", &bridge, "left");
    veth(&right, "eth0", &bridge, "right");
    let left_port = "[[interface]]\nname = \"left\"\ndriver = \"packet\"\n";
    let config =
        format!("{HEAD}{left_port}{RIGHT}[[bridge]]\nname = \"br0\"\nports = [\"left\", \"right\"]\n");
    let daemon = Siding::start(&lab, &bridge, &["run"], &config);
    for (host, n6, n4) in [(&left, 'a', "192.0.2.2/24"), (&right, 'b', "192.0.2.130/24")] {
        host.address("eth0", &format!("2001:db8:{n6}::2/32"));
        host.address("eth0", n4);
    }
    flows(&left, &right, &bridge, daemon);
}

#[test]
fn tcp_flows_to_the_far_end_of_a_tap() {
    if !need(&["ip"]) {
        return;
    }
    let Some(lab) = Lab::open() else { return };
    let (left, router) = (lab.host("left"), lab.host("router"));
    veth(&left, "eth0", &router, "left");
    let tap = "[[interface]]\nname = \"tap0\"\ndriver = \"tap\"\n";
    let daemon = Siding::start(&lab, &router, &["run"], &format!("{HEAD}{LEFT}{tap}{ADDRESSES}"));
    // The kernel beside the router is the host at the other end.
    settle((&left, "eth0"), (&router, "tap0"));
    flows(&left, &router, &router, daemon);
}
