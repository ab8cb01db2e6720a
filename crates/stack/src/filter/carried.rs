//! Packets on their way to the worker that keeps their flow.

use siding_mbuf::Mbuf;
use siding_netisr::IfId;
use siding_netisr::Metadata;

use crate::next::Framed;
use crate::queues::Queue;

/// What is known of a packet on its way.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Carried {
    /// The interface that it came in by; or, of our own, that its destination is meant on.
    pub(crate) on: IfId,
    /// The frame that it came in; `None` for our own.
    pub(crate) framed: Option<Framed>,
    /// The worker that keeps its flow.
    to: u32,
}

impl Carried {
    pub(crate) fn received(on: IfId, framed: Framed, to: usize) -> Carried {
        Carried { on, framed: Some(framed), to: to as u32 }
    }

    /// The interface that it came in by.
    pub(crate) fn on(&self) -> IfId {
        self.on
    }

    pub(crate) fn sent(scope: IfId, to: usize) -> Carried {
        Carried { on: scope, framed: None, to: to as u32 }
    }
}

/// The worker that is to handle a packet.
pub(crate) fn keeper(_packet: &Mbuf, meta: &Carried) -> usize {
    meta.to as usize
}

/// Packets on their way to the worker that keeps their flow's state.
impl Queue for Carried {
    type Meta = Carried;
    const NAME: &'static str = "filter";
}

impl Metadata for Carried {
    fn interfaces(&self, visit: &mut impl FnMut(IfId)) {
        visit(self.on);
    }
}
