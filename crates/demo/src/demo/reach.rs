//! First act: the interface comes up, and echo goes both ways without a loss.

use std::thread;
use std::time::Duration;

use super::echo::Echo;
use super::echo::StackEcho;
use super::echo::Tally;
use super::echo::ping;
use super::echo::with_ctx;
use super::given::PEER;
use super::outcome::Outcome;
use super::outcome::PingRow;
use super::progress::Progress;
use super::scene::Attached;
use super::scene::Scene;
use super::stop::Stop;

/// Requests in each direction, one every millisecond.
const COUNT: u16 = 500;
const INTERVAL: Duration = Duration::from_millis(1);

/// Duplicate address detection: a random second at first (RFC 4861 s10, MAX_RTR_SOLICITATION_DELAY), then one
/// solicitation for each address.
const DETECTION: Duration = Duration::from_secs(4);

/// Between two looks at how far it is.
const LOOK: Duration = Duration::from_millis(5);

/// Brings the interface up, with duplicate address detection.
///
/// # Errors
///
/// The wire cannot be opened, or the stack refuses.
pub(super) fn bring_up(
    scene: &mut Scene,
    stop: &Stop,
    progress: &mut Progress,
    outcome: &mut Outcome,
) -> anyhow::Result<Attached> {
    progress.say("bringing the interface up, with duplicate address detection");
    let devices = scene.place.open()?;
    let attached = with_ctx(|ctx| -> anyhow::Result<Attached> {
        let attached = scene.attach(ctx, devices, false)?;
        scene.add_addresses(ctx, &attached)?;
        Ok(attached)
    })??;
    let passed = stop.wait(DETECTION, || {
        progress.show(|| format!("{} of 2 addresses passed", scene.watch.preferred()));
        scene.watch.preferred() == 2
    });
    if passed || !stop.is_called() {
        let found = scene.watch.preferred();
        outcome.checks.expect(passed, "duplicate address detection", "2 addresses to pass", found);
    }
    Ok(attached)
}

/// Pings in both directions.
///
/// # Errors
///
/// A request cannot be sent at all.
pub(super) fn run(
    scene: &Scene,
    stop: &Stop,
    progress: &mut Progress,
    outcome: &mut Outcome,
) -> anyhow::Result<()> {
    let peer = scene.place.peer();
    let echo = StackEcho::open(&scene.stack, PEER)?;
    one_way(Box::new(echo), format!("ours to {peer}"), stop, progress, outcome)?;
    one_way(scene.place.pinger(1)?, format!("{peer} to ours"), stop, progress, outcome)
}

fn one_way(
    mut echo: Box<dyn Echo>,
    who: String,
    stop: &Stop,
    progress: &mut Progress,
    outcome: &mut Outcome,
) -> anyhow::Result<()> {
    if stop.is_over() {
        return Ok(());
    }
    progress.say(&format!("pinging, {who}"));
    let tally = Tally::default();
    let result = thread::scope(|scope| {
        let pinging = scope.spawn(|| ping(&mut *echo, COUNT, INTERVAL, &tally, stop));
        while !pinging.is_finished() {
            progress.show(|| format!("{} sent, {} answered", tally.sent(), tally.answered()));
            thread::sleep(LOOK);
        }
        pinging.join()
    });
    let (sent, answered) = (tally.sent(), tally.answered());
    if !stop.is_called() {
        let found = format!("{answered} of {sent}");
        let all = answered == u64::from(COUNT);
        outcome.checks.expect(all, &format!("pings, {who}"), format!("{COUNT} answers"), found);
    }
    outcome.pings.push(PingRow { who, sent, answered, note: "" });
    match result {
        Ok(result) => Ok(result?),
        Err(panic) => std::panic::resume_unwind(panic),
    }
}
