//! A bad wire: drops, doubles, swaps and corrupts frames on their way through a device (after smoltcp's fault
//! injector).
//!
//! Chance comes from a function of the caller's, so the same seed gives the same faults.

use std::fmt;
use std::io;
use std::os::fd::BorrowedFd;

use siding_mbuf::Cache;
use siding_mbuf::Mbuf;
use siding_mbuf::Pool;
use siding_stack::Device;
use siding_stack::Filter;
use siding_stack::Offloads;
use siding_stack::Sent;
use siding_stack::Unread;

/// How often each fault befalls a frame, in parts of a million. They are independent of each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FaultConfig {
    /// The frame is lost.
    pub drop: u32,
    /// The frame arrives twice.
    pub duplicate: u32,
    /// The frame changes places with the next one. If there is none by the end of the next call, it goes then.
    pub reorder: u32,
    /// One bit of the frame is turned over.
    pub corrupt: u32,
}

/// How many frames each fault has befallen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FaultStats {
    /// Frames lost.
    pub dropped: u64,
    /// Frames doubled.
    pub duplicated: u64,
    /// Frames held back to go after the next.
    pub reordered: u64,
    /// Frames with one bit turned over.
    pub corrupted: u64,
    /// Faults that should have been but for want of a buffer for the copy.
    pub missed: u64,
}

/// A device with faults both ways.
///
/// Frames on their way out may be held back in here (swapped, or because the device below is full): they go with
/// the next call of either method.
pub struct Faulty<D, R> {
    device: D,
    rx: Lane,
    tx: Lane,
    random: R,
    /// For copies on the way out, where the worker lends no cache.
    cache: Cache,
    incoming: Vec<Mbuf>,
    outgoing: Vec<Mbuf>,
    /// What became of frames while there was nobody to be told.
    sent: Sent,
}

/// One direction.
#[derive(Default)]
struct Lane {
    config: FaultConfig,
    stats: FaultStats,
    held: Option<Held>,
}

struct Held {
    frame: Mbuf,
    /// Held since an earlier call, so it goes at the end of this one.
    due: bool,
}

const MILLION: u32 = 1_000_000;

impl<D: Device, R: FnMut() -> u32 + Send> Faulty<D, R> {
    /// Puts faults in front of `device`: `rx` befall frames received, `tx` frames sent. `random` gives numbers spread
    /// evenly over all of `u32`. Copies of sent frames come from `pool`.
    pub fn new(device: D, rx: FaultConfig, tx: FaultConfig, random: R, pool: &Pool) -> Faulty<D, R> {
        let lane = |config| Lane { config, ..Lane::default() };
        let cache = pool.cache(2);
        Faulty {
            device,
            rx: lane(rx),
            tx: lane(tx),
            random,
            cache,
            incoming: Vec::new(),
            outgoing: Vec::new(),
            sent: Sent::default(),
        }
    }

    /// Changes how often faults befall frames from now on.
    pub fn set_faults(&mut self, rx: FaultConfig, tx: FaultConfig) {
        self.rx.config = rx;
        self.tx.config = tx;
    }

    /// What has befallen frames received, and frames sent.
    pub fn stats(&self) -> (FaultStats, FaultStats) {
        (self.rx.stats, self.tx.stats)
    }

    /// The device below.
    pub fn device(&self) -> &D {
        &self.device
    }

    /// Sends what is due, oldest first.
    fn push_out(&mut self, cache: &mut Cache) {
        self.tx.release(&mut self.outgoing);
        if !self.outgoing.is_empty() {
            let sent = self.device.transmit(cache, &mut self.outgoing);
            self.sent = std::mem::take(&mut self.sent).and(sent);
        }
    }
}

impl<D: Device, R: FnMut() -> u32 + Send> Device for Faulty<D, R> {
    fn receive(&mut self, cache: &mut Cache, into: &mut Vec<Mbuf>, max: usize) -> io::Result<usize> {
        self.push_out(cache);
        // A frame more may come of each, and the one held back, yet never more than `max`.
        let before = into.len();
        let ask =
            if self.rx.config.duplicate > 0 { max.saturating_sub(1) / 2 } else { max.saturating_sub(1) };
        // What came before an error is not to be lost for it.
        let result = self.device.receive(cache, &mut self.incoming, ask.max(1));
        for frame in self.incoming.drain(..) {
            self.rx.pass(frame, cache, &mut self.random, into);
        }
        self.rx.release(into);
        result.map(|_| into.len() - before)
    }

