//! TAP and AF_PACKET against the kernel, each test in a network namespace of its own.

use std::io;
use std::net::UdpSocket;
use std::time::Duration;
use std::time::Instant;

use siding_drivers::DriverError;
use siding_drivers::PacketConfig;
use siding_drivers::PacketDevice;
use siding_drivers::TapDevice;
use siding_mbuf::Mbuf;
use siding_mbuf::Offload;
use siding_mbuf::Pool;
use siding_mbuf::PoolConfig;
use siding_mbuf::SegmentKind;
use siding_mbuf::Segments;
use siding_stack::Device;
use siding_stack::Filter;
use siding_wire::Mac;
use siding_wire::checksum::Sum;

use crate::util::drain;
use crate::util::frame;
use crate::util::in_netns;
use crate::util::ip;
use crate::util::packet;
use crate::util::pool;
use crate::util::quiet;
use crate::util::receive;
use crate::util::receive_one;
use crate::util::veth;

/// Frames of UDP over IPv4.
fn udp(frame: &[u8]) -> bool {
    frame[12..15] == [8, 0, 0x45] && frame[23] == 17
}

/// Buffers for super-frames.
fn large() -> Pool {
    Pool::new(PoolConfig { buffers: 8, size: 66_000, headroom: 128 }).unwrap()
}

/// Our experimental frames, and not the kernel's own.
fn ours(frame: &[u8]) -> bool {
    frame[12..14] == [0x88, 0xb5]
}

#[test]
fn packet_devices_carry_frames_both_ways() {
    in_netns("packet_devices_carry_frames_both_ways", || {
        veth("va", "vb");
        let pool = pool(2048);
        let mut cache = pool.cache(64);
        let [mut a, mut b] = ["va", "vb"].map(|name| open(name, 1).remove(0));
        // More than a batch, of every length that may matter.
        let frames: Vec<Vec<u8>> = (0..300).map(|n| frame(n as u8, &vec![n as u8; 46 + n * 4])).collect();
        for _ in 0..2 {
            let (from, to) = (&mut a, &mut b);
            let mut out: Vec<Mbuf> = frames.iter().map(|bytes| packet(&pool, bytes)).collect();
            while !out.is_empty() {
                from.transmit(&mut pool.cache(2), &mut out);
            }
            assert_eq!(receive(to, &mut cache, 300, ours), frames);
            // What a socket sends it does not hear, nor do others on the same interface.
            assert!(!drain(from, &mut cache).iter().any(|frame| ours(frame)));
            let (sent, got) = (from.counters().stats(), to.counters().stats());
            assert_eq!((sent.tx_frames, sent.tx_dropped(), got.rx_dropped()), (300, 0, 0));
            assert_eq!(sent.tx_bytes, frames.iter().map(|frame| frame.len() as u64).sum::<u64>());
            std::mem::swap(&mut a, &mut b);
        }
        assert!(pool.is_full());
    });
}

#[test]
fn a_lone_frame_is_sent_and_received_at_once() {
    in_netns("a_lone_frame_is_sent_and_received_at_once", || {
        veth("va", "vb");
        let pool = pool(64);
        let mut cache = pool.cache(8);
        let [mut a, mut b] = ["va", "vb"].map(|name| open(name, 1).remove(0));
        // On a veth the frame is in the ring when the call returns: no timer of the ring's may be in between.
        let mut shortest = Duration::MAX;
        for n in 0..20 {
            let start = Instant::now();
            a.transmit(&mut pool.cache(2), &mut vec![packet(&pool, &frame(n, b"lone"))]);
            assert_eq!(receive(&mut b, &mut cache, 1, ours), [frame(n, b"lone")]);
            shortest = shortest.min(start.elapsed());
        }
        assert!(shortest < Duration::from_millis(1), "the fastest of 20 took {shortest:?}");
    });
}

