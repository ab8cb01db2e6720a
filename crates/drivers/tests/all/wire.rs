//! The wire in memory.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::thread;

use siding_drivers::Direction;
use siding_drivers::PortId;
use siding_drivers::Wire;
use siding_drivers::WireStats;
use siding_mbuf::Mbuf;
use siding_stack::Device;

use crate::util::drain;
use crate::util::packet;
use crate::util::pool;

#[test]
fn a_frame_goes_to_all_others_and_lives_in_their_pools() {
    let (ours, theirs) = (pool(8), pool(8));
    let wire = Wire::new(16);
    let (mut a, mut b, mut c) = (wire.attach(), wire.attach(), wire.attach());
    let mut sent = packet(&ours, b"hello");
    sent.set_flow(9);
    a.transmit(&mut ours.cache(2), &mut vec![sent]);
    assert_eq!(wire.in_flight(), 2);
    let mut cache = theirs.cache(4);
    let mut got = Vec::new();
    assert_eq!(b.receive(&mut cache, &mut got, 64).unwrap(), 1);
    assert_eq!(c.receive(&mut cache, &mut got, 64).unwrap(), 1);
    assert_eq!(a.receive(&mut cache, &mut got, 64).unwrap(), 0);
    assert!(ours.is_full());
    assert_eq!(theirs.live(), 2);
    for mbuf in &mut got {
        assert_eq!((mbuf.data(), mbuf.headroom(), mbuf.flow()), (&b"hello"[..], 128, 0));
        assert!(mbuf.rcvif().is_none() && mbuf.data_mut().is_some());
    }
    assert_eq!(wire.stats(), WireStats { carried: 2, ..WireStats::default() });
    let (sent, got) = (a.counters().stats(), b.counters().stats());
    assert_eq!((sent.tx_frames, sent.tx_bytes, got.rx_frames, got.rx_bytes), (1, 5, 1, 5));
}

#[test]
fn frames_keep_their_order_and_a_call_its_limit() {
    let (ours, theirs) = (pool(128), pool(128));
    let wire = Wire::new(100);
    let (mut a, mut b) = (wire.attach(), wire.attach());
    let mut frames: Vec<Mbuf> = (0..100).map(|n| packet(&ours, &[n])).collect();
    a.transmit(&mut ours.cache(2), &mut frames);
    assert!(frames.is_empty());
    let mut cache = theirs.cache(8);
    let mut got = Vec::new();
    let counts = [3, 1000, 1000, 1000].map(|max| b.receive(&mut cache, &mut got, max).unwrap());
    assert_eq!(counts, [3, 64, 33, 0]);
    assert!(got.iter().map(|mbuf| mbuf.data()[0]).eq(0..100));
}

#[test]
fn a_full_queue_loses_the_newest_and_counts() {
    let pool = pool(32);
    let wire = Wire::new(4);
    let (mut a, mut b) = (wire.attach(), wire.attach());
    a.transmit(&mut pool.cache(2), &mut (0..3).map(|n| packet(&pool, &[n])).collect());
    a.transmit(&mut pool.cache(2), &mut (3..9).map(|n| packet(&pool, &[n])).collect());
    assert_eq!(wire.stats(), WireStats { carried: 4, lost_full: 5, lost_down: 0 });
    assert_eq!(drain(&mut b, &mut pool.cache(8)), [[0], [1], [2], [3]]);
    assert!(pool.is_full());
}

#[test]
fn a_cut_anywhere_loses_frames_and_counts() {
    let pool = pool(32);
    let wire = Wire::new(16);
    let (mut a, mut b) = (wire.attach(), wire.attach());
    let mut send = |n: u8| a.transmit(&mut pool.cache(2), &mut vec![packet(&pool, &[n])]);
    send(0);
    wire.set_up(false);
    assert!(!b.is_up());
    send(1);
    wire.set_up(true);
    b.set_up(false);
    send(2);
    b.set_up(true);
    assert!(wire.set_port_up(PortId(0), false));
    send(3);
    assert!(wire.set_port_up(PortId(0), true));
    send(4);
    assert!(!wire.set_port_up(PortId(7), true));
    assert_eq!(wire.stats(), WireStats { carried: 2, lost_full: 0, lost_down: 3 });
    assert_eq!(drain(&mut b, &mut pool.cache(8)), [[0], [4]]);
    let sent = a.counters().stats();
    assert_eq!((sent.tx_frames, sent.tx_down), (4, 1));
}

#[test]
fn what_the_receiver_cannot_hold_is_dropped_and_counted() {
    let ours = pool(8);
    let small =
        siding_mbuf::Pool::new(siding_mbuf::PoolConfig { buffers: 2, size: 100, headroom: 40 }).unwrap();
    let wire = Wire::new(16);
    let (mut a, mut b) = (wire.attach(), wire.attach());
    a.transmit(&mut ours.cache(2), &mut [61, 60, 1, 1].map(|len| packet(&ours, &vec![7; len])).into());
    let mut cache = small.cache(2);
    let mut got = Vec::new();
    assert_eq!(b.receive(&mut cache, &mut got, 64).unwrap(), 2);
    assert_eq!((got[0].len(), got[1].len()), (60, 1));
    let stats = b.counters().stats();
    assert_eq!((stats.rx_frames, stats.rx_too_big, stats.rx_no_buffer), (2, 1, 1));
    assert_eq!(stats.rx_dropped(), 2);
    assert_eq!(small.refused(), 1);
    assert!(ours.is_full());
}

