//! `siding show performance`.

use std::time::Duration;

use anyhow::bail;
use siding_top::spark;

use super::table::Table;
use super::table::micros;
use crate::control::Answer;
use crate::control::Client;
use crate::control::PerformanceRow;
use crate::control::Request;
use crate::control::TurnRow;
use crate::control::TypeRow;

/// Looks twice, so many seconds apart: what lies between.
pub(super) fn over(client: &mut Client, seconds: f64) -> anyhow::Result<Answer> {
    let before = client.ask(&Request::ShowPerformance {})?;
    std::thread::sleep(Duration::from_secs_f64(seconds));
    let mut answer = client.ask(&Request::ShowPerformance {})?;
    if let (Answer::Performance(rows), Answer::Performance(before)) = (&mut answer, &before) {
        rows.iter_mut().zip(before).for_each(|(row, before)| since(row, before));
    }
    Ok(answer)
}

fn since(row: &mut PerformanceRow, before: &PerformanceRow) {
    row.run_ns = row.run_ns.saturating_sub(before.run_ns);
    for (row, before) in row.turns.iter_mut().zip(&before.turns) {
        row.turns = row.turns.saturating_sub(before.turns);
        row.packets = row.packets.saturating_sub(before.packets);
        row.took_ns = row.took_ns.saturating_sub(before.took_ns);
    }
    row.frames.expressed = row.frames.expressed.saturating_sub(before.frames.expressed);
    row.frames.walked = row.frames.walked.saturating_sub(before.frames.walked);
    let (timed, before) = (&mut row.timed, &before.timed);
    timed.turns = timed.turns.saturating_sub(before.turns);
    timed.packets = timed.packets.saturating_sub(before.packets);
    for (step, before) in timed.steps.iter_mut().zip(&before.steps) {
        step.packets = step.packets.saturating_sub(before.packets);
        step.took_ns = step.took_ns.saturating_sub(before.took_ns);
    }
}

/// The queues in which packets have waited.
pub(super) fn queues(client: &mut Client) -> anyhow::Result<Vec<TypeRow>> {
    let Answer::Netisr(mut rows) = client.ask(&Request::ShowNetisr {})? else {
        bail!("the daemon answers something else: is it of another version?")
    };
    rows.retain(|row| row.total.timed > 0);
    Ok(rows)
}

pub(super) fn table(rows: &[PerformanceRow], queues: &[TypeRow]) -> String {
    let mut workers = Table::new(&[
        "WORKER",
        ">TIME/s",
        ">BUSY/%",
        ">LOOKING/%",
        ">TURNS",
        ">PACKETS",
        ">PACKETS/TURN",
        ">NS/PACKET",
        ">EXPRESS/%",
    ]);
    let mut sizes = Table::new(&[
        "WORKER",
        "PACKETS-IN-TURN",
        ">TURNS",
        ">TURNS/%",
        ">PACKETS",
        ">NS/TURN",
        ">NS/PACKET",
    ]);
    for row in rows {
        let worker = row.worker.to_string();
        let (idle, busy): (Vec<TurnRow>, Vec<TurnRow>) =
            row.turns.iter().partition(|size| size.at_least == 0);
        let (idle, busy) = (sum(&idle), sum(&busy));
        workers.row([
            worker.clone(),
            format!("{:.1}", row.run_ns as f64 / 1e9),
            of(busy.took_ns * 100, row.run_ns, 1),
            of(idle.took_ns * 100, row.run_ns, 1),
            (idle.turns + busy.turns).to_string(),
            busy.packets.to_string(),
            of(busy.packets, busy.turns, 1),
            of(busy.took_ns, busy.packets, 0),
            of(row.frames.expressed * 100, row.frames.expressed + row.frames.walked, 1),
        ]);
        let all = idle.turns + busy.turns;
        for (at, size) in row.turns.iter().enumerate().filter(|(_, size)| size.turns > 0) {
            let next = row.turns.get(at + 1).map(|next| next.at_least - 1);
            let range = match next {
                Some(most) if most == size.at_least => most.to_string(),
                Some(most) => format!("{} to {most}", size.at_least),
                None => format!("{} and more", size.at_least),
            };
            sizes.row([
                worker.clone(),
                range,
                size.turns.to_string(),
                of(size.turns * 100, all, 1),
                size.packets.to_string(),
                of(size.took_ns, size.turns, 0),
                of(size.took_ns, size.packets, 0),
            ]);
        }
    }
    let mut steps =
        Table::new(&["WORKER", "STEP", ">PACKETS", ">NS/PACKET", ">OF-TURN/%", ">NS/PACKET-OF-TURN"]);
    for row in rows {
        let timed = &row.timed;
        let all = timed.steps.iter().map(|step| step.took_ns).sum::<u64>();
        for step in timed.steps.iter().filter(|step| step.took_ns > 0 || step.packets > 0) {
            steps.row([
                row.worker.to_string(),
                step.step.clone(),
                step.packets.to_string(),
                of(step.took_ns, step.packets, 0),
                of(step.took_ns * 100, all, 1),
                of(step.took_ns, timed.packets, 0),
            ]);
        }
    }
    // A bar for each time that is four times the one before.
    let mut waits = Table::new(&["QUEUE", ">TIMED", ">P50/us", ">P99/us", ">MAX/us", "1us...17s"]);
    for TypeRow { name, total, .. } in queues {
        let times = [total.residence_p50_ns, total.residence_p99_ns, total.residence_max_ns].map(micros);
        let [p50, p99, max] = times;
        let longer = total.residence.iter().scan(0, |shorter, bucket| {
            let own = bucket.packets.saturating_sub(*shorter);
            *shorter = bucket.packets;
            Some(own)
        });
        let longer: Vec<u64> = longer.collect();
        waits.row([name.clone(), total.timed.to_string(), p50, p99, max, spark(&longer, longer.len())]);
    }
    format!(
        "A turn receives, handles what was deferred, runs timers and sends; LOOKING is turns without a packet;\n\
         EXPRESS is of the frames received: plain packets for others, forwarded a batch at a time.\n\n\
         {workers}\nTurns by how many packets they had:\n{sizes}\n\
         Steps of turns, of which one in 1,024 with packets is timed:\n{steps}\nWaits in queues, since the start:\n{waits}"
    )
}

