//! Runs every scenario of `checks/scenarios` on real threads, for `.ci/sanitizers` to build with a sanitizer.
//!
//! `siding-sanitized RUNS` runs each so many times; `siding-sanitized RUNS SCENARIO MUTANT` runs one broken, to see
//! that the sanitizer tells.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use siding_scenarios::SCENARIOS;
use siding_scenarios::explore;
use siding_scenarios::set_mutant;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let (runs, only, mutant) = match args[..] {
        [runs] => (runs, None, "-"),
        [runs, scenario, mutant] => (runs, Some(scenario), mutant),
        _ => return usage(),
    };
    let Ok(runs) = runs.parse() else { return usage() };
    set_mutant(Some(mutant));
    let mut count = 0;
    for scenario in SCENARIOS.iter().filter(|scenario| only.is_none_or(|only| only == scenario.name)) {
        explore(scenario, Some(runs));
        count += 1;
    }
    println!("{count} scenarios, {runs} runs each");
    if count > 0 { ExitCode::SUCCESS } else { usage() }
}

fn usage() -> ExitCode {
    eprintln!("usage: siding-sanitized RUNS [SCENARIO MUTANT]");
    ExitCode::FAILURE
}
