//! Programs that tests run: started inside a namespace, bounded in time, never left behind.

use std::fmt;
use std::fs;
use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::ExitStatus;
use std::process::Stdio;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use rustix::process::Pid;
use rustix::process::Signal;
use rustix::process::WaitId;
use rustix::process::WaitIdOptions;
use rustix::process::kill_process_group;
use rustix::process::waitid;
use siding_drivers::kernel::Netns;

use crate::wait_for;

/// Between two looks whether a program has ended.
const PAUSE: Duration = Duration::from_millis(5);

/// A program at work. Dropping it kills it, and whatever it has started.
#[derive(Debug)]
pub struct Running {
    line: String,
    child: Child,
    stdout: PathBuf,
    stderr: PathBuf,
    status: Option<ExitStatus>,
}

impl Running {
    /// Starts `command` inside `netns`; what it writes goes to files that begin with `stem`.
    pub(crate) fn start(netns: &Netns, command: &mut Command, stem: &Path) -> Self {
        let line = format!("{command:?}");
        let stdout = stem.with_extension("out");
        let stderr = stem.with_extension("err");
        let open = |path: &Path| {
            File::create(path).unwrap_or_else(|e| panic!("cannot make {}: {e}", path.display()))
        };
        // Files and no pipes: a program that writes much does not stop, and a test can read while it runs. A
        // process group of its own: the drop below gets its children too.
        command.stdin(Stdio::null()).stdout(open(&stdout)).stderr(open(&stderr)).process_group(0);
        let child = netns.spawn(command).unwrap_or_else(|e| panic!("{e}"));
        Self { line, child, stdout, stderr, status: None }
    }

    /// Sends a signal to the program (not to what it has started).
    pub fn signal(&mut self, signal: Signal) {
        rustix::process::kill_process(self.pid(), signal)
            .unwrap_or_else(|e| panic!("cannot send {signal:?} to {}: {e}", self.line));
    }

    /// Its exit status, if it has ended. Then whatever it has started is killed: a program that is to go on runs
    /// in the foreground.
    pub fn try_wait(&mut self) -> Option<ExitStatus> {
        if self.status.is_none() {
            // Looked at without collecting it: until that is done, its group's number cannot be another's.
            let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
            let ended = waitid(WaitId::Pid(self.pid()), options)
                .unwrap_or_else(|e| panic!("cannot wait for {}: {e}", self.line));
            if ended.is_some() {
                self.status = Some(self.kill());
            }
        }
        self.status
    }

    /// Waits until it ends by itself. After `timeout` it is killed and the test fails.
    #[must_use]
    pub fn finish(mut self, timeout: Duration) -> Finished {
        let deadline = Instant::now() + timeout;
        let status = loop {
            if let Some(status) = self.try_wait() {
                break status;
            }
            assert!(Instant::now() < deadline, "{self} did not end within {timeout:?}");
            thread::sleep(PAUSE);
        };
        Finished { line: self.line.clone(), status, stdout: self.stdout(), stderr: self.stderr() }
    }

    /// Asks it to end (SIGTERM) and waits until it has; after `timeout` it is killed and the test fails.
    #[must_use]
    pub fn stop(mut self, timeout: Duration) -> Finished {
        if self.try_wait().is_none() {
            self.signal(Signal::TERM);
        }
        self.finish(timeout)
    }

    /// Waits until what it has written contains `text`, on either stream.
    ///
    /// # Panics
    /// After `timeout`, or when it ends without having written that, with all that it has written.
    pub fn wait_for_output(&mut self, text: &str, timeout: Duration) {
        wait_for(&format!("{text:?} from {}", self.line), timeout, || {
            // Its end is looked at first: what it wrote last is there by then.
            let ended = self.try_wait().is_some();
            let there = self.stdout().contains(text) || self.stderr().contains(text);
            assert!(there || !ended, "it ended without writing {text:?}: {self}");
            there.then_some(())
        });
    }

    /// What it has written to its standard output so far.
    #[must_use]
    pub fn stdout(&self) -> String {
        read(&self.stdout)
    }

    /// What it has written to its standard error so far.
    #[must_use]
    pub fn stderr(&self) -> String {
        read(&self.stderr)
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Kills what is left of the program and of what it has started, and collects its status.
    fn kill(&mut self) -> ExitStatus {
        // Fails if it is over already and nobody else is in its group, which is as good.
        let _ = kill_process_group(self.pid(), Signal::KILL);
        self.child.wait().unwrap_or_else(|e| panic!("cannot wait for {}: {e}", self.line))
    }
}

impl fmt::Display for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        story(f, &self.line, &self.stdout(), &self.stderr())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.status.is_none() {
            self.kill();
        }
    }
}

/// A program that has ended.
#[derive(Debug)]
pub struct Finished {
    line: String,
    /// How it ended.
    pub status: ExitStatus,
    /// All it wrote to its standard output.
    pub stdout: String,
    /// All it wrote to its standard error.
    pub stderr: String,
}

impl Finished {
    /// True if it exited with status 0.
    #[must_use]
    pub fn succeeded(&self) -> bool {
        self.status.success()
    }

    /// Fails the test, with all that the program wrote, unless it exited with status 0. Returns its output.
    #[track_caller]
    pub fn expect_success(self) -> String {
        assert!(self.status.success(), "{self}");
        self.stdout
    }

    /// Fails the test, with all that the program wrote, if it exited with status 0. Returns its output.
    #[track_caller]
    pub fn expect_failure(self) -> String {
        assert!(!self.status.success(), "{self}");
        self.stdout
    }
}

impl fmt::Display for Finished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        story(f, &format!("{} ({})", self.line, self.status), &self.stdout, &self.stderr)
    }
}

fn story(f: &mut fmt::Formatter<'_>, head: &str, stdout: &str, stderr: &str) -> fmt::Result {
    write!(f, "{head}\n--- stdout ---\n{stdout}--- stderr ---\n{stderr}---")
}

fn read(path: &Path) -> String {
    let bytes = fs::read(path).unwrap_or_else(|e| panic!("cannot read {}: {e}", path.display()));
    String::from_utf8_lossy(&bytes).into_owned()
}
