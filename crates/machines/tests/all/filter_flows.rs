//! Flows step by step: who makes room, who begins anew, and what counts as an answer.

use std::net::Ipv6Addr;
use std::time::Duration;

use siding_machines::filter::*;
use siding_netisr::Instant;
use siding_wire::IpProto;

struct Table(States, Instant);

fn addr(last: u16) -> Ipv6Addr {
    Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, last)
}

fn tcp(client: u16) -> Tuple {
    Tuple::new(addr(client).into(), addr(0xffff).into(), IpProto::TCP).with_ports(4000, 80)
}

/// A segment, without data, whose window is 1,000.
fn segment(kind: Kind, seq: u32, ack: u32) -> Segment {
    let counted = u32::from(matches!(kind, Kind::Syn | Kind::SynAck | Kind::Fin));
    let ack = (kind != Kind::Syn).then_some(ack);
    Segment { kind, seq, end: seq.wrapping_add(counted), ack, window: 1000, scale: None }
}

impl Table {
    fn new(states: usize) -> Table {
        let limits = StateLimits { states, half_open: states / 2, ..StateLimits::default() };
        Table(States::new(Instant::ZERO, limits, Timeouts::default(), 7, 64), Instant::ZERO)
    }

    /// What a packet is; it passes.
    fn send(&mut self, tuple: Tuple, upper: Upper) -> Tracked {
        let packet = Packet { tuple, upper, len: 60, cut: false };
        let bucket = self.0.bucket(&packet.flow().unwrap());
        let tracked = self.0.track(self.1, bucket, &packet);
        if let Some(fresh) = &tracked.fresh {
            self.0.insert(self.1, fresh).unwrap();
        }
        tracked
    }

    fn tcp(&mut self, tuple: Tuple, kind: Kind, seq: u32, ack: u32) -> CtState {
        self.send(tuple, Upper::Tcp(segment(kind, seq, ack))).state
    }

    /// A connection whose client's next number is 101, and whose server's is 501.
    fn connect(&mut self, there: Tuple) {
        assert_eq!(self.tcp(there, Kind::Syn, 100, 0), CtState::New);
        assert_eq!(self.tcp(there.reversed(), Kind::SynAck, 500, 101), CtState::Established);
        assert_eq!(self.tcp(there, Kind::Ack, 101, 501), CtState::Established);
    }
}

#[test]
fn a_flood_of_segments_out_of_the_middle_makes_room_for_others() {
    let mut table = Table::new(10);
    table.connect(tcp(1));
    for flood in 0..100 {
        assert_eq!(table.tcp(tcp(100 + flood), Kind::Ack, 7, 7), CtState::New, "picked up");
    }
    let usage = table.0.usage();
    assert_eq!((usage.states, usage.half_open, usage.evicted), (6, 5, 95));
    table.connect(tcp(2));
    // One that is answered is as good as any other.
    assert_eq!(table.tcp(tcp(199).reversed(), Kind::Ack, 7, 7), CtState::Established);
    assert_eq!(table.0.usage().half_open, 3);
    // The others are forgotten as soon as those that open.
    table.1 += Duration::from_secs(241);
    while table.0.sweep(table.1, |_, _| {}) {}
    assert_eq!(table.0.usage().states, 3);
}

#[test]
fn what_was_reset_makes_room_for_others() {
    let mut table = Table::new(4);
    for flood in 0..100 {
        let there = tcp(100 + flood);
        assert_eq!(table.tcp(there, Kind::Syn, 100, 0), CtState::New);
        match flood % 2 {
            0 => assert_eq!(table.tcp(there, Kind::Rst, 101, 0), CtState::New, "by who began it"),
            _ => assert_eq!(table.tcp(there.reversed(), Kind::Rst, 0, 101), CtState::Established),
        }
    }
    assert_eq!(table.0.iter(table.1).count(), 0, "no flow has been answered: none is known");
    let usage = table.0.usage();
    assert_eq!((usage.states, usage.half_open, usage.evicted), (2, 2, 98));
    table.connect(tcp(1));
    assert_eq!(table.tcp(tcp(1).reversed(), Kind::Rst, 501, 101), CtState::Established);
    assert_eq!(table.0.usage().half_open, 2, "one that lived, too");
}

