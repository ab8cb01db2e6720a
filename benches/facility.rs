//! The facility against its peers: `cargo bench -p siding-benches`.
//!
//! `--quick` is for CI (a few seconds, figures that mean little), `--json FILE` keeps every round.

#![forbid(unsafe_code)]

use std::error::Error;
use std::io;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

use siding_benches::contestants;
use siding_benches::machine;
use siding_benches::measure;
use siding_benches::report;
use siding_benches::report::Report;
use siding_benches::scenario::Plan;
use siding_benches::scenario::Scenario;
use siding_benches::targets;

/// Nanoseconds per item of 64 bytes, by value, and the ratio to the reference, for the facility and its peers.
#[derive(Debug, Parser)]
struct Options {
    /// A short run, to see that everything works.
    #[arg(long)]
    quick: bool,
    /// Rounds of each contestant in each scenario.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: Option<u16>,
    /// Items in each round.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=1 << 32))]
    items: Option<u64>,
    /// Only contestants whose name contains this; without the facility's own row there are no ratios.
    #[arg(long, value_name = "NAME")]
    row: Option<String>,
    /// Only scenarios whose name contains this.
    #[arg(long, value_name = "NAME")]
    scenario: Option<String>,
    /// Where to save every round's figures.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Passed by `cargo bench`; no effect.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("facility: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let (rounds, items) = if options.quick { (3, 40_000) } else { (7, 1_000_000) };
    let rounds = options.rounds.map_or(rounds, usize::from);
    let items = options.items.unwrap_or(items);
    let plan = Plan { warm_up: items / 10, items, capacity: 1024 };
    let is_wanted = |only: &Option<String>, name: &str| only.as_ref().is_none_or(|only| name.contains(only));
    let mut rows = contestants::all();
    rows.retain(|row| is_wanted(&options.row, row.name));
    let reference = contestants::REFERENCE;

    let mut out = io::stdout().lock();
    writeln!(
        out,
        "64-byte payloads by value, {} slots, {rounds} rounds of {items} items, contestants in turns.\n\
         Median of the rounds; the ratio is time relative to {reference} in the same round (below 1 is faster).\n\
         All times include making and checking the payload; DPDK's also a call into C per push and per drain.\n\
         On {}.\n",
        plan.capacity,
        machine::describe()
    )?;
    let mut columns = Vec::new();
    for scenario in Scenario::ALL.into_iter().filter(|scenario| is_wanted(&options.scenario, scenario.name()))
    {
        let column = measure::measure(scenario, &rows, reference, rounds, &plan)?;
        report::write_column(&column, reference, &mut out)?;
        out.flush()?;
        columns.push(column);
    }
    let report = Report { reference, rounds, plan, columns };
    report::write_summary(&report, &mut out)?;
    targets::write_targets(&report.columns, &mut out)?;
    if let Some(path) = &options.json {
        report::save_json(&report, path)?;
    }
    Ok(())
}
