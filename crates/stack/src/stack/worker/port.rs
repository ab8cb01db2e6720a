//! One worker's end of an interface.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_mbuf::Cache;
use siding_mbuf::Mbuf;
use siding_netisr::Instant;

use super::heard;
use super::heard::Reading;
use super::patience::News;
use super::patience::Waiting;
use super::timed::Timed;
use crate::BATCH;
use crate::Device;
use crate::Filter;
use crate::drops::DropReason;
use crate::event::Event;
use crate::ifnet::IfCounter;
use crate::ifnet::Ifnet;
use crate::offload;

/// A device with its transmit queue.
pub(crate) struct Port {
    pub(crate) ifnet: Arc<Ifnet>,
    device: Box<dyn Device>,
    /// Whose it is.
    worker: usize,
    /// Up to when it has been read.
    reading: Reading,
    /// Frames that it has given.
    given: u64,
    /// Frames to send at the end of the turn.
    queue: Vec<Mbuf>,
    waiting: Waiting,
    /// What the device lets in.
    filter: Option<Arc<Filter>>,
    /// What it is yet to be told to let in, and when.
    wanted: Option<(Arc<Filter>, Instant)>,
    /// What came of sending since it was last asked.
    outcome: Outcome,
    /// There may be frames in the queue whose fates somebody wants to know, each by itself.
    watched: bool,
}

/// What came of sending, for the worker to count and to tell.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// Frames that the device lost, and nobody watches.
    pub(crate) lost: u64,
    /// Frames that were not sent, and why: they waited in vain for room, or found none; and those that the device lost.
    pub(crate) unsent: Vec<(Mbuf, DropReason)>,
    /// Why a super-frame could not be cut, and nobody watches.
    pub(crate) uncut: Vec<DropReason>,
    pub(crate) events: Vec<Event>,
    /// The marks of frames whose lives are followed, and that the device has taken.
    pub(crate) taken: Vec<u16>,
}

impl Outcome {
    fn is_empty(&self) -> bool {
        self.lost == 0
            && self.unsent.is_empty()
            && self.uncut.is_empty()
            && self.events.is_empty()
            && self.taken.is_empty()
    }
}

impl Port {
    /// How many frames wait when the wire does not take them: as many as a usual transmit ring.
    const BACKLOG: usize = 1024;

    /// How soon a wire that had no room is tried again: soon, for it drains all the time; less so if it has stopped.
    const RETRY: Duration = Duration::from_micros(100);
    const RETRY_STALLED: Duration = Duration::from_millis(10);

    /// How soon a device that would not take a filter is asked again.
    const RETRY_FILTER: Duration = Duration::from_secs(1);

    pub(crate) fn new(ifnet: Arc<Ifnet>, device: Box<dyn Device>, worker: usize, now: Instant) -> Port {
        Port {
            ifnet,
            device,
            worker,
            reading: Reading::new(now),
            given: 0,
            queue: Vec::with_capacity(Self::BACKLOG),
            waiting: Waiting::default(),
            filter: None,
            wanted: None,
            outcome: Outcome::default(),
            watched: false,
        }
    }

    /// Queues a frame. It comes back when the queue is full.
    #[inline(always)] // Two places call it, of which one is cold: as a call it costs each frame 17 instructions.
    pub(crate) fn push(
        &mut self,
        ctx: &mut Ctx<'_, Unlocked>,
        now: Instant,
        (cache, timed): (&mut Cache, &mut Timed),
        frame: Mbuf,
    ) -> Result<(), Mbuf> {
        if self.queue.len() >= Self::BACKLOG {
            return Err(frame);
        }
        if frame.is_unfinished() && !self.takes(&frame) {
            self.push_finished(ctx, now, (cache, timed), frame);
            return Ok(());
        }
        self.queue.push(frame);
        if self.queue.len().is_multiple_of(BATCH) {
            self.flush_amidst(ctx, now, (cache, timed));
        }
        Ok(())
    }

    /// The same as [`flush`](Self::flush), in the midst of another step.
    fn flush_amidst(
        &mut self,
        ctx: &mut Ctx<'_, Unlocked>,
        now: Instant,
        (cache, timed): (&mut Cache, &mut Timed),
    ) {
        let step = timed.sending();
        let taken = self.flush(ctx, now, cache);
        timed.count(taken);
        timed.back(step);
    }

    /// Queues frames, as [`push`](Self::push) does each of them; `unfinished` if something may be left undone of one. Those for
    /// which there is no room stay in `frames`.
    pub(crate) fn push_all(
        &mut self,
        ctx: &mut Ctx<'_, Unlocked>,
        now: Instant,
        (cache, timed): (&mut Cache, &mut Timed),
        (frames, unfinished): (&mut Vec<Mbuf>, bool),
    ) {
        if unfinished {
            let mut full = Vec::new();
            for frame in frames.drain(..) {
                full.extend(self.push(ctx, now, (&mut *cache, &mut *timed), frame).err());
            }
            // Into the room that is there.
            return frames.append(&mut full);
        }
        while !frames.is_empty() && self.queue.len() < Self::BACKLOG {
            // Up to where it is flushed.
            let most = BATCH - self.queue.len() % BATCH;
            if frames.len() <= most {
                // Moved as a whole.
                self.queue.append(frames);
            } else {
                self.queue.extend(frames.drain(..most));
            }
            if self.queue.len().is_multiple_of(BATCH) {
                self.flush_amidst(ctx, now, (&mut *cache, &mut *timed));
            }
        }
    }

