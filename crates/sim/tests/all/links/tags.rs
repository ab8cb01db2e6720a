//! Frames with a priority tag are as if they had none.

use siding_netisr::IfId;
use siding_stack::BridgeSpec;
use siding_stack::drops::DropReason as Cause;
use siding_wire::EtherType;
use siding_wire::Mac;
use siding_wire::lacp::SLOW_MAC;

use super::util::*;
use crate::common::*;

const AD: u16 = 0x88a8;
const Q: u16 = 0x8100;

/// An echo request to [`OWN6`] with these tags, each its type and its control information.
fn tagged(to: Mac, tags: &[(u16, u16)]) -> Vec<u8> {
    let mut frame = frame6(to, &echo(PEER, OWN6, 1));
    let bytes: Vec<u8> =
        tags.iter().flat_map(|(tpid, tci)| [tpid.to_be_bytes(), tci.to_be_bytes()].concat()).collect();
    frame.splice(12..12, bytes);
    frame
}

/// Whether an echo request with these tags is answered.
fn answers(bench: &mut Bench, to: Mac, tags: &[(u16, u16)]) -> bool {
    bench.net.rewind();
    let link = bench.links[0];
    bench.net.hear(link, &tagged(to, tags));
    bench.net.frames().iter().any(|frame| frame.bytes.windows(16).any(|part| part == PEER.octets()))
}

fn bench(devices: usize) -> (Bench, Vec<IfId>) {
    let bench = Bench::new(without_mld("node"), devices);
    let devices = bench.devices.clone();
    (bench, devices)
}

fn addressed(bench: &mut Bench, id: IfId) {
    bench.net.add_address(bench.node, id, OWN6, false);
    bench.neighbor(id, PEER);
    bench.net.run(secs(10));
}

const PRIORITIES: [&[(u16, u16)]; 5] =
    [&[(Q, 5 << 13)], &[(Q, 0)], &[(AD, 7 << 13)], &[(AD, 1 << 13), (Q, 5 << 13)], &[(Q, 0x1000)]];

#[test]
fn a_device_takes_them_and_no_vlan_that_is_not_there() {
    let (mut bench, devices) = bench(1);
    addressed(&mut bench, devices[0]);
    let mac = bench.net.mac(bench.node, devices[0]);
    for tags in PRIORITIES {
        assert!(answers(&mut bench, mac, tags), "{tags:?}");
    }
    let before = bench.net.dropped(bench.node, Cause::UnknownVlan);
    for tags in [&[(Q, 1)][..], &[(Q, 0), (Q, 1)], &[(AD, 0), (Q, 0x5fff)]] {
        assert!(!answers(&mut bench, mac, tags), "{tags:?}");
    }
    assert_eq!(bench.net.dropped(bench.node, Cause::UnknownVlan), before + 3);
}

#[test]
fn vlans_take_them_inside_and_outside() {
    let (mut bench, devices) = bench(1);
    let vlan = bench.vlan(devices[0], 5);
    addressed(&mut bench, vlan);
    let mac = bench.net.mac(bench.node, devices[0]);
    for tags in
        [&[(Q, 5)][..], &[(Q, 5), (Q, 5 << 13)], &[(AD, 1 << 13), (Q, 5)], &[(Q, 0), (Q, 0x2005), (Q, 0)]]
    {
        assert!(answers(&mut bench, mac, tags), "{tags:?}");
    }
}

#[test]
fn laggs_take_them_and_what_is_about_the_port_itself() {
    let (mut bench, devices) = bench(2);
    let lagg = bench.lagg(&devices);
    addressed(&mut bench, lagg);
    let mac = bench.net.world.node(bench.node).stack.config().interface(lagg).unwrap().mac;
    for tags in PRIORITIES {
        assert!(answers(&mut bench, mac, tags), "{tags:?}");
    }
    let link = bench.links[0];
    bench.net.world.set_promiscuous(link);
    // A slow protocol's frame is the port's own, with a priority or without: it never reaches the lagg.
    for tag in [&[][..], &[0x81, 0, 0xe0, 0]] {
        let mut slow = frame(SLOW_MAC, EtherType::SLOW, &[1; 46]);
        slow.splice(12..12, tag.iter().copied());
        let before = bench.net.dropped(bench.node, Cause::Ignored);
        bench.net.hear(link, &slow);
        assert_eq!(bench.net.dropped(bench.node, Cause::Ignored), before + 1, "{tag:?}");
    }
}

#[test]
fn a_bridge_takes_them_and_passes_them_on_with_their_priority() {
    let (mut bench, devices) = bench(2);
    let bridge = bench.control(|stack, ctx| {
        let bridge = stack.add_bridge(ctx, BridgeSpec::new("br0")).unwrap();
        devices.iter().for_each(|port| stack.bridge_add_port(ctx, bridge, *port).unwrap());
        bridge
    });
    addressed(&mut bench, bridge);
    let mac = bench.net.world.node(bench.node).stack.config().interface(bridge).unwrap().mac;
    for tags in PRIORITIES {
        assert!(answers(&mut bench, mac, tags), "{tags:?}");
        bench.net.rewind();
        let other = tagged(Mac([2, 0xaa, 0, 0, 0, 1]), tags);
        let link = bench.links[0];
        bench.net.hear(link, &other);
        let passed: Vec<_> = bench.net.frames().into_iter().map(|frame| (frame.link, frame.bytes)).collect();
        assert_eq!(passed, [(bench.links[1], other)]);
    }
}

#[test]
fn tags_without_an_end_are_dropped() {
    let (mut bench, devices) = bench(1);
    addressed(&mut bench, devices[0]);
    let mac = bench.net.mac(bench.node, devices[0]);
    let link = bench.links[0];
    for len in 0..8 {
        let mut bytes = tagged(mac, &[(Q, 0); 300]);
        bytes.truncate(14 + 4 * 100 + len);
        bench.net.hear(link, &bytes);
    }
    // So many are as good as none.
    assert!(answers(&mut bench, mac, &[(Q, 0); 300]));
}
