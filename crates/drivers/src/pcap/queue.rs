//! A capture's way to its file: a queue that never blocks, and a thread that may.
//!
//! The disk may be full, the pipe's reader slow or gone; the worker whose frames are captured waits for none of that. A
//! block that finds the queue full, or that cannot be written, is lost and counted. What has been begun is finished
//! first when there is room again, and who opens a pipe anew gets a section of its own, so that what is there can be
//! read.
//!
//! # Locks
//!
//! One, for a few instructions; never while something is written. # Teardown: the thread ends after the last handle,
//! when it has written what it can; [`Queue::flush`] waits a moment for that.

use std::collections::VecDeque;
use std::fs::File;
use std::fs::OpenOptions;
use std::io;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Condvar;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use rustix::event::PollFd;
use rustix::event::PollFlags;
use rustix::event::Timespec;
use rustix::event::poll;

/// Bytes that wait to be written.
pub(super) const MOST: usize = 8 << 20;

/// What is written at once.
const BATCH: usize = 256 << 10;

/// Between two attempts at what has failed, and two looks whether the end has come.
const AGAIN: Duration = Duration::from_millis(200);

/// How long [`Queue::flush`] waits.
const LAST: Duration = Duration::from_secs(2);

/// The near end. Dropping it ends the thread, by and by.
pub(super) struct Queue {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    blocks: VecDeque<Block>,
    /// Of `blocks`.
    bytes: usize,
    /// What a section begins with: its header and the interfaces.
    head: Vec<u8>,
    /// Something is being written.
    busy: bool,
    closed: bool,
    /// Frames written, and lost.
    frames: u64,
    lost: u64,
    /// Why the last that was lost was so.
    why: Option<String>,
}

struct Block {
    bytes: Vec<u8>,
    is_frame: bool,
}

impl Queue {
    /// To the file at `path`, made or emptied. A pipe that nobody reads yet is waited for, not here.
    pub(super) fn open(path: &Path) -> io::Result<Queue> {
        let mut sink = Sink { path: path.to_owned(), file: None, rest: Vec::new(), anew: false };
        match sink.open(true) {
            Err(error) if error.raw_os_error() == Some(libc::ENXIO) => sink.anew = true,
            opened => opened?,
        }
        let shared = Arc::new(Shared::default());
        let own = shared.clone();
        let work = move || while catch_unwind(AssertUnwindSafe(|| own.work(&mut sink))).is_err() {};
        thread::Builder::new().name("capture".into()).spawn(work)?;
        Ok(Queue { shared })
    }

    /// What sections begin with.
    pub(super) fn head(&self, bytes: Vec<u8>) {
        let mut state = self.shared.lock();
        state.head.extend(&bytes);
        state.push(Block { bytes, is_frame: false });
        self.shared.changed.notify_all();
    }

    /// A frame's block.
    pub(super) fn frame(&self, bytes: Vec<u8>) -> io::Result<()> {
        let mut state = self.shared.lock();
        if state.bytes + bytes.len() > MOST {
            state.lost += 1;
            state.why.get_or_insert_with(|| "it is not written as fast as frames come".into());
            return Err(io::ErrorKind::WouldBlock.into());
        }
        state.push(Block { bytes, is_frame: true });
        self.shared.changed.notify_all();
        Ok(())
    }

    /// Waits until all is written, but not for long.
    pub(super) fn flush(&self) -> io::Result<()> {
        let deadline = Instant::now() + LAST;
        let mut state = self.shared.lock();
        while state.busy || !state.blocks.is_empty() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let waiting = state.blocks.iter().filter(|block| block.is_frame).count() as u64 + state.lost;
                let told = format!("the capture lacks {waiting} frames: it is not written in time");
                return Err(io::Error::new(io::ErrorKind::TimedOut, told));
            }
            state = self.shared.wait(state, left);
        }
        match (state.lost, &state.why) {
            (0, _) => Ok(()),
            (lost, why) => {
                let why = why.as_deref().unwrap_or("no reason");
                Err(io::Error::other(format!("the capture lacks {lost} frames: {why}")))
            }
        }
    }

    pub(super) fn frames(&self) -> u64 {
        self.shared.lock().frames
    }

    /// Frames lost, and why the last one was; bytes that wait.
    pub(super) fn loss(&self) -> (u64, Option<String>, usize) {
        let state = self.shared.lock();
        (state.lost, state.why.clone(), state.bytes)
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.changed.notify_all();
    }
}

