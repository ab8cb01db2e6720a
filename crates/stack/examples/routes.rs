//! What IPv6 route look-ups cost: `cargo run --release -p siding-stack --example routes`.

use std::net::Ipv6Addr;
use std::time::Instant as Clock;

use siding_stack::route::Origin;
use siding_stack::route::Prefix;
use siding_stack::route::Rib;
use siding_stack::route::Route;
use siding_stack::route::Way;

fn main() {
    for count in [1, 1_000, 100_000] {
        let mut rib = Rib::<Ipv6Addr, u16>::default();
        let mut dsts = Vec::new();
        let mut random = 0x9e37_79b9_7f4a_7c15u64;
        while rib.routes().len() < count {
            random = random.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            let addr = Ipv6Addr::from_bits(u128::from(0x2000_0000_0000_0000 | random >> 3) << 64 | 1);
            // /32 to /64, drawn from bits that the address does not begin with.
            let prefix = Prefix::covering(addr, 32 + (random as u32 % 33) as u8);
            let route = Route { prefix, next_hop: None, interface: 1, metric: 0, origin: Origin::Static };
            rib.insert(route).unwrap_or_else(|error| panic!("{error}"));
            dsts.push(addr);
        }
        let fib = rib.fib();
        let table = cost(&dsts, |dst| rib.routes().lookup(dst).is_some());
        let found = cost(&dsts, |dst| matches!(fib.lookup(dst), Some(Way::Out { .. })));
        println!(
            "{count:>7} IPv6 routes: control's table {table:.1} ns, the data path's {found:.1} ns a look-up, {} bytes",
            rib.bytes().0,
        );
    }
}

/// Best of five runs over four million destinations, in nanoseconds each; all must be found.
fn cost(dsts: &[Ipv6Addr], found: impl Fn(Ipv6Addr) -> bool) -> f64 {
    const ROUNDS: usize = 4_000_000;
    // A step that is no divisor, so that the next destination is not the next in memory; without a division.
    let step = 7919 % dsts.len();
    let next = |at: usize| if at + step >= dsts.len() { at + step - dsts.len() } else { at + step };
    let mut best = f64::MAX;
    for _ in 0..5 {
        let begin = Clock::now();
        let mut hits = 0;
        let mut at = 0;
        for _ in 0..ROUNDS {
            at = next(at);
            hits += usize::from(found(std::hint::black_box(dsts[at])));
        }
        best = best.min(begin.elapsed().as_nanos() as f64 / ROUNDS as f64);
        assert_eq!(hits, ROUNDS);
    }
    best
}
