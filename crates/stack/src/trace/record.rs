//! What is recorded.

use std::net::IpAddr;

use siding_netisr::IfId;
use siding_netisr::Instant;

use crate::drops::DropReason;

/// One moment of a packet's life, or one frame of a capture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Which packet of the watch's; 0 in captures. Numbers come again, after thousands.
    pub packet: u16,
    /// When, by the stack's clock.
    pub at: Instant,
    /// The worker that had it.
    pub worker: u16,
    /// What became of it.
    pub step: Step,
    /// The frame as it is at this moment, as far as the watch wants of it; empty if it has been shown before.
    pub frame: Vec<u8>,
    /// Its whole length.
    pub len: usize,
}

/// What becomes of a packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// An interface has received it, as a frame: the first of a life, and once more for each VLAN, lagg or bridge above.
    Received {
        /// Which.
        on: IfId,
    },
    /// It is our own, and goes out by way of this stage.
    Made,
    /// A stage looks at it.
    Stage {
        /// Which: as `ip6`, `arp`.
        name: &'static str,
    },
    /// It is for this node.
    ForUs {
        /// The interface that it came by.
        on: IfId,
    },
    /// The filter has judged it.
    Judged {
        /// At which hook.
        hook: &'static str,
        /// Whether it may go on.
        passed: bool,
        /// What decided, as whoever wrote the rules knows it; empty if nothing says so.
        by: String,
    },
    /// Its way is known.
    Way {
        /// It leaves by this interface...
        out: IfId,
        /// ...to this neighbour.
        next_hop: IpAddr,
    },
    /// It waits until this neighbour's link-layer address is known.
    Held {
        /// The neighbour's interface.
        out: IfId,
        /// The neighbour.
        neighbor: IpAddr,
    },
    /// It waits for the other fragments of its packet.
    Awaits,
    /// It has been put together with the others.
    Joined {
        /// Of how many fragments the whole is.
        fragments: usize,
        /// It is the first of them, as which the whole goes on.
        goes_on: bool,
    },
    /// It waits in a queue of the facility.
    Queued {
        /// The type, as `show netisr` names it.
        queue: &'static str,
    },
    /// It has left that queue.
    Handled {
        /// The type.
        queue: &'static str,
    },
    /// It leaves by an interface that lies on others.
    Over {
        /// Which.
        out: IfId,
    },
    /// It waits in the transmit queue of a device. For a frame that is cut, once for each part.
    Leaves {
        /// By this interface.
        out: IfId,
    },
    /// The device has taken it.
    Sent {
        /// By this interface.
        out: IfId,
    },
    /// It has been heard, and is needed no more.
    Done,
    /// It was dropped.
    Dropped {
        /// On this interface's account; none on nobody's.
        on: IfId,
        /// Why.
        cause: DropReason,
    },
}

impl Step {
    /// Whether nothing more comes of a packet that has not been copied or cut.
    pub fn is_end(&self) -> bool {
        let is_part = matches!(self, Step::Joined { goes_on: false, .. });
        is_part || matches!(self, Step::Sent { .. } | Step::Done | Step::Dropped { .. })
    }
}
