//! Super-frames and unfinished checksums through a whole stack: whole where the way out takes them, else cut.

use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;

use siding_drivers::MemDevice;
use siding_drivers::Wire;
use siding_lockorder::Ctx;
use siding_lockorder::Root;
use siding_lockorder::Unlocked;
use siding_mbuf::Cache;
use siding_mbuf::Mbuf;
use siding_mbuf::Offload;
use siding_mbuf::Pool;
use siding_mbuf::PoolConfig;
use siding_mbuf::SegmentKind;
use siding_mbuf::Segments;
use siding_netisr::Instant;
use siding_stack::BridgeSpec;
use siding_stack::Device;
use siding_stack::InterfaceSpec;
use siding_stack::LaggSpec;
use siding_stack::Mode;
use siding_stack::Offloads;
use siding_stack::Stack;
use siding_stack::StackConfig;
use siding_stack::StackWorker;
use siding_stack::drops::DropReason;
use siding_stack::finished;
use siding_stack::ifnet::Version;
use siding_stack::ifnet::Vlan;
use siding_wire::EtherType;
use siding_wire::IpProto;
use siding_wire::Mac;
use siding_wire::checksum::Ends;
use siding_wire::checksum::Sum;
use siding_wire::ether;
use siding_wire::ip4::Ip4Repr;
use siding_wire::ip6::Ip6Repr;
use siding_wire::tcp::TcpRepr;
use siding_wire::udp::UdpRepr;

const NOTHING: Offloads = Offloads { checksum: false, tcp: false, udp: false };
const CHECKSUM: Offloads = Offloads { checksum: true, tcp: false, udp: false };

/// What lies between the stack and the two wires on its way out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Device,
    Vlan,
    /// By both.
    Lagg,
    /// By both, as long as nothing was heard of the station.
    Bridge,
    VlanOnBridge,
}

impl Way {
    const ALL: [Way; 5] = [Way::Device, Way::Vlan, Way::Lagg, Way::Bridge, Way::VlanOnBridge];

    fn tag(self) -> usize {
        if matches!(self, Way::Vlan | Way::VlanOnBridge) { 4 } else { 0 }
    }

    fn by_both(self) -> bool {
        matches!(self, Way::Lagg | Way::Bridge | Way::VlanOnBridge)
    }
}

/// A router, a host on the link that frames come from, and two ends of the way out.
struct World {
    stack: Stack,
    worker: StackWorker,
    host: MemDevice,
    far: [MemDevice; 2],
    cache: Cache,
    turns: u64,
}

fn mac(n: u8) -> Mac {
    Mac([2, 0, 0, 0, 0, n])
}

fn addr(ip6: bool, link: u8, host: u8) -> IpAddr {
    match ip6 {
        true => Ipv6Addr::new(0x2001, 0xdb8, link.into(), 0, 0, 0, 0, host.into()).into(),
        false => Ipv4Addr::new(10, 0, link, host).into(),
    }
}

