//! Where a packet would go now.

use std::net::IpAddr;

use siding_netisr::IfId;

use crate::Stack;
use crate::route::Refusal;

/// The way of packets to an address, as things are at this moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// The address is one of ours, on this interface.
    Own(IfId),
    /// They leave.
    Out {
        /// By this interface.
        interface: IfId,
        /// To this neighbour: the address itself if it is on the link.
        next_hop: IpAddr,
        /// From this address of ours if they start here, by RFC 6724 s5; `None` if none may be used.
        source: Option<IpAddr>,
    },
    /// They are refused.
    Refused(Refusal),
    /// There is no route that can be used.
    None,
}

impl Stack {
    /// The way that packets to `dst` would take, by the tables that the data path looks into. A link-local or multicast
    /// address has none: every link has its own.
    #[must_use]
    pub fn way(&self, dst: IpAddr) -> Way {
        let config = self.config();
        let routing = config.default_routing();
        match dst {
            IpAddr::V6(dst) => {
                if let Some(own) = routing.owner6(dst, IfId::NONE) {
                    return Way::Own(own.ifnet.id);
                }
                match routing.way6(dst, || 0) {
                    Ok((out, next_hop)) => Way::Out {
                        interface: out.ifnet.id,
                        next_hop: next_hop.into(),
                        source: config.source6(dst, out.ifnet.id).map(IpAddr::V6),
                    },
                    Err(how) => how.map_or(Way::None, Way::Refused),
                }
            }
            IpAddr::V4(dst) => {
                if let Some(own) = routing.owner4(dst) {
                    return Way::Own(own.ifnet.id);
                }
                match routing.way4(dst, || 0) {
                    Ok((out, next_hop)) => Way::Out {
                        interface: out.ifnet.id,
                        next_hop: next_hop.into(),
                        source: out.addrs4.iter().find(|own| own.is_assigned()).map(|own| own.addr.into()),
                    },
                    Err(how) => how.map_or(Way::None, Way::Refused),
                }
            }
        }
    }
}
