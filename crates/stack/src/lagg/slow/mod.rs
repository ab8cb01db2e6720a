//! LACP on the wire: what joins the machines of [`lacp`](super::lacp) to a lagg and its ports.
//!
//! # Locks
//!
//! The group of machines is guarded by the lagg's lock. A step of it may make a new view, so it is taken under
//! [`ranks::Control`](crate::ranks::Control): in one critical section the machines move, the view that they ask
//! for is published, and only then the PDUs that tell the partner are dispatched, into room that was reserved before
//! the lock. A frame that asks for no step (a marker, one of too many) takes the lagg's lock alone.
//!
//! # Teardown
//!
//! A port that departs leaves the group at once; its PDUs name the port and the lagg, and depart with either. A port
//! that an operator removes is *retired*: it stays until its partner has stopped sending to it.

mod group;
mod input;
mod joined;
mod outbox;
mod report;
mod timer;

use siding_wire::Mac;

pub(crate) use input::input;
pub(crate) use joined::Joined;
pub(crate) use joined::is_port;
pub(crate) use outbox::Outbox;
pub(crate) use outbox::SlowOut;
pub(crate) use outbox::handle;
pub use report::LacpPortReport;
pub use report::LacpReport;
pub(crate) use timer::timer;

use super::lacp::Activity;
use super::lacp::Rate;

/// What is configured of LACP on a lagg.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LacpSpec {
    /// Lower is better: the better system's port priorities count.
    pub system_priority: u16,
    /// Our identity. `None` takes the lagg's own address if it was given one, else that of the first port that
    /// ever joined; from then on it stays, whatever becomes of that address and of that port.
    pub system_mac: Option<Mac>,
    /// What tells our laggs apart; `None` makes one that no other lagg here has.
    pub key: Option<u16>,
    /// Whether we speak first.
    pub activity: Activity,
    /// How often the partner is asked to speak, hence how soon its silence is noticed.
    pub rate: Rate,
    /// Distributing ports without which the lagg has no link; 0 counts as 1.
    pub min_links: usize,
    /// Ports that may be in use at once, by port priority; `None` for all.
    pub max_links: Option<usize>,
}

impl Default for LacpSpec {
    /// Active, slow, of middle priority, all links, one is enough.
    fn default() -> LacpSpec {
        LacpSpec {
            system_priority: 0x8000,
            system_mac: None,
            key: None,
            activity: Activity::Active,
            rate: Rate::Slow,
            min_links: 1,
            max_links: None,
        }
    }
}
