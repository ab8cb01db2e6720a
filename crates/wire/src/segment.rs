//! Super-frames: one frame with the headers of one TCP segment or UDP datagram, and the data of many. Linux hosts hand
//! them to a network card that is to cut them (TSO, USO); a [`Cutter`] does what the card would have done.
//!
//! Whoever made the frame chose all of it: every length is checked against the bytes that came before anything is cut.

use crate::IpProto;
use crate::Malformed;
use crate::checksum;
use crate::checksum::Ends;
use crate::checksum::Sum;
use crate::ext6;
use crate::ext6::ExtKind;
use crate::ip4;
use crate::ip4::Ip4Repr;
use crate::ip6;
use crate::ip6::Ip6Repr;
use crate::tcp;
use crate::udp;

/// Segments that one super-frame is cut into at the most. Linux makes some 50 of 1,448 bytes; thousands of a few bytes
/// each would be made by one who wants to keep us busy.
pub const MOST: usize = 1024;

/// A super-frame that makes sense, to be cut into segments.
#[derive(Debug, Clone, Copy)]
pub struct Cutter<'a> {
    /// The frame, without what pads it.
    frame: &'a [u8],
    /// Where the IP header begins.
    l3: usize,
    /// Where the TCP or UDP header begins.
    l4: usize,
    /// Where the data begin.
    data: usize,
    /// Bytes of data in each segment, but for the last.
    size: usize,
    ends: Ends,
    proto: IpProto,
}

/// What a packet carries that is no fragment, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Upper {
    /// From whom to whom, as its checksum has it.
    pub ends: Ends,
    /// Its protocol.
    pub proto: IpProto,
    /// Where in the frame it begins.
    pub at: usize,
    /// Where it ends; what follows pads the frame.
    pub end: usize,
}

impl Upper {
    /// Finds it in a frame whose IP header begins at `l3`.
    ///
    /// # Errors
    ///
    /// [`Malformed`] for a packet whose headers make no sense, for a fragment, and for one that is not yet on its way to its
    /// last destination.
    pub fn find(frame: &[u8], l3: usize) -> Result<Upper, Malformed> {
        let packet = frame.get(l3..).ok_or(Malformed::Truncated)?;
        match packet.first().ok_or(Malformed::Truncated)? >> 4 {
            4 => {
                let (header, payload) = Ip4Repr::parse(packet)?;
                if header.is_fragment() {
                    return Err(Malformed::BadLength);
                }
                let at = l3 + ip4::header_len(packet)?;
                let ends = Ends::V4 { src: header.src, dst: header.dst };
                Ok(Upper { ends, proto: header.proto, at, end: at + payload.len() })
            }
            6 => {
                let (header, payload) = Ip6Repr::parse(packet)?;
                let mut routed = false;
                let upper = ext6::walk(header.next_header, payload, |header| {
                    // The checksum is over the last destination (RFC 8200 s8.1), which the header does not name.
                    routed |= matches!(header.kind, ExtKind::Routing { segments_left: 1.., .. });
                });
                let upper = upper.map_err(|_| Malformed::BadOption)?;
                if upper.fragment.is_some() || routed {
                    return Err(Malformed::BadLength);
                }
                let start = l3 + ip6::HEADER_LEN;
                let ends = Ends::V6 { src: header.src, dst: header.dst };
                Ok(Upper { ends, proto: upper.proto, at: start + upper.offset, end: start + payload.len() })
            }
            _ => Err(Malformed::BadVersion),
        }
    }
}

