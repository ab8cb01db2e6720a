//! The network of these tests: a router of ours between `source` and, over a lagg, a switch that is a Linux bridge, with
//! `far` behind it.
//!
//! ```text
//! source eth0 --- lan  ours  lagg0 [p0 p1 p2] === [q0 q1 q2] br0 switch h0 --- eth0 far
//! ```

use std::io::BufRead;
use std::io::BufReader;
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::time::Duration;

use siding_tests::Finished;
use siding_tests::Host;
use siding_tests::Lab;
use siding_tests::Siding;
use siding_wire::Mac;

/// Two measurements at a time would take each other's time.
static ALONE: Mutex<()> = Mutex::new(());

/// The station behind `lan`, and that in VLAN 10 behind the switch: their frames are made by the tests.
pub(super) const SOURCE_MAC: Mac = Mac([2, 0xaa, 0, 0, 0, 1]);
pub(super) const FAR_MAC: Mac = Mac([2, 0xbb, 0, 0, 0, 2]);
/// The lagg's, so that a test knows where to send without asking.
pub(super) const LAGG_MAC: Mac = Mac([2, 0xcc, 0, 0, 0, 3]);
pub(super) const LAN_MAC: Mac = Mac([2, 0xcc, 0, 0, 0, 4]);

pub(super) struct Rig {
    pub(super) daemon: Siding,
    pub(super) source: Host,
    pub(super) ours: Host,
    pub(super) switch: Host,
    pub(super) far: Host,
    control: BufReader<UnixStream>,
    _lab: Lab,
    _alone: MutexGuard<'static, ()>,
}

impl Rig {
    /// With a lagg of `ports` ports that is announced `announce` times, 100 ms apart.
    pub(super) fn new(ports: usize, announce: u32) -> Option<Rig> {
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let lab = Lab::open()?;
        let [source, ours, switch, far] = ["source", "ours", "switch", "far"].map(|name| lab.host(name));
        lab.wire(&source, "eth0", &ours, "lan");
        lab.wire(&switch, "h0", &far, "eth0");
        switch.run("ip", &["link", "add", "br0", "type", "bridge"]).expect_success();
        switch.run("ip", &["link", "set", "br0", "up"]).expect_success();
        let mut names = Vec::new();
        for n in 0..ports {
            lab.wire(&ours, &format!("p{n}"), &switch, &format!("q{n}"));
            names.push(format!("q{n}"));
        }
        for port in names.iter().map(String::as_str).chain(["h0"]) {
            switch.run("ip", &["link", "set", port, "master", "br0"]).expect_success();
        }
        far.address("eth0", "2001:db8:b::2/64");
        far.address("eth0", "192.0.2.2/24");
        let daemon = Siding::start(&lab, &ours, &["run"], &config(ports, announce));
        let control = BufReader::new(UnixStream::connect(daemon.control()).unwrap());
        Some(Rig { daemon, source, ours, switch, far, control, _lab: lab, _alone: alone })
    }

    /// Asks the daemon by its socket: a program that is started takes the time of those that are measured.
    pub(super) fn ask(&mut self, request: &str) -> String {
        let stream = self.control.get_mut();
        stream.write_all(format!("{request}\n").as_bytes()).unwrap();
        let mut answer = String::new();
        self.control.read_line(&mut answer).unwrap();
        answer
    }

    /// Changes lagg0.
    pub(super) fn change(&mut self, action: &str, what: &str) {
        let request = format!(r#"{{"request":"lagg","action":"{action}","lagg":"lagg0",{what}}}"#);
        let answer = self.ask(&request);
        assert!(answer.contains(r#""answer":"done""#), "{request}: {answer}");
    }

    /// The command line, and what it says.
    pub(super) fn siding(&self, arguments: &[&str]) -> Finished {
        let mut command = Command::new(Siding::binary());
        command.arg("--control").arg(self.daemon.control()).args(arguments);
        self.ours.start_command(&mut command).finish(Duration::from_secs(60))
    }

    /// The drops that the daemon has counted, without what the kernels around it say of themselves.
    pub(super) fn drops(&self) -> String {
        self.siding(&["show", "drops"]).expect_success()
    }
}

/// Whether everything is measured, and not only shown to work.
pub(super) fn full() -> bool {
    std::env::var_os("SIDING_MEASURE").is_some_and(|value| value == "full")
}

fn config(ports: usize, announce: u32) -> String {
    let mut text = format!(
        r#"
[stack]
control = "{{control}}"
forwarding = true
[[interface]]
name = "lan"
driver = "packet"
mac = "{LAN_MAC}"
addresses = ["2001:db8:a::1/64"]
dad = false
[[lagg]]
name = "lagg0"
mode = "failover"
mac = "{LAGG_MAC}"
announce_count = {announce}
announce_interval_ms = 100
ports = [{}]
addresses = ["2001:db8:b::1/64", "192.0.2.1/24"]
dad = false
[[vlan]]
name = "v10"
parent = "lagg0"
vid = 10
addresses = ["2001:db8:c::1/64"]
dad = false
[[neighbor]]
interface = "lan"
address = "2001:db8:a::2"
mac = "{SOURCE_MAC}"
[[neighbor]]
interface = "v10"
address = "2001:db8:c::2"
mac = "{FAR_MAC}"
"#,
        (0..ports).map(|n| format!("\"p{n}\"")).collect::<Vec<_>>().join(", ")
    );
    for n in 0..ports {
        text += &format!("[[interface]]\nname = \"p{n}\"\ndriver = \"packet\"\n");
    }
    text
}
