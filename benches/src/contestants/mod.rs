//! Those that take part, one file each.
//!
//! To add one: implement [`Contestant`] in a file of its own, then add its row to [`all`].
//!
//! The facility goes first and gives [`REFERENCE`] its name. Its handler's local state is the
//! [`Tally`](crate::payload::Tally), so that `drain` is one poll with `limit` as its budget; and its `Both` is a type of
//! its own rather than a [`Pair`](crate::contestant::Pair), since a thread has one token, which dispatching and polling
//! must share.

pub mod array_queue;
pub mod channel;
pub mod cordyceps;
#[cfg(have_dpdk)]
pub mod dpdk;
pub mod mutex;
pub mod rtrb;
pub mod seg_queue;
pub mod siding;

use crate::contestant::Contestant;
use crate::error::BenchError;
use crate::scenario;
use crate::scenario::Plan;
use crate::scenario::Scenario;

/// The row that all ratios are to.
pub const REFERENCE: &str = siding::SidingPeer::NAME;

/// A row of the table.
#[derive(Debug)]
pub struct Row {
    /// What is measured.
    pub name: &'static str,
    /// How to measure it, or why it cannot be.
    pub entry: Result<Entry, &'static str>,
}

/// A contestant that is there to be measured.
#[derive(Debug)]
pub struct Entry {
    /// How many producers it allows at once.
    pub producers: usize,
    /// One round: nanoseconds per payload.
    pub run: fn(Scenario, &Plan) -> Result<f64, BenchError>,
}

/// All rows, in the order of the table.
pub fn all() -> Vec<Row> {
    let mut rows = vec![row::<siding::SidingPeer>()];
    rows.extend(dpdk_rows());
    rows.extend([
        row::<rtrb::RtrbPeer>(),
        row::<array_queue::ArrayQueuePeer>(),
        row::<seg_queue::SegQueuePeer>(),
        row::<channel::ChannelPeer>(),
        row::<cordyceps::CordycepsPeer>(),
        row::<mutex::MutexPeer>(),
    ]);
    rows
}

fn row<C: Contestant>() -> Row {
    Row { name: C::NAME, entry: Ok(Entry { producers: C::PRODUCERS, run: scenario::run::<C> }) }
}

#[cfg(have_dpdk)]
fn dpdk_rows() -> [Row; 2] {
    [row::<dpdk::RteRing<false>>(), row::<dpdk::RteRing<true>>()]
}

#[cfg(not(have_dpdk))]
fn dpdk_rows() -> [Row; 2] {
    const ABSENT: &str = "not installed (Debian: libdpdk-dev)";
    ["DPDK rte_ring SP/SC", "DPDK rte_ring MP/SC"].map(|name| Row { name, entry: Err(ABSENT) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_contestant_delivers_everything_in_every_scenario() {
        let plan = Plan { warm_up: 1_000, items: 5_000, capacity: 64 };
        let cores = std::thread::available_parallelism().unwrap().get();
        for row in all() {
            let Ok(entry) = row.entry else { continue };
            for scenario in Scenario::ALL {
                if scenario.producers() > entry.producers || scenario.cores() > cores {
                    continue;
                }
                let outcome = (entry.run)(scenario, &plan);
                assert!(matches!(outcome, Ok(time) if time > 0.0), "{} {scenario:?}: {outcome:?}", row.name);
            }
        }
    }

    #[test]
    fn the_reference_is_a_row_that_can_run_every_scenario() {
        let rows = all();
        let reference = rows.iter().find(|row| row.name == REFERENCE).unwrap();
        assert!(reference.entry.as_ref().unwrap().producers >= crate::payload::MAX_PRODUCERS);
    }
}
