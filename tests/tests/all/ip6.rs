//! Large packets, fragments, narrow paths and errors, with Linux at the other end.

mod forged;
mod large;
mod path_mtu;
mod refused;
mod util;
