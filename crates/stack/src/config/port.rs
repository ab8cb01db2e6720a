//! What a port of a lagg or bridge cannot be given.

use super::Config;
use crate::ifnet::Interface;

/// The interface is a port, and has no IP of its own.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "it is a port of '{owner}', which all its frames belong to: give '{owner}' instead, or remove it from there first"
)]
pub struct OnPort {
    /// The lagg or bridge.
    pub owner: String,
}

impl Config {
    /// That the interface may be given one of the [`Belongings`](crate::Belongings) that a port has not.
    ///
    /// # Errors
    ///
    /// Whose port it is.
    pub(crate) fn no_port(&self, interface: &Interface) -> Result<(), OnPort> {
        match self.interface(interface.member_of) {
            None => Ok(()),
            Some(owner) => Err(OnPort { owner: owner.ifnet.name.clone() }),
        }
    }
}
