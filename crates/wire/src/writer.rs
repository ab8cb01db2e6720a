//! Writing a message piece by piece.

use core::net::Ipv6Addr;

use crate::Malformed;
use crate::icmp6;

/// Writes an ICMPv6 message from the front of a buffer on.
pub(crate) struct Writer<'a> {
    out: &'a mut [u8],
    at: usize,
}

impl<'a> Writer<'a> {
    pub(crate) fn new(out: &'a mut [u8]) -> Writer<'a> {
        Writer { out, at: 0 }
    }

    pub(crate) fn put(&mut self, bytes: &[u8]) -> Result<(), Malformed> {
        let end = self.at + bytes.len();
        self.out.get_mut(self.at..end).ok_or(Malformed::NoRoom)?.copy_from_slice(bytes);
        self.at = end;
        Ok(())
    }

    /// Fills in the checksum; how many bytes were written.
    pub(crate) fn finish(self, src: Ipv6Addr, dst: Ipv6Addr) -> Result<usize, Malformed> {
        let message = self.out.get_mut(..self.at).ok_or(Malformed::NoRoom)?;
        icmp6::fill_checksum(src, dst, message);
        Ok(self.at)
    }
}
