//! One scenario under one checker, whole or broken.

use std::fmt;
use std::process::Command;
use std::process::ExitCode;
use std::process::Stdio;
use std::time::Duration;
use std::time::Instant;

/// Longer than any run takes; one that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(300);
/// For mutants on real threads, where a deadlock shows in no other way.
const THREADS_PATIENCE: Duration = Duration::from_secs(10);

const SCHEDULES: u64 = 2_000;
const RUNS_ON_THREADS: u64 = 2_000;
/// Seeds for the simulator.
const SEEDS: u64 = 500;
/// With a bound of 1, loom misses the crash of the design. What it misses with 2 it looks for again with 4: what it
/// leaves out as equivalent may need one more preemption than a person would.
const PREEMPTIONS_OF_MUTANTS: [u64; 2] = [2, 4];

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Checker {
    Loom,
    Shuttle,
    Simulator,
    Threads,
}

impl Checker {
    pub(crate) const ALL: [Checker; 4] =
        [Checker::Loom, Checker::Shuttle, Checker::Simulator, Checker::Threads];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Checker::Loom => "loom",
            Checker::Shuttle => "shuttle",
            Checker::Simulator => "simulator",
            Checker::Threads => "threads",
        }
    }

    /// Whether what it catches, it catches every time.
    pub(crate) fn counts(self) -> bool {
        matches!(self, Checker::Loom | Checker::Shuttle)
    }
}

#[derive(Clone, Copy)]
pub(crate) struct Job {
    pub(crate) checker: Checker,
    pub(crate) scenario: &'static str,
    pub(crate) mutant: Option<&'static str>,
}

impl fmt::Display for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.checker.name(), self.scenario, self.mutant.unwrap_or("-"))
    }
}

/// What a run came to, after so many executions.
pub(crate) struct Outcome {
    end: End,
    pub(crate) executions: u64,
    took: Duration,
}

enum End {
    Passed,
    Caught(String),
    Hung,
    Broke(String),
}

impl Job {
    /// Runs in a process of its own.
    pub(crate) fn run(&self) -> Outcome {
        let begun = Instant::now();
        let (end, executions) = self.run_there().unwrap_or_else(|why| (End::Broke(why), 0));
        Outcome { end, executions, took: begun.elapsed() }
    }

    fn run_there(&self) -> Result<(End, u64), String> {
        let program = std::env::current_exe().map_err(|error| error.to_string())?;
        let mut child = Command::new(program)
            .args(["--run", self.checker.name(), self.scenario, self.mutant.unwrap_or("-")])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| error.to_string())?;
        let patience = match (self.checker, self.mutant) {
            (Checker::Threads | Checker::Simulator, Some(_)) => THREADS_PATIENCE,
            _ => PATIENCE,
        };
        let begun = Instant::now();
        while child.try_wait().map_err(|error| error.to_string())?.is_none() {
            if begun.elapsed() > patience {
                child.kill().and_then(|()| child.wait()).map_err(|error| error.to_string())?;
                return Ok((End::Hung, 0));
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        let output = child.wait_with_output().map_err(|error| error.to_string())?;
        let text = String::from_utf8_lossy(&output.stdout);
        let line = text.lines().find(|line| line.starts_with("outcome\t")).unwrap_or_default();
        let fields: Vec<&str> = line.splitn(4, '\t').collect();
        match fields[..] {
            [_, "passed", executions, _] => Ok((End::Passed, executions.parse().unwrap_or(0))),
            [_, "caught", executions, what] => {
                Ok((End::Caught(what.to_string()), executions.parse().unwrap_or(0)))
            }
            _ => Err(format!("the process ended with {} and said nothing", output.status)),
        }
    }
}

impl Outcome {
    pub(crate) fn passed(&self) -> bool {
        matches!(self.end, End::Passed)
    }

    /// A hang is a finding too, on real threads: that is how a deadlock shows there.
    pub(crate) fn caught(&self) -> bool {
        matches!(self.end, End::Caught(_) | End::Hung)
    }

    pub(crate) fn broke(&self) -> bool {
        matches!(self.end, End::Broke(_))
    }

    pub(crate) fn message(&self) -> &str {
        match &self.end {
            End::Passed => "no finding",
            End::Caught(what) | End::Broke(what) => what,
            End::Hung => "hangs",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let took = self.took.as_secs_f64();
        match &self.end {
            End::Passed => write!(f, "{:>9} executions {took:>6.2} s", self.executions),
            _ => write!(f, "{:>9} executions {took:>6.2} s: {}", self.executions, self.message()),
        }
    }
}

/// Runs here, in this process, and ends it at the first panic.
pub(crate) fn run_here(args: &[String]) -> ExitCode {
    let [checker, scenario, mutant] = args else { return ExitCode::FAILURE };
    match checker.as_str() {
        "loom" => {
            let find = on_loom::SCENARIOS.iter().find(|known| known.name == scenario);
            let Some(found) = find else { return ExitCode::FAILURE };
            on_first_panic(on_loom::executions);
            on_loom::set_mutant(Some(mutant));
            if mutant == "-" {
                on_loom::explore(found, found.preemptions);
            } else {
                PREEMPTIONS_OF_MUTANTS.iter().for_each(|bound| on_loom::explore(found, Some(*bound)));
            }
            passed(on_loom::executions())
        }
        "shuttle" => {
            let find = on_shuttle::SCENARIOS.iter().find(|known| known.name == scenario);
            let Some(found) = find else { return ExitCode::FAILURE };
            on_first_panic(on_shuttle::executions);
            on_shuttle::set_mutant(Some(mutant));
            on_shuttle::explore(found, Some(SCHEDULES));
            passed(on_shuttle::executions())
        }
        "simulator" => {
            let find = on_simulator::SCENARIOS.iter().find(|known| known.name == scenario);
            let Some(found) = find else { return ExitCode::FAILURE };
            on_first_panic(on_simulator::executions);
            on_simulator::set_mutant(Some(mutant));
            on_simulator::explore(found, Some(SEEDS));
            passed(on_simulator::executions())
        }
        _ => {
            let find = on_threads::SCENARIOS.iter().find(|known| known.name == scenario);
            let Some(found) = find else { return ExitCode::FAILURE };
            on_first_panic(on_threads::executions);
            on_threads::set_mutant(Some(mutant));
            on_threads::explore(found, Some(RUNS_ON_THREADS));
            passed(on_threads::executions())
        }
    }
}

fn passed(executions: u64) -> ExitCode {
    println!("outcome\tpassed\t{executions}\t");
    ExitCode::SUCCESS
}

/// A checker that has found something leaves threads in the middle of what they did; nothing can be unwound.
fn on_first_panic(executions: fn() -> u64) {
    std::panic::set_hook(Box::new(move |info| {
        let payload = info.payload();
        let owned = payload.downcast_ref::<String>().map(String::as_str);
        let words = payload.downcast_ref::<&str>().copied().or(owned);
        let what = words.and_then(|words| words.lines().next()).unwrap_or("a panic without words");
        println!("outcome\tcaught\t{}\t{what}", executions());
        std::process::exit(1);
    }));
}
