//! Frames to neighbours that are built under locks: the facility has them sent later.

use siding_lockorder::Ctx;
use siding_mbuf::Mbuf;

use super::LinkOut;
use crate::drops::DropReason;
use crate::nd6::nud::Refused;
use crate::stack::worker::Local;

/// Dispatches a whole frame, under any locks.
pub(crate) fn dispatch<L>(
    ctx: &Ctx<'_, L>,
    local: &mut Local,
    frame: Mbuf,
    meta: LinkOut,
) -> Result<(), Refused> {
    let out = meta.out;
    local.shared.queues.of::<LinkOut>().dispatch(ctx, frame, meta).map_err(|refused| {
        local.drop_on(out, refused.packet, DropReason::Refused);
        Refused
    })
}
