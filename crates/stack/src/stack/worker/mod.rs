//! A worker of the stack: one thread that polls drivers, handles what was dispatched, runs timers and sends.
//!
//! # Locks
//!
//! None of its own: what a worker has, it owns. # Teardown: when an interface departs, the facility calls
//! [`Local::depart`](siding_netisr::Local::depart) between handlers; the interface's device and everything queued
//! for it are dropped there, on the worker that owns them.

mod arms;
mod frames;
mod heard;
mod local;
mod many;
mod patience;
mod port;
mod sends;
mod timed;

pub(crate) use frames::Frames;
pub use frames::FramesReport;
pub(crate) use heard::Heard;
pub(crate) use local::Local;
pub(crate) use port::Port;
pub use timed::StepReport;
pub(crate) use timed::StepTimes;
pub use timed::StepsReport;
pub(crate) use timed::Timed;
pub use timed::TimedStep;
