//! Worlds from seeds: chance acts, then the network is calmed, then everything is checked.

use std::fmt;
use std::net::IpAddr;
use std::net::Ipv6Addr;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_netisr::IfId;
use siding_netisr::Instant;
use siding_stack::Answer;
use siding_stack::Stack;
use siding_stack::route::Origin;
use siding_stack::route::Prefix;
use siding_stack::route::Route;

use crate::actions::address;
use crate::actions::shared;
use crate::exercise::Exercise;
use crate::link::Faults;
use crate::link::LinkId;
use crate::node::Node;
use crate::node::NodeSpec;
use crate::world::NodeId;
use crate::world::World;

/// What a run came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Frames that were sent.
    pub frames: u64,
    /// Packets that were deferred.
    pub dispatched: u64,
    /// Those of them that departed.
    pub departed: u64,
    /// What happened, a line each: the same for the same seed.
    pub log: Vec<String>,
    /// Frames that routers forwarded by express.
    pub expressed: u64,
}

/// What a world is made of.
#[derive(Debug, Clone, Copy, Default)]
struct Shape {
    /// The first node is a router on all links, and each other node begins on one of them.
    routed: bool,
}

/// What does not hold, and what led there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The seed that shows it.
    pub seed: u64,
    /// The invariant.
    pub what: String,
    /// What happened, a line each.
    pub log: Vec<String>,
}

/// Runs one world.
///
/// # Errors
///
/// The first invariant that does not hold.
pub fn run_seed(seed: u64) -> Result<Summary, Box<Failure>> {
    run_seed_with(seed, |_| {})
}

/// Runs one world, each node of which is prepared before it has any interface.
///
/// # Errors
///
/// The first invariant that does not hold.
pub fn run_seed_with(seed: u64, prepare: impl Fn(&Node)) -> Result<Summary, Box<Failure>> {
    run(World::new(seed), seed, Shape::default(), [&prepare, &|_| {}])
}

/// Runs one world in which packets are forwarded: its nodes are on different links, and a router among them. `tap` sees every
/// frame that is sent; `done` looks at each node before its interfaces go.
///
/// # Errors
///
/// The first invariant that does not hold.
pub fn run_routed_seed(
    seed: u64,
    prepare: impl Fn(&Node),
    tap: impl FnMut(Instant, LinkId, &[u8]) + 'static,
    done: impl Fn(&Node),
) -> Result<Summary, Box<Failure>> {
    let mut world = World::new(seed);
    world.set_tap(tap);
    run(world, seed, Shape { routed: true }, [&prepare, &done])
}

fn run(
    mut world: World,
    seed: u64,
    shape: Shape,
    look: [&dyn Fn(&Node); 2],
) -> Result<Summary, Box<Failure>> {
    let fail = |what: String, world: &World| Box::new(Failure { seed, what, log: world.log().to_vec() });
    // A panic (the witness finds a reversal, say) is a finding like any other.
    let outcome = std::panic::catch_unwind(AssertUnwindSafe(|| play(&mut world, shape, look)));
    match outcome {
        Ok(Ok((dispatched, departed))) => {
            let expressed = world.nodes.iter().map(|node| node.worker.expressed()).sum();
            Ok(Summary { frames: world.frames(), dispatched, departed, log: world.log().to_vec(), expressed })
        }
        Ok(Err(what)) => Err(fail(what, &world)),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string));
            Err(fail(format!("panic: {}", text.unwrap_or_default()), &world))
        }
    }
}

fn play(world: &mut World, shape: Shape, [prepare, done]: [&dyn Fn(&Node); 2]) -> Result<(u64, u64), String> {
    let (nodes, links) = match shape.routed {
        true => (3 + world.pick(3), 2 + world.pick(2)),
        false => (2 + world.pick(3), 1 + world.pick(2)),
    };
    (0..links).for_each(|_| _ = world.add_link(Faults::default()));
    for at in 0..nodes {
        let mut spec = NodeSpec::new(&format!("node{at}"));
        spec.buffers = 64 + 64 * world.pick(8) as u32;
        spec.queue_limit = 4 + world.pick(200) as u32;
        spec.neighbors.entries = 8 + world.pick(100);
        spec.neighbors.resolving = spec.neighbors.entries / 2;
        spec.neighbors.held = 1 + world.pick(8);
        let node = world.add_node(spec);
        prepare(world.node(node));
        for link in world.links() {
            if !shape.routed || at == 0 || link.0 == at % links {
                world.plug(node, link, Some(address(link.0, at)));
            }
        }
        if shape.routed {
            route(world.node(node), at, links);
        }
    }
    let mut exercise = Exercise::new().ok_or("no exercise")?;
    world.run_for(Duration::from_secs(3));
    let acts = 20 + world.pick(60);
    for _ in 0..acts {
        world.act();
        if shape.routed {
            (0..4).for_each(|_| world.act_burst());
            world.act_share();
        }
        (0..20).for_each(|_| exercise.step(&mut world.chance));
        if world.luck(0.3) {
            continue; // The next thing happens before anybody has had a turn.
        }
        let pause = world.chance.between(Duration::ZERO, Duration::from_millis(800));
        world.run_for(pause);
        check_always(world)?;
    }
    exercise.finish()?;
    world.run_for(Duration::ZERO);
    calm(world);
    check_reach(world)?;
    world.nodes.iter().for_each(done);
    check_end(world)
}

