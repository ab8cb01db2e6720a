//! The window that a firewall follows, against two honest ends and a guesser.

use std::net::Ipv6Addr;
use std::time::Duration;

use proptest::prelude::*;
use siding_machines::filter::*;
use siding_netisr::Instant;
use siding_wire::IpProto;

/// An end of a connection that keeps to the rules: it sends within the window that it was offered, and never takes an offer
/// back.
#[derive(Debug, Clone)]
struct End {
    next: u32,
    /// What the other side has said that it takes.
    may: u32,
    received: u32,
    offered: u32,
    scale: u8,
}

/// On its way: not yet past the firewall, or past it.
type Wire = Vec<(Way, Segment)>;

#[derive(Debug, Clone)]
enum Happens {
    Send(Way, u32),
    Again(Way, u32, u32),
    Offer(Way, u32),
    Pass(usize),
    Arrive(usize),
    Lose(usize),
    Guess(Way, Kind, u32, u32),
}

struct World {
    states: States,
    ends: [End; 2],
    before: Wire,
    behind: Wire,
    first: [u32; 2],
}

fn tuple(way: Way) -> Tuple {
    let addr = |last| Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, last).into();
    let tuple = Tuple::new(addr(1), addr(2), IpProto::TCP).with_ports(40_000, 80);
    if way == Way::Original { tuple } else { tuple.reversed() }
}

fn track(states: &mut States, way: Way, segment: Segment) -> Tracked {
    let packet = Packet { tuple: tuple(way), upper: Upper::Tcp(segment), len: 60, cut: false };
    let bucket = states.bucket(&packet.flow().unwrap());
    let now = Instant::ZERO + Duration::from_secs(1);
    let tracked = states.track(now, bucket, &packet);
    if let Some(fresh) = &tracked.fresh {
        states.insert(now, fresh).unwrap();
    }
    tracked
}

fn other(way: Way) -> Way {
    if way == Way::Original { Way::Reply } else { Way::Original }
}

impl World {
    fn new(first: [u32; 2], scales: [u8; 2]) -> World {
        let limits = StateLimits { states: 8, ..StateLimits::default() };
        let states = States::new(Instant::ZERO, limits, Timeouts::default(), 1, 16);
        let end = |own: usize| End {
            next: first[own].wrapping_add(1),
            may: first[own].wrapping_add(1001),
            received: first[1 - own].wrapping_add(1),
            offered: first[1 - own].wrapping_add(1001),
            scale: scales[own],
        };
        let mut world =
            World { states, ends: [end(0), end(1)], before: Vec::new(), behind: Vec::new(), first };
        let [a, b] = first;
        let (client, server) = (a.wrapping_add(1), b.wrapping_add(1));
        let of = |kind, seq, end, ack, scale| Segment { kind, seq, end, ack, window: 1000, scale };
        for (way, segment) in [
            (Way::Original, of(Kind::Syn, a, client, None, Some(scales[0]))),
            (Way::Reply, of(Kind::SynAck, b, server, Some(client), Some(scales[1]))),
        ] {
            assert_ne!(track(&mut world.states, way, segment).state, CtState::Invalid);
        }
        world.say(Way::Original, client, 0);
        world.pass(0);
        world
    }

    /// A segment of so many octets from `seq` on, with all that its sender has to say.
    fn say(&mut self, way: Way, seq: u32, len: u32) {
        let end = &mut self.ends[way.index()];
        // What the header can say, rounded up as nobody takes back an offer.
        let room = end.offered.wrapping_sub(end.received).div_ceil(1 << end.scale);
        end.offered = end.received.wrapping_add(room << end.scale);
        let (ack, window) = (Some(end.received), room as u16);
        let segment = Segment { kind: Kind::Ack, seq, end: seq.wrapping_add(len), ack, window, scale: None };
        self.before.push((way, segment));
    }

    fn pass(&mut self, at: usize) {
        if self.before.is_empty() {
            return;
        }
        let (way, segment) = self.before.remove(at % self.before.len());
        if track(&mut self.states, way, segment).state == CtState::Invalid {
            let received = self.ends[other(way).index()].received;
            let old = received.wrapping_sub(segment.end) as i32 > 0;
            assert!(old, "nothing is lost but what has arrived long ago: {segment:?}");
        } else {
            self.behind.push((way, segment));
        }
    }

