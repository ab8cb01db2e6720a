use std::collections::BTreeSet;
use std::net::Ipv6Addr;

use super::*;
use crate::filter::Packet;
use crate::filter::StateLimits;
use crate::filter::Timeouts;

fn end(host: u16) -> ([u8; 16], u16) {
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, host).octets(), 4000)
}

fn packet(src: u16, dst: u16) -> Packet {
    let addr = |host| Ipv6Addr::from(end(host).0).into();
    let upper = [4000u16.to_be_bytes(), 4000u16.to_be_bytes(), [0, 8], [0, 0]].concat();
    Packet::parse(addr(src), addr(dst), IpProto::UDP, &upper, 48, |_| None).unwrap()
}

fn table(states: usize) -> States {
    let limits = StateLimits { states, half_open: states, ..StateLimits::default() };
    States::new(Instant::ZERO, limits, Timeouts::default(), 7, 2 * states)
}

fn begin(table: &mut States, src: u16, dst: u16) -> Slot {
    let packet = packet(src, dst);
    let bucket = table.bucket(&packet.flow().unwrap());
    let fresh = table.track(Instant::ZERO, bucket, &packet).fresh.unwrap();
    table.insert(Instant::ZERO, &fresh).unwrap()
}

/// What a packet is if it is looked for, with and without a glance.
fn sought(table: &mut States, src: u16, dst: u16, glance: bool) -> Option<Known> {
    let mut flow = [table.seek(end(src), end(dst), IpProto::UDP)];
    if glance {
        table.glance(&mut flow);
    }
    table.follow_sought(Instant::ZERO, &flow[0], (&Upper::Udp, 48))
}

/// Where a hint is kept is the secret's to say: whatever ends peers choose, another secret has it elsewhere.
#[test]
fn no_ends_have_one_place_whatever_the_secret() {
    const HALVES: [u64; 4] = [0, u64::MAX, 0x9e37_79b9_7f4a_7c15, 0xd6e8_feb8_6659_fd93];
    let end = |halves: usize| {
        let [one, other] = [HALVES[halves % 4], HALVES[halves / 4]].map(u64::to_ne_bytes);
        <[u8; 16]>::try_from([one, other].concat()).unwrap()
    };
    for chosen in 0..256 {
        let (key, _) = Key::between((end(chosen % 16), 1), (end(chosen / 16), 2), IpProto::UDP);
        let places: BTreeSet<u32> = (0..32).map(|secret| Hints::new(1 << 10, secret).place(&key)).collect();
        assert!(places.len() > 24, "{key:?}: {places:?}");
    }
}

#[test]
fn flows_are_found_by_hints_that_are_right_and_by_those_that_are_not() {
    for glance in [false, true] {
        // Many more flows than hints: each has been put out by others.
        let mut table = table(64);
        let slots: Vec<Slot> = (0..64).map(|host| begin(&mut table, 1, 100 + host)).collect();
        for round in 0..3 {
            table.hints.slots.truncate(64 >> (2 * round));
            for (host, slot) in (0..).zip(&slots) {
                let found = sought(&mut table, 1, 100 + host, glance).unwrap();
                assert_eq!(found.slot, *slot, "{host}");
                let back = sought(&mut table, 100 + host, 1, glance).unwrap();
                assert_eq!((back.slot, back.way), (*slot, crate::filter::Way::Reply));
            }
            assert_eq!(sought(&mut table, 1, 99, glance), None, "nobody's");
        }
        let traffic = table.get(slots[5]).unwrap().traffic(crate::filter::Way::Reply);
        assert_eq!(traffic, (3, 3 * 48));
    }
}

#[test]
fn who_has_gone_is_not_found_nor_who_has_come_in_its_place() {
    let mut table = table(64);
    let slot = begin(&mut table, 1, 2);
    let mut flow = [table.seek(end(1), end(2), IpProto::UDP)];
    table.glance(&mut flow);
    let [flow] = flow;
    assert_eq!(flow.slot, slot.0);
    table.remove(slot);
    assert_eq!(table.follow_sought(Instant::ZERO, &flow, (&Upper::Udp, 48)), None, "it is free");
    assert_eq!(begin(&mut table, 1, 3), slot, "another's now");
    assert_eq!(table.follow_sought(Instant::ZERO, &flow, (&Upper::Udp, 48)), None);
    assert_eq!(table.get(slot).unwrap().traffic(crate::filter::Way::Original), (1, 48));
    // And one that has come back, elsewhere.
    let again = begin(&mut table, 1, 2);
    let found = table.follow_sought(Instant::ZERO, &flow, (&Upper::Udp, 48)).unwrap();
    assert!(found.slot == again && again != slot);
}

/// A stream's datagrams take the short way, and all else is the same as by the other one.
#[test]
fn a_datagram_of_a_stream_does_what_it_does_the_other_way() {
    let (mut table, mut other) = (table(64), self::table(64));
    for table in [&mut table, &mut other] {
        begin(table, 1, 2);
        begin(table, 1, 3);
    }
    let at = |millis: u64| Instant::from_nanos(millis * 1_000_000);
    let mut short = 0;
    // Asked, asked again, answered, a stream, silent for just as long as it may be, and for too long.
    let packets =
        [(1, 2, 1), (1, 2, 2), (2, 1, 3), (1, 2, 4), (2, 1, 5), (1, 3, 6), (2, 1, 300_004), (1, 2, 600_004)];
    for (src, dst, millis) in packets {
        let mut flow = [table.seek(end(src), end(dst), IpProto::UDP)];
        table.glance(&mut flow);
        let by_short = table.follow_stream(at(millis), &flow[0], 48);
        short += usize::from(by_short.is_some());
        let known = by_short.or_else(|| table.follow_sought(at(millis), &flow[0], (&Upper::Udp, 48)));
        let flow = other.seek(end(src), end(dst), IpProto::UDP);
        assert_eq!(known, other.follow_sought(at(millis), &flow, (&Upper::Udp, 48)), "{src} {dst} {millis}");
        for slot in [Slot(0), Slot(1)] {
            let [one, two] = [&table, &other].map(|table| table.record(at(millis), table.get(slot).unwrap()));
            assert_eq!(one, two);
            let ways = [crate::filter::Way::Original, crate::filter::Way::Reply];
            let [one, two] =
                [&table, &other].map(|table| ways.map(|way| table.get(slot).unwrap().traffic(way)));
            assert_eq!(one, two);
        }
    }
    assert_eq!((short, table.usage), (3, other.usage));
}

#[test]
fn what_is_too_old_is_not_followed() {
    let mut table = table(64);
    begin(&mut table, 1, 2);
    let flow = table.seek(end(1), end(2), IpProto::UDP);
    let late = Instant::from_nanos(121_000_000_000);
    assert_eq!(table.follow_sought(late, &flow, (&Upper::Udp, 48)), None);
}
