//! What ARP counts.

use crate::ifnet::IfCounter;
use crate::named::named;

named! {
    /// What is counted for each interface.
    COUNTERS: [IfCounter];
    /// ARP requests that came in.
    ArpRequestIn = "arp-request-in",
    /// ARP requests that were sent, probes and announcements among them.
    ArpRequestOut = "arp-request-out",
    /// ARP replies that came in.
    ArpReplyIn = "arp-reply-in",
    /// ARP replies that were sent.
    ArpReplyOut = "arp-reply-out",
}
