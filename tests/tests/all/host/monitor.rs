//! `siding monitor` at a daemon at work: what happens to links, addresses, neighbours and routes, as lines and as JSON.

use std::process::Command;

use serde_json::Value;
use siding_tests::Host;
use siding_tests::Lab;
use siding_tests::Running;
use siding_tests::Siding;
use siding_tests::wait_for;

use super::telling::asking;
use super::util::*;

fn monitor(host: &Host, daemon: &Siding, words: &[&str]) -> Running {
    let mut command = Command::new(Siding::binary());
    command.arg("--control").arg(daemon.control()).arg("monitor").args(words);
    host.start_command(&mut command)
}

/// Waits until so many have subscribed: what happens before is not told.
fn subscribed(daemon: &Siding, many: u64) {
    let mut ask = asking(daemon.control());
    wait_for("the subscribers", PATIENCE, || {
        let limits: Value = serde_json::from_str(&ask(r#"{"request":"show-limits"}"#)).unwrap();
        let row = limits["value"].as_array()?.iter().find(|row| row["limit"] == "event-subscribers").cloned();
        (row?["used"] == many).then_some(())
    });
}

fn events(json: &Running) -> Vec<Value> {
    // The last may be half a line.
    json.stdout().lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

#[test]
fn what_happens_is_told_as_lines_and_as_json() {
    let Some(lab) = Lab::open() else { return };
    let (ours, peer) = lab.pair();
    peer.address("eth0", "2001:db8::2/64");
    let daemon = Siding::start(&lab, &ours, &["run"], PACKET);
    wait_until_up(&peer, "2001:db8::1");
    let lines = monitor(&ours, &daemon, &[]);
    let json = monitor(&ours, &daemon, &["--json"]);
    let mut routes = monitor(&ours, &daemon, &["--json", "--count", "1", "route"]);
    subscribed(&daemon, 3);

    let happens: [(&str, &str, &str, &dyn Fn()); 4] = [
        ("address", "2001:db8:7::1/64", "address 2001:db8:7::1/64: none -> ", &|| {
            siding(&ours, &daemon, &["address", "add", "2001:db8:7::1/64", "dev", "eth0"]).expect_success();
        }),
        (
            "route",
            "2001:db8:9::/48 via 2001:db8::2",
            "route 2001:db8:9::/48 via 2001:db8::2: none -> ",
            &|| {
                siding(&ours, &daemon, &["route", "add", "2001:db8:9::/48", "via", "2001:db8::2"])
                    .expect_success();
            },
        ),
        ("neighbor", "2001:db8::2", "2001:db8::2", &|| {
            siding(&ours, &daemon, &["neighbor", "flush", "dev", "eth0"]).expect_success();
            siding(&ours, &daemon, &["ping6", "-c", "1", "2001:db8::2"]).expect_success();
        }),
        ("interface", "", "eth0: up -> ", &|| peer.netlink().set_down("eth0").unwrap()),
    ];
    for (kind, subject, line, happens) in happens {
        happens();
        wait_for(&format!("{kind}, as JSON"), PATIENCE, || {
            let all = events(&json);
            let is_it = |event: &&Value| {
                event["kind"] == kind
                    && event["interface"] == "eth0"
                    && event["subject"].as_str().unwrap_or_default().starts_with(subject)
            };
            let event = all.iter().find(is_it)?;
            assert!(event["at_ms"].as_u64().unwrap() > 1_600_000_000_000, "{event}");
            assert!(event["text"].as_str().is_some_and(|text| !text.is_empty()), "{event}");
            Some(())
        });
        wait_for(&format!("{kind}, as a line"), PATIENCE, || {
            let all = lines.stdout();
            all.lines().any(|told| told.contains("Z eth0: ") && told.contains(line)).then_some(())
        });
    }
    // Who asks for one kind has that, and an end after as many as he wants.
    wait_for("the end of who wanted one", PATIENCE, || routes.try_wait().map(|end| assert!(end.success())));
    let kinds: Vec<Value> = events(&routes).into_iter().map(|event| event["kind"].clone()).collect();
    assert_eq!(kinds, ["route"]);
    daemon.stop();
    for monitor in [lines, json] {
        let told = monitor.finish(PATIENCE);
        assert!(told.stderr.is_empty() || told.stderr.contains("stopping"), "{told}");
    }
}

/// Who waits for something to write does not wait for ever when nobody would read it.
#[test]
fn what_goes_on_ends_with_its_reader_though_nothing_happens() {
    let Some(lab) = Lab::open() else { return };
    let ours = lab.host("ours");
    let daemon = Siding::start(&lab, &ours, &["run"], "[stack]\ncontrol = \"{control}\"\n");
    for words in ["monitor", "monitor --json", "trace", "capture any", "capture any --write -"] {
        let pipe =
            format!("{} --control {} {words} | true", Siding::binary().display(), daemon.control().display());
        let told = ours.start("sh", &["-c", &pipe]).finish(PATIENCE);
        assert!(told.succeeded() && told.stderr.is_empty(), "{words}: {told}");
    }
    daemon.stop();
}
