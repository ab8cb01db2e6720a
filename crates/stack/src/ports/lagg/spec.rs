//! What is configured of LACP.

use siding_machines::lacp::Activity;
use siding_machines::lacp::Rate;
use siding_wire::Mac;

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
