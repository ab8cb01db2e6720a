//! The host machine joined to the stack.

mod apply;
mod disconnect;
mod first_hops;
mod heard;
mod timer;

pub(crate) use apply::HostState;
pub(crate) use apply::Hosts;
pub(crate) use apply::Times;
pub(crate) use apply::begin_detection;
pub(crate) use apply::came_up;
pub(crate) use apply::dad_config;
pub(crate) use apply::detected;
pub(crate) use apply::forwarding_changed;
pub(crate) use apply::link;
pub(crate) use apply::retest;
pub(crate) use apply::settle;
pub(crate) use apply::unlearn;
pub(crate) use disconnect::disconnect;
pub(crate) use first_hops::known;
pub(crate) use first_hops::reachability;
pub(crate) use heard::ceased;
pub(in crate::nd6) use heard::heard_advert;
pub(crate) use heard::heard_redirect;