    fn unread(&self) -> Option<Unread> {
        self.device.unread()
    }

    fn transmit(&mut self, cache: &mut Cache, frames: &mut Vec<Mbuf>) -> Sent {
        // Frames that the device below has no room for wait here; no more are taken until they have gone.
        if self.outgoing.is_empty() {
            for frame in frames.drain(..) {
                self.tx.pass(frame, &mut self.cache, &mut self.random, &mut self.outgoing);
            }
        }
        self.push_out(cache);
        std::mem::take(&mut self.sent)
    }

    fn set_filter(&mut self, filter: &Filter) -> io::Result<()> {
        self.device.set_filter(filter)
    }

    fn offloads(&self) -> Offloads {
        self.device.offloads()
    }

    fn readable(&self) -> Option<BorrowedFd<'_>> {
        self.device.readable()
    }
}

impl<D: fmt::Debug, R> fmt::Debug for Faulty<D, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Faulty")
            .field("device", &self.device)
            .field("rx", &self.rx.stats)
            .field("tx", &self.tx.stats)
            .finish_non_exhaustive()
    }
}

impl Lane {
    /// Lets chance have its way with one frame.
    fn pass(
        &mut self,
        frame: Mbuf,
        cache: &mut Cache,
        random: &mut impl FnMut() -> u32,
        out: &mut Vec<Mbuf>,
    ) {
        let mut frame = frame;
        if happens(self.config.drop, random) {
            self.stats.dropped += 1;
            cache.free(frame);
            return;
        }
        if happens(self.config.corrupt, random) && !frame.is_empty() {
            match corrupt(frame, cache, random) {
                Ok(corrupted) => {
                    self.stats.corrupted += 1;
                    frame = corrupted;
                }
                Err(whole) => {
                    self.stats.missed += 1;
                    frame = whole;
                }
            }
        }
        let double = if happens(self.config.duplicate, random) {
            // A copy and not a clone: two frames from a wire do not share their bytes.
            let double = frame.copy(cache).map(|mut double| {
                double.set_rcvif(frame.rcvif());
                double
            });
            match &double {
                Some(_) => self.stats.duplicated += 1,
                None => self.stats.missed += 1,
            }
            double
        } else {
            None
        };
        match self.held.take() {
            Some(held) => {
                out.push(frame);
                out.extend(double);
                out.push(held.frame);
            }
            None if happens(self.config.reorder, random) => {
                self.stats.reordered += 1;
                out.extend(double);
                self.held = Some(Held { frame, due: false });
            }
            None => {
                out.push(frame);
                out.extend(double);
            }
        }
    }

    /// The end of a call: a frame held since before it has waited long enough.
    fn release(&mut self, out: &mut Vec<Mbuf>) {
        match self.held.take() {
            Some(held) if held.due => out.push(held.frame),
            Some(held) => self.held = Some(Held { due: true, ..held }),
            None => {}
        }
    }
}

fn happens(parts: u32, random: &mut impl FnMut() -> u32) -> bool {
    // No draw for a fault that cannot be, so that switching one on does not shift the others' luck more than needed.
    parts > 0 && (u64::from(random()) * u64::from(MILLION)) >> 32 < u64::from(parts)
}

/// Turns one bit over, in a copy if others see the same bytes. Gives the frame back whole if there is no buffer.
fn corrupt(mut frame: Mbuf, cache: &mut Cache, random: &mut impl FnMut() -> u32) -> Result<Mbuf, Mbuf> {
    let bit = random() as usize % (frame.len() * 8);
    if frame.is_shared() {
        match frame.copy(cache) {
            Some(copy) => frame = copy,
            None => return Err(frame),
        }
    }
    match frame.data_mut() {
        Some(data) => {
            data[bit / 8] ^= 1 << (bit % 8);
            Ok(frame)
        }
        None => Err(frame),
    }
}
