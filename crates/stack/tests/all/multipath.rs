//! Routers that share the flows to a prefix, as a stack forwards them: shares, who moves when one goes or comes, and that nothing
//! goes to one that has gone.

use std::collections::VecDeque;
use std::io;
use std::net::Ipv6Addr;
use std::sync::Arc;
use std::sync::Mutex;

use siding_lockorder::Ctx;
use siding_lockorder::Root;
use siding_lockorder::Unlocked;
use siding_mbuf::Cache;
use siding_mbuf::Mbuf;
use siding_mbuf::Pool;
use siding_mbuf::PoolConfig;
use siding_netisr::IfId;
use siding_netisr::Instant;
use siding_stack::BATCH;
use siding_stack::Device;
use siding_stack::InterfaceSpec;
use siding_stack::Sent;
use siding_stack::Stack;
use siding_stack::StackConfig;
use siding_stack::StackWorker;
use siding_stack::route::Group;
use siding_stack::route::Hop;
use siding_stack::route::Leg;
use siding_stack::route::Origin;
use siding_stack::route::Prefix;
use siding_stack::route::Route;
use siding_wire::EtherType;
use siding_wire::IpProto;
use siding_wire::Mac;
use siding_wire::ether::Ether;
use siding_wire::ip6::Ip6Repr;

/// Devices: one that packets come by, and those of the routers.
const DEVICES: usize = 4;

/// Flows, by sender and port.
const FLOWS: usize = 1 << 16;

#[derive(Clone, Default)]
struct Wire {
    arriving: Arc<Mutex<VecDeque<Vec<u8>>>>,
    sent: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Device for Wire {
    fn receive(&mut self, cache: &mut Cache, into: &mut Vec<Mbuf>, max: usize) -> io::Result<usize> {
        let mut arriving = self.arriving.lock().unwrap();
        let many = max.min(arriving.len());
        for frame in arriving.drain(..many) {
            let mut mbuf = cache.alloc().expect("buffers");
            assert!(mbuf.extend_from_slice(&frame));
            into.push(mbuf);
        }
        Ok(many)
    }

    fn transmit(&mut self, cache: &mut Cache, frames: &mut Vec<Mbuf>) -> Sent {
        let sent = Sent::all(frames);
        self.sent.lock().unwrap().extend(frames.iter().map(|frame| frame.data().to_vec()));
        cache.free_all(frames.drain(..));
        sent
    }
}

struct Rig {
    stack: Stack,
    worker: StackWorker,
    wires: [Wire; DEVICES],
    ids: Vec<IfId>,
}

fn control<O>(work: impl FnOnce(&mut Ctx<'_, Unlocked>) -> O) -> O {
    let mut root = Root::new();
    let mut entered = root.enter().unwrap();
    work(&mut entered.ctx())
}

fn router(device: usize) -> Ipv6Addr {
    Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, device as u16)
}

/// Which device a flow goes by, `None` for none.
type Ways = Vec<Option<usize>>;

impl Rig {
    fn new(express: bool, seed: u64) -> Rig {
        let pool = Pool::new(PoolConfig { buffers: 2048, size: 2048, headroom: 128 }).unwrap();
        let mut config = StackConfig::new(pool, || Instant::from_nanos(1_000_000_000));
        (config.express, config.seed) = (express, seed);
        config.dad.transmits = 0;
        let stack = Stack::new(config).unwrap();
        let worker = stack.worker(0).unwrap();
        let wires: [Wire; DEVICES] = Default::default();
        let ids = control(|ctx| {
            stack.set_forwarding(ctx, true);
            let attach = |(device, wire): (usize, &Wire)| {
                let mac = Mac([2, 0, 0, 0, 0, device as u8]);
                let spec = InterfaceSpec { name: format!("em{device}"), mac, mtu: 1500 };
                let id = stack.attach(ctx, spec, vec![Box::new(wire.clone())]).unwrap();
                stack.add_link_local(ctx, id, false).unwrap();
                stack
                    .add_neighbor(ctx, id, router(device).into(), Mac([2, 0, 0, 0, 9, device as u8]))
                    .unwrap();
                id
            };
            wires.iter().enumerate().map(attach).collect()
        });
        let mut rig = Rig { stack, worker, wires, ids };
        rig.turn();
        rig
    }

    fn turn(&mut self) {
        self.worker.turn(Instant::from_nanos(1_000_000_000));
    }

    /// Has the routers of these devices share all flows, by weights.
    fn share(&self, hops: &[(usize, u8)]) {
        let hop = |(device, weight): &(usize, u8)| Hop {
            router: router(*device),
            interface: self.ids[*device],
            weight: *weight,
            metric: 0,
        };
        let group = Group {
            prefix: Prefix::covering(Ipv6Addr::UNSPECIFIED, 0),
            hops: hops.iter().map(hop).collect(),
        };
        control(|ctx| self.stack.add_multipath6(ctx, group).unwrap());
    }

