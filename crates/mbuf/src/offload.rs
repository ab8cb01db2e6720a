//! What was left to a network card to do to a packet: completing a checksum, cutting a super-frame into segments.

/// Work that the sender of a packet has left undone. It goes with the packet until somebody does it, or
/// hands it on to one who can.
///
/// Positions are counted from the packet's first byte, wherever that is at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offload {
    /// Where the bytes begin that the unfinished checksum covers: the TCP or UDP header.
    pub start: usize,
    /// Where its field is, behind `start`; it holds the sum of the pseudo header.
    pub field: u8,
    /// How the packet is to be cut, if it holds the data of more than one.
    pub segments: Option<Segments>,
}

/// How a super-frame is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segments {
    /// What the segments are.
    pub kind: SegmentKind,
    /// Bytes of data in each, but for the last; not 0.
    pub size: u16,
    /// Bytes of the TCP or UDP header, which each segment has.
    pub header: u8,
}

/// What a super-frame is cut into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum SegmentKind {
    /// TCP over IPv4.
    Tcp4 = 1,
    /// TCP over IPv4, the first segment of which says that the window was reduced (RFC 3168).
    Tcp4Ecn = 2,
    /// TCP over IPv6.
    Tcp6 = 3,
    /// TCP over IPv6, the first segment of which says that the window was reduced.
    Tcp6Ecn = 4,
    /// UDP datagrams, over either.
    Udp = 5,
}

impl SegmentKind {
    const ALL: [SegmentKind; 5] =
        [SegmentKind::Tcp4, SegmentKind::Tcp4Ecn, SegmentKind::Tcp6, SegmentKind::Tcp6Ecn, SegmentKind::Udp];
}

impl Offload {
    /// In one word, with `start` as counted from the buffer's first byte. `None` if it is too far behind.
    pub(crate) fn pack(&self, off: u32) -> Option<u64> {
        let start = u16::try_from(self.start.checked_add(off as usize)?).ok()?;
        let (kind, size, header) = match self.segments {
            Some(Segments { kind, size, header }) if size > 0 => (kind as u8, size, header),
            Some(_) => return None,
            None => (0, 0, 0),
        };
        let [s0, s1] = start.to_le_bytes();
        let [z0, z1] = size.to_le_bytes();
        Some(u64::from_le_bytes([s0, s1, self.field, kind, z0, z1, header, 0]))
    }

    /// `None` if the packet begins behind what the checksum covers: then there is nothing left to do.
    pub(crate) fn unpack(word: u64, off: u32) -> Option<Offload> {
        let [s0, s1, field, kind, z0, z1, header, _] = word.to_le_bytes();
        let start = usize::from(u16::from_le_bytes([s0, s1])).checked_sub(off as usize)?;
        let size = u16::from_le_bytes([z0, z1]);
        let kind = SegmentKind::ALL.into_iter().find(|known| *known as u8 == kind);
        Some(Offload { start, field, segments: kind.map(|kind| Segments { kind, size, header }) })
    }
}
