//! The same while rules are in force: flows that are known go by express where these let them pass for that alone, and with two
//! workers each is kept by one of them.

use std::time::Duration;

use siding_stack::Chance;
use siding_stack::Mode;

use super::BATCH;
use super::Outcome;
use super::answer;
use super::flows::Flow;
use super::happen;
use super::rules::Rules;
use super::traffic;
use super::traffic::pick;
use super::twin::DEVICES;
use super::twin::Shape;
use super::twin::Twin;

/// Flows at a time.
const FLOWS: usize = 30;

/// Sends both routers the same flows, under the same rules, and compares all that they do.
///
/// # Errors
/// What they do not agree on.
pub fn compare(seed: u64, batches: usize) -> Result<Outcome, String> {
    let mut chance = Chance::new(seed ^ 0xf117e4);
    let workers = 1 + pick(&mut chance, 2);
    let mode = [Mode::Failover, Mode::LoadBalance][pick(&mut chance, 2)];
    let mut twin = Twin::new(Shape { mode, examine_options: false, point_to_point: false, workers });
    let mut outcome = Outcome::default();
    twin.load(Some(seed));
    for _ in 0..3 {
        twin.turn()?;
        twin.wait(Duration::from_millis(700));
    }
    let mut flows: Vec<Flow> = (0..FLOWS).map(|_| Flow::new(&mut chance)).collect();
    for number in 0..batches {
        let mut arriving = vec![<[Vec<Vec<u8>>; DEVICES]>::default(); workers];
        for _ in 0..1 + pick(&mut chance, 120) {
            // Some flows have more to say than others.
            let at = pick(&mut chance, FLOWS).min(pick(&mut chance, FLOWS));
            let (device, frame) = match pick(&mut chance, 14) {
                0 => {
                    let other = traffic::frame(&mut chance, true);
                    (other.device, other.frame)
                }
                _ => {
                    let next = flows[at].next(&mut chance, true);
                    (next.device, next.frame)
                }
            };
            // The device brings most of a flow to one worker.
            let astray = usize::from(pick(&mut chance, 10) == 0);
            arriving[(at + astray) % workers][device].push(frame);
            outcome.frames += 1;
        }
        for (worker, devices) in arriving.iter().enumerate() {
            for (device, frames) in devices.iter().enumerate() {
                twin.arrive_at(worker, device, frames);
            }
        }
        if pick(&mut chance, 3) == 0 {
            happen(&twin, &mut chance);
        }
        match pick(&mut chance, 20) {
            0 => twin.load(Some(chance.next_u64())),
            1 if pick(&mut chance, 4) == 0 => twin.load(None),
            2 => flows[pick(&mut chance, FLOWS)] = Flow::new(&mut chance),
            3 => twin.wait(Duration::from_secs(3)),
            _ => {}
        }
        for _ in 0..3 {
            let sent = twin.turn()?;
            answer(&twin, &sent);
            twin.wait(Duration::from_micros(1 + pick(&mut chance, 100) as u64));
        }
        if number % 4 == 3 {
            let sent = twin.states()?;
            answer(&twin, &sent);
            twin.settle()?;
        }
    }
    twin.settle()?;
    outcome.expressed = twin.expressed();
    if !twin.is_without() {
        return Err("express was to be off".into());
    }
    Ok(outcome)
}

/// Somebody takes the rules away in the middle of a batch, and a frame that is walked has the worker notice: what has gone by express before
/// that was let pass by these, and is counted by them.
///
/// # Errors
/// What they do not agree on.
pub fn taken_away_meanwhile() -> Result<Outcome, String> {
    let mut twin =
        Twin::new(Shape { mode: Mode::Failover, examine_options: false, point_to_point: false, workers: 1 });
    twin.turn()?;
    twin.load_these(|counted| Some(Rules::for_what_is_established(counted)));
    // Begun, answered, and looked up once.
    for _ in 0..3 {
        twin.arrive(0, &[traffic::between(0, 1)]);
        twin.arrive(2, &[traffic::between(2, 1)]);
        twin.turn()?;
        twin.arrive(1, &[traffic::between(1, 0), traffic::between(1, 2)]);
        twin.turn()?;
    }
    let before = twin.expressed();
    let mut batch = vec![traffic::between(2, 1); BATCH - 30];
    batch.push(traffic::advertises(1800));
    batch.extend(vec![traffic::between(2, 1); 20]);
    // With these their port has as many as it sends at once, when the one that is walked comes next.
    twin.arrive(0, &vec![traffic::between(0, 1); 30]);
    twin.arrive(2, &batch);
    twin.meanwhile(1, |stack, ctx| stack.set_filter(ctx, None));
    twin.turn()?;
    twin.settle()?;
    Ok(Outcome { frames: 85, plain: 84, expressed: twin.expressed() - before })
}
