//! One worker's end of an interface.

use std::sync::Arc;

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_mbuf::Mbuf;

use crate::BATCH;
use crate::Device;
use crate::Filter;
use crate::ifnet::IfCounter;
use crate::ifnet::Ifnet;

/// A device with its transmit queue.
pub(crate) struct Port {
    pub(crate) ifnet: Arc<Ifnet>,
    device: Box<dyn Device>,
    /// Frames to send at the end of the turn.
    queue: Vec<Mbuf>,
    tx_bytes: u64,
    /// What the device has been told to let in.
    filter: Option<Arc<Filter>>,
}

impl Port {
    /// How many frames wait when the wire does not take them: as many as a usual transmit ring.
    const BACKLOG: usize = 1024;

    pub(crate) fn new(ifnet: Arc<Ifnet>, device: Box<dyn Device>) -> Port {
        Port { ifnet, device, queue: Vec::with_capacity(Self::BACKLOG), tx_bytes: 0, filter: None }
    }

    /// Queues a frame. It comes back when the queue is full.
    pub(crate) fn push(&mut self, ctx: &mut Ctx<'_, Unlocked>, frame: Mbuf) -> Result<(), Mbuf> {
        if self.queue.len() >= Self::BACKLOG {
            return Err(frame);
        }
        self.tx_bytes += frame.len() as u64;
        self.queue.push(frame);
        if self.queue.len().is_multiple_of(BATCH) {
            // An error is told at the end of the turn, when the flush meets it again.
            let _ = self.flush(ctx);
        }
        Ok(())
    }

    /// Puts what is queued on the wire, as far as it takes it. Sending asks for a token that holds no lock.
    pub(crate) fn flush(&mut self, _ctx: &mut Ctx<'_, Unlocked>) -> std::io::Result<()> {
        if self.queue.is_empty() {
            return Ok(());
        }
        let before = self.queue.len();
        let sent = self.device.transmit(&mut self.queue);
        let counters = &self.ifnet.counters;
        counters.add(IfCounter::TxPackets, (before - self.queue.len()) as u64);
        counters.add(IfCounter::TxBytes, std::mem::take(&mut self.tx_bytes));
        sent
    }

    /// Has the device let in what `filter` names, if it has not been told yet.
    pub(crate) fn set_filter(&mut self, filter: &Arc<Filter>) -> std::io::Result<()> {
        if self.filter.as_ref() == Some(filter) {
            return Ok(());
        }
        self.filter = Some(filter.clone());
        self.device.set_filter(filter)
    }

    /// Whether frames wait for the wire.
    pub(crate) fn is_backlogged(&self) -> bool {
        !self.queue.is_empty()
    }

    pub(crate) fn device(&mut self) -> &mut dyn Device {
        &mut *self.device
    }

    pub(crate) fn readable(&self) -> Option<std::os::fd::BorrowedFd<'_>> {
        self.device.readable()
    }

    /// The frames that never left.
    pub(crate) fn into_queue(self) -> Vec<Mbuf> {
        self.queue
    }
}
