//! What several of these tests need.

use std::process::Command;
use std::time::Duration;

use siding_tests::Finished;
use siding_tests::Host;
use siding_tests::Siding;
use siding_tests::wait_for;

pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Ours on AF_PACKET, with timers short enough for a test to wait for.
pub(crate) const PACKET: &str = r#"
[stack]
control = "{control}"
log = "debug"
reachable_time_ms = 1500
retrans_timer_ms = 300
delay_first_probe_ms = 500
[[interface]]
name = "eth0"
driver = "packet"
addresses = ["2001:db8::1/64", "192.0.2.1/24"]
dad = false
"#;

/// Ours on TAP, whose other end is the kernel of the same host.
pub(crate) const TAP: &str = r#"
[stack]
control = "{control}"
log = "debug"
[[interface]]
name = "tap0"
driver = "tap"
addresses = ["2001:db8::1/64", "192.0.2.1/24"]
dad = false
"#;

/// Speaks to a daemon by the command line, and returns what it says.
pub(crate) fn siding(host: &Host, daemon: &Siding, arguments: &[&str]) -> Finished {
    let mut command = Command::new(Siding::binary());
    command.arg("--control").arg(daemon.control()).args(arguments);
    host.start_command(&mut command).finish(Duration::from_secs(60))
}

/// Waits until the peer's answer comes through: the first packet after a start may meet a link that is only
/// coming up.
pub(crate) fn wait_until_up(peer: &Host, address: &str) {
    wait_for(&format!("{address} to answer"), PATIENCE, || {
        peer.run("ping", &["-c1", "-W1", address]).succeeded().then_some(())
    });
}

/// A thousand pings, 2 ms apart, and every answer reaches the kernel. (ping itself may lose some when it is kept
/// from its core and its socket overflows: then the kernel's own count tells.)
pub(crate) fn a_thousand_pings(peer: &Host, address: &str) {
    wait_until_up(peer, address);
    let before = replies(peer);
    let finished = peer.run("ping", &["-q", "-c", "1000", "-i", "0.002", address]);
    let text = finished.stdout.clone();
    let got = replies(peer) - before;
    assert!(text.contains("1000 packets transmitted"), "{finished}");
    assert!(text.contains(" 0% packet loss") || got >= 1000, "{got} replies came in: {finished}");
    println!("{}", text.lines().last().unwrap_or_default());
}

/// Echo replies that the kernel of `host` has received.
pub(crate) fn replies(host: &Host) -> u64 {
    let files = host.inside(|| {
        ["/proc/net/snmp6", "/proc/net/snmp"].map(|path| std::fs::read_to_string(path).unwrap_or_default())
    });
    let v6 = files[0].lines().find_map(|line| line.strip_prefix("Icmp6InEchoReplies"));
    let v6: u64 = v6.and_then(|count| count.trim().parse().ok()).unwrap();
    let mut lines = files[1].lines().filter(|line| line.starts_with("Icmp:"));
    let (names, values) = (lines.next().unwrap(), lines.next().unwrap());
    let at = names.split_whitespace().position(|name| name == "InEchoReps").unwrap();
    v6 + values.split_whitespace().nth(at).unwrap().parse::<u64>().unwrap()
}

/// The daemon's own view of a neighbour, such as `REACHABLE`; empty for none.
pub(crate) fn our_view(host: &Host, daemon: &Siding, address: &str) -> String {
    let text = siding(host, daemon, &["show", "neighbors"]).expect_success();
    let row = text.lines().find(|line| line.split_whitespace().next() == Some(address));
    row.and_then(|row| row.split_whitespace().nth(3)).unwrap_or_default().to_owned()
}

/// The kernel's view of a neighbour, such as `REACHABLE`; empty for none.
pub(crate) fn kernel_view(host: &Host, address: &str) -> String {
    let text = host.run("ip", &["neigh", "show", address]).expect_success();
    text.split_whitespace().last().unwrap_or_default().to_owned()
}
