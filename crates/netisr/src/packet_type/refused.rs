//! What a caller is given back.

use core::fmt;

use crate::Cause;

/// A packet that was not accepted goes back to its caller, with the reason.
#[derive(Clone, PartialEq, Eq)]
pub struct Refused<P, M> {
    /// The packet.
    pub packet: P,
    /// Its metadata.
    pub meta: M,
    /// Why.
    pub cause: Cause,
}

impl<P, M> fmt::Debug for Refused<P, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Refused").field("cause", &self.cause).finish_non_exhaustive()
    }
}

impl<P, M> fmt::Display for Refused<P, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "packet refused: {}", self.cause)
    }
}

impl<P, M> core::error::Error for Refused<P, M> {}