#[test]
fn what_is_reset_before_any_answer_is_forgotten() {
    for server in [false, true] {
        let mut table = Table::new(10);
        let (there, back) = (tcp(1), tcp(1).reversed());
        assert_eq!(table.tcp(there, Kind::Syn, 100, 0), CtState::New);
        match server {
            false => assert_eq!(table.tcp(there, Kind::Rst, 101, 0), CtState::New),
            true => assert_eq!(table.tcp(back, Kind::Rst, 0, 101), CtState::Established),
        }
        assert_eq!(table.tcp(back, Kind::SynAck, 500, 101), CtState::Invalid, "by the server: {server}");
        let about = Upper::Error(there, Some(100));
        let outer = Tuple::new(addr(7).into(), addr(1).into(), IpProto::ICMP6);
        assert_eq!(table.send(outer, about).state, CtState::Invalid, "by the server: {server}");
        table.connect(there);
        table.1 += Duration::from_secs(1);
        while table.0.sweep(table.1, |_, _| {}) {}
        assert_eq!(table.0.usage().states, 1);
    }
    // Picked up in its middle: where it was nobody knows.
    for seq in [100, 900_000] {
        let mut table = Table::new(10);
        assert_eq!(table.tcp(tcp(1), Kind::Ack, 100, 500), CtState::New);
        assert_eq!(table.tcp(tcp(1), Kind::Rst, seq, 500), CtState::New);
        assert_eq!(table.0.iter(table.1).count(), 0);
    }
    // If it was answered, a guess ends nothing.
    let mut table = Table::new(10);
    assert_eq!(table.tcp(tcp(1), Kind::Ack, 100, 500), CtState::New);
    assert_eq!(table.tcp(tcp(1).reversed(), Kind::Ack, 500, 100), CtState::Established);
    table.tcp(tcp(1), Kind::Rst, 900_000, 500);
    assert_eq!(table.tcp(tcp(1).reversed(), Kind::Ack, 500, 100), CtState::Established);
}

#[test]
fn a_guessed_reset_leaves_a_connection_to_open() {
    let mut table = Table::new(10);
    let (there, back) = (tcp(1), tcp(1).reversed());
    assert_eq!(table.tcp(there, Kind::Syn, 100, 0), CtState::New);
    for seq in [0, 99, 102, 1000] {
        table.tcp(there, Kind::Rst, seq, 0);
    }
    assert_eq!(table.tcp(back, Kind::SynAck, 500, 101), CtState::Established);
}

#[test]
fn only_what_is_late_passes_when_a_connection_is_over() {
    let mut table = Table::new(10);
    let (there, back) = (tcp(1), tcp(1).reversed());
    table.connect(there);
    assert_eq!(table.tcp(there, Kind::Rst, 101, 0), CtState::Established);
    assert_eq!(table.tcp(back, Kind::SynAck, 500, 101), CtState::Established, "a copy");
    assert_eq!(table.tcp(back, Kind::Ack, 501, 101), CtState::Established, "was under way");
    assert_eq!(table.tcp(back, Kind::SynAck, 900_000, 101), CtState::Invalid);
    assert_eq!(table.tcp(back, Kind::SynAck, 500, 900_000), CtState::Invalid);
    assert_eq!(table.tcp(back, Kind::Ack, 900_000, 101), CtState::Invalid);
}

#[test]
fn a_connection_that_is_over_is_forgotten_by_a_syn_whether_rules_let_it_pass_or_not() {
    let mut table = Table::new(10);
    table.connect(tcp(1));
    assert_eq!(table.tcp(tcp(1), Kind::Fin, 101, 501), CtState::Established);
    assert_eq!(table.tcp(tcp(1).reversed(), Kind::Fin, 501, 102), CtState::Established);
    assert_eq!(table.tcp(tcp(1), Kind::Ack, 102, 502), CtState::Established);
    let packet =
        Packet { tuple: tcp(1), upper: Upper::Tcp(segment(Kind::Syn, 90_000, 0)), len: 60, cut: false };
    let bucket = table.0.bucket(&packet.flow().unwrap());
    let tracked = table.0.track(table.1, bucket, &packet);
    assert_eq!((tracked.state, tracked.fresh.is_some()), (CtState::New, true));
    assert_eq!(table.0.usage().states, 0, "and rules have not said yet that the new one passes");
    assert_eq!(
        table.tcp(tcp(1).reversed(), Kind::Ack, 502, 102),
        CtState::New,
        "nothing is known of the old one"
    );
}

