//! LACP on virtual wires: laggs back to back, and a partner that the test plays itself.
#![allow(clippy::unwrap_used)] // A test says what it expects by unwrapping it.

mod common;

mod lacp {
    mod agreement;
    mod change;
    mod silence;
    mod util;
    mod wire;
}
