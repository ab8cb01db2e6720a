//! The way of the log's lines to standard error: a queue that never blocks, and a thread that may.
//!
//! Whoever reads the log may be slow, stop, or go; its disk may be full. None of that is a reason to stop, or to wait:
//! a line that finds the queue full, or that cannot be written, is lost and counted, and as soon as something can be
//! written again, the log says how many there were.
//!
//! # Locks
//!
//! Those of a channel, for a few instructions. # Teardown: [`finish`] waits a moment for what is queued; the thread goes
//! with the process, for a write may never come back.

use std::io;
use std::io::Write;
use std::os::fd::AsFd;
use std::os::fd::OwnedFd;
use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;
use std::sync::OnceLock;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;
use std::sync::mpsc::RecvTimeoutError;
use std::sync::mpsc::SyncSender;
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use rustix::event::PollFd;
use rustix::event::PollFlags;
use rustix::event::Timespec;
use rustix::event::poll;
use siding_runtime::trip;
use tracing_subscriber::fmt::format;
use tracing_subscriber::fmt::time::FormatTime;
use tracing_subscriber::fmt::time::SystemTime;

use crate::control::LimitRow;

/// Lines that wait to be written.
const MOST: usize = 2048;

/// Between two attempts to say what was lost.
const AGAIN: Duration = Duration::from_secs(1);

/// How long the end waits for a log that is not read.
const LAST: Duration = Duration::from_millis(500);

/// The process's log.
static LOG: OnceLock<Teller> = OnceLock::new();

/// The queue's near end.
#[derive(Debug)]
struct Teller {
    lines: SyncSender<Item>,
    lost: Lost,
}

#[derive(Debug)]
enum Item {
    Line(Vec<u8>),
    /// Everything before this has been written, or lost.
    Mark(SyncSender<()>),
}

/// What has become of lines.
#[derive(Debug, Default)]
struct Lost {
    /// In the queue.
    waiting: AtomicU64,
    unsaid: AtomicU64,
    all: AtomicU64,
}

/// Takes lines, each in one write. Never blocks and never fails.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Line;

/// Begins to write lines to standard error.
///
/// # Errors
///
/// There can be no thread.
pub(crate) fn start() -> io::Result<()> {
    if LOG.get().is_some() {
        return Ok(());
    }
    let (lines, queue) = sync_channel(MOST);
    let log = LOG.get_or_init(|| Teller { lines, lost: Lost::default() });
    // A descriptor of our own, not the standard library's handle: whoever waits there holds a lock that others want.
    let mut out =
        Out { to: Descriptor(io::stderr().as_fd().try_clone_to_owned()?), cut: false, failed: false };
    let work = move || while catch_unwind(AssertUnwindSafe(|| work(&queue, &mut out, &log.lost))).is_err() {};
    thread::Builder::new().name("log".into()).spawn(work).map(drop)
}

/// Waits at its end until what was said has been written, but not for long.
pub(crate) struct Finish;

impl Drop for Finish {
    fn drop(&mut self) {
        finish();
    }
}

/// Waits until what was said has been written, but not for long.
pub(crate) fn finish() {
    let Some(log) = LOG.get() else { return };
    let deadline = Instant::now() + LAST;
    let (mark, written) = sync_channel(1);
    let mut item = Item::Mark(mark);
    while let Err(error) = log.lines.try_send(item) {
        use std::sync::mpsc::TrySendError::Disconnected;
        use std::sync::mpsc::TrySendError::Full;
        match error {
            Full(back) if Instant::now() < deadline => item = back,
            Full(_) | Disconnected(_) => return,
        }
        thread::sleep(Duration::from_millis(5));
    }
    // In vain is as good: nobody reads.
    let _ = written.recv_timeout(deadline.saturating_duration_since(Instant::now()));
}

/// What waits, and what was lost, as `siding show limits` tells it.
pub(crate) fn limit() -> LimitRow {
    let count =
        |of: fn(&Lost) -> &AtomicU64| LOG.get().map_or(0, |log| of(&log.lost).load(Ordering::Relaxed));
    LimitRow {
        limit: "log-lines".into(),
        interface: None,
        most: MOST as u64,
        used: count(|lost| &lost.waiting),
        highest: None,
        refused: count(|lost| &lost.all),
    }
}

impl Write for Line {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if let Some(log) = LOG.get() {
            log.tell(line);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Teller {
    fn tell(&self, line: &[u8]) {
        // Counted before it is there to be taken.
        self.lost.waiting.fetch_add(1, Ordering::Relaxed);
        if self.lines.try_send(Item::Line(line.to_vec())).is_err() {
            self.lost.waiting.fetch_sub(1, Ordering::Relaxed);
            self.lost.count(1);
        }
    }
}

impl Lost {
    fn count(&self, lines: u64) {
        self.unsaid.fetch_add(lines, Ordering::Relaxed);
        self.all.fetch_add(lines, Ordering::Relaxed);
    }

