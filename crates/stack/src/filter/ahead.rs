//! The flows of a batch, found before its packets are judged. Nearly all are known: the states of those are moved on before anything
//! else is asked of their packets.

use siding_machines::filter::Key;
use siding_machines::filter::Known;
use siding_machines::filter::Segment;
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
    flows: Vec<Seen>,
    at: usize,
    /// The packet of this place has moved its state on, and is yet to be judged.
    followed: Option<(usize, Known)>,
}

/// The flow of a packet.
#[derive(Debug, Clone, Copy)]
struct Seen {
    key: Key,
    /// The packet comes from its lower end.
    from_low: bool,
    bucket: u32,
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
        let (key, from_low) = Key::between(src, dst, proto);
        self.flows.push(Seen { key, from_low, bucket: states.bucket(&key) as u32 });
        self.flows.len() - 1
    }

    /// The same of a frame whose headers nobody has read, if it has a flow.
    pub(super) fn note_frame(&mut self, states: &States, frame: &[u8]) {
        if let Some((ends, proto)) = read::ends_of_frame(frame) {
            self.note(states, ends, proto);
        }
    }

    /// All flows have been noted: has what their buckets hold be there when their packets are judged. (Of a large table each look
    /// would wait for memory, one packet after the other.)
    pub(super) fn glance(&self, states: &States) {
        states.glance(self.flows.iter().map(|seen| seen.bucket as usize));
    }

    /// Which of the flows a packet is of that has come as far as here, and its bucket. Frames come in their order; those that somebody
    /// else has dropped are passed over.
    #[inline]
    pub(super) fn find(&self, key: &Key) -> Option<(usize, usize)> {
        let rest = self.flows.get(self.at..)?;
        let at = rest.iter().position(|seen| seen.key == *key)?;
        Some((self.at + at, rest[at].bucket as usize))
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
        let (at, bucket) = self.find(&key)?;
        let known = match self.followed.take().filter(|(followed, _)| *followed == at) {
            Some((_, known)) => known,
            None => {
                let seen = Seen { key, from_low, bucket: bucket as u32 };
                seen.follow(states, now, (bytes, plain.upper))?
            }
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
        self.flows.get(at)?.follow(states, now, (bytes, upper))
    }

    /// The packet of this place is judged next. It may have moved its state on.
    pub(super) fn leave(&mut self, at: usize, known: Option<Known>) {
        self.at = at;
        self.followed = known.map(|known| (at, known));
    }
}

impl Seen {
    /// Moves the state of a packet of this flow on.
    #[inline]
    fn follow(&self, states: &mut States, now: Instant, (bytes, upper): (&[u8], &[u8])) -> Option<Known> {
        let Seen { key, from_low, bucket } = self;
        let upper = match key.proto() {
            IpProto::TCP => Upper::Tcp(Segment::parse(upper).ok()?),
            IpProto::UDP => upper.get(..8).map(|_| Upper::Udp)?,
            proto => question(proto, upper)?.1,
        };
        let same = || reads_the_same(bytes, (key, *from_low), &upper) || mutant("express-overlooks-pieces");
        debug_assert!(same(), "{key:?} {upper:?}");
        states.follow(now, *bucket as usize, (key, *from_low), (&upper, bytes.len()))
    }
}

/// Whether it is what all others read of such a packet.
fn reads_the_same(bytes: &[u8], (key, from_low): (&Key, bool), upper: &Upper) -> bool {
    let read = read::read(bytes).ok().filter(|read| read.piece.is_none());
    let packet = read.and_then(|read| read.packet(bytes));
    packet.is_some_and(|packet| {
        packet.tuple.key() == (*key, from_low) && packet.upper == *upper && packet.len == bytes.len()
    })
}