fn control<O>(work: impl FnOnce(&mut Ctx<'_, Unlocked>) -> O) -> O {
    let mut root = Root::new();
    let mut entered = root.enter().unwrap();
    work(&mut entered.ctx())
}

impl World {
    fn new(way: Way, out: Offloads, mtu: u16) -> World {
        let pool = Pool::new(PoolConfig::default()).unwrap();
        let mut cache = pool.cache(16);
        cache.set_large(Some(Pool::new(PoolConfig { buffers: 64, size: 66_000, headroom: 128 }).unwrap()));
        let stack_pool = Pool::new(PoolConfig::default()).unwrap();
        let stack = Stack::new(StackConfig::new(stack_pool, || Instant::from_nanos(1))).unwrap();
        let worker = stack.worker(0).unwrap();
        let wires = [Offloads::ALL, out, out].map(|offloads| Wire::with_offloads(4096, offloads));
        let [near, far, other] = wires;
        let ends = [&near, &far, &other].map(Wire::attach);
        control(|ctx| {
            stack.set_forwarding(ctx, true);
            let mut devices = ends.into_iter();
            let mut attach = |ctx: &mut Ctx<'_, Unlocked>, n: u8, mtu| {
                let spec = InterfaceSpec { name: format!("em{n}"), mac: mac(n), mtu };
                stack.attach(ctx, spec, vec![Box::new(devices.next().unwrap())]).unwrap()
            };
            let on = attach(ctx, 1, 1500);
            let ports = [attach(ctx, 2, mtu), attach(ctx, 3, mtu)];
            let vlan = |ctx: &mut Ctx<'_, Unlocked>, parent| {
                let vlan = Vlan { parent, vid: 7, ethertype: EtherType::VLAN };
                stack.add_vlan(ctx, "vlan7", vlan).unwrap()
            };
            let bridge = |ctx: &mut Ctx<'_, Unlocked>| {
                let bridge = stack
                    .add_bridge(ctx, BridgeSpec { mac: Some(mac(9)), ..BridgeSpec::new("br0") })
                    .unwrap();
                for port in ports {
                    stack.bridge_add_port(ctx, bridge, port).unwrap();
                }
                bridge
            };
            let out = match way {
                Way::Device => ports[0],
                Way::Vlan => vlan(ctx, ports[0]),
                Way::Lagg => {
                    let lagg = stack.add_lagg(ctx, LaggSpec::new("lagg0", Mode::Broadcast)).unwrap();
                    for port in ports {
                        stack.lagg_add_port(ctx, lagg, port, 1).unwrap();
                    }
                    lagg
                }
                Way::Bridge => bridge(ctx),
                Way::VlanOnBridge => {
                    let bridge = bridge(ctx);
                    vlan(ctx, bridge)
                }
            };
            for ip6 in [false, true] {
                let len = if ip6 { 64 } else { 24 };
                for (link, id) in [(1, on), (2, out)] {
                    stack.add_address(ctx, id, addr(ip6, link, 1), len, false).unwrap();
                    stack.add_neighbor(ctx, id, addr(ip6, link, 2), mac(0x10 + link)).unwrap();
                }
            }
        });
        let mut world = World {
            stack,
            worker,
            host: near.attach(),
            far: [far.attach(), other.attach()],
            cache,
            turns: 0,
        };
        world.run();
        // What is said when links come up.
        world.take_all();
        world
    }

    fn run(&mut self) {
        for _ in 0..4 {
            self.turns += 1;
            self.worker.turn(Instant::from_nanos(1 + self.turns * 1000));
        }
    }

    fn send(&mut self, frame: Mbuf) {
        self.host.transmit(&mut self.cache, &mut vec![frame]);
        self.run();
    }

    fn take_all(&mut self) -> Vec<Vec<Mbuf>> {
        let [a, b] = &mut self.far;
        [&mut self.host, a, b].map(|device| received(device, &mut self.cache)).to_vec()
    }

    fn far(&mut self, n: usize) -> Vec<Mbuf> {
        received(&mut self.far[n], &mut self.cache)
    }

    fn dropped(&self) -> Vec<(DropReason, u64)> {
        let reports = self.stack.drops().into_iter();
        reports.map(|report| (report.cause, report.count)).filter(|(_, count)| *count > 0).collect()
    }
}

fn received(device: &mut MemDevice, cache: &mut Cache) -> Vec<Mbuf> {
    let mut into = Vec::new();
    while device.receive(cache, &mut into, 64).unwrap() > 0 {}
    into
}

fn contents(len: usize) -> Vec<u8> {
    (0..len).map(|n| (n % 251) as u8).collect()
}

/// What is sent: a segment or datagram, or many in one frame, by the host to `dst`, with the sum of the pseudo header where
/// the checksum is to be.
struct Send {
    dst: IpAddr,
    proto: IpProto,
    dont_fragment: bool,
    data: Vec<u8>,
    size: u16,
}

impl Send {
    fn new(dst: IpAddr, proto: IpProto, len: usize, size: u16) -> Send {
        Send { dst, proto, dont_fragment: true, data: contents(len), size }
    }

