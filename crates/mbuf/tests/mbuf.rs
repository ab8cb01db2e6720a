//! What one packet can do.

#![allow(clippy::unwrap_used, reason = "the helpers of tests, too, say what they expect by unwrapping it")]

use siding_mbuf::Mbuf;
use siding_mbuf::Pool;
use siding_mbuf::PoolConfig;
use siding_mbuf::PoolError;
use siding_netisr::IfId;
use siding_netisr::Packet;

#[test]
fn a_handle_is_32_bytes_and_so_is_an_optional_one() {
    assert_eq!(size_of::<Mbuf>(), 32);
    assert_eq!(size_of::<Option<Mbuf>>(), 32);
}

#[test]
fn a_new_packet_is_empty_behind_its_headroom() {
    let pool = pool(1);
    let mbuf = pool.alloc().unwrap();
    assert_eq!((mbuf.len(), mbuf.headroom(), mbuf.tailroom()), (0, 16, 48));
    assert!(mbuf.is_empty() && !mbuf.is_shared() && mbuf.data().is_empty());
    assert_eq!((mbuf.rcvif(), mbuf.flow()), (IfId::NONE, 0));
}

#[test]
fn a_packet_grows_at_both_ends_up_to_the_buffer() {
    let pool = pool(1);
    let mut mbuf = pool.alloc().unwrap();
    mbuf.append(48).unwrap().fill(2);
    mbuf.prepend(16).unwrap().fill(1);
    assert_eq!(mbuf.data(), [[1; 16], [2; 16], [2; 16], [2; 16]].concat());
    assert!(mbuf.append(1).is_none() && mbuf.prepend(1).is_none());
    assert!(!mbuf.extend_from_slice(&[0]));
    assert!(mbuf.extend_from_slice(&[]));
    assert_eq!(mbuf.len(), 64);
    // Far beyond what 16 and 32 bits hold: the length must not wrap.
    for far in [1 << 16, 1 << 32] {
        assert!(mbuf.append(far).is_none() && mbuf.prepend(far).is_none());
    }
}

#[test]
fn packets_are_longer_than_sixteen_bits_tell() {
    let pool = Pool::new(PoolConfig { buffers: 2, size: 65_535 + 40, headroom: 0 }).unwrap();
    for len in [65_495, 65_534, 65_535, 65_536, 65_575] {
        let mut mbuf = pool.alloc().unwrap();
        mbuf.append(len).unwrap().fill(3);
        *mbuf.data_mut().unwrap().last_mut().unwrap() = 7;
        assert_eq!((mbuf.len(), mbuf.headroom(), mbuf.tailroom()), (len, 0, 65_575 - len));
        assert!(mbuf.append(65_576 - len).is_none());
        let copy = mbuf.copy(&mut pool.cache(2)).unwrap();
        assert_eq!(copy.data(), mbuf.data());
        // What lies at the end stays there, however much is taken off in front.
        mbuf.trim_front(len - 1);
        assert_eq!((mbuf.data(), mbuf.headroom()), (&[7][..], len - 1));
        assert_eq!(mbuf.prepend(len).map(|_| ()), None);
        mbuf.prepend(len - 1).unwrap().fill(1);
        mbuf.trim_back(len - 2);
        assert_eq!((mbuf.data(), mbuf.tailroom()), (&[1, 1][..], 65_573));
    }
    assert!(pool.is_full());
    assert_eq!(
        Pool::new(PoolConfig { buffers: u32::MAX, size: u32::MAX, headroom: 0 }).err(),
        Some(PoolError::OutOfMemory { buffers: u32::MAX, size: u32::MAX })
    );
}

#[test]
fn trimming_stops_at_nothing() {
    let pool = pool(1);
    let mut mbuf = packet(&pool, b"0123456789");
    mbuf.trim_front(2);
    mbuf.trim_back(1);
    assert_eq!(mbuf.data(), b"2345678");
    mbuf.truncate(100);
    assert_eq!(mbuf.len(), 7);
    mbuf.truncate(3);
    assert_eq!((mbuf.data(), mbuf.headroom()), (&b"234"[..], 18));
    mbuf.trim_front(1 << 16);
    assert_eq!((mbuf.len(), mbuf.headroom()), (0, 21));
    mbuf.trim_back(1 << 16);
    assert_eq!(mbuf.len(), 0);
}

#[test]
fn a_shared_packet_is_not_written_until_it_is_alone_again() {
    let pool = pool(1);
    let mut mbuf = packet(&pool, b"shared");
    let mut clone = mbuf.clone();
    assert!(mbuf.is_shared() && clone.is_shared());
    assert!(mbuf.data_mut().is_none() && mbuf.append(1).is_none() && clone.prepend(1).is_none());
    assert!(!clone.extend_from_slice(b"x"));
    clone.trim_front(2);
    assert_eq!((mbuf.data(), clone.data()), (&b"shared"[..], &b"ared"[..]));
    drop(mbuf);
    assert_eq!(pool.live(), 1);
    clone.data_mut().unwrap()[0] = b'A';
    assert_eq!(clone.data(), b"Ared");
    drop(clone);
    assert!(pool.is_full());
}

#[test]
fn a_clone_has_its_own_interface_and_flow() {
    let pool = pool(1);
    let mut mbuf = packet(&pool, b"x");
    mbuf.set_rcvif(interface(1));
    mbuf.set_flow(7);
    let mut clone = mbuf.clone();
    assert_eq!((clone.rcvif(), clone.flow()), (interface(1), 7));
    clone.set_rcvif(interface(2));
    clone.set_flow(8);
    assert_eq!((mbuf.rcvif(), mbuf.flow()), (interface(1), 7));
}

