//! What samples come to: rates of what lies between the last two, and histories of those.

use std::collections::BTreeMap;
use std::time::Duration;

use siding_client::DropRow;
use siding_client::InterfaceRow;
use siding_client::LaneRow;
use siding_client::PerformanceRow;

use crate::grow::Track;
use crate::grow::each_second;
use crate::grow::grown;
use crate::sample::Sample;

/// Everything that a screen shows of a daemon.
#[derive(Debug, Default)]
pub struct Model {
    /// The newest sample, if there was one.
    pub now: Option<Sample>,
    /// How long before it the one was taken that its rates are from; `None` as long as there are no rates.
    pub over: Option<Duration>,
    /// Why there is nothing newer, and when that was found.
    pub lost: Option<(String, Duration)>,
    pub(crate) traffic: BTreeMap<String, Traffic>,
    /// Of all interfaces that have a device of their own: what passes others passes these, too.
    pub(crate) wire: Traffic,
    /// In the order of the sample.
    pub(crate) work: Vec<Work>,
    pub(crate) queues: BTreeMap<String, Queue>,
    pub(crate) drops: BTreeMap<Dropped, Growth>,
    pub(crate) dropped: Growth,
}

/// What passes an interface each second, now and before.
#[derive(Debug, Clone, Default)]
pub(crate) struct Traffic {
    pub(crate) rx: Way,
    pub(crate) tx: Way,
    /// Lost on the way in or out, by the stack and by the driver.
    pub(crate) drops: f64,
}

/// One way.
#[derive(Debug, Clone, Default)]
pub(crate) struct Way {
    pub(crate) packets: f64,
    pub(crate) bits: f64,
    pub(crate) packets_before: Track,
    pub(crate) bits_before: Track,
}

/// What a worker has done.
#[derive(Debug, Clone, Default)]
pub(crate) struct Work {
    pub(crate) turns: f64,
    pub(crate) packets: f64,
    /// Of the time, that it had turns with packets.
    pub(crate) busy: f64,
    pub(crate) packets_a_turn: Option<f64>,
    pub(crate) ns_a_packet: Option<f64>,
    /// Turns with packets, by size, the smallest first.
    pub(crate) sizes: Vec<u64>,
    pub(crate) busy_before: Track,
}

/// What has passed a queue.
#[derive(Debug, Clone, Default)]
pub(crate) struct Queue {
    pub(crate) accepted: f64,
    pub(crate) refused: f64,
    /// Packets whose wait was measured, by how long it was, the shortest first: at most so long, and so many.
    pub(crate) waits: Vec<(u64, u64)>,
}

/// What tells one account of drops from another.
type Dropped = (String, bool, String);

/// How fast something grows, now and before.
#[derive(Debug, Clone, Default)]
pub(crate) struct Growth {
    pub(crate) rate: f64,
    pub(crate) before: Track,
}

impl Model {
    /// Takes the next sample. After a loss there is nothing that it could be compared with: it may be of another daemon.
    pub fn take(&mut self, sample: Sample) {
        let lost = self.lost.take().is_some();
        let before = self.now.replace(sample).filter(|_| !lost);
        let (Some(now), Some(before)) = (&self.now, before) else { return };
        let over = now.at.saturating_sub(before.at);
        if over.is_zero() {
            return;
        }
        self.over = Some(over);
        traffic(now, &before, over, &mut self.traffic, &mut self.wire);
        work(now, &before, over, &mut self.work);
        self.queues = queues(now, &before, over);
        drops(now, &before, over, &mut self.drops, &mut self.dropped);
    }

    /// There is nobody, or nobody who answers.
    pub fn lose(&mut self, why: String, at: Duration) {
        self.over = None;
        self.lost.get_or_insert((String::new(), at)).0 = why;
    }
}

/// What tells an account of drops from others.
pub(crate) fn dropped(row: &DropRow) -> Dropped {
    (row.account().to_owned(), row.by == siding_client::Dropper::Driver, row.cause.clone())
}

/// Packets that an interface has lost on the way in or out. What its driver lost on the way out the stack counts among its own.
fn lost(row: &InterfaceRow) -> u64 {
    of(row, true, "rx-dropped") + of(row, false, "tx-dropped")
}

fn of(row: &InterfaceRow, device: bool, name: &str) -> u64 {
    let counters = if device { &row.device_counters } else { &row.counters };
    counters.get(name).copied().unwrap_or(0)
}

fn traffic(
    now: &Sample,
    before: &Sample,
    over: Duration,
    all: &mut BTreeMap<String, Traffic>,
    wire: &mut Traffic,
) {
    all.retain(|name, _| now.interfaces.iter().any(|row| row.name == *name));
    let mut sum = [0.0; 4];
    for row in &now.interfaces {
        // One that came back under its name is another, and has begun at nothing.
        let then = before.interfaces.iter().find(|then| then.name == row.name && then.id == row.id);
        let rate = |name: &str| {
            let then = then.map_or(0, |then| of(then, false, name));
            each_second(grown(of(row, false, name), then), over)
        };
        let rates = [rate("rx-packets"), rate("rx-bytes") * 8.0, rate("tx-packets"), rate("tx-bytes") * 8.0];
        let traffic = all.entry(row.name.clone()).or_default();
        traffic.pass(rates);
        traffic.drops = each_second(grown(lost(row), then.map_or(0, lost)), over);
        if matches!(row.driver.as_str(), "packet" | "tap" | "memory") {
            sum.iter_mut().zip(rates).for_each(|(sum, rate)| *sum += rate);
        }
    }
    wire.pass(sum);
}

