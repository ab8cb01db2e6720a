//! Devices round devices: observer, capture, faults.

use std::collections::VecDeque;
use std::io;
use std::io::Write;
use std::process::Command;
use std::sync::Arc;
use std::sync::Mutex;

use siding_drivers::Direction;
use siding_drivers::FaultConfig;
use siding_drivers::Faulty;
use siding_drivers::PcapFile;
use siding_drivers::PcapTap;
use siding_drivers::Tap;
use siding_drivers::Wire;
use siding_mbuf::Cache;
use siding_mbuf::Mbuf;
use siding_stack::Device;
use siding_stack::Sent;

use crate::util::drain;
use crate::util::frame;
use crate::util::packet;
use crate::util::pool;

#[test]
fn an_observer_sees_what_passes_and_a_retried_frame_once() {
    let pool = pool(16);
    let mut seen = Vec::new();
    let narrow = Narrow { room: 2, ..Narrow::default() };
    let mut tap = Tap::new(narrow, |direction, frame: &[u8]| seen.push((direction, frame[0])));
    let mut frames: Vec<Mbuf> = (0..5).map(|n| packet(&pool, &[n])).collect();
    tap.transmit(&mut pool.cache(2), &mut frames);
    assert_eq!(frames.len(), 3);
    assert!(frames[0].data_mut().is_some(), "what is left is the caller's alone again");
    tap.transmit(&mut pool.cache(2), &mut frames);
    tap.device_mut().incoming.push_back(vec![9]);
    assert_eq!(drain(&mut tap, &mut pool.cache(2)), [[9]]);
    drop(tap);
    drop(frames);
    let out = (0..4).map(|n| (Direction::Out, n));
    assert_eq!(seen, out.chain([(Direction::In, 9)]).collect::<Vec<_>>());
    assert!(pool.is_full());
}

#[test]
fn a_capture_holds_both_directions_of_several_interfaces() {
    let pool = pool(16);
    let out = Shared::default();
    let file = PcapFile::new(out.clone()).unwrap();
    let wire = Wire::new(8);
    let clock = |start: u64| {
        let mut now = start;
        move || {
            now += 1;
            now
        }
    };
    let mut a =
        PcapTap::new(wire.attach(), file.interface("left").unwrap(), clock(1_700_000_000_000_000_000));
    let mut b = PcapTap::new(wire.attach(), file.interface("right").unwrap(), clock(5 << 32));
    a.transmit(&mut pool.cache(2), &mut vec![packet(&pool, &frame(1, b"odd"))]);
    assert_eq!(drain(&mut b, &mut pool.cache(2)).len(), 1);
    file.flush().unwrap();
    assert_eq!(file.frames(), 2);

    let bytes = out.0.lock().unwrap().clone();
    let blocks = blocks(&bytes);
    let kinds: Vec<u32> = blocks.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(kinds, [0x0a0d_0d0a, 1, 1, 6, 6]);
    assert_eq!(u32_at(blocks[0].1, 0), 0x1a2b_3c4d);
    assert_eq!(options(&blocks[1].1[8..]), [(2, b"left".to_vec()), (9, vec![9])]);
    let stamp = |body: &[u8]| u64::from(u32_at(body, 4)) << 32 | u64::from(u32_at(body, 8));
    for (number, direction, time) in [(0, 2u32, 1_700_000_000_000_000_001), (1, 1, (5 << 32) + 1)] {
        let body = blocks[3 + number].1;
        assert_eq!(u32_at(body, 0) as usize, number);
        assert_eq!(stamp(body), time);
        assert_eq!((u32_at(body, 12), u32_at(body, 16)), (17, 17));
        assert_eq!(body[20..37], frame(1, b"odd"));
        assert_eq!(options(&body[40..]), [(2, direction.to_ne_bytes().to_vec())]);
    }
}

#[test]
fn tcpdump_reads_a_capture() {
    let path = std::env::temp_dir().join(format!("siding-pcap-{}.pcapng", std::process::id()));
    let file = PcapFile::new(std::fs::File::create(&path).unwrap()).unwrap();
    let interface = file.interface("wire0").unwrap();
    interface.record(1_700_000_000_123_456_789, Direction::Out, &frame(3, &[0; 46])).unwrap();
    file.flush().unwrap();
    let output = Command::new("tcpdump").args(["-r"]).arg(&path).args(["-e", "-n", "-tt", "--nano"]).output();
    std::fs::remove_file(&path).unwrap();
    let Ok(output) = output else {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "tcpdump must be there in CI");
        println!("skipped: tcpdump_reads_a_capture: no tcpdump");
        return;
    };
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("1700000000.123456789") && text.contains("02:00:00:00:00:03"), "{text}{output:?}");
    assert!(text.contains("0x88b5") && text.contains("length 60"), "{text}");
}

