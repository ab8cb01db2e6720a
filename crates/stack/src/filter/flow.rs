//! The flow that a packet concerns, asked for by its ends.

use siding_machines::filter::CtState;
use siding_machines::filter::Tuple;
use siding_machines::filter::Upper;
use siding_machines::filter::Way;

use super::read;

/// The flow that a packet concerns: its own, or that of the packet that an error quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flow {
    /// One direction of it: the packet's own, or that of the quoted one.
    tuple: Tuple,
    quoted: bool,
}

impl Flow {
    /// That of a packet, from its IP header on. `None` if it concerns none that could be.
    pub fn of(packet: &[u8]) -> Option<Flow> {
        let read = read::read(packet).ok().filter(|read| read.piece.is_none_or(|piece| piece.offset == 0))?;
        let packet = read.packet(packet)?;
        match packet.upper {
            Upper::Link => None,
            // Whoever tells of a packet tells its sender.
            Upper::Error(about, _) if about.src != packet.tuple.dst => None,
            Upper::Error(about, _) => Some(Flow { tuple: about, quoted: true }),
            _ => Some(Flow { tuple: packet.tuple, quoted: false }),
        }
    }

    /// Whether a state that began in this direction is this flow's: the same ends, whoever began.
    pub(super) fn is_of(&self, original: &Tuple) -> bool {
        self.tuple.key().0 == original.key().0
    }

    /// What the packet is to a state that began in this direction, and which way it goes.
    pub(super) fn seen(&self, original: &Tuple, answered: bool) -> (CtState, Way) {
        let way = if self.tuple == *original { Way::Original } else { Way::Reply };
        match (self.quoted, way) {
            // An error goes against what it quotes.
            (true, Way::Original) => (CtState::Related, Way::Reply),
            (true, Way::Reply) => (CtState::Related, Way::Original),
            (false, Way::Original) if !answered => (CtState::New, way),
            (false, _) => (CtState::Established, way),
        }
    }
}
