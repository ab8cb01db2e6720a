//! What the kernel's own stack would read of an interface, and not answer, is dropped at its ingress.
//!
//! Settings keep the kernel from *answering* on an interface that is ours; it reads each packet all the same, and for IPv4
//! looks for a route to its source, in the time of whoever sends. A rule at the interface's ingress (nftables, family netdev)
//! spares that. Packet sockets for all protocols, as ours are, come before it.
//!
//! The table belongs to the socket that made it: it goes with the socket, however the process ends. To others `nft list
//! ruleset` shows it, and lets them change nothing. Where the kernel has no such rules, or the interface is given another
//! name (to which the rule is bound), the settings do alone.
//!
//! *Locks*: none. *Teardown*: dropping it closes the socket, and with it goes the table.

use std::io;

use netlink_sys::Socket;
use netlink_sys::SocketAddr;
use netlink_sys::protocols::NETLINK_NETFILTER;

use super::Error;
use super::Link;
use super::netlink::receive;

/// What it would read. As the frame says itself: one with a tag is for a VLAN, which the kernel may have on an interface that is ours.
const READ: [libc::c_int; 2] = [libc::ETH_P_IPV6, libc::ETH_P_IP];

/// Of these, what is sent to the interface's own MAC address: all that is forwarded. What is for a macvlan of the kernel's, or for
/// everybody, is left to it.
const PACKET_HOST: u8 = 0;

/// The chain's name in its table.
const CHAIN: &str = "ingress";

/// `NFT_TABLE_F_OWNER` (Linux 5.12): the table is its socket's, and goes with it.
const OWNER: u32 = 2;

// Kinds of attributes (linux/netfilter/nf_tables.h), each in the order of its enclosing attribute or message.
const NFTA_TABLE_NAME: libc::c_int = 1;
const NFTA_TABLE_FLAGS: libc::c_int = 2;
const NFTA_HOOK_HOOKNUM: libc::c_int = 1;
const NFTA_HOOK_PRIORITY: libc::c_int = 2;
const NFTA_HOOK_DEV: libc::c_int = 3;
const NFTA_CHAIN_TABLE: libc::c_int = 1;
const NFTA_CHAIN_NAME: libc::c_int = 3;
const NFTA_CHAIN_HOOK: libc::c_int = 4;
const NFTA_CHAIN_POLICY: libc::c_int = 5;
const NFTA_CHAIN_TYPE: libc::c_int = 7;
const NFTA_RULE_TABLE: libc::c_int = 1;
const NFTA_RULE_CHAIN: libc::c_int = 2;
const NFTA_RULE_EXPRESSIONS: libc::c_int = 4;
const NFTA_LIST_ELEM: libc::c_int = 1;
const NFTA_EXPR_NAME: libc::c_int = 1;
const NFTA_EXPR_DATA: libc::c_int = 2;
const NFTA_META_DREG: libc::c_int = 1;
const NFTA_META_KEY: libc::c_int = 2;
const NFTA_PAYLOAD_DREG: libc::c_int = 1;
const NFTA_PAYLOAD_BASE: libc::c_int = 2;
const NFTA_PAYLOAD_OFFSET: libc::c_int = 3;
const NFTA_PAYLOAD_LEN: libc::c_int = 4;
const NFTA_CMP_SREG: libc::c_int = 1;
const NFTA_CMP_OP: libc::c_int = 2;
const NFTA_CMP_DATA: libc::c_int = 3;
const NFTA_IMMEDIATE_DREG: libc::c_int = 1;
const NFTA_IMMEDIATE_DATA: libc::c_int = 2;
const NFTA_DATA_VALUE: libc::c_int = 1;
const NFTA_DATA_VERDICT: libc::c_int = 2;
const NFTA_VERDICT_CODE: libc::c_int = 1;

/// A table that drops at the ingress of one interface, for as long as it lives.
#[derive(Debug)]
pub(super) struct Deaf {
    _socket: Socket,
}

