//! What several of these tests need.

use std::process::Command;
use std::time::Duration;

use siding_tests::Finished;
use siding_tests::Host;
use siding_tests::Running;
use siding_tests::Siding;
use siding_tests::wait_for;
use siding_wire::Mac;

pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// Speaks to a daemon by the command line, and returns what it says.
pub(super) fn siding(host: &Host, daemon: &Siding, arguments: &[&str]) -> Finished {
    let mut command = Command::new(Siding::binary());
    command.arg("--control").arg(daemon.control()).args(arguments);
    host.start_command(&mut command).finish(Duration::from_secs(60))
}

/// Limit, use and highest use of a bound on an interface.
pub(super) fn bound(host: &Host, daemon: &Siding, name: &str, interface: &str) -> (u64, u64, u64) {
    let text = siding(host, daemon, &["show", "limits"]).expect_success();
    let row = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let row = row.filter(|row| row.len() > 4).find(|row| row[0] == name && row[1] == interface);
    let row = row.unwrap_or_else(|| panic!("no {name} of {interface} in:\n{text}"));
    let number = |at: usize| row[at].parse().unwrap_or(0);
    (number(2), number(3), number(4))
}

/// Resident memory of a program, in KiB.
pub(super) fn resident(running: &Running) -> u64 {
    let path = format!("/proc/{}/status", running.pid().as_raw_nonzero());
    let text = std::fs::read_to_string(path).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

/// The link-layer address of a kernel's interface.
pub(super) fn mac(host: &Host, interface: &str) -> Mac {
    Mac(host.netlink().link(interface).unwrap().mac.unwrap())
}

/// Waits until the address answers.
pub(super) fn wait_until_up(peer: &Host, address: &str) {
    wait_for(&format!("{address} to answer"), PATIENCE, || {
        peer.run("ping", &["-c1", "-W1", address]).succeeded().then_some(())
    });
}

/// Pings under way: so many, at an interval in seconds.
pub(super) fn pings(host: &Host, address: &str, count: u32, interval: &str) -> Running {
    let count = count.to_string();
    host.start("ping", &["-n", "-W", "3", "-c", &count, "-i", interval, address])
}

/// Round trips of pings that have ended, in milliseconds, slowest last.
pub(super) fn round_trips(finished: &Finished) -> Vec<f64> {
    let times = finished.stdout.lines().filter_map(|line| line.split_once("time=")?.1.split(' ').next());
    let mut times: Vec<f64> = times.filter_map(|time| time.parse().ok()).collect();
    times.sort_by(f64::total_cmp);
    times
}

/// Median, 99th percentile and maximum, for a line of figures.
pub(super) fn summary(times: &[f64]) -> String {
    let at =
        |share: f64| times.get(((times.len() as f64 - 1.0) * share) as usize).copied().unwrap_or(f64::NAN);
    format!(
        "{} answers, median {:.2} ms, p99 {:.2} ms, max {:.2} ms",
        times.len(),
        at(0.5),
        at(0.99),
        at(1.0)
    )
}
