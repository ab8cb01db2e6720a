//! The pool: a handle on the slab that all threads may use.

use core::error::Error;
use core::fmt;

use siding_netisr::sync::atomic::Ordering;

use crate::Mbuf;
use crate::slab::SlabRef;

/// A pool of equal buffers. Clones are handles on the same pool.
pub struct Pool {
    slab: SlabRef,
}

/// How many buffers a pool has, and of what shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolConfig {
    /// Number of buffers; at least 1. Count what each worker's cache may hold back.
    pub buffers: u32,
    /// Bytes in each, headroom included.
    pub size: u32,
    /// Bytes left free in front of a new packet; at most `size`.
    pub headroom: u16,
}

/// Why there is no pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PoolError {
    /// `buffers` or `size` is 0.
    Empty,
    /// `headroom` is more than `size`.
    Headroom {
        /// Bytes of headroom asked for.
        headroom: u16,
        /// Bytes in each buffer.
        size: u32,
    },
    /// The system has no memory for this many, or the size overflows the address space.
    OutOfMemory {
        /// Number of buffers asked for.
        buffers: u32,
        /// Bytes in each.
        size: u32,
    },
}

impl Pool {
    /// Makes a pool; the only allocation that buffers ever cost.
    ///
    /// # Errors
    ///
    /// [`PoolError`] if the shape makes no sense or there is no memory for it.
    pub fn new(config: PoolConfig) -> Result<Pool, PoolError> {
        let PoolConfig { buffers, size, headroom } = config;
        if buffers == 0 || size == 0 {
            return Err(PoolError::Empty);
        }
        if u32::from(headroom) > size {
            return Err(PoolError::Headroom { headroom, size });
        }
        match SlabRef::new(buffers, size, headroom) {
            Some(slab) => Ok(Pool { slab }),
            None => Err(PoolError::OutOfMemory { buffers, size }),
        }
    }

    /// A new, empty packet, straight from the pool; lock-free, but every core contends for the same line. A
    /// worker uses its [`Cache`](crate::Cache). `None` when the pool is dry, which is counted.
    pub fn alloc(&self) -> Option<Mbuf> {
        let mut mbuf = None;
        self.slab.pop(1, |slot| mbuf = Some(Mbuf::new(slot, self.slab.get().headroom)));
        mbuf
    }

    /// Number of buffers in all.
    pub fn capacity(&self) -> usize {
        self.slab.get().buffers as usize
    }

    /// Number of buffers that are not live: in the pool or in a cache. Exact when nothing moves meanwhile.
    pub fn available(&self) -> usize {
        self.capacity() - self.live()
    }

    /// Number of buffers that packets occupy; clones of one packet count once. Exact when nothing moves
    /// meanwhile.
    pub fn live(&self) -> usize {
        self.slab.outside().saturating_sub(self.slab.cached()) as usize
    }

    /// Whether no buffer is live.
    pub fn is_full(&self) -> bool {
        self.live() == 0
    }

    /// How many allocations found the pool dry so far.
    pub fn refused(&self) -> u64 {
        self.slab.get().refused.load(Ordering::Relaxed)
    }

    /// Bytes in each buffer, headroom included.
    pub fn buffer_size(&self) -> usize {
        self.slab.get().size as usize
    }

    /// Bytes left free in front of a new packet. The longest packet is [`buffer_size`](Self::buffer_size) less
    /// this.
    pub fn headroom(&self) -> usize {
        usize::from(self.slab.get().headroom)
    }

    /// Bytes of the longest packet that has its headroom.
    pub fn room(&self) -> usize {
        self.buffer_size() - self.headroom()
    }

    pub(crate) fn slab(&self) -> SlabRef {
        self.slab
    }
}

impl Clone for Pool {
    fn clone(&self) -> Pool {
        self.slab.retain_handle();
        Pool { slab: self.slab }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.slab.release_handle();
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("capacity", &self.capacity())
            .field("live", &self.live())
            .field("refused", &self.refused())
            .finish()
    }
}

impl Default for PoolConfig {
    /// 4096 buffers of 2048 bytes, 128 of them headroom: a full Ethernet frame and room for more headers than
    /// anyone nests.
    fn default() -> PoolConfig {
        PoolConfig { buffers: 4096, size: 2048, headroom: 128 }
    }
}

impl fmt::Display for PoolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PoolError::Empty => f.write_str("a pool needs at least one buffer of at least one byte"),
            PoolError::Headroom { headroom, size } => {
                write!(f, "a headroom of {headroom} bytes does not fit into a buffer of {size}")
            }
            PoolError::OutOfMemory { buffers, size } => {
                write!(f, "no memory for a pool of {buffers} buffers of {size} bytes; ask for fewer")
            }
        }
    }
}

impl Error for PoolError {}
