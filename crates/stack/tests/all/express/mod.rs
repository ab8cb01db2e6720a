//! The router with express and without: the same frames, events and counters, whatever comes. Used by the tests of the stack, and
//! by those of its mutants.

pub mod filtered;
pub mod flows;
#[allow(dead_code)] // Simulated worlds refuse nothing.
pub mod rules;
pub mod traffic;
pub mod twin;

use std::time::Duration;

use siding_netisr::IfId;
use siding_stack::BATCH;
use siding_stack::Chance;
use siding_stack::Mode;
use siding_stack::Stack;
use siding_stack::ifnet::Vlan;
use siding_stack::route::Origin;
use siding_stack::route::Prefix;
use siding_stack::route::Route;
use siding_wire::EtherType;
use traffic::pick;
use twin::DEVICES;
use twin::FURTHER;
use twin::Frames;
use twin::ON;
use twin::SHARING;
use twin::Shape;
use twin::Twin;
use twin::addr6;
use twin::behind6;
use twin::further_mac;
use twin::mac;

/// What a comparison came to.
#[derive(Debug, Clone, Copy, Default)]
pub struct Outcome {
    /// Frames that came.
    pub frames: u64,
    /// Those of them that are plain.
    pub plain: u64,
    /// Those that went by express.
    pub expressed: u64,
}

/// Sends both routers the same frames, with chance deciding which, and compares all that they do.
///
/// # Errors
/// What they do not agree on.
pub fn compare(seed: u64, batches: usize) -> Result<Outcome, String> {
    let mut chance = Chance::new(seed);
    let modes = [Mode::Failover, Mode::LoadBalance, Mode::RoundRobin, Mode::Broadcast];
    let shape = Shape {
        mode: modes[pick(&mut chance, modes.len())],
        examine_options: pick(&mut chance, 2) == 0,
        point_to_point: pick(&mut chance, 4) == 0,
        workers: 1,
    };
    run(&mut chance, shape, batches, true)
}

/// The same with frames that are plain, and frames that have nothing to do here: how many of the plain ones go by express.
///
/// # Errors
/// What they do not agree on.
pub fn share(seed: u64, batches: usize) -> Result<Outcome, String> {
    let shape = Shape { mode: Mode::LoadBalance, examine_options: false, point_to_point: false, workers: 1 };
    run(&mut Chance::new(seed), shape, batches, false)
}

/// The VLAN of another routing instance, and its subnet.
const RED: u8 = 77;

/// Flows to where routers share them, by their destinations.
const FLOWS: u16 = 9;

/// Somebody else changes a route in the middle of a batch, before a packet that is not plain: the same for all that is behind it.
///
/// # Errors
/// What they do not agree on.
pub fn changed_meanwhile() -> Result<Outcome, String> {
    let mut twin =
        Twin::new(Shape { mode: Mode::Failover, examine_options: false, point_to_point: false, workers: 1 });
    twin.turn()?;
    let (dst, left) = (behind6(2, 3), traffic::plain(2, addr6(2, 5), 1));
    // The first to each neighbour are walked.
    let first = [3, 4, 5].map(|host| behind6(2, host)).into_iter().chain((0..FLOWS).map(twin::shared6));
    twin.arrive(2, &first.map(|dst| traffic::plain(2, dst, 64)).collect::<Vec<_>>());
    twin.turn()?;
    let before = twin.expressed();
    let mut batch = vec![traffic::plain(2, addr6(2, 5), 64); BATCH - 30];
    batch.push(left);
    batch.extend(vec![traffic::plain(2, dst, 64); 20]);
    // Flows that routers share: each keeps to its own.
    batch.extend((0..FLOWS).map(|host| traffic::plain(2, twin::shared6(host), 64)));
    // With these its port has as many as it sends at once, when the one that is left comes next.
    twin.arrive(0, &vec![traffic::plain(0, addr6(2, 5), 64); 30]);
    twin.arrive(2, &batch);
    twin.meanwhile(1, |stack, ctx| {
        let (on, prefix) = (named(stack, "em2"), Prefix::covering(behind6(2, 3), 48));
        assert!(stack.remove_route6(ctx, &prefix, Some(addr6(2, 3)), on).unwrap());
        let next_hop = Some(addr6(2, 4));
        let route = Route { prefix, next_hop, interface: on, metric: 0, origin: Origin::Static };
        stack.add_routes6(ctx, [route]).unwrap();
    });
    let sent = twin.turn()?;
    twin.settle()?;
    let by = |host| sent[1].iter().filter(|frame| frame[..6] == mac(2, host).0).count();
    let (old, new) = (by(3), by(4));
    if (old, new) != (0, 20) {
        return Err(format!("{old} went by the way of before, and {new} by the new one"));
    }
    let frames = 30 + BATCH as u64 - 30 + 1 + 20 + u64::from(FLOWS);
    Ok(Outcome { frames, plain: frames - 1, expressed: twin.expressed() - before })
}