fn sum(sizes: &[TurnRow]) -> TurnRow {
    sizes.iter().fold(TurnRow::default(), |sum, size| TurnRow {
        at_least: 0,
        turns: sum.turns + size.turns,
        packets: sum.packets + size.packets,
        took_ns: sum.took_ns + size.took_ns,
    })
}

fn of(part: u64, all: u64, digits: usize) -> String {
    match all {
        0 => "-".into(),
        all => format!("{:.digits$}", part as f64 / all as f64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::BucketRow;
    use crate::control::FramesRow;
    use crate::control::LaneRow;
    use crate::control::StepRow;
    use crate::control::TimedRow;

    fn row(turns: [[u64; 3]; 4]) -> PerformanceRow {
        let sizes = [0, 1, 2, 4].into_iter().zip(turns);
        let size = |(at_least, [turns, packets, took_ns]): (u64, [u64; 3])| TurnRow {
            at_least,
            turns,
            packets,
            took_ns,
        };
        let step =
            |(step, packets, took_ns): (&str, u64, u64)| StepRow { step: step.into(), packets, took_ns };
        let steps = [("receive", 64, 6400), ("route", 32, 3200), ("local", 0, 0), ("transmit", 64, 12_800)];
        let timed = TimedRow { turns: 1, packets: 64, steps: steps.map(step).into() };
        let (turns, frames) = (sizes.map(size).collect(), FramesRow { expressed: 900, walked: 100 });
        PerformanceRow { worker: 0, run_ns: 10_000_000_000, turns, frames, timed }
    }

    #[test]
    fn turns_by_size_and_what_a_packet_takes() {
        let bucket = |(at_most_ns, packets)| BucketRow { at_most_ns, packets };
        let residence = [(1023, 1), (4095, 9), (16_383, 9)].map(bucket).into();
        let lane = LaneRow { timed: 9, residence_p50_ns: Some(1500), residence, ..LaneRow::default() };
        let queue = TypeRow { name: "link_out".into(), limit: 64, total: lane, workers: Vec::new() };
        let rows = [row([
            [500, 0, 1_000_000_000],
            [100, 100, 200_000_000],
            [0, 0, 0],
            [400, 19_900, 4_800_000_000],
        ])];
        let expected = "\
A turn receives, handles what was deferred, runs timers and sends; LOOKING is turns without a packet;
EXPRESS is of the frames received: plain packets for others, forwarded a batch at a time.

WORKER  TIME/s  BUSY/%  LOOKING/%  TURNS  PACKETS  PACKETS/TURN  NS/PACKET  EXPRESS/%
0         10.0    50.0       10.0   1000    20000          40.0     250000       90.0

Turns by how many packets they had:
WORKER  PACKETS-IN-TURN  TURNS  TURNS/%  PACKETS   NS/TURN  NS/PACKET
0       0                  500     50.0        0   2000000          -
0       1                  100     10.0      100   2000000    2000000
0       4 and more         400     40.0    19900  12000000     241206

Steps of turns, of which one in 1,024 with packets is timed:
WORKER  STEP      PACKETS  NS/PACKET  OF-TURN/%  NS/PACKET-OF-TURN
0       receive        64        100       28.6                100
0       route          32        100       14.3                 50
0       transmit       64        200       57.1                200

Waits in queues, since the start:
QUEUE     TIMED  P50/us  P99/us  MAX/us  1us...17s
link_out      9     1.5       -       -  ▁█
";
        assert_eq!(table(&rows, &[queue]), expected);
    }

    #[test]
    fn an_interval_is_what_lies_between() {
        let mut later = row([[10, 0, 100], [5, 5, 50], [1, 2, 9], [0, 0, 0]]);
        later.run_ns += 7;
        later.frames = FramesRow { expressed: 907, walked: 102 };
        later.timed.turns += 2;
        later.timed.packets += 9;
        later.timed.steps[1] = StepRow { step: "route".into(), packets: 40, took_ns: 3300 };
        since(&mut later, &row([[4, 0, 40], [5, 5, 50], [0, 0, 0], [0, 0, 0]]));
        let step =
            |(step, packets, took_ns): (&str, u64, u64)| StepRow { step: step.into(), packets, took_ns };
        let steps = [("receive", 0, 0), ("route", 8, 100), ("local", 0, 0), ("transmit", 0, 0)];
        let timed = TimedRow { turns: 2, packets: 9, steps: steps.map(step).into() };
        let between = row([[6, 0, 60], [0, 0, 0], [1, 2, 9], [0, 0, 0]]);
        let frames = FramesRow { expressed: 7, walked: 2 };
        assert_eq!(later, PerformanceRow { run_ns: 7, frames, timed, ..between });
    }
}