    fn arrive(&mut self, at: usize) {
        if self.behind.is_empty() {
            return;
        }
        let (way, segment) = self.behind.remove(at % self.behind.len());
        let to = &mut self.ends[other(way).index()];
        if to.received.wrapping_sub(segment.seq) as i32 >= 0
            && segment.end.wrapping_sub(to.received) as i32 > 0
        {
            to.received = segment.end;
            to.offered = to.offered.max_of(to.received);
        }
        let may =
            segment.ack.unwrap().wrapping_add(u32::from(segment.window) << self.ends[way.index()].scale);
        let to = &mut self.ends[other(way).index()];
        to.may = to.may.max_of(may);
    }

    fn step(&mut self, happens: &Happens) {
        match *happens {
            Happens::Send(way, len) => {
                let end = &mut self.ends[way.index()];
                let len = len.min(end.may.wrapping_sub(end.next));
                let seq = end.next;
                end.next = seq.wrapping_add(len);
                self.say(way, seq, len);
            }
            Happens::Again(way, back, len) => {
                let end = &self.ends[way.index()];
                let begun = end.next.wrapping_sub(self.first[way.index()].wrapping_add(1));
                let back = back.min(begun);
                self.say(way, end.next.wrapping_sub(back), len.min(back));
            }
            Happens::Offer(way, more) => {
                let end = &mut self.ends[way.index()];
                let room = end.offered.wrapping_sub(end.received);
                end.offered = end.offered.wrapping_add(more.min(5000u32.saturating_sub(room)));
                let next = end.next;
                self.say(way, next, 0);
            }
            Happens::Pass(at) => self.pass(at),
            Happens::Arrive(at) => self.arrive(at),
            Happens::Lose(at) => {
                let wire = if at % 2 == 0 { &mut self.before } else { &mut self.behind };
                if !wire.is_empty() {
                    wire.remove(at % wire.len());
                }
            }
            Happens::Guess(way, kind, seq, ack) => self.guess(way, kind, seq, ack),
        }
    }

    /// Somebody who sees nothing sends something.
    fn guess(&mut self, way: Way, kind: Kind, off: u32, ack_off: u32) {
        let near = |offset: u32| offset.min(u32::MAX - offset) < 200_000;
        let (end, peer) = (&self.ends[way.index()], &self.ends[other(way).index()]);
        let (seq, ack) = (end.next.wrapping_add(off), peer.next.wrapping_add(ack_off));
        if near(off) && (near(ack_off) || kind == Kind::Rst) {
            return;
        }
        let ack = (kind != Kind::Rst).then_some(ack);
        let segment = Segment { kind, seq, end: seq.wrapping_add(1), ack, window: 9, scale: None };
        assert_eq!(track(&mut self.states, way, segment).state, CtState::Invalid, "{segment:?}");
        let (_, state) = self.states.iter(Instant::ZERO + Duration::from_secs(1)).next().unwrap();
        assert_eq!(state.phase(), Phase::Established);
    }
}

trait Later {
    /// The later of two numbers that wrap.
    fn max_of(self, other: Self) -> Self;
}

impl Later for u32 {
    fn max_of(self, other: u32) -> u32 {
        if other.wrapping_sub(self) as i32 > 0 { other } else { self }
    }
}

fn way() -> impl Strategy<Value = Way> {
    prop_oneof![Just(Way::Original), Just(Way::Reply)]
}

fn happens() -> impl Strategy<Value = Happens> {
    let kind = prop_oneof![Just(Kind::Ack), Just(Kind::Fin), Just(Kind::Rst)];
    prop_oneof![
        4 => (way(), 0..2000u32).prop_map(|(way, len)| Happens::Send(way, len)),
        2 => (way(), 0..4000u32, 0..2000u32).prop_map(|(way, back, len)| Happens::Again(way, back, len)),
        2 => (way(), 0..3000u32).prop_map(|(way, more)| Happens::Offer(way, more)),
        6 => (0..4usize).prop_map(Happens::Pass),
        6 => (0..4usize).prop_map(Happens::Arrive),
        1 => any::<usize>().prop_map(Happens::Lose),
        1 => (way(), kind, any::<u32>(), any::<u32>())
            .prop_map(|(way, kind, seq, ack)| Happens::Guess(way, kind, seq, ack)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn two_honest_ends_lose_nothing_and_a_guesser_gets_nowhere(
        first in any::<[u32; 2]>(),
        scales in [0..4u8, 0..4u8],
        steps in prop::collection::vec(happens(), 1..120),
    ) {
        let mut world = World::new(first, scales);
        for step in &steps {
            world.step(step);
        }
    }
}
