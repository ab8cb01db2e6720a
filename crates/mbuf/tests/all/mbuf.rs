//! What one packet can do.

use siding_mbuf::Mbuf;
use siding_mbuf::Offload;
use siding_mbuf::Pool;
use siding_mbuf::PoolConfig;
use siding_mbuf::PoolError;
use siding_mbuf::SegmentKind;
use siding_mbuf::Segments;
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
    assert_eq!(
        format!("{mbuf:?}"),
        "Mbuf { len: 3, headroom: 10, rcvif: ifnone, flow: 0, offload: None, shared: false }"
    );
    assert_eq!(format!("{cache:?}"), "Cache { len: 1, size: 4, .. }");
    assert_eq!(format!("{pool:?}"), "Pool { capacity: 4, live: 1, refused: 0 }");
    let none = Pool::new(PoolConfig { buffers: 0, size: 64, headroom: 0 }).unwrap_err();
    assert_eq!(none.to_string(), "a pool needs at least one buffer of at least one byte");
    let front = Pool::new(PoolConfig { buffers: 1, size: 64, headroom: 65 }).unwrap_err();
    assert_eq!(front.to_string(), "a headroom of 65 bytes does not fit into a buffer of 64");
    assert!(Pool::new(PoolConfig { buffers: 1, size: 64, headroom: 64 }).is_ok());
}

fn super_frame(mbuf: &mut Mbuf) -> Offload {
    let cut = Segments { kind: SegmentKind::Tcp6, size: 100, header: 32 };
    let offload = Offload { start: 54, field: 16, segments: Some(cut) };
    assert!(mbuf.set_offload(Some(offload)));
    assert_eq!(mbuf.offload(), Some(offload));
    offload
}

#[test]
fn what_is_left_undone_stays_where_it_is_while_headers_come_and_go() {
    let pool = Pool::new(PoolConfig { buffers: 2, size: 2048, headroom: 128 }).unwrap();
    let mut cache = pool.cache(2);
    let mut mbuf = cache.alloc().unwrap();
    assert!(mbuf.extend_from_slice(&[0; 1000]));
    assert_eq!((mbuf.is_unfinished(), mbuf.offload(), mbuf.longest()), (false, None, 1000));
    let offload = super_frame(&mut mbuf);
    assert_eq!(mbuf.longest(), 54 + 32 + 100);
    mbuf.prepend(4).unwrap().fill(0);
    assert_eq!(mbuf.offload(), Some(Offload { start: 58, ..offload }));
    mbuf.trim_front(18);
    assert_eq!(mbuf.offload(), Some(Offload { start: 40, ..offload }));
    assert_eq!(mbuf.longest(), 40 + 32 + 100);
    // A clone is left undone as well, from where it begins itself, and a copy in a buffer of its own.
    let mut clone = mbuf.clone();
    clone.trim_front(40);
    assert_eq!((clone.offload().unwrap().start, mbuf.offload().unwrap().start), (0, 40));
    assert!(!clone.set_offload(Some(offload)), "the other would be said to be so too");
    let copy = mbuf.copy(&mut cache).unwrap();
    assert_eq!((copy.headroom(), copy.offload()), (128, mbuf.offload()));
    drop((clone, copy));
    // Cut within its headers it is what it is.
    mbuf.truncate(60);
    assert_eq!(mbuf.longest(), 60);
    // Nothing is left undone of what lies behind.
    mbuf.trim_front(41);
    assert_eq!((mbuf.offload(), mbuf.longest()), (None, 19));
}

#[test]
fn nothing_is_left_undone_of_a_packet_in_a_buffer_that_is_used_again() {
    let pool = Pool::new(PoolConfig { buffers: 1, size: 2048, headroom: 128 }).unwrap();
    let mut cache = pool.cache(2);
    for by_cache in [false, true] {
        let mut mbuf = cache.alloc().unwrap();
        super_frame(&mut mbuf);
        if by_cache {
            cache.free(mbuf)
        } else {
            drop(mbuf)
        }
        let mut again = cache.alloc().unwrap();
        assert_eq!((again.is_unfinished(), again.offload()), (false, None));
        super_frame(&mut again);
        assert!(again.set_offload(None));
        assert_eq!((again.is_unfinished(), again.offload()), (false, None));
    }
}

#[test]
fn what_lies_too_far_behind_or_has_no_data_is_refused() {
    let pool = Pool::new(PoolConfig { buffers: 1, size: 70_000, headroom: 128 }).unwrap();
    let mut mbuf = pool.alloc().unwrap();
    let at = |start| Some(Offload { start, field: 16, segments: None });
    assert!(!mbuf.set_offload(at(65_535 - 127)) && !mbuf.set_offload(at(usize::MAX)));
    assert!(!mbuf.is_unfinished());
    assert!(mbuf.set_offload(at(65_535 - 128)));
    let cut = Segments { kind: SegmentKind::Udp, size: 0, header: 8 };
    assert!(!mbuf.set_offload(Some(Offload { start: 54, field: 6, segments: Some(cut) })));
    assert_eq!(mbuf.offload(), at(65_535 - 128), "refused, nothing changes");
}

#[test]
fn a_cache_puts_what_is_long_into_large_buffers() {
    let large = Pool::new(PoolConfig { buffers: 1, size: 70_128, headroom: 128 }).unwrap();
    let pool = Pool::new(PoolConfig { buffers: 2, size: 2048, headroom: 128 }).unwrap();
    let mut cache = pool.cache(2);
    assert!(cache.alloc_for(1921).is_none(), "there are none");
    cache.set_large(Some(large.clone()));
    assert_eq!(cache.alloc_for(1920).unwrap().tailroom(), 1920);
    let mut long = cache.alloc_for(1921).unwrap();
    assert_eq!((long.headroom(), long.tailroom()), (128, 70_000));
    long.append(70_000).unwrap().fill(1);
    assert_eq!((large.refused(), long.copy(&mut cache).is_none(), large.refused()), (0, true, 1), "dry");
    cache.free(long);
    assert!(large.is_full() && cache.alloc_for(70_001).is_none());
    assert_eq!(large.refused(), 1, "none is as large as that");
}
