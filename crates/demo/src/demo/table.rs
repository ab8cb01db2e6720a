//! The table at the end.

use std::fmt;
use std::fmt::Write;
use std::time::Duration;

use super::outcome::ABSENT;
use super::outcome::DetachRow;
use super::outcome::Outcome;
use super::outcome::percentile;
use super::watch::name;

/// What a failed expectation looks like: plain, or red.
#[derive(Debug, Clone, Copy)]
pub(super) struct Style {
    pub(super) color: bool,
}

/// The whole table, ready to be printed.
///
/// # Errors
///
/// None: a string takes everything.
pub(super) fn render(outcome: &Outcome, style: Style) -> Result<String, fmt::Error> {
    let mut out = String::new();
    let workers =
        if outcome.workers == 1 { "1 worker".to_owned() } else { format!("{} workers", outcome.workers) };
    writeln!(out, "Siding on {}", outcome.place)?;
    writeln!(out, "{workers}, {:.1} s", outcome.took.as_secs_f64())?;
    pings(&mut out, outcome)?;
    neighbours(&mut out, outcome)?;
    dispatches(&mut out, outcome)?;
    drops(&mut out, outcome)?;
    lagg(&mut out, outcome)?;
    gate(&mut out, outcome)?;
    detaches(&mut out, outcome)?;
    remains(&mut out, outcome)?;
    verdict(&mut out, outcome, style)?;
    Ok(out)
}

