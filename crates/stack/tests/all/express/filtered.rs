//! The same while rules are in force: flows that are known go by express where these let them pass for that alone, and with two
//! workers each is kept by one of them.

use std::net::Ipv6Addr;
use std::time::Duration;

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_stack::Chance;
use siding_stack::Mode;
use siding_stack::Stack;
use siding_stack::route::Origin;
use siding_stack::route::Prefix;
use siding_stack::route::Refusal;
use siding_stack::route::Route;

use super::BATCH;
use super::Outcome;
use super::answer;
use super::flows::Flow;
use super::happen;
use super::named;
use super::rules::Rules;
use super::traffic;
use super::traffic::between_hosts;
use super::traffic::pick;
use super::twin::DEVICES;
use super::twin::Shape;
use super::twin::Twin;
use super::twin::addr6;
use super::twin::mac;

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

/// What is done to both routers between two batches of flows that they know, in turn.
type Change = (&'static str, fn(&Stack, &mut Ctx<'_, Unlocked>));

/// The host to whom the flow goes whose way changes.
fn one_host() -> Ipv6Addr {
    addr6(2, 3)
}

fn other_way(stack: &Stack, ctx: &mut Ctx<'_, Unlocked>, there: bool) {
    let on = named(stack, "vlan10");
    let (prefix, next_hop) = (Prefix::covering(one_host(), 128), Some(addr6(10, 4)));
    match there {
        true => {
            let route = Route { prefix, next_hop, interface: on, metric: 0, origin: Origin::Static };
            stack.add_routes6(ctx, [route]).unwrap();
        }
        false => assert!(stack.remove_route6(ctx, &prefix, next_hop, on).unwrap()),
    }
}

const CHANGES: [Change; 14] = [
    ("nothing", |_, _| {}),
    ("another way to one host", |stack, ctx| other_way(stack, ctx, true)),
    ("its way of before", |stack, ctx| other_way(stack, ctx, false)),
    ("another neighbour has its address", |stack, ctx| {
        let on = named(stack, "em2");
        assert_eq!(stack.flush_neighbors(ctx, on, |addr| addr == one_host()), 1);
        stack.add_neighbor(ctx, on, one_host().into(), mac(2, 77)).unwrap();
    }),
    ("another MTU", |stack, ctx| {
        stack.set_mtu(ctx, named(stack, "em2"), 1300).unwrap();
    }),
    ("it is ours", |stack, ctx| {
        stack.add_address(ctx, named(stack, "lagg0"), one_host().into(), 128, false).unwrap();
    }),
    ("it is not ours any more", |stack, ctx| {
        stack.remove_address(ctx, named(stack, "lagg0"), one_host().into()).unwrap();
    }),
    ("who sends is ours", |stack, ctx| {
        stack.add_address(ctx, named(stack, "lagg0"), addr6(1, 3).into(), 128, false).unwrap();
    }),
    ("nor is that", |stack, ctx| {
        stack.remove_address(ctx, named(stack, "lagg0"), addr6(1, 3).into()).unwrap();
    }),
    ("nobody goes there", |stack, ctx| {
        stack.add_refusal6(ctx, Prefix::covering(one_host(), 128), Refusal::Prohibit, 0).unwrap();
    }),
    ("they do again", |stack, ctx| {
        stack.remove_refusal6(ctx, &Prefix::covering(one_host(), 128)).unwrap();
    }),
    ("nothing goes on", |stack, ctx| stack.set_forwarding(ctx, false)),
    ("it does", |stack, ctx| stack.set_forwarding(ctx, true)),
    ("its link goes", |stack, ctx| {
        let mut detached = stack.detach(ctx, named(stack, "em2")).unwrap();
        detached.is_complete();
    }),
];

/// Flows that are known go as before while nothing changes, and what changes between two batches holds for the very next packet of each.
///
/// # Errors
/// What they do not agree on.
pub fn changed_between() -> Result<Vec<(&'static str, u64)>, String> {
    let mut twin =
        Twin::new(Shape { mode: Mode::Failover, examine_options: false, point_to_point: false, workers: 1 });
    twin.turn()?;
    twin.load_these(|counted| Some(Rules::for_what_is_established(counted)));
    // One flow, and one whose way stays, so that this way is known.
    let out: Vec<_> = [4, 3, 4, 3].map(|host| between_hosts((0, 3), (1, host))).into();
    let back: Vec<_> = [4, 3, 4, 3].map(|host| between_hosts((1, host), (0, 3))).into();
    for _ in 0..4 {
        twin.arrive(0, &out);
        twin.turn()?;
        twin.arrive(1, &back);
        twin.turn()?;
    }
    let mut outcome = Vec::new();
    for (what, change) in CHANGES {
        twin.command(change);
        let before = twin.expressed();
        for _ in 0..2 {
            twin.arrive(0, &out);
            twin.arrive(1, &back);
            twin.turn().and_then(|_| twin.settle()).map_err(|wrong| format!("{what}: {wrong}"))?;
        }
        outcome.push((what, twin.expressed() - before));
    }
    Ok(outcome)
}
