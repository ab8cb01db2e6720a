//! What a command says, on standard output and standard error.
//!
//! Nothing here panics, and nothing else in our programs writes there (`clippy::print_stdout` is an error): a reader who
//! has seen enough closes the pipe, and that is a normal end.
#![forbid(unsafe_code)]

use std::fmt::Display;
use std::io;
use std::io::Write;

use rustix::event::PollFd;
use rustix::event::PollFlags;
use rustix::event::Timespec;
use rustix::event::poll;

/// Nobody reads what we say any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("standard output was closed")]
pub struct Closed;

/// Writes to standard output, at once.
///
/// # Errors
///
/// [`Closed`], which is a normal end for a program that only tells; or the system refuses.
pub fn print(text: impl Display) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    let written = write!(out, "{text}").and_then(|()| out.flush());
    written.map_err(|error| match error.kind() {
        io::ErrorKind::BrokenPipe => Closed.into(),
        _ => anyhow::Error::new(error).context("cannot write to standard output"),
    })
}

/// Whether whoever read standard output has gone: for those who write again only when something happens, perhaps never, and
/// keep `head` and the shell waiting until then.
///
/// # Errors
///
/// [`Closed`], which is a normal end.
pub fn is_read() -> anyhow::Result<()> {
    let out = io::stdout();
    // Only what is told unasked: a file and a terminal have no reader that goes.
    let mut fds = [PollFd::new(&out, PollFlags::empty())];
    let _ = poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 0 }));
    let gone = PollFlags::ERR | PollFlags::HUP;
    if fds[0].revents().intersects(gone) { Err(Closed.into()) } else { Ok(()) }
}

/// Writes a line to standard output, at once.
///
/// # Errors
///
/// As [`print()`].
pub fn line(text: impl Display) -> anyhow::Result<()> {
    print(format_args!("{text}\n"))
}

/// Writes to standard error. If nobody reads that, there is nobody to tell, and nobody to wait for.
pub fn complain(text: impl Display) {
    let mut err = io::stderr();
    let patience = Timespec { tv_sec: 1, tv_nsec: 0 };
    let waited = poll(&mut [PollFd::new(&err, PollFlags::OUT)], Some(&patience));
    if waited != Ok(0) {
        let _ = write!(err, "{text}").and_then(|()| err.flush());
    }
}
