//! Which routing instance an interface belongs to.

use std::fmt;

/// Which routing instance. There always is the default one, which each interface belongs to at first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct VrfId(u16);

impl VrfId {
    /// The one that there always is.
    pub const DEFAULT: VrfId = VrfId(0);

    /// The one of this number; 0 is the default one's.
    pub(crate) const fn number(number: u16) -> VrfId {
        VrfId(number)
    }
}

impl fmt::Display for VrfId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}
