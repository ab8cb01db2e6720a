//! IPv4 that the kernel is not given, as it would only drop it.
//!
//! The kernel drops the IPv6 of a silent interface at its first look, and the IPv4 after it has looked for a route back to
//! the sender: a fifth of all that a small frame costs over veth. A filter at the interface's ingress ends it before,
//! behind the packet sockets that have all protocols, as ours have, tcpdump's, and those of most others.
//!
//! It ends IPv4 without a VLAN tag, of frames to the interface's own Ethernet address: what is sent to many, or to
//! another address (a macvlan's), goes on as ever. So does UDP to port 68, for which some DHCP clients listen by packet sockets for
//! IPv4 alone: those come behind the filter.
//!
//! It is a classic program of BPF, by a `clsact` queue, for which rtnetlink is enough: the daemon may not load any other
//! program. Frames that devices would end for us are not meant: hardware does not get it. Whoever has a queue or filters there
//! already keeps them, and theirs come first. It is for speed alone. Where it cannot be, all else is as it would be with it.

use netlink_packet_core::DefaultNla;
use netlink_packet_core::NLM_F_CREATE;
use netlink_packet_core::NLM_F_EXCL;
use netlink_packet_core::Nla;
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::tc::TcAttribute;
use netlink_packet_route::tc::TcBpfFlags;
use netlink_packet_route::tc::TcFilterBpf;
use netlink_packet_route::tc::TcFilterBpfOption;
use netlink_packet_route::tc::TcHandle;
use netlink_packet_route::tc::TcMessage;
use netlink_packet_route::tc::TcOption;
use netlink_packet_route::tc::TcU32OptionFlags;

use super::Error;
use super::Netlink;

/// The queue that has both directions' filters. Of an older kind, `ingress`, only an interface without it can have one, and is
/// left alone.
const QUEUE: &str = "clsact";
const INGRESS: TcHandle = TcHandle { major: u16::MAX, minor: TcHandle::MIN_INGRESS };
const EGRESS: TcHandle = TcHandle { major: u16::MAX, minor: TcHandle::MIN_EGRESS };

/// The last priority that there is, IPv4 without a tag, and a number that nobody else is likely to take.
const PRIORITY: u32 = 0xffff;
const HANDLE: TcHandle = TcHandle { major: 0x51d, minor: 0x1496 };

// Of `linux/pkt_cls.h`.
const TCA_BPF_OPS_LEN: u16 = 4;
const TCA_BPF_OPS: u16 = 5;
const TC_ACT_SHOT: u32 = 2;
const TC_ACT_UNSPEC: u32 = u32::MAX;

/// What a filter is given of a frame beside its bytes: to whom it is.
const PACKET_TYPE: u32 = (libc::SKF_AD_OFF + libc::SKF_AD_PKTTYPE).cast_unsigned();

/// The port of DHCP's clients (RFC 2131 s4.1).
const BOOTPC: u32 = 68;

/// What a claim puts at an interface's ingress.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ingress {
    /// The filter, in a queue that somebody else has made.
    Filter,
    /// The queue as well.
    Queue,
}

impl Ingress {
    /// What has to be put there, and taken away again. A filter that an earlier claim has `left` goes first: it may be of another
    /// program, if it was another version's.
    pub(super) fn needed(
        netlink: &mut Netlink,
        interface: &str,
        index: u32,
        left: Option<Ingress>,
    ) -> Result<Ingress, Error> {
        if left.is_some() && netlink.ingress_filter(interface, index).is_some() {
            netlink.delete_ingress_filter(interface, index)?;
        }
        Ok(match netlink.ingress_queue(interface, index)? {
            // One that the earlier claim has made and had no time to put the filter into, too.
            Some(_) => left.unwrap_or(Ingress::Filter),
            None => Ingress::Queue,
        })
    }

    /// Puts it there. If it cannot, nothing is left of it.
    pub(super) fn put(self, netlink: &mut Netlink, interface: &str, index: u32) -> Result<(), Error> {
        if self == Ingress::Queue {
            netlink.make_ingress_queue(interface, index)?;
        }
        netlink.add_ingress_filter(interface, index).inspect_err(|_| {
            let _ = self.give_up_queue(netlink, interface, index);
        })
    }

