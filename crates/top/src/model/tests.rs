use siding_client::BucketRow;
use siding_client::Dropper;
use siding_client::TurnRow;
use siding_client::TypeRow;

use super::*;

fn interface(name: &str, id: &str, rx: (u64, u64), dropped: u64) -> InterfaceRow {
    serde_json::from_value(serde_json::json!({
        "name": name, "id": id, "driver": "packet", "device": name, "up": true, "link": true, "state": "up",
        "mac": "02:00:00:00:00:01", "mtu": 1500, "addresses": [], "neighbors": 0, "tx_stalled_ms": null,
        "counters": {"rx-packets": rx.0, "rx-bytes": rx.1}, "device_counters": {"rx-dropped": dropped}, "netisr": {},
    }))
    .unwrap()
}

fn at(ms: u64) -> Sample {
    Sample { at: Duration::from_millis(ms), ..Sample::default() }
}

fn of(samples: impl IntoIterator<Item = Sample>) -> Model {
    let mut model = Model::default();
    samples.into_iter().for_each(|sample| model.take(sample));
    model
}

#[test]
fn two_samples_make_rates_and_one_makes_none() {
    let sample = |ms, rx, dropped| Sample { interfaces: vec![interface("a", "1.1", rx, dropped)], ..at(ms) };
    let first = of([sample(0, (100, 1000), 0)]);
    assert!(first.over.is_none() && first.traffic.is_empty());
    let model = of([sample(0, (100, 1000), 0), sample(500, (150, 1500), 2)]);
    assert_eq!(model.over, Some(Duration::from_millis(500)));
    let traffic = &model.traffic["a"];
    assert_eq!((traffic.rx.packets, traffic.rx.bits, traffic.drops), (100.0, 8000.0, 4.0));
    assert_eq!((model.wire.rx.bits, traffic.rx.bits_before.newest(9)), (8000.0, vec![8000]));
}

#[test]
fn an_interface_that_came_back_is_another_and_has_begun_at_nothing() {
    let sample = |ms, id, packets| Sample { interfaces: vec![interface("a", id, (packets, 0), 0)], ..at(ms) };
    assert_eq!(of([sample(0, "1.1", 100), sample(1000, "1.2", 150)]).traffic["a"].rx.packets, 150.0);
    // A counter that goes backward has begun anew, too.
    assert_eq!(of([sample(0, "1.1", 100), sample(1000, "1.1", 30)]).traffic["a"].rx.packets, 30.0);
    let gone = of([sample(0, "1.1", 100), sample(1000, "1.1", 150), at(2000)]);
    assert!(gone.traffic.is_empty());
}

#[test]
fn turns_tell_how_busy_a_worker_is_and_how_full_they_were() {
    let sample =
        |ms: u64, turns: [(u64, u64, u64); 3]| {
            let turns = [0, 1, 2]
                .into_iter()
                .zip(turns)
                .map(|(at_least, (turns, packets, took_ns))| TurnRow { at_least, turns, packets, took_ns });
            let row = PerformanceRow {
                worker: 0,
                run_ns: ms * 1_000_000,
                turns: turns.collect(),
                frames: Default::default(),
                timed: Default::default(),
            };
            Sample { performance: vec![row], ..at(ms) }
        };
    let model = of([
        sample(1000, [(50, 0, 9), (10, 10, 1000), (0, 0, 0)]),
        sample(2000, [(60, 0, 99), (20, 20, 100_001_000), (5, 30, 150_000_000)]),
    ]);
    let work = &model.work[0];
    assert_eq!((work.turns, work.packets, work.busy), (25.0, 40.0, 0.25));
    assert_eq!((work.packets_a_turn, work.ns_a_packet), (Some(40.0 / 15.0), Some(6_250_000.0)));
    assert_eq!(work.sizes, [10, 5]);
    // A worker of a daemon that began later has nothing in common with it.
    let other = of([
        sample(9000, [(50, 0, 9), (10, 10, 1000), (0, 0, 0)]),
        sample(9500, [(60, 0, 9), (20, 20, 2000), (0, 0, 0)]),
    ]);
    assert_eq!(other.work[0].turns, 40.0);
}

#[test]
fn waits_are_of_the_time_between_and_each_is_counted_once() {
    let sample = |ms, waits: [u64; 3], accepted| {
        let residence = [1023, 4095, 16_383].into_iter().zip(waits);
        let bucket = |(at_most_ns, packets)| BucketRow { at_most_ns, packets };
        let total = LaneRow { accepted, residence: residence.map(bucket).collect(), ..LaneRow::default() };
        let row = TypeRow { name: "out".into(), limit: 64, total, workers: Vec::new() };
        Sample { queues: vec![row], ..at(ms) }
    };
    let model = of([sample(0, [5, 9, 9], 9), sample(1000, [55, 107, 109], 109)]);
    let queue = &model.queues["out"];
    assert_eq!(
        (queue.accepted, queue.waits.as_slice()),
        (100.0, [(1023, 50), (4095, 48), (16_383, 2)].as_slice())
    );
    assert_eq!(
        [50, 51, 98, 99, 100].map(|of| queue.percentile(of)),
        [1023, 4095, 4095, 16_383, 16_383].map(Some)
    );
    assert_eq!(of([sample(0, [5; 3], 5), sample(1000, [5; 3], 5)]).queues["out"].percentile(99), None);
}

#[test]
fn drops_have_rates_and_those_of_a_driver_are_not_told_twice() {
    let sample = |ms, counts: [u64; 4]| {
        let eth0 = |row: DropRow| DropRow { interface: Some("eth0".into()), ..row };
        let driver = |cause| DropRow { by: Dropper::Driver, ..eth0(DropRow::stack(cause)) };
        let gone = DropRow { departed: true, ..DropRow::stack("hop-limit") };
        let rows = [eth0(DropRow::stack("tx-lost")), driver("tx-gone"), driver("rx-overrun"), gone];
        let drops = rows.into_iter().zip(counts).map(|(row, count)| DropRow { count, ..row });
        Sample { drops: drops.collect(), ..at(ms) }
    };
    let model = of([sample(0, [1, 1, 0, 5]), sample(2000, [5, 5, 6, 50])]);
    assert_eq!((model.dropped.rate, model.dropped.before.newest(1)), (5.0, vec![5]));
    let key = ("eth0".to_owned(), true, "rx-overrun".to_owned());
    assert_eq!((model.drops[&key].rate, model.drops.len()), (3.0, 3));
}
