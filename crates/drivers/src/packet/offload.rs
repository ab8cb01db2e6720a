//! Makes good what the kernel has left to a network card: checksums, VLAN tags, segmenting.

use siding_mbuf::Mbuf;
use siding_wire::checksum;

use super::ring::Frame;
use super::ring::OFFLOAD_HEADER;
use crate::Count;

/// Why a frame in the ring does not become a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    TooBig,
    Offload,
    Malformed,
}

/// The struct virtio_net_hdr (VIRTIO 1.3, 5.1.6), in the host's byte order.
struct Offload {
    needs_checksum: bool,
    segment: Option<Segment>,
    /// Bytes before what the checksum covers, counted without the VLAN tag that was put aside.
    checksum_start: usize,
    /// Where the checksum is, behind `checksum_start`.
    checksum_offset: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Segment {
    Tcp,
    Other,
}

const F_NEEDS_CSUM: u8 = 1;
const GSO_NONE: u8 = 0;
const GSO_TCPV4: u8 = 1;
const GSO_TCPV6: u8 = 4;
const GSO_ECN: u8 = 0x80;

/// Both MAC addresses: the tag goes behind them.
const MACS: usize = 12;
const TAG: usize = 4;

impl Fault {
    /// The counter for it.
    pub(super) fn count(self) -> Count {
        match self {
            Fault::TooBig => Count::RxTooBig,
            Fault::Offload => Count::RxOffload,
            Fault::Malformed => Count::RxMalformed,
        }
    }
}

/// Copies a frame into the empty `mbuf` as it would have been on a cable.
pub(super) fn copy(frame: &Frame<'_>, mbuf: &mut Mbuf) -> Result<(), Fault> {
    let offload = Offload::parse(frame.offload);
    let tag = if frame.vlan.is_some() { TAG } else { 0 };
    let fits = frame.len <= frame.data.len() && frame.data.len() + tag <= mbuf.tailroom();
    match offload.segment {
        // A TCP segment of twice the size is still a TCP segment. Two datagrams in one are not one.
        Some(Segment::Tcp) if fits => {}
        Some(_) => return Err(Fault::Offload),
        None => {}
    }
    if !fits {
        return Err(Fault::TooBig);
    }
    match frame.vlan {
        Some((tpid, tci)) => {
            let (macs, rest) = frame.data.split_at_checked(MACS).ok_or(Fault::Malformed)?;
            let (tpid, tci) = (tpid.to_be_bytes(), tci.to_be_bytes());
            let room = mbuf.append(frame.data.len() + TAG).ok_or(Fault::TooBig)?;
            room[..MACS].copy_from_slice(macs);
            room[MACS..MACS + TAG].copy_from_slice(&[tpid[0], tpid[1], tci[0], tci[1]]);
            room[MACS + TAG..].copy_from_slice(rest);
        }
        None => {
            let room = mbuf.append(frame.data.len()).ok_or(Fault::TooBig)?;
            room.copy_from_slice(frame.data);
        }
    }
    if offload.needs_checksum {
        let data = mbuf.data_mut().ok_or(Fault::Malformed)?;
        complete(data, offload.checksum_start + tag, offload.checksum_offset).ok_or(Fault::Malformed)?;
    }
    Ok(())
}

/// Completes a checksum whose field holds the sum of the pseudo header and whose rest is `frame[start..]`.
fn complete(frame: &mut [u8], start: usize, offset: usize) -> Option<()> {
    let covered = frame.get_mut(start..)?;
    // For UDP a checksum of 0 would mean that there is none (RFC 768); 0xffff is as good for all others.
    let sum = match checksum::of(covered) {
        0 => 0xffff,
        sum => sum,
    };
    covered.get_mut(offset..)?.get_mut(..2)?.copy_from_slice(&sum.to_be_bytes());
    Some(())
}

impl Offload {
    fn parse(header: &[u8; OFFLOAD_HEADER]) -> Offload {
        let [flags, gso, .., start0, start1, offset0, offset1] = *header;
        let segment = match gso & !GSO_ECN {
            GSO_NONE => None,
            GSO_TCPV4 | GSO_TCPV6 => Some(Segment::Tcp),
            _ => Some(Segment::Other),
        };
        Offload {
            needs_checksum: flags & F_NEEDS_CSUM != 0,
            segment,
            checksum_start: usize::from(u16::from_ne_bytes([start0, start1])),
            checksum_offset: usize::from(u16::from_ne_bytes([offset0, offset1])),
        }
    }
}

#[cfg(test)]
mod tests {
    use siding_mbuf::Pool;
    use siding_mbuf::PoolConfig;
    use siding_wire::checksum::Sum;

    use super::*;

    #[test]
    fn a_partial_checksum_is_completed() {
        let (frame, pseudo) = udp();
        let mbuf = run(&frame, frame.len(), header(F_NEEDS_CSUM, GSO_NONE, 34, 6), None).unwrap();
        assert_eq!(mbuf.data()[..40], frame[..40]);
        assert!(pseudo.with(&mbuf.data()[34..]).is_valid());
    }

