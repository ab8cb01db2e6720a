//! `siding monitor`: what happens, as it happens.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use siding_output as output;

use crate::control::Client;
use crate::control::EventKind;
use crate::control::EventRow;

/// What is to be told.
#[derive(Debug, Args)]
pub(super) struct MonitorArgs {
    /// Kinds of events [default: all]
    #[arg(value_name = "KIND", value_enum)]
    kinds: Vec<EventKind>,
    /// An object of JSON on each line
    #[arg(long)]
    json: bool,
    /// End after so many events
    #[arg(long, short, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
}

/// How often it is looked whether anybody reads yet.
const LOOK: Duration = Duration::from_millis(200);

/// Tells of events until the reader, the daemon or a signal ends it.
pub(super) fn monitor(client: Client, args: &MonitorArgs) -> anyhow::Result<ExitCode> {
    let mut events = client.subscribe(&args.kinds)?;
    let mut left = args.count.unwrap_or(u64::MAX);
    while left > 0 {
        let Some(event) = events.next_within(LOOK)? else {
            output::is_read()?;
            continue;
        };
        left -= 1;
        match args.json {
            true => output::line(serde_json::to_string(&event)?)?,
            false => output::line(line(&event))?,
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// When, where, what; in UTC.
fn line(event: &EventRow) -> String {
    let time = time(event.at_ms);
    match &event.interface {
        Some(interface) => format!("{time} {interface}: {}", event.text),
        None => format!("{time} {}", event.text),
    }
}

/// As RFC 3339 writes it.
fn time(at_ms: u64) -> String {
    let (seconds, ms) = (at_ms / 1000, at_ms % 1000);
    let (days, of_day) = (seconds / 86_400, seconds % 86_400);
    // Years begin in March here, so that a leap day is the last of its year; 719,468 days lie between the first of March
    // of the year 0 and 1970.
    let day = days + 719_468;
    let (era, of_era) = (day / 146_097, day % 146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let (month, later) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    let year = year + era * 400 + later;
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_known_moments() {
        for (seconds, expected) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_399, "2000-02-28T23:59:59.000Z"),
            (951_782_400, "2000-02-29T00:00:00.000Z"),
            (1_735_689_599, "2024-12-31T23:59:59.000Z"),
            (1_772_323_200, "2026-03-01T00:00:00.000Z"),
            (4_107_542_400, "2100-03-01T00:00:00.000Z"),
        ] {
            assert_eq!(time(seconds * 1000), expected);
        }
        assert!(time(1_234_567_890_123).ends_with(":30.123Z"));
    }

    #[test]
    fn a_line_says_where() {
        let event = EventRow {
            at_ms: 0,
            kind: EventKind::Address,
            interface: Some("eth0".into()),
            subject: None,
            from: None,
            to: None,
            count: None,
            text: "it happened".into(),
        };
        assert_eq!(line(&event), "1970-01-01T00:00:00.000Z eth0: it happened");
    }
}