    /// Takes away what of it is there: the filter, whatever its program, and the queue if nobody has put anything into it. One
    /// that our filter is not in is not the one that we have made.
    pub(super) fn take_away(self, netlink: &mut Netlink, interface: &str, index: u32) -> Result<(), Error> {
        if netlink.ingress_filter(interface, index).is_none() {
            return Ok(());
        }
        netlink.delete_ingress_filter(interface, index)?;
        self.give_up_queue(netlink, interface, index)
    }

    fn give_up_queue(self, netlink: &mut Netlink, interface: &str, index: u32) -> Result<(), Error> {
        if self == Ingress::Queue
            && netlink.ingress_queue(interface, index)?.as_deref() == Some(QUEUE)
            && netlink.is_empty(interface, index, INGRESS)
            && netlink.is_empty(interface, index, EGRESS)
        {
            netlink.delete_ingress_queue(interface, index)?;
        }
        Ok(())
    }
}

impl Netlink {
    /// The kind of the queue at an interface's ingress, if there is one.
    fn ingress_queue(&mut self, interface: &str, index: u32) -> Result<Option<String>, Error> {
        let ask = RouteNetlinkMessage::GetQueueDiscipline(queue(index));
        let answer = self.fetch(ask, interface, format_args!("look at the ingress of {interface}"));
        let found = match answer {
            Err(Error::Refused { why, .. }) if why.raw_os_error() == Some(libc::ENOENT) => return Ok(None),
            found => found?,
        };
        Ok(found.into_iter().find_map(|message| match message {
            RouteNetlinkMessage::NewQueueDiscipline(queue) => queue.attributes.into_iter().find_map(kind),
            _ => None,
        }))
    }

    /// One that is there, of an earlier claim or made this moment, is as good.
    fn make_ingress_queue(&mut self, interface: &str, index: u32) -> Result<(), Error> {
        let mut message = queue(index);
        message.header.handle = TcHandle { minor: 0, ..TcHandle::CLSACT };
        message.attributes.push(TcAttribute::Kind(QUEUE.to_owned()));
        let message = RouteNetlinkMessage::NewQueueDiscipline(message);
        let operation = format_args!("make a queue at the ingress of {interface}");
        match self.change(message, NLM_F_CREATE | NLM_F_EXCL, interface, operation) {
            Err(error) if is_there(&error) => Ok(()),
            made => made,
        }
    }

    fn delete_ingress_queue(&mut self, interface: &str, index: u32) -> Result<(), Error> {
        let message = RouteNetlinkMessage::DelQueueDiscipline(queue(index));
        self.change(message, 0, interface, format_args!("delete the queue at the ingress of {interface}"))
    }

    fn add_ingress_filter(&mut self, interface: &str, index: u32) -> Result<(), Error> {
        let program = program();
        let options = vec![
            TcFilterBpfOption::Other(DefaultNla::new(
                TCA_BPF_OPS_LEN,
                (program.len() as u16).to_ne_bytes().to_vec(),
            )),
            TcFilterBpfOption::Other(DefaultNla::new(TCA_BPF_OPS, bytes(&program))),
            TcFilterBpfOption::Flags(TcBpfFlags::DirectAction),
            TcFilterBpfOption::FlagsGeneric(TcU32OptionFlags::SkipHw),
        ];
        let mut message = filter(index);
        message.attributes.push(TcAttribute::Options(options.into_iter().map(TcOption::Bpf).collect()));
        let message = RouteNetlinkMessage::NewTrafficFilter(message);
        let operation = format_args!("add a filter at the ingress of {interface}");
        match self.change(message, NLM_F_CREATE | NLM_F_EXCL, interface, operation) {
            Err(error)
                if is_there(&error) && self.ingress_filter(interface, index) == Some(bytes(&program)) =>
            {
                Ok(())
            }
            added => added,
        }
    }

