//! The stack as a router in memory: `cargo bench -p siding-benches --bench forwarding`.
//!
//! Times are of the machine that it runs on, at that moment: only ratios within one run mean something. Each goal is
//! printed with PASS or MISS.

#![forbid(unsafe_code)]

use std::error::Error;
use std::fs;
use std::io;
use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;

use siding_benches::router::Shape;
use siding_benches::sharing;
use siding_benches::sharing::Plan;

/// What two workers of one stack carry, over what two stacks carry that share nothing.
const GOAL: f64 = 0.95;

/// What a second worker is worth, in memory, with batches of 64 and of 4.
#[derive(Debug, Parser)]
struct Options {
    /// A short run, to see that everything works.
    #[arg(long)]
    quick: bool,
    /// Rounds; the median counts.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,
    /// IPv6 routes.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=65_536))]
    routes: u32,
    /// Passed by `cargo bench`; no effect.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("forwarding: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let (turns, milliseconds) = if options.quick { (3, 2) } else { (15, 20) };
    let plan = Plan { rounds: options.rounds.into(), turns, turn: Duration::from_millis(milliseconds) };
    let routes = options.routes as usize;
    let flows = 65_536;
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "IPv6 packets of 64 bytes, forwarded in memory; {routes} routes, {flows} flows of each worker spread over all of \
         them, 64 next hops, no filter.\n\
         Workers on cores 0 and 1; {} rounds of {turns} x {milliseconds} ms of each arrangement in turns; processor time of \
         the workers' threads.\n\
         {}, load before {}\n",
        plan.rounds,
        processor(),
        load(),
    )?;
    writeln!(out, "batch   one worker   two of one stack   two stacks   ratio (rounds)")?;
    let mut verdicts = Vec::new();
    for batch in [64, 4] {
        let outcome = sharing::measure(Shape { batch, routes, flows }, plan)?;
        let ratios: Vec<String> = outcome.ratios.iter().map(|ratio| format!("{ratio:.2}")).collect();
        writeln!(
            out,
            "{batch:>5} {:>9.1} ns {:>15.1} ns {:>9.1} ns   {:.2} ({})",
            outcome.alone,
            outcome.together,
            outcome.apart,
            outcome.ratio,
            ratios.join(" "),
        )?;
        let verdict = if outcome.ratio >= GOAL { "PASS" } else { "MISS" };
        verdicts.push(format!(
            "  {verdict} two workers of one stack, batches of {batch}: {:.2} x two stacks that share nothing, at least {GOAL}",
            outcome.ratio,
        ));
    }
    writeln!(out, "\nGoals")?;
    for verdict in verdicts {
        writeln!(out, "{verdict}")?;
    }
    Ok(())
}

fn processor() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    model.map_or_else(|| "unknown processor".to_owned(), |(_, model)| model.to_owned())
}

fn load() -> String {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split_whitespace().next().unwrap_or("unknown").to_owned()
}