    fn frame(&self, cache: &mut Cache) -> Mbuf {
        let tcp = self.proto == IpProto::TCP;
        let src = addr(self.dst.is_ipv6(), 1, 2);
        let (header, field) = if tcp { (20, 16) } else { (8, 6) };
        let len = header + self.data.len();
        let ends = ends(src, self.dst);
        let mut upper = vec![0; header];
        upper[..4].copy_from_slice(&[0x10, 0, 0x20, 0]);
        match tcp {
            // A segment in the middle: an acknowledgment, and a push at the end of them all.
            true => upper[7..14].copy_from_slice(&[1, 0, 0, 0, 9, 0x50, 0x18]),
            false => upper[4..6].copy_from_slice(&(len as u16).to_be_bytes()),
        }
        let pseudo = Sum::pseudo(ends, self.proto, len as u32).fold();
        upper[field..field + 2].copy_from_slice(&pseudo.to_be_bytes());
        let mut ip = vec![0; 40];
        let (ethertype, ip_len) = match (src, self.dst) {
            (IpAddr::V6(src), IpAddr::V6(dst)) => {
                (EtherType::IPV6, Ip6Repr::new(src, dst, self.proto, 64, len as u16).emit(&mut ip).unwrap())
            }
            (IpAddr::V4(src), IpAddr::V4(dst)) => {
                let mut header = Ip4Repr::new(src, dst, self.proto, 64, len as u16);
                (header.ident, header.dont_fragment) = (100, self.dont_fragment);
                (EtherType::IPV4, header.emit(&mut ip).unwrap())
            }
            _ => unreachable!("both are of one family"),
        };
        ip.truncate(ip_len);
        let link = [&mac(1).0[..], &mac(0x11).0, &ethertype.0.to_be_bytes()].concat();
        let frame = [&link[..], &ip, &upper, &self.data].concat();
        let mut mbuf = cache.alloc_for(frame.len()).unwrap();
        assert!(mbuf.extend_from_slice(&frame));
        let kind = match (tcp, self.dst.is_ipv6()) {
            (true, true) => SegmentKind::Tcp6,
            (true, false) => SegmentKind::Tcp4,
            (false, _) => SegmentKind::Udp,
        };
        let cut = Segments { kind, size: self.size, header: header as u8 };
        let segments = (self.size > 0).then_some(cut);
        let offload = Offload { start: link.len() + ip.len(), field: field as u8, segments };
        assert!(mbuf.set_offload(Some(offload)));
        mbuf
    }
}

fn ends(src: IpAddr, dst: IpAddr) -> Ends {
    match (src, dst) {
        (IpAddr::V6(src), IpAddr::V6(dst)) => Ends::V6 { src, dst },
        (IpAddr::V4(src), IpAddr::V4(dst)) => Ends::V4 { src, dst },
        _ => unreachable!("both are of one family"),
    }
}

/// What a frame's TCP or UDP carries, its checksums verified, one hop from where it came.
fn carried(frame: &[u8], tag: usize) -> Vec<u8> {
    let (ethertype, at) = ether::network(frame).unwrap();
    assert_eq!(at, 14 + tag);
    let (ends, proto, hops, upper) = match ethertype {
        EtherType::IPV6 => {
            let (header, upper) = Ip6Repr::parse(&frame[at..]).unwrap();
            (Ends::V6 { src: header.src, dst: header.dst }, header.next_header, header.hop_limit, upper)
        }
        _ => {
            let (header, upper) = Ip4Repr::parse(&frame[at..]).unwrap();
            (Ends::V4 { src: header.src, dst: header.dst }, header.proto, header.ttl, upper)
        }
    };
    assert_eq!(hops, 63);
    match proto {
        IpProto::TCP => TcpRepr::parse(ends, upper).unwrap().1.to_vec(),
        _ => UdpRepr::parse(ends, upper).unwrap().1.to_vec(),
    }
}

