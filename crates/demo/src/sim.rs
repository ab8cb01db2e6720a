//! `siding sim`: many worlds from seeds, until one shows something.

use std::io::IsTerminal;
use std::io::Write;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Duration;
use std::time::Instant;

use siding_output as output;
use siding_sim::Failure;
use siding_sim::Summary;

/// A range of seeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seeds {
    pub(crate) first: u64,
    pub(crate) end: u64,
}

impl std::str::FromStr for Seeds {
    type Err = String;

    fn from_str(text: &str) -> Result<Seeds, String> {
        let range = text.split_once("..").and_then(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?)));
        match range {
            Some((first, end)) if first < end => Ok(Seeds { first, end }),
            Some(_) => Err("the range is empty: give A..B with A below B".into()),
            None => Err("give two numbers with two dots between, as in 0..1000".into()),
        }
    }
}

impl std::fmt::Display for Seeds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}..{}", self.first, self.end)
    }
}

/// Runs every seed, on every core, and shows how far it is.
///
/// # Errors
///
/// Nothing: a seed that fails is an exit status, with its log on standard output.
pub(crate) fn run(seeds: &Seeds, log: bool) -> anyhow::Result<ExitCode> {
    if log {
        return show(seeds.first);
    }
    // A panic inside a world is a finding, told below; its backtrace would drown it.
    std::panic::set_hook(Box::new(|_| {}));
    let begun = Instant::now();
    let found = explore(seeds, begun);
    let _default = std::panic::take_hook();
    let done = found.done;
    let rate = done as f64 / begun.elapsed().as_secs_f64().max(1e-9);
    match found.failure {
        None => {
            output::line(format_args!(
                "{done} seeds hold ({seeds}): {} frames, {} packets deferred, {} of them departed; {rate:.0} seeds/s",
                found.frames, found.dispatched, found.departed
            ))?;
            Ok(ExitCode::SUCCESS)
        }
        Some(failure) => {
            // First, for whoever reads only the end of a long log.
            output::complain(format_args!(
                "siding: seed {0} fails; again with `siding sim --seeds {0}..{1}`\n",
                failure.seed,
                failure.seed + 1
            ));
            tell(&failure)
        }
    }
}

#[derive(Default)]
struct Found {
    done: u64,
    frames: u64,
    dispatched: u64,
    departed: u64,
    /// The failure of the lowest seed so far.
    failure: Option<Box<Failure>>,
}

impl Found {
    fn add(&mut self, run: Result<Summary, Box<Failure>>) {
        self.done += 1;
        match run {
            Ok(summary) => {
                self.frames += summary.frames;
                self.dispatched += summary.dispatched;
                self.departed += summary.departed;
            }
            Err(failure) => {
                if self.failure.as_ref().is_none_or(|other| failure.seed < other.seed) {
                    self.failure = Some(failure);
                }
            }
        }
    }
}

/// Seeds are independent, so each core takes the next one. All below a failing seed still run: the first
/// that fails is told, whichever core was faster.
fn explore(seeds: &Seeds, begun: Instant) -> Found {
    let next = AtomicU64::new(seeds.first);
    let found = Mutex::new(Found::default());
    let lock = || found.lock().unwrap_or_else(PoisonError::into_inner);
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end || lock().failure.as_ref().is_some_and(|failure| failure.seed < seed) {
                break;
            }
            let run = siding_sim::run_seed(seed);
            lock().add(run);
        }
    };
    std::thread::scope(|scope| {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        while !workers.iter().all(|worker| worker.is_finished()) {
            std::thread::sleep(Duration::from_millis(100));
            progress(lock().done, seeds.end - seeds.first, begun);
        }
    });
    if std::io::stderr().is_terminal() {
        output::complain("\r\x1b[K");
    }
    found.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// A line on a terminal, rewritten; nothing elsewhere.
fn progress(done: u64, all: u64, begun: Instant) {
    let mut err = std::io::stderr();
    if !err.is_terminal() {
        return;
    }
    let width = 30;
    let full = (done * width / all.max(1)) as usize;
    let rate = done as f64 / begun.elapsed().as_secs_f64();
    let bar = format!("{}{}", "#".repeat(full), ".".repeat(width as usize - full));
    // A terminal that has gone away is no reason to stop.
    let _ = write!(err, "\r[{bar}] {done}/{all} seeds, {rate:.0}/s ");
    let _ = err.flush();
}

/// One seed's log.
fn show(seed: u64) -> anyhow::Result<ExitCode> {
    match siding_sim::run_seed(seed) {
        Ok(summary) => {
            summary.log.iter().try_for_each(output::line)?;
            output::line(format_args!("seed {seed} holds"))?;
            Ok(ExitCode::SUCCESS)
        }
        Err(failure) => tell(&failure),
    }
}

/// What went wrong. It is a failure even if nobody reads on.
fn tell(failure: &Failure) -> anyhow::Result<ExitCode> {
    let told = failure.log.iter().try_for_each(output::line).and_then(|()| output::line(failure));
    match told {
        Err(error) if !error.is::<output::Closed>() => Err(error),
        _ => Ok(ExitCode::FAILURE),
    }
}
