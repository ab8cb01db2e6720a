//! What Siding asks of the Linux kernel, without the `ip` program.
//!
//! * [`Netlink`]: links, addresses, routes and neighbours, over one synchronous rtnetlink socket.
//! * [`Monitor`]: links that come, go, or gain and lose their carrier, as they do so.
//! * [`Netns`]: anonymous network namespaces, held by a descriptor and gone with it.
//! * [`Claim`]: makes the kernel's own stack silent on an interface that Siding drives, and undoes that.
//! * [`Records`]: what claims have changed, on disk, for whoever comes after one that was killed.
//!
//! Every [`Error`] names the interface, the operation and the way out. All of it needs `CAP_NET_ADMIN` in
//! the namespace at hand; namespaces need `CAP_SYS_ADMIN`.
//!
//! # Namespaces and threads
//!
//! A network namespace belongs to a *thread*. A socket keeps the namespace that it was opened in, so a
//! [`Netlink`], a [`Monitor`] or a [`Claim`] goes on speaking of the namespace of the thread that opened it,
//! whichever thread uses it afterwards.
//!
//! # What it does not do
//!
//! No retries on behalf of the caller (but for a dump that the kernel says was interrupted), no cache, no
//! routing tables beyond the main one, and nothing that survives the process, apart from [`Records`] and what
//! is asked for in a namespace that survives it.

mod address;
mod claim;
mod error;
mod ethtool;
mod features;
mod ingress;
mod link;
mod lock;
mod monitor;
mod neighbour;
mod netlink;
mod netns;
mod record;
mod route;
mod signal;
mod slice;
mod sysctl;
mod undo;

pub use address::Address;
pub use address::Dad;
pub use claim::Claim;
pub use claim::ClaimConfig;
pub use claim::keep_silent;
pub use error::Error;
pub use ethtool::Offloads;
pub use ethtool::TurnedOff;
pub use link::Link;
pub use lock::lock_directories;
pub use monitor::LinkEvent;
pub use monitor::Monitor;
pub use neighbour::Neighbour;
pub use neighbour::NeighbourState;
pub use netlink::Netlink;
pub use netns::Isolation;
pub use netns::Netns;
pub use netns::isolate;
pub use record::Leftover;
pub use record::Records;
pub use route::Route;
pub use siding_wire::Cidr;
pub use siding_wire::CidrError;
pub use signal::admit_signal;
pub use signal::hold_signal;
pub use slice::take_short_slices;
