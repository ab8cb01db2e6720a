//! Interfaces that go while something of theirs is under way.

use std::io;
use std::net::Ipv6Addr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Duration;

use siding_lockorder::Root;
use siding_mbuf::Cache;
use siding_mbuf::Mbuf;
use siding_mbuf::Pool;
use siding_mbuf::PoolConfig;
use siding_netisr::IfId;
use siding_netisr::Instant;
use siding_sim::NodeId;
use siding_stack::Device;
use siding_stack::InterfaceSpec;
use siding_stack::NeighborLimits;
use siding_stack::Sent;
use siding_stack::Stack;
use siding_stack::StackConfig;
use siding_stack::drops::DropReason as Cause;
use siding_stack::nd6::nud::NudState;
use siding_wire::Mac;
use siding_wire::nd::NeighborSolicit;

use crate::common::*;

/// Packets of a type that departed.
fn departed(net: &Net, node: NodeId, name: &str) -> u64 {
    let types = net.world.node(node).stack.netisr_types();
    types.iter().find(|kind| kind.name == name).unwrap().total().departed
}

#[test]
fn t29_what_waits_departs_and_is_never_seen_on_the_next_interface() {
    let (mut net, host, link, id) = Net::host(spec("host"));
    let ping = net.open(host);
    (0..10).for_each(|seq| net.ping_on(host, &ping, local(0x99), id, seq).unwrap());
    // Gone and another made, before anything has been handled.
    net.world.unplug(host, id);
    let next = net.plug(host, link, HOST);
    assert_ne!(next, id);
    assert!(net.ping_on(host, &ping, local(0x99), id, 11).is_err(), "it can be named no more");
    net.run(secs(10));
    assert_eq!((departed(&net, host, "ip_out"), net.frames().len()), (10, 0));
    // Once more, with the old one gone before the new one comes: the same slot, but not the same identity.
    (0..10).for_each(|seq| net.ping_on(host, &ping, local(0x99), next, seq).unwrap());
    net.world.unplug(host, next);
    net.run(Duration::ZERO);
    // Slots are used in turn, so it takes a while to come round.
    let same = (0..32).any(|_| {
        let third = net.plug(host, link, HOST);
        assert_ne!(third, next);
        if third.slot() != next.slot() {
            net.world.unplug(host, third);
            net.run(Duration::ZERO);
        }
        third.slot() == next.slot()
    });
    assert!(same, "the slot is used again, the identity is not");
    net.run(secs(10));
    assert_eq!((departed(&net, host, "ip_out"), net.frames().len()), (20, 0));
}

#[test]
fn t29_held_packets_that_are_being_flushed_depart() {
    let mut small = spec("host");
    small.queue_limit = 512;
    let (mut net, host, link, id) = Net::host(small);
    let mac = net.mac(host, id);
    let ping = net.open(host);
    (0..8).for_each(|seq| net.ping_on(host, &ping, local(0x99), id, seq).unwrap());
    net.run(ms(1));
    net.rewind();
    // The answer and the detach come at once: whichever the worker sees first, no frame leaves afterwards.
    let own = siding_wire::ip6::eui64_link_local(mac);
    net.inject(link, &frame6(mac, &answer(local(0x99), own, PEER_MAC)));
    net.world.unplug(host, id);
    net.run(secs(5));
    assert_eq!(net.frames().len(), 0);
    let gone = net.dropped(host, Cause::InterfaceGone) + departed(&net, host, "link_out");
    assert!(gone >= 8, "each is accounted for: {:?}", net.drops(host));
}

#[test]
fn t14_gone_during_resolution() {
    let (mut net, host, link, id) = Net::host(spec("host"));
    let ping = net.open(host);
    (0..3).for_each(|seq| net.ping(host, &ping, PEER, seq).unwrap());
    net.run(ms(1500));
    assert_eq!(net.solicits().len(), 2);
    let mac = net.mac(host, id);
    net.world.unplug(host, id);
    net.run(ms(1));
    net.rewind();
    net.hear(link, &frame6(mac, &answer(PEER, HOST, PEER_MAC)));
    net.run(secs(10));
    assert_eq!((net.frames().len(), net.neighbors(host)), (0, 0));
    assert_eq!(net.drops(host), [(Cause::InterfaceGone, 3)]);
    assert_eq!(net.answer(host, &ping), None);
}

#[test]
fn t14_gone_during_a_probe() {
    for wait in [secs(3), ms(5500), ms(7000)] {
        let (mut net, host, link, id) = Net::host(spec("host"));
        let mac = net.mac(host, id);
        net.hear(link, &frame6(mac, &solicit(PEER, HOST, &NeighborSolicit::new(HOST, PEER_MAC))));
        net.ping_once(host, PEER);
        net.run(wait);
        let state = net.neighbor(host, PEER).unwrap().0;
        assert!(matches!(state, NudState::Delay | NudState::Probe));
        net.rewind();
        // The timer is due, and the detach comes before the worker.
        net.world.jump(secs(5));
        net.world.unplug(host, id);
        net.run(secs(10));
        assert_eq!((net.frames().len(), net.neighbors(host)), (0, 0));
    }
}

#[test]
fn t14_gone_during_detection() {
    let (mut net, host, _, id) = Net::host(siding_sim::NodeSpec::new("host"));
    net.run(ms(300));
    net.rewind();
    net.world.unplug(host, id);
    net.run(secs(5));
    assert_eq!(net.frames().len(), 0);
    assert!(!net.world.log().iter().any(|line| line.contains("preferred")));
}

