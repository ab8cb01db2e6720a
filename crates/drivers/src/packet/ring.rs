//! The receive ring: memory that the kernel writes frames into (packet_mmap in the kernel's documentation).
//!
//! *Locks*: none; a slot belongs to whom its status word says. *Teardown*: dropping the ring unmaps it; the kernel's
//! side goes with the socket.

use std::ffi::c_void;
use std::io;
use std::os::fd::BorrowedFd;
use std::ptr::NonNull;
use std::slice;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering;

use rustix::mm::MapFlags;
use rustix::mm::ProtFlags;

use crate::vnet::LEN as OFFLOAD_HEADER;

/// Numbers of a ring that fit together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    /// A power of two.
    frames: u32,
    /// Bytes of a slot: a power of two.
    frame_size: u32,
    /// Bytes of a block, the kernel's unit of allocation: a power of two, as many slots as fit.
    block_size: u32,
}

/// The mapped ring, and where we are in it.
#[derive(Debug)]
pub(super) struct Ring {
    base: NonNull<c_void>,
    layout: Layout,
    /// The slot that the kernel fills next, as far as we have read.
    at: u32,
    /// Slots given back so far.
    taken: u64,
}

/// One frame in the ring.
pub(super) struct Frame<'a> {
    /// From the destination MAC on, without the VLAN tag that the kernel has put aside.
    pub(super) data: &'a [u8],
    /// Its length on the wire; more than `data` has if it was cut off.
    pub(super) len: usize,
    /// The struct virtio_net_hdr.
    pub(super) offload: &'a [u8; OFFLOAD_HEADER],
    /// The whole of it is in the socket's queue.
    pub(super) queued: bool,
    /// The tag that was put aside: TPID and TCI.
    pub(super) vlan: Option<(u16, u16)>,
}

/// Upper bound of what the kernel puts in front of a frame in its slot: tpacket2_hdr, sockaddr_ll, alignment, the
/// offload header (the kernel's tpacket_rcv).
const FRONT: u32 = 128;

const ETH_P_8021Q: u16 = 0x8100;

impl Layout {
    /// `None` if there can be no such ring.
    pub(super) fn new(frames: u32, max_frame: u32) -> Option<Layout> {
        if !(1..=1 << 20).contains(&frames) || !(60..=65_000).contains(&max_frame) {
            return None;
        }
        let frames = frames.next_power_of_two();
        let frame_size = (max_frame + FRONT).next_power_of_two();
        if u64::from(frames) * u64::from(frame_size) > 1 << 31 {
            return None;
        }
        // Whole pages (of up to 64 KiB), no slot across two blocks, and no block larger than the ring if that
        // can be.
        let block_size = frame_size.max(1 << 16);
        let frames = frames.max(block_size / frame_size);
        Some(Layout { frames, frame_size, block_size })
    }

    /// What to ask the kernel for.
    pub(super) fn request(self) -> libc::tpacket_req {
        libc::tpacket_req {
            tp_block_size: self.block_size,
            tp_block_nr: (self.bytes() / self.block_size as usize) as u32,
            tp_frame_size: self.frame_size,
            tp_frame_nr: self.frames,
        }
    }

    fn bytes(self) -> usize {
        self.frames as usize * self.frame_size as usize
    }
}

