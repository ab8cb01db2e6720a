//! Read before you decide: up to when everything that had arrived has been read.
//!
//! A timer that comes late, because the process was held up or a worker had no core, must not decide by silence while the
//! answer lies unread in a queue. So each worker says up to which moment it has read all that had arrived on its
//! interfaces, and a timer runs when all workers have said so of its deadline. Nobody is waited for: the worker that is
//! the last to say so runs it.
//!
//! In a turn that finds every queue empty that moment is the beginning of the turn. While queues are filled as fast as they
//! are read it follows at the distance of one full queue: what had arrived before a moment is at most what waited then,
//! so it has been read when that many frames have been taken. No flood puts a timer off for longer.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use siding_netisr::Instant;

use crate::device::Unread;

/// What one worker has read of one device.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reading {
    /// All that had arrived before then has been read.
    until: Instant,
    /// What had arrived before the first moment has been read when so many frames have been taken in all.
    behind: Option<(Instant, u64)>,
}

impl Reading {
    /// For a device without an [`Unread`] that gives full batches: as many frames as a large queue of the kernel's holds.
    const UNKNOWN: u64 = 1 << 16;

    pub(super) fn new(now: Instant) -> Reading {
        Reading { until: now, behind: None }
    }

    /// What is known of the device after a look at it, in a turn that began at `now`.
    pub(super) fn note(&mut self, now: Instant, unread: Unread) {
        let Unread { taken, waiting } = unread;
        if waiting == 0 {
            *self = Reading::new(now);
            return;
        }
        if let Some((moment, enough)) = self.behind {
            if taken < enough {
                return;
            }
            self.until = moment;
        }
        self.behind = Some((now, taken + waiting));
    }

    /// Up to when all that had arrived has been read.
    pub(super) fn until(&self) -> Instant {
        self.until
    }

    /// Whether something may wait.
    pub(super) fn is_behind(&self) -> bool {
        self.behind.is_some()
    }
}

/// What is known of a device that does not say it: a call for `asked` frames gave `got`, and all before `taken`.
pub(super) fn guess(taken: u64, got: usize, asked: usize) -> Unread {
    Unread { taken, waiting: if got < asked { 0 } else { Reading::UNKNOWN } }
}

/// Up to when each worker has read. A seat that is vacant keeps nobody waiting, nor does a worker before its first turn: that
/// nobody may ever let it have. One that has had a turn is waited for, as a detach waits for it: whoever has it and wants
/// no more turns drops it.
#[derive(Debug)]
pub(crate) struct Heard(Vec<Line>);

/// Written by one worker in each turn: no other worker's lies on its line.
#[derive(Debug)]
#[repr(align(128))]
struct Line(AtomicU64);

impl Heard {
    pub(crate) fn new(workers: usize) -> Heard {
        Heard((0..workers).map(|_| Line(AtomicU64::new(Instant::NEVER.as_nanos()))).collect())
    }

    /// `worker` has read all that had arrived before `until`, and done what follows from it.
    pub(crate) fn note(&self, worker: usize, until: Instant) {
        // Release: whoever sees this sees what the frames have changed.
        self.0[worker].0.store(until.as_nanos(), Ordering::Release);
    }

    /// `worker` has left its seat.
    pub(crate) fn leave(&self, worker: usize) {
        self.note(worker, Instant::NEVER);
    }

    /// Up to when all workers have read.
    pub(crate) fn all(&self) -> Instant {
        let until = self.0.iter().map(|line| line.0.load(Ordering::Acquire)).min();
        Instant::from_nanos(until.unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(n: u64) -> Instant {
        Instant::from_nanos(n)
    }

    #[test]
    fn an_empty_queue_is_read_up_to_the_turn_and_a_full_one_up_to_what_waited() {
        let mut reading = Reading::new(at(1));
        reading.note(at(10), Unread { taken: 64, waiting: 100 });
        assert_eq!((reading.until(), reading.is_behind()), (at(1), true));
        reading.note(at(11), Unread { taken: 128, waiting: 100 });
        assert_eq!(reading.until(), at(1));
        // 164 frames in all: what had waited at 10 is among them, though the queue is as full as ever.
        reading.note(at(12), Unread { taken: 192, waiting: 100 });
        assert_eq!((reading.until(), reading.is_behind()), (at(10), true));
        reading.note(at(13), Unread { taken: 256, waiting: 36 });
        assert_eq!(reading.until(), at(10));
        reading.note(at(14), Unread { taken: 292, waiting: 0 });
        assert_eq!((reading.until(), reading.is_behind()), (at(14), false));
    }

    #[test]
    fn no_flood_puts_off_for_ever() {
        let mut reading = Reading::new(at(0));
        let mut longest = 0;
        for turn in 1..10_000 {
            reading.note(at(turn), Unread { taken: turn * 64, waiting: 4096 });
            longest = longest.max(turn - reading.until().as_nanos());
        }
        // A ring of 4,096 is read in 64 turns; the mark may be set just after a moment, and be reached as late.
        assert!(longest <= 2 * 65, "{longest} turns");
    }

    #[test]
    fn a_vacant_seat_keeps_nobody_waiting() {
        let heard = Heard::new(2);
        assert_eq!(heard.all(), Instant::NEVER);
        heard.note(0, at(7));
        assert_eq!(heard.all(), at(7));
        heard.note(1, at(5));
        assert_eq!(heard.all(), at(5));
        heard.leave(1);
        assert_eq!(heard.all(), at(7));
    }
}