impl Deaf {
    /// The kernel reads no more of what is sent to `link`, an interface of the calling thread's namespace.
    ///
    /// # Errors
    /// If the kernel has no such rules, or nobody may make them here.
    pub(super) fn to(link: &Link) -> Result<Deaf, Error> {
        ask(&batch(link)).map(|socket| Deaf { _socket: socket }).map_err(|error| {
            Error::system(
                format_args!("drop at the ingress of {} what the kernel would read", link.name),
                error,
            )
        })
    }
}

/// Sends a batch, all of which is done or nothing, and waits for its answers.
fn ask(batch: &Batch) -> io::Result<Socket> {
    let mut socket = Socket::new(NETLINK_NETFILTER)?;
    socket.bind_auto()?;
    // A refusal repeats the request's header and not all of it.
    socket.set_cap_ack(true)?;
    socket.send_to(&batch.bytes, &SocketAddr::new(0, 0), 0)?;
    let mut left = batch.asked;
    while left > 0 {
        let datagram = receive(&socket)?;
        // Each message has its length, padded to four, in front: struct nlmsghdr, and for an answer the error's number.
        let mut rest = &datagram[..];
        while let Some((header, more)) = rest.split_first_chunk::<16>() {
            let length = u32::from_ne_bytes([header[0], header[1], header[2], header[3]]) as usize;
            let kind = u16::from_ne_bytes([header[4], header[5]]);
            if i32::from(kind) == libc::NLMSG_ERROR
                && let Some(code) = more.first_chunk().map(|code| i32::from_ne_bytes(*code))
            {
                if code != 0 {
                    return Err(io::Error::from_raw_os_error(code.saturating_abs()));
                }
                left -= 1;
            }
            rest = rest.get(length.max(16).next_multiple_of(4)..).unwrap_or_default();
        }
    }
    Ok(socket)
}

/// Messages of nftables, one after the other.
#[derive(Default)]
struct Batch {
    bytes: Vec<u8>,
    /// Those that are answered.
    asked: usize,
}

/// The table, its chain at the interface's ingress, and a rule for each protocol.
fn batch(link: &Link) -> Batch {
    let table = format!("siding-{}", link.index);
    let mut batch = Batch::default();
    batch.bracket(libc::NFNL_MSG_BATCH_BEGIN);
    let mut attributes = text(NFTA_TABLE_NAME, &table);
    attributes.extend(number(NFTA_TABLE_FLAGS, OWNER));
    batch.add(libc::NFT_MSG_NEWTABLE, &attributes);

    let hook = [
        number(NFTA_HOOK_HOOKNUM, libc::NF_NETDEV_INGRESS.cast_unsigned()),
        number(NFTA_HOOK_PRIORITY, 0),
        text(NFTA_HOOK_DEV, &link.name),
    ];
    let mut attributes = text(NFTA_CHAIN_TABLE, &table);
    attributes.extend(text(NFTA_CHAIN_NAME, CHAIN));
    attributes.extend(nested(NFTA_CHAIN_HOOK, &hook.concat()));
    attributes.extend(number(NFTA_CHAIN_POLICY, libc::NF_ACCEPT.cast_unsigned()));
    attributes.extend(text(NFTA_CHAIN_TYPE, "filter"));
    batch.add(libc::NFT_MSG_NEWCHAIN, &attributes);

    for protocol in READ {
        let mut attributes = text(NFTA_RULE_TABLE, &table);
        attributes.extend(text(NFTA_RULE_CHAIN, CHAIN));
        attributes.extend(nested(NFTA_RULE_EXPRESSIONS, &drop_of(link.index, protocol as u16)));
        batch.add(libc::NFT_MSG_NEWRULE, &attributes);
    }
    batch.bracket(libc::NFNL_MSG_BATCH_END);
    batch
}

