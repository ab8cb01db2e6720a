//! Captures what passes through devices into one pcapng file (draft-ietf-opsawg-pcapng), to be read by Wireshark
//! or tcpdump.
//!
//! A capture that goes to a file of the system's ([`PcapFile::open`]) never holds a worker up: see `pcap/queue.rs`.
//!
//! *Locks*: the file's writer has a lock of its own, a leaf, held while one block is written or queued. *Teardown*: the
//! writer goes with the last handle; flush before reading.

mod queue;

use std::fmt;
use std::io;
use std::io::Write;
use std::os::fd::BorrowedFd;
use std::path::Path;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use siding_mbuf::Cache;
use siding_mbuf::Mbuf;
use siding_stack::Device;
use siding_stack::Filter;
use siding_stack::Offloads;
use siding_stack::Sent;
use siding_stack::Unread;

use crate::Direction;
use crate::Tap;
use queue::Queue;

/// A pcapng file in the making. Clones are handles on the same one.
#[derive(Clone)]
pub struct PcapFile {
    writer: Arc<Mutex<Writer>>,
}

/// One interface of a [`PcapFile`].
#[derive(Clone, Debug)]
pub struct PcapInterface {
    file: PcapFile,
    number: u32,
}

/// A device that writes each frame to a [`PcapFile`], stamped by the clock that it was given.
pub struct PcapTap<D> {
    tap: Tap<D, Observer>,
}

/// What is said of a frame besides its bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PcapNote<'a> {
    /// Its whole length, if not all of it is there.
    pub len: usize,
    /// What is to be read beside it; empty for nothing.
    pub comment: &'a str,
}

/// How a capture fares.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PcapLoss {
    /// Frames that are not in it.
    pub frames: u64,
    /// Why the last of them is not.
    pub why: Option<String>,
    /// Bytes that wait to be written, and how many may.
    pub waiting: (usize, usize),
}

struct Writer {
    out: Out,
    interfaces: u32,
    frames: u64,
    /// Frames that were not written.
    lost: u64,
    /// What went wrong first. Nothing is written after that, for a torn block ends the file.
    failed: Option<io::Error>,
}

enum Out {
    /// Each block is written at once.
    Direct(Box<dyn Write + Send>),
    /// By a thread.
    Queue(Queue),
}

type Observer = Box<dyn FnMut(Direction, &[u8]) + Send>;

const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE_DESCRIPTION: u32 = 1;
const ENHANCED_PACKET: u32 = 6;
const BYTE_ORDER_MAGIC: u32 = 0x1a2b_3c4d;
const LINKTYPE_ETHERNET: u16 = 1;

const OPT_COMMENT: u16 = 1;
const OPT_IF_NAME: u16 = 2;
const OPT_IF_TSRESOL: u16 = 9;
const OPT_EPB_FLAGS: u16 = 2;
const OPT_SHB_USERAPPL: u16 = 4;

impl PcapFile {
    /// Starts a capture in `out`, which is best buffered.
    ///
    /// # Errors
    ///
    /// What writing the section header says.
    pub fn new(out: impl Write + Send + 'static) -> io::Result<PcapFile> {
        PcapFile::begin(Out::Direct(Box::new(out)))
    }

    /// Starts a capture in the file at `path`, which is made, or emptied. A thread writes it: frames that it cannot write,
    /// or not in time, are lost and counted. A pipe that nobody reads yet is waited for by that thread.
    ///
    /// # Errors
    ///
    /// There can be no such file, or no thread.
    pub fn open(path: &Path) -> io::Result<PcapFile> {
        PcapFile::begin(Out::Queue(Queue::open(path)?))
    }

