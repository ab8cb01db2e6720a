use std::net::IpAddr;
use std::time::Duration;

use super::*;
use crate::filter::CtState;
use crate::filter::Packet;
use crate::filter::StateLimits;
use crate::filter::Timeouts;
use crate::filter::Upper;

/// No policy has a number here.
const NONE_HERE: [u8; NUMBERS + 1] = [0; NUMBERS + 1];

fn now(millis: u64) -> Instant {
    Instant::from_nanos(5_000_000_000 + millis * 1_000_000)
}

fn table(secret: u64) -> States {
    let limits = StateLimits { states: 64, half_open: 32, loose: false, ..StateLimits::default() };
    States::new(now(0), limits, Timeouts::default(), secret, 128)
}

fn ends() -> [IpAddr; 2] {
    [1, 2].map(|last| Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, last).into())
}

/// A segment of a connection between them, from the first or from the second.
fn segment(from: usize, flags: u8, seq: u32, ack: u32) -> Packet {
    let (src, dst) = (ends()[from], ends()[1 - from]);
    let ports: [u16; 2] = if from == 0 { [4000, 80] } else { [80, 4000] };
    let mut bytes = [ports[0].to_be_bytes(), ports[1].to_be_bytes()].concat();
    bytes.extend(seq.to_be_bytes());
    bytes.extend(ack.to_be_bytes());
    let scale: &[u8] = if flags & 2 != 0 { &[3, 3, 5, 0] } else { &[] };
    bytes.extend([0x50 + (scale.len() as u8) * 4, flags, 16, 0, 0, 0, 0, 0]);
    bytes.extend(scale);
    Packet::parse(src, dst, IpProto::TCP, &bytes, 100, |_| None).unwrap()
}

fn track(states: &mut States, at: u64, packet: &Packet) -> CtState {
    let bucket = states.bucket(&packet.flow().unwrap());
    let tracked = states.track(now(at), bucket, packet);
    if let Some(mut fresh) = tracked.fresh {
        fresh.mark = 7;
        states.insert(now(at), &fresh).unwrap();
    }
    tracked.state
}

/// A connection with traffic both ways, and its record.
fn recorded(states: &mut States) -> Record {
    for (from, flags, seq, ack) in [(0, 2, 100, 0), (1, 18, 500, 101), (0, 16, 101, 501)] {
        assert_ne!(track(states, 0, &segment(from, flags, seq, ack)), CtState::Invalid);
    }
    let key = segment(0, 16, 101, 501).flow().unwrap();
    let slot = states.find_any(states.bucket(&key), &key).unwrap();
    states.record(now(1000), states.get(slot).unwrap())
}

#[test]
fn another_table_goes_on_with_what_one_has_recorded() {
    let (mut one, mut other) = (table(1), table(2));
    let record = Record::decode(&recorded(&mut one).encode()).unwrap();
    assert_eq!(track(&mut other, 1000, &segment(1, 16, 501, 101)), CtState::Invalid, "not known before");
    let slot = other.take_over(now(1000), &record, &NONE_HERE).unwrap().unwrap();
    let state = other.get(slot).unwrap();
    assert_eq!((state.phase(), state.is_answered(), state.mark), (Phase::Established, true, 7));
    assert_eq!(other.silent(now(1000), state), 1000);
    assert_eq!(other.usage.half_open, 0, "it makes no room for others");
    // Both judge alike, the scaled window included.
    for (from, seq, ack) in [
        (1, 501, 101),
        (1, 501 + (16 << 8 << 5), 101),
        (0, 101, 501),
        (0, 101, 9_000_000),
        (1, 9_000_000, 101),
    ] {
        let packet = segment(from, 16, seq, ack);
        let said = track(&mut one, 1001, &packet);
        assert_eq!(track(&mut other, 1001, &packet), said, "{from} {seq} {ack}");
    }
    assert_eq!(track(&mut other, 1002, &segment(1, 16, 501, 101)), CtState::Established);
    // And what has gone there goes here.
    let gone = Record { state: None, ..record };
    assert_eq!(other.take_over(now(1003), &Record::decode(&gone.encode()).unwrap(), &NONE_HERE), Ok(None));
    assert_eq!(other.usage.states, 0);
    assert_eq!(track(&mut other, 1003, &segment(1, 16, 501, 101)), CtState::Invalid);
}

