//! The flows of a batch, found before its packets are judged. Nearly all are known: the states of those are moved on before anything
//! else is asked of their packets.

use siding_machines::filter::Key;
use siding_machines::filter::Known;
use siding_machines::filter::Segment;
use siding_machines::filter::States;
use siding_machines::filter::Upper;
use siding_mbuf::Mbuf;
use siding_netisr::Instant;
use siding_wire::IpProto;

use super::read;
use super::read::Plain;
use crate::BATCH;

/// Flows of the batch in hand, with their buckets, and how far it has come.
#[derive(Debug)]
pub(super) struct Ahead {
    flows: Vec<(Key, u32)>,
    at: usize,
}

impl Ahead {
    pub(super) fn new() -> Ahead {
        Ahead { flows: Vec::with_capacity(BATCH), at: 0 }
    }

    pub(super) fn clear(&mut self) {
        self.flows.clear();
        self.at = 0;
    }

    /// Finds the buckets of these frames' flows, and has what they hold be there when they are judged. (Of a large table each look would
    /// wait for memory, one packet after the other.)
    pub(super) fn look(&mut self, states: &States, frames: &[Mbuf]) {
        let keys = frames.iter().take(BATCH).filter_map(|frame| read::flow_of_frame(frame.data()));
        self.flows.extend(keys.map(|key| (key, states.bucket(&key) as u32)));
        states.glance(self.flows.iter().map(|(_, bucket)| *bucket as usize));
    }

    /// Which of the flows a packet is of that has come as far as here, and its bucket. Frames come in their order; those that somebody
    /// else has dropped are passed over.
    #[inline]
    pub(super) fn find(&self, key: &Key) -> Option<(usize, usize)> {
        let rest = self.flows.get(self.at..)?;
        let at = rest.iter().position(|(known, _)| known == key)?;
        Some((self.at + at, rest[at].1 as usize))
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
        let (key, from_low) = &plain.flow;
        let (at, bucket) = self.find(key)?;
        let upper = match plain.proto {
            IpProto::TCP => Upper::Tcp(Segment::parse(plain.upper).ok()?),
            _ => plain.upper.get(..8).map(|_| Upper::Udp)?,
        };
        debug_assert!(reads_the_same(bytes, &plain, &upper), "{plain:?} {upper:?}");
        let known = states.follow(now, bucket, (key, *from_low), (&upper, bytes.len()))?;
        self.pass(at);
        Some(known)
    }
}

/// Whether it is what all others read of such a packet.
fn reads_the_same(bytes: &[u8], plain: &Plain<'_>, upper: &Upper) -> bool {
    let read = read::read(bytes).ok().filter(|read| read.piece.is_none());
    let packet = read.and_then(|read| read.packet(bytes));
    packet.is_some_and(|packet| {
        packet.tuple.key() == plain.flow && packet.upper == *upper && packet.len == bytes.len()
    })
}
