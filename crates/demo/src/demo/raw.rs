//! Echo requests by the Linux kernel: a raw ICMPv6 socket in the peer's namespace, so that a bare machine will do,
//! without any `ping`.

use std::io;
use std::net::Ipv6Addr;
use std::net::SocketAddrV6;
use std::os::fd::OwnedFd;

use rustix::io::Errno;
use rustix::net::AddressFamily;
use rustix::net::RecvFlags;
use rustix::net::SendFlags;
use rustix::net::SocketFlags;
use rustix::net::SocketType;
use rustix::net::ipproto;
use siding_drivers::kernel::Netns;
use siding_wire::icmp6::Icmp6Repr;

use super::echo::Echo;
use super::echo::PAYLOAD;

/// A socket that pings one address of ours.
pub(super) struct RawEcho {
    socket: OwnedFd,
    dst: SocketAddrV6,
    ident: u16,
}

/// Type, code, checksum, identifier, number.
const HEADER: usize = 8;
const ECHO_REPLY: u8 = 129;

impl RawEcho {
    /// A socket in `netns` whose requests bear `ident`.
    ///
    /// # Errors
    ///
    /// The namespace cannot be entered, or the system grants no raw socket.
    pub(super) fn open(netns: &Netns, dst: Ipv6Addr, ident: u16) -> anyhow::Result<RawEcho> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let open =
            || rustix::net::socket_with(AddressFamily::INET6, SocketType::RAW, flags, Some(ipproto::ICMPV6));
        let socket = netns.run(open)??;
        Ok(RawEcho { socket, dst: SocketAddrV6::new(dst, 0, 0, 0), ident })
    }
}

impl Echo for RawEcho {
    fn send(&mut self, seq: u16) -> io::Result<bool> {
        let mut message = [0; HEADER + PAYLOAD.len()];
        message[HEADER..].copy_from_slice(PAYLOAD);
        let repr = Icmp6Repr::EchoRequest { ident: self.ident, seq };
        // The kernel chooses the source and writes the checksum over ours (RFC 3542 s3.1).
        repr.emit(Ipv6Addr::UNSPECIFIED, *self.dst.ip(), &mut message).map_err(io::Error::other)?;
        match rustix::net::sendto(&self.socket, &message, SendFlags::empty(), &self.dst) {
            Ok(_) => Ok(true),
            Err(Errno::AGAIN | Errno::NOBUFS | Errno::NOMEM | Errno::INTR) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    fn reply(&mut self) -> io::Result<Option<u16>> {
        // Long enough for what we look at: the rest of a longer message is cut off.
        let mut message = [0; 256];
        loop {
            match rustix::net::recv(&self.socket, &mut message, RecvFlags::empty()) {
                Ok((len, _)) => {
                    // The socket gets every ICMPv6 message of its namespace.
                    if let Some(seq) = reply_to(self.ident, &message[..len]) {
                        return Ok(Some(seq));
                    }
                }
                Err(Errno::AGAIN) => return Ok(None),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// The number of the request that this message replies to, if it bears `ident`.
fn reply_to(ident: u16, message: &[u8]) -> Option<u16> {
    let [ECHO_REPLY, 0, _, _, ident0, ident1, seq0, seq1, ..] = *message else { return None };
    (u16::from_be_bytes([ident0, ident1]) == ident).then(|| u16::from_be_bytes([seq0, seq1]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_replies_to_our_own_requests_count() {
        assert_eq!(reply_to(0x0102, &[129, 0, 9, 9, 1, 2, 3, 4, 5]), Some(0x0304));
        assert_eq!(reply_to(0x0103, &[129, 0, 9, 9, 1, 2, 3, 4]), None);
        assert_eq!(reply_to(0x0102, &[128, 0, 9, 9, 1, 2, 3, 4]), None);
        assert_eq!(reply_to(0x0102, &[129, 0, 9, 9, 1, 2, 3]), None);
    }
}