#[test]
fn the_hook_sees_each_frame_leave_once_and_arrive_wherever_it_does() {
    let pool = pool(8);
    let wire = Wire::new(16);
    let (mut a, mut b, mut c) = (wire.attach(), wire.attach(), wire.attach());
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    wire.set_tap(move |port, direction, frame| log.lock().unwrap().push((port.0, direction, frame[0])));
    a.transmit(&mut pool.cache(2), &mut vec![packet(&pool, &[1])]);
    c.set_up(false);
    b.transmit(&mut pool.cache(2), &mut vec![packet(&pool, &[2])]);
    for device in [&mut a, &mut b, &mut c] {
        drain(device, &mut pool.cache(2));
    }
    let expected = [
        (0, Direction::Out, 1),
        (1, Direction::Out, 2),
        (0, Direction::In, 2),
        (1, Direction::In, 1),
        (2, Direction::In, 1),
    ];
    assert_eq!(*seen.lock().unwrap(), expected);
}

#[test]
fn a_device_that_is_dropped_takes_its_frames_along() {
    let pool = pool(8);
    let wire = Wire::new(16);
    let (mut a, b) = (wire.attach(), wire.attach());
    a.transmit(&mut pool.cache(2), &mut vec![packet(&pool, b"x")]);
    assert_eq!((pool.live(), b.pending()), (1, 1));
    drop(b);
    assert!(pool.is_full());
    a.transmit(&mut pool.cache(2), &mut vec![packet(&pool, b"y")]);
    assert_eq!(wire.stats(), WireStats { carried: 1, ..WireStats::default() });
    assert_eq!(wire.attach().port(), PortId(2));
}

#[test]
fn the_receiver_is_woken_once_for_a_queue_that_was_empty() {
    let pool = pool(8);
    let wire = Wire::new(2);
    let (mut a, mut b) = (wire.attach(), wire.attach());
    let woken = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&woken);
    // The callback may use the wire: nothing is held.
    let handle = wire.clone();
    b.set_wake(move || {
        assert!(handle.in_flight() > 0);
        count.fetch_add(1, Ordering::Relaxed);
    });
    for _ in 0..3 {
        a.transmit(&mut pool.cache(2), &mut vec![packet(&pool, b"x")]);
    }
    assert_eq!(woken.load(Ordering::Relaxed), 1);
    drain(&mut b, &mut pool.cache(2));
    a.transmit(&mut pool.cache(2), &mut vec![packet(&pool, b"x")]);
    a.transmit(&mut pool.cache(2), &mut vec![]);
    assert_eq!(woken.load(Ordering::Relaxed), 2);
}

#[test]
fn threads_on_one_wire_get_each_others_frames_in_order() {
    const FRAMES: u32 = 20_000;
    let pools = [pool(512), pool(512)];
    let wire = Wire::new(64);
    let devices = [wire.attach(), wire.attach()];
    let mut totals = Vec::new();
    thread::scope(|scope| {
        let run = devices.into_iter().zip(&pools).map(|(mut device, pool)| {
            scope.spawn(move || {
                let mut cache = pool.cache(32);
                let (mut next, mut last, mut got) = (0u32, None, 0u64);
                let mut into = Vec::new();
                while next < FRAMES {
                    if let Some(mut mbuf) = cache.alloc() {
                        assert!(mbuf.extend_from_slice(&next.to_be_bytes()));
                        device.transmit(&mut pool.cache(2), &mut vec![mbuf]);
                        next += 1;
                    }
                    device.receive(&mut cache, &mut into, 64).unwrap();
                    for mbuf in into.drain(..) {
                        let number = u32::from_be_bytes(mbuf.data().try_into().unwrap());
                        assert!(last < Some(number), "{number} after {last:?}");
                        last = Some(number);
                        got += 1;
                        cache.free(mbuf);
                    }
                }
                (device, got)
            })
        });
        let run: Vec<_> = run.collect();
        totals.extend(run.into_iter().map(|thread| thread.join().unwrap()));
    });
    let stats = wire.stats();
    assert_eq!(stats.carried + stats.lost_full, 2 * u64::from(FRAMES));
    let mut waiting = 0;
    let mut received = 0;
    for (device, got) in &totals {
        waiting += device.pending() as u64;
        received += got + device.counters().stats().rx_no_buffer;
    }
    assert_eq!(stats.carried, received + waiting);
    drop(totals);
    assert!(pools.iter().all(|pool| pool.is_full()));
}