/// Makes a node the router, or has it send by the router what it has no other way for.
fn route(node: &Node, at: usize, links: usize) {
    node.control(|stack, ctx| match (at, node.interfaces().first(), address(at % links, 0).0) {
        (0, ..) => stack.set_forwarding(ctx, true),
        (_, Some(interface), IpAddr::V6(router)) => {
            let prefix = Prefix::covering(Ipv6Addr::UNSPECIFIED, 0);
            let (next_hop, origin) = (Some(router), Origin::Static);
            let route = Route { prefix, next_hop, interface: *interface, metric: 0, origin };
            let _ = stack.add_routes6(ctx, [route]);
            have_shared(stack, ctx, *interface);
        }
        _ => {}
    });
}

/// Gives the node addresses that all hosts have: the router has them share the flows to these.
fn have_shared(stack: &Stack, ctx: &mut Ctx<'_, Unlocked>, interface: IfId) {
    for addr in shared() {
        let _ = stack.add_address(ctx, interface, addr, 128, false);
    }
}

/// Mends everything, and waits until timers of before have run out.
fn calm(world: &mut World) {
    world.note("calm");
    for link in world.links() {
        world.set_faults(link, Faults::default());
    }
    for at in 0..world.nodes.len() {
        let node = NodeId(at);
        world.nodes[at].hoard.clear();
        for link in world.links() {
            if !world.nodes[at].plugs.values().any(|plug| plug.link == link) {
                world.plug(node, link, Some(address(link.0, at)));
            }
        }
        for id in world.nodes[at].interfaces() {
            world.set_link(node, id, true);
            world.nodes[at].control(|stack, ctx| {
                // Detection may have failed while frames were doubled and delayed: begin anew.
                let _ = stack.set_up(ctx, id, true);
                stack.flush_neighbors(ctx, id, |_| true);
            });
            let (addr, len) = address(world.nodes[at].plugs[&id].link.0, at);
            world.nodes[at].control(|stack, ctx| {
                let _ = stack.remove_address(ctx, id, addr);
                let _ = stack.add_address(ctx, id, addr, len, true);
            });
        }
    }
    world.run_for(Duration::from_secs(10));
}

/// What holds at every quiet moment.
fn check_always(world: &World) -> Result<(), String> {
    if world.ghosts() > 0 {
        return Err(format!("G5: {} frames were sent by interfaces that had departed", world.ghosts()));
    }
    for node in &world.nodes {
        node.stack.check_conservation().map_err(|error| format!("G4: {}: {error}", node.name))?;
        if !node.leaving.is_empty() {
            return Err(format!("G5: {}: a detach is not complete though its worker came by", node.name));
        }
    }
    Ok(())
}

/// Once the network is calm, everybody reaches everybody.
fn check_reach(world: &mut World) -> Result<(), String> {
    for from in 0..world.nodes.len() {
        for to in (0..world.nodes.len()).filter(|to| *to != from) {
            for link in world.links() {
                let dst = address(link.0, to).0;
                if !reaches(world, NodeId(from), dst) {
                    let (from, to) = (&world.nodes[from].name, &world.nodes[to].name);
                    return Err(format!("the network is calm, but {from} does not reach {to} at {dst}"));
                }
            }
        }
    }
    Ok(())
}

fn reaches(world: &mut World, node: NodeId, dst: IpAddr) -> bool {
    let sent = world.nodes[node.0].control(|stack, ctx| {
        let ping = stack.open_ping(ctx)?;
        stack.ping(ctx, &ping, dst, IfId::NONE, 1, b"calm").ok().map(|()| ping)
    });
    let Some(ping) = sent else { return false };
    world.run_for(Duration::from_millis(100));
    world.nodes[node.0].control(|_, ctx| {
        let answer = ping.answer(ctx);
        ping.close(ctx);
        matches!(answer.map(|reply| reply.answer), Some(Answer::Reply { .. }))
    })
}

/// In the end nothing is left: every interface goes, every pool is full.
fn check_end(world: &mut World) -> Result<(u64, u64), String> {
    for at in 0..world.nodes.len() {
        for id in world.nodes[at].interfaces() {
            world.unplug(NodeId(at), id);
        }
    }
    world.run_for(Duration::from_millis(100));
    check_always(world)?;
    let (mut dispatched, mut departed) = (0, 0);
    for node in &world.nodes {
        for kind in node.stack.netisr_types() {
            let total = kind.total();
            dispatched += total.accepted;
            departed += total.departed;
            if total.resident > 0 {
                return Err(format!("{}: {} packets of '{}' are left", node.name, total.resident, kind.name));
            }
        }
        if !node.pool.is_full() {
            return Err(format!("{}: {} buffers are missing from the pool", node.name, node.pool.live()));
        }
    }
    Ok((dispatched, departed))
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "seed {}: {}", self.seed, self.what)
    }
}

impl std::error::Error for Failure {}