#[test]
fn super_frames_pass_whole_or_are_cut_by_whatever_way() {
    for way in Way::ALL {
        for (out, takes_tcp, takes_udp) in [
            (Offloads::ALL, true, true),
            (NOTHING, false, false),
            (CHECKSUM, false, false),
            (Offloads { udp: false, ..Offloads::ALL }, true, false),
        ] {
            let mut world = World::new(way, out, 1500);
            for (ip6, proto, len) in [
                (true, IpProto::TCP, 60_000),
                (false, IpProto::TCP, 65_000),
                (true, IpProto::UDP, 40_000),
                (false, IpProto::UDP, 3000),
            ] {
                let what = format!("{way:?}, {out:?}, IPv6 {ip6}, {proto:?}");
                let send = Send::new(addr(ip6, 2, 2), proto, len, 1400);
                let frame = send.frame(&mut world.cache);
                world.send(frame);
                let whole = if proto == IpProto::TCP { takes_tcp } else { takes_udp };
                for end in 0..if way.by_both() { 2 } else { 1 } {
                    let frames = world.far(end);
                    assert_eq!(frames.len(), if whole { 1 } else { len.div_ceil(1400) }, "{what}");
                    let mut data = Vec::new();
                    for frame in &frames {
                        assert_eq!(frame.is_unfinished(), whole, "{what}");
                        assert!(whole || frame.len() <= 1514 + way.tag(), "{what}");
                        data.extend(carried(&finished(frame), way.tag()));
                    }
                    assert!(data == send.data, "{what}: other data");
                }
            }
            assert_eq!(world.dropped(), [], "{way:?} {out:?}");
            assert!(way.by_both() || world.far(1).is_empty());
        }
    }
}

#[test]
fn a_lone_packet_with_an_unfinished_checksum_is_completed_where_nobody_else_does() {
    for way in Way::ALL {
        for out in [NOTHING, CHECKSUM] {
            let mut world = World::new(way, out, 1500);
            for (ip6, proto) in [(true, IpProto::TCP), (false, IpProto::UDP)] {
                let send = Send::new(addr(ip6, 2, 2), proto, 101, 0);
                let frame = send.frame(&mut world.cache);
                world.send(frame);
                let frames = world.far(0);
                assert_eq!((frames.len(), frames[0].is_unfinished()), (1, out == CHECKSUM));
                let bytes = finished(&frames[0]);
                assert_eq!(carried(&bytes, way.tag()), send.data);
            }
        }
    }
}

#[test]
fn a_bridge_passes_super_frames_from_port_to_port() {
    for out in [Offloads::ALL, NOTHING] {
        let mut world = World::new(Way::Bridge, out, 1500);
        let send = Send::new(addr(true, 2, 2), IpProto::TCP, 20_000, 1400);
        let mut frame = send.frame(&mut world.cache);
        frame.data_mut().unwrap()[..6].copy_from_slice(&mac(0x77).0);
        let [far, _] = &mut world.far;
        far.transmit(&mut world.cache, &mut vec![frame]);
        world.run();
        let frames = world.far(1);
        assert_eq!(frames.len(), if out == NOTHING { 15 } else { 1 });
        let bytes: usize = frames.iter().map(|frame| frame.len() - 14 - 60).sum();
        assert_eq!((bytes, world.far(0).len()), (20_000, 0));
    }
}

#[test]
fn it_is_the_segments_that_are_too_big() {
    let mut world = World::new(Way::Device, NOTHING, 1280);
    for (ip6, fits) in [(true, 1220), (false, 1240)] {
        let mut count = |size| {
            let frame = Send::new(addr(ip6, 2, 2), IpProto::TCP, 20_000, size).frame(&mut world.cache);
            let before = world.stack.dropped(DropReason::TooBig);
            world.send(frame);
            let [host, far, _] = &world.take_all()[..] else { unreachable!("three ends") };
            (world.stack.dropped(DropReason::TooBig) - before, host.len(), far.len())
        };
        assert_eq!(count(fits), (0, 0, 20_000_usize.div_ceil(fits.into())));
        // One byte more, and the sender is told.
        assert_eq!(count(fits + 1), (1, 1, 0));
    }
}

