//! Third act: a lagg of two ports, with VLANs on it, whose primary is changed every 100 ms while others ping through it.
//!
//! The switch at the other end has a table of who is behind which port; what it has to know, it learns from the
//! announcements, and no request may be lost meanwhile.

use std::thread;
use std::time::Duration;
use std::time::Instant;

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_netisr::IfId;
use siding_stack::Announce;
use siding_stack::Device;
use siding_stack::InterfaceSpec;
use siding_stack::LaggSpec;
use siding_stack::Mode;
use siding_wire::Mac;

use super::echo::Echo;
use super::echo::Tally;
use super::echo::ping;
use super::echo::with_ctx;
use super::far::VLANS;
use super::far::add_vlans;
use super::far::detach_all;
use super::far::in_vlan;
use super::given::LAGG;
use super::given::PREFIX_LEN;
use super::outcome::FlowRow;
use super::outcome::LaggRow;
use super::outcome::Outcome;
use super::place::Trunk;
use super::progress::Progress;
use super::scene::Scene;
use super::stop::Stop;

/// Requests of each flow, one every millisecond.
const COUNT: u16 = 2500;
const INTERVAL: Duration = Duration::from_millis(1);

/// Between two changes of the primary.
const CHANGE: Duration = Duration::from_millis(100);

/// Each address three times within one change.
const ANNOUNCE: Announce = Announce { count: 3, interval: Duration::from_millis(20) };

/// Addresses that are announced: one on the lagg, and one on each VLAN.
const ADDRESSES: u64 = 1 + VLANS.len() as u64;

/// The lagg and its ports.
struct Built {
    lagg: IfId,
    ports: Vec<IfId>,
}

/// A flow under way.
struct Flow {
    who: String,
    echo: Box<dyn Echo>,
    tally: Tally,
}

/// Runs the act. Where there can be no switch, the table says so.
///
/// # Errors
///
/// The stack refuses, or what was made does not go.
pub(super) fn run(
    scene: &mut Scene,
    stop: &Stop,
    progress: &mut Progress,
    outcome: &mut Outcome,
) -> anyhow::Result<()> {
    if stop.is_over() {
        return Ok(());
    }
    progress.say("changing the primary of a lagg every 100 ms, under load");
    let trunk = match scene.place.trunk() {
        Ok(trunk) => trunk,
        Err(error) => {
            outcome.no_lagg = Some(format!("{error:#}"));
            return Ok(());
        }
    };
    let Trunk { ports, far, untagged: (who, echo) } = trunk;
    let built = with_ctx(|ctx| build(scene, ctx, ports))??;
    let mut flows = vec![Flow::new(format!("untagged, from {who}"), echo)];
    for vid in VLANS {
        let echo = far.pinger(in_vlan(vid, 1))?;
        flows.push(Flow::new(format!("VLAN {vid}, from behind the switch"), Box::new(echo)));
    }
    let result = change(scene, &built, &mut flows, stop, progress);
    let row = result.map(|(changes, announced, took)| LaggRow {
        changes,
        announced,
        took,
        flows: flows.iter().map(Flow::row).collect(),
    });
    drop(flows);
    let detached = with_ctx(|ctx| detach_all(&scene.stack, ctx))?;
    far.close()?;
    detached?;
    judge(row?, stop, outcome);
    Ok(())
}

fn build(
    scene: &Scene,
    ctx: &mut Ctx<'_, Unlocked>,
    devices: Vec<(Mac, Vec<Box<dyn Device>>)>,
) -> anyhow::Result<Built> {
    let stack = &scene.stack;
    let lagg =
        stack.add_lagg(ctx, LaggSpec { announce: ANNOUNCE, ..LaggSpec::new("lagg0", Mode::Failover) })?;
    let mut ports = Vec::new();
    for (number, (mac, devices)) in devices.into_iter().enumerate() {
        let spec = InterfaceSpec { name: format!("port{number}"), mac, mtu: 1500 };
        let port = stack.attach(ctx, spec, devices)?;
        stack.lagg_add_port(ctx, lagg, port, 1)?;
        ports.push(port);
    }
    stack.add_address(ctx, lagg, LAGG.into(), PREFIX_LEN, false)?;
    add_vlans(stack, ctx, lagg, 1)?;
    Ok(Built { lagg, ports })
}

/// Has the flows ping, and changes the primary until they have ended. Gives how often, how many announcements there
/// were, and how long it took.
fn change(
    scene: &Scene,
    Built { lagg, ports }: &Built,
    flows: &mut [Flow],
    stop: &Stop,
    progress: &mut Progress,
) -> anyhow::Result<(u64, u64, Duration)> {
    let begin = Instant::now();
    let mut changes = 0;
    let result = thread::scope(|scope| {
        let mut threads = Vec::new();
        for Flow { echo, tally, .. } in flows.iter_mut() {
            threads.push(scope.spawn(move || ping(&mut **echo, COUNT, INTERVAL, tally, stop)));
        }
        let mut result = Ok(());
        while result.is_ok() && !threads.iter().all(|thread| thread.is_finished()) {
            let next = ports[(changes as usize + 1) % ports.len()];
            result = with_ctx(|ctx| scene.stack.lagg_set_primary(ctx, *lagg, Some(next)))
                .map_err(anyhow::Error::from)
                .and_then(|changed| Ok(changed?));
            changes += 1;
            progress.show(|| format!("{changes} changes"));
            thread::sleep(CHANGE);
        }
        for thread in threads {
            match thread.join() {
                Ok(pinged) => result = result.and(pinged.map_err(Into::into)),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        result
    });
    let took = begin.elapsed();
    let laggs = with_ctx(|ctx| scene.stack.laggs(ctx))?;
    let announced = laggs.iter().find(|report| report.id == *lagg).map_or(0, |report| report.announced);
    result.map(|()| (changes, announced, took))
}

fn judge(row: LaggRow, stop: &Stop, outcome: &mut Outcome) {
    if !stop.is_called() {
        let checks = &mut outcome.checks;
        for flow in &row.flows {
            let what = format!("pings while the primary changes, {}", flow.who);
            checks.expect(flow.lost() == 0 && flow.sent > 0, &what, "none lost", flow.lost());
        }
        let least = row.changes * ADDRESSES;
        checks.expect(
            row.announced >= least,
            "announcements",
            format_args!("{least} at least"),
            row.announced,
        );
    }
    outcome.lagg = Some(row);
}

impl Flow {
    fn new(who: String, echo: Box<dyn Echo>) -> Flow {
        Flow { who, echo, tally: Tally::default() }
    }

    fn row(&self) -> FlowRow {
        FlowRow { who: self.who.clone(), sent: self.tally.sent(), answered: self.tally.answered() }
    }
}