#[test]
fn a_copy_has_bytes_of_its_own_and_fresh_headroom() {
    let pool = pool(2);
    let mut cache = pool.cache(2);
    let mut mbuf = packet(&pool, b"original");
    mbuf.set_rcvif(interface(3));
    mbuf.set_flow(9);
    mbuf.trim_front(4);
    let clone = mbuf.clone();
    let mut copy = mbuf.copy(&mut cache).unwrap();
    assert_eq!((copy.data(), copy.headroom(), copy.is_shared()), (&b"inal"[..], 16, false));
    assert_eq!((copy.rcvif(), copy.flow()), (interface(3), 9));
    copy.data_mut().unwrap().fill(b'-');
    assert_eq!(clone.data(), b"inal");
    assert!(mbuf.copy(&mut cache).is_none());
    assert_eq!(pool.refused(), 1);
}

#[test]
fn a_copy_that_does_not_fit_the_other_pool_is_refused_uncounted() {
    let pool = pool(1);
    let small = Pool::new(PoolConfig { buffers: 1, size: 20, headroom: 16 }).unwrap();
    let mbuf = packet(&pool, b"five!");
    assert!(mbuf.copy(&mut small.cache(2)).is_none());
    assert!(small.is_full());
    assert_eq!(small.refused(), 0);
}

#[test]
fn a_packet_names_the_interface_it_came_in_by_and_no_other() {
    let pool = pool(1);
    let mut mbuf = pool.alloc().unwrap();
    let named = |mbuf: &Mbuf| {
        let mut named = Vec::new();
        mbuf.interfaces(&mut |id| named.push(id));
        named
    };
    assert_eq!(named(&mbuf), []);
    mbuf.set_rcvif(interface(5));
    assert_eq!(named(&mbuf), [interface(5)]);
}

#[test]
fn a_pool_that_makes_no_sense_is_refused() {
    let with = |buffers, size, headroom| Pool::new(PoolConfig { buffers, size, headroom }).err();
    assert_eq!(with(0, 64, 0), Some(PoolError::Empty));
    assert_eq!(with(1, 0, 0), Some(PoolError::Empty));
    assert_eq!(with(1, 64, 65), Some(PoolError::Headroom { headroom: 65, size: 64 }));
    assert_eq!(with(1, 64, 64), None);
}

fn pool(buffers: u32) -> Pool {
    Pool::new(PoolConfig { buffers, size: 64, headroom: 16 }).unwrap()
}

fn packet(pool: &Pool, bytes: &[u8]) -> Mbuf {
    let mut mbuf = pool.alloc().unwrap();
    assert!(mbuf.extend_from_slice(bytes));
    mbuf
}

/// An identity as a facility would give out.
fn interface(slot: u64) -> IfId {
    // JUSTIFICATION: only a facility mints identities, and there is none here.
    // SAFETY: IfId is a transparent u64 and any number is a valid one.
    unsafe { std::mem::transmute::<u64, IfId>(1 << 16 | slot) }
}

#[test]
fn a_copy_fits_to_the_byte_and_what_does_not_asks_no_pool() {
    let pool = Pool::new(PoolConfig { buffers: 1, size: 64, headroom: 0 }).unwrap();
    let other = Pool::new(PoolConfig { buffers: 2, size: 40, headroom: 8 }).unwrap();
    let mut cache = other.cache(2);
    let mut mbuf = pool.alloc().unwrap();
    assert!(mbuf.extend_from_slice(&[7; 32]));
    let copy = mbuf.copy(&mut cache).unwrap();
    assert_eq!((copy.data(), copy.headroom(), copy.tailroom()), ([7; 32].as_slice(), 8, 0));
    let second = mbuf.copy(&mut cache).unwrap();
    assert!(mbuf.extend_from_slice(&[7]));
    assert!(mbuf.copy(&mut cache).is_none(), "too long by one");
    assert_eq!(other.refused(), 0, "a dry pool was not asked");
    drop((copy, second));
}

#[test]
fn packets_and_pools_say_what_they_are() {
    let pool = Pool::new(PoolConfig { buffers: 4, size: 64, headroom: 10 }).unwrap();
    assert_eq!((pool.capacity(), pool.buffer_size(), pool.headroom()), (4, 64, 10));
    let mut cache = pool.cache(4);
    let mut mbuf = cache.alloc().unwrap();
    assert!(mbuf.is_empty() && !pool.is_full() && !cache.is_empty());
    assert!(mbuf.extend_from_slice(b"abc") && !mbuf.is_empty());
    assert_eq!(format!("{mbuf:?}"), "Mbuf { len: 3, headroom: 10, rcvif: ifnone, flow: 0, shared: false }");
    assert_eq!(format!("{cache:?}"), "Cache { len: 1, size: 4, .. }");
    assert_eq!(format!("{pool:?}"), "Pool { capacity: 4, live: 1, refused: 0 }");
    let none = Pool::new(PoolConfig { buffers: 0, size: 64, headroom: 0 }).unwrap_err();
    assert_eq!(none.to_string(), "a pool needs at least one buffer of at least one byte");
    let front = Pool::new(PoolConfig { buffers: 1, size: 64, headroom: 65 }).unwrap_err();
    assert_eq!(front.to_string(), "a headroom of 65 bytes does not fit into a buffer of 64");
    assert!(Pool::new(PoolConfig { buffers: 1, size: 64, headroom: 64 }).is_ok());
}