fn pings(out: &mut String, outcome: &Outcome) -> fmt::Result {
    writeln!(out, "\n{:<40} {:>10} {:>10}", "pings", "sent", "answered")?;
    for row in &outcome.pings {
        let line = format!("  {:<38} {:>10} {:>10}  {}", row.who, row.sent, row.answered, row.note);
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

fn neighbours(out: &mut String, outcome: &Outcome) -> fmt::Result {
    writeln!(out, "\n{:<40} {:>10}", "neighbour transitions", "times")?;
    for (from, to, count) in &outcome.transitions {
        writeln!(out, "  {:<38} {count:>10}", format!("{} -> {}", name(*from), name(*to)))?;
    }
    Ok(())
}

fn dispatches(out: &mut String, outcome: &Outcome) -> fmt::Result {
    writeln!(
        out,
        "\n{:<14} {:>9} = {:>9} + {:>9} + {:>7} + {:>9} + {:>8} {:>9} {:>9}",
        "dispatches",
        "accepted",
        "handled",
        "departed",
        "flushed",
        "dropped",
        "resident",
        "refused",
        "p99 wait"
    )?;
    for kind in &outcome.remains.types {
        let lane = kind.total();
        writeln!(
            out,
            "  {:<12} {:>9} = {:>9} + {:>9} + {:>7} + {:>9} + {:>8} {:>9} {:>9}",
            kind.name,
            lane.accepted,
            lane.handled,
            lane.departed,
            lane.flushed,
            lane.dropped_oldest,
            lane.resident,
            lane.refused.total(),
            lane.residence.percentile(99.0).map_or_else(|| "-".to_owned(), time)
        )?;
    }
    Ok(())
}

fn drops(out: &mut String, outcome: &Outcome) -> fmt::Result {
    writeln!(out, "\n{:<40} {:>10}", "packets dropped by the stack", "times")?;
    for drop in &outcome.drops {
        writeln!(out, "  {:<38} {:>10}", drop.cause.to_string(), drop.count)?;
    }
    Ok(())
}

fn lagg(out: &mut String, outcome: &Outcome) -> fmt::Result {
    if let Some(why) = &outcome.no_lagg {
        writeln!(out, "\nlagg: not shown, there can be no switch here: {why}")?;
    }
    let Some(row) = &outcome.lagg else { return Ok(()) };
    writeln!(
        out,
        "\n{:<40} {:>10} {:>10} {:>10} {:>10}",
        "lagg of two ports, its primary changing", "sent", "answered", "lost", "blocked"
    )?;
    for flow in &row.flows {
        let blocked = time(flow.blocked(row.took));
        let (who, lost) = (&flow.who, flow.lost());
        writeln!(out, "  {who:<38} {:>10} {:>10} {lost:>10} {blocked:>10}", flow.sent, flow.answered)?;
    }
    let apart = row.took.as_secs_f64() * 1e3 / row.changes.max(1) as f64;
    writeln!(
        out,
        "  primary changed {} times, {apart:.0} ms apart; {} announcements",
        row.changes, row.announced
    )
}

fn gate(out: &mut String, outcome: &Outcome) -> fmt::Result {
    if let Some(why) = &outcome.no_gate {
        writeln!(out, "\nfirewall: not shown: {why}")?;
    }
    let Some(row) = &outcome.gate else { return Ok(()) };
    writeln!(
        out,
        "\nfirewall: one connection, {} round trips, the longest {}, beside {} SYNs ({} half-open states pushed out) and {} reloads",
        row.trips,
        time(row.longest),
        row.syns,
        row.pushed_out,
        row.reloads,
    )
}

fn detaches(out: &mut String, outcome: &Outcome) -> fmt::Result {
    writeln!(
        out,
        "\n{:<32} {:>7} {:>8} {:>9} {:>9} {:>9} {:>15}",
        "detaches",
        "times",
        "a second",
        "median",
        "p99",
        "max",
        format!("{ABSENT}+ timers")
    )?;
    for row in &outcome.detaches {
        let DetachRow { how, latencies, took, .. } = row;
        let at = |percent| percentile(latencies, percent).map_or_else(|| "-".to_owned(), time);
        let rate = latencies.len() as f64 / took.as_secs_f64().max(1e-9);
        writeln!(
            out,
            "  {how:<30} {:>7} {rate:>8.0} {:>9} {:>9} {:>9} {:>15}",
            latencies.len(),
            at(50),
            at(99),
            at(100),
            row.at_least(usize::from(ABSENT))
        )?;
    }
    Ok(())
}

fn remains(out: &mut String, outcome: &Outcome) -> fmt::Result {
    let frames = &outcome.frames;
    writeln!(out, "\nframes: {} sent, {} received", frames.sent, frames.received)?;
    write!(out, "  after a detach had returned: {} by our own tap", frames.after_detach)?;
    match frames.while_detached {
        Some(count) => writeln!(out, ", {count} by the kernel's counter")?,
        None => writeln!(out)?,
    }
    let remains = &outcome.remains;
    let state = if remains.missing == 0 { "full" } else { "NOT FULL" };
    let there = remains.buffers.saturating_sub(remains.missing);
    writeln!(out, "pool: {state}, {there} of {} buffers, {} refused", remains.buffers, remains.refused)
}

fn verdict(out: &mut String, outcome: &Outcome, style: Style) -> fmt::Result {
    let (red, plain) = if style.color { ("\x1b[31m", "\x1b[0m") } else { ("", "") };
    writeln!(out)?;
    for failed in &outcome.checks.failed {
        writeln!(
            out,
            "{red}FAILED: {}: expected {}, found {}{plain}",
            failed.what, failed.expected, failed.found
        )?;
    }
    if let Some(lacks) = &outcome.remains.uncaptured {
        writeln!(out, "{lacks}")?;
    }
    let (held, failed) = (outcome.checks.held, outcome.checks.failed.len());
    if failed > 0 {
        writeln!(out, "{red}{failed} of {} expectations failed{plain}", held + failed)?;
    } else if outcome.interrupted {
        writeln!(out, "interrupted: the {held} expectations that were reached held")?;
    } else {
        writeln!(out, "all {held} expectations held")?;
    }
    Ok(())
}

/// A duration in three digits or so.
fn time(duration: Duration) -> String {
    let nanos = duration.as_nanos() as f64;
    match duration.as_nanos() {
        0..1_000 => format!("{nanos} ns"),
        1_000..10_000 => format!("{:.1} us", nanos / 1e3),
        10_000..1_000_000 => format!("{:.0} us", nanos / 1e3),
        1_000_000..10_000_000 => format!("{:.2} ms", nanos / 1e6),
        10_000_000..1_000_000_000 => format!("{:.0} ms", nanos / 1e6),
        _ => format!("{:.2} s", nanos / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::outcome::FlowRow;
    use crate::demo::outcome::GateRow;
    use crate::demo::outcome::LaggRow;
    use crate::demo::outcome::PingRow;

    fn outcome() -> Outcome {
        let mut outcome = Outcome { place: "a wire".to_owned(), workers: 2, ..Outcome::default() };
        outcome.pings.push(PingRow { who: "ours to Linux".to_owned(), sent: 500, answered: 499, note: "" });
        outcome.detaches.push(DetachRow {
            how: "sockets kept open",
            latencies: vec![Duration::from_micros(250), Duration::from_millis(2)],
            pending: vec![7, 1001],
            took: Duration::from_secs(1),
        });
        outcome.lagg = Some(LaggRow {
            changes: 25,
            announced: 300,
            took: Duration::from_millis(2500),
            flows: vec![FlowRow { who: "untagged, from Linux".to_owned(), sent: 2500, answered: 2498 }],
        });
        outcome
    }

    #[test]
    fn failures_are_named_in_red_with_what_was_expected() {
        let mut outcome = outcome();
        outcome.checks.expect(false, "replies", "500 of 500", 499);
        let red = render(&outcome, Style { color: true }).unwrap();
        assert!(red.contains("\x1b[31mFAILED: replies: expected 500 of 500, found 499\x1b[0m"), "{red}");
        let plain = render(&outcome, Style { color: false }).unwrap();
        assert!(plain.contains("FAILED: replies") && !plain.contains('\x1b'), "{plain}");
        assert!(plain.ends_with("1 of 1 expectations failed\n"), "{plain}");
    }

    #[test]
    fn numbers_stand_in_their_rows() {
        let text = render(&outcome(), Style { color: false }).unwrap();
        let words = |start: &str| {
            let line = text.lines().find(|line| line.trim_start().starts_with(start)).unwrap();
            line.split_whitespace().map(str::to_owned).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(words("ours to Linux"), "ours to Linux 500 499");
        assert_eq!(words("sockets kept"), "sockets kept open 2 2 250 us 2.00 ms 2.00 ms 1");
        assert_eq!(words("untagged, from"), "untagged, from Linux 2500 2498 2 2.00 ms");
        assert_eq!(words("primary"), "primary changed 25 times, 100 ms apart; 300 announcements");
        assert_eq!(words("pool"), "pool: full, 0 of 0 buffers, 0 refused");
    }

    #[test]
    fn the_firewall_has_one_line_or_its_reason() {
        let mut outcome = outcome();
        outcome.no_gate = Some("no namespaces".to_owned());
        let text = render(&outcome, Style { color: false }).unwrap();
        assert!(text.contains("\nfirewall: not shown: no namespaces\n"), "{text}");
        let longest = Duration::from_millis(3);
        let row =
            GateRow { trips: 900, longest, syns: 40_000, pushed_out: 39_000, reloads: 25, goes_on: true };
        outcome = Outcome { gate: Some(row), ..Outcome::default() };
        let text = render(&outcome, Style { color: false }).unwrap();
        let line = "firewall: one connection, 900 round trips, the longest 3.00 ms, beside 40000 SYNs (39000 half-open \
                    states pushed out) and 25 reloads";
        assert!(text.lines().any(|other| other == line), "{text}");
    }

    #[test]
    fn times_have_three_digits_or_so() {
        let of = |nanos| time(Duration::from_nanos(nanos));
        assert_eq!([of(999), of(1_500), of(250_400)], ["999 ns", "1.5 us", "250 us"]);
        assert_eq!([of(1_234_000), of(56_000_000), of(3_210_000_000)], ["1.23 ms", "56 ms", "3.21 s"]);
    }
}
