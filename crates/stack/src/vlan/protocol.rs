//! VLANs among the stack's protocols.

use super::counted;
use crate::drops::DropReason;
use crate::stack::Protocol;

/// VLANs.
pub(crate) struct Vlans;

impl Protocol for Vlans {
    fn causes(&self) -> &'static [DropReason] {
        counted::CAUSES
    }
}
