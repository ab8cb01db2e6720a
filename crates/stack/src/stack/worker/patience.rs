//! How long frames wait for a wire that does not take them.
//!
//! What a driver leaves in the queue found no room. It is tried again, in order, for [`PATIENCE`] and no longer: a wire
//! that has stopped would else keep for ever what is of no use to anybody by then, and a single frame that is never
//! taken would keep all others waiting. A queue that has not moved for that long is a *stall*, which is told.

use std::time::Duration;

use siding_netisr::Instant;

/// The longest that a frame is refused for want of room before it is dropped. One that comes while others wait may
/// have to wait for their patience to end, and then for its own.
pub(crate) const PATIENCE: Duration = Duration::from_millis(100);

/// Stalls that follow each other sooner than that are told as one.
const PAUSE: Duration = Duration::from_secs(10);

/// What is known of a queue that is not empty.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    /// So many frames at the front have waited at least since then.
    marked: Option<(Instant, usize)>,
    /// Since when the wire has taken nothing, while there was something.
    still_since: Option<Instant>,
    stalled: bool,
    /// Frames that this stall has cost.
    lost: u64,
    /// The stall has been told.
    told: bool,
    told_at: Option<Instant>,
    /// Stalls that were not told, for the last one was told a moment before.
    untold: u64,
}

/// What is to be told of a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum News {
    /// It has not moved for [`PATIENCE`]. So many stalls before were not told.
    Stalled { untold: u64 },
    /// It moves again, after so long, and frames were dropped.
    Moves { after: Duration, lost: u64 },
}

impl Waiting {
    /// The wire has taken `taken` frames, and left `left`.
    pub(super) fn after(&mut self, now: Instant, taken: usize, left: usize) -> Option<News> {
        let mut news = None;
        if taken > 0 {
            if let Some(since) = self.still_since.take()
                && std::mem::take(&mut self.stalled)
                && std::mem::take(&mut self.told)
            {
                news = Some(News::Moves { after: now.since(since), lost: self.lost });
            }
            self.lost = 0;
        }
        self.marked = match self.marked {
            _ if left == 0 => None,
            Some((at, frames)) if frames > taken => Some((at, frames - taken)),
            _ => Some((now, left)),
        };
        if left > 0 && taken == 0 {
            let since = *self.still_since.get_or_insert(now);
            if now.since(since) >= PATIENCE && !std::mem::replace(&mut self.stalled, true) {
                if self.told_at.is_some_and(|at| now.since(at) < PAUSE) {
                    self.untold += 1;
                } else {
                    (self.told, self.told_at) = (true, Some(now));
                    news = Some(News::Stalled { untold: std::mem::take(&mut self.untold) });
                }
            }
        }
        news
    }

    /// Nothing waits or has waited, so that there is nothing to note of a wire that takes everything.
    #[inline]
    pub(super) fn is_clear(&self) -> bool {
        self.marked.is_none() && self.still_since.is_none() && self.lost == 0 && !self.told
    }

    /// How many frames at the front have waited for too long.
    pub(super) fn overdue(&self, now: Instant) -> usize {
        self.marked.map_or(0, |(at, frames)| if now.since(at) >= PATIENCE { frames } else { 0 })
    }

    /// So many frames were dropped from the front of `before`.
    pub(super) fn dropped(&mut self, now: Instant, frames: usize, before: usize) {
        self.lost += frames as u64;
        let left = before - frames;
        self.marked = match self.marked {
            Some((at, marked)) if marked > frames => Some((at, marked - frames)),
            _ => (left > 0).then_some((now, left)),
        };
    }

    /// Since when it has not moved, if it is stalled.
    pub(super) fn stalled_since(&self) -> Option<Instant> {
        self.still_since.filter(|_| self.stalled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Instant {
        Instant::from_nanos(1_000_000_000 + ms * 1_000_000)
    }

    #[test]
    fn a_queue_that_does_not_move_is_told_once_and_once_more_when_it_moves() {
        let mut waiting = Waiting::default();
        assert_eq!(waiting.after(at(0), 3, 5), None);
        for ms in 1..=100 {
            assert_eq!(waiting.after(at(ms), 0, 5), None, "it has moved {ms} ms ago");
        }
        assert_eq!(waiting.after(at(101), 0, 5), Some(News::Stalled { untold: 0 }));
        assert_eq!(waiting.stalled_since(), Some(at(1)));
        assert_eq!(waiting.after(at(500), 0, 5), None);
        waiting.dropped(at(500), 5, 5);
        assert_eq!(
            waiting.after(at(601), 1, 0),
            Some(News::Moves { after: Duration::from_millis(600), lost: 5 })
        );
        assert_eq!(waiting.stalled_since(), None);
        // One that comes and goes does not fill the log.
        for n in 0..10 {
            assert_eq!(waiting.after(at(700 + n * 200), 0, 1), None);
            assert_eq!(waiting.after(at(800 + n * 200), 0, 1), None);
            assert!(waiting.stalled_since().is_some(), "but it is shown");
            assert_eq!(waiting.after(at(850 + n * 200), 1, 0), None);
        }
        assert_eq!(waiting.after(at(20_000), 0, 1), None);
        assert_eq!(waiting.after(at(20_100), 0, 1), Some(News::Stalled { untold: 10 }));
    }

    #[test]
    fn no_frame_waits_for_longer_than_twice_the_patience() {
        let mut waiting = Waiting::default();
        waiting.after(at(0), 0, 4);
        assert_eq!(waiting.overdue(at(99)), 0);
        waiting.after(at(99), 1, 6);
        assert_eq!(waiting.overdue(at(100)), 3, "those that came later have time yet");
        waiting.dropped(at(100), 3, 6);
        assert_eq!((waiting.overdue(at(199)), waiting.overdue(at(200))), (0, 3));
    }
}
