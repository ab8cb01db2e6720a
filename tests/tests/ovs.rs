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
    let (_, rest) =
        text.split_once(&format!("{{\"name\":\"{port}\"")).unwrap_or_else(|| panic!("no {port}: {json}"));
    let (sending, _) = rest
        .split_once("\"sending\":")
        .unwrap_or_else(|| panic!("{port} neither sends nor not: {json}"))
        .1
        .split_at(4);
    sending == "true"
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

fn agree(rate: &str) {
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
    let lost = bond.pinging(8, || {
        // Pulled: both ends lose their carrier.
        bond.switch.netlink().set_down("p0").unwrap();
        bond.wait_for_use(&[1]);
        bond.switch.netlink().set_up("p0").unwrap();
        bond.wait_for_use(&[0, 1]);
    });
    println!("lost of 800 while a link was pulled and put back: {lost:?}");
    println!("{}", bond.ovs.appctl(&["lacp/show"]));
    println!("{}", bond.siding(&["lagg", "show"]).stdout);
    println!("{}", bond.siding.stop().stderr);
    println!("{}", bond.ovs.log());
    assert!(lost.iter().all(|lost| *lost <= 50), "{lost:?}");
}

#[test]
fn open_vswitch_and_we_agree_fast_lacp_10_lacp_13() {
    agree("fast");
}

#[test]
fn open_vswitch_and_we_agree_slow_lacp_6_lacp_10() {
    agree("slow");
}
