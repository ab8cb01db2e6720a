//! Tests that cannot run here, and how they say so.

use std::env;
use std::path::PathBuf;
use std::thread;

/// Says that the running test is skipped, and why. Return from the test after it.
///
/// # Panics
/// If the environment has `CI=true`: there, everything that a test needs is installed.
pub fn skip(reason: &str) {
    let current = thread::current();
    let line = notice(current.name().unwrap_or("a thread without a name"), reason);
    assert!(env::var_os("CI").is_none_or(|ci| ci != "true"), "{line} (with CI=true a skip is a failure)");
    println!("{line}");
}

/// True if all these programs are there; else the test is skipped with the Debian packages to install.
///
/// # Panics
/// As [`skip`].
#[must_use]
pub fn need(programs: &[&str]) -> bool {
    let missing: Vec<&str> = programs.iter().copied().filter(|program| find(program).is_none()).collect();
    if missing.is_empty() {
        return true;
    }
    let mut packages: Vec<&str> = missing.iter().map(|program| package(program)).collect();
    packages.sort_unstable();
    packages.dedup();
    skip(&format!("needs {}: apt-get install {}", missing.join(", "), packages.join(" ")));
    false
}

/// Where a program is. Also looks where Debian keeps what only root uses, which a user's `PATH` has not.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(["/usr/sbin", "/sbin", "/usr/bin", "/bin"].map(PathBuf::from))
        .map(|directory| directory.join(program))
        .find(|file| file.is_file())
}

fn notice(test: &str, reason: &str) -> String {
    format!("skipped: {test}: {reason}")
}

/// The Debian package with a program; where it is not listed, most often that of the same name.
fn package(program: &str) -> &str {
    match program {
        "promtool" => "prometheus",
        "ip" | "ss" | "bridge" | "tc" => "iproute2",
        "ping" => "iputils-ping",
        "arping" => "iputils-arping",
        "tracepath" => "iputils-tracepath",
        "ndisc6" | "rdisc6" | "traceroute6" | "tracert6" => "ndisc6",
        "tshark" => "tshark",
        "dumpcap" | "capinfos" | "editcap" => "wireshark-common",
        "vtysh" | "zebra" => "frr",
        "nc" => "netcat-openbsd",
        "dig" => "bind9-dnsutils",
        "nft" => "nftables",
        "scapy" => "python3-scapy",
        "birdc" | "bird" => "bird2",
        "ovs-vswitchd" | "ovsdb-server" => "openvswitch-switch",
        "ovs-vsctl" | "ovs-appctl" | "ovsdb-tool" => "openvswitch-common",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_notice_names_test_and_reason() {
        assert_eq!(notice("a::b", "no `x` here"), "skipped: a::b: no `x` here");
    }

    #[test]
    fn programs_are_found_and_absent_ones_are_not() {
        assert!(find("sh").is_some());
        assert_eq!(find("no-such-program-anywhere"), None);
    }
}