    fn begin(out: Out) -> io::Result<PcapFile> {
        let mut writer = Writer { out, interfaces: 0, frames: 0, lost: 0, failed: None };
        let mut body = Vec::new();
        body.extend(BYTE_ORDER_MAGIC.to_ne_bytes());
        body.extend(1u16.to_ne_bytes());
        body.extend(0u16.to_ne_bytes());
        // Length of the section: not known.
        body.extend((-1i64).to_ne_bytes());
        option(&mut body, OPT_SHB_USERAPPL, b"siding");
        end_of_options(&mut body);
        writer.block(SECTION_HEADER, &body)?;
        Ok(PcapFile { writer: Arc::new(Mutex::new(writer)) })
    }

    /// Adds an Ethernet interface of this name.
    ///
    /// # Errors
    ///
    /// What writing its description says.
    pub fn interface(&self, name: &str) -> io::Result<PcapInterface> {
        let mut body = Vec::new();
        body.extend(LINKTYPE_ETHERNET.to_ne_bytes());
        body.extend(0u16.to_ne_bytes());
        // Longest frame: no limit.
        body.extend(0u32.to_ne_bytes());
        option(&mut body, OPT_IF_NAME, name.as_bytes());
        // Time stamps count nanoseconds: 10^-9 s.
        option(&mut body, OPT_IF_TSRESOL, &[9]);
        end_of_options(&mut body);
        let mut writer = self.lock();
        writer.block(INTERFACE_DESCRIPTION, &body)?;
        let number = writer.interfaces;
        writer.interfaces += 1;
        Ok(PcapInterface { file: self.clone(), number })
    }

    /// Hands what has been written to the system.
    ///
    /// # Errors
    ///
    /// The first error that any write met, or that of flushing.
    pub fn flush(&self) -> io::Result<()> {
        let mut writer = self.lock();
        if let Some(failed) = &writer.failed {
            return Err(io::Error::new(failed.kind(), format!("the capture is cut off: {failed}")));
        }
        match &mut writer.out {
            Out::Direct(out) => out.flush(),
            Out::Queue(queue) => queue.flush(),
        }
    }

    /// Number of frames written.
    pub fn frames(&self) -> u64 {
        let writer = self.lock();
        match &writer.out {
            Out::Direct(_) => writer.frames,
            Out::Queue(queue) => queue.frames(),
        }
    }