    /// Whether a frame goes as it is, with something left undone. Not if it is a super-frame and would have to wait for the
    /// wire: there are few large buffers, and a slow port would hold those of all.
    fn takes(&self, frame: &Mbuf) -> bool {
        let waits = !self.waiting.is_clear() || self.queue.len() >= BATCH;
        let offload = frame.offload().filter(|offload| !waits || offload.segments.is_none());
        offload.is_some_and(|offload| self.device.offloads().take(&offload))
    }

    /// Queues a frame that the device cannot finish: what is left undone is done here. Segments of one super-frame for which
    /// there is no room are lost, one by one.
    #[cold]
    fn push_finished(
        &mut self,
        ctx: &mut Ctx<'_, Unlocked>,
        now: Instant,
        (cache, timed): (&mut Cache, &mut Timed),
        frame: Mbuf,
    ) {
        let kept = self.watched.then(|| frame.clone());
        let result = offload::cut_frame(cache, frame, |cache, segment| {
            if self.queue.len() >= Self::BACKLOG {
                self.ifnet.counters.add(self.worker, IfCounter::TxDropped, 1);
                return self.outcome.unsent.push((segment, DropReason::TxFull));
            }
            self.queue.push(segment);
            if self.queue.len().is_multiple_of(BATCH) {
                self.flush_amidst(ctx, now, (cache, &mut *timed));
            }
        });
        match (result, kept) {
            (Ok(()), kept) => return cache.free_all(kept),
            (Err(why), Some(frame)) => self.outcome.unsent.push((frame, why)),
            (Err(why), None) => self.outcome.uncut.push(why),
        }
        self.ifnet.counters.add(self.worker, IfCounter::TxDropped, 1);
    }

    /// Puts what is queued on the wire, as far as it takes it, and gives up what has waited for too long. Sending asks
    /// for a token that holds no lock. How many frames the wire has taken.
    pub(crate) fn flush(&mut self, _ctx: &mut Ctx<'_, Unlocked>, now: Instant, cache: &mut Cache) -> usize {
        if self.queue.is_empty() {
            return 0;
        }
        let mut taken = self.transmit(now, cache);
        // The front goes first, alone: it may be what keeps those behind it. If the next one fares no better, it is the
        // wire.
        let mut overdue = self.waiting.overdue(now);
        if overdue > 0 {
            self.give_up(now, 1);
            let more = self.transmit(now, cache);
            if more == 0 {
                overdue = self.waiting.overdue(now);
                self.give_up(now, overdue);
            }
            taken += more;
        }
        taken
    }

    /// Hands the device what is queued. How many frames it has taken.
    fn transmit(&mut self, now: Instant, cache: &mut Cache) -> usize {
        let before = self.queue.len();
        if before == 0 {
            return 0;
        }
        match self.watched {
            false => self.hand_over(cache),
            true => self.hand_over_watched(cache),
        }
        let (left, taken) = (self.queue.len(), before - self.queue.len());
        if left == 0 && self.waiting.is_clear() {
            return taken;
        }
        let interface = self.ifnet.id;
        let was = self.waiting.stalled_since().is_some();
        let news = self.waiting.after(now, taken, left);
        let since = self.waiting.stalled_since();
        if was != since.is_some() {
            self.ifnet.tx_stalls.note(since);
        }
        self.outcome.events.extend(news.map(|news| match news {
            News::Stalled { untold } => Event::TxStalled { interface, waiting: left, untold },
            News::Moves { after, lost } => Event::TxMoves { interface, after, lost },
        }));
        taken
    }

    /// One call of the device's.
    fn hand_over(&mut self, cache: &mut Cache) {
        let sent = self.device.transmit(cache, &mut self.queue);
        let counters = &self.ifnet.counters;
        counters.add(self.worker, IfCounter::TxPackets, sent.frames);
        counters.add(self.worker, IfCounter::TxBytes, sent.bytes);
        if sent.lost > 0 {
            counters.add(self.worker, IfCounter::TxDropped, sent.lost);
            self.outcome.lost += sent.lost;
        }
        if let Some(error) = sent.error {
            let interface = self.ifnet.id;
            self.outcome.events.push(Event::DeviceError { interface, error: error.to_string() });
        }
    }

