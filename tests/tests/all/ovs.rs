//! LACP with Open vSwitch: a switch that we did not write agrees with us on a bond, and traffic goes on whatever
//! happens to one of its links.

use std::net::UdpSocket;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;
use std::time::Instant;
use std::time::UNIX_EPOCH;

use siding_tests::Finished;
use siding_tests::Host;
use siding_tests::Lab;
use siding_tests::Ovs;
use siding_tests::Running;
use siding_tests::Siding;
use siding_tests::need;
use siding_tests::wait_for;

const PATIENCE: Duration = Duration::from_secs(30);

const OURS: &str = r#"
[stack]
control = "{control}"
[[interface]]
name = "eth0"
driver = "packet"
[[interface]]
name = "eth1"
driver = "packet"
[[lagg]]
name = "lagg0"
mode = "lacp"
lacp = { rate = "{rate}" }
ports = ["eth0", "eth1"]
addresses = ["192.0.2.1/24", "2001:db8::1/64"]
dad = false
[[vlan]]
name = "vlan7"
parent = "lagg0"
vid = 7
addresses = ["198.51.100.1/24", "2001:db8:7::1/64"]
dad = false
"#;

/// Our addresses: on the lagg, and on the VLAN that lies on it.
const ADDRESSES: [&str; 4] = ["192.0.2.1", "2001:db8::1", "198.51.100.1", "2001:db8:7::1"];

/// A pair of wires between us and a switch.
struct Bond<'a> {
    ours: &'a Host,
    switch: &'a Host,
    ovs: Ovs<'a>,
    siding: Siding,
}

impl<'a> Bond<'a> {
    fn new(lab: &Lab, ours: &'a Host, switch: &'a Host, rate: &str) -> Option<Self> {
        // Linux keeps a loss of carrier to itself for up to a second if the two ends of a veth have the same number in
        // their namespaces (it takes them for one device). One wire more, and they have not.
        lab.wire(ours, "unused0", ours, "unused1");
        lab.wire(ours, "eth0", switch, "p0");
        lab.wire(ours, "eth1", switch, "p1");
        let ovs = Ovs::start(lab, switch)?;
        let time = format!("other_config:lacp-time={rate}");
        // All flows of a wire that goes move to the other one, and back only when it balances: each second, not each ten.
        let often = "other_config:bond-rebalance-interval=1000";
        let bond =
            ["add-bond", "br0", "bond0", "p0", "p1", "lacp=active", &time, often, "bond_mode=balance-tcp"];
        let bridge = ["add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=netdev", "--"];
        let vlan =
            ["--", "add-port", "br0", "vlan7", "tag=7", "--", "set", "interface", "vlan7", "type=internal"];
        ovs.vsctl(&[&bridge[..], &bond, &vlan].concat());
        for (interface, addresses) in
            [("br0", ["192.0.2.2/24", "2001:db8::2/64"]), ("vlan7", ["198.51.100.2/24", "2001:db8:7::2/64"])]
        {
            switch.netlink().set_up(interface).unwrap();
            addresses.iter().for_each(|address| switch.address(interface, address));
        }
        let siding = Siding::start(lab, ours, &["run"], &OURS.replace("{rate}", rate));
        Some(Self { ours, switch, ovs, siding })
    }

