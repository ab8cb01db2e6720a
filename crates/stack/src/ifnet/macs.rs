//! The link-layer addresses of an interface: its own, and further ones that it was given.

use std::net::IpAddr;
use std::sync::Arc;

use siding_wire::Mac;

use super::Interface;

/// How many an interface may have besides its own: one for each number and family that a virtual router can have
/// (RFC 9568 s7.3).
pub const FURTHER_MACS: usize = 512;

/// What an interface takes frames for, by itself.
#[derive(Debug, Clone)]
pub(crate) struct Macs {
    own: Mac,
    /// In order.
    further: Arc<[Mac]>,
}

impl Macs {
    /// Of no interface.
    pub(crate) fn none() -> Macs {
        Macs { own: Mac::ZERO, further: Arc::new([]) }
    }

    /// As [`Interface::has_mac`].
    #[inline]
    pub(crate) fn has(&self, mac: Mac) -> bool {
        is_one_of(self.own, &self.further, mac)
    }
}

impl Interface {
    /// Whether it is a link-layer address of this interface: frames to it are for us, and frames from it are our own. Nothing
    /// else says so, but for what [comes late](crate::lagg) to an address that it had.
    #[inline]
    pub fn has_mac(&self, mac: Mac) -> bool {
        is_one_of(self.mac, &self.further_macs, mac)
    }

    /// All its link-layer addresses, its own first.
    pub fn macs(&self) -> impl Iterator<Item = Mac> {
        [self.mac].into_iter().chain(self.further_macs.iter().copied())
    }

    /// The same for who has no interface at hand.
    pub(crate) fn kept_macs(&self) -> Macs {
        Macs { own: self.mac, further: self.further_macs.clone() }
    }

    /// The link-layer address that others are told for an address of this interface.
    pub fn mac_of(&self, addr: IpAddr) -> Mac {
        let given = match addr {
            IpAddr::V4(addr) => self.addrs4.iter().find(|own| own.addr == addr).and_then(|own| own.mac),
            IpAddr::V6(addr) => self.addr6(addr).and_then(|own| own.mac),
        };
        given.unwrap_or(self.mac)
    }
}

#[inline]
fn is_one_of(own: Mac, further: &[Mac], mac: Mac) -> bool {
    own == mac || further.binary_search(&mac).is_ok()
}