    /// The program of what has our filter's place, if anything has.
    fn ingress_filter(&mut self, interface: &str, index: u32) -> Option<Vec<u8>> {
        let ask = RouteNetlinkMessage::GetTrafficFilter(filter(index));
        let found = self.fetch(ask, interface, format_args!("look at the ingress of {interface}")).ok()?;
        let program = |option: &TcOption| {
            let mut value = vec![0; option.value_len()];
            option.emit_value(&mut value);
            (option.kind() == TCA_BPF_OPS).then_some(value)
        };
        let program = |attribute: &TcAttribute| match attribute {
            TcAttribute::Options(options) => options.iter().find_map(program),
            _ => None,
        };
        found.iter().find_map(|message| match message {
            RouteNetlinkMessage::NewTrafficFilter(filter) => filter.attributes.iter().find_map(program),
            _ => None,
        })
    }

    fn delete_ingress_filter(&mut self, interface: &str, index: u32) -> Result<(), Error> {
        let message = RouteNetlinkMessage::DelTrafficFilter(filter(index));
        self.change(message, 0, interface, format_args!("delete the filter at the ingress of {interface}"))
    }

    /// Whether there is surely no filter.
    fn is_empty(&mut self, interface: &str, index: u32, parent: TcHandle) -> bool {
        let mut message = TcMessage::with_index(index.cast_signed());
        message.header.parent = parent;
        let ask = RouteNetlinkMessage::GetTrafficFilter(message);
        self.dump(ask, format_args!("list the filters of {interface}")).is_ok_and(|found| found.is_empty())
    }
}

fn queue(index: u32) -> TcMessage {
    let mut message = TcMessage::with_index(index.cast_signed());
    message.header.parent = TcHandle::CLSACT;
    message
}

fn filter(index: u32) -> TcMessage {
    let mut message = TcMessage::with_index(index.cast_signed());
    message.header.parent = INGRESS;
    message.header.handle = HANDLE;
    message.header.info = PRIORITY << 16 | u32::from((libc::ETH_P_IP as u16).to_be());
    message.attributes.push(TcAttribute::Kind(TcFilterBpf::KIND.to_owned()));
    message
}

fn kind(attribute: TcAttribute) -> Option<String> {
    match attribute {
        TcAttribute::Kind(kind) => Some(kind),
        _ => None,
    }
}

fn is_there(error: &Error) -> bool {
    error.kind() == Some(std::io::ErrorKind::AlreadyExists)
}

/// The filter's program, for frames of IPv4 from their Ethernet header on. What is too short for it goes on.
fn program() -> [libc::sock_filter; 11] {
    const BYTE: u32 = libc::BPF_LD | libc::BPF_B | libc::BPF_ABS;
    const HALF: u32 = libc::BPF_LD | libc::BPF_H | libc::BPF_ABS;
    const HALF_BEHIND: u32 = libc::BPF_LD | libc::BPF_H | libc::BPF_IND;
    const HEADER_LENGTH: u32 = libc::BPF_LDX | libc::BPF_B | libc::BPF_MSH;
    const IF_EQUAL: u32 = libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K;
    const IF_ANY: u32 = libc::BPF_JMP | libc::BPF_JSET | libc::BPF_K;
    const END: u32 = libc::BPF_RET | libc::BPF_K;
    const IP: u32 = 14;
    let step = |code: u32, jt, jf, k| libc::sock_filter { code: code as u16, jt, jf, k };
    [
        // To this address, and to no other.
        step(BYTE, 0, 0, PACKET_TYPE),
        step(IF_EQUAL, 0, 8, u32::from(libc::PACKET_HOST)),
        // UDP, no later fragment, and its port.
        step(BYTE, 0, 0, IP + 9),
        step(IF_EQUAL, 0, 5, libc::IPPROTO_UDP.cast_unsigned()),
        step(HALF, 0, 0, IP + 6),
        step(IF_ANY, 3, 0, 0x1fff),
        step(HEADER_LENGTH, 0, 0, IP),
        step(HALF_BEHIND, 0, 0, IP + 2),
        step(IF_EQUAL, 1, 0, BOOTPC),
        step(END, 0, 0, TC_ACT_SHOT),
        step(END, 0, 0, TC_ACT_UNSPEC),
    ]
}

/// As the kernel has a program in memory.
fn bytes(program: &[libc::sock_filter]) -> Vec<u8> {
    let step = |step: &libc::sock_filter| {
        let [code, k] = [step.code.to_ne_bytes().to_vec(), step.k.to_ne_bytes().to_vec()];
        [code, vec![step.jt, step.jf], k].concat()
    };
    program.iter().flat_map(step).collect()
}
