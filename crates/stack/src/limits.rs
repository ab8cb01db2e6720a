//! Bounds on what peers and operators can make the stack store or send: what each is, and how near it has come.
//!
//! Every bound tells of itself in a [`LimitReport`]. Whoever keeps one keeps a [`Usage`] beside it, and its
//! protocol reports it: [`Stack::limits`](crate::Stack::limits) asks them all.

pub use siding_machines::limits::LimitReport;
pub use siding_machines::limits::Usage;

use crate::icmp6::limit::DEFAULT_BURST;
use crate::icmp6::limit::DEFAULT_ERROR_BURST;
use crate::icmp6::limit::DEFAULT_ERROR_RATE;
use crate::icmp6::limit::DEFAULT_RATE;
use crate::reassembly::ReassemblyLimits;

/// The longest packet that there is, in bytes: an IPv6 header, and the longest payload that it can tell of. IPv4's length
/// counts the header too, so the longest of those is shorter.
pub const LONGEST_PACKET: u32 = siding_wire::ip6::HEADER_LEN as u32 + u16::MAX as u32;

/// The bounds of the stack as a whole. Those of one interface's neighbours are [`NeighborLimits`](crate::NeighborLimits).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// ICMP errors that may be sent at once, for what came in on one interface by one family. As many again are kept for
    /// senders that have caused few. TCP resets have a bound of their own that is the same.
    pub error_burst: u32,
    /// The same, a second in the long run; 0 sends no more than the burst, ever.
    pub error_rate: u32,
    /// The same for Packet Too Big and Fragmentation Needed, which are not counted with other errors.
    pub too_big_burst: u32,
    /// The same, a second in the long run.
    pub too_big_rate: u32,
    /// Redirects that may be sent at once on one interface, and as many again (RFC 4861 s8.2).
    pub redirect_burst: u32,
    /// Redirects a second in the long run; 0 sends no more than the burst, ever.
    pub redirect_rate: u32,
    /// Fragments and the datagrams that they make.
    pub reassembly: ReassemblyLimits,
    /// Buffers for packets that are larger than those of the pool: super-frames that hosts leave to be cut, reassembled
    /// packets, and large ones of our own. Each takes [`LONGEST_PACKET`] bytes, and those of its headers.
    pub large_buffers: u32,
    /// Destinations whose path MTU is remembered.
    pub path_mtus: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            error_burst: DEFAULT_ERROR_BURST,
            error_rate: DEFAULT_ERROR_RATE,
            too_big_burst: DEFAULT_ERROR_BURST,
            too_big_rate: DEFAULT_ERROR_RATE,
            redirect_burst: DEFAULT_BURST,
            redirect_rate: DEFAULT_RATE,
            reassembly: ReassemblyLimits::default(),
            // In use for a moment each: while one is built, answered and cut, or from its arrival to the end of the turn.
            large_buffers: 256,
            path_mtus: 1024,
        }
    }
}
