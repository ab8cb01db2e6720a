//! From a configuration to a daemon, and to its end.

use std::hash::BuildHasher;
use std::hash::RandomState;
use std::io::Read;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::RwLock;
use std::time::Duration;

use anyhow::Context;
use siding_drivers::kernel::Records;
use siding_judge::Filter;
use siding_lockorder::Root;
use siding_mbuf::Pool;
use siding_mbuf::PoolConfig;
use siding_runtime as runtime;
use siding_runtime::EventWake;
use siding_runtime::Runtime;
use siding_runtime::RuntimeConfig;
use siding_runtime::trip;
use siding_stack::Stack;

use super::confine;
use super::door::Doors;
use super::door::Metrics;
use super::fence::Fence;
use super::signals::Signals;
use super::stop::unless_bug;
use super::watch;
use super::watch::End;
use super::watch::Helpers;
use super::watch::StopWatch;
use crate::config::Config;
use crate::config::MOST_INTERFACES;
use crate::control;
use crate::control::Sessions;
use crate::state::closing::Closing;
use crate::state::daemon::Daemon;
use crate::state::daemon::Free;
use crate::state::log;
use crate::state::log::Log;
use crate::state::news::LinkNews;
use crate::state::port;
use crate::state::port::Opener;
use crate::state::running::Loaded;
use crate::state::spare::Spare;
use crate::state::tell;

/// In front of a packet: the longest headers that forwarding and tags may add, with room to spare.
const HEADROOM: u16 = 128;

/// A frame's header, as many VLAN tags as can be on it, and one byte more by which a driver sees that a frame is longer.
const FRAMING: u16 = 14 + 4 * siding_stack::DEEPEST as u16 + 1;

/// Runs the stack that the file describes, until a signal ends it.
///
/// # Errors
///
/// It could not be started.
pub(crate) fn run(file: &Path, control: Option<&Path>, records: Option<&Path>) -> anyhow::Result<ExitCode> {
    let read = Loaded::new(Config::load(file)?);
    let file = std::path::absolute(file)?;
    // From the first moment on: a signal that comes while we start is a stop, too.
    let signals = Signals::catch().context("cannot listen to signals")?;
    trip::arm_by_environment();
    // Whoever may not yet is told by these before anything is given up.
    let doors = Doors::make(&read.config, control)?;
    let metrics = Metrics::make(&read.config)?;
    // Before there are threads, of which each has what its maker has.
    let fence = || Fence::new(&read.config, &file, doors.control.path(), records);
    let confined = read.config.stack.security.confine;
    let absent = if confined { Fence::absent(&read.config) } else { Vec::new() };
    let kept = if confined { confine::confine(&fence()) } else { Vec::new() };
    // Before there are threads: a log or a capture as long as a file may be is no reason to end (it is lost, as on a full
    // disk). The workers hear the signal when somebody sends it.
    siding_drivers::kernel::hold_signal(libc::SIGXFSZ);
    log::start(read.config.stack.log).context("cannot start the log's thread")?;
    // A panic ends this function, too.
    let _finish = tell::Finish;
    for what in absent {
        tracing::warn!("{what}");
    }
    for what in kept {
        tracing::warn!("not given up: {what}");
    }
    until_ended(&read, &file, Open { signals, doors, metrics }, records)
}

/// What is open from the start.
struct Open {
    signals: Signals,
    doors: Doors,
    metrics: Option<Metrics>,
}

fn until_ended(read: &Loaded, file: &Path, open: Open, records: Option<&Path>) -> anyhow::Result<ExitCode> {
    let mut root = Root::new();
    let mut entered = root.enter()?;
    let ctx = &mut entered.ctx();
    let daemon = Arc::new(start(read, file, open_records(records))?);
    let Open { signals, doors, metrics } = open;
    // Told once that it ends, however that comes: by whoever ends the work, or here if that has met a bug.
    let mut ending =
        Ending { signals: Some(signals), longest: read.config.stack.stop_timeout, watched: None };
    let ended = unless_bug("at work", || work(ctx, &daemon, (&doors, metrics), &mut ending));
    ending.begin(&daemon);
    let ended = ended.and_then(|ended| ended);
    let stopped = daemon.stop_for_good(ctx);
    drop(ending);
    daemon.log.say_left_out(true);
    for error in stopped.as_ref().err().into_iter().flatten() {
        tracing::error!("stopping: {error:#}");
    }
    let ended = ended?;
    match (ended, stopped) {
        (End::Told, Ok(())) => {
            tracing::info!("stopped: every packet accounted for, every buffer back");
            Ok(ExitCode::SUCCESS)
        }
        _ => Ok(ExitCode::FAILURE),
    }
}

/// How the end is seen to: who heard signals while there was work hears them then.
struct Ending {
    signals: Option<Signals>,
    /// A stop that takes longer is ended.
    longest: Duration,
    watched: Option<StopWatch>,
}

impl Ending {
    /// From here on it ends, and who has started us is told; nothing if that was so already.
    fn begin(&mut self, daemon: &Arc<Daemon>) {
        if let Some(signals) = self.signals.take() {
            self.watched = Some(StopWatch::start(signals, self.longest, daemon));
        }
    }
}