#[test]
fn an_error_to_somebody_else_is_not_related() {
    let mut table = Table::new(10);
    table.connect(tcp(1));
    let about = |to: u16, about: Tuple| {
        let outer = Tuple::new(addr(7).into(), addr(to).into(), IpProto::ICMP6);
        (outer, Upper::Error(about, Some(101)))
    };
    for (to, what, expected) in [
        (1, tcp(1), CtState::Related),
        (2, tcp(1), CtState::Invalid),
        (0xffff, tcp(1), CtState::Invalid),
        (1, tcp(2), CtState::Invalid),
    ] {
        let (outer, upper) = about(to, what);
        assert_eq!(table.send(outer, upper).state, expected, "to {to} about {what:?}");
    }
}

#[test]
fn ends_that_have_lost_their_connection_get_another_one() {
    let mut table = Table::new(10);
    let (there, back) = (tcp(1), tcp(1).reversed());
    table.connect(there);
    // Both have lost it: the SYN is granted, and the old numbers count no more.
    assert_eq!(table.tcp(there, Kind::Syn, 1_000_000, 0), CtState::Established);
    assert_eq!(table.tcp(back, Kind::SynAck, 2_000_000, 1_000_001), CtState::Established);
    assert_eq!(table.tcp(there, Kind::Ack, 1_000_001, 2_000_001), CtState::Established);
    assert_eq!(table.tcp(back, Kind::Ack, 2_000_001, 1_000_001), CtState::Established);
    assert_eq!(table.tcp(there, Kind::Ack, 101, 501), CtState::Invalid);
    let phases = |table: &Table| table.0.iter(table.1).map(|(_, state)| state.phase()).collect::<Vec<_>>();
    assert_eq!(phases(&table), [Phase::Established]);
    // The server has it yet: it says so, the client resets it, and begins again.
    assert_eq!(table.tcp(there, Kind::Syn, 3_000_000, 0), CtState::Established);
    assert_eq!(table.tcp(back, Kind::Ack, 2_000_001, 1_000_001), CtState::Established);
    assert_eq!(table.tcp(there, Kind::Rst, 1_000_001, 0), CtState::Established);
    assert_eq!(phases(&table), [Phase::Closed]);
    assert_eq!(table.tcp(there, Kind::Syn, 4_000_000, 0), CtState::New);
    assert_eq!(phases(&table), [Phase::SynSent]);
}

#[test]
fn only_the_syn_that_was_sent_is_granted() {
    let mut table = Table::new(10);
    let (there, back) = (tcp(1), tcp(1).reversed());
    table.connect(there);
    let goes_on = |table: &mut Table| table.tcp(there, Kind::Ack, 101, 501);
    table.tcp(there, Kind::Syn, 1_000_000, 0);
    table.tcp(back, Kind::SynAck, 2_000_000, 1_000_002);
    assert_eq!(goes_on(&mut table), CtState::Established, "another SYN is granted");
    table.tcp(back, Kind::SynAck, 2_000_000, 1_000_001);
    assert_eq!(goes_on(&mut table), CtState::Established, "the client had gone on");
}

