//! What a step of the machines has to say: built under the lagg's lock, dispatched under it, sent later.

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_mbuf::Mbuf;
use siding_netisr::IfId;
use siding_netisr::Metadata;
use siding_netisr::Permit;
use siding_wire::EtherType;
use siding_wire::Mac;
use siding_wire::ether::Ether;
use siding_wire::ether::HEADER_LEN;
use siding_wire::lacp::SLOW_LEN;
use siding_wire::lacp::SLOW_MAC;

use crate::common::Word;
use crate::config::Config;
use crate::drops::DropReason;
use crate::ifnet::IfCounter;
use crate::ifnet::Interface;
use crate::lagg::lacp::PortNumber;
use crate::lagg::lacp::Refused;
use crate::ports::lagg::joined;
use crate::queues::Queue;
use crate::ranks;
use crate::stack::Shared;
use crate::stack::worker::Local;

/// Metadata of a PDU on its way out: what was true when it was dispatched.
#[derive(Debug)]
pub(crate) struct SlowOut {
    lagg: IfId,
    port: IfId,
    source: Mac,
    /// It is the last on this port.
    last: Option<Word>,
}

/// A queue of its own, so that nothing else's load keeps LACPDUs and markers waiting.
impl Queue for SlowOut {
    type Meta = SlowOut;
    const NAME: &'static str = "slow";
}

impl Metadata for SlowOut {
    fn interfaces(&self, visit: &mut impl FnMut(IfId)) {
        visit(self.lagg);
        visit(self.port);
    }
}

/// The PDUs of one step. They are dispatched when the view that they tell of has been published.
pub(crate) struct Outbox<'a> {
    shared: &'a Shared,
    config: &'a Config,
    lagg: IfId,
    permits: Vec<Permit<Mbuf, SlowOut, Local>>,
    ready: Vec<(Permit<Mbuf, SlowOut, Local>, Mbuf, SlowOut)>,
}

impl<'a> Outbox<'a> {
    /// Reserves room for `most` PDUs, as far as there is room. To be called before the lagg's lock is taken.
    pub(crate) fn reserve<L>(
        shared: &'a Shared,
        ctx: &Ctx<'_, L>,
        config: &'a Config,
        lagg: IfId,
        most: usize,
    ) -> Outbox<'a> {
        let permits =
            (0..most).map_while(|_| shared.queues.of::<SlowOut>().reserve(ctx, None).ok()).collect();
        Outbox { shared, config, lagg, permits, ready: Vec::new() }
    }

    /// The lagg that they are of.
    pub(crate) fn lagg(&self) -> IfId {
        self.lagg
    }

    /// Builds the PDU `body` for a port.
    ///
    /// # Errors
    ///
    /// No room is reserved, or no buffer is free.
    pub(crate) fn put(&mut self, port: PortNumber, body: &[u8; SLOW_LEN]) -> Result<(), Refused> {
        self.add(port, body, None)
    }

    /// Builds the last PDU for a port.
    ///
    /// # Errors
    ///
    /// As [`put`](Self::put).
    pub(crate) fn put_last(&mut self, port: PortNumber, body: &[u8; SLOW_LEN]) -> Result<(), Refused> {
        self.add(port, body, Some(self.shared.words.begin()))
    }

    fn add(&mut self, port: PortNumber, body: &[u8; SLOW_LEN], last: Option<Word>) -> Result<(), Refused> {
        let port = self.config.in_slot(joined::slot(port)).ok_or(Refused)?;
        let permit = self.permits.pop().ok_or(Refused)?;
        let frame = build(self.shared, port, body).ok_or(Refused)?;
        let meta = SlowOut { lagg: self.lagg, port: port.ifnet.id, source: port.permanent_mac, last };
        self.ready.push((permit, frame, meta));
        Ok(())
    }

    /// Hands over what was built.
    pub(crate) fn dispatch(self, ctx: &Ctx<'_, ranks::Lagg>) {
        for (permit, frame, meta) in self.ready {
            // Only a departing interface refuses a permit.
            let on = meta.port;
            if permit.dispatch(ctx, frame, meta).is_err() {
                let port = self.config.interface(on).map(|port| &*port.ifnet.drops);
                port.unwrap_or(self.shared.drops.none()).count(DropReason::InterfaceGone);
            }
        }
    }
}

/// The handler of PDUs that were dispatched.
pub(crate) fn handle(ctx: &mut Ctx<'_, Unlocked>, local: &mut Local, frame: Mbuf, meta: SlowOut) {
    local.refresh();
    let config = local.config().clone();
    let Some(port) = config.interface(meta.port) else {
        return local.drop_packet(frame, DropReason::InterfaceGone);
    };
    // It speaks for a port of this lagg, with this address, or not at all; what is said last, for one that was.
    let was = meta.last.is_some() && port.member_of.is_none();
    if port.member_of != meta.lagg && !was || port.permanent_mac != meta.source {
        return local.drop_on(meta.port, frame, DropReason::Stale);
    }
    port.ifnet.counters.add(local.index, IfCounter::LacpOut, 1);
    local.transmit(ctx, meta.port, frame);
    if let Some(word) = meta.last {
        local.said(word);
    }
}

//= IEEE 802.1AX s6.4.2 [LACP-1]: to the slow protocols' group, from the port's own address, which is not the
//= lagg's; by the port itself, so that no tag gets on it.
fn build(shared: &Shared, port: &Interface, body: &[u8; SLOW_LEN]) -> Option<Mbuf> {
    let mut frame = shared.pool.alloc()?;
    let header = Ether { dst: SLOW_MAC, src: port.permanent_mac, ethertype: EtherType::SLOW };
    header.emit(frame.append(HEADER_LEN)?).ok()?;
    frame.append(SLOW_LEN)?.copy_from_slice(body);
    Some(frame)
}