#[test]
fn what_the_kernel_leaves_unfinished_is_finished() {
    in_netns("what_the_kernel_leaves_unfinished_is_finished", || {
        // The kernel speaks on b, and hears nothing on a, which is ours.
        veth("va", "vb");
        ip("addr add 192.0.2.1/24 dev vb").unwrap();
        ip("neigh add 192.0.2.2 lladdr 02:00:00:00:00:02 dev vb").unwrap();
        let pool = pool(64);
        let mut cache = pool.cache(8);
        let mut a = open("va", 1).remove(0);
        let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
        for len in [0usize, 1, 18, 19, 1000, 1472] {
            let contents: Vec<u8> = (0..len).map(|n| n as u8).collect();
            socket.send_to(&contents, "192.0.2.2:4000").unwrap();
            let udp = |frame: &[u8]| frame.len() >= 42 && frame[12..15] == [8, 0, 0x45] && frame[23] == 17;
            let got = receive(&mut a, &mut cache, 1, udp).remove(0);
            assert_eq!(got[..6], [2, 0, 0, 0, 0, 2]);
            let (header, datagram) = got[14..].split_at(20);
            assert!(Sum::new().with(header).is_valid());
            assert_eq!(datagram[8..8 + len], contents);
            let pseudo = [&header[12..20], &[0, 17], &datagram[4..6]].concat();
            assert_ne!(datagram[6..8], [0, 0], "there is a checksum");
            assert!(Sum::new().with(&pseudo).with(datagram).is_valid(), "and it is right: {datagram:?}");
        }
        assert_eq!(a.counters().stats().rx_dropped(), 0);
    });
}

#[test]
fn tags_that_the_kernel_puts_aside_are_put_back() {
    in_netns("tags_that_the_kernel_puts_aside_are_put_back", || {
        veth("va", "vb");
        let pool = pool(64);
        let mut cache = pool.cache(8);
        let [mut a, mut b] = ["va", "vb"].map(|name| open(name, 1).remove(0));
        // The receiving kernel takes the outermost tag off before anyone sees the frame.
        let tagged = |tag: &[u8], len: usize| {
            let plain = frame(1, &vec![0x5a; len]);
            [&plain[..12], tag, &plain[12..]].concat()
        };
        let frames = [
            tagged(&[0x81, 0x00, 0x00, 0x64], 46),
            tagged(&[0x81, 0x00, 0xef, 0xff], 1500),
            tagged(&[0x88, 0xa8, 0x00, 0x07], 46),
            tagged(&[0x88, 0xa8, 0x00, 0x07, 0x81, 0x00, 0x20, 0x08], 46),
            tagged(&[0x81, 0x00, 0x00, 0x00], 46),
            tagged(&[], 46),
        ];
        b.transmit(&mut pool.cache(2), &mut frames.iter().map(|bytes| packet(&pool, bytes)).collect());
        let got = receive(&mut a, &mut cache, frames.len(), |frame| frame[6..12] == [2, 0, 0, 0, 0, 0xee]);
        assert_eq!(got, frames);
    });
}

#[test]
fn super_frames_come_and_go_whole() {
    in_netns("super_frames_come_and_go_whole", || {
        veth("va", "vb");
        veth("vc", "vd");
        ip("addr add 192.0.2.1/24 dev vb").unwrap();
        ip("neigh add 192.0.2.2 lladdr 02:00:00:00:00:02 dev vb").unwrap();
        let (pool, large) = (pool(64), large());
        let mut cache = pool.cache(8);
        cache.set_large(Some(large.clone()));
        let [mut a, mut c, mut d] = ["va", "vc", "vd"].map(|name| open(name, 1).remove(0));
        let socket = UdpSocket::bind("192.0.2.1:0").unwrap();
        // One that fits into a slot of the ring, one that does not, and the largest that there is.
        for (size, count) in [(300, 4), (500, 4), (1023, 64)] {
            set_udp_segment(&socket, size);
            let contents: Vec<u8> = (0..size as usize * count).map(|n| (n / 7) as u8).collect();
            socket.send_to(&contents, "192.0.2.2:4000").unwrap();
            let frame = receive_one(&mut a, &mut cache, udp);
            let cut = Segments { kind: SegmentKind::Udp, size: size as u16, header: 8 };
            assert_eq!(frame.offload(), Some(Offload { start: 34, field: 6, segments: Some(cut) }));
            assert_eq!((&frame.data()[42..], frame.longest()), (&contents[..], 42 + size as usize));
            // As it is, and in a VLAN, whose tag the kernel puts aside and we put back.
            let mut tagged = frame.copy(&mut cache).unwrap();
            tagged.prepend(4).unwrap();
            let bytes = tagged.data_mut().unwrap();
            bytes.copy_within(4..16, 0);
            bytes[12..16].copy_from_slice(&[0x81, 0, 0, 7]);
            for frame in [frame, tagged] {
                let (bytes, offload) = (frame.data().to_vec(), frame.offload());
                // Between two others, of each kind.
                let plain = || packet(&pool, &crate::util::frame(1, &[7; 46]));
                c.transmit(&mut cache, &mut vec![plain(), frame, plain()]);
                assert!(ours(receive_one(&mut d, &mut cache, |_| true).data()), "in order");
                let got = receive_one(&mut d, &mut cache, |_| true);
                assert!(got.data() == bytes && got.offload() == offload);
                assert!(ours(receive_one(&mut d, &mut cache, |_| true).data()), "in order");
            }
        }
        assert_eq!((a.counters().stats().rx_dropped(), d.counters().stats().rx_dropped()), (0, 0));
        assert_eq!((c.counters().stats().tx_frames, c.counters().stats().tx_dropped()), (18, 0));
        // Without a large buffer one is lost, and it alone.
        let mut small = pool.cache(8);
        set_udp_segment(&socket, 1000);
        socket.send_to(&[7; 64_000], "192.0.2.2:4000").unwrap();
        set_udp_segment(&socket, 0);
        socket.send_to(&[8; 100], "192.0.2.2:4000").unwrap();
        assert_eq!(receive_one(&mut a, &mut small, udp).data()[42..], [8; 100]);
        assert_eq!(a.counters().stats().rx_no_buffer, 1);
        set_udp_segment(&socket, 1000);
        socket.send_to(&[9; 64_000], "192.0.2.2:4000").unwrap();
        assert_eq!(
            receive_one(&mut a, &mut cache, udp).data()[42..],
            [9; 64_000],
            "what was queued is not left"
        );
        assert!(large.is_full());
    });
}