impl State {
    fn push(&mut self, block: Block) {
        self.bytes += block.bytes.len();
        self.blocks.push_back(block);
    }

    /// The next blocks: their bytes, and where each ends. `anew` begins a section, with all interfaces so far.
    fn batch(&mut self, anew: bool) -> (Vec<u8>, Vec<(usize, bool)>) {
        let (mut bytes, mut ends) = (Vec::new(), Vec::new());
        if anew {
            bytes.extend(&self.head);
            ends.push((bytes.len(), false));
        }
        while bytes.len() < BATCH
            && let Some(block) = self.blocks.pop_front()
        {
            self.bytes -= block.bytes.len();
            if block.is_frame || !anew {
                bytes.extend(&block.bytes);
                ends.push((bytes.len(), block.is_frame));
            }
        }
        (bytes, ends)
    }

    fn count(&mut self, is_frame: bool, is_written: bool) {
        match is_written {
            true => self.frames += u64::from(is_frame),
            false => self.lost += u64::from(is_frame),
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'s>(&self, state: MutexGuard<'s, State>, longest: Duration) -> MutexGuard<'s, State> {
        self.changed.wait_timeout(state, longest).unwrap_or_else(PoisonError::into_inner).0
    }

    /// Writes blocks until the queue is closed and empty.
    fn work(&self, sink: &mut Sink) {
        loop {
            let mut state = self.lock();
            while state.blocks.is_empty() {
                if state.closed {
                    return;
                }
                state.busy = false;
                self.changed.notify_all();
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            state.busy = true;
            let (bytes, ends) = state.batch(sink.anew);
            drop(state);
            let (written, result) = sink.write(&bytes, || self.lock().closed);
            let mut state = self.lock();
            let mut start = 0;
            for (end, is_frame) in ends {
                // What has been begun is finished before anything else, if there is still a file that it is in.
                let begun = written > start;
                if begun && written < end && sink.file.is_some() {
                    sink.rest = bytes[written..end].to_vec();
                }
                let there = written >= end || !sink.rest.is_empty() && begun;
                state.count(is_frame, there);
                // Frames of interfaces that nothing was said of would make no sense.
                sink.anew = (sink.anew && is_frame) || (!is_frame && !there) || sink.file.is_none();
                start = end;
            }
            if let Err(error) = result {
                state.why = Some(error.to_string());
                if !state.closed {
                    drop(self.wait(state, AGAIN));
                }
            }
        }
    }
}

/// The far end.
struct Sink {
    path: PathBuf,
    /// `None` while nobody reads the pipe.
    file: Option<File>,
    /// What is missing of the block that was begun last.
    rest: Vec<u8>,
    /// A section is to be begun.
    anew: bool,
}

impl Sink {
    /// Opens the file, for the `first` time or once more; neither waits for a reader.
    fn open(&mut self, first: bool) -> io::Result<()> {
        let mut options = OpenOptions::new();
        match first {
            true => options.write(true).create(true).truncate(true),
            false => options.append(true),
        };
        self.file = Some(options.custom_flags(libc::O_NONBLOCK).open(&self.path)?);
        Ok(())
    }

    /// Writes what was begun, and then `bytes`; tells how many of these were written.
    fn write(&mut self, bytes: &[u8], closed: impl Fn() -> bool) -> (usize, io::Result<()>) {
        let mut written = 0;
        let mut result = if self.file.is_none() { self.open(false) } else { Ok(()) };
        while result.is_ok() && !self.rest.is_empty() {
            let rest = std::mem::take(&mut self.rest);
            let some = self.write_some(&rest, &closed);
            self.rest = rest[some.as_ref().copied().unwrap_or(0)..].to_vec();
            result = some.map(drop);
        }
        while result.is_ok() && written < bytes.len() {
            result = self.write_some(&bytes[written..], &closed).map(|some| written += some);
        }
        if result.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::BrokenPipe) {
            // Who reads it next has seen nothing of it.
            (self.file, self.rest) = (None, Vec::new());
        }
        (written, result)
    }

