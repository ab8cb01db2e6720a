//! The whole input path: a host and a router, both of IPv6 and IPv4, and a stranger on their links.

use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::time::Duration;

use siding_netisr::IfId;
use siding_stack::NeighborLimits;
use siding_stack::nd6::nud::NudState;
use siding_stack::route::Origin;
use siding_stack::route::Prefix;
use siding_stack::route::Route;

use super::repair;
use super::steps::Step;
use super::steps::Steps;
use crate::actions::address;
use crate::link::Faults;
use crate::link::LinkId;
use crate::node::NodeSpec;
use crate::world::NodeId;
use crate::world::World;

/// Small, so that inputs reach them.
const LIMITS: NeighborLimits = NeighborLimits {
    entries: 16,
    resolving: 8,
    forwarded: 75,
    held: 3,
    solicit_rate: 100,
    solicit_burst: 20,
    gc_stale_time: Some(Duration::from_secs(60)),
    forget_on_link_loss: true,
};
const BUFFERS: u32 = 96;
const QUEUE_LIMIT: u32 = 16;
/// Steps of one input, so that each is soon over.
const STEPS: usize = 64;
/// Frames that one step may cause: 8 solicitations in a volley for each of four interfaces, thrice, to two receivers
/// each, and as much again. More is a storm.
const FRAMES: u64 = 400;

const HOST: NodeId = NodeId(0);
const ROUTER: NodeId = NodeId(1);

/// Runs a world with the [`Step`]s that `data` says, and checks what must hold at each quiet moment and in the end.
///
/// The first byte is for the beginning: bit 0 waits until addresses are out of duplicate address detection, bit 1
/// gives the host a default route, the others are the seed.
///
/// # Panics
///
/// If something does not hold.
pub fn input_path(data: &[u8]) {
    let (first, rest) = data.split_first().unwrap_or((&0, &[]));
    let mut world = build(*first);
    check(&world);
    for (steps, step) in (1..=STEPS as u64).zip(Steps::new(rest)) {
        if take(&mut world, step) {
            check(&world);
            assert!(world.frames() <= FRAMES * (steps + 1), "a storm: {} frames", world.frames());
        }
    }
    end(&mut world);
}

fn build(first: u8) -> World {
    let mut world = World::new(u64::from(first >> 2));
    let links = [world.add_link(Faults::default()), world.add_link(Faults::default())];
    for name in ["host", "router"] {
        let mut spec = NodeSpec::new(name);
        (spec.buffers, spec.queue_limit, spec.neighbors) = (BUFFERS, QUEUE_LIMIT, LIMITS);
        world.add_node(spec);
    }
    world.node(ROUTER).control(|stack, ctx| stack.set_forwarding(ctx, true));
    plug(&mut world, HOST, links[0]);
    links.into_iter().for_each(|link| plug(&mut world, ROUTER, link));
    if first & 2 != 0
        && let Some(interface) = world.node(HOST).interfaces().first().copied()
        && let (IpAddr::V6(router), _) = address(links[0].0, ROUTER.0)
    {
        let prefix = Prefix::covering(std::net::Ipv6Addr::UNSPECIFIED, 0);
        let route = Route { prefix, next_hop: Some(router), interface, metric: 0, origin: Origin::Static };
        let added = world.node(HOST).control(|stack, ctx| stack.add_routes6(ctx, [route]));
        assert_eq!(added, Ok(()));
    }
    world.run_for(if first & 1 != 0 { Duration::from_secs(3) } else { Duration::ZERO });
    world
}

/// An interface with addresses of both families.
fn plug(world: &mut World, node: NodeId, link: LinkId) {
    let Some(id) = world.plug(node, link, Some(address(link.0, node.0))) else { return };
    let net = if link.0 == 0 { [192, 0, 2] } else { [198, 51, 100] };
    let addr = Ipv4Addr::new(net[0], net[1], net[2], node.0 as u8 + 1);
    let added = world.node(node).control(|stack, ctx| stack.add_address(ctx, id, addr.into(), 24, true));
    assert_eq!(added, Ok(()), "a new interface can have any address");
}

