//! What the running router tells of single packets, and what it captures, read by programs of others.

use std::path::Path;
use std::process::Command;

use siding_tests::Lab;
use siding_tests::Running;
use siding_tests::Siding;
use siding_tests::need;
use siding_tests::wait_for;

use super::util::*;

const CONFIG: &str = r#"
[stack]
control = "{control}"
log = "debug"
forwarding = true
[[interface]]
name = "lan"
driver = "packet"
addresses = ["2001:db8:a::1/64"]
dad = false
[[interface]]
name = "wan"
driver = "packet"
addresses = ["2001:db8:b::1/64"]
dad = false
[filter]
rules = "rules.nft"
"#;

const RULES: &str = r#"
table inet fw {
  chain forward {
    type filter hook forward priority 0; policy accept;
    udp dport 9 drop
  }
}
"#;

const WAN: &str = "2001:db8:b::2";

/// A command of the daemon's that goes on until it is stopped.
fn siding_goes_on(host: &siding_tests::Host, daemon: &Siding, arguments: &[&str]) -> Running {
    let mut command = Command::new(Siding::binary());
    command.arg("--control").arg(daemon.control()).args(arguments);
    host.start_command(&mut command)
}

/// What tcpdump reads in a file.
fn tcpdump(host: &siding_tests::Host, file: &Path) -> String {
    host.run("tcpdump", &["-n", "-r", &file.to_string_lossy()]).expect_success()
}

#[test]
fn the_life_of_a_packet_is_told_and_captures_are_read_by_others() {
    if !need(&["ping", "tcpdump", "ip", "python3"]) {
        return;
    }
    let Some(lab) = Lab::open() else { return };
    let (lan, router, wan) = (lab.host("inside"), lab.host("router"), lab.host("outside"));
    lab.wire(&lan, "eth0", &router, "lan");
    lab.wire(&wan, "eth0", &router, "wan");
    for (host, own, gateway) in [(&lan, "2001:db8:a::2", "2001:db8:a::1"), (&wan, WAN, "2001:db8:b::1")] {
        ip(host, &["addr", "add", &format!("{own}/64"), "dev", "eth0", "nodad"]);
        ip(host, &["route", "add", "default", "via", gateway]);
    }
    std::fs::write(lab.directory().join("rules.nft"), RULES).unwrap();
    let daemon = Siding::start(&lab, &router, &["run"], CONFIG);
    let file = |name: &str| lab.directory().join(name);
    let (life, frames, drops) = (file("life.pcapng"), file("frames.pcapng"), file("drops.pcapng"));
    let path = |file: &Path| file.to_string_lossy().into_owned();
    let all = [
        vec!["trace", "--count", "1", "icmpv6 type echo-request"],
        vec!["trace", "--count", "1", "--write", &path(&life), "udp dport 9"],
        vec![
            "capture",
            "wan",
            "--count",
            "2",
            "--write",
            &path(&frames),
            "icmpv6 type { echo-request, echo-reply }",
        ],
        vec!["capture", "lan", "--count", "1", "--cause", "filtered", "--write", &path(&drops)],
    ]
    .map(|arguments| arguments.into_iter().map(ToOwned::to_owned).collect::<Vec<String>>());
    let begin = |arguments: &Vec<String>| {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        siding_goes_on(&router, &daemon, &arguments)
    };
    let mut watching = all.iter().map(begin).collect::<Vec<Running>>();
    // Until each has seen what it waits for: when that is, is its own affair.
    wait_for("four that have seen enough", PATIENCE, || {
        // It may be lost before those who watch have begun.
        let _ = lan.run("ping", &["-6", "-c", "1", "-W", "1", WAN]);
        let send = format!(
            "import socket; socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).sendto(b'discard', ('{WAN}', 9))"
        );
        lan.run("python3", &["-c", &send]).expect_success();
        watching.iter_mut().all(|one| one.try_wait().is_some()).then_some(())
    });
    let told: Vec<String> = watching.into_iter().map(|one| one.finish(PATIENCE).expect_success()).collect();
    for step in [
        "ICMPv6 type 128",
        "received  by lan",
        "forward: accepted",
        "by wan to 2001:db8:b::2",
        "taken by wan",
    ] {
        assert!(told[0].contains(step), "no {step:?} in\n{}", told[0]);
    }
    let bytes = std::fs::read(&life).unwrap();
    for part in ["forward: refused (inet fw forward handle ", "dropped   filtered"] {
        assert!(bytes.windows(part.len()).any(|there| there == part.as_bytes()), "no comment with {part:?}");
    }
    assert!(tcpdump(&router, &life).contains(&format!("> {WAN}.9: UDP")));
    let seen = tcpdump(&router, &frames);
    assert_eq!(seen.lines().count(), 2, "{seen}");
    assert!(seen.contains("echo request") || seen.contains("echo reply"), "{seen}");
    let dropped = std::fs::read(&drops).unwrap();
    let comment = b"dropped: filtered";
    assert!(dropped.windows(comment.len()).any(|there| there == comment), "no cause");
    assert!(tcpdump(&router, &drops).contains(&format!("> {WAN}.9: UDP")));
    // Who is refused finds what was there as it was.
    let kept = std::fs::read(&life).unwrap();
    for refused in [["trace", "meta mark 7"], ["capture", "nowhere"]] {
        let refused = siding(&router, &daemon, &[refused[0], refused[1], "--write", &path(&life)]);
        assert!(!refused.succeeded(), "{refused}");
        assert_eq!(std::fs::read(&life).unwrap(), kept);
    }
    let refused = siding(&router, &daemon, &["trace", "tcp dport"]);
    assert!(!refused.succeeded(), "{refused}");
    let refused = refused.stderr;
    assert!(refused.contains("is no match of a rule"), "{refused}");
    daemon.stop();
}