#[test]
fn more_super_frames_than_the_system_queues_are_lost_and_counted() {
    in_netns("more_super_frames_than_the_system_queues_are_lost_and_counted", || {
        veth("va", "vb");
        ip("addr add 192.0.2.1/24 dev vb").unwrap();
        ip("neigh add 192.0.2.2 lladdr 02:00:00:00:00:02 dev vb").unwrap();
        let pool = pool(64);
        let mut cache = pool.cache(8);
        cache.set_large(Some(large()));
        let mut a = open("va", 1).remove(0);
        let socket = UdpSocket::bind("192.0.2.1:0").unwrap();
        set_udp_segment(&socket, 1000);
        for n in 0..400u32 {
            let contents: Vec<u8> = n.to_be_bytes().into_iter().cycle().take(60_000).collect();
            socket.send_to(&contents, "192.0.2.2:4000").unwrap();
        }
        let mut got = Vec::new();
        while a.receive(&mut cache, &mut got, 8).unwrap() > 0 || a.unread().unwrap().waiting > 0 {
            for frame in got.drain(..).filter(|frame| udp(frame.data())) {
                let data = &frame.data()[42..];
                assert!(data.chunks(4).all(|word| *word == data[..4]), "the bytes of one frame");
            }
        }
        let stats = a.counters().stats();
        assert!(stats.rx_overrun > 0 && stats.rx_frames > 10, "{stats:?}");
        assert_eq!(
            (stats.rx_frames + stats.rx_overrun, stats.rx_dropped()),
            (400, stats.rx_overrun),
            "{stats:?}"
        );
    });
}

#[test]
fn several_workers_share_an_interface_and_each_flow_keeps_to_one() {
    in_netns("several_workers_share_an_interface_and_each_flow_keeps_to_one", || {
        veth("va", "vb");
        let pool = pool(1024);
        let mut cache = pool.cache(8);
        let mut workers = open("va", 2);
        // A second group on the same interface gets a number of its own, and every frame as well.
        let mut others = open("va", 2);
        let mut sender = open("vb", 1).remove(0);
        // An odd number, so that taking turns would not look like keeping to one.
        let flows: Vec<Vec<u8>> = (0..63).map(udp_flow).collect();
        for _ in 0..4 {
            let mut out: Vec<Mbuf> = flows.iter().map(|bytes| packet(&pool, bytes)).collect();
            while !out.is_empty() {
                sender.transmit(&mut pool.cache(2), &mut out);
            }
        }
        for group in [&mut workers, &mut others] {
            let got: Vec<Vec<Vec<u8>>> = group.iter_mut().map(|worker| drain(worker, &mut cache)).collect();
            let mine =
                |frames: &Vec<Vec<u8>>, flow: &Vec<u8>| frames.iter().filter(|&frame| frame == flow).count();
            for flow in &flows {
                let mut counts: Vec<usize> = got.iter().map(|frames| mine(frames, flow)).collect();
                counts.sort_unstable();
                assert_eq!(counts, [0, 4]);
            }
            assert!(got.iter().all(|frames| frames.len() > 40), "both have work");
        }
    });
}

