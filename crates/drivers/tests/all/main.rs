//! Drivers over the kernel's own devices, and wires in memory.

#![allow(clippy::unwrap_used, reason = "the helpers of tests, too, say what they expect by unwrapping it")]

mod kernel_devices;
mod super_frames;
mod util;
mod wire;
mod wrappers;
