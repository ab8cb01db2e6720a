//! A packet to a reachable neighbour meets no allocator: forwarded, or answered.

#![allow(clippy::unwrap_used)] // Helpers of tests are tests.

use std::alloc::GlobalAlloc;
use std::alloc::Layout;
use std::alloc::System;
use std::collections::VecDeque;
use std::io;
use std::net::Ipv6Addr;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use siding_lockorder::Root;
use siding_mbuf::Cache;
use siding_mbuf::Mbuf;
use siding_mbuf::Pool;
use siding_mbuf::PoolConfig;
use siding_netisr::Instant;
use siding_stack::Device;
use siding_stack::InterfaceSpec;
use siding_stack::Sent;
use siding_stack::Stack;
use siding_stack::StackConfig;
use siding_wire::EtherType;
use siding_wire::IpProto;
use siding_wire::Mac;
use siding_wire::ether;
use siding_wire::ether::Ether;
use siding_wire::icmp6::Icmp6Repr;
use siding_wire::ip6;
use siding_wire::ip6::Ip6Repr;

/// The system's allocator, with a count of what is asked of it while it is watched.
struct Counting;

static WATCHED: AtomicBool = AtomicBool::new(false);
static ASKED: AtomicU64 = AtomicU64::new(0);

// SAFETY: every call goes to the system's allocator as it came; counting touches no memory of it.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ASKED.fetch_add(u64::from(WATCHED.load(Ordering::Relaxed)), Ordering::Relaxed);
        // JUSTIFICATION: an allocator cannot be written without.
        // SAFETY: the caller keeps to `GlobalAlloc::alloc`'s contract, which is the same here.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // JUSTIFICATION: as above.
        // SAFETY: as above, and the memory came from `System`.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// One end of a wire: gives the frames it was given, and counts those that it takes.
#[derive(Clone, Default)]
struct End(Arc<Mutex<(VecDeque<Vec<u8>>, u64)>>);

impl Device for End {
    fn receive(&mut self, cache: &mut Cache, into: &mut Vec<Mbuf>, max: usize) -> io::Result<usize> {
        let state = &mut *self.0.lock().unwrap();
        let take = state.0.len().min(max);
        for frame in state.0.iter().take(take) {
            let mut mbuf = cache.alloc().unwrap();
            assert!(mbuf.extend_from_slice(frame));
            into.push(mbuf);
        }
        // Kept, not freed: freeing would be no allocation, but filling them again would.
        state.0.rotate_left(take);
        Ok(take)
    }

    fn transmit(&mut self, _: &mut Cache, frames: &mut Vec<Mbuf>) -> Sent {
        self.0.lock().unwrap().1 += frames.len() as u64;
        let sent = Sent::all(frames);
        frames.clear();
        sent
    }
}

fn addr(link: u16, host: u16) -> Ipv6Addr {
    Ipv6Addr::new(0x2001, 0xdb8, link, 0, 0, 0, 0, host)
}

fn mac(link: u8, host: u8) -> Mac {
    Mac([2, 0, 0, 0, link, host])
}

/// An echo request from host 2 of link 1, in a frame to us.
fn request(dst: Ipv6Addr) -> Vec<u8> {
    let src = addr(1, 2);
    let mut bytes = vec![0; ether::HEADER_LEN + ip6::HEADER_LEN + 64];
    let (link, rest) = bytes.split_at_mut(ether::HEADER_LEN);
    let (header, message) = rest.split_at_mut(ip6::HEADER_LEN);
    Ether { dst: mac(1, 1), src: mac(1, 2), ethertype: EtherType::IPV6 }.emit(link).unwrap();
    Ip6Repr::new(src, dst, IpProto::ICMP6, 64, 64).emit(header).unwrap();
    Icmp6Repr::EchoRequest { ident: 1, seq: 1 }.emit(src, dst, message).unwrap();
    bytes
}

#[test]
fn a_packet_to_a_reachable_neighbour_allocates_nothing() {
    let pool = Pool::new(PoolConfig::default()).unwrap();
    let stack = Stack::new(StackConfig::new(pool.clone(), || Instant::from_nanos(1))).unwrap();
    let mut worker = stack.worker(0).unwrap();
    let ends = [End::default(), End::default()];
    let mut root = Root::new();
    let mut entered = root.enter().unwrap();
    let mut ctx = entered.ctx();
    stack.set_forwarding(&mut ctx, true);
    for (link, end) in (1..).zip(&ends) {
        let spec = InterfaceSpec { name: format!("em{link}"), mac: mac(link, 1), mtu: 1500 };
        let id = stack.attach(&mut ctx, spec, vec![Box::new(end.clone())]).unwrap();
        stack.add_address(&mut ctx, id, addr(link.into(), 1).into(), 64, false).unwrap();
        stack.add_neighbor(&mut ctx, id, addr(link.into(), 2).into(), mac(link, 2)).unwrap();
    }
    drop(entered);
    // Half for us, to be answered; half for host 2 of link 2, to be forwarded.
    ends[0].0.lock().unwrap().0 = (0..64).map(|n| request(addr(1 + n % 2, 1 + n % 2))).collect();
    // The first turns fill caches: buffers, neighbours, queues.
    (0..4).for_each(|_| _ = worker.turn(Instant::from_nanos(1)));
    let sent = || ends.each_ref().map(|end| end.0.lock().unwrap().1);
    let before = sent();

    WATCHED.store(true, Ordering::Relaxed);
    (0..100).for_each(|_| _ = worker.turn(Instant::from_nanos(1)));
    WATCHED.store(false, Ordering::Relaxed);

    let after = sent();
    assert_eq!([after[0] - before[0], after[1] - before[1]], [3200, 3200], "answered and forwarded");
    assert_eq!(ASKED.load(Ordering::Relaxed), 0, "allocations for 6,400 packets");
}
