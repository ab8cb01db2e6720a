//! Fragments forged by a raw socket, sent to Linux and to us: what comes back is the same, or what the RFC says.

use std::collections::BTreeMap;

use siding_tests::Host;
use siding_tests::Lab;
use siding_tests::Siding;
use siding_tests::need;

use super::util::*;

const SCRIPT: &str = include_str!("forged.py");

/// What comes back to each case.
fn answers(lab: &Lab, from: &Host, to: &str) -> BTreeMap<String, String> {
    let path = lab.directory().join("forged.py");
    std::fs::write(&path, SCRIPT).unwrap();
    wait_until_up(from, to);
    let neighbor = from.run("ip", &["-6", "neigh", "show", to]).expect_success();
    let mac = neighbor.split_whitespace().skip_while(|word| *word != "lladdr").nth(1).unwrap().to_owned();
    let script = path.to_str().unwrap();
    let text = from.run("python3", &[script, "eth0", "2001:db8::2", to, &mac]).expect_success();
    text.lines().map(|line| line.split_once(": ").unwrap()).map(|(a, b)| (a.into(), b.into())).collect()
}

#[test]
fn forged_fragments_get_the_right_answer_or_none_8200_4_9099_1() {
    if !need(&["ping", "ip", "python3"]) {
        return;
    }
    let Some(lab) = Lab::open() else { return };
    let (ours, peer) = lab.pair();
    peer.address("eth0", "2001:db8::2/64");
    let daemon = Siding::start(&lab, &ours, &["run"], OURS);
    let got = answers(&lab, &peer, "2001:db8::1");
    let expected = [
        ("in order", "reply 1"),
        ("backwards", "reply 2"),
        ("duplicates", "reply 3"),
        ("overlap", "silence"),
        ("overlap within", "silence"),
        ("two ends", "silence"),
        ("no multiple of 8", "error 4/0 pointer 4"),
        ("beyond 65535", "error 4/0 pointer 42"),
        ("no upper layer", "error 4/3 pointer 0"),
        ("half an upper layer", "error 4/3 pointer 0"),
        ("atomic", "reply 11"),
        ("atomic in between", "reply 112, reply 12"),
        ("lone fragments", "silence"),
    ];
    let expected: BTreeMap<String, String> =
        expected.into_iter().map(|(a, b)| (a.to_owned(), b.to_owned())).collect();
    assert_eq!(got, expected);
    daemon.stop();
    // Linux at the same place. It takes a fragment that lies within another for one that came twice; RFC 8200 says so
    // only of exact duplicates.
    let (linux, other) = lab.pair();
    linux.address("eth0", "2001:db8::1/64");
    other.address("eth0", "2001:db8::2/64");
    let theirs = answers(&lab, &other, "2001:db8::1");
    let differs = |case: &&String| theirs[*case] != expected[*case];
    let different: Vec<&String> = theirs.keys().filter(differs).collect();
    assert_eq!(different, ["overlap within"], "{theirs:?}");
}