    /// The same frame by frame: a device says how many it has lost, not which.
    #[cold]
    #[inline(never)]
    fn hand_over_watched(&mut self, cache: &mut Cache) {
        let mut all = std::mem::replace(&mut self.queue, Vec::with_capacity(Self::BACKLOG)).into_iter();
        for frame in all.by_ref() {
            let kept = frame.clone();
            let before = self.outcome.lost;
            self.queue.push(frame);
            self.hand_over(cache);
            match () {
                () if !self.queue.is_empty() => {
                    cache.free(kept);
                    break;
                }
                () if self.outcome.lost > before => {
                    self.outcome.lost = before;
                    self.outcome.unsent.push((kept, DropReason::TxLost));
                }
                () => {
                    self.outcome.taken.extend(Some(kept.mark()).filter(|mark| *mark != 0));
                    cache.free(kept);
                }
            }
        }
        self.queue.extend(all);
        self.watched = !self.queue.is_empty();
    }

    /// Drops frames that have waited for too long.
    fn give_up(&mut self, now: Instant, frames: usize) {
        if frames > 0 {
            self.waiting.dropped(now, frames, self.queue.len());
            self.ifnet.counters.add(self.worker, IfCounter::TxDropped, frames as u64);
            let stalled = self.queue.drain(..frames).map(|frame| (frame, DropReason::TxStalled));
            self.outcome.unsent.extend(stalled);
        }
    }

    /// Somebody wants to know what becomes of a frame that is about to be queued.
    pub(crate) fn watch(&mut self) {
        self.watched = true;
    }

    /// There is nothing to send, and nothing to tell.
    #[inline]
    pub(crate) fn is_idle(&self) -> bool {
        self.queue.is_empty() && self.outcome.is_empty()
    }

    /// What came of sending since the last call.
    pub(crate) fn take_outcome(&mut self) -> Option<Outcome> {
        (!self.outcome.is_empty()).then(|| std::mem::take(&mut self.outcome))
    }

    /// Has the device let in what `filter` names, if it does not yet. What fails is to be tried again at
    /// [`next_filter`](Self::next_filter).
    pub(crate) fn set_filter(&mut self, now: Instant, filter: &Arc<Filter>) -> io::Result<()> {
        if self.filter.as_ref() == Some(filter) {
            self.wanted = None;
            return Ok(());
        }
        let result = self.device.set_filter(filter);
        match &result {
            Ok(()) => (self.filter, self.wanted) = (Some(filter.clone()), None),
            // What it lets in now is anybody's guess.
            Err(_) => (self.filter, self.wanted) = (None, Some((filter.clone(), now + Self::RETRY_FILTER))),
        }
        result
    }

    /// Tries again what failed, if it is time.
    pub(crate) fn retry_filter(&mut self, now: Instant) -> io::Result<()> {
        match &self.wanted {
            Some((filter, at)) if *at <= now => self.set_filter(now, &filter.clone()),
            _ => Ok(()),
        }
    }

    /// When the device is to be told again what to let in; [`Instant::NEVER`] if it has been.
    pub(crate) fn next_filter(&self) -> Instant {
        self.wanted.as_ref().map_or(Instant::NEVER, |(_, at)| *at)
    }

    /// When frames that wait for the wire are to be tried again; `None` if there are none.
    pub(crate) fn next_try(&self, now: Instant) -> Option<Instant> {
        let pause = if self.waiting.stalled_since().is_some() { Self::RETRY_STALLED } else { Self::RETRY };
        (!self.queue.is_empty()).then_some(now + pause)
    }

    /// Takes up to `max` frames off the wire, in a turn that began at `now`.
    #[inline(always)] // As above.
    pub(crate) fn receive(
        &mut self,
        now: Instant,
        cache: &mut Cache,
        into: &mut Vec<Mbuf>,
        max: usize,
    ) -> io::Result<usize> {
        let before = into.len();
        let result = self.device.receive(cache, into, max);
        let got = into.len() - before;
        if got > 0 {
            let bytes = into[before..].iter().map(|frame| frame.len() as u64).sum();
            self.ifnet.counters.add(self.worker, IfCounter::RxPackets, got as u64);
            self.ifnet.counters.add(self.worker, IfCounter::RxBytes, bytes);
        }
        self.given += got as u64;
        let unread = self.device.unread().unwrap_or_else(|| heard::guess(self.given, got, max));
        self.reading.note(now, unread);
        result.map(|_| got)
    }

    /// What it has read.
    pub(crate) fn reading(&self) -> &Reading {
        &self.reading
    }

    pub(crate) fn readable(&self) -> Option<std::os::fd::BorrowedFd<'_>> {
        self.device.readable()
    }

    /// The frames that never left.
    pub(crate) fn into_queue(mut self) -> Vec<Mbuf> {
        if self.waiting.stalled_since().is_some() {
            self.ifnet.tx_stalls.note(None);
        }
        let unsent = self.outcome.unsent.drain(..).map(|(frame, _)| frame);
        unsent.chain(self.queue.drain(..)).collect()
    }
}
