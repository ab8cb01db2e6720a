//! A device in memory, for stacks that are polled by the test, and the token to change them with.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::Mutex;

use siding_lockorder::Ctx;
use siding_lockorder::Root;
use siding_lockorder::Unlocked;
use siding_mbuf::Cache;
use siding_mbuf::Mbuf;
use siding_stack::Device;
use siding_stack::Sent;

/// What comes in by it, whole frames, and what was sent, without the Ethernet header.
#[derive(Clone, Default)]
pub(crate) struct Wire {
    pub(crate) inbound: Arc<Mutex<VecDeque<Vec<u8>>>>,
    pub(crate) sent: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Device for Wire {
    fn receive(&mut self, cache: &mut Cache, into: &mut Vec<Mbuf>, max: usize) -> io::Result<usize> {
        let mut inbound = self.inbound.lock().unwrap();
        let count = inbound.len().min(max);
        for frame in inbound.drain(..count) {
            let mut mbuf = cache.alloc().unwrap();
            assert!(mbuf.extend_from_slice(&frame));
            into.push(mbuf);
        }
        Ok(count)
    }

    fn transmit(&mut self, _: &mut Cache, frames: &mut Vec<Mbuf>) -> Sent {
        let sent = Sent::all(frames);
        self.sent.lock().unwrap().extend(frames.drain(..).map(|frame| frame.data()[14..].to_vec()));
        sent
    }
}

/// Runs `work` with the token of a thread that is no worker.
pub(crate) fn control<T>(work: impl FnOnce(&mut Ctx<'_, Unlocked>) -> T) -> T {
    let mut root = Root::new();
    let mut entered = root.enter().unwrap();
    work(&mut entered.ctx())
}
