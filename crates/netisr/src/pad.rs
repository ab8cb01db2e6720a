//! Keeping what different cores write on different cache lines.

/// A value on cache lines of its own: 128 bytes, for the prefetcher fetches lines in pairs.
#[repr(align(128))]
pub(crate) struct CachePadded<T>(pub(crate) T);
