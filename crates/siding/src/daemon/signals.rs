//! The signals that end the daemon, all that would end it uncleanly otherwise; and HUP, by which it reads its configuration
//! again.

use std::fs;
use std::io::Read;
use std::os::fd::AsFd;
use std::os::fd::BorrowedFd;
use std::os::fd::IntoRawFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

use libc::SIGHUP;

/// Those that end a process by default and can be caught, but for the ones that tell of a fault of the program itself
/// (SEGV, BUS, ILL, FPE: to go on after them is to meet them again), PIPE, which is ignored, and the real-time signals,
/// which are asked for.
const ENDING: [i32; 15] = [
    libc::SIGINT,
    libc::SIGQUIT,
    libc::SIGTRAP,
    libc::SIGABRT,
    libc::SIGUSR1,
    libc::SIGUSR2,
    libc::SIGALRM,
    libc::SIGTERM,
    libc::SIGSTKFLT,
    libc::SIGXCPU,
    libc::SIGXFSZ,
    libc::SIGVTALRM,
    libc::SIGPROF,
    libc::SIGIO,
    libc::SIGPWR,
];

/// Signals that come from now on.
pub(super) struct Signals {
    stream: UnixStream,
    last: Arc<AtomicUsize>,
    reload: Arc<AtomicBool>,
}

/// What a signal asks for.
pub(super) enum Asked {
    /// To stop; the signal's name.
    Stop(String),
    /// To read the configuration again.
    Reload,
}

impl Signals {
    /// Catches all signals that end a process, but does not hear HUP if we were started with it ignored (by nohup).
    ///
    /// # Errors
    ///
    /// The system refuses.
    pub(super) fn catch() -> anyhow::Result<Signals> {
        let (stream, write) = UnixStream::pair()?;
        stream.set_nonblocking(true)?;
        // One for all of them, and open until the process ends: a signal may come at any time until then.
        let write = write.into_raw_fd();
        let last = Arc::new(AtomicUsize::new(0));
        let real_time = libc::SIGRTMIN()..=libc::SIGRTMAX();
        for signal in ENDING.into_iter().chain([libc::SIGSYS]).chain(real_time) {
            let number = usize::try_from(signal).unwrap_or(0);
            signal_hook::flag::register_usize(signal, last.clone(), number)?;
            signal_hook::low_level::pipe::register_raw(signal, write)?;
        }
        let reload = Arc::new(AtomicBool::new(false));
        if !is_ignored(SIGHUP) {
            signal_hook::flag::register(SIGHUP, reload.clone())?;
            signal_hook::low_level::pipe::register_raw(SIGHUP, write)?;
        }
        Ok(Signals { stream, last, reload })
    }

    /// Whether a stop has come that nobody has taken.
    pub(super) fn ask_to_stop(&self) -> bool {
        self.last.load(Ordering::Relaxed) > 0
    }

    /// Takes what has come: a stop rather than anything else.
    pub(super) fn take(&mut self) -> Option<Asked> {
        // What would block has nothing to tell.
        let told = self.stream.read(&mut [0; 64]).is_ok_and(|bytes| bytes > 0);
        let (last, reload) =
            (self.last.swap(0, Ordering::Relaxed), self.reload.swap(false, Ordering::Relaxed));
        match (told || last > 0 || reload, last) {
            (true, 0) => reload.then_some(Asked::Reload),
            (true, signal) => Some(Asked::Stop(name(signal))),
            (false, _) => None,
        }
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

/// As `kill -l` has it.
fn name(signal: usize) -> String {
    let number = i32::try_from(signal).unwrap_or(0);
    match signal_hook::low_level::signal_name(number) {
        Some(name) => name.to_owned(),
        None => format!("signal {number}"),
    }
}

/// Whether the process ignores a signal, by its own account in /proc.
fn is_ignored(signal: i32) -> bool {
    let Ok(status) = fs::read_to_string("/proc/self/status") else { return false };
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
}
