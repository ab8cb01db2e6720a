//! The table of states against a list that is searched from end to end, and its size.

use std::net::Ipv6Addr;
use std::time::Duration;

use proptest::prelude::*;
use siding_machines::filter::*;
use siding_netisr::Instant;
use siding_wire::IpProto;

const STATES: usize = 10;
const HALF_OPEN: usize = 6;
const PER_SOURCE: u32 = 7;

#[derive(Debug, Clone)]
struct Naive {
    flow: u16,
    answered: bool,
    touched: u64,
}

#[derive(Debug, Clone)]
enum Happens {
    Packet(u16, bool),
    Wait(u64),
    Sweep,
    Flush(u16),
}

fn tuple(flow: u16, back: bool) -> Tuple {
    let src = Ipv6Addr::new(0x2001, 0xdb8, 0, flow % 2, 0, 0, 0, 1).into();
    let dst = Ipv6Addr::new(0x2001, 0xdb8, 9, 0, 0, 0, 0, 1).into();
    let tuple = Tuple::new(src, dst, IpProto::UDP).with_ports(flow, 53);
    if back { tuple.reversed() } else { tuple }
}

/// What is left of a time of `whole` milliseconds when `states` of the table are in use.
fn left(whole: u64, states: usize) -> u64 {
    let (states, all) = (states as u64, STATES as u64);
    if states * 10 <= all * 6 { whole } else { whole * ((all * 12 - states * 10) * 256 / (all * 6)) / 256 }
}

fn is_over(state: &Naive, now: u64, states: usize) -> bool {
    now - state.touched >= left(if state.answered { 300_000 } else { 120_000 }, states)
}

fn at(millis: u64) -> Instant {
    Instant::ZERO + Duration::from_millis(millis)
}

struct World {
    table: States,
    list: Vec<Naive>,
    now: u64,
}

impl World {
    fn packet(&mut self, flow: u16, back: bool) {
        let packet = Packet { tuple: tuple(flow, back), upper: Upper::Udp, len: 100, cut: false };
        let bucket = self.table.bucket(&packet.flow().unwrap());
        let tracked = self.table.track(at(self.now), bucket, &packet);
        let states = self.list.len();
        let known =
            self.list.iter_mut().find(|state| state.flow == flow && !is_over(state, self.now, states));
        if let Some(state) = known {
            state.touched = self.now;
            state.answered |= back;
            let expected = if state.answered { CtState::Established } else { CtState::New };
            assert_eq!((tracked.state, tracked.fresh.is_none()), (expected, true));
            return;
        }
        assert_eq!((tracked.state, tracked.slot), (CtState::New, None));
        if back {
            // An answer to nothing would begin a flow of its own: not here.
            return;
        }
        let inserted = self.table.insert(at(self.now), &tracked.fresh.unwrap());
        self.list.retain(|state| state.flow != flow);
        let oldest = self.list.iter().position(|state| !state.answered);
        let half_open = self.list.iter().filter(|state| !state.answered).count();
        let of_source = self.list.iter().filter(|state| state.flow % 2 == flow % 2).count();
        let full = self.list.len() >= STATES;
        if full && oldest.is_none() {
            assert_eq!(inserted, Err(Full::Table));
        } else if of_source >= PER_SOURCE as usize {
            assert_eq!(inserted, Err(Full::Source));
        } else {
            assert!(inserted.is_ok());
            if full || half_open >= HALF_OPEN {
                self.list.remove(oldest.unwrap());
            }
            self.list.push(Naive { flow, answered: false, touched: self.now });
        }
    }

    fn step(&mut self, happens: &Happens) {
        match *happens {
            Happens::Packet(flow, back) => self.packet(flow, back),
            Happens::Wait(millis) => self.now += millis,
            Happens::Sweep => {
                if self.table.next_sweep() <= at(self.now) {
                    // All are looked at with the table as full as it was when the hand began.
                    let states = self.list.len();
                    let before = self.list.clone();
                    self.list.retain(|state| !is_over(state, self.now, states));
                    let mut gone = 0;
                    self.table.sweep(at(self.now), |_, _| gone += 1);
                    assert_eq!(gone, before.len() - self.list.len());
                }
            }
            Happens::Flush(flow) => {
                let goes = |table: &States, slot| {
                    table.get(slot).is_some_and(|state| state.original().src_port % 4 == flow % 4)
                };
                let before = self.list.len();
                self.list.retain(|state| state.flow % 4 != flow % 4);
                assert_eq!(self.table.flush(goes), before - self.list.len());
            }
        }
        let usage = self.table.usage();
        let half_open = self.list.iter().filter(|state| !state.answered).count();
        assert_eq!((usage.states, usage.half_open), (self.list.len(), half_open));
        assert!(usage.states <= STATES && usage.half_open <= HALF_OPEN);
    }
}

