//! What several of these tests need.

use std::process::Command;
use std::time::Duration;

use siding_tests::Finished;
use siding_tests::Host;
use siding_tests::Siding;
use siding_tests::wait_for;

pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// Speaks to a daemon by the command line, and returns what it says.
pub(super) fn siding(host: &Host, daemon: &Siding, arguments: &[&str]) -> Finished {
    let mut command = Command::new(Siding::binary());
    command.arg("--control").arg(daemon.control()).args(arguments);
    host.start_command(&mut command).finish(Duration::from_secs(60))
}

/// What `ip -6` says.
pub(super) fn ip(host: &Host, arguments: &[&str]) -> String {
    host.run("ip", &[&["-6"], arguments].concat()).expect_success()
}

/// Waits until `ip -6` says something with all of `parts` in one line, and returns that line.
pub(super) fn wait_for_line(host: &Host, arguments: &[&str], parts: &[&str]) -> String {
    wait_for(&format!("{} with {parts:?}", arguments.join(" ")), PATIENCE, || {
        let text = ip(host, arguments);
        let line = text.lines().find(|line| parts.iter().all(|part| line.contains(part)));
        line.map(ToOwned::to_owned)
    })
}

/// Waits for the address that the host makes from `prefix` (its text up to the identifier), out of duplicate address
/// detection.
pub(super) fn wait_for_address(host: &Host, prefix: &str) -> String {
    let what = ["addr", "show", "dev", "eth0", "scope", "global"];
    wait_for(&format!("an address in {prefix}"), PATIENCE, || {
        let text = ip(host, &what);
        let line = text.lines().find(|line| line.contains(prefix) && !line.contains("tentative"))?;
        Some(line.split_whitespace().nth(1)?.split('/').next()?.to_owned())
    })
}

/// Waits until there is no such line.
pub(super) fn wait_until_gone(host: &Host, arguments: &[&str], part: &str, patience: Duration) {
    wait_for(&format!("{} without {part:?}", arguments.join(" ")), patience, || {
        (!ip(host, arguments).contains(part)).then_some(())
    });
}