#[test]
fn a_ring_that_overflows_says_how_many_are_lost() {
    in_netns("a_ring_that_overflows_says_how_many_are_lost", || {
        veth("va", "vb");
        let pool = pool(512);
        let mut cache = pool.cache(8);
        let config = PacketConfig { ring_frames: 64, ..PacketConfig::default() };
        let mut a = PacketDevice::open("va", config, 1).unwrap().remove(0);
        let mut b = open("vb", 1).remove(0);
        let mut out: Vec<Mbuf> = (0..200).map(|n| packet(&pool, &frame(n, &[0; 46]))).collect();
        while !out.is_empty() {
            b.transmit(&mut pool.cache(2), &mut out);
        }
        let first = drain(&mut a, &mut cache);
        assert_eq!(first.len(), 64);
        b.transmit(&mut pool.cache(2), &mut vec![packet(&pool, &frame(201, &[0; 46]))]);
        drain(&mut a, &mut cache);
        assert_eq!(a.counters().stats().rx_overrun, 200 - 64);
        assert_eq!(a.counters().stats().rx_frames, 65);
    });
}

#[test]
fn a_ring_as_it_comes_holds_8192_frames() {
    in_netns("a_ring_as_it_comes_holds_8192_frames", || {
        veth("va", "vb");
        let (few, many) = (pool(64), pool(8_320));
        let [mut a, mut b] = ["va", "vb"].map(|name| open(name, 1).remove(0));
        for _ in 0..130 {
            let mut out: Vec<Mbuf> = (0..64).map(|n| packet(&few, &frame(n, &[0; 46]))).collect();
            while !out.is_empty() {
                b.transmit(&mut few.cache(2), &mut out);
            }
        }
        assert_eq!(drain(&mut a, &mut many.cache(8)).len(), 8_192);
        b.transmit(&mut few.cache(2), &mut vec![packet(&few, &frame(1, &[0; 46]))]);
        assert_eq!(drain(&mut a, &mut many.cache(8)).len(), 1);
        assert_eq!(a.counters().stats().rx_overrun, 130 * 64 - 8_192);
    });
}

#[test]
fn frames_that_are_too_long_are_dropped_and_counted_both_ways() {
    in_netns("frames_that_are_too_long_are_dropped_and_counted_both_ways", || {
        veth("va", "vb");
        ip("link set va mtu 1500").unwrap();
        ip("link set vb mtu 4000").unwrap();
        ip("link set va mtu 4000").unwrap();
        let big = siding_mbuf::Pool::new(siding_mbuf::PoolConfig { buffers: 8, size: 9000, headroom: 128 })
            .unwrap();
        let pool = pool(64);
        let mut cache = pool.cache(8);
        let [mut a, mut b] = ["va", "vb"].map(|name| open(name, 1).remove(0));
        let mut out = vec![
            packet(&big, &frame(1, &[0; 46])),
            packet(&big, &frame(2, &[0; 8000])),
            packet(&big, &frame(3, &[0; 3000])),
            packet(&big, &frame(4, &[0; 46])),
        ];
        a.transmit(&mut pool.cache(2), &mut out);
        assert!(out.is_empty());
        assert_eq!(receive(&mut b, &mut cache, 2, ours), [frame(1, &[0; 46]), frame(4, &[0; 46])]);
        let (sent, got) = (a.counters().stats(), b.counters().stats());
        assert_eq!((sent.tx_frames, sent.tx_too_big, got.rx_frames, got.rx_too_big), (3, 1, 2, 1));
    });
}