    /// Waits until both ends use exactly these wires.
    fn wait_for_use(&self, wires: &[usize]) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let members = self.ovs.lacp("bond0");
            let theirs = [0, 1].into_iter().filter(|wire| members[&format!("p{wire}")].is_in_use());
            let shown = self.siding(&["lagg", "show", "--json"]).expect_success();
            let ours = [0, 1].into_iter().filter(|wire| sends(&shown, &format!("eth{wire}")));
            if theirs.eq(wires.iter().copied()) && ours.eq(wires.iter().copied()) {
                return;
            }
            let said = || self.siding.log();
            assert!(
                Instant::now() < deadline,
                "not both ends use {wires:?}: {members:#?} {shown} {}",
                said()
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// How the switch spreads flows, and what it has logged.
    fn story(&self) -> String {
        format!("{}\n{}", self.ovs.appctl(&["bond/show", "bond0"]), self.ovs.log())
    }

    fn siding(&self, arguments: &[&str]) -> Finished {
        let mut command = Command::new(Siding::binary());
        command.arg("--control").arg(self.siding.control()).args(arguments);
        self.ours.start_command(&mut command).finish(PATIENCE)
    }

    /// Pings every address of ours each 10 ms while `happens`, and gives how many were lost of each.
    fn pinging(&self, seconds: u32, happens: impl FnOnce()) -> Vec<u32> {
        let count = (seconds * 100).to_string();
        let pings =
            ADDRESSES.map(|to| self.switch.start("ping", &["-q", "-i", "0.01", "-c", &count, "-W", "1", to]));
        happens();
        pings.into_iter().map(|ping| lost(&ping.finish(PATIENCE))).collect()
    }
}

/// Whether the port is said to send, by the daemon's JSON.
fn sends(json: &str, port: &str) -> bool {
    let text: String = json.split_whitespace().collect();
    let after = |text: &str, what: &str| text.split_once(what).map(|(_, rest)| rest.to_owned());
    // A port that has left is not there.
    let port = after(&text, &format!("{{\"name\":\"{port}\""));
    port.and_then(|port| after(&port, "\"sending\":")).is_some_and(|sending| sending.starts_with("true"))
}

fn lost(ping: &Finished) -> u32 {
    let words: Vec<&str> = ping.stdout.split_whitespace().collect();
    let number = |word: &str| -> u32 {
        let at = words
            .iter()
            .position(|other| other.trim_end_matches(',') == word)
            .unwrap_or_else(|| panic!("{ping}"));
        words[at - 1].parse().or_else(|_| words[at - 2].parse()).unwrap_or_else(|_| panic!("{ping}"))
    };
    number("transmitted") - number("received")
}

/// What happens to the bond while every address of ours is pinged.
fn agree(rate: &str, happens: impl FnOnce(&Bond<'_>) -> Vec<u32>) {
    if !need(&["ping"]) {
        return;
    }
    let Some(lab) = Lab::open() else { return };
    let (ours, switch) = (lab.host("ours"), lab.host("switch"));
    let Some(bond) = Bond::new(&lab, &ours, &switch, rate) else { return };
    bond.wait_for_use(&[0, 1]);
    for address in ADDRESSES {
        bond.switch.run("ping", &["-c1", "-W5", address]).expect_success();
    }
    let lost = happens(&bond);
    let story =
        format!("{}\n{}\n{}", bond.siding(&["lagg", "show"]).stdout, bond.siding.log(), bond.ovs.log());
    println!("lost: {lost:?}");
    // Half a second: the kernel and the switch have to notice it, on a machine that may be busy.
    assert!(lost.iter().all(|lost| *lost <= 50), "{lost:?}\n{story}");
    bond.siding.stop();
}

/// Pulled: both ends lose their carrier. Put back.
fn pull_and_put_back(bond: &Bond<'_>) -> Vec<u32> {
    bond.pinging(8, || {
        bond.switch.netlink().set_down("p0").unwrap();
        bond.wait_for_use(&[1]);
        bond.switch.netlink().set_up("p0").unwrap();
        bond.wait_for_use(&[0, 1]);
    })
}

#[test]
fn open_vswitch_and_we_agree_fast_lacp_10_lacp_13() {
    agree("fast", |bond| {
        let words = "active, short timeout, aggregatable, in sync, collecting, distributing";
        let shown = bond.siding(&["lagg", "show"]).expect_success();
        assert_eq!(shown.matches(words).count(), 4, "both ends of both wires: {shown}");
        pull_and_put_back(bond)
    });
}

#[test]
fn open_vswitch_and_we_agree_slow_lacp_6_lacp_10() {
    agree("slow", |bond| {
        let words = "active, long timeout, aggregatable, in sync, collecting, distributing";
        let shown = bond.siding(&["lagg", "show"]).expect_success();
        assert_eq!(shown.matches(words).count(), 4, "both ends of both wires: {shown}");
        pull_and_put_back(bond)
    });
}

#[test]
fn t33_a_port_that_an_operator_removes_and_adds_costs_nothing_lacp_10() {
    agree("fast", |bond| {
        let lost = bond.pinging(8, || {
            bond.siding(&["lagg", "remove-port", "lagg0", "eth0"]).expect_success();
            bond.wait_for_use(&[1]);
            // It stays until the switch has stopped sending to it.
            wait_for("the port to leave", PATIENCE, || {
                let shown = bond.siding(&["lagg", "show", "--json"]).expect_success();
                (!shown.contains("\"eth0\"")).then_some(())
            });
            bond.siding(&["lagg", "add-port", "lagg0", "eth0"]).expect_success();
            bond.wait_for_use(&[0, 1]);
        });
        assert_eq!(lost, [0; 4]);
        lost
    });
}

/// What passed by a wire of the switch's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Passed {
    /// We said that we are not in sync any more.
    Farewell,
    /// A packet of the flows that the switch spreads over its wires.
    Data,
}

/// The switch's wires, and flows through it to us on as many of them as it uses.
struct Wires {
    /// Each with its file.
    dumps: Vec<(Running, PathBuf)>,
    /// The addresses of our ports.
    ours: [[u8; 6]; 2],
    flows: Option<JoinHandle<()>>,
    ends: Arc<AtomicBool>,
}

impl Wires {
    /// One packet of each flow every 3 ms.
    const FLOWS: usize = 32;
    const PAUSE: Duration = Duration::from_millis(3);

