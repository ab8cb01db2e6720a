use std::collections::BTreeMap;

use siding_mbuf::Pool;
use siding_mbuf::PoolConfig;

use super::*;
use crate::DeviceStats;

/// The table that users read.
const TABLE: &str = include_str!("../../../../docs/drivers.md");

/// Every errno that Linux has a name for, and some that it has none for.
const ERRNOS: std::ops::Range<i32> = 1..200;

type ByName = fn(Errno) -> Fate;

fn pool() -> Pool {
    Pool::new(PoolConfig { buffers: 32, size: 256, headroom: 32 }).unwrap()
}

fn frames(pool: &Pool, count: u8) -> Vec<Mbuf> {
    let frame = |n: u8| {
        let mut mbuf = pool.alloc().unwrap();
        assert!(mbuf.extend_from_slice(&[n; 60]));
        mbuf
    };
    (0..count).map(frame).collect()
}

fn batch<'a>(frames: &'a mut Vec<Mbuf>, cache: &'a mut Cache, counters: &'a Counters) -> Batch<'a> {
    Batch { name: "eth0", frames, cache, counters }
}

/// Sends `count` frames by calls that take three at a time, but answer for a frame that begins with `bad` by
/// `error`. Gives what went out, in order, what was left, and how it was counted.
fn run(fate: ByName, count: u8, bad: &[u8], error: Errno) -> (Vec<u8>, usize, Sent, DeviceStats) {
    let (pool, counters) = (pool(), Counters::default());
    let mut queue = frames(&pool, count);
    let mut out = Vec::new();
    let mut calls = 0;
    let sent = send(batch(&mut queue, &mut pool.cache(2), &counters), fate, |frames| {
        calls += 1;
        assert!(calls < 200, "it goes on asking");
        let numbers: Vec<u8> = frames.iter().map(|frame| frame.data()[0]).collect();
        let good = numbers.iter().take(3).take_while(|number| !bad.contains(number)).count();
        out.extend(&numbers[..good]);
        if good > 0 { Ok(good) } else { Err(error) }
    });
    let left = queue.len();
    drop(queue);
    assert!(pool.is_full(), "every buffer comes back");
    (out, left, sent, counters.stats())
}

#[test]
fn a_frame_that_is_refused_is_lost_alone_whatever_the_error() {
    for fate in [Fate::of_packet as ByName, Fate::of_tap] {
        for error in ERRNOS.map(Errno::from_raw_os_error) {
            let (out, left, sent, stats) = run(fate, 10, &[4], error);
            let rest: Vec<u8> = (0..10).filter(|number| *number != 4).collect();
            let counted = (stats.tx_frames, stats.tx_bytes, stats.tx_dropped());
            assert_eq!((sent.frames, sent.bytes, sent.lost), counted, "{error}");
            match fate(error) {
                // Nothing is lost, and the order is kept: it goes first at the next try.
                Fate::Interrupted | Fate::NoRoom => {
                    assert_eq!((out, left, sent.lost), (vec![0, 1, 2, 3], 6, 0), "{error}");
                    assert!(sent.error.is_none());
                }
                Fate::Gone => {
                    assert_eq!((out, left, sent.lost), (vec![0, 1, 2, 3], 0, 6), "{error}");
                    assert!(sent.error.unwrap().to_string().contains("eth0"));
                }
                Fate::Lost(why) => {
                    assert_eq!((out, left, sent.lost), (rest, 0, 1), "{error}");
                    assert!(sent.error.is_none(), "{error}: {why:?} has a counter, and no line in the log");
                }
                Fate::Down => assert_eq!((out, left, sent.lost), (rest, 0, 1), "{error}"),
                Fate::Unknown => {
                    assert_eq!((out, left, sent.lost, stats.tx_refused), (rest, 0, 1, 1), "{error}");
                    assert!(sent.error.is_some(), "{error} is told");
                }
            }
        }
    }
}

#[test]
fn every_frame_that_is_refused_is_counted_once() {
    let (out, left, sent, stats) = run(Fate::of_packet, 12, &[0, 1, 5, 11], Errno::NOBUFS);
    assert_eq!((out, left), (vec![2, 3, 4, 6, 7, 8, 9, 10], 0));
    assert_eq!((sent.frames, sent.lost, stats.tx_kernel_dropped), (8, 4, 4));
}