/// From the configuration until somebody or something ends it; then nobody is spoken to any more.
fn work(
    ctx: &mut Free<'_>,
    daemon: &Arc<Daemon>,
    (doors, metrics): (&Doors, Option<Metrics>),
    ending: &mut Ending,
) -> anyhow::Result<End> {
    trip::at("starting");
    let asked = ending.signals.as_ref();
    let configured = daemon.configure(ctx, || asked.is_some_and(Signals::ask_to_stop));
    // Only now: what we use is adopted, and stays as it is until the end.
    daemon.restore_leftovers();
    configured?;
    let metrics = metrics.map(|metrics| metrics.serve(daemon)).transpose()?;
    let open = doors.open(daemon)?;
    // Only now: what the kernel tells of our own preparations is no news. The first events are the links as they are.
    let mut helpers = Helpers::start(daemon, open);
    tracing::info!("control socket at {}", doors.control.path().display());
    let ended = match &mut ending.signals {
        Some(signals) => watch::watch(ctx, signals, &mut helpers),
        None => End::Failed,
    };
    // Before anybody is waited for.
    ending.begin(daemon);
    unless_bug("ending threads", || {
        helpers.stop();
        drop(metrics);
    })
    .map(|()| ended)
}

/// What nobody may guess, from the system.
fn secret() -> std::io::Result<[u8; 16]> {
    let mut secret = [0; 16];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut secret)?;
    Ok(secret)
}

/// Where claims are written down. Without such a place we work all the same.
fn open_records(directory: Option<&Path>) -> Option<Records> {
    let Some(directory) = directory.map(Path::to_owned).or_else(control::run_directory) else {
        tracing::warn!("no run directory: if we are killed, the kernel's interfaces stay as we need them");
        return None;
    };
    let opened = Records::open(&directory);
    let warn = |error: &std::io::Error| {
        let shown = directory.display();
        tracing::warn!(
            "cannot use {shown}: {error}; if we are killed, the kernel's interfaces stay as we need them"
        );
    };
    opened.inspect_err(warn).ok()
}

fn start(read: &Loaded, file: &Path, records: Option<Records>) -> anyhow::Result<Daemon> {
    let config = &read.config;
    let stack = &config.stack;
    let largest = port::largest(&config.interfaces);
    let size = (u32::from(HEADROOM) + u32::from(FRAMING) + u32::from(largest)).next_multiple_of(64).max(2048);
    let pool = Pool::new(PoolConfig { buffers: stack.buffers, size, headroom: HEADROOM })
        .with_context(|| format!("{} buffers of {size} bytes", stack.buffers))?;
    let wake = EventWake::new(stack.workers).context("cannot make the workers' eventfds")?;
    let log = Arc::new(Log::default());
    let mut settings = siding_stack::StackConfig::new(pool.clone(), runtime::clock());
    settings.workers = stack.workers;
    settings.interfaces = MOST_INTERFACES;
    // The standard library's random keys are the system's.
    let random = [0, 1].map(|half: u64| RandomState::new().hash_one(half));
    settings.seed = RandomState::new().hash_one("siding");
    settings.secret = Some(secret().context("cannot read /dev/urandom")?);
    settings.wake = Some(wake.clone());
    settings.observer = log.clone();
    settings.nud = stack.nud;
    settings.dad = stack.dad;
    settings.queue_limit = stack.queue_limit;
    settings.limits = stack.limits;
    settings.neighbors = stack.neighbors;
    settings.neighbor_totals = stack.neighbor_totals;
    settings.acd.duplicate_retry = stack.dad.duplicate_retry;
    let built = Stack::new(settings)?;
    let pcap = stack.pcap.as_deref().map(port::capture).transpose()?;
    let runtime = RuntimeConfig { spin: stack.spin, pin: stack.pin };
    let runtime = Runtime::start(&built, wake.clone(), runtime).context("cannot start the workers")?;
    tracing::info!("{} worker(s), {} buffers of {size} bytes", stack.workers, stack.buffers);
    let largest = (size - u32::from(HEADROOM) - u32::from(FRAMING)) as u16;
    let opener = Opener { workers: stack.workers, wake, largest, pcap, records, wires: Mutex::default() };
    Ok(Daemon {
        file: file.to_owned(),
        begun: config.clone(),
        begun_table: read.begun.clone(),
        said: Mutex::new(read.clone()),
        running: Mutex::default(),
        changes: RwLock::new(()),
        configuring: Mutex::default(),
        pending: Mutex::default(),
        owed: Mutex::default(),
        stack: built,
        pool,
        opener,
        log,
        ports: Mutex::default(),
        leaving: Mutex::default(),
        links: LinkNews::default(),
        filter: Filter::new(stack.workers, random),
        runtime: Mutex::new(Some(runtime)),
        sessions: Sessions::default(),
        watchers: Sessions::default(),
        spare: Spare::keep(),
        drops: Default::default(),
        closing: Closing::default(),
    })
}
