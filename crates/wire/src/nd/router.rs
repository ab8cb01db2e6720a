//! Router solicitations: RFC 4861 s4.1.

use core::net::Ipv6Addr;

use super::NdOption;
use super::NdOptions;
use crate::Mac;
use crate::Malformed;
use crate::icmp6::Icmp6Type;
use crate::writer::Writer;

/// A host asks the routers of the link for advertisements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RouterSolicit {
    /// The sender's link-layer address. Must be left out when the source is :: (RFC 4861 s4.1).
    pub slla: Option<Mac>,
}

impl RouterSolicit {
    /// Bytes of the message without options.
    pub const MIN_LEN: usize = 8;

    pub(super) fn read(options: NdOptions<'_>) -> RouterSolicit {
        RouterSolicit { slla: options.source_link_layer() }
    }

    /// Writes the whole ICMPv6 message to the front of `out` and says how many bytes it took.
    ///
    /// # Errors
    /// [`Malformed::NoRoom`] below [`RouterSolicit::buffer_len`].
    pub fn emit(&self, src: Ipv6Addr, dst: Ipv6Addr, out: &mut [u8]) -> Result<usize, Malformed> {
        let mut out = Writer::new(out);
        out.put(&[Icmp6Type::ROUTER_SOLICIT.0, 0, 0, 0, 0, 0, 0, 0])?;
        if let Some(mac) = self.slla {
            NdOption::SourceLinkLayer(mac).write(&mut out)?;
        }
        out.finish(src, dst)
    }

    /// Bytes that [`RouterSolicit::emit`] writes.
    pub const fn buffer_len(&self) -> usize {
        Self::MIN_LEN + if self.slla.is_some() { 8 } else { 0 }
    }
}