#[test]
fn segments_that_may_be_cut_into_fragments_are() {
    let mut world = World::new(Way::Device, NOTHING, 1280);
    let send = Send { dont_fragment: false, ..Send::new(addr(false, 2, 2), IpProto::UDP, 5000, 1400) };
    let frame = send.frame(&mut world.cache);
    world.send(frame);
    // Four datagrams, of which three are too long.
    let mut data = Vec::new();
    let mut datagram = Vec::new();
    let frames = world.far(0);
    assert_eq!(frames.len(), 7);
    for frame in &frames {
        assert!(frame.len() <= 1294 && !frame.is_unfinished());
        let (header, part) = Ip4Repr::parse(&frame.data()[14..]).unwrap();
        assert_eq!(usize::from(header.frag_offset), datagram.len());
        datagram.extend_from_slice(part);
        if !header.more_fragments {
            let ends = Ends::V4 { src: header.src, dst: header.dst };
            data.extend_from_slice(UdpRepr::parse(ends, &datagram).unwrap().1);
            datagram.clear();
        }
    }
    assert_eq!(data, send.data);
}

/// No driver says so, but whoever writes one might: it was cut, and cut, and cut.
#[test]
fn what_is_said_to_be_undone_in_front_of_a_packet_is_done() {
    let mut world = World::new(Way::Device, NOTHING, 1280);
    let send = Send { dont_fragment: false, ..Send::new(addr(false, 2, 2), IpProto::UDP, 1400, 0) };
    for tag in [&[0x81, 0, 0, 0][..], &[]] {
        let plain = send.frame(&mut world.cache);
        let bytes = [&plain.data()[..12], tag, &plain.data()[12..]].concat();
        let mut frame = world.cache.alloc_for(bytes.len()).unwrap();
        assert!(frame.extend_from_slice(&bytes));
        assert!(frame.set_offload(Some(Offload { start: 0, field: 2, segments: None })));
        world.send(frame);
        let frames = world.far(0);
        assert_eq!(frames.len(), 2, "two fragments");
        assert!(frames.iter().all(|frame| !frame.is_unfinished()));
    }
}

/// A port that does not get rid of its frames does not hold the large buffers, of which all ports have one pool.
#[test]
fn a_wire_that_is_stuck_holds_no_large_buffers() {
    struct Stuck;
    impl Device for Stuck {
        fn receive(&mut self, _: &mut Cache, _: &mut Vec<Mbuf>, _: usize) -> std::io::Result<usize> {
            Ok(0)
        }
        fn transmit(&mut self, _: &mut Cache, _: &mut Vec<Mbuf>) -> siding_stack::Sent {
            siding_stack::Sent::default()
        }
        fn offloads(&self) -> Offloads {
            Offloads::ALL
        }
    }
    let mut world = World::new(Way::Device, Offloads::ALL, 1500);
    control(|ctx| {
        let spec = InterfaceSpec { name: "em4".to_owned(), mac: mac(4), mtu: 1500 };
        let stuck = world.stack.attach(ctx, spec, vec![Box::new(Stuck)]).unwrap();
        world.stack.add_address(ctx, stuck, addr(true, 3, 1), 64, false).unwrap();
        world.stack.add_neighbor(ctx, stuck, addr(true, 3, 2), mac(0x13)).unwrap();
    });
    for _ in 0..300 {
        let frame = Send::new(addr(true, 3, 2), IpProto::TCP, 4000, 1400).frame(&mut world.cache);
        world.send(frame);
    }
    let reports = control(|ctx| world.stack.limits(ctx));
    let used = reports.into_iter().find(|report| report.name == "large-buffers").unwrap().used;
    assert!(used <= 64, "{used} large buffers are held");
    let frame = Send::new(addr(true, 2, 2), IpProto::TCP, 60_000, 1400).frame(&mut world.cache);
    world.send(frame);
    assert_eq!(world.far(0).len(), 1, "others are not held up");
}

