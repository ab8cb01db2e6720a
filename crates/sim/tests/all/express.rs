//! Worlds with express and without: the same frames at the same moments, the same events, the same counters.

use std::cell::RefCell;
use std::fmt::Write;
use std::rc::Rc;

use siding_sim::Summary;
use siding_stack::Stack;
use siding_stack::filter::FilterSetup;
use siding_stack::filter::StateLimits;
use siding_stack::ifnet::IfCounter;
use siding_stack::ifnet::Version;

#[path = "../../../stack/tests/all/express/rules.rs"]
#[allow(dead_code)] // Some are for the stack's own tests.
mod rules;

use rules::Counted;
use rules::Rules;

/// What a world came to.
struct World {
    summary: Summary,
    /// When, on which link, which bytes.
    frames: Vec<(u64, siding_sim::LinkId, Vec<u8>)>,
    /// What each node has counted.
    counters: Vec<String>,
}

/// Plays a world. Under rules each node has its own, by chance.
fn run(seed: u64, express: bool, rules: bool) -> World {
    let (frames, counted) = (Rc::new(RefCell::new(Vec::new())), RefCell::new(Vec::new()));
    let tape = frames.clone();
    let by_rules = RefCell::new(Vec::new());
    let prepare = |node: &siding_sim::Node| {
        let number = (seed << 8) + by_rules.borrow().len() as u64;
        let counted = Counted::default();
        by_rules.borrow_mut().push(counted.clone());
        node.control(|stack, ctx| {
            stack.set_express(ctx, express);
            let setup = || {
                // In a calm network everybody is reached.
                let setup = Rules::new(number, counted).that_refuse_nothing().setup();
                FilterSetup { limits: StateLimits { states: 2048, half_open: 1024, ..setup.limits }, ..setup }
            };
            stack.set_filter(ctx, rules.then(setup));
        });
    };
    let done = |node: &siding_sim::Node| counted.borrow_mut().push(counters(&node.stack));
    let tap = move |now: siding_netisr::Instant, link: siding_sim::LinkId, frame: &[u8]| {
        tape.borrow_mut().push((now.as_nanos(), link, frame.to_vec()));
    };
    let summary = siding_sim::run_routed_seed(seed, prepare, tap, done);
    let summary = summary.unwrap_or_else(|failure| panic!("express {express}: {failure}"));
    counted.borrow_mut().extend(by_rules.take().iter().map(Counted::account));
    World { summary, frames: frames.take(), counters: counted.take() }
}

/// All that a stack has counted.
fn counters(stack: &Stack) -> String {
    let mut all = String::new();
    for account in stack.drops_by_interface() {
        writeln!(all, "{account:?}").unwrap();
    }
    for kind in stack.netisr_types() {
        writeln!(all, "{kind:?}").unwrap();
    }
    writeln!(all, "{:?}", stack.state_usage()).unwrap();
    let config = stack.config();
    for interface in config.interfaces() {
        let ifnet = &interface.ifnet;
        for counter in IfCounter::all().filter(|counter| ifnet.counters.of(*counter) > 0) {
            writeln!(all, "{} {} {}", ifnet.name, counter.name(), ifnet.counters.of(counter)).unwrap();
        }
        for version in [Version::V4, Version::V6] {
            writeln!(all, "{} {:?}", ifnet.name, ifnet.mib.stats(version)).unwrap();
        }
    }
    all
}

#[test]
fn worlds_with_express_and_without_are_the_same() {
    assert!(same_worlds(false) > 1000, "too few to say much");
}

#[test]
fn worlds_under_rules_are_the_same_with_express_and_without() {
    assert!(same_worlds(true) > 500, "too few to say much");
}

/// Plays worlds with express and without. How many packets went by it.
fn same_worlds(rules: bool) -> u64 {
    let mut expressed = 0;
    for seed in 0..100 {
        let (with, without) = (run(seed, true, rules), run(seed, false, rules));
        assert_eq!(without.summary.expressed, 0);
        let first = with.frames.iter().zip(&without.frames).position(|(one, other)| one != other);
        assert_eq!(first, None, "seed {seed}: the first frame that differs");
        assert_eq!(with.frames.len(), without.frames.len(), "seed {seed}");
        assert_eq!(with.summary.log, without.summary.log, "seed {seed}");
        assert_eq!(with.counters, without.counters, "seed {seed}");
        expressed += with.summary.expressed;
    }
    println!("{expressed} packets went by express");
    expressed
}
