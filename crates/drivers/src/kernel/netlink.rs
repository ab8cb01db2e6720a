//! One rtnetlink socket: a request, and all of its answer.

use std::fmt;
use std::io;

use netlink_packet_core::NLM_F_ACK;
use netlink_packet_core::NLM_F_DUMP;
use netlink_packet_core::NLM_F_DUMP_INTR;
use netlink_packet_core::NLM_F_ECHO;
use netlink_packet_core::NLM_F_REQUEST;
use netlink_packet_core::NetlinkBuffer;
use netlink_packet_core::NetlinkHeader;
use netlink_packet_core::NetlinkMessage;
use netlink_packet_core::NetlinkPayload;
use netlink_packet_core::NlasIterator;
use netlink_packet_route::RouteNetlinkMessage;
use netlink_sys::Socket;
use netlink_sys::SocketAddr;
use netlink_sys::protocols::NETLINK_ROUTE;

use super::Error;

/// How often a dump is asked for again because the table changed while the kernel was reading it out. A
/// table that changes all the time is returned as last read: a snapshot of it cannot be had.
const DUMP_TRIES: usize = 8;

/// Bytes of `struct nlmsghdr`, which an error message repeats before its attributes.
const HEADER_BYTES: usize = 16;

/// `NLMSGERR_ATTR_MSG`: the kernel's explanation, a string that ends in a zero byte.
const NLMSGERR_ATTR_MSG: u16 = 1;

/// A synchronous rtnetlink socket, which speaks of the network namespace that it was opened in.
///
/// Each method is one request and returns when the kernel has done it (or refused). Interfaces are named as
/// `ip link` names them. The methods are in the files of what they deal with: links, addresses, routes,
/// neighbours.
#[derive(Debug)]
pub struct Netlink {
    socket: Socket,
    sequence: u32,
}

impl Netlink {
    /// Opens a socket in the calling thread's network namespace.
    ///
    /// # Errors
    /// If the kernel grants no netlink socket.
    pub fn open() -> Result<Self, Error> {
        let open = || -> io::Result<Socket> {
            let mut socket = Socket::new(NETLINK_ROUTE)?;
            socket.bind_auto()?;
            // The kernel's own explanation comes after a short copy of our header, not of our whole request.
            socket.set_cap_ack(true)?;
            socket.set_ext_ack(true)?;
            Ok(socket)
        };
        let socket = open().map_err(|e| Error::system("open a netlink socket", e))?;
        Ok(Self { socket, sequence: 0 })
    }

    /// Asks for a change and waits until it is made. `interface` is named if the kernel says there is none.
    pub(super) fn change(
        &mut self,
        message: RouteNetlinkMessage,
        flags: u16,
        interface: &str,
        operation: fmt::Arguments<'_>,
    ) -> Result<(), Error> {
        self.ask(message, NLM_F_ACK | flags, interface, operation).map(|_| ())
    }

    /// Asks for one object and returns what comes (as a rule one message).
    pub(super) fn fetch(
        &mut self,
        message: RouteNetlinkMessage,
        interface: &str,
        operation: fmt::Arguments<'_>,
    ) -> Result<Vec<RouteNetlinkMessage>, Error> {
        // Queues are told of to nobody but who asks for an echo.
        self.ask(message, NLM_F_ACK | NLM_F_ECHO, interface, operation).map(|answer| answer.messages)
    }

    /// Asks for a whole table.
    pub(super) fn dump(
        &mut self,
        message: RouteNetlinkMessage,
        operation: fmt::Arguments<'_>,
    ) -> Result<Vec<RouteNetlinkMessage>, Error> {
        let mut answer = self.ask(message.clone(), NLM_F_DUMP, "", operation)?;
        for _ in 1..DUMP_TRIES {
            if !answer.interrupted {
                break;
            }
            answer = self.ask(message.clone(), NLM_F_DUMP, "", operation)?;
        }
        Ok(answer.messages)
    }