#[test]
fn a_capture_that_cannot_be_written_stops_and_says_so_but_the_traffic_goes_on() {
    struct Full(usize);
    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 = self.0.checked_sub(bytes.len()).ok_or(io::ErrorKind::StorageFull)?;
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let pool = pool(16);
    let wire = Wire::new(8);
    let file = PcapFile::new(Full(200)).unwrap();
    let mut a = PcapTap::new(wire.attach(), file.interface("a").unwrap(), || 0);
    let mut b = wire.attach();
    for _ in 0..5 {
        a.transmit(&mut pool.cache(2), &mut vec![packet(&pool, &frame(1, &[0; 20]))]);
    }
    assert_eq!(drain(&mut b, &mut pool.cache(2)).len(), 5);
    assert!(file.frames() < 5);
    assert_eq!(file.flush().unwrap_err().kind(), io::ErrorKind::StorageFull);
}

#[test]
fn faults_come_as_often_as_asked_for_both_ways() {
    const FRAMES: u64 = 20_000;
    let pool = pool(256);
    let wire = Wire::new(1024);
    let faults = FaultConfig { drop: 100_000, duplicate: 50_000, reorder: 20_000, corrupt: 10_000 };
    let mut a = Faulty::new(wire.attach(), FaultConfig::default(), faults, random(1), &pool);
    let mut b = Faulty::new(wire.attach(), faults, FaultConfig::default(), random(2), &pool);
    let mut cache = pool.cache(8);
    let mut arrived = 0;
    for number in 0..FRAMES {
        a.transmit(&mut pool.cache(2), &mut vec![packet(&pool, &number.to_be_bytes())]);
        arrived += drain(&mut b, &mut cache).len() as u64;
    }
    a.transmit(&mut pool.cache(2), &mut vec![]);
    arrived += drain(&mut b, &mut cache).len() as u64;
    let (_, out) = a.stats();
    let (into, _) = b.stats();
    let passed = FRAMES - out.dropped + out.duplicated;
    assert_eq!(arrived, passed - into.dropped + into.duplicated, "each frame has one fate");
    let near = |count: u64, of: u64, parts: u64| {
        let expected = of * parts / 1_000_000;
        assert!(count.abs_diff(expected) < expected / 4, "{count} instead of about {expected}");
    };
    for (stats, of) in [(out, FRAMES), (into, passed)] {
        near(stats.dropped, of, 100_000);
        near(stats.duplicated, of - stats.dropped, 50_000);
        near(stats.corrupted, of - stats.dropped, 10_000);
        near(stats.reordered, of - stats.dropped, 20_000);
        assert_eq!(stats.missed, 0);
    }
    drop((a, b));
    assert!(pool.is_full());
}

#[test]
fn the_same_seed_gives_the_same_faults() {
    let run = |seed| {
        let pool = pool(64);
        let wire = Wire::new(1024);
        let faults = FaultConfig { drop: 200_000, duplicate: 200_000, reorder: 200_000, corrupt: 200_000 };
        let mut a = Faulty::new(wire.attach(), faults, faults, random(seed), &pool);
        let mut b = wire.attach();
        let mut cache = pool.cache(8);
        let mut got = Vec::new();
        for number in 0..100u8 {
            a.transmit(&mut pool.cache(2), &mut vec![packet(&pool, &[number; 8])]);
            got.extend(drain(&mut b, &mut cache));
        }
        got
    };
    assert_eq!(run(7), run(7));
    assert_ne!(run(7), run(8));
}

#[test]
fn a_corrupted_frame_differs_in_one_bit_and_its_clone_does_not() {
    let pool = pool(8);
    let wire = Wire::new(8);
    let always = FaultConfig { corrupt: 1_000_000, ..FaultConfig::default() };
    let mut a = Faulty::new(wire.attach(), FaultConfig::default(), always, random(3), &pool);
    let mut b = wire.attach();
    let original = packet(&pool, &[0; 32]);
    a.transmit(&mut pool.cache(2), &mut vec![original.clone()]);
    let got = drain(&mut b, &mut pool.cache(2));
    assert_eq!(got[0].iter().map(|byte| byte.count_ones()).sum::<u32>(), 1);
    assert_eq!(original.data(), [0; 32]);
}