#[test]
fn a_server_may_grant_a_syn_again_by_another_number_until_the_client_has_taken_one() {
    let (there, back) = (tcp(1), tcp(1).reversed());
    for other in [900_000, 500u32.wrapping_sub(900_000)] {
        let opening = || {
            let mut table = Table::new(10);
            assert_eq!(table.tcp(there, Kind::Syn, 100, 0), CtState::New);
            assert_eq!(table.tcp(back, Kind::SynAck, 500, 101), CtState::Established);
            table
        };
        let takes = |table: &mut Table, number: u32| table.tcp(there, Kind::Ack, 101, number.wrapping_add(1));
        let mut table = opening();
        assert_eq!(table.tcp(back, Kind::SynAck, other, 101), CtState::Established);
        assert_eq!(takes(&mut table, 500), CtState::Invalid, "the last one counts");
        assert_eq!(takes(&mut table, other), CtState::Established);
        assert_eq!(table.tcp(back, Kind::Ack, other.wrapping_add(1), 101), CtState::Established);
        let phases: Vec<_> = table.0.iter(table.1).map(|(_, state)| state.phase()).collect();
        assert_eq!(phases, [Phase::Established]);
        // Somebody's guess moves nothing, nor does a grant of another SYN.
        for ack in [100, 102, 900_000] {
            let mut table = opening();
            assert_eq!(table.tcp(back, Kind::SynAck, other, ack), CtState::Established);
            assert_eq!(takes(&mut table, other), CtState::Invalid, "{ack}");
            assert_eq!(takes(&mut table, 500), CtState::Established, "{ack}");
        }
        // Nor once the client has gone on.
        let mut table = opening();
        assert_eq!(takes(&mut table, 500), CtState::Established);
        assert_eq!(table.tcp(back, Kind::SynAck, other, 101), CtState::Established);
        assert_eq!(takes(&mut table, other), CtState::Invalid);
        assert_eq!(takes(&mut table, 500), CtState::Established);
    }
}

#[test]
fn a_late_copy_of_a_grant_does_not_take_back_the_data_behind_it() {
    let mut table = Table::new(10);
    let (there, back) = (tcp(1), tcp(1).reversed());
    table.tcp(there, Kind::Syn, 100, 0);
    table.tcp(back, Kind::SynAck, 500, 101);
    // Before the client has acknowledged anything (RFC 7413 s4.2.2).
    let data = Segment { end: 901, ..segment(Kind::Ack, 501, 101) };
    assert_eq!(table.send(back, Upper::Tcp(data)).state, CtState::Established);
    assert_eq!(table.tcp(back, Kind::SynAck, 500, 101), CtState::Established);
    assert_eq!(table.tcp(there, Kind::Ack, 101, 901), CtState::Established);
}

#[test]
fn the_other_end_does_not_begin_in_a_flow_that_is_known() {
    let mut table = Table::new(10);
    table.connect(tcp(1));
    assert_eq!(table.tcp(tcp(1).reversed(), Kind::Syn, 900, 0), CtState::Invalid);
    assert_eq!(table.tcp(tcp(1), Kind::Ack, 101, 501), CtState::Established);
}

/// A question of ICMPv6 or its answer, as its bytes.
fn icmp(table: &mut Table, src: u16, dst: u16, kind: u8, ident: u16) -> CtState {
    let bytes = [kind, 0, 0, 0, (ident >> 8) as u8, ident as u8, 0, 1];
    let (src, dst) = (addr(src).into(), addr(dst).into());
    let packet = Packet::parse(src, dst, IpProto::ICMP6, &bytes, 48, |_| None).unwrap();
    table.send(packet.tuple, packet.upper).state
}

#[test]
fn a_question_the_other_way_round_is_another_flow() {
    for ident in [0, 7, 128, 0x7fff, 0xffff] {
        let mut table = Table::new(10);
        assert_eq!(icmp(&mut table, 1, 2, 129, ident), CtState::Invalid, "nobody has asked");
        assert_eq!(icmp(&mut table, 1, 2, 128, ident), CtState::New);
        assert_eq!(icmp(&mut table, 2, 1, 128, ident), CtState::New, "a question is no answer");
        assert_eq!(icmp(&mut table, 2, 1, 140, ident), CtState::Invalid, "to another question");
        assert_eq!(table.0.usage().states, 2);
        assert_eq!(icmp(&mut table, 2, 1, 129, ident), CtState::Established);
        assert_eq!(icmp(&mut table, 1, 2, 128, ident), CtState::Established);
        assert_eq!(icmp(&mut table, 2, 1, 128, ident), CtState::New, "not answered yet");
        // Whoever knows how flows are named finds no question that looks like an answer.
        for other in (0..=0xffff).filter(|other| *other != ident) {
            assert_ne!(icmp(&mut table, 2, 1, 128, other), CtState::Established, "{other}");
        }
    }
}
