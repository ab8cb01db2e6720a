//! Interop tests: Siding against software that we did not write, over anonymous network namespaces.
//!
//! A test makes a [`Lab`], puts [`Host`]s into it, connects them by [`Lab::wire`], and runs Debian's programs or
//! the [`Siding`] daemon inside. Namespaces have no names and belong to the test's process: tests do not see
//! each other's, run in parallel, and leave nothing behind.
//!
//! ```no_run
//! # use siding_tests::{Lab, need};
//! # fn ping_over_a_wire() {
//! if !need(&["ping"]) {
//!     return;
//! }
//! let Some(lab) = Lab::open() else { return };
//! let (left, right) = lab.pair();
//! left.address("eth0", "192.0.2.1/24");
//! right.address("eth0", "192.0.2.2/24");
//! left.run("ping", &["-c1", "-W1", "192.0.2.2"]).expect_success();
//! # }
//! ```
//!
//! A TAP device belongs to the namespace of the thread that opens it, where the kernel is then the peer: open it by
//! [`Host::inside`], or let the daemon do so, and move it to another host by `Netlink::move_to_netns` if the two are
//! to be apart.
//!
//! # Skips
//!
//! What cannot run here (no privileges, a program is not installed) is skipped, loudly: a line
//! `skipped: <test>: <reason>`. With `CI=true` in the environment a skip of ours is a failure, so that nobody
//! takes a test that never runs for one that passes.
//!
//! # What it does not do
//!
//! Helpers here panic with the whole story where a test could do nothing but fail. They are for tests alone.

#![forbid(unsafe_code)]

mod fresh;
mod host;
mod lab;
mod ovs;
mod process;
mod siding;
mod skip;
mod wait;

pub use fresh::fresh;
pub use host::Host;
pub use lab::Lab;
pub use ovs::Ovs;
pub use ovs::OvsMember;
pub use process::Finished;
pub use process::Running;
pub use siding::Siding;
pub use skip::need;
pub use skip::skip;
pub use wait::wait_for;