fn happens() -> impl Strategy<Value = Happens> {
    prop_oneof![
        12 => (0..16u16, any::<bool>()).prop_map(|(flow, back)| Happens::Packet(flow, back)),
        3 => (0..60_000u64).prop_map(Happens::Wait),
        2 => Just(Happens::Sweep),
        1 => (0..16u16).prop_map(Happens::Flush),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn the_table_is_the_list(steps in prop::collection::vec(happens(), 1..200)) {
        let limits = StateLimits {
            states: STATES,
            half_open: HALF_OPEN,
            per_source: Some(PER_SOURCE),
            ..StateLimits::default()
        };
        // Few buckets: each has several states.
        let table = States::new(Instant::ZERO, limits, Timeouts::default(), 7, 4);
        let mut world = World { table, list: Vec::new(), now: 0 };
        for step in &steps {
            world.step(step);
        }
    }
}

/// What the process has in memory, in bytes.
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: usize = statm.split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4096
}

#[test]
fn a_million_states_take_no_more_than_160_megabytes() {
    const MILLION: u32 = 1 << 20;
    let before = resident();
    let mut table =
        States::new(Instant::ZERO, StateLimits::default(), Timeouts::default(), 7, 2 * MILLION as usize);
    for flow in 0..MILLION {
        let src = Ipv6Addr::from(0x2001_0db8_u128 << 96 | u128::from(flow));
        let dst = Ipv6Addr::new(0x2001, 0xdb8, 9, 0, 0, 0, 0, 1);
        for back in [false, true] {
            let tuple = Tuple::new(src.into(), dst.into(), IpProto::UDP).with_ports(1, 53);
            let tuple = if back { tuple.reversed() } else { tuple };
            let packet = Packet { tuple, upper: Upper::Udp, len: 100, cut: false };
            let bucket = table.bucket(&packet.flow().unwrap());
            let tracked = table.track(Instant::ZERO, bucket, &packet);
            if let Some(fresh) = tracked.fresh {
                table.insert(Instant::ZERO, &fresh).unwrap();
            }
        }
    }
    assert_eq!(table.usage().states, MILLION as usize);
    let taken = resident() - before;
    assert!(taken <= 160_000_000, "{taken} bytes");
    assert!(taken >= 128 << 20, "or something else was measured: {taken} bytes");
}

#[test]
fn an_established_flow_stays_while_syns_flood() {
    let limits = StateLimits { states: 1000, half_open: 500, ..StateLimits::default() };
    let mut table = States::new(Instant::ZERO, limits, Timeouts::default(), 7, 2048);
    let mut send = |packet: Packet| {
        let bucket = table.bucket(&packet.flow().unwrap());
        let tracked = table.track(Instant::ZERO, bucket, &packet);
        if let Some(fresh) = &tracked.fresh {
            table.insert(Instant::ZERO, fresh).unwrap();
        }
        tracked.state
    };
    let of = |tuple, kind, seq, ack| {
        let end = if kind == Kind::Ack { seq } else { seq + 1 };
        Packet {
            tuple,
            upper: Upper::Tcp(Segment { kind, seq, end, ack, window: 1000, scale: None }),
            len: 60,
            cut: false,
        }
    };
    let there = Tuple { proto: IpProto::TCP, ..tuple(5, false) };
    send(of(there, Kind::Syn, 100, None));
    send(of(there.reversed(), Kind::SynAck, 500, Some(101)));
    send(of(there, Kind::Ack, 101, Some(501)));
    for flood in 0..100_000u32 {
        let src = Ipv6Addr::from(0x2001_0db8_000f_u128 << 80 | u128::from(flood));
        let syn = Tuple::new(src.into(), there.dst.into(), IpProto::TCP).with_ports(1, 80);
        assert_eq!(send(of(syn, Kind::Syn, flood, None)), CtState::New);
    }
    assert_eq!(send(of(there.reversed(), Kind::Ack, 501, Some(101))), CtState::Established);
    assert_eq!(send(of(there, Kind::Ack, 101, Some(501))), CtState::Established);
    let usage = table.usage();
    assert_eq!((usage.half_open, usage.evicted), (500, 100_000 - 500));
}