    /// Sends a packet of each flow, and says by which device it went.
    fn ways(&mut self) -> Ways {
        let mut ways = vec![None; FLOWS];
        for first in (0..FLOWS).step_by(BATCH) {
            let frames = (first..first + BATCH).map(frame);
            self.wires[0].arriving.lock().unwrap().extend(frames);
            self.turn();
            for (device, wire) in self.wires.iter().enumerate() {
                let sent = std::mem::take(&mut *wire.sent.lock().unwrap());
                let to_router = [2, 0, 0, 0, 9, device as u8];
                for frame in
                    sent.iter().filter(|frame| frame[..6] == to_router && frame[20] == IpProto::UDP.0)
                {
                    assert_eq!(ways[flow_of(frame)].replace(device), None, "once each");
                }
            }
        }
        ways
    }
}

/// A packet of a flow: of 256 senders, from 256 ports each.
fn frame(flow: usize) -> Vec<u8> {
    let src = Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, (flow >> 8) as u16 + 2);
    let dst = Ipv6Addr::new(0x2001, 0xdb8, 2, 0, 0, 0, 0, 9);
    let ether =
        Ether { dst: Mac([2, 0, 0, 0, 0, 0]), src: Mac([2, 0, 0, 0, 8, 1]), ethertype: EtherType::IPV6 };
    let header = Ip6Repr::new(src, dst, IpProto::UDP, 64, 8).to_bytes();
    let udp = [0x40, flow as u8, 0, 53, 0, 8, 0x12, 0x34];
    [&ether.to_bytes()[..], &header, &udp].concat()
}

fn flow_of(frame: &[u8]) -> usize {
    let sender = usize::from(u16::from_be_bytes([frame[14 + 22], frame[14 + 23]]));
    (sender - 2) << 8 | usize::from(frame[14 + 41])
}

fn shares(ways: &Ways) -> [usize; DEVICES] {
    std::array::from_fn(|device| ways.iter().filter(|way| **way == Some(device)).count())
}

/// Those of one device alone have moved.
fn only_those_of(gone: usize, before: &Ways, after: &Ways) {
    for (flow, (before, after)) in before.iter().zip(after).enumerate() {
        assert!(before == after || *before == Some(gone), "flow {flow} moved from {before:?} to {after:?}");
    }
}

/// As many as are due, but for what chance makes of so many flows in whole buckets.
fn about(have: usize, due: usize) {
    assert!(have.abs_diff(due) * 20 < due, "{have} flows, {due} are due");
}

fn flows_keep_to_their_routers(express: bool) {
    let mut rig = Rig::new(express, 7);
    rig.share(&[(1, 2), (2, 1), (3, 1)]);
    let all = rig.ways();
    let [none, one, two, three] = shares(&all);
    assert_eq!((none, one + two + three), (0, FLOWS), "a packet went nowhere");
    for (have, due) in [(one, FLOWS / 2), (two, FLOWS / 4), (three, FLOWS / 4)] {
        about(have, due);
    }
    assert_eq!(all, rig.ways(), "a flow moved for nothing");
    assert_eq!(rig.worker.expressed() > 0, express);

    // Its link goes, and comes again.
    control(|ctx| rig.stack.set_link(ctx, rig.ids[2], false).unwrap());
    let without = rig.ways();
    only_those_of(2, &all, &without);
    assert_eq!((shares(&without)[2], shares(&without)[0]), (0, 0), "to a link that is down");
    control(|ctx| rig.stack.set_link(ctx, rig.ids[2], true).unwrap());
    assert_eq!(rig.ways(), all);

    // It is taken down by hand, and another as well: one has all.
    let set_up = |rig: &Rig, up| {
        for device in [1, 2] {
            control(|ctx| rig.stack.set_up(ctx, rig.ids[device], up).unwrap());
        }
    };
    set_up(&rig, false);
    assert_eq!(shares(&rig.ways()), [0, 0, 0, FLOWS]);
    set_up(&rig, true);

    // One leaves the group, and comes back with more weight.
    rig.share(&[(1, 2), (3, 1)]);
    let two = rig.ways();
    only_those_of(2, &all, &two);
    about(shares(&two)[1], FLOWS * 2 / 3);
    rig.share(&[(1, 2), (2, 3), (3, 1)]);
    let back = rig.ways();
    about(shares(&back)[2], FLOWS / 2);
    let moved = |(before, after): (&Option<usize>, &Option<usize>)| before == after || *after == Some(2);
    assert!(two.iter().zip(&back).all(moved), "who comes takes its share, and no other gets any");

    // The interface departs.
    let mut detached = control(|ctx| rig.stack.detach(ctx, rig.ids[1]).unwrap());
    let after = rig.ways();
    assert!(detached.is_complete());
    only_those_of(1, &back, &after);
    assert_eq!((shares(&after)[0], shares(&after)[1]), (0, 0));
    about(shares(&after)[2], FLOWS * 3 / 4);
}

