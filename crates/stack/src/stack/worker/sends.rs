//! What a worker may send because others have it do so: errors, resets and redirects.

use std::net::IpAddr;

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_netisr::IfId;

use super::Local;
use crate::common::Sending;
use crate::common::Towards;

impl Local {
    /// Whether one more message of this kind may be sent to `to`, about what came in on `on`.
    pub(crate) fn may_send(
        &self,
        ctx: &mut Ctx<'_, Unlocked>,
        what: Sending,
        on: IfId,
        to: impl Into<IpAddr>,
    ) -> bool {
        let towards = Towards { on, to: to.into() };
        let netisr = &self.shared.netisr;
        self.shared.sends.take(ctx, self.now, (what, towards), |id| netisr.is_attached(id))
    }
}