#[test]
fn a_frame_that_is_held_back_goes_after_the_next_or_with_the_next_call() {
    let pool = pool(8);
    let wire = Wire::new(8);
    let always = FaultConfig { reorder: 1_000_000, ..FaultConfig::default() };
    let mut a = Faulty::new(wire.attach(), FaultConfig::default(), always, random(4), &pool);
    let mut b = wire.attach();
    let mut cache = pool.cache(2);
    a.transmit(&mut pool.cache(2), &mut [1, 2, 3].map(|n| packet(&pool, &[n])).into());
    assert_eq!(drain(&mut b, &mut cache), [[2], [1]]);
    drain(&mut a, &mut cache);
    assert_eq!(drain(&mut b, &mut cache), [[3]]);
    drop(a);
    drop(cache);
    assert!(pool.is_full());
}

#[test]
fn faults_lose_nothing_to_a_device_that_is_full_and_never_exceed_the_limit() {
    let pool = pool(256);
    let both = FaultConfig { duplicate: 1_000_000, ..FaultConfig::default() };
    let narrow = Narrow { room: 3, incoming: (0..20).map(|n| vec![n]).collect(), ..Narrow::default() };
    let mut faulty = Faulty::new(narrow, both, both, random(5), &pool);
    let mut cache = pool.cache(8);
    let mut frames: Vec<Mbuf> = (0..5).map(|n| packet(&pool, &[n])).collect();
    faulty.transmit(&mut pool.cache(2), &mut frames);
    assert!(frames.is_empty());
    frames.push(packet(&pool, &[5]));
    while !frames.is_empty() {
        faulty.transmit(&mut pool.cache(2), &mut frames);
    }
    let mut total = 0;
    for _ in 0..40 {
        let mut into = Vec::new();
        let count = faulty.receive(&mut cache, &mut into, 7).unwrap();
        assert_eq!(count, into.len());
        assert!(count <= 7);
        total += count;
    }
    assert_eq!(total, 40);
    let expected: Vec<Vec<u8>> = (0..6).flat_map(|n| [vec![n], vec![n]]).collect();
    assert_eq!(faulty.device().outgoing, expected);
}

/// A device that takes `room` frames a call.
#[derive(Default)]
struct Narrow {
    room: usize,
    incoming: VecDeque<Vec<u8>>,
    outgoing: Vec<Vec<u8>>,
}

impl Device for Narrow {
    fn receive(&mut self, cache: &mut Cache, into: &mut Vec<Mbuf>, max: usize) -> io::Result<usize> {
        let count = max.min(self.incoming.len());
        for bytes in self.incoming.drain(..count) {
            let mut mbuf = cache.alloc().unwrap();
            assert!(mbuf.extend_from_slice(&bytes));
            into.push(mbuf);
        }
        Ok(count)
    }

    fn transmit(&mut self, _: &mut Cache, frames: &mut Vec<Mbuf>) -> Sent {
        let count = self.room.min(frames.len());
        let sent = Sent::all(&frames[..count]);
        self.outgoing.extend(frames.drain(..count).map(|mbuf| mbuf.data().to_vec()));
        sent
    }
}

/// What a capture has written, for the test to read.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Type and body of each block.
fn blocks(mut bytes: &[u8]) -> Vec<(u32, &[u8])> {
    let mut blocks = Vec::new();
    while !bytes.is_empty() {
        let len = u32_at(bytes, 4) as usize;
        assert_eq!(len % 4, 0);
        assert_eq!(u32_at(bytes, len - 4) as usize, len);
        blocks.push((u32_at(bytes, 0), &bytes[8..len - 4]));
        bytes = &bytes[len..];
    }
    blocks
}

/// Code and value of each option but the last.
fn options(mut bytes: &[u8]) -> Vec<(u16, Vec<u8>)> {
    let mut options = Vec::new();
    loop {
        let (code, len) = (u32_at(bytes, 0) as u16, (u32_at(bytes, 0) >> 16) as usize);
        if code == 0 {
            assert_eq!(bytes.len(), 4);
            return options;
        }
        options.push((code, bytes[4..4 + len].to_vec()));
        bytes = &bytes[4 + len.next_multiple_of(4)..];
    }
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_ne_bytes(bytes[at..at + 4].try_into().unwrap())
}

/// Marsaglia's xorshift64*, upper half.
fn random(seed: u64) -> impl FnMut() -> u32 + Send {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    move || {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        (state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32) as u32
    }
}
