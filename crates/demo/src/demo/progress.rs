//! What happens, as it happens: a line that changes on a terminal, plain lines elsewhere. On standard error, so that
//! standard output has the table alone.

use std::io;
use std::io::IsTerminal;
use std::io::Write;
use std::time::Duration;
use std::time::Instant;

/// The line.
#[derive(Debug)]
pub(super) struct Progress {
    terminal: bool,
    last: Option<Instant>,
    shown: bool,
}

/// Between two changes of the line, and between two plain lines.
const CHANGE: Duration = Duration::from_millis(100);
const LINE: Duration = Duration::from_secs(2);

impl Progress {
    /// Looks what standard error is.
    pub(super) fn new() -> Progress {
        Progress { terminal: io::stderr().is_terminal(), last: None, shown: false }
    }

    /// A step that stays to be read.
    pub(super) fn say(&mut self, text: &str) {
        self.clear();
        // Nobody reads it: no reason to stop.
        let _ = writeln!(io::stderr(), "{text}");
        self.last = Some(Instant::now());
    }

    /// How far the present step is, if it is time to show that.
    pub(super) fn show(&mut self, text: impl FnOnce() -> String) {
        let pause = if self.terminal { CHANGE } else { LINE };
        if self.last.is_some_and(|last| last.elapsed() < pause) {
            return;
        }
        self.last = Some(Instant::now());
        let mut err = io::stderr();
        let _ = match self.terminal {
            true => write!(err, "\r\x1b[K  {}", text()).and_then(|()| err.flush()),
            false => writeln!(err, "  {}", text()),
        };
        self.shown = self.terminal;
    }

    /// Takes the changing line away.
    pub(super) fn clear(&mut self) {
        if std::mem::take(&mut self.shown) {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}
