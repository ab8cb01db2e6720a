//! The router's half of neighbour discovery: what is advertised, and when (RFC 4861 s6.2).
//!
//! `schedule` says when to speak; `config` says what, `contents` puts it into messages, `ledger` what is to be taken
//! back, `compare` looks at what other routers say.

mod compare;
mod config;
pub mod contents;
pub mod ledger;
pub mod schedule;

pub use compare::Difference;
pub use compare::difference;
pub use config::AdvertConfig;
pub use config::AdvertDnssl;
pub use config::AdvertError;
pub use config::AdvertNat64;
pub use config::AdvertPrefix;
pub use config::AdvertRdnss;
pub use config::AdvertRoute;
pub use config::PrefixTerms;
pub use contents::Contents;
pub use contents::Kind;
pub use contents::Own;
pub use contents::Scene;
pub use ledger::Ledger;
