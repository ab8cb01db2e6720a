//! The time of an interface that advertises us.

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_netisr::IfId;

use super::advertise;
use crate::nd6::due::Advertising;
use crate::stack::worker::Local;
use crate::timer::Due;

impl Due<Local> for Advertising {
    fn interface(&self) -> IfId {
        self.0
    }

    fn run(self: Box<Self>, ctx: &mut Ctx<'_, Unlocked>, local: &mut Local) {
        advertise::look(ctx, local, self.0);
    }
}
