//! The queues of our own packets.

use siding_netisr::IfId;

use crate::queues::Queue;

/// Our own packets to ourselves, with the interface that has the address.
pub(crate) struct LocalIn;

/// Our own IP packets, made outside of workers; the interface scopes a link-local destination.
pub(crate) struct IpOut;

impl Queue for LocalIn {
    type Meta = IfId;
    const NAME: &'static str = "local_in";
}

impl Queue for IpOut {
    type Meta = IfId;
    const NAME: &'static str = "ip_out";
}