impl Ring {
    /// Maps the ring that `socket` has been given by [`Layout::request`].
    pub(super) fn map(socket: BorrowedFd<'_>, layout: Layout) -> io::Result<Ring> {
        // JUSTIFICATION: the ring is shared with the kernel, there is no other way to it.
        // SAFETY: a new mapping at an address of the kernel's choice disturbs nothing that is there.
        let base = unsafe {
            rustix::mm::mmap(
                std::ptr::null_mut(),
                layout.bytes(),
                ProtFlags::READ | ProtFlags::WRITE,
                MapFlags::SHARED,
                socket,
                0,
            )?
        };
        let base = NonNull::new(base).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Ring { base, layout, at: 0, taken: 0 })
    }

    /// Gives the next frame's slot back to the kernel and moves on. Says whether the kernel had marked it to tell
    /// that it has dropped some. To be called only while [`is_ready`](Self::is_ready).
    pub(super) fn release(&mut self) -> bool {
        let status = self.status();
        let losing = status.load(Ordering::Relaxed) & libc::TP_STATUS_LOSING != 0;
        // Release: our reads of the frame come before the kernel's writes of the next.
        status.store(libc::TP_STATUS_KERNEL, Ordering::Release);
        self.at = (self.at + 1) & (self.layout.frames - 1);
        self.taken += 1;
        losing
    }

    /// Frames that it holds at the most.
    pub(super) fn len(&self) -> u64 {
        self.layout.frames.into()
    }

    /// Frames that have been given back so far.
    pub(super) fn taken(&self) -> u64 {
        self.taken
    }

    /// Whether there is a next frame.
    pub(super) fn is_ready(&self) -> bool {
        self.status().load(Ordering::Acquire) & libc::TP_STATUS_USER != 0
    }

    /// The next frame, if it is there and the kernel's description of it makes sense.
    pub(super) fn next(&self) -> Option<Frame<'_>> {
        // Acquire: the kernel's writes of the frame come before our reads.
        let status = self.status().load(Ordering::Acquire);
        if status & libc::TP_STATUS_USER == 0 {
            return None;
        }
        // JUSTIFICATION: the kernel writes the header into shared memory.
        // SAFETY: a slot starts with a tpacket2_hdr (PACKET_VERSION is V2), slots are longer than that and aligned to
        // at least 128. The status says that the slot is ours until `release`, which takes `&mut self`: the kernel
        // does not write to it meanwhile, and the plain read races with nobody.
        let header = unsafe { self.slot().cast::<libc::tpacket2_hdr>().read() };
        let (start, len) = (usize::from(header.tp_mac), header.tp_snaplen as usize);
        let within = start >= size_of::<libc::tpacket2_hdr>() + OFFLOAD_HEADER
            && start + len <= self.layout.frame_size as usize;
        if !within {
            return None;
        }
        // JUSTIFICATION: frame and offload header lie in shared memory.
        // SAFETY: from OFFLOAD_HEADER bytes before `start` to `start + len` is within the slot, checked above; the
        // kernel zeroes the ring when it makes it, so all is initialised; it is ours while the borrow of `self` lives,
        // see above.
        let (offload, data) = unsafe {
            let data = self.slot().cast::<u8>().add(start);
            (
                data.sub(OFFLOAD_HEADER).cast::<[u8; OFFLOAD_HEADER]>().as_ref(),
                slice::from_raw_parts(data.as_ptr(), len),
            )
        };
        let vlan = (status & libc::TP_STATUS_VLAN_VALID != 0).then(|| {
            let known = status & libc::TP_STATUS_VLAN_TPID_VALID != 0;
            (if known { header.tp_vlan_tpid } else { ETH_P_8021Q }, header.tp_vlan_tci)
        });
        let queued = status & libc::TP_STATUS_COPY != 0;
        Some(Frame { data, len: header.tp_len as usize, offload, queued, vlan })
    }

    fn status(&self) -> &AtomicU32 {
        // JUSTIFICATION: kernel and we take turns by this word.
        // SAFETY: `tp_status` is a u32 and the slot's first field, aligned (see `next`); both sides use it atomically
        // only (the read of the whole header in `next` is of a slot that is ours), and the mapping outlives `self`.
        unsafe { AtomicU32::from_ptr(self.slot().cast().as_ptr()) }
    }

    fn slot(&self) -> NonNull<c_void> {
        // JUSTIFICATION: address arithmetic within the mapping.
        // SAFETY: `at` is below `frames`, so the slot lies within the mapping. Blocks are mapped one behind the
        // other and each is full of slots, so slots are too.
        unsafe { self.base.byte_add(self.at as usize * self.layout.frame_size as usize) }
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        // JUSTIFICATION: end of the mapping made in `map`.
        // SAFETY: address and length are those that were mapped; frames borrow the ring, so none is left. There is
        // nothing to be done about an error.
        let _ = unsafe { rustix::mm::munmap(self.base.as_ptr(), self.layout.bytes()) };
    }
}

// JUSTIFICATION: the pointer is what makes it !Send.
// SAFETY: the mapping belongs to the ring alone, and any thread may use it.
unsafe impl Send for Ring {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layouts_fit_together() {
        for frames in [1, 2, 31, 32, 33, 1000, 1024, 1 << 15] {
            for max_frame in [60, 64, 1514, 1920, 1921, 9014, 65_000] {
                let layout = Layout::new(frames, max_frame).unwrap();
                let request = layout.request();
                assert!(request.tp_frame_nr >= frames && request.tp_frame_nr.is_power_of_two());
                assert!(request.tp_frame_size >= max_frame + FRONT);
                assert_eq!(request.tp_block_size % 65_536, 0);
                assert_eq!(request.tp_block_size % request.tp_frame_size, 0);
                let bytes = u64::from(request.tp_block_nr) * u64::from(request.tp_block_size);
                assert_eq!(bytes, u64::from(request.tp_frame_nr) * u64::from(request.tp_frame_size));
            }
        }
        assert_eq!(Layout::new(1024, 1920).map(|l| l.frame_size), Some(2048));
    }

    #[test]
    fn layouts_that_cannot_be_are_refused() {
        for (frames, max_frame) in [(0, 1500), (1, 0), (1, 65_001), (u32::MAX, 1500), (1 << 20, 65_000)] {
            assert_eq!(Layout::new(frames, max_frame), None);
        }
    }
}
