//! The flows of a batch, found before its packets are judged. Nearly all are known: the states of those are moved on before anything
//! else is asked of their packets.

use siding_machines::filter::Key;
use siding_machines::filter::Known;
use siding_machines::filter::Segment;
use siding_machines::filter::Sought;
use siding_machines::filter::States;
use siding_machines::filter::Upper;
use siding_machines::filter::question;
use siding_netisr::Instant;
use siding_netisr::sync::mutant;
use siding_wire::IpProto;

use super::read;
use crate::BATCH;

/// Flows of the batch in hand, and how far it has come.
#[derive(Debug)]
pub(super) struct Ahead {
    flows: Vec<Sought>,
    at: usize,
    /// The packet of this place is yet to be judged, and has moved its state on, if that is known.
    followed: Option<(usize, Option<Known>)>,
}

/// The ends of a packet: addresses, IPv4's mapped, and ports or what stands for them.
pub(super) type Ends = [([u8; 16], u16); 2];

impl Ahead {
    pub(super) fn new() -> Ahead {
        Ahead { flows: Vec::with_capacity(BATCH), at: 0, followed: None }
    }

    pub(super) fn clear(&mut self) {
        self.flows.clear();
        self.at = 0;
        self.followed = None;
    }

    /// Notes the flow of the next packet, and gives its place.
    #[inline]
    pub(super) fn note(&mut self, states: &States, [src, dst]: Ends, proto: IpProto) -> usize {
        self.flows.push(states.seek(src, dst, proto));
        self.flows.len() - 1
    }

    /// The same of a frame whose headers nobody has read, if it has a flow.
    pub(super) fn note_frame(&mut self, states: &States, frame: &[u8]) {
        if let Some((ends, proto)) = read::ends_of_frame(frame) {
            self.note(states, ends, proto);
        }
    }

    /// All flows have been noted: has their states be there when their packets are judged. (Of a large table each look would wait for
    /// memory, one packet after the other.)
    pub(super) fn glance(&mut self, states: &mut States) {
        states.glance(&mut self.flows);
    }

    /// Which of the flows a packet is of that has come as far as here. Frames come in their order; those that somebody else has
    /// dropped are passed over.
    #[inline]
    pub(super) fn find(&self, key: &Key) -> Option<(usize, &Sought)> {
        let rest = self.flows.get(self.at..)?;
        let at = rest.iter().position(|sought| sought.key() == key)?;
        Some((self.at + at, &rest[at]))
    }

    /// The packet of this place has come.
    #[inline]
    pub(super) fn pass(&mut self, at: usize) {
        self.at = at + 1;
    }

    /// Moves the state of a packet's flow on. `None`, and no state has changed, if that is not known to us, who keep all flows of a
    /// bucket that we know one of; or if the packet is not plain, or was not seen ahead.
    #[inline]
    pub(super) fn follow(&mut self, states: &mut States, now: Instant, bytes: &[u8]) -> Option<Known> {
        let plain = read::plain(bytes)?;
        let [src, dst] = plain.ends;
        let (key, from_low) = Key::between(src, dst, plain.proto);
        let (at, sought) = self.find(&key)?;
        let sought = sought.going(from_low);
        let known = match self.followed.take().filter(|(followed, _)| *followed == at) {
            Some((_, known)) => known?,
            None => follow(states, now, &sought, (bytes, plain.upper))?,
        };
        self.pass(at);
        Some(known)
    }

    /// The same of the packet of a place, whose header is followed by `upper`, be its flow known or not.
    #[inline]
    pub(super) fn follow_at(
        &self,
        states: &mut States,
        now: Instant,
        at: usize,
        (bytes, upper): (&[u8], &[u8]),
    ) -> Option<Known> {
        follow(states, now, self.flows.get(at)?, (bytes, upper))
    }

    /// The packet of this place is judged next, and has moved its state on if that is known.
    pub(super) fn leave(&mut self, at: usize, known: Option<Known>) {
        self.at = at;
        self.followed = Some((at, known)).filter(|_| !mutant("express-moves-flows-twice"));
    }
}

/// Moves the state of a packet's flow on.
#[inline]
fn follow(
    states: &mut States,
    now: Instant,
    sought: &Sought,
    (bytes, upper): (&[u8], &[u8]),
) -> Option<Known> {
    let len = bytes.len();
    let about = match sought.key().proto() {
        IpProto::UDP => upper.get(..8).map(|_| Upper::Udp)?,
        IpProto::TCP => Upper::Tcp(Segment::parse(upper).ok()?),
        proto => question(proto, upper)?.1,
    };
    let same = || reads_the_same(bytes, sought, &about) || mutant("express-overlooks-pieces");
    debug_assert!(same(), "{sought:?} {about:?}");
    if let Upper::Udp = about
        && let Some(known) = states.follow_stream(now, sought, len)
    {
        return Some(known);
    }
    states.follow_sought(now, sought, (&about, len))
}

/// Whether it is what all others read of such a packet.
fn reads_the_same(bytes: &[u8], sought: &Sought, upper: &Upper) -> bool {
    let read = read::read(bytes).ok().filter(|read| read.piece.is_none());
    let packet = read.and_then(|read| read.packet(bytes));
    packet.is_some_and(|packet| {
        packet.tuple.key() == sought.direction() && packet.upper == *upper && packet.len == bytes.len()
    })
}