#[test]
fn a_dry_pool_loses_frames_and_counts_them() {
    in_netns("a_dry_pool_loses_frames_and_counts_them", || {
        veth("va", "vb");
        let (ours_pool, small) = (pool(64), pool(2));
        let mut cache = small.cache(2);
        let [mut a, mut b] = ["va", "vb"].map(|name| open(name, 1).remove(0));
        a.transmit(
            &mut ours_pool.cache(2),
            &mut (0..5).map(|n| packet(&ours_pool, &frame(n, &[0; 46]))).collect(),
        );
        let mut got = Vec::new();
        assert_eq!(b.receive(&mut cache, &mut got, 64).unwrap(), 2);
        let stats = b.counters().stats();
        assert_eq!((stats.rx_frames, stats.rx_no_buffer), (2, 3));
        got.clear();
        a.transmit(&mut ours_pool.cache(2), &mut vec![packet(&ours_pool, &frame(9, &[0; 46]))]);
        assert_eq!(receive(&mut b, &mut cache, 1, ours), [frame(9, &[0; 46])]);
    });
}

#[test]
fn t24_the_interface_lets_in_what_the_filter_names_and_forgets_it_with_the_device() {
    in_netns("t24_the_interface_lets_in_what_the_filter_names_and_forgets_it_with_the_device", || {
        veth("va", "vb");
        let mut device = open("va", 1).remove(0);
        let group = Mac([0x33, 0x33, 0xff, 1, 0x23, 0x45]);
        let listens = || {
            let list = std::fs::read_to_string("/proc/thread-self/net/dev_mcast").unwrap();
            list.lines().any(|line| line.contains("va") && line.contains("3333ff012345"))
        };
        assert!(!listens());
        let filter =
            Filter { unicast: vec![Mac([2, 9, 9, 9, 9, 9])], multicast: vec![group], promiscuous: false };
        device.set_filter(&filter).unwrap();
        assert!(listens());
        // Another address, the same group: what stays is not touched, and nothing is counted twice.
        device.set_filter(&Filter { unicast: vec![], ..filter.clone() }).unwrap();
        assert!(listens());
        device.set_filter(&Filter { promiscuous: true, ..Filter::default() }).unwrap();
        assert!(!listens());
        device.set_filter(&filter).unwrap();
        assert!(listens());
        drop(device);
        assert!(!listens());
    });
}

#[test]
fn an_interface_that_is_down_loses_what_is_sent_and_comes_back() {
    in_netns("an_interface_that_is_down_loses_what_is_sent_and_comes_back", || {
        veth("va", "vb");
        let pool = pool(64);
        let mut cache = pool.cache(8);
        let [mut a, mut b] = ["va", "vb"].map(|name| open(name, 1).remove(0));
        ip("link set va down").unwrap();
        let mut out = vec![packet(&pool, &frame(1, b"")), packet(&pool, &frame(2, b""))];
        a.transmit(&mut pool.cache(2), &mut out);
        assert!(out.is_empty());
        assert_eq!(a.counters().stats().tx_down, 2);
        // The error that the socket holds must not keep poll(2) awake.
        for _ in 0..64 {
            assert_eq!(drain(&mut a, &mut cache).len(), 0);
        }
        let mut fds =
            [rustix::event::PollFd::from_borrowed_fd(a.readable().unwrap(), rustix::event::PollFlags::IN)];
        assert_eq!(
            rustix::event::poll(&mut fds, Some(&rustix::event::Timespec { tv_sec: 0, tv_nsec: 0 })),
            Ok(0)
        );
        ip("link set va up").unwrap();
        // The kernel loses what is sent before it has noticed that the link is there, at either end.
        for n in [3, 4] {
            let end = Instant::now() + Duration::from_secs(5);
            let mut came = Vec::new();
            while came.is_empty() && Instant::now() < end {
                a.transmit(&mut pool.cache(2), &mut vec![packet(&pool, &frame(n, &[0; 46]))]);
                came.extend(drain(&mut b, &mut cache).into_iter().filter(|frame| ours(frame)));
            }
            assert_eq!(came.first(), Some(&frame(n, &[0; 46])));
            std::mem::swap(&mut a, &mut b);
            // Copies that came late are not those of the way back.
            drain(&mut a, &mut cache);
            drain(&mut b, &mut cache);
        }
    });
}

#[test]
fn an_interface_that_has_gone_is_an_error_that_names_it() {
    in_netns("an_interface_that_has_gone_is_an_error_that_names_it", || {
        veth("doomed", "vb");
        let pool = pool(64);
        let mut doomed = open("doomed", 1).remove(0);
        ip("link del doomed").unwrap();
        let mut frames: Vec<Mbuf> = (0..5).map(|n| packet(&pool, &frame(n, b""))).collect();
        let sent = doomed.transmit(&mut pool.cache(2), &mut frames);
        assert_eq!((frames.len(), sent.frames, sent.lost), (0, 0, 5), "they do not wait for ever");
        assert_eq!(doomed.counters().stats().tx_gone, 5);
        let error = sent.error.unwrap();
        assert!(error.to_string().starts_with("doomed: cannot transmit"), "{error}");
    });
}

