//! A frame of the ring becomes a packet: its VLAN tag is put back, and what the kernel has left undone is noted.

use siding_mbuf::Cache;
use siding_mbuf::Mbuf;

use super::ring::Frame;
use crate::vnet;
use crate::vnet::Fault;

/// Both MAC addresses: the tag goes behind them.
const MACS: usize = 12;
const TAG: usize = 4;

/// Copies a frame out of the ring, as it would have been on a cable but for what is left undone.
#[inline]
pub(super) fn take(frame: &Frame<'_>, cache: &mut Cache) -> Result<Mbuf, Fault> {
    if frame.len > frame.data.len() {
        // Cut off. If it is to be cut into segments it would have been in the socket's queue, had there been room.
        return Err(if vnet::is_super(frame.offload) { Fault::Overrun } else { Fault::TooBig });
    }
    let mut mbuf = place(frame, cache)?;
    let (macs, rest) = split(frame, &mut mbuf)?;
    let (from_macs, from_rest) = frame.data.split_at_checked(MACS).unwrap_or((frame.data, &[]));
    macs.copy_from_slice(from_macs);
    rest.copy_from_slice(from_rest);
    vnet::note(frame.offload, tag_len(frame), &mut mbuf)?;
    Ok(mbuf)
}

/// An empty packet for a frame: a large one for what is to be cut, and for nothing else.
pub(super) fn place(frame: &Frame<'_>, cache: &mut Cache) -> Result<Mbuf, Fault> {
    let len = frame.len + tag_len(frame);
    if len > cache.pool().room() && !vnet::is_super(frame.offload) {
        return Err(Fault::TooBig);
    }
    cache.alloc_for(len).ok_or(Fault::NoBuffer)
}

/// Makes `mbuf` as long as the frame is, with its tag in place. Gives what is in front of the tag, and what is behind it, to
/// be written.
pub(super) fn split<'m>(
    frame: &Frame<'_>,
    mbuf: &'m mut Mbuf,
) -> Result<(&'m mut [u8], &'m mut [u8]), Fault> {
    let room = mbuf.append(frame.len + tag_len(frame)).ok_or(Fault::TooBig)?;
    let Some((tpid, tci)) = frame.vlan else {
        return Ok(room.split_at_mut(MACS.min(frame.len)));
    };
    if frame.len < MACS {
        return Err(Fault::Malformed);
    }
    let (macs, rest) = room.split_at_mut(MACS);
    let (tag, rest) = rest.split_at_mut(TAG);
    tag[..2].copy_from_slice(&tpid.to_be_bytes());
    tag[2..].copy_from_slice(&tci.to_be_bytes());
    Ok((macs, rest))
}

/// Bytes that putting the tag back adds.
pub(super) fn tag_len(frame: &Frame<'_>) -> usize {
    if frame.vlan.is_some() { TAG } else { 0 }
}

#[cfg(test)]
mod tests {
    use siding_mbuf::Offload;
    use siding_mbuf::Pool;
    use siding_mbuf::PoolConfig;

    use super::*;

    /// The checksum of what begins at 34 is unfinished.
    const UNFINISHED: [u8; vnet::LEN] = header(1, 0, 34, 6);

    /// UDP over IPv4 with a checksum of 0.
    fn udp() -> Vec<u8> {
        let ip = [0x45, 0, 0, 33, 0, 0, 0, 0, 64, 17, 0x66, 0xca, 10, 0, 0, 1, 10, 0, 0, 2];
        let upper = [0x12, 0x34, 0, 53, 0, 13, 0, 0, 1, 2, 3, 4, 5];
        [&[2; 12][..], &[8, 0], &ip, &upper].concat()
    }

    #[test]
    fn an_unfinished_checksum_is_noted_and_the_bytes_left_alone() {
        let frame = udp();
        let mbuf = run(&frame, frame.len(), UNFINISHED, None).unwrap();
        assert_eq!(mbuf.data(), frame);
        assert_eq!(mbuf.offload(), Some(Offload { start: 34, field: 6, segments: None }));
        let mbuf = run(&frame, frame.len(), header(2, 0, 34, 6), None).unwrap();
        assert_eq!(mbuf.offload(), None);
    }

    #[test]
    fn a_tag_is_put_back_and_the_checksum_found_behind_it() {
        let frame = udp();
        let mbuf = run(&frame, frame.len(), UNFINISHED, Some((0x88a8, 0x2064))).unwrap();
        assert_eq!(mbuf.data()[..12], frame[..12]);
        assert_eq!(mbuf.data()[12..16], [0x88, 0xa8, 0x20, 0x64]);
        assert_eq!(mbuf.data()[16..], frame[12..]);
        assert_eq!(mbuf.offload(), Some(Offload { start: 38, field: 6, segments: None }));
    }

    #[test]
    fn what_does_not_fit_is_too_big_unless_it_is_to_be_cut() {
        let plain = header(0, 0, 0, 0);
        assert_eq!(run(&[0; 200], 200, plain, None).unwrap().len(), 200);
        assert_eq!(run(&[0; 201], 201, plain, None).err(), Some(Fault::TooBig));
        assert_eq!(run(&[0; 197], 197, plain, Some((0x8100, 1))).err(), Some(Fault::TooBig));
        assert_eq!(run(&[0; 196], 196, plain, Some((0x8100, 1))).unwrap().len(), 200);
        // Cut off by the ring.
        assert_eq!(run(&[0; 100], 101, plain, None).err(), Some(Fault::TooBig));
        assert_eq!(run(&[0; 100], 101, header(1, 4, 54, 16), None).err(), Some(Fault::Overrun));
        // There are no large buffers.
        assert_eq!(run(&[0; 201], 201, header(1, 4, 54, 16), None).err(), Some(Fault::NoBuffer));
    }

    #[test]
    fn a_tag_needs_addresses_in_front_of_it() {
        assert_eq!(run(&[0; 11], 11, header(0, 0, 0, 0), Some((0x8100, 1))).err(), Some(Fault::Malformed));
        assert_eq!(run(&[7; 11], 11, header(0, 0, 0, 0), None).unwrap().data(), [7; 11]);
    }

    const fn header(flags: u8, gso: u8, start: u16, field: u16) -> [u8; vnet::LEN] {
        let (start, field) = (start.to_ne_bytes(), field.to_ne_bytes());
        [flags, gso, 0, 0, 0, 0, start[0], start[1], field[0], field[1]]
    }

    fn run(
        data: &[u8],
        len: usize,
        offload: [u8; vnet::LEN],
        vlan: Option<(u16, u16)>,
    ) -> Result<Mbuf, Fault> {
        let pool = Pool::new(PoolConfig { buffers: 2, size: 232, headroom: 32 }).unwrap();
        let frame = Frame { data, len, offload: &offload, queued: false, vlan };
        take(&frame, &mut pool.cache(2))
    }
}
