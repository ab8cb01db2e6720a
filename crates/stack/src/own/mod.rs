//! Our own packets, on their way out and to ourselves. They are dispatched: who makes them may hold locks, or be deep in a
//! packet already.

mod handle;
mod protocol;
mod queues;

pub(crate) use handle::ip_out;
pub(crate) use protocol::Own;
pub(crate) use queues::IpOut;
pub(crate) use queues::LocalIn;
