//! Queries of version 2: RFC 3810 s5.1.

use core::net::Ipv6Addr;

use super::code;
use crate::Malformed;
use crate::icmp6::Icmp6Type;
use crate::writer::Writer;

/// A router asks who listens, and to which sources.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueryV2<'a> {
    /// Within which time to answer, in milliseconds; at most 8 387 584. Written rounded down to what the code
    /// can say.
    pub max_response: u32,
    /// To which group; :: for all.
    pub group: Ipv6Addr,
    /// S: other routers leave their timers alone.
    pub suppress: bool,
    /// The querier's robustness, 0..=7; 0 if it is greater than 7.
    pub robustness: u8,
    /// The querier's query interval, in seconds; at most 31 744. Written rounded down to what the code can
    /// say.
    pub interval: u32,
    /// Which sources, in network order; none for all.
    pub sources: &'a [[u8; 16]],
}

impl<'a> QueryV2<'a> {
    /// Bytes of the message without sources.
    pub const MIN_LEN: usize = 28;

    /// Nothing if the sources run beyond the message; what follows them is ignored (RFC 3810 s5.1.12).
    pub(super) fn read(message: &'a [u8]) -> Option<QueryV2<'a>> {
        let &[_, _, _, _, high, low, _, _] = message.first_chunk::<8>()?;
        let (group, rest) = message.get(8..)?.split_first_chunk::<16>()?;
        let (&[flags, interval, many, few], rest) = rest.split_first_chunk::<4>()?;
        let (sources, _) = rest.as_chunks::<16>();
        Some(QueryV2 {
            max_response: code::delay_of(u16::from_be_bytes([high, low])),
            group: Ipv6Addr::from(*group),
            suppress: flags & 8 != 0,
            robustness: flags & 7,
            interval: code::interval_of(interval),
            sources: sources.get(..usize::from(u16::from_be_bytes([many, few])))?,
        })
    }

    /// Writes the whole ICMPv6 message to the front of `out` and says how many bytes it took.
    ///
    /// # Errors
    /// [`Malformed::NoRoom`] below [`QueryV2::buffer_len`], [`Malformed::TooLong`] for more than 65 535
    /// sources.
    pub fn emit(&self, src: Ipv6Addr, dst: Ipv6Addr, out: &mut [u8]) -> Result<usize, Malformed> {
        let count = u16::try_from(self.sources.len()).map_err(|_| Malformed::TooLong)?;
        let [high, low] = code::code_of_delay(self.max_response).to_be_bytes();
        let [many, few] = count.to_be_bytes();
        let robustness = if self.robustness > 7 { 0 } else { self.robustness };
        let flags = u8::from(self.suppress) << 3 | robustness;
        let mut out = Writer::new(out);
        out.put(&[Icmp6Type::MLD_QUERY.0, 0, 0, 0, high, low, 0, 0])?;
        out.put(&self.group.octets())?;
        out.put(&[flags, code::code_of_interval(self.interval), many, few])?;
        out.put(self.sources.as_flattened())?;
        out.finish(src, dst)
    }

    /// Bytes that [`QueryV2::emit`] writes.
    pub const fn buffer_len(&self) -> usize {
        Self::MIN_LEN + 16 * self.sources.len()
    }
}
