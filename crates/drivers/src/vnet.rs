//! The struct virtio_net_hdr (VIRTIO 1.3, 5.1.6), by which the kernel says what it has left to a network card, and is told
//! what we leave to it. In the host's byte order.
//!
//! Behind a TAP interface a guest may write it: nothing in it is believed.

use siding_mbuf::Mbuf;
use siding_mbuf::Offload;
use siding_mbuf::SegmentKind;
use siding_mbuf::Segments;
use siding_wire::IpProto;
use siding_wire::Malformed;
use siding_wire::checksum;
use siding_wire::ether;
use siding_wire::segment::Cutter;
use siding_wire::segment::Upper;

use crate::Count;

/// Bytes of the header: without what merges buffers.
pub(crate) const LEN: usize = 10;

/// The header of a frame of which nothing is left undone.
pub(crate) const NOTHING: [u8; LEN] = [0; LEN];

/// Why a frame does not become a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Longer than a buffer, or than frames are that nobody is to cut.
    TooBig,
    /// No buffer is left.
    NoBuffer,
    /// It came when the kernel had no room for so many that are long.
    Overrun,
    /// It is to be cut in a way that nobody here knows.
    Offload,
    /// What is said of it makes no sense.
    Malformed,
}

const F_NEEDS_CSUM: u8 = 1;
const GSO_NONE: u8 = 0;
const GSO_TCPV4: u8 = 1;
const GSO_TCPV6: u8 = 4;
const GSO_UDP_L4: u8 = 5;
const GSO_ECN: u8 = 0x80;

/// Where the checksum is in a TCP and in a UDP header.
const TCP_FIELD: u8 = 16;
const UDP_FIELD: u8 = 6;

impl Fault {
    /// The counter for it.
    pub(crate) fn count(self) -> Count {
        match self {
            Fault::TooBig => Count::RxTooBig,
            Fault::NoBuffer => Count::RxNoBuffer,
            Fault::Overrun => Count::RxOverrun,
            Fault::Offload => Count::RxOffload,
            Fault::Malformed => Count::RxMalformed,
        }
    }
}

/// Whether the header says that the frame is to be cut.
pub(crate) fn is_super(header: &[u8; LEN]) -> bool {
    header[1] & !GSO_ECN != GSO_NONE
}

/// Notes in `mbuf` what the header says is left undone of the frame in it. A VLAN tag that was put aside, and is in its
/// place again, has moved everything by `tag` bytes.
pub(crate) fn note(header: &[u8; LEN], tag: usize, mbuf: &mut Mbuf) -> Result<(), Fault> {
    let [flags, gso, _, _, size0, size1, start0, start1, field0, field1] = *header;
    if flags & F_NEEDS_CSUM == 0 {
        // A super-frame whose checksum is that of the whole: nobody says which field it is in.
        return if is_super(header) { Err(Fault::Offload) } else { Ok(()) };
    }
    let start = tag + usize::from(u16::from_ne_bytes([start0, start1]));
    let field = u16::from_ne_bytes([field0, field1]);
    let field = u8::try_from(field).map_err(|_| Fault::Malformed)?;
    if start < ether::HEADER_LEN || start + usize::from(field) + 2 > mbuf.len() {
        return Err(Fault::Malformed);
    }
    let size = u16::from_ne_bytes([size0, size1]);
    let segments = match gso & !GSO_ECN {
        GSO_NONE if is_of_upper(mbuf.data(), start, field) => None,
        // It covers something else: an inner packet, SCTP, or whatever a guest has thought of. It is completed before
        // anybody looks: what is judged here is what leaves.
        GSO_NONE => {
            let bytes = mbuf.data_mut().ok_or(Fault::Malformed)?;
            return checksum::complete(bytes, start, field.into()).ok_or(Fault::Malformed);
        }
        GSO_TCPV4 | GSO_TCPV6 | GSO_UDP_L4 => segments(gso, size, (start, field), mbuf.data())?,
        _ => return Err(Fault::Offload),
    };
    let noted = mbuf.set_offload(Some(Offload { start, field, segments }));
    if noted { Ok(()) } else { Err(Fault::Malformed) }
}

/// Whether this is the checksum of the frame's TCP or UDP.
fn is_of_upper(frame: &[u8], start: usize, field: u8) -> bool {
    let upper = ether::network(frame).and_then(|(_, l3)| Upper::find(frame, l3).ok());
    upper.is_some_and(|upper| {
        let known = matches!((upper.proto, field), (IpProto::TCP, TCP_FIELD) | (IpProto::UDP, UDP_FIELD));
        known && upper.at == start && start + usize::from(field) + 2 <= upper.end
    })
}

/// How the frame is to be cut; `None` if that leaves it whole.
fn segments(
    gso: u8,
    size: u16,
    (start, field): (usize, u8),
    frame: &[u8],
) -> Result<Option<Segments>, Fault> {
    let (_, l3) = ether::network(frame).ok_or(Fault::Malformed)?;
    let cutter = Cutter::new(frame, l3, start, size.into()).map_err(|why| match why {
        // In a tunnel.
        Malformed::UnknownType => Fault::Offload,
        _ => Fault::Malformed,
    })?;
    let (ecn, is) = (gso & GSO_ECN != 0, (cutter.proto(), cutter.is_ip6(), field));
    let kind = match (gso & !GSO_ECN, is) {
        (GSO_TCPV4, (IpProto::TCP, false, TCP_FIELD)) if ecn => SegmentKind::Tcp4Ecn,
        (GSO_TCPV4, (IpProto::TCP, false, TCP_FIELD)) => SegmentKind::Tcp4,
        (GSO_TCPV6, (IpProto::TCP, true, TCP_FIELD)) if ecn => SegmentKind::Tcp6Ecn,
        (GSO_TCPV6, (IpProto::TCP, true, TCP_FIELD)) => SegmentKind::Tcp6,
        (GSO_UDP_L4, (IpProto::UDP, _, UDP_FIELD)) if !ecn => SegmentKind::Udp,
        _ => return Err(Fault::Malformed),
    };
    let header = cutter.header_len() as u8;
    Ok((cutter.count() > 1).then_some(Segments { kind, size, header }))
}

/// The header for a frame that is sent.
pub(crate) fn header(frame: &Mbuf) -> [u8; LEN] {
    let Some(Offload { start, field, segments }) = frame.offload() else { return NOTHING };
    let (gso, size, head) = match segments {
        None => (GSO_NONE, 0, start + usize::from(field) + 2),
        Some(Segments { kind, size, header }) => {
            let gso = match kind {
                SegmentKind::Tcp4 => GSO_TCPV4,
                SegmentKind::Tcp4Ecn => GSO_TCPV4 | GSO_ECN,
                SegmentKind::Tcp6 => GSO_TCPV6,
                SegmentKind::Tcp6Ecn => GSO_TCPV6 | GSO_ECN,
                SegmentKind::Udp => GSO_UDP_L4,
            };
            (gso, size, start + usize::from(header))
        }
    };
    let [h0, h1] = (head.min(frame.len()) as u16).to_ne_bytes();
    let [z0, z1] = size.to_ne_bytes();
    let [s0, s1] = (start as u16).to_ne_bytes();
    let [f0, f1] = u16::from(field).to_ne_bytes();
    [F_NEEDS_CSUM, gso, h0, h1, z0, z1, s0, s1, f0, f1]
}

#[cfg(test)]
mod tests;
