//! What several of these tests need.

use std::process::Command;
use std::time::Duration;

use siding_tests::Finished;
use siding_tests::Host;
use siding_tests::Siding;
use siding_tests::wait_for;

pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// Ours on AF_PACKET, with two workers: fragments of one packet may come in by either.
pub(super) const OURS: &str = r#"
[stack]
control = "{control}"
log = "debug"
workers = 2
[[interface]]
name = "eth0"
driver = "packet"
addresses = ["2001:db8::1/64", "192.0.2.1/24"]
dad = false
"#;

/// Speaks to a daemon by the command line, and returns what it says.
pub(super) fn siding(host: &Host, daemon: &Siding, arguments: &[&str]) -> Finished {
    let mut command = Command::new(Siding::binary());
    command.arg("--control").arg(daemon.control()).args(arguments);
    host.start_command(&mut command).finish(Duration::from_secs(60))
}

/// Waits until the address answers: the first packet after a start may meet a link that is only coming up.
pub(super) fn wait_until_up(from: &Host, address: &str) {
    wait_for(&format!("{address} to answer"), PATIENCE, || {
        from.run("ping", &["-c1", "-W1", address]).succeeded().then_some(())
    });
}

/// The value of a limit's column (MOST 0, USED 1, HIGHEST 2, REFUSED 3).
pub(super) fn limit(host: &Host, daemon: &Siding, name: &str, column: usize) -> u64 {
    let text = siding(host, daemon, &["show", "limits"]).expect_success();
    let row = text.lines().find(|line| line.split_whitespace().next() == Some(name)).unwrap();
    row.split_whitespace().nth(2 + column).unwrap().parse().unwrap()
}
