//! Siding as the router of Linux hosts, which know nothing but what it tells them.

mod advertise;
mod filter;
mod forward;
mod multipath;
mod redirect;
mod refused;
mod super_frames;
mod trace;
mod util;
