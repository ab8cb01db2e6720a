//! Who watches, and what has been recorded for them.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::sync::atomic::AtomicU16;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Duration;

use siding_netisr::IfId;
use siding_netisr::Instant;

use super::Record;
use crate::drops::DropReason;

/// So many may watch at a time. Two bits of a packet's mark say whose it is, the others which.
pub(super) const MOST: usize = 4;

/// The part of a mark that says which packet it is.
const NUMBER: u16 = u16::MAX >> 2;

/// Says which packets somebody wants to see.
pub trait Wants: Send + Sync {
    /// Whether this frame is wanted, which `on` has received, or sends, or did until it was dropped. Called by workers, for
    /// every frame; it may not wait for anybody.
    fn wants(&self, on: IfId, frame: &[u8]) -> bool;
}

/// What is watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// Lives of packets, from the wire to their end.
    Lives,
    /// Frames that pass an interface, or all.
    Frames(Option<IfId>),
    /// Packets that are dropped, by these causes; by any if none is given. Those on an interface's account, or all.
    Drops(Option<IfId>, Vec<DropReason>),
}

/// How somebody watches.
pub struct WatchSpec {
    /// What.
    pub subject: Subject,
    /// Of that, which packets.
    pub wants: Arc<dyn Wants>,
    /// Records that wait to be taken, at the most.
    pub room: usize,
    /// Bytes of frames in them, at the most.
    pub bytes: usize,
    /// Bytes of each frame that are kept.
    pub snaplen: usize,
    /// Packets in a second whose lives are begun, at the most. Captures have no such limit but their room.
    pub per_second: u32,
}

/// What is not in the records, though it was wanted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Missed {
    /// Packets whose lives were not begun: there were more in a second than may be, or another watch follows them.
    pub packets: u64,
    /// Records for which there was no room.
    pub records: u64,
}

/// As many watch as may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("as many as may watch already: {MOST}")]
pub struct TooManyWatches;

/// Somebody who watches, until this is dropped.
pub struct Watch {
    shared: Arc<Shared>,
    watcher: Arc<Watcher>,
    place: usize,
}

/// One who watches, as workers see it.
pub(super) struct Watcher {
    pub(super) spec: WatchSpec,
    state: Mutex<State>,
}

struct State {
    records: VecDeque<Record>,
    bytes: usize,
    missed: Missed,
    /// Nobody watches any more: a worker that has not seen it yet keeps nothing.
    over: bool,
    /// Lives that may begin yet, and since when that is counted.
    left: u32,
    since: Instant,
}

/// Those who watch, by their places.
pub(super) type Places = [Option<Arc<Watcher>>; MOST];

/// Those who watch now, and who did.
#[derive(Default)]
struct Watching {
    places: Arc<Places>,
    /// What workers may still have: let go of here, so that none of them has to free what somebody has left.
    before: Vec<Arc<Places>>,
}

/// What all workers share of it. Its locks and counters are not the checkers': nothing that they check depends on who
/// watches, and under these locks nothing is done that they could interleave.
pub(crate) struct Shared {
    /// How often places have changed.
    pub(super) generation: AtomicU64,
    watching: Mutex<Watching>,
    numbers: [AtomicU16; MOST],
    pub(super) clock: Arc<dyn Fn() -> Instant + Send + Sync>,
}

impl Shared {
    pub(crate) fn new(clock: Arc<dyn Fn() -> Instant + Send + Sync>) -> Shared {
        Shared {
            generation: AtomicU64::new(0),
            watching: Mutex::default(),
            numbers: Default::default(),
            clock,
        }
    }

    /// Adds somebody who watches. Workers see it with their next turn.
    pub(crate) fn watch(self: &Arc<Self>, spec: WatchSpec) -> Result<Watch, TooManyWatches> {
        let state = State {
            records: VecDeque::new(),
            bytes: 0,
            missed: Missed::default(),
            over: false,
            left: spec.per_second,
            since: (self.clock)(),
        };
        let watcher = Arc::new(Watcher { spec, state: Mutex::new(state) });
        let mut watching = lock(&self.watching);
        let place = watching.places.iter().position(Option::is_none).ok_or(TooManyWatches)?;
        self.put(&mut watching, place, Some(watcher.clone()));
        Ok(Watch { shared: self.clone(), watcher, place })
    }

    fn put(&self, watching: &mut Watching, place: usize, watcher: Option<Arc<Watcher>>) {
        let mut changed = (*watching.places).clone();
        changed[place] = watcher;
        let before = std::mem::replace(&mut watching.places, Arc::new(changed));
        watching.before.push(before);
        // Workers take those of now alone, and under this lock: one that nobody else has nobody will have.
        watching.before.retain(|before| Arc::strong_count(before) > 1);
        // Release: who sees the number finds the places.
        self.generation.fetch_add(1, Ordering::Release);
    }

    /// Those who watch now.
    pub(super) fn places(&self) -> Arc<Places> {
        lock(&self.watching).places.clone()
    }

    /// A mark for a packet whose life the watcher in `place` follows.
    pub(super) fn mark(&self, place: usize) -> u16 {
        loop {
            let number = self.numbers[place].fetch_add(1, Ordering::Relaxed) & NUMBER;
            // All marks differ from none.
            if number != 0 {
                return (place as u16) << 14 | number;
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whose a mark is, and which packet it means.
pub(super) fn place(mark: u16) -> (usize, u16) {
    (usize::from(mark >> 14), mark & NUMBER)
}

impl Watcher {
    /// Whether one more life may begin.
    pub(super) fn may_begin(&self, now: Instant) -> bool {
        let mut state = lock(&self.state);
        if now.since(state.since) >= Duration::from_secs(1) {
            (state.since, state.left) = (now, self.spec.per_second);
        }
        let may = state.left > 0;
        match may {
            true => state.left -= 1,
            false => state.missed.packets += 1,
        }
        may
    }

    /// One that is wanted is followed by another already.
    pub(super) fn miss(&self) {
        lock(&self.state).missed.packets += 1;
    }

    /// Keeps a record, if there is room. `frame` is what is to be shown of it.
    pub(super) fn keep(&self, mut record: Record, frame: Option<&[u8]>) {
        let frame = frame.map(|frame| &frame[..frame.len().min(self.spec.snaplen)]).unwrap_or_default();
        let mut state = lock(&self.state);
        if state.over {
            return;
        }
        if state.records.len() >= self.spec.room || state.bytes + frame.len() > self.spec.bytes {
            state.missed.records += 1;
            return;
        }
        state.bytes += frame.len();
        record.frame = frame.to_vec();
        state.records.push_back(record);
    }
}

impl Watch {
    /// Takes up to `most` records, oldest first, and says what had no place among all so far.
    pub fn take(&self, most: usize) -> (Vec<Record>, Missed) {
        let mut state = lock(&self.watcher.state);
        let count = state.records.len().min(most);
        let records: Vec<Record> = state.records.drain(..count).collect();
        state.bytes -= records.iter().map(|record| record.frame.len()).sum::<usize>();
        (records, state.missed)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.shared.put(&mut lock(&self.shared.watching), self.place, None);
        let mut state = lock(&self.watcher.state);
        (state.over, state.bytes, state.records) = (true, 0, VecDeque::new());
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").field("subject", &self.watcher.spec.subject).finish_non_exhaustive()
    }
}
