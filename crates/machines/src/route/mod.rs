//! Routes: which interface and which next hop a destination is reached by.

mod exchange;
mod fib;
mod group;
#[cfg(test)]
mod group_tests;
mod groups;
mod prefix;
mod refusal;
mod rib;
mod spread;
mod table;
#[cfg(test)]
mod tests;
mod way;

pub use exchange::Leg;
pub use fib::Fib;
pub use group::Group;
pub use group::Hop;
pub use groups::MOST_GROUPS;
pub use prefix::Address;
pub use prefix::Prefix;
pub use prefix::PrefixError;
pub use refusal::Refusal;
pub use rib::Rib;
/// The name of a way in the data path's table.
pub use siding_fib::Value as WayName;
pub use spread::BUCKETS;
pub use spread::MOST_HOPS;
pub use table::MOST_WAYS;
pub use table::Origin;
pub use table::Route;
pub use table::RouteError;
pub use table::Table;
pub use way::Handle;
pub use way::Way;
