//! Changes from outside: interfaces, addresses, routes, neighbours. Each takes the control lock for a moment,
//! publishes a snapshot, and dispatches what is to be announced.

mod address;
mod advertise;
mod anycast;
mod belongings;
mod device;
mod follow;
mod group;
mod group4;
mod host;
mod interface;
mod limits;
mod mac;
mod multipath;
mod neighbor;
mod path;
mod protocol;
mod report;
mod retry;
mod route;
mod send;
mod setting;
mod vlan;
mod vrf;
mod way;

pub use address::AddressError;
pub use address::Lifetimes;
pub use advertise::AdvertiseError;
pub use belongings::Belongings;
pub(crate) use belongings::belongings;
pub use group::GroupError;
pub use host::AutoconfError;
pub use interface::AttachError;
pub use interface::Detached;
pub use interface::InterfaceSpec;
pub use mac::MacError;
pub use neighbor::NeighborError;
pub use report::AccountReport;
pub use report::DropReport;
pub use report::InterfaceReport;
pub use route::AddRouteError;
pub use send::SendError;
pub use setting::SettingError;
pub use vlan::VlanError;
pub use vrf::VrfError;
pub use way::Way;

use siding_netisr::IfId;

/// There is no such interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("interface {0} is not attached")]
pub struct NoInterface(pub IfId);
