//! LACP on virtual wires: laggs back to back, and a partner that the test plays itself.

mod agreement;
mod change;
mod silence;
mod util;
mod wire;
