//! What a device has done, and every cause for which it has dropped.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

/// One thing that devices count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Count {
    /// Frames handed to the worker.
    RxFrames,
    /// Their bytes, from the destination MAC on, without FCS.
    RxBytes,
    /// Frames dropped because the worker's pool was dry.
    RxNoBuffer,
    /// Frames dropped because they are longer than a buffer.
    RxTooBig,
    /// Frames dropped because the kernel left the work of segmenting to a network card that is not there: an
    /// offload is still on.
    RxOffload,
    /// Frames dropped because what the kernel says of them makes no sense.
    RxMalformed,
    /// Frames that the kernel dropped because the worker came too late.
    RxOverrun,
    /// Calls for frames that failed.
    RxErrors,
    /// Frames put on the wire.
    TxFrames,
    /// Their bytes.
    TxBytes,
    /// Frames dropped because they are longer than the interface takes.
    TxTooBig,
    /// Frames dropped because the interface is down.
    TxDown,
    /// Frames that the kernel has dropped on their way out: the far end, a rule or a queue did not take them.
    TxKernelDropped,
    /// Frames dropped because the kernel had no memory for them.
    TxNoMemory,
    /// Frames dropped because the interface is there no more.
    TxGone,
    /// Frames dropped because the kernel refused them for another reason.
    TxRefused,
}

/// A device's counters. The device writes them; anyone may read them, at any time, from any thread. No other device's lie on
/// its cache lines.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct Counters {
    values: [AtomicU64; KINDS],
}

/// What [`Counters`] held at one moment. The fields are named and counted as in [`Count`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "each field is described at the Count of the same name")]
pub struct DeviceStats {
    pub rx_frames: u64,
    pub rx_bytes: u64,
    pub rx_no_buffer: u64,
    pub rx_too_big: u64,
    pub rx_offload: u64,
    pub rx_malformed: u64,
    pub rx_overrun: u64,
    pub rx_errors: u64,
    pub tx_frames: u64,
    pub tx_bytes: u64,
    pub tx_too_big: u64,
    pub tx_down: u64,
    pub tx_kernel_dropped: u64,
    pub tx_no_memory: u64,
    pub tx_gone: u64,
    pub tx_refused: u64,
}

const KINDS: usize = Count::TxRefused as usize + 1;

impl Counters {
    /// Adds `n`. For the one thread that owns the device: a load and a store, no locked instruction.
    pub fn add(&self, what: Count, n: u64) {
        let value = &self.values[what as usize];
        value.store(value.load(Ordering::Relaxed).wrapping_add(n), Ordering::Relaxed);
    }

    /// One counter.
    pub fn count(&self, what: Count) -> u64 {
        self.values[what as usize].load(Ordering::Relaxed)
    }

    /// All of them. Exact when the device is idle.
    pub fn stats(&self) -> DeviceStats {
        DeviceStats {
            rx_frames: self.count(Count::RxFrames),
            rx_bytes: self.count(Count::RxBytes),
            rx_no_buffer: self.count(Count::RxNoBuffer),
            rx_too_big: self.count(Count::RxTooBig),
            rx_offload: self.count(Count::RxOffload),
            rx_malformed: self.count(Count::RxMalformed),
            rx_overrun: self.count(Count::RxOverrun),
            rx_errors: self.count(Count::RxErrors),
            tx_frames: self.count(Count::TxFrames),
            tx_bytes: self.count(Count::TxBytes),
            tx_too_big: self.count(Count::TxTooBig),
            tx_down: self.count(Count::TxDown),
            tx_kernel_dropped: self.count(Count::TxKernelDropped),
            tx_no_memory: self.count(Count::TxNoMemory),
            tx_gone: self.count(Count::TxGone),
            tx_refused: self.count(Count::TxRefused),
        }
    }

    /// Counts `frames` frames of `bytes` bytes in all as received.
    pub(crate) fn received(&self, frames: usize, bytes: usize) {
        if frames > 0 {
            self.add(Count::RxFrames, frames as u64);
            self.add(Count::RxBytes, bytes as u64);
        }
    }

    /// Counts `frames` frames of `bytes` bytes in all as sent.
    pub(crate) fn sent(&self, frames: usize, bytes: usize) {
        if frames > 0 {
            self.add(Count::TxFrames, frames as u64);
            self.add(Count::TxBytes, bytes as u64);
        }
    }
}

impl DeviceStats {
    /// Frames dropped, each cause by the name that tables show.
    pub fn drops(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.rx_drops().into_iter().chain(self.tx_drops())
    }

    /// Frames dropped on receipt, for whatever cause.
    pub fn rx_dropped(&self) -> u64 {
        self.rx_drops().iter().map(|(_, count)| count).sum()
    }

    /// Frames dropped on transmission, for whatever cause.
    pub fn tx_dropped(&self) -> u64 {
        self.tx_drops().iter().map(|(_, count)| count).sum()
    }

    fn rx_drops(&self) -> [(&'static str, u64); 5] {
        [
            ("rx-no-buffer", self.rx_no_buffer),
            ("rx-too-big", self.rx_too_big),
            ("rx-offload", self.rx_offload),
            ("rx-malformed", self.rx_malformed),
            ("rx-overrun", self.rx_overrun),
        ]
    }

    fn tx_drops(&self) -> [(&'static str, u64); 6] {
        [
            ("tx-too-big", self.tx_too_big),
            ("tx-down", self.tx_down),
            ("tx-kernel-dropped", self.tx_kernel_dropped),
            ("tx-no-memory", self.tx_no_memory),
            ("tx-gone", self.tx_gone),
            ("tx-refused", self.tx_refused),
        ]
    }
}
