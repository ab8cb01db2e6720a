//! Siding as a host and as a router among Linux hosts: what issue by issue was promised, seen from the outside.

mod asked;
mod by_hand;
mod confined;
mod departure;
mod detection;
mod ends;
mod groups;
mod hangs;
mod json;
mod monitor;
mod neighbor;
mod ping;
mod protocols;
mod put_back;
mod reload;
mod routes;
mod schema;
mod service;
mod telling;
mod threads;
mod under_load;
mod unreachable;
pub(crate) mod util;
