//! What path MTU discovery counts.

use crate::drops::DropReason;
use crate::named::named;

named! {
    /// Why packets are dropped.
    CAUSES: [DropReason];
    /// A Packet Too Big about something that we never sent, or with a size that cannot be.
    BadPacketTooBig = "bad-packet-too-big",
}
