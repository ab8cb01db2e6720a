//! What was said, and what it means.

use siding_stack::nd6::host::HostConfig;
use siding_stack::nd6::router::AdvertConfig;

use super::advertise::Advertise;
use super::autoconf::Autoconf;

/// The words of a table, and what the stack is to make of them. Two that mean the same are the same.
#[derive(Debug, Clone)]
pub(crate) struct Meant<S, M> {
    pub(crate) said: S,
    pub(crate) means: M,
}

/// What an interface advertises.
pub(crate) type Advertised = Meant<Advertise, AdvertConfig>;

/// What an interface is as a host.
pub(crate) type Learnt = Meant<Autoconf, HostConfig>;

impl<S, M: PartialEq> PartialEq for Meant<S, M> {
    fn eq(&self, other: &Self) -> bool {
        self.means == other.means
    }
}

impl<S, M: Eq> Eq for Meant<S, M> {}