/// How many of a batch of so many frames go by express, all of which are plain; under rules they are of a flow that is known.
///
/// # Errors
/// What they do not agree on.
pub fn of_a_batch(many: usize, ruled: bool) -> Result<u64, String> {
    let mut twin =
        Twin::new(Shape { mode: Mode::Failover, examine_options: false, point_to_point: false, workers: 1 });
    twin.turn()?;
    twin.load_these(|counted| ruled.then(|| rules::Rules::for_what_is_established(counted)));
    let [out, back] = [((0, 3), (1, 4)), ((1, 4), (0, 3))].map(|(from, to)| traffic::between_hosts(from, to));
    // One at a time, until both neighbours and the flow are known.
    for _ in 0..3 {
        for (device, frame) in [(0, &out), (1, &back)] {
            twin.arrive(device, std::slice::from_ref(frame));
            twin.turn()?;
        }
    }
    let before = twin.expressed();
    twin.arrive(0, &vec![out; many]);
    let sent = twin.turn()?;
    twin.settle()?;
    match sent[1].len() == many {
        true => Ok(twin.expressed() - before),
        false => Err(format!("{} of {many} were sent on", sent[1].len())),
    }
}

/// What comes in by an interface of another routing instance, to where only the default one has a way and to where each has its own:
/// how much of it goes by express.
///
/// # Errors
/// What they do not agree on, or that it goes by the other instance's way.
pub fn in_another_instance() -> Result<u64, String> {
    let mut twin =
        Twin::new(Shape { mode: Mode::Failover, examine_options: false, point_to_point: false, workers: 1 });
    twin.command(|stack, ctx| {
        let (parent, ethertype) = (named(stack, "em1"), EtherType::VLAN);
        let on = stack.add_vlan(ctx, "red", Vlan { parent, vid: RED.into(), ethertype }).unwrap();
        let red = stack.add_vrf(ctx).unwrap();
        stack.set_vrf(ctx, on, red).unwrap();
        stack.add_address(ctx, on, addr6(RED, 1).into(), 64, false).unwrap();
        stack.add_neighbor(ctx, on, addr6(RED, 2).into(), mac(RED, 2)).unwrap();
        let prefix = Prefix::covering(behind6(2, 4), 48);
        let next_hop = Some(addr6(RED, 2));
        let route = Route { prefix, next_hop, interface: on, metric: 0, origin: Origin::Static };
        stack.add_routes6(ctx, [route]).unwrap();
    });
    twin.turn()?;
    // The default instance's neighbour is known, and its way has been walked.
    twin.arrive(2, &[traffic::plain(2, behind6(2, 3), 64)]);
    twin.turn()?;
    let tagged = |dst| {
        let mut frame = traffic::plain(0, dst, 64);
        frame.splice(12..12, [0x81, 0, 0, RED]);
        frame
    };
    let many = 20;
    let frames = [behind6(2, 3), behind6(2, 4)].map(|dst| vec![tagged(dst); many]).concat();
    twin.arrive(0, &frames);
    let sent = twin.turn()?;
    twin.settle()?;
    let back = sent[0].iter().filter(|frame| frame[..6] == mac(RED, 2).0).count();
    let strays = sent[1].iter().filter(|frame| frame[38..].starts_with(&behind6(2, 3).octets())).count();
    match (strays, back) {
        (0, own) if own == many => Ok(twin.expressed()),
        (others, own) => Err(format!("{others} went by the default instance's way, and {own} by their own")),
    }
}