    fn ask(
        &mut self,
        message: RouteNetlinkMessage,
        flags: u16,
        interface: &str,
        operation: fmt::Arguments<'_>,
    ) -> Result<Answer, Error> {
        self.sequence = self.sequence.wrapping_add(1);
        let mut header = NetlinkHeader::default();
        header.flags = NLM_F_REQUEST | flags;
        header.sequence_number = self.sequence;
        let mut request = NetlinkMessage::new(header, NetlinkPayload::InnerMessage(message));
        request.finalize();
        let mut bytes = vec![0; request.buffer_len()];
        request.serialize(&mut bytes);
        self.socket.send_to(&bytes, &SocketAddr::new(0, 0), 0).map_err(|e| Error::system(operation, e))?;

        let mut answer = Answer::default();
        loop {
            let datagram = receive(&self.socket).map_err(|e| Error::system(operation, e))?;
            for message in Messages::new(&datagram) {
                let message = message
                    .map_err(|problem| Error::Malformed { operation: operation.to_string(), problem })?;
                // An answer to an earlier request, of which an error ended the reading.
                if message.header.sequence_number != self.sequence {
                    continue;
                }
                answer.interrupted |= message.header.flags & NLM_F_DUMP_INTR != 0;
                match message.payload {
                    NetlinkPayload::InnerMessage(inner) => answer.messages.push(inner),
                    NetlinkPayload::Error(error) => {
                        return match error.code {
                            None => Ok(answer),
                            Some(code) => {
                                Err(refusal(code.get(), explanation(&error.header), interface, operation))
                            }
                        };
                    }
                    NetlinkPayload::Done(done) if done.code < 0 => {
                        return Err(refusal(done.code, None, interface, operation));
                    }
                    NetlinkPayload::Done(_) => return Ok(answer),
                    NetlinkPayload::Noop | NetlinkPayload::Overrun(_) => {}
                    _ => {}
                }
            }
        }
    }
}

/// One datagram, whole. A signal does not end the wait.
pub(super) fn receive(socket: &Socket) -> io::Result<Vec<u8>> {
    loop {
        match socket.recv_from_full() {
            // Other processes may write to us; only port 0 is the kernel.
            Ok((bytes, sender)) if sender.port_number() == 0 => return Ok(bytes),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// The messages of one datagram, in order; ends after the first that cannot be read.
pub(super) struct Messages<'a> {
    rest: &'a [u8],
}

impl<'a> Messages<'a> {
    pub(super) fn new(datagram: &'a [u8]) -> Self {
        Self { rest: datagram }
    }
}

impl Iterator for Messages<'_> {
    type Item = Result<NetlinkMessage<RouteNetlinkMessage>, String>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let bytes = std::mem::take(&mut self.rest);
        let length = match NetlinkBuffer::new_checked(&bytes) {
            Ok(buffer) => buffer.length() as usize,
            Err(error) => return Some(Err(error.to_string())),
        };
        // Each message starts at a multiple of four; the last need not be padded.
        self.rest = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some(NetlinkMessage::deserialize(&bytes[..length]).map_err(|e| e.to_string()))
    }
}

/// What came back for one request.
#[derive(Default)]
struct Answer {
    messages: Vec<RouteNetlinkMessage>,
    /// The table changed during the dump, so that an entry may be missing or double.
    interrupted: bool,
}

fn refusal(code: i32, reason: Option<String>, interface: &str, operation: fmt::Arguments<'_>) -> Error {
    let source = io::Error::from_raw_os_error(code.saturating_abs());
    if source.raw_os_error() == Some(libc::ENODEV) && !interface.is_empty() {
        return Error::NoInterface { operation: operation.to_string(), interface: interface.to_owned() };
    }
    Error::Refused { operation: operation.to_string(), why: source, reason }
}

/// The kernel's words out of an error's payload: our own header again, then attributes.
fn explanation(payload: &[u8]) -> Option<String> {
    let attributes = payload.get(HEADER_BYTES..)?;
    for attribute in NlasIterator::new(attributes) {
        let attribute = attribute.ok()?;
        if attribute.kind() == NLMSGERR_ATTR_MSG {
            let text = attribute.value();
            let end = text.iter().position(|b| *b == 0).unwrap_or(text.len());
            return Some(String::from_utf8_lossy(&text[..end]).into_owned());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_datagram_cut_short_is_an_error_and_ends() {
        let mut messages = Messages::new(&[60, 0, 0, 0, 16, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
        assert!(messages.next().unwrap().is_err());
        assert!(messages.next().is_none());
    }

    #[test]
    fn a_message_of_length_zero_does_not_loop() {
        let mut messages = Messages::new(&[0; 32]);
        assert!(messages.next().unwrap().is_err());
        assert!(messages.next().is_none());
    }

    #[test]
    fn the_kernels_words_are_found_after_the_header() {
        let mut payload = vec![0; HEADER_BYTES];
        payload.extend([8, 0, 9, 0, 1, 1, 1, 1]);
        payload.extend([9, 0, 1, 0]);
        payload.extend(b"wrong\0\0\0");
        assert_eq!(explanation(&payload).as_deref(), Some("wrong"));
    }
}
