//! Pins: as many as anybody likes.

use std::time::Duration;
use std::time::Instant;

use siding_lockorder::Root;
use siding_netisr::IfId;
use siding_netisr::Netisr;
use siding_netisr::Packet;
use siding_netisr::Pin;

struct Frame;

impl Packet for Frame {
    fn interfaces(&self, _visit: &mut impl FnMut(IfId)) {}
}

fn pin(netisr: &Netisr<Frame>, id: IfId) -> Pin<Frame> {
    netisr.pin(id, "the test").unwrap()
}

/// More than any field of the gate's word has room for.
#[test]
fn g5_forgotten_pins_are_no_departure() {
    let netisr = Netisr::<Frame>::builder().build().unwrap();
    let (id, other) = (netisr.attach().unwrap(), netisr.attach().unwrap());
    let many = if cfg!(miri) { 1000 } else { (1 << 17) + 1 };
    for count in 1..=many {
        std::mem::forget(pin(&netisr, id));
        assert!(!usize::is_power_of_two(count) || netisr.is_attached(id), "after {count} pins");
    }
    drop(pin(&netisr, id));
    assert!(netisr.is_attached(id) && netisr.is_attached(other));

    let mut root = Root::new();
    let mut entered = root.enter().unwrap();
    let mut departure = netisr.detach(&entered.ctx(), id).unwrap();
    assert!(!departure.is_complete() && netisr.pin(id, "late").is_none());
    let holders = departure.holders().to_string();
    assert!(
        holders.contains("'the test', which pinned it at") && holders.contains(&format!("{many} times")),
        "{holders}"
    );
    assert!(netisr.detach(&entered.ctx(), other).unwrap().is_complete());
}

#[test]
fn g5_a_departure_waits_for_the_last_of_many_pins() {
    let netisr = Netisr::<Frame>::builder().build().unwrap();
    let id = netisr.attach().unwrap();
    let mut pins: Vec<_> = (0..100).map(|_| pin(&netisr, id)).collect();
    pins.push(netisr.pin(id, "another").unwrap());
    let mut root = Root::new();
    let mut entered = root.enter().unwrap();
    let mut departure = netisr.detach(&entered.ctx(), id).unwrap();
    let holders = departure.holders().holders;
    let another = holders.iter().find(|holder| holder.contains("'another'")).unwrap();
    assert!(!another.contains("times"), "{another}");
    while let Some(one) = pins.pop() {
        assert!(!departure.is_complete(), "{} pins are held", pins.len() + 1);
        drop(one);
    }
    assert!(departure.is_complete());
}

/// A pin costs what it costs: the tenth thousandth too.
#[test]
#[cfg_attr(miri, ignore = "what is measured is Miri")]
fn pins_cost_the_same_however_many_are_held() {
    let netisr = Netisr::<Frame>::builder().build().unwrap();
    let id = netisr.attach().unwrap();
    // The best of several, for other programs run here too.
    let cost = || {
        let once = || {
            let begun = Instant::now();
            (0..1000).for_each(|_| drop(pin(&netisr, id)));
            begun.elapsed()
        };
        (0..10).map(|_| once()).min().unwrap_or_default()
    };
    let alone = cost();
    let _held: Vec<_> = (0..10_000).map(|_| pin(&netisr, id)).collect();
    let among_many = cost();
    assert!(among_many < alone * 4 + Duration::from_micros(100), "{among_many:?}, and {alone:?} alone");
}