    fn write_some(&mut self, bytes: &[u8], closed: impl Fn() -> bool) -> io::Result<usize> {
        let begun = Instant::now();
        let Some(file) = &mut self.file else { return Err(io::ErrorKind::NotFound.into()) };
        loop {
            match file.write(bytes) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if closed() && begun.elapsed() > LAST {
                        return Err(io::ErrorKind::TimedOut.into());
                    }
                    let again = Timespec::try_from(AGAIN).ok();
                    // Whatever it says, the next write knows better.
                    let _ = poll(&mut [PollFd::new(&*file, PollFlags::OUT)], again.as_ref());
                }
                result => return result,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn place(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("siding-capture-{}-{name}", std::process::id()))
    }

    fn until(what: &str, mut done: impl FnMut() -> bool) {
        let begun = Instant::now();
        while !done() {
            assert!(begun.elapsed() < Duration::from_secs(10), "{what}");
            thread::sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn a_pipe_that_nobody_reads_loses_and_counts_and_a_reader_gets_a_section_of_his_own() {
        let path = place("pipe");
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &path,
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
            0,
        )
        .unwrap();
        let queue = Queue::open(&path).unwrap();
        queue.head(b"HEAD".to_vec());
        queue.frame(b"one".to_vec()).unwrap();
        until("the first is lost", || queue.loss().0 == 1);
        let read = |queue: &Queue, frame: &[u8]| {
            let reader = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(&path).unwrap();
            until("a frame passes", || {
                let before = queue.frames();
                queue.frame(frame.to_vec()).unwrap();
                let _ = queue.flush();
                queue.frames() > before
            });
            let mut text = vec![0; 64];
            let bytes = io::Read::read(&mut &reader, &mut text).unwrap();
            text.truncate(bytes);
            text
        };
        assert_eq!(read(&queue, b"two"), b"HEADtwo");
        // That reader has gone, and another comes.
        let lost = queue.loss().0;
        queue.frame(b"three".to_vec()).unwrap();
        until("nobody reads", || queue.loss().0 > lost);
        queue.head(b"MORE".to_vec());
        assert_eq!(read(&queue, b"four"), b"HEADMOREfour");
        // He does not read: nobody waits, and the queue has an end.
        let _reader = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(&path).unwrap();
        let mut taken = 0;
        while queue.frame(vec![7; 64 << 10]).is_ok() {
            taken += 1;
            assert!(taken < 200, "the queue has no end");
        }
        assert!(queue.flush().unwrap_err().to_string().contains("the capture lacks"));
        fs::remove_file(&path).unwrap();
    }

    #[test]
    fn a_full_disk_loses_and_counts() {
        let queue = Queue::open(Path::new("/dev/full")).unwrap();
        queue.head(b"HEAD".to_vec());
        (0..3).for_each(|_| queue.frame(b"frame".to_vec()).unwrap());
        let told = queue.flush().unwrap_err().to_string();
        assert!(told.contains("lacks 3 frames") && told.contains("No space left"), "{told}");
    }

    #[test]
    fn what_was_torn_is_finished_when_there_is_room_again() {
        let path = place("torn");
        let queue = Shared::default();
        let mut sink = Sink { path: path.clone(), file: None, rest: Vec::new(), anew: false };
        sink.open(true).unwrap();
        let mut state = queue.lock();
        state.push(Block { bytes: b"frame".to_vec(), is_frame: true });
        state.closed = true;
        drop(state);
        // As if the disk had taken two bytes of an earlier one.
        sink.rest = b"est".to_vec();
        queue.work(&mut sink);
        assert_eq!(fs::read(&path).unwrap(), b"estframe");
        fs::remove_file(&path).unwrap();
    }
}