/// `iif INDEX meta pkttype host @ll,96,16 PROTOCOL drop`. The chain is bound to a name, which another interface may be given.
fn drop_of(index: u32, protocol: u16) -> Vec<u8> {
    let code = number(NFTA_VERDICT_CODE, libc::NF_DROP.cast_unsigned());
    let ethertype = [
        number(NFTA_PAYLOAD_DREG, REGISTER),
        number(NFTA_PAYLOAD_BASE, libc::NFT_PAYLOAD_LL_HEADER.cast_unsigned()),
        number(NFTA_PAYLOAD_OFFSET, 12),
        number(NFTA_PAYLOAD_LEN, 2),
    ];
    let verdict = [
        number(NFTA_IMMEDIATE_DREG, libc::NFT_REG_VERDICT.cast_unsigned()),
        nested(NFTA_IMMEDIATE_DATA, &nested(NFTA_DATA_VERDICT, &code)),
    ];
    [
        meta(libc::NFT_META_IIF),
        only(&index.to_ne_bytes()),
        meta(libc::NFT_META_PKTTYPE),
        only(&[PACKET_HOST]),
        expression("payload", &ethertype.concat()),
        only(&protocol.to_be_bytes()),
        expression("immediate", &verdict.concat()),
    ]
    .concat()
}

/// What one expression reads, and the next looks at.
const REGISTER: u32 = libc::NFT_REG_1.cast_unsigned();

/// Reads what is known of a packet beside its bytes.
fn meta(key: libc::c_int) -> Vec<u8> {
    let load = [number(NFTA_META_DREG, REGISTER), number(NFTA_META_KEY, key.cast_unsigned())];
    expression("meta", &load.concat())
}

/// Goes on only if that was `value`.
fn only(value: &[u8]) -> Vec<u8> {
    let compare = [
        number(NFTA_CMP_SREG, REGISTER),
        number(NFTA_CMP_OP, libc::NFT_CMP_EQ.cast_unsigned()),
        nested(NFTA_CMP_DATA, &attribute(NFTA_DATA_VALUE, value)),
    ];
    expression("cmp", &compare.concat())
}

fn expression(name: &str, data: &[u8]) -> Vec<u8> {
    nested(NFTA_LIST_ELEM, &[text(NFTA_EXPR_NAME, name), nested(NFTA_EXPR_DATA, data)].concat())
}

impl Batch {
    /// A request that is answered.
    fn add(&mut self, kind: libc::c_int, attributes: &[u8]) {
        self.asked += 1;
        let kind = (libc::NFNL_SUBSYS_NFTABLES << 8) | kind;
        let flags = libc::NLM_F_REQUEST | libc::NLM_F_ACK | libc::NLM_F_CREATE | libc::NLM_F_APPEND;
        self.message(kind, flags, [libc::NFPROTO_NETDEV as u8, libc::NFNETLINK_V0 as u8, 0, 0], attributes);
    }

    /// Where a batch begins or ends.
    fn bracket(&mut self, kind: libc::c_int) {
        let [high, low] = (libc::NFNL_SUBSYS_NFTABLES as u16).to_be_bytes();
        let of = [libc::AF_UNSPEC as u8, libc::NFNETLINK_V0 as u8, high, low];
        self.message(kind, libc::NLM_F_REQUEST, of, &[]);
    }

    /// struct nlmsghdr, struct nfgenmsg (`of`: family, version, resource), attributes.
    fn message(&mut self, kind: libc::c_int, flags: libc::c_int, of: [u8; 4], attributes: &[u8]) {
        let length = 20 + attributes.len();
        self.bytes.extend((length as u32).to_ne_bytes());
        self.bytes.extend((kind as u16).to_ne_bytes());
        self.bytes.extend((flags as u16).to_ne_bytes());
        self.bytes.extend([0; 8]);
        self.bytes.extend(of);
        self.bytes.extend(attributes);
    }
}

/// struct nlattr and what it says, padded to four.
fn attribute(kind: libc::c_int, value: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::from((4 + value.len() as u16).to_ne_bytes());
    bytes.extend((kind as u16).to_ne_bytes());
    bytes.extend(value);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

fn nested(kind: libc::c_int, attributes: &[u8]) -> Vec<u8> {
    attribute(kind | libc::NLA_F_NESTED, attributes)
}

fn number(kind: libc::c_int, value: u32) -> Vec<u8> {
    attribute(kind, &value.to_be_bytes())
}

fn text(kind: libc::c_int, value: &str) -> Vec<u8> {
    attribute(kind, &[value.as_bytes(), &[0]].concat())
}