    fn watch(lab: &Lab, ours: &Host, switch: &Host) -> Wires {
        let start = |wire: &str| {
            let file = lab.directory().join(format!("{wire}.pcap"));
            let path = file.to_string_lossy();
            let (filter, small) = ("udp port 9 or ether proto 0x8809", ["-s", "64", "-Z", "root"]);
            let arguments = ["-n", "-i", wire, "--immediate-mode", "-U", "-w", &path];
            let mut dump = switch.start("tcpdump", &[&arguments[..], &small, &[filter]].concat());
            dump.wait_for_output("listening on", PATIENCE);
            (dump, file)
        };
        let dumps = ["p0", "p1"].map(start).into();
        let socket = |_| UdpSocket::bind("192.0.2.2:0").unwrap();
        let sockets: Vec<UdpSocket> = switch.inside(|| (0..Self::FLOWS).map(socket).collect());
        let ends = Arc::new(AtomicBool::new(false));
        let own = ends.clone();
        let flows = std::thread::spawn(move || {
            while !own.load(Ordering::Relaxed) {
                for socket in &sockets {
                    // Whoever answers that nobody is there is right, and so is the kernel that has lost us.
                    let _ = socket.send_to(&[0; 64], "192.0.2.1:9");
                }
                std::thread::sleep(Self::PAUSE);
            }
        });
        let ours = ["eth0", "eth1"].map(|name| ours.netlink().link(name).unwrap().mac.unwrap());
        Wires { dumps, ours, flows: Some(flows), ends }
    }

    /// What has passed so far, of each wire, with the time since 1970.
    fn passed(&self) -> Vec<Vec<(Duration, Passed)>> {
        self.dumps
            .iter()
            .map(|(_, file)| records(&std::fs::read(file).unwrap_or_default(), &self.ours))
            .collect()
    }
}

impl Drop for Wires {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        self.flows.take().into_iter().for_each(|flows| drop(flows.join()));
    }
}

/// The frames of a capture in libpcap's form, as far as it is written.
fn records(mut capture: &[u8], ours: &[[u8; 6]]) -> Vec<(Duration, Passed)> {
    let word = |bytes: &[u8], at: usize| u32::from_ne_bytes(bytes[at..at + 4].try_into().unwrap());
    let mut all = Vec::new();
    if capture.len() < 24 {
        return all;
    }
    assert_eq!(word(capture, 0), 0xa1b2_c3d4, "microseconds, in this machine's order");
    capture = &capture[24..];
    while capture.len() >= 16 {
        let at =
            Duration::from_secs(word(capture, 0).into()) + Duration::from_micros(word(capture, 4).into());
        let Some((frame, rest)) = capture[16..].split_at_checked(word(capture, 8) as usize) else { break };
        capture = rest;
        match frame[12..14] {
            // LACP, and the state of who sent it.
            [0x88, 0x09] if ours.iter().any(|mac| frame[6..12] == *mac) && frame[14] == 1 => {
                all.extend((frame[32] & 0b1000 == 0).then_some((at, Passed::Farewell)));
            }
            [0x88, 0x09] => {}
            _ => all.push((at, Passed::Data)),
        }
    }
    all
}

