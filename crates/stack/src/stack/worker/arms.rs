//! Where a worker arms what is to be looked at later.

use super::Local;
use crate::timer::Seen;

impl Local {
    /// The timer queues as this worker sees them.
    #[inline]
    pub(crate) fn timers(&self) -> Seen<'_, Local> {
        self.shared.timers.of(self.index)
    }
}