    #[test]
    fn a_checksum_of_zero_is_written_as_all_ones() {
        // What is covered sums up to 0xffff, so that the checksum comes out as 0.
        let mut frame = vec![0; 34];
        frame.extend([0xff, 0xff, 0, 0, 0, 0, 0, 0]);
        let mbuf = run(&frame, frame.len(), header(F_NEEDS_CSUM, GSO_NONE, 34, 6), None).unwrap();
        assert_eq!(mbuf.data()[40..42], [0xff, 0xff]);
    }

    #[test]
    fn a_tag_is_put_back_and_the_checksum_found_behind_it() {
        let (frame, pseudo) = udp();
        let mbuf =
            run(&frame, frame.len(), header(F_NEEDS_CSUM, GSO_NONE, 34, 6), Some((0x88a8, 0x2064))).unwrap();
        assert_eq!(mbuf.data()[..12], frame[..12]);
        assert_eq!(mbuf.data()[12..16], [0x88, 0xa8, 0x20, 0x64]);
        assert_eq!(mbuf.data()[16..44], frame[12..40]);
        assert!(pseudo.with(&mbuf.data()[38..]).is_valid());
    }

    #[test]
    fn a_complete_checksum_is_left_alone() {
        let (frame, _) = udp();
        let mbuf = run(&frame, frame.len(), header(2, GSO_NONE, 34, 6), None).unwrap();
        assert_eq!(mbuf.data(), frame);
    }

    #[test]
    fn a_checksum_beyond_the_frame_is_malformed() {
        let (frame, _) = udp();
        for (start, offset) in
            [(0xffff, 0), (34, 0xffff), (34, frame.len() as u16 - 35), (frame.len() as u16, 0)]
        {
            let result = run(&frame, frame.len(), header(F_NEEDS_CSUM, GSO_NONE, start, offset), None);
            assert_eq!(result.err(), Some(Fault::Malformed), "{start} + {offset}");
        }
    }

    #[test]
    fn what_does_not_fit_is_too_big() {
        let plain = header(0, GSO_NONE, 0, 0);
        assert_eq!(run(&[0; 200], 200, plain, None).unwrap().len(), 200);
        assert_eq!(run(&[0; 201], 201, plain, None).err(), Some(Fault::TooBig));
        assert_eq!(run(&[0; 197], 197, plain, Some((0x8100, 1))).err(), Some(Fault::TooBig));
        assert_eq!(run(&[0; 196], 196, plain, Some((0x8100, 1))).unwrap().len(), 200);
        // Cut off by the ring.
        assert_eq!(run(&[0; 100], 101, plain, None).err(), Some(Fault::TooBig));
    }

    #[test]
    fn only_tcp_that_fits_may_be_longer_than_a_segment() {
        let (frame, _) = udp();
        for gso in [GSO_TCPV4, GSO_TCPV6, GSO_TCPV4 | GSO_ECN] {
            assert!(run(&frame, frame.len(), header(F_NEEDS_CSUM, gso, 34, 6), None).is_ok());
            assert_eq!(run(&[0; 201], 201, header(0, gso, 0, 0), None).err(), Some(Fault::Offload));
        }
        for gso in [3, 5] {
            assert_eq!(run(&frame, frame.len(), header(0, gso, 0, 0), None).err(), Some(Fault::Offload));
        }
    }

    #[test]
    fn a_tag_needs_addresses_in_front_of_it() {
        assert_eq!(run(&[0; 11], 11, header(0, 0, 0, 0), Some((0x8100, 1))).err(), Some(Fault::Malformed));
    }

    /// A frame with a UDP datagram at 34 whose checksum is partial, and the pseudo header's sum.
    fn udp() -> (Vec<u8>, Sum) {
        let mut frame: Vec<u8> = (0..34).collect();
        let datagram = [0x12, 0x34, 0, 53, 0, 13, 0, 0, 1, 2, 3, 4, 5];
        let pseudo = Sum::new().with(&[10, 0, 0, 1, 10, 0, 0, 2, 0, 17, 0, 13]);
        frame.extend(datagram);
        frame[40..42].copy_from_slice(&pseudo.fold().to_be_bytes());
        (frame, pseudo)
    }

    fn header(flags: u8, gso: u8, start: u16, offset: u16) -> [u8; OFFLOAD_HEADER] {
        let (start, offset) = (start.to_ne_bytes(), offset.to_ne_bytes());
        [flags, gso, 0, 0, 0, 0, start[0], start[1], offset[0], offset[1]]
    }

    fn run(
        data: &[u8],
        len: usize,
        offload: [u8; OFFLOAD_HEADER],
        vlan: Option<(u16, u16)>,
    ) -> Result<Mbuf, Fault> {
        let pool = Pool::new(PoolConfig { buffers: 1, size: 232, headroom: 32 }).unwrap();
        let mut mbuf = pool.alloc().unwrap();
        copy(&Frame { data, len, offload: &offload, vlan }, &mut mbuf).map(|()| mbuf)
    }
}