#[test]
fn tap_devices_carry_frames_both_ways() {
    in_netns("tap_devices_carry_frames_both_ways", || {
        let mut tap = TapDevice::open("tap%d", 1).unwrap().remove(0);
        assert_eq!(tap.name(), "tap0");
        let pool = pool(1024);
        assert_eq!(tap.transmit(&mut pool.cache(2), &mut vec![]).lost, 0);
        quiet("tap0");
        let mut cache = pool.cache(64);
        tap.transmit(&mut pool.cache(2), &mut vec![packet(&pool, &frame(9, &[0; 46]))]);
        assert_eq!(tap.counters().stats().tx_down, 1);
        ip("link set tap0 up").unwrap();
        let mut other = open("tap0", 1).remove(0);
        let frames: Vec<Vec<u8>> = (0..100).map(|n| frame(n as u8, &vec![n as u8; 46 + n * 4])).collect();
        let batch = || frames.iter().map(|bytes| packet(&pool, bytes)).collect::<Vec<Mbuf>>();
        tap.transmit(&mut pool.cache(2), &mut batch());
        assert_eq!(receive(&mut other, &mut cache, 100, ours), frames);
        other.transmit(&mut pool.cache(2), &mut batch());
        assert_eq!(receive(&mut tap, &mut cache, 100, ours), frames);
        let stats = tap.counters().stats();
        assert_eq!((stats.tx_frames, stats.rx_dropped()), (100, 0));
        assert!(pool.is_full());
    });
}

#[test]
fn tap_frames_from_the_kernel_are_finished_and_too_long_ones_counted() {
    in_netns("tap_frames_from_the_kernel_are_finished_and_too_long_ones_counted", || {
        let mut tap = TapDevice::open("t0", 1).unwrap().remove(0);
        quiet("t0");
        ip("link set t0 up mtu 4000").unwrap();
        ip("addr add 192.0.2.1/24 dev t0").unwrap();
        ip("neigh add 192.0.2.2 lladdr 02:00:00:00:00:02 dev t0").unwrap();
        let pool = pool(64);
        let mut cache = pool.cache(8);
        let socket = UdpSocket::bind("192.0.2.1:0").unwrap();
        socket.send_to(&[1; 3000], "192.0.2.2:4000").unwrap();
        socket.send_to(&[2; 101], "192.0.2.2:4000").unwrap();
        let udp = |frame: &[u8]| frame[12..15] == [8, 0, 0x45] && frame[23] == 17;
        let got = receive(&mut tap, &mut cache, 1, udp).remove(0);
        let (header, datagram) = got[14..].split_at(20);
        assert_eq!(datagram[8..], [2; 101]);
        let pseudo = [&header[12..20], &[0, 17], &datagram[4..6]].concat();
        assert!(Sum::new().with(&pseudo).with(datagram).is_valid());
        assert_eq!(tap.counters().stats().rx_too_big, 1);
    });
}

#[test]
fn a_tap_takes_super_frames_and_gives_them() {
    in_netns("a_tap_takes_super_frames_and_gives_them", || {
        let mut tap = TapDevice::open("t0", 1).unwrap().remove(0);
        quiet("t0");
        ip("link set t0 up address 02:00:00:00:00:01").unwrap();
        ip("addr add 192.0.2.1/24 dev t0").unwrap();
        ip("neigh add 192.0.2.2 lladdr 02:00:00:00:00:02 dev t0").unwrap();
        let (pool, large) = (pool(64), large());
        let mut cache = pool.cache(8);
        cache.set_large(Some(large.clone()));
        let socket = UdpSocket::bind("192.0.2.1:0").unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        for (size, count) in [(300, 4), (500, 4), (1023, 64)] {
            set_udp_segment(&socket, size);
            let contents: Vec<u8> = (0..size as usize * count).map(|n| (n / 7) as u8).collect();
            socket.send_to(&contents, "192.0.2.2:4000").unwrap();
            let mut frame = receive_one(&mut tap, &mut cache, udp);
            let cut = Segments { kind: SegmentKind::Udp, size: size as u16, header: 8 };
            assert_eq!(frame.offload(), Some(Offload { start: 34, field: 6, segments: Some(cut) }));
            assert_eq!(frame.data()[42..], contents);
            // And back: who sent it gets it, in datagrams.
            let bytes = frame.data_mut().unwrap();
            bytes[..12].copy_from_slice(&[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2]);
            bytes[26..34].rotate_left(4);
            bytes[34..38].rotate_left(2);
            tap.transmit(&mut cache, &mut vec![frame]);
            for part in contents.chunks(size as usize) {
                let mut got = [0; 2000];
                let (len, from) = socket.recv_from(&mut got).unwrap();
                assert_eq!((&got[..len], from), (part, "192.0.2.2:4000".parse().unwrap()));
            }
        }
        assert_eq!((tap.counters().stats().rx_dropped(), tap.counters().stats().tx_dropped()), (0, 0));
        assert!(large.is_full());
    });
}

