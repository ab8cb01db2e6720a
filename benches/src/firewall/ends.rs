//! The two ends: packets of 64 bytes, each of a flow that follows from its number.

use std::io;
use std::net::Ipv6Addr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use siding_mbuf::Cache;
use siding_mbuf::Mbuf;
use siding_stack::Device;
use siding_stack::Sent;
use siding_wire::EtherType;
use siding_wire::IpProto;
use siding_wire::Mac;
use siding_wire::ether;
use siding_wire::ether::Ether;
use siding_wire::ip6;
use siding_wire::ip6::Ip6Repr;

use super::BATCH;
use super::Way;

/// Who begins flows is of the first, the others of the second; each a /32.
pub(super) const INNER: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0);
pub(super) const OUTER: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb9, 0, 0, 0, 0, 0, 0);

/// Prefixes of those inside, a /48 each.
pub(super) const NETWORKS: u64 = 10_000;

const FRAME: usize = 64;
const SOURCE: usize = ether::HEADER_LEN + 8;
const DESTINATION: usize = SOURCE + 16;
const PORTS: usize = ether::HEADER_LEN + ip6::HEADER_LEN;

/// What both ends and who measures share. One thread has all of them.
#[derive(Debug, Default)]
pub(super) struct Shared {
    /// How many flows are sent, outwards and back; 0 for none.
    flows: [AtomicU64; 2],
    sent: AtomicU64,
}

impl Shared {
    pub(super) fn send(&self, way: Option<Way>) {
        let (out, back) = match way {
            Some(Way::Out(flows)) => (flows, 0),
            Some(Way::Back(flows)) => (0, flows),
            None => (0, 0),
        };
        self.flows[0].store(out, Ordering::Relaxed);
        self.flows[1].store(back, Ordering::Relaxed);
    }

    pub(super) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }
}

/// One end of the router.
pub(super) struct End {
    is_inner: bool,
    frame: [u8; FRAME],
    next: u64,
    shared: Arc<Shared>,
}

impl End {
    pub(super) fn new(
        is_inner: bool,
        router: Mac,
        host: Mac,
        shared: Arc<Shared>,
    ) -> Result<End, siding_wire::Malformed> {
        let mut frame = [0; FRAME];
        let payload = FRAME - PORTS;
        let (link, rest) = frame.split_at_mut(ether::HEADER_LEN);
        Ether { dst: router, src: host, ethertype: EtherType::IPV6 }.emit(link)?;
        Ip6Repr::new(INNER, OUTER, IpProto::UDP, 64, payload as u16).emit(rest)?;
        frame[PORTS + 5] = payload as u8;
        Ok(End { is_inner, frame, next: 0, shared })
    }
}

/// A number that has nothing to do with its neighbours', one for each.
fn mixed(number: u64) -> u64 {
    let mut mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed ^= mixed >> 32;
    mixed.wrapping_mul(0xd6e8_feb8_6659_fd93)
}

/// The flow of this number: both ends' addresses and the ports.
fn flow(number: u64) -> [(Ipv6Addr, u16); 2] {
    let mixed = mixed(number);
    let network = u128::from(mixed % NETWORKS) << 80;
    let inner = Ipv6Addr::from_bits(INNER.to_bits() | network | u128::from(number));
    let outer = Ipv6Addr::from_bits(OUTER.to_bits() | u128::from(mixed));
    [(inner, 1024 + (mixed >> 50) as u16), (outer, 53)]
}

impl Device for End {
    fn receive(&mut self, cache: &mut Cache, into: &mut Vec<Mbuf>, max: usize) -> io::Result<usize> {
        let flows = self.shared.flows[usize::from(!self.is_inner)].load(Ordering::Relaxed);
        if flows == 0 {
            return Ok(0);
        }
        let batch = BATCH.min(max);
        for _ in 0..batch {
            let number = self.next % flows;
            self.next += 1;
            let [inner, outer] = flow(number);
            let (src, dst) = if self.is_inner { (inner, outer) } else { (outer, inner) };
            let mut mbuf = cache.alloc().ok_or(io::ErrorKind::OutOfMemory)?;
            let room = mbuf.append(FRAME).ok_or(io::ErrorKind::InvalidInput)?;
            room.copy_from_slice(&self.frame);
            room[SOURCE..DESTINATION].copy_from_slice(&src.0.octets());
            room[DESTINATION..PORTS].copy_from_slice(&dst.0.octets());
            room[PORTS..PORTS + 2].copy_from_slice(&src.1.to_be_bytes());
            room[PORTS + 2..PORTS + 4].copy_from_slice(&dst.1.to_be_bytes());
            into.push(mbuf);
        }
        Ok(batch)
    }

    fn transmit(&mut self, cache: &mut Cache, frames: &mut Vec<Mbuf>) -> Sent {
        let sent = Sent::all(frames);
        // What the stack has to say of its own is longer.
        let forwarded = frames.iter().filter(|frame| frame.len() == FRAME).count() as u64;
        self.shared.sent.fetch_add(forwarded, Ordering::Relaxed);
        cache.free_all(frames.drain(..));
        sent
    }
}
