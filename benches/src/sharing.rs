//! What two workers of one stack cost each other: beside two stacks of one worker each, which share nothing.
//!
//! Both run on the same two cores, in short turns that alternate, and what counts is the ratio within a round. A packet is
//! charged with the processor time of the worker's thread: what else runs on the machine takes time from both alike.

use std::error::Error;
use std::sync::Barrier;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use rustix::time::ClockId;
use rustix::time::clock_gettime;

use crate::affinity;
use crate::measure::median;
use crate::router;
use crate::router::Lane;
use crate::router::Shape;

/// How long, and how often.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Rounds, each with a ratio of its own.
    pub rounds: usize,
    /// Turns of each arrangement in a round.
    pub turns: usize,
    /// How long a turn is.
    pub turn: Duration,
}

/// What one size of batch came to; nanoseconds of processor time for each packet.
#[derive(Debug)]
pub struct Outcome {
    /// Packets in a worker's turn.
    pub batch: usize,
    /// One worker alone.
    pub alone: f64,
    /// Two workers of one stack, each.
    pub together: f64,
    /// Two workers of two stacks, each.
    pub apart: f64,
    /// What two workers of one stack carry over what those of two stacks do: the median of the rounds.
    pub ratio: f64,
    /// The ratio in each round.
    pub ratios: Vec<f64>,
}

/// Nanoseconds of processor time, and packets, of all workers of an arrangement.
#[derive(Debug, Default, Clone, Copy)]
struct Work {
    nanoseconds: u64,
    packets: u64,
}

impl Work {
    fn each(self) -> f64 {
        self.nanoseconds as f64 / self.packets.max(1) as f64
    }
}

/// Measures one size of batch.
///
/// # Errors
/// What the stack or the system refuses; or a packet was lost, and the figures mean nothing.
pub fn measure(shape: Shape, plan: Plan) -> Result<Outcome, Box<dyn Error>> {
    let mut alone = router::build(shape, 1)?;
    let mut together = router::build(shape, 2)?;
    let mut apart = router::build(shape, 1)?;
    apart.extend(router::build(shape, 1)?);
    let mut sums = [Work::default(); 3];
    let mut ratios = Vec::new();
    for lanes in [&mut alone, &mut together, &mut apart] {
        run(lanes, plan.turn)?;
    }
    for _ in 0..plan.rounds {
        let mut round = [Work::default(); 3];
        for turn in 0..plan.turns {
            let mut arrangements = [(0, &mut alone), (1, &mut together), (2, &mut apart)];
            // Each has each place as often as the others.
            arrangements.rotate_left(turn % 3);
            for (place, lanes) in arrangements {
                let work = run(lanes, plan.turn)?;
                for sum in [&mut round[place], &mut sums[place]] {
                    sum.nanoseconds += work.nanoseconds;
                    sum.packets += work.packets;
                }
            }
        }
        ratios.push(round[2].each() / round[1].each());
    }
    if !alone.iter().chain(&together).chain(&apart).all(Lane::lost_nothing) {
        return Err("packets were lost: nothing can be said".into());
    }
    let mut sorted = ratios.clone();
    let [alone, together, apart] = sums.map(Work::each);
    Ok(Outcome { batch: shape.batch, alone, together, apart, ratio: median(&mut sorted), ratios })
}

/// Lets each lane run on a core of its own, all at the same time.
fn run(lanes: &mut [Lane], span: Duration) -> Result<Work, Box<dyn Error>> {
    let stop = AtomicBool::new(false);
    let start = Barrier::new(lanes.len() + 1);
    thread::scope(|scope| {
        let threads: Vec<_> = lanes
            .iter_mut()
            .enumerate()
            .map(|(core, lane)| {
                let (stop, start) = (&stop, &start);
                scope.spawn(move || {
                    let pinned = affinity::pin(core);
                    start.wait();
                    pinned.map(|()| turns(lane, stop))
                })
            })
            .collect();
        start.wait();
        thread::sleep(span);
        stop.store(true, Ordering::Relaxed);
        let mut all = Work::default();
        for thread in threads {
            let work = thread.join().map_err(|_| "a worker panicked")??;
            all.nanoseconds += work.nanoseconds;
            all.packets += work.packets;
        }
        Ok(all)
    })
}

fn turns(lane: &mut Lane, stop: &AtomicBool) -> Work {
    let before = processor_time();
    let mut packets = 0;
    while !stop.load(Ordering::Relaxed) {
        // Whoever looks more often measures the looking.
        for _ in 0..16 {
            packets += lane.turn() as u64;
        }
    }
    Work { nanoseconds: processor_time() - before, packets }
}

/// Nanoseconds of this thread.
fn processor_time() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_packet_that_comes_in_leaves_by_each_worker() {
        let shape = Shape { batch: 4, routes: 10, flows: 100 };
        for workers in [1, 2] {
            let mut lanes = router::build(shape, workers).unwrap();
            assert_eq!(lanes.len(), workers);
            for lane in &mut lanes {
                assert!(!lane.lost_nothing(), "nothing has come yet");
                (0..100).for_each(|_| assert_eq!(lane.turn(), 4));
            }
            assert!(lanes.iter().all(Lane::lost_nothing));
        }
    }
}