#[test]
fn flows_keep_to_their_routers_as_long_as_these_are_there() {
    flows_keep_to_their_routers(true);
}

#[test]
fn and_so_they_do_when_all_are_walked() {
    flows_keep_to_their_routers(false);
}

#[test]
fn how_many_there_may_be_is_told_by_family() {
    let rig = Rig::new(true, 7);
    rig.share(&[(1, 1), (2, 1), (3, 1)]);
    let hop = |router| Hop {
        router: Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 1, router),
        interface: rig.ids[1],
        weight: 1,
        metric: 0,
    };
    let prefix = Prefix::covering(Ipv6Addr::UNSPECIFIED, 0);
    let many = Group { prefix, hops: (0..65).map(hop).collect() };
    control(|ctx| rig.stack.add_multipath6(ctx, many).unwrap_err());
    let alone = [1, 2].map(|device| Route {
        prefix: Prefix::covering(Ipv6Addr::new(0x2001, 0xdb8, 9, 0, 0, 0, 0, 0), 48),
        next_hop: Some(router(device)),
        interface: rig.ids[device],
        metric: 0,
        origin: Origin::Static,
    });
    control(|ctx| rig.stack.add_routes6(ctx, alone).unwrap());
    let limits = control(|ctx| rig.stack.limits(ctx));
    let row = |name: &str| {
        let mut its = limits.iter().filter(|row| row.name == name);
        let row = its.next().unwrap();
        assert!(its.next().is_none(), "{name} twice");
        (row.limit, row.used, row.highest, row.refused)
    };
    assert_eq!(row("nexthops-to-one-ipv6"), (64, 3, Some(3), 1));
    assert_eq!(row("nexthop-groups-ipv6"), (16_384, 1, Some(1), 0));
    assert_eq!(row("routes-to-one-ipv6"), (256, 2, Some(2), 0));
    for name in ["nexthops-to-one-ipv4", "nexthop-groups-ipv4", "routes-to-one-ipv4"] {
        assert_eq!(row(name).1, 0, "{name}");
    }
}

#[test]
fn who_asks_is_told_of_the_routers_that_flows_share_then() {
    let rig = Rig::new(true, 7);
    rig.share(&[(1, 1), (2, 1)]);
    let dst: Ipv6Addr = "2001:db8:2::9".parse().unwrap();
    let prefix = Prefix::covering(dst, 48);
    let told = || -> Vec<(IfId, usize)> {
        rig.stack.sharing(dst.into()).into_iter().map(|(on, _, share)| (on, share)).collect()
    };
    let both = vec![(rig.ids[1], 512), (rig.ids[2], 512)];
    assert_eq!(told(), both);
    // A way of its own that can be used is the way of all; that cannot, flows share what lies behind it.
    let by = |metric| Route {
        prefix,
        next_hop: Some(router(3)),
        interface: rig.ids[3],
        metric,
        origin: Origin::Static,
    };
    let set_link = |device: usize, link| {
        control(|ctx| rig.stack.set_link(ctx, rig.ids[device], link).unwrap());
    };
    control(|ctx| rig.stack.add_routes6(ctx, [by(0)]).unwrap());
    assert_eq!(told(), []);
    set_link(3, false);
    assert_eq!(told(), both);
    // The same of one prefix, where they lie behind a better way or before it.
    let hop = |device: usize, metric| {
        Leg::Sharing(Hop { router: router(device), interface: rig.ids[device], weight: 1, metric })
    };
    control(|ctx| rig.stack.exchange_routes6(ctx, prefix, &[], &[hop(2, 7), hop(1, 9)]).unwrap());
    assert_eq!(told(), both.iter().rev().copied().collect::<Vec<_>>());
    set_link(3, true);
    assert_eq!(told(), []);
    control(|ctx| rig.stack.exchange_routes6(ctx, prefix, &[], &[Leg::Alone(by(8))]).unwrap());
    assert_eq!(told().len(), 2, "the better of the two metrics counts");
    // Of whom one cannot be used; and none.
    set_link(2, false);
    assert_eq!(told().len(), 2);
    set_link(1, false);
    assert_eq!(told(), []);
}

#[test]
fn nobody_knows_by_which_router_a_flow_goes_of_another_stack() {
    let ways = |seed| {
        let mut rig = Rig::new(true, seed);
        rig.share(&[(1, 1), (2, 1)]);
        rig.ways()
    };
    let (one, other) = (ways(1), ways(2));
    let same = one.iter().zip(&other).filter(|(one, other)| one == other).count();
    about(same, FLOWS / 2);
    assert_eq!(one, ways(1));
}
