//! What was left to a network card to do, done here: checksums completed, super-frames cut.
//!
//! A packet keeps what is left undone as long as it only passes: whoever sends it can do it, or the port does. It is done
//! where somebody reads what is covered, or cuts the packet.

use std::borrow::Cow;

use siding_mbuf::Cache;
use siding_mbuf::Mbuf;
use siding_mbuf::Offload;
use siding_wire::Malformed;
use siding_wire::checksum;
use siding_wire::ether;
use siding_wire::segment::Cutter;

use crate::drops::DropReason;

/// The bytes of a packet as they would be on a wire, but for its length: a super-frame stays one.
pub fn finished(packet: &Mbuf) -> Cow<'_, [u8]> {
    let Some(offload) = packet.offload() else { return Cow::Borrowed(packet.data()) };
    let mut bytes = packet.data().to_vec();
    // One that lies elsewhere is left as it is, and found to be wrong by whoever reads it.
    let _ = checksum::complete(&mut bytes, offload.start, offload.field.into());
    Cow::Owned(bytes)
}

/// Completes the checksum in place: that of a super-frame as a whole. A packet that is shared stays as it is.
pub(crate) fn complete(packet: &mut Mbuf) {
    let offload = packet.offload();
    let Some(bytes) = packet.data_mut() else { return };
    // If it lies elsewhere there is nothing to complete, and nothing to be said about it either: it is finished.
    if let Some(Offload { start, field, .. }) = offload {
        let _ = checksum::complete(bytes, start, field.into());
    }
    let _ = packet.set_offload(None);
}

/// Hands a packet to `each` as it is to be on the wire: cut into segments of its own, or with its checksum completed. Its IP
/// header begins at `l3`. Says what became of it if it cannot be: then nothing, or not all, has been handed on.
pub(crate) fn cut(
    cache: &mut Cache,
    mut packet: Mbuf,
    l3: usize,
    mut each: impl FnMut(&mut Cache, Mbuf),
) -> Result<(), DropReason> {
    let Some(Offload { start, segments: Some(cut), .. }) = packet.offload() else {
        if packet.is_shared() {
            let copy = packet.copy(cache).ok_or(DropReason::NoBuffer);
            cache.free(packet);
            packet = copy?;
        }
        complete(&mut packet);
        each(cache, packet);
        return Ok(());
    };
    let result = segments(cache, &packet, (l3, start, cut.size.into()), usize::MAX, &mut each);
    cache.free(packet);
    result.map(|_| ())
}

/// The same for the last `most` segments of a super-frame whose IP header it begins with. Gives how many come before.
pub(crate) fn cut_last(
    cache: &mut Cache,
    packet: Mbuf,
    most: usize,
    mut each: impl FnMut(Mbuf),
) -> Result<usize, DropReason> {
    let result = match packet.offload() {
        Some(Offload { start, segments: Some(cut), .. }) => {
            segments(cache, &packet, (0, start, cut.size.into()), most, &mut |_, segment| each(segment))
        }
        _ => Ok(0),
    };
    cache.free(packet);
    result
}

/// The same for a frame, whatever tags it has.
pub(crate) fn cut_frame(
    cache: &mut Cache,
    frame: Mbuf,
    each: impl FnMut(&mut Cache, Mbuf),
) -> Result<(), DropReason> {
    match ether::network(frame.data()) {
        Some((_, l3)) => cut(cache, frame, l3, each),
        None => {
            cache.free(frame);
            Err(DropReason::Malformed(Malformed::Truncated))
        }
    }
}

fn segments(
    cache: &mut Cache,
    packet: &Mbuf,
    (l3, l4, size): (usize, usize, usize),
    most: usize,
    each: &mut impl FnMut(&mut Cache, Mbuf),
) -> Result<usize, DropReason> {
    let cutter = Cutter::new(packet.data(), l3, l4, size).map_err(DropReason::Malformed)?;
    let first = cutter.count().saturating_sub(most);
    for n in first..cutter.count() {
        let len = cutter.frame_len(n);
        let mut segment = cache.alloc_for(len).ok_or(DropReason::NoBuffer)?;
        let room = segment.append(len).ok_or(DropReason::NoBuffer)?;
        cutter.emit(n, room).map_err(DropReason::Malformed)?;
        segment.set_rcvif(packet.rcvif());
        segment.set_flow(packet.flow());
        segment.set_mark(packet.mark());
        each(cache, segment);
    }
    Ok(first)
}
