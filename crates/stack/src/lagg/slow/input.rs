//! Slow protocols' frames that come in on a port.

use std::sync::Arc;

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_mbuf::Mbuf;
use siding_wire::ether::Ether;
use siding_wire::lacp::Marker;
use siding_wire::lacp::SLOW_MAC;
use siding_wire::lacp::SlowPdu;

use super::Outbox;
use super::group::sender;
use crate::Stack;
use crate::drops::DropReason;
use crate::ifnet::IfCounter;
use crate::lagg::Mode;
use crate::lagg::View;
use crate::lagg::lacp::Ignored;
use crate::next::Arrival;
use crate::next::Next;
use crate::ports::lagg::joined::number;
use crate::stack::worker::Local;

/// A frame of a slow protocol, from the port `on` itself. It ends here, whatever it says.
//= IEEE 802.1AX s6.4.2 [LACP-1]: taken on the physical port alone: with a tag it never gets here, and nobody
//= forwards it.
pub(crate) fn input(
    ctx: &mut Ctx<'_, Unlocked>,
    local: &mut Local,
    arrival: Arrival<'_>,
    view: &Arc<View>,
    frame: Mbuf,
) -> Next<'static> {
    match hear(ctx, local, arrival, view, frame.data()) {
        Ok(()) => {
            arrival.on.ifnet.counters.add(local.index, IfCounter::LacpIn, 1);
            Next::Done(frame)
        }
        Err(cause) => Next::Drop(frame, cause),
    }
}

fn hear(
    ctx: &mut Ctx<'_, Unlocked>,
    local: &mut Local,
    arrival: Arrival<'_>,
    view: &Arc<View>,
    frame: &[u8],
) -> Result<(), DropReason> {
    let on = arrival.on;
    if view.lagg.settings.mode != Mode::Lacp {
        return Err(DropReason::Ignored);
    }
    let (header, body) = Ether::parse(frame).map_err(DropReason::Malformed)?;
    if header.dst != SLOW_MAC {
        return Err(DropReason::NotOurMac);
    }
    let pdu = SlowPdu::parse(body).map_err(DropReason::Malformed)?;
    let port = number(on.ifnet.id).ok_or(DropReason::InactivePort)?;
    match pdu {
        //= IEEE 802.1AX s6.4.12 [LACP-2]: other slow protocols are not ours
        SlowPdu::Other(_) => Err(DropReason::Ignored),
        SlowPdu::Marker(marker) => answer(ctx, local, arrival, view, &marker).map_err(cause),
        SlowPdu::Lacp(pdu) => {
            // A look first: a flood must not keep the outer lock busy.
            let (mut state, lagg_ctx) = ctx.lock(&view.lagg.state);
            let lacp = state.lacp.as_mut().ok_or(DropReason::Ignored)?;
            lacp.admit(local.now, port).map_err(cause)?;
            drop((state, lagg_ctx));
            let stack = Stack { shared: local.shared.clone() };
            let mut heard = Ok(());
            let events = stack.step_lacp(ctx, view.lagg.id, local.now, |now, joined, out| {
                heard = joined.group.on_pdu(now, port, &pdu, sender(out));
            });
            events.into_iter().for_each(|event| local.tell(event));
            heard.map_err(cause)
        }
    }
}

/// Answers a marker: what came before it on this port has been handled.
//= IEEE 802.1AX s6.5.4 [LACP-11]: the responder is mandatory; the same contents go back as a response
fn answer(
    ctx: &mut Ctx<'_, Unlocked>,
    local: &mut Local,
    Arrival { config, on }: Arrival<'_>,
    view: &View,
    marker: &Marker,
) -> Result<(), Ignored> {
    let port = number(on.ifnet.id).ok_or(Ignored::NoSuchPort)?;
    let shared = local.shared.clone();
    let mut out = Outbox::reserve(&shared, ctx, config, view.lagg.id, 1);
    let (mut state, ctx) = ctx.lock(&view.lagg.state);
    let joined = state.lacp.as_mut().ok_or(Ignored::LacpDisabled)?;
    let response = joined.group.on_marker(local.now, port, marker)?;
    // One that finds no room is lost; who asked asks again.
    let _ = out.put(port, &response.to_bytes());
    out.dispatch(&ctx);
    Ok(())
}

fn cause(ignored: Ignored) -> DropReason {
    match ignored {
        Ignored::NoSuchPort | Ignored::PortDown => DropReason::InactivePort,
        Ignored::LacpDisabled | Ignored::MarkerResponse => DropReason::Ignored,
        Ignored::TooManyMarkers | Ignored::TooManyPdus => DropReason::SlowLimit,
    }
}