fn run(chance: &mut Chance, shape: Shape, batches: usize, odd: bool) -> Result<Outcome, String> {
    let mut twin = Twin::new(shape);
    let mut outcome = Outcome::default();
    for _ in 0..3 {
        twin.turn()?;
        // What a lagg has just been given may come the old way for a second.
        twin.wait(Duration::from_millis(if odd { 1 } else { 700 }));
    }
    for number in 0..batches {
        let mut arriving: [Vec<Vec<u8>>; DEVICES] = Default::default();
        for _ in 0..1 + pick(chance, 150) {
            let frame = traffic::frame(chance, odd);
            outcome.frames += 1;
            outcome.plain += u64::from(frame.plain);
            arriving[frame.device].push(frame.frame);
        }
        if odd {
            happen(&twin, chance);
            if number % 4 == 1 {
                // Routers come to share flows, and leave.
                let sharing: Vec<_> =
                    SHARING.iter().cycle().skip(number / 4).take(1 + number % 3).copied().collect();
                twin.command(|stack, ctx| twin::share(stack, ctx, &sharing));
            }
            if pick(chance, 3) == 0 {
                arriving[2].extend(traffic::router(chance));
            }
        }
        for (device, frames) in arriving.iter().enumerate() {
            twin.arrive(device, frames);
        }
        // What arrives in one turn is more than a batch, now and then.
        for _ in 0..3 {
            let sent = twin.turn()?;
            answer(&twin, &sent);
            twin.wait(Duration::from_micros(1 + pick(chance, 100) as u64));
        }
        if number % 8 == 7 {
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

/// Those who are asked answer.
fn answer(twin: &Twin, sent: &Frames) {
    for (device, frames) in sent.iter().enumerate() {
        let answers: Vec<_> = frames.iter().filter_map(|frame| traffic::answer(frame)).collect();
        twin.arrive(device, &answers);
    }
}

/// Something that changes what is known: time passes, or an operator is at work.
fn happen(twin: &Twin, chance: &mut Chance) {
    match pick(chance, 12) {
        // Neighbours are not confirmed any more, and are asked, or forgotten.
        0 => twin.wait(Duration::from_secs(1 + pick(chance, 60) as u64)),
        1 => twin.wait(Duration::from_millis(pick(chance, 1500) as u64)),
        // By another way.
        2 => {
            let (from, to) = (pick(chance, 2), pick(chance, 8) as u16 + 2);
            twin.command(|stack, ctx| {
                let on = named(stack, ["em1", "em2"][from]);
                let prefix = Prefix::covering(behind6(10, to), 64);
                let next_hop = Some(addr6([1, 2][from], to));
                let route = Route { prefix, next_hop, interface: on, metric: 0, origin: Origin::Static };
                if stack.remove_route6(ctx, &prefix, next_hop, on).is_ok_and(|gone| !gone) {
                    stack.add_routes6(ctx, [route]).unwrap();
                }
            });
        }
        3 => {
            let (name, up) = (["em2", "vlan10", "em5"][pick(chance, 3)], pick(chance, 3) > 0);
            twin.command(|stack, ctx| stack.set_up(ctx, named(stack, name), up).unwrap());
        }
        4 => {
            let link = pick(chance, 3) > 0;
            twin.command(|stack, ctx| stack.set_link(ctx, named(stack, "em5"), link).unwrap());
        }
        5 => {
            let forwarding = pick(chance, 8) > 0;
            twin.command(|stack, ctx| stack.set_forwarding(ctx, forwarding));
        }
        6 => {
            let from = FURTHER[pick(chance, FURTHER.len())];
            twin.command(|stack, ctx| {
                let (on, mac) = (named(stack, ON[from].0), further_mac(ON[from].1));
                if stack.remove_mac(ctx, on, mac).is_err() {
                    stack.add_mac(ctx, on, mac).unwrap();
                }
            });
        }
        _ => {}
    }
}

fn named(stack: &Stack, name: &str) -> IfId {
    stack.config().by_name(name).unwrap().ifnet.id
}
