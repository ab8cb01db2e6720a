//! Dispatching several packets at once.

use std::ffi::c_int;

use crate::callback::with_token;
use crate::error::*;
use crate::packet::SidingPacket;
use crate::pointers::*;
use crate::types::SidingType;

/// How many packets are dealt with in one go.
const CHUNK: usize = 32;

/// A batch on its way: what is refused moves to the front, and what has gone is not seen again.
struct Batch<'p> {
    packets: &'p mut [SidingPacket],
    /// How many were refused. They are in front.
    refused: usize,
    /// The first that was not come to.
    next: usize,
    count: Place<usize>,
}

impl Drop for Batch<'_> {
    /// Tells how many are left. What was not come to, for a panic, is the caller's too.
    fn drop(&mut self) {
        self.packets.copy_within(self.next.., self.refused);
        self.count.put(self.refused + self.packets.len() - self.next);
    }
}

/// Queues the `*count` packets of a batch, in order, for the price of little more than one. Those that are refused are
/// moved to the front of `packets`, in their order, and stay the caller's; `*count` says how many they are: 0 is all done.
/// To try again is to call again; but what is refused because its interface has gone, or its type, always will be. Answers
/// 0 whether packets are refused or not; why they are, `siding_dispatch` tells of each.
///
/// # Safety
///
/// Pointers are NULL or good, `packets` for `*count` of them; it may be NULL if that is 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn siding_dispatch_batch(
    kind: *const SidingType,
    packets: *mut SidingPacket,
    count: *mut usize,
) -> c_int {
    guarded(|| {
        // SAFETY: as promised.
        let (kind, place, count) = unsafe { (given(kind)?, place(count)?, *given(count)?) };
        // SAFETY: as promised.
        let packets = unsafe { given_many(packets, count) }?;
        let mut batch = Batch { packets, refused: 0, next: 0, count: place };
        with_token(|token| {
            while batch.next < batch.packets.len() {
                let end = batch.packets.len().min(batch.next + CHUNK);
                let mut chunk = [const { None }; CHUNK];
                let views = &batch.packets[batch.next..end];
                chunk.iter_mut().zip(views).for_each(|(entry, view)| *entry = Some((kind.own(*view), ())));
                let chunk = &mut chunk[..end - batch.next];
                // From here on they are the facility's, or come back.
                batch.next = end;
                kind.kind.dispatch_batch(token, chunk);
                for (refused, ()) in chunk.iter_mut().filter_map(Option::take) {
                    batch.packets[batch.refused] = refused.into_view();
                    batch.refused += 1;
                }
            }
        })
    })
}
