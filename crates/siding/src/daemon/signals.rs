//! The signals that end the daemon: all that would end it uncleanly otherwise.

use std::fs;
use std::io::Read;
use std::os::fd::AsFd;
use std::os::fd::BorrowedFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

use libc::SIGHUP;

/// Those that end a process by default and can be caught, but for the ones that tell of a fault of the program itself
/// (SEGV, BUS, ILL, FPE: to go on after them is to meet them again), PIPE, which is ignored, and the real-time signals,
/// which are asked for.
const ENDING: [i32; 16] = [
    SIGHUP,
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
}

impl Signals {
    /// Catches all signals that end a process, but for HUP if we were started with it ignored (by nohup).
    ///
    /// # Errors
    ///
    /// The system refuses.
    pub(super) fn catch() -> anyhow::Result<Signals> {
        let (stream, write) = UnixStream::pair()?;
        stream.set_nonblocking(true)?;
        let last = Arc::new(AtomicUsize::new(0));
        let real_time = libc::SIGRTMIN()..=libc::SIGRTMAX();
        for signal in ENDING.into_iter().chain([libc::SIGSYS]).chain(real_time) {
            if signal == SIGHUP && is_ignored(signal) {
                continue;
            }
            let number = usize::try_from(signal).unwrap_or(0);
            signal_hook::flag::register_usize(signal, last.clone(), number)?;
            signal_hook::low_level::pipe::register(signal, write.try_clone()?)?;
        }
        Ok(Signals { stream, last })
    }

    /// Takes what has come; the name of the last one, if one has.
    pub(super) fn take(&mut self) -> Option<String> {
        // What would block has nothing to tell.
        let told = self.stream.read(&mut [0; 64]).is_ok_and(|bytes| bytes > 0);
        told.then(|| name(self.last.load(Ordering::Relaxed)))
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
