//! Siding as a host that configures itself, with routers that we did not write: radvd, and Linux.

mod learned;
mod lifetimes;
mod redirect;
mod util;