impl<'a> Cutter<'a> {
    /// Reads a frame whose IP header begins at `l3` and whose TCP or UDP header begins at `l4`, to be cut into segments
    /// of `size` bytes of data. The checksum of TCP or UDP may be anything.
    ///
    /// # Errors
    ///
    /// [`Malformed`] if its headers say something else, are cut short or are those of a fragment, or if it
    /// would come to no segments or to more than [`MOST`].
    pub fn new(frame: &'a [u8], l3: usize, l4: usize, size: usize) -> Result<Cutter<'a>, Malformed> {
        let found = Upper::find(frame, l3)?;
        let (ends, proto) = (found.ends, found.proto);
        if !matches!(proto, IpProto::TCP | IpProto::UDP) {
            return Err(Malformed::UnknownType);
        }
        if found.at != l4 {
            return Err(Malformed::BadLength);
        }
        let frame = frame.get(..found.end).ok_or(Malformed::Truncated)?;
        let upper = frame.get(l4..).ok_or(Malformed::Truncated)?;
        let header = match proto {
            IpProto::TCP => {
                let offset = upper.get(12).ok_or(Malformed::Truncated)? >> 4;
                usize::from(offset) * 4
            }
            _ => udp::HEADER_LEN,
        };
        if proto == IpProto::TCP && header < tcp::HEADER_LEN {
            return Err(Malformed::BadLength);
        }
        let data = upper.len().checked_sub(header).filter(|data| *data > 0).ok_or(Malformed::BadLength)?;
        if size == 0 || data.div_ceil(size) > MOST {
            return Err(Malformed::BadLength);
        }
        Ok(Cutter { frame, l3, l4, data: l4 + header, size, ends, proto })
    }

    /// How many segments there will be; at least one.
    pub fn count(&self) -> usize {
        (self.frame.len() - self.data).div_ceil(self.size)
    }

    /// TCP or UDP.
    pub fn proto(&self) -> IpProto {
        self.proto
    }

    /// Whether it is IPv6; else it is IPv4.
    pub fn is_ip6(&self) -> bool {
        matches!(self.ends, Ends::V6 { .. })
    }

    /// Bytes of the TCP or UDP header: 8 to 60.
    pub fn header_len(&self) -> usize {
        self.data - self.l4
    }

    /// Bytes of the `n`th frame, from 0.
    pub fn frame_len(&self, n: usize) -> usize {
        self.data + self.part(n).len()
    }

    /// Writes the `n`th frame to the front of `out`, and says how long it is.
    ///
    /// # Errors
    ///
    /// [`Malformed::NoRoom`] below [`frame_len`](Self::frame_len) bytes, [`Malformed::BadLength`] if there is no such
    /// segment.
    pub fn emit(&self, n: usize, out: &mut [u8]) -> Result<usize, Malformed> {
        if n >= self.count() {
            return Err(Malformed::BadLength);
        }
        let part = self.part(n);
        let out = out.get_mut(..self.data + part.len()).ok_or(Malformed::NoRoom)?;
        let (headers, data) = out.split_at_mut(self.data);
        headers.copy_from_slice(&self.frame[..self.data]);
        data.copy_from_slice(part);
        let len = out.len() - self.l3;
        let packet = &mut out[self.l3..];
        match self.ends {
            Ends::V4 { .. } => {
                let ident = u16::from_be_bytes([packet[4], packet[5]]).wrapping_add(n as u16);
                packet[2..4].copy_from_slice(&(len as u16).to_be_bytes());
                packet[4..6].copy_from_slice(&ident.to_be_bytes());
                packet[10..12].fill(0);
                let sum = checksum::of(&packet[..self.l4 - self.l3]);
                packet[10..12].copy_from_slice(&sum.to_be_bytes());
            }
            Ends::V6 { .. } => {
                packet[4..6].copy_from_slice(&((len - ip6::HEADER_LEN) as u16).to_be_bytes());
            }
        }
        let upper = &mut out[self.l4..];
        let len = upper.len();
        let field = match self.proto {
            IpProto::TCP => {
                self.tcp(n, upper);
                16
            }
            _ => {
                upper[4..6].copy_from_slice(&(len as u16).to_be_bytes());
                6
            }
        };
        upper[field..field + 2].fill(0);
        let sum = match Sum::pseudo(self.ends, self.proto, len as u32).with(upper).finish() {
            // To UDP, 0 would say that there is none (RFC 768).
            0 if self.proto == IpProto::UDP => 0xffff,
            sum => sum,
        };
        upper[field..field + 2].copy_from_slice(&sum.to_be_bytes());
        Ok(out.len())
    }

    /// The sequence number moves on; the end of the data is the last segment's, and that the window was reduced is said
    /// once (RFC 3168 s6.1.2).
    fn tcp(&self, n: usize, header: &mut [u8]) {
        const FIN_PSH: u8 = 0x09;
        const CWR: u8 = 0x80;
        let seq = u32::from_be_bytes([header[4], header[5], header[6], header[7]]);
        let seq = seq.wrapping_add((n * self.size) as u32);
        header[4..8].copy_from_slice(&seq.to_be_bytes());
        if n + 1 < self.count() {
            header[13] &= !FIN_PSH;
        }
        if n > 0 {
            header[13] &= !CWR;
        }
    }

    fn part(&self, n: usize) -> &'a [u8] {
        let data = &self.frame[self.data..];
        let from = n.saturating_mul(self.size).min(data.len());
        &data[from..data.len().min(from.saturating_add(self.size))]
    }
}

#[cfg(test)]
#[path = "segment_tests.rs"]
mod tests;
