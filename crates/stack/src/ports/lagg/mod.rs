//! A lagg, as it is kept.

pub(crate) mod hash;
pub(crate) mod joined;
mod report;
mod spec;
pub(crate) mod state;
pub(crate) mod view;

pub use hash::HashLayers;
pub(crate) use joined::Joined;
pub use report::LacpPortReport;
pub use report::LacpReport;
use siding_machines::lacp;
pub use spec::LacpSpec;
pub use state::Announce;
pub(crate) use state::Lagg;
pub use state::LaggReport;
pub use state::LaggSpec;
pub use state::LaggTuning;
pub(crate) use state::Member;
pub use state::Mode;
pub use state::PortReport;
pub use state::Reselect;
pub use view::View;
