//! An interface as a host: routers, prefixes, addresses and redirects that it learns (RFC 4861 s6.3, s8.3; RFC 4862;
//! RFC 5942).
//!
//! [`Host`] is a machine without locks, clock, chance or I/O, one for each interface. It is composed of smaller ones,
//! each with a file: the default router list and the choice in it, the prefix list, addresses made from prefixes,
//! redirected destinations, the link's parameters, and the search for routers.
//!
//! Everything that others can make it learn has a [limit](HostLimits). What is there stays, and newcomers are refused
//! and counted; only a redirect takes the place of the oldest, as it is no more than a short cut.

mod address;
mod announce;
#[cfg(test)]
mod bench;
mod config;
mod event;
mod heard;
mod identifier;
mod limit;
mod machine;
#[cfg(test)]
pub(crate) mod page;
mod params;
mod prefixes;
mod redirects;
mod report;
mod routers;
mod slaac;
#[cfg(test)]
mod slaac_tests;
mod solicit;
#[cfg(test)]
mod temporary_tests;

pub use address::AddrOrigin;
pub use address::Owned;
pub use address::Phase;
pub use config::Accept;
pub use config::HostConfig;
pub use config::HostConfigError;
pub use config::HostLimits;
pub use config::Identifier;
pub use config::MAX_NEIGHBOR_ADVERTISEMENT;
pub use config::Solicitation;
pub use config::StableKey;
pub use config::TemporaryConfig;
pub use event::Gone;
pub use event::HostEvent;
pub use heard::HeardAdvert;
pub use limit::Learnt;
pub use machine::Host;
pub use machine::Link;
pub use machine::Message;
pub use params::Params;
pub use report::PrefixReport;
pub use report::RouterReport;
pub use routers::Known;
pub use solicit::MAX_RTR_SOLICITATIONS;
pub use solicit::RTR_SOLICITATION_INTERVAL;
pub use solicit::SOL_MAX_RT;
