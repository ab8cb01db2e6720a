//! What an interface's link means for everything that uses the interface.

mod detect;
mod mac;
mod nest;
mod ports;
mod routes;
mod tags;
mod util;
