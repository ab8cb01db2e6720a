//! LACP with Open vSwitch: a switch that we did not write agrees with us on a bond, and traffic goes on whatever
//! happens to one of its links.

#![forbid(unsafe_code)]
// Not only the tests but also their helpers say what they expect by unwrapping it.
#![allow(clippy::unwrap_used)]

use std::process::Command;
use std::time::Duration;
use std::time::Instant;

use siding_tests::Finished;
use siding_tests::Host;
use siding_tests::Lab;
use siding_tests::Ovs;
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
        let bond = ["add-bond", "br0", "bond0", "p0", "p1", "lacp=active", &time, "bond_mode=balance-tcp"];
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

/// How long the switch goes on sending by these wires after something was done to us. Its own time-outs are 3 and 90 s.
fn stops_sending(bond: &Bond<'_>, wires: &[usize], what: &str, done: impl FnOnce()) {
    let begin = Instant::now();
    std::thread::scope(|scope| {
        let looking = scope.spawn(|| {
            wait_for(&format!("the switch to stop sending: {what}"), PATIENCE, || {
                let members = bond.ovs.lacp("bond0");
                wires.iter().all(|wire| !members[&format!("p{wire}")].is_in_use()).then(|| begin.elapsed())
            })
        });
        done();
        let (us, switch) = (begin.elapsed(), looking.join().unwrap());
        println!("{what}: done in {us:?}, the switch had stopped within {switch:?}");
        // A tenth of that is usual; a machine may be busy.
        assert!(switch < us + Duration::from_secs(1), "{what}: {switch:?}, {us:?}: {}", bond.siding.log());
    });
}

fn partners_are_told(rate: &str) {
    let Some(lab) = Lab::open() else { return };
    let (ours, switch) = (lab.host("ours"), lab.host("switch"));
    let Some(bond) = Bond::new(&lab, &ours, &switch, rate) else { return };
    let siding = |words: &str| {
        let words: Vec<&str> = words.split(' ').collect();
        bond.siding(&words).expect_success();
    };
    bond.wait_for_use(&[0, 1]);
    stops_sending(&bond, &[0], "a port is taken down", || siding("interface down eth0"));
    siding("interface up eth0");
    bond.wait_for_use(&[0, 1]);
    stops_sending(&bond, &[0, 1], "the lagg is taken down", || siding("interface down lagg0"));
    siding("interface up lagg0");
    bond.wait_for_use(&[0, 1]);
    stops_sending(&bond, &[1], "a port is removed", || siding("lagg remove-port lagg0 eth1"));
    wait_for("the port to leave", PATIENCE, || {
        let shown = bond.siding(&["lagg", "show", "--json"]).expect_success();
        (!shown.contains("\"eth1\"")).then_some(())
    });
    siding("lagg add-port lagg0 eth1");
    bond.wait_for_use(&[0, 1]);
    stops_sending(&bond, &[1], "a port is detached", || siding("interface detach eth1"));
    stops_sending(&bond, &[0], "the lagg is deleted", || {
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

#[test]
fn a_partner_is_told_when_the_daemon_stops() {
    let Some(lab) = Lab::open() else { return };
    let (ours, switch) = (lab.host("ours"), lab.host("switch"));
    let Some(mut bond) = Bond::new(&lab, &ours, &switch, "slow") else { return };
    bond.wait_for_use(&[0, 1]);
    let begin = Instant::now();
    bond.siding.process().signal(rustix::process::Signal::TERM);
    let told = wait_for("the switch to stop sending", PATIENCE, || {
        let members = bond.ovs.lacp("bond0");
        members.values().all(|member| !member.is_in_use()).then(|| begin.elapsed())
    });
    println!("stopped: the switch had stopped within {told:?}");
    assert!(told < Duration::from_secs(1), "{told:?}");
    bond.siding.stop();
}
