//! The router's half of neighbour discovery: advertisements (RFC 4861 s6.2) and redirects (s8.2).
//!
//! The machines are those of `siding_machines::router`; `advertise` and `redirect` join them to the stack.

mod advertise;
mod redirect;
mod report;
mod timer;

pub(crate) use advertise::Advertiser;
pub use advertise::AdvertiserReport;
pub(crate) use advertise::forget;
pub(in crate::nd6) use advertise::heard_advert;
pub(super) use advertise::link_local;
pub(crate) use advertise::renew;
pub(crate) use advertise::resume;
pub(crate) use advertise::solicited;
pub(crate) use advertise::stop;
pub(crate) use advertise::stop_all;
pub(crate) use advertise::take_leave;
pub(crate) use redirect::redirect;
pub use siding_machines::router::*;

/// All interfaces that advertise, as control keeps them.
pub(crate) type Advertisers = std::collections::HashMap<siding_netisr::IfId, Advertiser>;
