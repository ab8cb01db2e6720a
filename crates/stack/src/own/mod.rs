//! Our own packets, on their way out and to ourselves. They are dispatched: who makes them may hold locks, or be deep in a
//! packet already. What becomes of them stands in [`resume`](crate::resume).

mod queues;

pub(crate) use queues::IpOut;
pub(crate) use queues::LocalIn;