/// Takes a step. True if everybody has come to rest after it.
fn take(world: &mut World, step: Step<'_>) -> bool {
    match step {
        Step::Frame { link, repair, lengths, aim, settle, bytes } => {
            let mut frame = bytes.to_vec();
            let interfaces = on_link(world, LinkId(link));
            if let Some((node, id)) = aim.and_then(|aim| interfaces.get(aim))
                && let Some(mac) = world.node(*node).mac(*id)
                && let Some(dst) = frame.get_mut(..6).filter(|dst| dst[0] & 1 == 0)
            {
                dst.copy_from_slice(&mac.0);
            }
            if repair {
                repair::frame(&mut frame, lengths);
            }
            world.inject(LinkId(link), &frame);
            if settle {
                // Long enough for an answer, and the answer to that.
                world.run_for(Duration::from_micros(50));
            }
            return settle;
        }
        Step::Run(time) => {
            world.run_for(time);
            return true;
        }
        Step::Jump(time) => world.jump(time),
        Step::Ping { node, dst } => {
            let node = NodeId(node & 1);
            let scope = world.node(node).interfaces().first().copied().unwrap_or(IfId::NONE);
            world.ping(node, dst, scope);
        }
        Step::Unplug(which) => {
            if let Some((node, id)) = interface(world, which) {
                world.unplug(node, id);
            }
        }
        Step::Plug { node, link } => {
            let link = LinkId(link);
            if !on_link(world, link).iter().any(|(owner, _)| owner.0 == node) {
                plug(world, NodeId(node), link);
            }
        }
        Step::Flush(which) => {
            if let Some((node, id)) = interface(world, which) {
                world.node(node).control(|stack, ctx| stack.flush_neighbors(ctx, id, |_| true));
            }
        }
        Step::Up(which, up) => {
            if let Some((node, id)) = interface(world, which) {
                // One whose detach is under way is not there any more: the operator is told so.
                let _ = world.node(node).control(|stack, ctx| stack.set_up(ctx, id, up));
            }
        }
        Step::Hoard(which) => hoard(world, NodeId(which & 1)),
        Step::Readdress(which) => {
            if let Some((node, id)) = interface(world, which)
                && let Some(addr) = world.node(node).global(id)
            {
                let again = world.node(node).control(|stack, ctx| {
                    stack.remove_address(ctx, id, addr.into())?;
                    stack.add_address(ctx, id, addr.into(), 64, true)
                });
                assert_eq!(again, Ok(()), "it was there");
            }
        }
    }
    false
}

/// Takes all of a pool's buffers but one, or gives them back.
fn hoard(world: &mut World, node: NodeId) {
    let node = world.node_mut(node);
    if !node.hoard.is_empty() {
        return node.hoard.clear();
    }
    while node.pool.available() > 1
        && let Some(mbuf) = node.pool.alloc()
    {
        node.hoard.push(mbuf);
    }
}

/// What holds at every quiet moment.
fn check(world: &World) {
    assert_eq!(world.ghosts(), 0, "frames were sent by interfaces that had departed");
    for node in &world.nodes {
        let name = &node.name;
        if let Err(error) = node.stack.check_conservation() {
            panic!("{name}: {error}");
        }
        assert!(node.leaving.is_empty(), "{name}: a detach is not complete though its worker came by");
        for kind in node.stack.netisr_types() {
            assert_eq!(kind.total().resident, 0, "{name}: '{}' is at rest", kind.name);
        }
        let neighbors = node.control(|stack, ctx| stack.neighbors(ctx));
        for id in node.interfaces() {
            let here = || neighbors.iter().filter(|neighbor| neighbor.interface == id);
            let resolving = here().filter(|neighbor| neighbor.state == NudState::Incomplete).count();
            assert!(
                here().count() <= LIMITS.entries + LIMITS.resolving,
                "{name}: {} neighbors on {id}",
                here().count()
            );
            assert!(resolving <= LIMITS.resolving, "{name}: {resolving} neighbors are resolved on {id}");
            assert!(
                here().all(|neighbor| neighbor.held <= LIMITS.held),
                "{name}: too many packets wait on {id}"
            );
        }
        let held: usize = neighbors.iter().map(|neighbor| neighbor.held).sum();
        let limits = node.control(|stack, ctx| stack.limits(ctx));
        let used = |what: &str| limits.iter().find(|limit| limit.name == what).map_or(0, |limit| limit.used);
        assert!(limits.iter().all(|limit| limit.used <= limit.limit), "{name}: beyond a limit: {limits:?}");
        assert_eq!(used("large-buffers"), 0, "{name}: a large buffer is in use for a moment only");
        let live = node.pool.live() - node.hoard.len();
        let waiting = held + used("reassembly-fragments") as usize;
        assert_eq!(
            live, waiting,
            "{name}: buffers in use are those that wait for neighbors, or for fragments"
        );
    }
}

/// In the end nothing is left: every interface goes, every pool is full.
fn end(world: &mut World) {
    for node in [HOST, ROUTER] {
        world.node_mut(node).hoard.clear();
        for id in world.node(node).interfaces() {
            world.unplug(node, id);
        }
    }
    world.run_for(Duration::from_millis(1));
    check(world);
    for node in &world.nodes {
        assert!(node.interfaces().is_empty(), "{}: every interface has gone", node.name);
        assert!(node.pool.is_full(), "{}: {} buffers are missing from the pool", node.name, node.pool.live());
    }
}

/// The interfaces of a link, the host's first.
fn on_link(world: &World, link: LinkId) -> Vec<(NodeId, IfId)> {
    let nodes = world.nodes.iter().enumerate();
    nodes
        .flat_map(|(at, node)| node.plugs.iter().map(move |(id, plug)| (NodeId(at), *id, plug.link)))
        .filter(|(_, _, of)| *of == link)
        .map(|(node, id, _)| (node, id))
        .collect()
}

fn interface(world: &World, which: usize) -> Option<(NodeId, IfId)> {
    let mut all = on_link(world, LinkId(0));
    all.extend(on_link(world, LinkId(1)));
    if all.is_empty() { None } else { Some(all[which % all.len()]) }
}