#[test]
fn what_is_for_us_is_valid_though_unfinished() {
    for ip6 in [true, false] {
        for (proto, len, size) in [
            (IpProto::TCP, 10, 0),
            (IpProto::UDP, 10, 0),
            (IpProto::TCP, 20_000, 1400),
            (IpProto::UDP, 20_000, 1400),
        ] {
            let mut world = World::new(Way::Device, NOTHING, 1500);
            let frame = Send::new(addr(ip6, 2, 1), proto, len, size).frame(&mut world.cache);
            world.send(frame);
            assert_eq!(world.dropped(), [(DropReason::NoListener, 1)], "{proto:?} {len}");
            // A reset, or that there is nobody at the port.
            let answers = received(&mut world.host, &mut world.cache);
            assert_eq!(answers.len(), 1, "{proto:?} {len}");
            assert!(!answers[0].is_unfinished());
        }
    }
}

#[test]
fn a_host_that_nobody_answers_holds_no_large_buffers() {
    let mut world = World::new(Way::Device, Offloads::ALL, 1500);
    let id = world.stack.config().interfaces().find(|out| out.ifnet.name == "em2").unwrap().ifnet.id;
    let stats = |world: &World| world.stack.config().interface(id).unwrap().ifnet.mib.stats(Version::V4);
    let before = stats(&world);
    for host in 10..20 {
        for ip6 in [true, false] {
            let send = Send::new(addr(ip6, 2, host), IpProto::TCP, 60_000, 1400);
            let frame = send.frame(&mut world.cache);
            world.send(frame);
        }
    }
    // What has to wait is counted segment by segment: those before the last are given up, and none has left.
    let (segments, waiting) = (60_000_u64.div_ceil(1400), stats(&world));
    assert_eq!(waiting.out_forw_datagrams - before.out_forw_datagrams, 10 * segments, "{waiting:?}");
    assert!(waiting.out_discards >= 10 * (segments - 16), "{waiting:?}");
    assert_eq!(waiting.out_transmits, before.out_transmits);
    let used = |world: &World, name: &str| {
        let reports = control(|ctx| world.stack.limits(ctx));
        reports.into_iter().find(|report| report.name == name).unwrap().used
    };
    assert_eq!(used(&world, "large-buffers"), 0);
    // What waits are the last segments, as many as of any packets; they go when there is an answer.
    world.take_all();
    let (router, station) = (mac(2).0, mac(0x20).0);
    let (asked, asks) = ([10, 0, 2, 10], [10, 0, 2, 1]);
    let body = [&[0, 1, 8, 0, 6, 4, 0, 2][..], &station, &asked, &router, &asks].concat();
    let reply = [&router[..], &station, &[8, 6], &body].concat();
    let mut frame = world.cache.alloc().unwrap();
    assert!(frame.extend_from_slice(&reply));
    world.far[0].transmit(&mut world.cache, &mut vec![frame]);
    world.run();
    let frames = world.far(0);
    assert!(!frames.is_empty() && frames.iter().all(|frame| !frame.is_unfinished()));
    let last = carried(frames.last().unwrap().data(), 0);
    assert!(contents(60_000).ends_with(&last));
    // Whatever becomes of the others, nothing is taken back.
    assert_eq!(stats(&world).out_transmits - before.out_transmits, frames.len() as u64);
    control(|ctx| world.stack.flush_neighbors(ctx, id, |_| true));
    let after = stats(&world);
    assert_eq!(after.out_transmits - before.out_transmits, frames.len() as u64);
    assert_eq!(after.out_discards + frames.len() as u64, after.out_forw_datagrams, "{after:?}");
}

#[test]
fn a_super_frame_that_cannot_be_cut_is_lost_and_nothing_else() {
    let mut world = World::new(Way::Lagg, NOTHING, 1500);
    // Half a header: the driver would not have let it in.
    let mut frame = Send::new(addr(true, 2, 2), IpProto::TCP, 20_000, 1400).frame(&mut world.cache);
    frame.data_mut().unwrap()[14 + 40 + 12] = 0x10;
    world.send(frame);
    let lost = [(DropReason::Malformed(siding_wire::Malformed::BadLength), 2)];
    assert_eq!((world.dropped(), world.far(0).len()), (lost.to_vec(), 0), "at each of the two ports");
    let frame = Send::new(addr(true, 2, 2), IpProto::TCP, 2800, 1400).frame(&mut world.cache);
    world.send(frame);
    assert_eq!(world.far(0).len(), 2);
}