    /// Says how many were lost, if some were. Those that the message itself is lost with are said with the next.
    fn say(&self, out: &mut Out<impl Write>) {
        let lines = self.unsaid.swap(0, Ordering::Relaxed);
        if lines == 0 {
            return;
        }
        let mut line = String::new();
        // Writing to a string cannot fail.
        let _ = SystemTime.format_time(&mut format::Writer::new(&mut line));
        line +=
            &format!("  WARN {lines} line(s) of the log were lost here: they could not be written in time\n");
        if out.line(line.as_bytes()).is_err() {
            self.unsaid.fetch_add(lines, Ordering::Relaxed);
        }
    }
}

/// Writes lines for as long as there is somebody to send them.
fn work(queue: &Receiver<Item>, out: &mut Out<impl Write>, lost: &Lost) {
    let mut said = Instant::now();
    loop {
        // When the queue is empty, what was lost for want of room is behind all that was written: it is said then, and
        // at times if it never is.
        let item = match queue.try_recv() {
            Ok(item) => item,
            Err(_) => {
                if !out.failed || said.elapsed() >= AGAIN {
                    lost.say(out);
                    said = Instant::now();
                }
                match queue.recv_timeout(AGAIN) {
                    Ok(item) => item,
                    Err(RecvTimeoutError::Timeout) => continue,
                    Err(RecvTimeoutError::Disconnected) => return,
                }
            }
        };
        if out.failed || said.elapsed() >= AGAIN {
            lost.say(out);
            said = Instant::now();
        }
        match item {
            Item::Line(line) => {
                trip::here();
                lost.waiting.fetch_sub(1, Ordering::Relaxed);
                out.failed = out.line(&line).is_err();
                lost.count(u64::from(out.failed));
            }
            Item::Mark(mark) => {
                lost.say(out);
                let _ = mark.try_send(());
            }
        }
    }
}

/// Where lines go, each whole or cut off visibly.
struct Out<W> {
    to: W,
    /// The last line has no end.
    cut: bool,
    /// The last line was lost.
    failed: bool,
}

impl<W: Write> Out<W> {
    fn line(&mut self, line: &[u8]) -> io::Result<()> {
        if self.cut {
            self.to.write_all(b"\n")?;
            self.cut = false;
        }
        let mut rest = line;
        while !rest.is_empty() {
            match self.to.write(rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => rest = &rest[written..],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.cut = rest.len() < line.len();
                    return Err(error);
                }
            }
        }
        Ok(())
    }
}

/// A descriptor that somebody may have made non-blocking: it is shared with whoever started us.
struct Descriptor(OwnedFd);

impl Write for Descriptor {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            match rustix::io::write(&self.0, bytes) {
                Err(rustix::io::Errno::AGAIN) => {
                    let mut fds = [PollFd::new(&self.0, PollFlags::OUT)];
                    let again = Timespec::try_from(AGAIN).ok();
                    // Whatever it says, the next write knows better.
                    let _ = poll(&mut fds, again.as_ref());
                }
                result => return Ok(result?),
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::Mutex;

    use super::*;

    /// Fails while it is told to; takes a few bytes of a line before.
    #[derive(Clone, Default)]
    struct Disk {
        written: Arc<Mutex<Vec<u8>>>,
        full: Arc<Mutex<bool>>,
    }

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let full = *self.full.lock().unwrap();
            let mut written = self.written.lock().unwrap();
            match full {
                true if written.ends_with(b"\n") && bytes.len() > 3 => {
                    written.extend(&bytes[..3]);
                    Ok(3)
                }
                true => Err(io::ErrorKind::StorageFull.into()),
                false => {
                    written.extend(bytes);
                    Ok(bytes.len())
                }
            }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn text(disk: &Disk) -> String {
        String::from_utf8(disk.written.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn what_a_full_disk_lost_is_counted_and_said_when_it_has_room_again() {
        let disk = Disk::default();
        let (lines, queue) = sync_channel(8);
        let teller = Teller { lines, lost: Lost::default() };
        let mut out = Out { to: disk.clone(), cut: false, failed: false };
        let tell = |text: &str| teller.tell(text.as_bytes());
        let drain = |out: &mut Out<Disk>| {
            thread::scope(|scope| {
                let (mark, done) = sync_channel(1);
                teller.lines.send(Item::Mark(mark)).unwrap();
                let (lines, rest) = sync_channel(16);
                queue.try_iter().for_each(|item| lines.send(item).unwrap());
                drop(lines);
                let lost = &teller.lost;
                scope.spawn(move || work(&rest, out, lost));
                done.recv().unwrap();
            });
        };
        tell("first\n");
        drain(&mut out);
        *disk.full.lock().unwrap() = true;
        tell("second\n");
        tell("third\n");
        drain(&mut out);
        assert_eq!(text(&disk), "first\nsec");
        assert_eq!(teller.lost.all.load(Ordering::Relaxed), 2);
        *disk.full.lock().unwrap() = false;
        tell("fourth\n");
        drain(&mut out);
        let text = text(&disk);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[..2], ["first", "sec"], "{text}");
        assert!(lines[2].contains("WARN 2 line(s) of the log were lost"), "{text}");
        assert_eq!(lines[3..], ["fourth"], "{text}");
    }

    #[test]
    fn a_queue_that_nobody_empties_holds_nobody_up() {
        let (lines, queue) = sync_channel(8);
        let teller = Teller { lines, lost: Lost::default() };
        (0..20).for_each(|line| teller.tell(format!("{line}\n").as_bytes()));
        assert_eq!(teller.lost.all.load(Ordering::Relaxed), 12);
        let disk = Disk::default();
        let mut out = Out { to: disk.clone(), cut: false, failed: false };
        drop(teller.lines);
        work(&queue, &mut out, &teller.lost);
        let text = text(&disk);
        assert!(text.starts_with("0\n1\n2\n3\n4\n5\n6\n7\n2"), "{text}");
        assert!(
            text.contains("12 line(s) of the log were lost"),
            "after those that were before them: {text}"
        );
    }
}
