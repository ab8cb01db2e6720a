//! Messages of version 1: RFC 2710 s3.

use core::net::Ipv6Addr;

use crate::Malformed;
use crate::icmp6::Icmp6Type;
use crate::writer::Writer;

/// A message of version 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MldV1 {
    /// A router asks who listens.
    Query {
        /// Within which time to answer, in milliseconds.
        max_response: u16,
        /// To which group; :: for all.
        group: Ipv6Addr,
    },
    /// Someone listens. To be sent to the group itself.
    Report {
        /// To which group.
        group: Ipv6Addr,
    },
    /// Someone stops listening. To be sent to the routers of the link.
    Done {
        /// To which group.
        group: Ipv6Addr,
    },
}

impl MldV1 {
    /// Bytes of the message.
    pub const LEN: usize = 24;

    pub(super) fn read(kind: Icmp6Type, message: &[u8]) -> Option<MldV1> {
        let &[_, _, _, _, high, low, ..] = message.first_chunk::<8>()?;
        let group = Ipv6Addr::from(*message.get(8..)?.first_chunk::<16>()?);
        match kind {
            Icmp6Type::MLD_QUERY => {
                Some(MldV1::Query { max_response: u16::from_be_bytes([high, low]), group })
            }
            Icmp6Type::MLD_REPORT => Some(MldV1::Report { group }),
            Icmp6Type::MLD_DONE => Some(MldV1::Done { group }),
            _ => None,
        }
    }

    /// Writes the whole ICMPv6 message to the front of `out` and says how many bytes it took.
    ///
    /// # Errors
    /// [`Malformed::NoRoom`] below 24 bytes.
    pub fn emit(&self, src: Ipv6Addr, dst: Ipv6Addr, out: &mut [u8]) -> Result<usize, Malformed> {
        let (kind, delay, group) = match *self {
            MldV1::Query { max_response, group } => (Icmp6Type::MLD_QUERY, max_response, group),
            MldV1::Report { group } => (Icmp6Type::MLD_REPORT, 0, group),
            MldV1::Done { group } => (Icmp6Type::MLD_DONE, 0, group),
        };
        let [high, low] = delay.to_be_bytes();
        let mut out = Writer::new(out);
        out.put(&[kind.0, 0, 0, 0, high, low, 0, 0])?;
        out.put(&group.octets())?;
        out.finish(src, dst)
    }

    /// Bytes that [`MldV1::emit`] writes.
    pub const fn buffer_len(&self) -> usize {
        Self::LEN
    }
}
