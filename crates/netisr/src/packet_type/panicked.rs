//! A panic in the handler of a type, or in its packets' code.

#[cfg(feature = "std")]
use super::Ordering;
use super::TypeState;
use crate::Metadata;
use crate::Packet;
use crate::panics;
use crate::panics::OnPanic;
use crate::panics::Payload;

impl<P: Packet, M: Metadata, W> TypeState<P, M, W> {
    /// Runs `work`, of a worker. What it throws is to be [dealt with](Self::panicked).
    #[inline(always)]
    pub(crate) fn contain<O>(&self, work: impl FnOnce() -> O) -> Result<O, Payload> {
        panics::catch(self.on_panic == OnPanic::Abort, work)
    }

    /// Deals with a panic on worker `worker`: by a panic in its turn, if it is to unwind. `after` runs before that.
    #[cold]
    pub(crate) fn panicked(&self, worker: usize, payload: Payload, after: impl FnOnce()) {
        self.tell(worker, &payload);
        if let Err(another) = panics::catch(false, after) {
            self.tell(worker, &another);
            panics::discard(another);
        }
        match self.on_panic {
            OnPanic::Unwind => panics::resume(payload),
            _ => panics::discard(payload),
        }
    }

    /// Counts and reports a panic; stops the type, or ends the process, if that was chosen.
    fn tell(&self, worker: usize, payload: &Payload) {
        self.lanes[worker].panicked.add(1);
        #[cfg(feature = "std")]
        if self.on_panic == OnPanic::StopType {
            self.stop();
        }
        self.core.panics.tell(&self.name, worker, self.on_panic, payload);
    }

    /// Stops intake, and has what waits flushed.
    #[cfg(feature = "std")]
    fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
        self.flushing.store(true, Ordering::Release);
        self.lanes.iter().for_each(|lane| {
            lane.ring().close();
            lane.begin_flush();
        });
    }
}