#[test]
fn who_takes_over_a_flow_gives_it_its_own_number_of_the_flows_policy() {
    let (mut one, mut other) = (table(1), table(2));
    let (mut short, mut long) = (Timeouts::default(), Timeouts::default());
    assert!(short.set("tcp-established", Duration::from_secs(5)));
    assert!(long.set("tcp-established", Duration::from_secs(9000)));
    one.set_timeouts(Timeouts::default(), &[short, long]);
    other.set_timeouts(Timeouts::default(), &[long, short]);
    let tuple = recorded(&mut one).tuple;
    let slot = one.find_any(one.bucket(&tuple.key().0), &tuple.key().0).unwrap();
    one.get_mut(slot).unwrap().set_policy(1);
    let record = Record::decode(&one.record(now(1000), one.get(slot).unwrap()).encode()).unwrap();
    let mut theirs = NONE_HERE;
    (theirs[1], theirs[2]) = (2, 1);
    for (numbers, left) in [(theirs, 4000), (NONE_HERE, 7_439_000)] {
        let slot = other.take_over(now(1000), &record, &numbers).unwrap().unwrap();
        assert_eq!(other.left(now(1000), other.get(slot).unwrap()), left);
    }
}

#[test]
fn a_record_of_a_flow_that_is_known_takes_its_place() {
    let (mut one, mut other) = (table(1), table(2));
    let record = recorded(&mut one);
    other.take_over(now(1000), &record, &NONE_HERE).unwrap();
    other.take_over(now(1000), &record, &NONE_HERE).unwrap();
    assert_eq!(other.usage.states, 1);
    let udp = Packet {
        upper: Upper::Udp,
        tuple: Tuple { proto: IpProto::UDP, ..record.tuple },
        len: 60,
        cut: false,
    };
    assert_eq!(track(&mut other, 1000, &udp), CtState::New);
    assert_eq!((other.usage.states, other.usage.half_open), (2, 1));
}

#[test]
fn octets_are_as_the_table_says() {
    let mut states = table(1);
    let octets = recorded(&mut states).encode();
    assert_eq!(octets[..8], [1, 0, 0, 92, 6, 3, 3, 0]);
    assert_eq!(octets[40..52], [0x0f, 0xa0, 0, 80, 0, 0, 0, 7, 0, 0, 3, 0xe8]);
    // Numbers of phases are other programs' too: new ones come behind these.
    let names = Phase::ALL.map(Phase::name).join(" ");
    assert!(names.starts_with("syn-sent syn-sent-both syn-received established"), "{names}");
    assert!(Phase::ALL.iter().enumerate().all(|(place, phase)| *phase as usize == place));
}

#[test]
fn what_is_no_record_is_told_and_what_is_longer_is_read() {
    let mut states = table(1);
    let record = recorded(&mut states);
    let with = |at: usize, value: u8| {
        let mut octets = record.encode();
        octets[at] = value;
        Record::decode(&octets)
    };
    assert_eq!(with(0, 2), Err(Unread::Version(2)));
    assert_eq!(with(1, 2), Err(Unread::Value(1)));
    assert_eq!(with(7, 64), Err(Unread::Value(7)));
    assert_eq!(with(5, 15), Err(Unread::Value(5)));
    assert_eq!(with(3, 91), Err(Unread::Length(RECORD)));
    for cut in 0..RECORD {
        assert_eq!(Record::decode(&record.encode()[..cut]), Err(Unread::Length(cut)));
    }
    let mut longer = record.encode().to_vec();
    longer.extend([9; 4]);
    longer[3] += 4;
    assert_eq!(Record::decode(&longer), Ok(record));
}
