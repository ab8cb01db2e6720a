//! Effective blocked time (RFC-less, but FD.io's): packets lost by a planned change, divided by the rate. It is to be 0.

use std::fmt::Write;
use std::ops::Range;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use siding_tests::need;

use super::flow::Flow;
use super::flow::Tally;
use super::rig::LAGG_MAC;
use super::rig::Rig;
use super::rig::full;

/// A kind of change: how it is made, with the number of the round, and how things are put back for the next.
struct Change {
    name: &'static str,
    make: fn(&mut Rig, usize),
    undo: fn(&mut Rig, usize),
}

const CHANGES: [Change; 6] = [
    Change { name: "nothing", make: |_, _| {}, undo: |_, _| {} },
    Change {
        name: "add a port",
        make: |rig, _| rig.change("add-port", r#""port":"p2""#),
        undo: |rig, _| rig.change("remove-port", r#""port":"p2""#),
    },
    Change {
        name: "remove a standby",
        make: |rig, _| rig.change("remove-port", r#""port":"p1""#),
        undo: |rig, _| rig.change("add-port", r#""port":"p1","priority":99"#),
    },
    Change {
        name: "remove the active",
        make: |rig, _| rig.change("remove-port", r#""port":"p0""#),
        // It is the best again: one more planned change of the port in use.
        undo: |rig, _| rig.change("add-port", r#""port":"p0","priority":100"#),
    },
    Change {
        name: "change the primary",
        make: |rig, round| rig.change("set-primary", [r#""port":"p1""#, r#""port":"p0""#][round % 2]),
        undo: |_, _| {},
    },
    Change {
        name: "change the MAC",
        make: |rig, round| {
            let mut mac = LAGG_MAC;
            mac.0[4] = round as u8 + 1;
            rig.change("set-mac", &format!(r#""mac":"{mac}""#));
        },
        undo: |_, _| {},
    },
];

/// What one kind of change has cost, both directions together.
#[derive(Default)]
struct Cost {
    changes: usize,
    lost: u64,
    worst: u64,
}

#[test]
fn t33_planned_changes_lose_nothing() {
    if !need(&["ip", "ping"]) {
        return;
    }
    let Some(mut rig) = Rig::new(3, 2) else { return };
    // The third port comes and goes.
    rig.change("remove-port", r#""port":"p2""#);
    let (rate, rounds, pause) = match full() {
        true => (lossless_rate(&rig) * 9 / 10, 100, Duration::from_millis(50)),
        false => (2_000, 6, Duration::from_millis(40)),
    };
    let pinging = rig.far.start("ping", &["-q", "-i", "0.02", "2001:db8:b::1"]);
    let flow = Flow::start(&rig.source, &rig.far, rate);
    thread::sleep(Duration::from_millis(300));
    let mut windows: Vec<(usize, Range<u64>)> = Vec::new();
    for (kind, change) in CHANGES.iter().enumerate() {
        for round in 0..rounds {
            for (step, counted) in [(change.make, true), (change.undo, false)] {
                let from = flow.sent();
                step(&mut rig, round);
                thread::sleep(pause);
                if counted || change.name == "remove the active" {
                    windows.push((kind, from..flow.sent()));
                }
            }
        }
    }
    let tallies = flow.stop();
    let pings = pinging_ended(pinging);
    let mut costs: Vec<Cost> = CHANGES.iter().map(|_| Cost::default()).collect();
    for (kind, window) in windows {
        let lost: u64 = tallies.iter().map(|tally| tally.lost(window.clone())).sum();
        let cost = &mut costs[kind];
        cost.changes += 1;
        cost.lost += lost;
        cost.worst = cost.worst.max(lost);
    }
    let text = report(rate, &costs, &tallies, &pings);
    println!("{text}{}", rig.drops());
    let lost: u64 = tallies.iter().map(|tally| tally.lost(0..tally.sent)).sum();
    assert_eq!(lost, 0, "{text}{}", rig.drops());
    assert!(pings.contains(" 0% packet loss"), "{pings}");
    rig.daemon.stop();
}

/// Ends the ping as Ctrl-C does, and gives its summary.
fn pinging_ended(mut pinging: siding_tests::Running) -> String {
    pinging.signal(rustix::process::Signal::INT);
    let text = pinging.finish(Duration::from_secs(10)).stdout;
    text.lines().filter(|line| line.contains("transmitted")).collect()
}

/// The highest rate each way at which nothing is lost in three times a second.
fn lossless_rate(rig: &Rig) -> u64 {
    let holds = |rate: u64| {
        (0..3).all(|_| {
            let flow = Flow::start(&rig.source, &rig.far, rate);
            let begun = Instant::now();
            thread::sleep(Duration::from_secs(1));
            let (sent, took) = (flow.sent(), begun.elapsed());
            let kept_up = sent as f64 > rate as f64 * took.as_secs_f64() * 0.95;
            let tallies = flow.stop();
            kept_up && tallies.iter().all(|tally| tally.lost(0..tally.sent) == 0)
        })
    };
    let (mut low, mut high) = (1_000, 400_000);
    while high - low > 2_000 {
        let middle = (low + high) / 2;
        if holds(middle) { low = middle } else { high = middle }
    }
    low
}

fn report(rate: u64, costs: &[Cost], tallies: &[Tally; 2], pings: &str) -> String {
    let mut text = format!("{rate} packets a second each way\n");
    for (change, cost) in CHANGES.iter().zip(costs) {
        let blocked = cost.worst as f64 / rate as f64 * 1e6;
        let Cost { changes, lost, worst } = cost;
        let name = change.name;
        let _ = writeln!(
            text,
            "{name:20} {changes:4} times: {lost} lost, {worst} at worst, blocked {blocked:.0} us"
        );
    }
    for (tally, way) in tallies.iter().zip(["towards the lagg", "from the lagg"]) {
        let Tally { sent, twice, late, .. } = tally;
        let lost = tally.lost(0..*sent);
        let _ = writeln!(text, "{way}: {sent} sent, {lost} lost, {twice} twice, {late} out of order");
    }
    text + "ping of Linux behind the switch: " + pings + "\n"
}