#[test]
fn a_tap_has_a_queue_for_each_worker() {
    in_netns("a_tap_has_a_queue_for_each_worker", || {
        let mut queues = TapDevice::open("t0", 2).unwrap();
        quiet("t0");
        ip("link set t0 up").unwrap();
        let pool = pool(256);
        let mut cache = pool.cache(8);
        let mut other = open("t0", 1).remove(0);
        other.transmit(&mut pool.cache(2), &mut (0..64).map(|n| packet(&pool, &udp_flow(n))).collect());
        let counts: Vec<usize> = queues.iter_mut().map(|queue| drain(queue, &mut cache).len()).collect();
        assert!(counts.iter().all(|&count| count > 0), "{counts:?}");
        for queue in &mut queues {
            queue.transmit(&mut pool.cache(2), &mut vec![packet(&pool, &frame(1, &[0; 46]))]);
        }
        assert_eq!(receive(&mut other, &mut cache, 2, ours).len(), 2);
    });
}

#[test]
fn what_cannot_be_opened_says_why_and_what_to_do() {
    in_netns("what_cannot_be_opened_says_why_and_what_to_do", || {
        let packet = |name: &str| PacketDevice::open(name, PacketConfig::default(), 1).map(drop).unwrap_err();
        assert!(matches!(packet("none"), DriverError::NoInterface { interface } if interface == "none"));
        assert!(matches!(packet("far-too-long-a-name"), DriverError::BadName { .. }));
        let config = PacketConfig { ring_frames: 0, ..PacketConfig::default() };
        assert!(matches!(PacketDevice::open("lo", config, 1), Err(DriverError::Config { .. })));
        // A TAP that was made for a single queue.
        ip("tuntap add single mode tap").unwrap();
        let error = TapDevice::open("single", 1).map(drop).unwrap_err();
        assert!(matches!(&error, DriverError::Busy { .. }), "{error}");
        assert!(error.to_string().contains("multi_queue"), "{error}");
        let error = TapDevice::open("lo", 1).map(drop).unwrap_err();
        assert!(matches!(&error, DriverError::Busy { .. }), "{error}");
    });
}

fn open(name: &str, workers: usize) -> Vec<PacketDevice> {
    PacketDevice::open(name, PacketConfig::default(), workers).unwrap()
}

/// A UDP datagram over IPv4 of one flow.
fn udp_flow(n: u8) -> Vec<u8> {
    let ip = [0x45, 0, 0, 46, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, n];
    let udp = [16, n, 16, n, 0, 26, 0, 0];
    let mut frame = frame(1, &[&ip[..], &udp, &[n; 18]].concat());
    frame[12..14].copy_from_slice(&[8, 0]);
    let sum = Sum::new().with(&frame[14..34]).finish();
    frame[24..26].copy_from_slice(&sum.to_be_bytes());
    frame
}

/// Has the kernel cut what is sent into datagrams of `size` bytes, or leaves it whole for 0.
fn set_udp_segment(socket: &UdpSocket, size: libc::c_int) {
    use std::os::fd::AsRawFd;
    // JUSTIFICATION: neither std nor rustix has this option.
    // SAFETY: pointer and length are those of one c_int, which the kernel only reads.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_UDP,
            libc::UDP_SEGMENT,
            (&raw const size).cast(),
            size_of::<libc::c_int>() as libc::socklen_t,
        )
    };
    assert_eq!(result, 0, "{}", io::Error::last_os_error());
}