impl Traffic {
    fn pass(&mut self, [rx_packets, rx_bits, tx_packets, tx_bits]: [f64; 4]) {
        for (way, packets, bits) in [(&mut self.rx, rx_packets, rx_bits), (&mut self.tx, tx_packets, tx_bits)]
        {
            (way.packets, way.bits) = (packets, bits);
            way.packets_before.push(packets);
            way.bits_before.push(bits);
        }
    }
}

fn work(now: &Sample, before: &Sample, over: Duration, all: &mut Vec<Work>) {
    all.resize_with(now.performance.len(), Work::default);
    for (row, work) in now.performance.iter().zip(all) {
        // A clock that has gone back is another daemon's.
        let then = before
            .performance
            .iter()
            .find(|then| then.worker == row.worker && then.run_ns <= row.run_ns && same_sizes(then, row));
        let since = |at: usize| {
            let then = then.and_then(|then| then.turns.get(at)).copied().unwrap_or_default();
            let now = row.turns.get(at).copied().unwrap_or_default();
            [(now.turns, then.turns), (now.packets, then.packets), (now.took_ns, then.took_ns)]
                .map(|(now, then)| grown(now, then))
        };
        let sizes: Vec<[u64; 3]> = (0..row.turns.len()).map(since).collect();
        let some = sizes.get(1..).unwrap_or_default();
        let sum = |what: usize| some.iter().map(|size| size[what]).sum::<u64>();
        let (turns, packets, took) = (sum(0), sum(1), sum(2));
        let each = |part: u64, all: u64| (all > 0).then(|| part as f64 / all as f64);
        work.turns = each_second(sizes.iter().map(|size| size[0]).sum(), over);
        work.packets = each_second(packets, over);
        work.busy = (took as f64 / over.as_nanos() as f64).min(1.0);
        work.packets_a_turn = each(packets, turns);
        work.ns_a_packet = each(took, packets);
        work.sizes = some.iter().map(|size| size[0]).collect();
        work.busy_before.push(work.busy * 1000.0);
    }
}

fn same_sizes(one: &PerformanceRow, other: &PerformanceRow) -> bool {
    let sizes = |row: &PerformanceRow| row.turns.iter().map(|size| size.at_least).collect::<Vec<_>>();
    sizes(one) == sizes(other)
}

fn queues(now: &Sample, before: &Sample, over: Duration) -> BTreeMap<String, Queue> {
    let queue = |row: &siding_client::TypeRow| {
        let none = LaneRow::default();
        let then = before.queues.iter().find(|then| then.name == row.name).map_or(&none, |then| &then.total);
        let refused = |lane: &LaneRow| lane.refused.values().sum();
        let waits = row.total.residence.iter().map(|bucket| {
            let then = then.residence.iter().find(|then| then.at_most_ns == bucket.at_most_ns);
            (bucket.at_most_ns, grown(bucket.packets, then.map_or(0, |then| then.packets)))
        });
        // The daemon tells how many waited no longer; here each is counted once.
        let waits = waits.scan(0, |shorter, (at_most, packets)| {
            let own = packets.saturating_sub(*shorter);
            *shorter = packets;
            Some((at_most, own))
        });
        Queue {
            accepted: each_second(grown(row.total.accepted, then.accepted), over),
            refused: each_second(grown(refused(&row.total), refused(then)), over),
            waits: waits.collect(),
        }
    };
    now.queues.iter().map(|row| (row.name.clone(), queue(row))).collect()
}

impl Queue {
    /// No more than so long did so many of a hundred wait; `None` if none was measured.
    pub(crate) fn percentile(&self, percent: u64) -> Option<u64> {
        let all: u64 = self.waits.iter().map(|(_, packets)| packets).sum();
        let mut left = (all * percent).div_ceil(100);
        let within = self.waits.iter().find(|(_, packets)| {
            left = left.saturating_sub(*packets);
            left == 0
        });
        within.filter(|_| all > 0).map(|(at_most, _)| *at_most)
    }
}

fn drops(
    now: &Sample,
    before: &Sample,
    over: Duration,
    all: &mut BTreeMap<Dropped, Growth>,
    whole: &mut Growth,
) {
    let then: BTreeMap<_, u64> = before.drops.iter().map(|row| (row.key(), row.count)).collect();
    all.retain(|key, _| now.drops.iter().any(|row| dropped(row) == *key));
    let mut sum = 0.0;
    // What interfaces left behind that went is not dropped anew.
    for row in now.drops.iter().filter(|row| !row.departed) {
        let then = then.get(&row.key()).copied().unwrap_or(0);
        let rate = each_second(grown(row.count, then), over);
        all.entry(dropped(row)).or_default().push(rate);
        // What a driver drops on the way out the stack counts, too.
        if row.by == siding_client::Dropper::Stack || row.cause.starts_with("rx-") {
            sum += rate;
        }
    }
    whole.push(sum);
}

impl Growth {
    fn push(&mut self, rate: f64) {
        self.rate = rate;
        self.before.push(rate);
    }
}

#[cfg(test)]
mod tests;
