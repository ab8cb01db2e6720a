//! The queues as the checkers run them: with no stack around them, so that there is little to explore.

use siding_lockorder::Ctx;
use siding_lockorder::Mutex;
use siding_lockorder::Unlocked;
use siding_netisr::IfId;
use siding_netisr::Instant;

use super::Due;
use super::Timers;
use crate::alarm::Alarm;
use crate::ranks;

/// The queues, and one machine whose deadline several workers move.
#[derive(Debug)]
pub struct Queues {
    timers: Timers<()>,
    machine: Mutex<ranks::Neighbor, Alarm>,
}

#[derive(Debug)]
struct Look;

impl Due<()> for Look {
    fn interface(&self) -> IfId {
        IfId::NONE
    }

    fn run(self: Box<Self>, _: &mut Ctx<'_, Unlocked>, (): &mut ()) {}
}

impl Queues {
    /// Of so many workers.
    pub fn new(workers: usize) -> Queues {
        Queues { timers: Timers::new(workers), machine: Mutex::new(Alarm::default()) }
    }

    /// A worker, or else control, moves the machine's deadline.
    pub fn set(&self, ctx: &mut Ctx<'_, Unlocked>, by: Option<usize>, nanos: u64) {
        let (mut alarm, mut ctx) = ctx.lock(&self.machine);
        let deadline = Some(Instant::from_nanos(nanos));
        match by {
            Some(worker) => self.timers.of(worker).set(&mut ctx, &mut alarm, deadline, || Look),
            None => self.timers.set(&mut ctx, &mut alarm, deadline, || Look),
        }
    }

    /// A worker runs what is due, and gives how often the machine's time had come; `all` if it has time for what others have armed.
    pub fn run(&self, ctx: &mut Ctx<'_, Unlocked>, worker: usize, nanos: u64, all: bool) -> usize {
        let now = Instant::from_nanos(nanos);
        let mut rung = 0;
        while let Some(due) = self.timers.of(worker).pop(ctx, now, all) {
            due.run(ctx, &mut ());
            rung += usize::from(ctx.lock(&self.machine).0.rings(now));
        }
        rung
    }

    /// When the first of all is due for a worker that has time, in nanoseconds; `u64::MAX` for never.
    pub fn next(&self, worker: usize) -> u64 {
        self.timers.of(worker).next(true).as_nanos()
    }

    /// Entries in all of them.
    pub fn entries(&self, ctx: &mut Ctx<'_, Unlocked>) -> usize {
        self.timers.len(ctx)
    }
}