/// How long the switch goes on sending by these wires after something was done to us, told by what passes by them. Its own
/// time-outs are 3 and 90 s.
fn stops_sending(lab: &Lab, bond: &Bond<'_>, wires: &[usize], what: &str, done: impl FnOnce()) {
    const LONGEST: Duration = Duration::from_millis(100);
    let watched = Wires::watch(lab, bond.ours, bond.switch);
    let deadline = Instant::now() + PATIENCE;
    loop {
        let data = watched
            .passed()
            .iter()
            .map(|passed| passed.iter().filter(|(_, what)| *what == Passed::Data).count())
            .collect::<Vec<_>>();
        if wires.iter().all(|wire| data[*wire] > 0) {
            break;
        }
        assert!(
            Instant::now() < deadline,
            "{what}: not by each of {wires:?}: {data:?} {} {}",
            bond.story(),
            bond.siding.log()
        );
        std::thread::sleep(Duration::from_millis(20));
    }
    let asked = UNIX_EPOCH.elapsed().unwrap();
    done();
    // For as long as its slowest look at things, and longer.
    std::thread::sleep(Duration::from_millis(1200));
    let passed = watched.passed();
    for wire in wires {
        let story = || format!("{what}, wire {wire}: {}", bond.siding.log());
        let of = |kind| passed[*wire].iter().filter(move |(_, what)| *what == kind).map(|(at, _)| *at);
        let told =
            of(Passed::Farewell).find(|at| *at >= asked).unwrap_or_else(|| panic!("never told: {}", story()));
        assert!(of(Passed::Data).any(|at| at < told), "nothing was sent before: {}", story());
        let last = of(Passed::Data).max().unwrap();
        let (ours, theirs) = (told - asked, last.saturating_sub(told));
        println!("{what}, wire {wire}: told after {ours:?}, the last packet {theirs:?} after that");
        // From the request on, the start of our command line included.
        assert!(last.saturating_sub(asked) <= LONGEST, "{ours:?} and {theirs:?}: {}", story());
    }
}

fn partners_are_told(rate: &str) {
    if !need(&["tcpdump"]) {
        return;
    }
    let Some(lab) = Lab::open() else { return };
    let (ours, switch) = (lab.host("ours"), lab.host("switch"));
    let Some(bond) = Bond::new(&lab, &ours, &switch, rate) else { return };
    let siding = |words: &str| {
        let words: Vec<&str> = words.split(' ').collect();
        bond.siding(&words).expect_success();
    };
    bond.wait_for_use(&[0, 1]);
    stops_sending(&lab, &bond, &[0], "a port is taken down", || siding("interface down eth0"));
    siding("interface up eth0");
    bond.wait_for_use(&[0, 1]);
    stops_sending(&lab, &bond, &[0, 1], "the lagg is taken down", || siding("interface down lagg0"));
    siding("interface up lagg0");
    bond.wait_for_use(&[0, 1]);
    stops_sending(&lab, &bond, &[1], "a port is removed", || siding("lagg remove-port lagg0 eth1"));
    wait_for("the port to leave", PATIENCE, || {
        let shown = bond.siding(&["lagg", "show", "--json"]).expect_success();
        (!shown.contains("\"eth1\"")).then_some(())
    });
    siding("lagg add-port lagg0 eth1");
    bond.wait_for_use(&[0, 1]);
    stops_sending(&lab, &bond, &[1], "a port is detached", || siding("interface detach eth1"));
    stops_sending(&lab, &bond, &[0], "the lagg is deleted", || {
        siding("vlan delete vlan7");
        siding("lagg delete lagg0");
    });
    bond.siding.stop();
}

#[test]
fn a_partner_is_told_of_every_planned_end_fast() {
    partners_are_told("fast");
}

#[test]
fn a_partner_is_told_of_every_planned_end_slow() {
    partners_are_told("slow");
}

fn told_of_the_end(rate: &str) {
    if !need(&["tcpdump"]) {
        return;
    }
    let Some(lab) = Lab::open() else { return };
    let (ours, switch) = (lab.host("ours"), lab.host("switch"));
    let Some(mut bond) = Bond::new(&lab, &ours, &switch, rate) else { return };
    bond.wait_for_use(&[0, 1]);
    let pid = bond.siding.process().pid();
    stops_sending(&lab, &bond, &[0, 1], "the daemon is stopped", || {
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    });
    bond.siding.stop();
}

#[test]
fn a_partner_is_told_when_the_daemon_stops_fast() {
    told_of_the_end("fast");
}

#[test]
fn a_partner_is_told_when_the_daemon_stops_slow() {
    told_of_the_end("slow");
}