#[test]
fn t36_two_hundred_unresolved_look_ups_then_the_interface_goes() {
    let (mut net, host, _, id) = Net::host(spec("host"));
    for n in 0..200 {
        net.ping_once(host, v6(0x1000 + n));
    }
    assert_eq!((net.neighbors(host), net.solicits().len()), (200, 200));
    net.run(ms(999));
    net.rewind();
    net.world.unplug(host, id);
    net.run(secs(10));
    assert_eq!((net.frames().len(), net.neighbors(host)), (0, 0));
    assert_eq!(net.drops(host), [(Cause::InterfaceGone, 200)]);
    assert!(net.world.node(host).pool.is_full());
}

#[test]
fn other_interfaces_go_on_while_one_departs() {
    let (mut net, node, links, ids) = Net::router(spec("router"));
    let macs = ids.map(|id| net.mac(node, id));
    net.hear(links[0], &frame6(macs[0], &solicit(PEER, HOST, &NeighborSolicit::new(HOST, PEER_MAC))));
    net.rewind();
    net.ping_once(node, on_link(1, 0x99));
    net.world.unplug(node, ids[1]);
    net.hear(links[0], &frame6(macs[0], &echo(PEER, HOST, 1)));
    assert_eq!(net.icmp().len(), 1);
    assert_eq!(net.world.node(node).interfaces(), [ids[0]]);
}

/// A device that counts what is sent, and shouts when anything is after its interface has gone.
struct Counting {
    sent: Arc<AtomicU64>,
}

impl Device for Counting {
    fn receive(&mut self, _: &mut Cache, _: &mut Vec<Mbuf>, _: usize) -> io::Result<usize> {
        Ok(0)
    }

    fn transmit(&mut self, _: &mut Cache, frames: &mut Vec<Mbuf>) -> Sent {
        self.sent.fetch_add(frames.len() as u64, Ordering::Relaxed);
        let sent = Sent::all(frames);
        frames.clear();
        sent
    }
}

/// A stack without a world: a thousand cycles are to take seconds.
fn cycles(cycles: u64, pending: u16) {
    let pool = Pool::new(PoolConfig { buffers: 4096, ..PoolConfig::default() }).unwrap();
    let clock = Arc::new(AtomicU64::new(1_000_000_000));
    let reader = clock.clone();
    let mut config =
        StackConfig::new(pool.clone(), move || Instant::from_nanos(reader.load(Ordering::Relaxed)));
    config.neighbors =
        NeighborLimits { entries: 4096, resolving: 4096, held: 4, ..NeighborLimits::default() };
    config.dad.transmits = 0;
    config.mld.enabled = false;
    let stack = Stack::new(config).unwrap();
    let mut worker = stack.worker(0).unwrap();
    let mut root = Root::new();
    let mut last = IfId::NONE;
    for cycle in 0..cycles {
        let sent = Arc::new(AtomicU64::new(0));
        let device: Box<dyn Device> = Box::new(Counting { sent: sent.clone() });
        let spec = InterfaceSpec { name: "em0".into(), mac: Mac([2, 0, 0, 0, 0, 1]), mtu: 1500 };
        let id = {
            let mut entered = root.enter().unwrap();
            let ctx = &mut entered.ctx();
            let id = stack.attach(ctx, spec, vec![device]).unwrap();
            stack.add_address(ctx, id, HOST.into(), 64, true).unwrap();
            let ping = stack.open_ping(ctx).unwrap();
            for n in 0..pending {
                let dst = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 1, n);
                stack.ping(ctx, &ping, dst.into(), IfId::NONE, n, b"siding").unwrap();
            }
            ping.close(ctx);
            id
        };
        assert_ne!(id, last, "an identity is never used again");
        last = id;
        settle(&mut worker, &stack);
        assert_eq!(sent.load(Ordering::Relaxed), u64::from(pending), "each is asked for once");
        assert_eq!(pool.live(), usize::from(pending), "each holds its packet");
        assert!(stack_next(&mut worker, &stack) < Instant::NEVER);
        // Now and then the timers are due at this very moment.
        if cycle % 3 == 0 {
            clock.fetch_add(1_000_000_000, Ordering::Relaxed);
        }
        let mut detached = {
            let mut entered = root.enter().unwrap();
            stack.detach(&mut entered.ctx(), id).unwrap()
        };
        worker.turn(stack.now());
        assert!(detached.is_complete(), "one turn of the worker is all it takes");
        assert_eq!(sent.load(Ordering::Relaxed), u64::from(pending), "nothing leaves any more");
        assert!(pool.is_full(), "cycle {cycle}: {} buffers are missing", pool.live());
        assert_eq!(stack_next(&mut worker, &stack), Instant::NEVER, "no timer is left");
        stack.check_conservation().unwrap();
    }
    assert_eq!(stack.dropped(Cause::InterfaceGone), cycles * u64::from(pending));
}

fn settle(worker: &mut siding_stack::StackWorker, stack: &Stack) {
    while worker.turn(stack.now()).more {}
    worker.turn(stack.now());
}

fn stack_next(worker: &mut siding_stack::StackWorker, stack: &Stack) -> Instant {
    let now = stack.now();
    let turn = worker.turn(now);
    if turn.timers > 0 { now } else { turn.next }
}

/// So often, with so many pending, unless the environment says otherwise: `SIDING_DETACHES`, `SIDING_PENDING`.
#[test]
fn a_thousand_pending_neighbor_timers_a_thousand_times() {
    let told = |name: &str| std::env::var(name).ok().map(|value| value.parse::<u64>().unwrap());
    let pending = told("SIDING_PENDING").unwrap_or(1_000);
    cycles(told("SIDING_DETACHES").unwrap_or(1_000), u16::try_from(pending).unwrap());
}
