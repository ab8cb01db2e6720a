//! Frames to neighbours that are built under locks: the facility has them sent later.

use std::net::IpAddr;

use siding_lockorder::Ctx;
use siding_mbuf::Mbuf;
use siding_netisr::IfId;

use super::LinkOut;
use super::What;
use crate::drops::DropReason;
use crate::ifnet::IfCounter;
use crate::lltable::flow_key;
use crate::nd6::nud::Refused;
use crate::stack::worker::Local;

/// Dispatches a frame that asks or announces, under any locks.
pub(crate) fn dispatch_message<L>(
    ctx: &Ctx<'_, L>,
    local: &mut Local,
    frame: Mbuf,
    out: IfId,
    to: IpAddr,
    source: Option<IpAddr>,
    counter: IfCounter,
) -> Result<(), Refused> {
    dispatch(ctx, local, frame, out, to, What::Message(source, counter))
}

/// Dispatches a whole frame, under any locks.
pub(crate) fn dispatch<L>(
    ctx: &Ctx<'_, L>,
    local: &mut Local,
    frame: Mbuf,
    out: IfId,
    to: IpAddr,
    what: What,
) -> Result<(), Refused> {
    let meta = LinkOut { out, key: flow_key(out, to), what };
    local.shared.queues.of::<LinkOut>().dispatch(ctx, frame, meta).map_err(|refused| {
        local.drop_on(out, refused.packet, DropReason::Refused);
        Refused
    })
}