    /// How many were not, and why.
    pub fn loss(&self) -> PcapLoss {
        let writer = self.lock();
        match &writer.out {
            Out::Direct(_) => {
                let why = writer.failed.as_ref().map(io::Error::to_string);
                PcapLoss { frames: writer.lost, why, waiting: (0, 0) }
            }
            Out::Queue(queue) => {
                let (frames, why, bytes) = queue.loss();
                PcapLoss { frames, why, waiting: (bytes, queue::MOST) }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PcapInterface {
    /// Writes one frame, which passed `nanoseconds` after 1970-01-01 (or whatever the caller's clock counts from).
    ///
    /// # Errors
    ///
    /// What writing says; or there is no room where frames wait to be written. Once a write of a capture without a thread has
    /// failed, the file stays as it is and all further writes fail.
    pub fn record(&self, nanoseconds: u64, direction: Direction, frame: &[u8]) -> io::Result<()> {
        let note = PcapNote { len: frame.len(), comment: "" };
        self.record_noted(nanoseconds, direction, frame, &note)
    }

    /// The same for the first bytes of a frame that was longer, or with a comment.
    ///
    /// # Errors
    ///
    /// As [`record`](Self::record).
    pub fn record_noted(
        &self,
        nanoseconds: u64,
        direction: Direction,
        frame: &[u8],
        note: &PcapNote<'_>,
    ) -> io::Result<()> {
        let mut body = Vec::with_capacity(frame.len() + note.comment.len() + 48);
        body.extend(self.number.to_ne_bytes());
        body.extend(((nanoseconds >> 32) as u32).to_ne_bytes());
        body.extend((nanoseconds as u32).to_ne_bytes());
        body.extend((frame.len() as u32).to_ne_bytes());
        body.extend((note.len.max(frame.len()) as u32).to_ne_bytes());
        body.extend(frame);
        pad(&mut body);
        let flags: u32 = match direction {
            Direction::In => 1,
            Direction::Out => 2,
        };
        option(&mut body, OPT_EPB_FLAGS, &flags.to_ne_bytes());
        if !note.comment.is_empty() {
            option(&mut body, OPT_COMMENT, note.comment.as_bytes());
        }
        end_of_options(&mut body);
        let mut writer = self.file.lock();
        let written = writer.block(ENHANCED_PACKET, &body);
        match written {
            Ok(()) => writer.frames += 1,
            Err(_) => writer.lost += 1,
        }
        written
    }
}

impl<D: Device> PcapTap<D> {
    /// Records what passes through `device` as `interface`. `clock` gives nanoseconds since 1970-01-01.
    ///
    /// A capture that cannot be written does not stop the traffic: [`PcapFile::flush`] tells of it.
    pub fn new(
        device: D,
        interface: PcapInterface,
        mut clock: impl FnMut() -> u64 + Send + 'static,
    ) -> PcapTap<D> {
        let observer = move |direction, frame: &[u8]| {
            // The writer keeps the error, for `flush` to tell.
            let _ = interface.record(clock(), direction, frame);
        };
        PcapTap { tap: Tap::new(device, Box::new(observer)) }
    }

    /// The device below.
    pub fn device(&self) -> &D {
        self.tap.device()
    }
}

impl<D: Device> Device for PcapTap<D> {
    fn receive(&mut self, cache: &mut Cache, into: &mut Vec<Mbuf>, max: usize) -> io::Result<usize> {
        self.tap.receive(cache, into, max)
    }

    fn unread(&self) -> Option<Unread> {
        self.tap.unread()
    }

    fn transmit(&mut self, cache: &mut Cache, frames: &mut Vec<Mbuf>) -> Sent {
        self.tap.transmit(cache, frames)
    }

    fn set_filter(&mut self, filter: &Filter) -> io::Result<()> {
        self.tap.set_filter(filter)
    }

    fn offloads(&self) -> Offloads {
        self.tap.offloads()
    }

    fn readable(&self) -> Option<BorrowedFd<'_>> {
        self.tap.readable()
    }
}

impl Writer {
    /// Writes one block: type, length, body, length again.
    fn block(&mut self, kind: u32, body: &[u8]) -> io::Result<()> {
        if let Some(failed) = &self.failed {
            return Err(io::Error::new(failed.kind(), "an earlier write failed"));
        }
        let len = (body.len() as u32 + 12).to_ne_bytes();
        let block = [&kind.to_ne_bytes()[..], &len, body, &len].concat();
        let out = match &mut self.out {
            Out::Direct(out) => out,
            Out::Queue(queue) if kind == ENHANCED_PACKET => return queue.frame(block),
            Out::Queue(queue) => {
                queue.head(block);
                return Ok(());
            }
        };
        if let Err(error) = out.write_all(&block) {
            let again = io::Error::new(error.kind(), error.to_string());
            self.failed = Some(error);
            return Err(again);
        }
        Ok(())
    }
}

impl fmt::Debug for PcapFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let writer = self.lock();
        f.debug_struct("PcapFile")
            .field("interfaces", &writer.interfaces)
            .field("frames", &writer.frames)
            .field("failed", &writer.failed)
            .finish()
    }
}

impl<D: fmt::Debug> fmt::Debug for PcapTap<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PcapTap").field("device", self.tap.device()).finish_non_exhaustive()
    }
}

fn option(body: &mut Vec<u8>, code: u16, value: &[u8]) {
    let len = value.len().min(usize::from(u16::MAX));
    body.extend(code.to_ne_bytes());
    body.extend((len as u16).to_ne_bytes());
    body.extend(&value[..len]);
    pad(body);
}

fn end_of_options(body: &mut Vec<u8>) {
    body.extend([0; 4]);
}

/// Everything in the file is aligned to 4 bytes. All that comes before a body or within it is a multiple of that.
fn pad(body: &mut Vec<u8>) {
    body.resize(body.len().next_multiple_of(4), 0);
}
