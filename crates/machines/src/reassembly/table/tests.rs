use std::net::Ipv6Addr;

use super::*;

const T0: Instant = Instant::from_nanos(1_000_000_000);
const LIMITS: ReassemblyLimits = ReassemblyLimits {
    datagrams: 8,
    datagrams_per_source: 4,
    fragments: 12,
    fragments_per_source: 8,
    fragments_per_datagram: 6,
};

fn key(source: u16, ident: u32) -> Key {
    let addr = |host| Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, host).into();
    Key { source: addr(source), zone: 0, destination: addr(1), ident, proto: 0 }
}

fn piece(at: u32, more: bool) -> Piece<Vec<u8>> {
    Piece { at, more, packet: vec![at as u8; 8] }
}

struct Bench {
    table: Reassembly<Vec<u8>>,
    now: Instant,
    released: Vec<LetGo>,
}

impl Bench {
    fn new() -> Bench {
        Bench { table: Reassembly::new(LIMITS), now: T0, released: Vec::new() }
    }

    /// How many pieces the whole has, if it is whole now.
    fn add(&mut self, key: Key, at: u32, more: bool) -> Option<usize> {
        let released = &mut self.released;
        let whole = self.table.add(self.now, key, piece(at, more), |_, why| released.push(why));
        let held: usize = self.table.entries.values().map(Entry::held).sum();
        assert_eq!(self.table.fragments(), held, "what is held is counted");
        assert_eq!(self.table.order.len(), self.table.entries.len());
        assert!(held <= LIMITS.fragments && self.table.datagrams() <= LIMITS.datagrams);
        whole.map(|pieces| pieces.len())
    }

    fn has(&self, key: Key) -> bool {
        self.table.entries.get(&key).is_some_and(|entry| entry.held() > 0)
    }
}

#[test]
fn datagrams_are_told_apart_by_source_destination_and_number_8200_4() {
    let mut bench = Bench::new();
    let mine = key(5, 1);
    let others = [
        key(6, 1),
        key(5, 2),
        Key { destination: "2001:db8::2".parse().unwrap(), ..mine },
        Key { zone: 3, ..mine },
        Key { proto: 17, ..mine },
    ];
    assert_eq!(bench.add(mine, 0, true), None);
    for other in others {
        assert_eq!(bench.add(other, 8, false), None, "{other:?}");
    }
    assert_eq!(bench.add(mine, 8, false), Some(2));
    assert_eq!((bench.table.datagrams(), bench.table.fragments()), (5, 5));
    assert_eq!(bench.released, []);
}

#[test]
fn sixty_seconds_from_the_first_that_came_8200_4() {
    let mut bench = Bench::new();
    assert_eq!(bench.table.deadline(), Instant::NEVER);
    bench.add(key(5, 1), 8, true);
    bench.now = T0 + Duration::from_secs(30);
    bench.add(key(6, 1), 0, true);
    bench.add(key(5, 1), 0, true);
    assert_eq!(bench.table.deadline(), T0 + TIMEOUT);
    assert!(bench.table.expired(T0 + (TIMEOUT - Duration::from_nanos(1))).is_none());
    let pieces = bench.table.expired(T0 + TIMEOUT).unwrap();
    assert_eq!(pieces.iter().map(|piece| piece.at).collect::<Vec<_>>(), [0, 8]);
    assert!(bench.table.expired(T0 + TIMEOUT).is_none());
    assert_eq!(bench.table.deadline(), T0 + TIMEOUT + Duration::from_secs(30));
    assert_eq!(bench.table.expired(Instant::NEVER).unwrap().len(), 1);
    assert_eq!((bench.table.datagrams(), bench.table.fragments()), (0, 0));
}

#[test]
fn an_overlap_drops_all_also_what_is_still_to_come_8200_4() {
    let mut bench = Bench::new();
    bench.add(key(5, 1), 0, true);
    bench.add(key(5, 1), 16, true);
    let mut long = piece(8, true);
    long.packet = vec![0; 16];
    let released = &mut bench.released;
    assert!(bench.table.add(T0, key(5, 1), long, |_, why| released.push(why)).is_none());
    for (at, more) in [(0, true), (8, true), (16, false)] {
        assert_eq!(bench.add(key(5, 1), at, more), None);
    }
    assert_eq!(bench.released, [LetGo::Overlap; 6]);
    assert_eq!(bench.table.expired(T0 + TIMEOUT).map(|pieces| pieces.len()), Some(0), "nobody is told");
    bench.now = T0 + TIMEOUT;
    assert_eq!((bench.add(key(5, 1), 8, false), bench.add(key(5, 1), 0, true)), (None, Some(2)));
}

#[test]
fn what_came_twice_is_dropped_alone_8200_4() {
    let mut bench = Bench::new();
    for _ in 0..3 {
        bench.add(key(5, 1), 0, true);
    }
    assert_eq!(bench.released, [LetGo::Duplicate; 2]);
    assert_eq!(bench.add(key(5, 1), 8, false), Some(2));
}

#[test]
fn one_source_pushes_out_its_own_first_9099_1() {
    let mut bench = Bench::new();
    bench.add(key(5, 1), 0, true);
    for ident in 0..100 {
        bench.add(key(6, ident), 0, true);
        assert!(bench.table.datagrams() <= 1 + LIMITS.datagrams_per_source);
    }
    assert!(bench.has(key(5, 1)), "the other's stays, though it is the oldest");
    assert_eq!(bench.released, [LetGo::Datagrams; 96]);
    assert!(bench.has(key(6, 99)) && !bench.has(key(6, 95)));
    // Many pieces of few datagrams: the same.
    let mut bench = Bench::new();
    bench.add(key(5, 1), 0, true);
    for (ident, at) in (0..4).flat_map(|ident| (0..4).map(move |n| (ident, n * 16))) {
        bench.add(key(6, ident), at, true);
    }
    assert!(bench.has(key(5, 1)) && bench.has(key(6, 3)));
    assert!(bench.table.fragments() <= 1 + LIMITS.fragments_per_source);
    assert_eq!(bench.add(key(5, 1), 8, false), Some(2));
}

#[test]
fn a_flood_from_many_pushes_out_the_oldest_and_what_comes_together_is_put_together_9099_1() {
    let mut bench = Bench::new();
    for n in 0..=1000 {
        bench.add(key(100 + n, 1), 0, true);
        if n % 3 == 0 {
            let whole = [bench.add(key(5, n.into()), 0, true), bench.add(key(5, n.into()), 8, false)];
            assert_eq!(whole, [None, Some(2)]);
        }
    }
    assert_eq!(bench.table.datagrams(), LIMITS.datagrams);
}

#[test]
fn a_datagram_in_crumbs_is_given_up_9099_1() {
    let mut bench = Bench::new();
    bench.add(key(5, 1), 0, true);
    for n in 0..20 {
        assert_eq!(bench.add(key(6, 1), n * 8, true), None);
    }
    assert!(bench.has(key(5, 1)) && !bench.has(key(6, 1)));
    assert_eq!(bench.released, [LetGo::Fragments; 20]);
}

#[test]
fn what_an_interface_brought_goes_with_it() {
    let mut bench = Bench::new();
    bench.add(key(5, 1), 0, true);
    bench.add(key(5, 1), 8, true);
    bench.add(key(6, 1), 16, true);
    let mut gone = 0;
    bench.table.retain(|packet| packet[0] != 8, |_| gone += 1);
    assert_eq!((gone, bench.table.datagrams(), bench.table.fragments()), (2, 1, 1));
    assert!(bench.has(key(6, 1)));
}
