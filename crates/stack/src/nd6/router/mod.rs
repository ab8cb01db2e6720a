//! The router's half of neighbour discovery: advertisements (RFC 4861 s6.2) and redirects (s8.2).
//!
//! `schedule` says when to speak, and is a machine without lock, clock, chance or I/O; `config` says what, `contents`
//! puts it into messages, `ledger` what is to be taken back, `compare` looks at what other routers say. `advertise` and `redirect` join them to the
//! stack.

mod advertise;
mod compare;
mod config;
mod contents;
mod ledger;
mod redirect;
pub mod schedule;

pub(crate) use advertise::Advertiser;
pub use advertise::AdvertiserReport;
pub(crate) use advertise::advertise_timer;
pub(crate) use advertise::forget;
pub(crate) use advertise::heard_advert;
pub(super) use advertise::link_local;
pub(crate) use advertise::renew;
pub(crate) use advertise::resume;
pub(crate) use advertise::solicited;
pub(crate) use advertise::stop;
pub(crate) use advertise::stop_all;
pub(crate) use advertise::take_leave;
pub use compare::Difference;
pub use config::AdvertConfig;
pub use config::AdvertDnssl;
pub use config::AdvertError;
pub use config::AdvertNat64;
pub use config::AdvertPrefix;
pub use config::AdvertRdnss;
pub use config::AdvertRoute;
pub use config::PrefixTerms;
pub(crate) use redirect::redirect;
