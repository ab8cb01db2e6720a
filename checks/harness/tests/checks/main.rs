//! Runs every scenario under every checker, then every mutant; see `checks/README.md`.
//!
//! Each run is a process of its own (this program, with `--run`): the mutant switch is one for a process, the
//! first panic ends it, whatever threads it leaves behind, and one that hangs can be killed.

mod job;
mod table;

use std::collections::VecDeque;
use std::io::IsTerminal;
use std::io::Write;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Instant;

use job::Checker;
use job::Job;
use job::Outcome;
use on_threads::MUTANTS;
use on_threads::SCENARIOS;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if args.first().is_some_and(|arg| arg == "--run") {
        return job::run_here(&args[1..]);
    }
    if args.iter().any(|arg| arg == "--list") {
        println!("checks: test");
        return ExitCode::SUCCESS;
    }
    // What `cargo test` users pass on: options mean nothing here, a word selects the jobs that contain it.
    let wanted: Vec<&String> = args.iter().filter(|arg| !arg.starts_with('-')).collect();
    let mut jobs = all_jobs();
    jobs.retain(|job| wanted.is_empty() || wanted.iter().any(|word| job.to_string().contains(*word)));
    if jobs.is_empty() {
        println!("checks: no job's name contains {wanted:?}");
        return ExitCode::SUCCESS;
    }
    let begun = Instant::now();
    let done = run_all(jobs);
    let mut good = report(&done);
    println!("checks: {} runs in {:.0?}", done.len(), begun.elapsed());
    if wanted.is_empty() {
        good &= table::check(&done);
    }
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn all_jobs() -> Vec<Job> {
    let plain = SCENARIOS.iter().map(|scenario| (scenario.name, None));
    let broken = MUTANTS.iter().map(|mutant| (mutant.scenario, Some(mutant.name)));
    let mut jobs: Vec<Job> = plain
        .chain(broken)
        .flat_map(|(scenario, mutant)| Checker::ALL.map(|checker| Job { checker, scenario, mutant }))
        .collect();
    // The long ones first, so that no core idles at the end.
    jobs.sort_by_key(|job| (job.mutant.is_some(), job.checker));
    jobs
}

/// Runs the jobs, as many at a time as there are cores, and tells how far it is.
fn run_all(jobs: Vec<Job>) -> Vec<(Job, Outcome)> {
    let total = jobs.len();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let waiting = Mutex::new(VecDeque::from(jobs));
    let done = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                loop {
                    let Some(job) = waiting.lock().unwrap_or_else(PoisonError::into_inner).pop_front() else {
                        break;
                    };
                    let outcome = job.run();
                    let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
                    done.push((job, outcome));
                    progress(done.len(), total, &done[done.len() - 1]);
                }
            });
        }
    });
    if std::io::stderr().is_terminal() {
        eprint!("\r\x1b[K");
    }
    done.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// A bar on a terminal; elsewhere silence, for the report follows.
fn progress(done: usize, total: usize, (job, outcome): &(Job, Outcome)) {
    if std::env::var_os("SIDING_CHECKS_VERBOSE").is_some() {
        eprintln!("{done}/{total} {job}: {outcome}");
    } else if std::io::stderr().is_terminal() {
        let filled = 30 * done / total;
        eprint!("\r\x1b[K[{}{}] {done}/{total} {job}", "#".repeat(filled), ".".repeat(30 - filled));
        let _best_effort = std::io::stderr().flush();
    }
}

/// Prints what each run came to. False if a scenario failed, or a mutant survived every checker.
fn report(done: &[(Job, Outcome)]) -> bool {
    let mut good = true;
    println!("\nscenarios");
    for scenario in SCENARIOS {
        for checker in Checker::ALL {
            let Some(outcome) = table::outcome(done, checker, scenario.name, None) else { continue };
            let bound = match (checker, scenario.preemptions) {
                (Checker::Loom, None) => "all".to_string(),
                (Checker::Loom, Some(bound)) => format!("<= {bound} preemptions"),
                _ => String::new(),
            };
            println!("  {:<26} {:<8} {outcome} {bound}", scenario.name, checker.name());
            if !outcome.passed() {
                good = false;
                println!("FAILED: {} under {}: {}", scenario.name, checker.name(), outcome.message());
            }
        }
    }
    println!("\nmutants");
    for mutant in MUTANTS {
        let outcomes: Vec<_> = Checker::ALL
            .iter()
            .filter_map(|checker| {
                Some((checker, table::outcome(done, *checker, mutant.scenario, Some(mutant.name))?))
            })
            .collect();
        for (checker, outcome) in &outcomes {
            println!("  {} {:<32} {:<8} {outcome}", mutant.promise, mutant.name, checker.name());
            if outcome.broke() {
                good = false;
                println!("FAILED: mutant '{}' under {}: {}", mutant.name, checker.name(), outcome.message());
            }
        }
        if !outcomes.is_empty()
            && !outcomes.iter().any(|(checker, outcome)| checker.counts() && outcome.caught())
        {
            good = false;
            println!("SURVIVED: mutant '{}' ({}), {}", mutant.name, mutant.promise, mutant.what);
        }
    }
    good
}
