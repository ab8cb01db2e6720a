//! A packet copied into another buffer.

use crate::Cache;
use crate::Mbuf;

impl Mbuf {
    /// A copy with bytes of its own and the headroom of `cache`'s pool; interface, flow key, mark and what is left undone are
    /// copied too. `None` when that pool is dry (counted), or its buffers are too short, and so for that of large ones.
    pub fn copy(&self, cache: &mut Cache) -> Option<Mbuf> {
        let mut copy = cache.alloc_for(self.len())?;
        if !copy.extend_from_slice(self.data()) || !copy.set_offload(self.offload()) {
            return None;
        }
        copy.set_rcvif(self.rcvif());
        copy.set_flow(self.flow());
        copy.set_mark(self.mark());
        Some(copy)
    }
}