#[test]
fn an_interface_that_is_down_loses_all_and_is_not_asked_for_each() {
    let (pool, counters) = (pool(), Counters::default());
    let mut queue = frames(&pool, 30);
    let mut calls = 0;
    let sent = send(batch(&mut queue, &mut pool.cache(2), &counters), Fate::of_packet, |_| {
        calls += 1;
        Err(Errno::NETDOWN)
    });
    assert_eq!((queue.len(), sent.lost, counters.stats().tx_down, calls), (0, 30, 30, 3));
    assert!(sent.error.is_none());
}

#[test]
fn what_a_socket_tells_once_loses_nothing() {
    let (pool, counters) = (pool(), Counters::default());
    let mut queue = frames(&pool, 5);
    let mut told = false;
    let sent = send(batch(&mut queue, &mut pool.cache(2), &counters), Fate::of_packet, |frames| {
        if std::mem::replace(&mut told, true) { Ok(frames.len()) } else { Err(Errno::NETDOWN) }
    });
    assert_eq!((sent.frames, sent.lost, queue.len()), (5, 0, 0));
}

#[test]
fn a_call_that_is_interrupted_for_ever_ends() {
    let (pool, counters) = (pool(), Counters::default());
    let mut queue = frames(&pool, 2);
    let sent = send(batch(&mut queue, &mut pool.cache(2), &counters), Fate::of_packet, |_| Err(Errno::INTR));
    assert_eq!((sent.frames, sent.lost, queue.len()), (0, 0, 2));
}

/// Rows of the documentation: `| ENOBUFS | meaning | counter |`, below a heading for each driver.
fn documented(heading: &str) -> BTreeMap<String, String> {
    let section = TABLE.split("\n### ").find(|part| part.starts_with(heading)).expect("a section");
    let rows = section.lines().filter(|line| line.starts_with("| E"));
    rows.flat_map(|row| {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [errnos, .., what] = cells[..] else { panic!("{row}") };
        errnos.split(", ").map(|errno| (errno.to_owned(), what.to_owned())).collect::<Vec<_>>()
    })
    .collect()
}

#[test]
fn the_tables_in_the_documentation_say_what_happens() {
    let names = [
        ("EINTR", Errno::INTR),
        ("EAGAIN", Errno::AGAIN),
        ("ENOBUFS", Errno::NOBUFS),
        ("ENOMEM", Errno::NOMEM),
        ("EMSGSIZE", Errno::MSGSIZE),
        ("EINVAL", Errno::INVAL),
        ("ENETDOWN", Errno::NETDOWN),
        ("EIO", Errno::IO),
        ("ENXIO", Errno::NXIO),
        ("ENODEV", Errno::NODEV),
        ("EBADFD", Errno::BADFD),
        ("EPERM", Errno::PERM),
    ];
    for (heading, fate) in [("AF_PACKET", Fate::of_packet as ByName), ("TAP", Fate::of_tap)] {
        let table = documented(heading);
        for (name, errno) in names {
            let said = table.get(name).or_else(|| table.get("Everything else")).unwrap_or_else(|| {
                assert_eq!(fate(errno), Fate::Unknown, "{heading}: {name} is missing");
                panic!("{heading}: no row for the rest")
            });
            let happens = match fate(errno) {
                Fate::Interrupted => "tried again at once",
                Fate::NoRoom => "tried again, 100 ms at most: `tx-stalled`",
                Fate::Lost(Count::TxKernelDropped) => "lost: `tx-kernel-dropped`",
                Fate::Lost(Count::TxNoMemory) => "lost: `tx-no-memory`",
                Fate::Lost(Count::TxTooBig) => "lost: `tx-too-big`",
                Fate::Lost(Count::TxRefused) => "lost: `tx-refused`",
                Fate::Lost(why) => panic!("{why:?}"),
                Fate::Unknown => "lost, and told: `tx-refused`",
                Fate::Down => "lost: `tx-down`",
                Fate::Gone => "all are lost, and told: `tx-gone`",
            };
            assert_eq!(said, happens, "{heading}: {name}");
        }
    }
}
