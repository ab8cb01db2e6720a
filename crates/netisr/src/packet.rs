//! What the facility must know of a packet and of its metadata: which interfaces they name.

use crate::IfId;

/// A packet as the facility sees it: something that moves between threads and may name interfaces.
///
/// The facility is generic over this, so that a stack with buffers of its own can use it alone.
pub trait Packet: Send + 'static {
    /// Calls `visit` with every interface that the packet names, in whatever role: the one it was
    /// received on, say. [`IfId::NONE`] may be passed and names nothing.
    ///
    /// The answer must not change from when the packet is dispatched until it is handled or dropped.
    fn interfaces(&self, visit: &mut impl FnMut(IfId));
}

/// The typed state that is captured when a packet is dispatched and travels with it.
pub trait Metadata: Send + 'static {
    /// Calls `visit` with every interface that the metadata names. The *first* one that packet and
    /// metadata name between them (metadata first) is the one whose share of the queue is charged.
    ///
    /// The answer must not change from when the packet is dispatched until it is handled or dropped.
    fn interfaces(&self, visit: &mut impl FnMut(IfId));
}

/// No metadata, hence no interfaces.
impl Metadata for () {
    #[inline(always)]
    fn interfaces(&self, _visit: &mut impl FnMut(IfId)) {}
}

/// The interface that the packet goes out of, and nothing else.
impl Metadata for IfId {
    #[inline(always)]
    fn interfaces(&self, visit: &mut impl FnMut(IfId)) {
        visit(*self);
    }
}

/// A packet that names no interface itself: its [`Packet::interfaces`] visits none. What its metadata names is looked at.
///
/// To say so of a packet that does name one breaks no memory, but has it dispatched to an interface that has gone.
pub trait Nameless: Packet {}

/// The interface whose share pays: the first that the metadata names, else the first that the packet does.
#[inline]
pub(crate) fn charged<P: Packet, M: Metadata>(packet: &P, meta: &M) -> IfId {
    first_of(packet, meta).0
}

/// The one interface that packet and metadata name, or [`IfId::NONE`] if they name none. Nothing if they name several.
#[inline(always)]
pub(crate) fn lone<P: Packet, M: Metadata>(packet: &P, meta: &M) -> Option<IfId> {
    let (first, others) = first_of(packet, meta);
    (!others).then_some(first)
}

/// The first interface that packet and metadata name, and whether there are others.
#[inline(always)]
pub(crate) fn first_of<P: Packet, M: Metadata>(packet: &P, meta: &M) -> (IfId, bool) {
    let (mut first, mut others) = (IfId::NONE, false);
    let mut visit = |id: IfId| match first.is_none() {
        true => first = id,
        false => others |= id != first && !id.is_none(),
    };
    meta.interfaces(&mut visit);
    packet.interfaces(&mut visit);
    (first, others)
}
