//! Frames that a lagg sends.

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_mbuf::Mbuf;
use siding_netisr::IfId;

use super::Mode;
use super::View;
use crate::drops::DropReason;
use crate::stack::worker::Local;

/// Sends a frame by the port, or the ports, that the view says.
pub(crate) fn output(ctx: &mut Ctx<'_, Unlocked>, local: &mut Local, out: IfId, view: &View, frame: Mbuf) {
    let Some(port) = view.pick(local.index, frame.data()) else {
        return local.drop_on(out, frame, DropReason::NoPort);
    };
    local.count_sent(out, frame.len());
    if view.lagg.settings.mode == Mode::Broadcast {
        for other in view.sending.iter().skip(1) {
            // Each port gets bytes of its own: what lies below may put a tag in.
            match frame.copy(&mut local.cache) {
                Some(copy) => local.transmit(ctx, *other, copy),
                None => local.count(out, DropReason::NoBuffer),
            }
        }
    }
    local.transmit(ctx, port, frame);
}
