//! What may be asked of the filter from outside.

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_machines::filter::Usage;

use crate::Stack;
use crate::filter::FilterSetup;
use crate::filter::Gauge;
use crate::filter::StateQuery;
use crate::filter::StatesAsked;
use crate::filter::ask;

impl Stack {
    /// Filters as `setup` says, from the next turn of each worker on; `None` stops it, and all states go. States stay
    /// from setup to setup as long as their bounds do.
    ///
    /// One step: no packet is judged by two setups, nor by none in between.
    pub fn set_filter(&self, ctx: &mut Ctx<'_, Unlocked>, setup: Option<FilterSetup>) {
        let now = self.now();
        {
            // Whoever changes comes one after the other.
            let (_control, _ctx) = ctx.lock(&self.shared.control);
            self.shared.filter.set(setup, now);
        }
        self.shared.netisr.call_workers();
    }

    /// Asks all workers for their states, or has them forgotten. Nobody waits: see [`StatesAsked::take`].
    pub fn ask_states(&self, query: StateQuery) -> StatesAsked {
        let asked = ask::ask(&self.shared.filter.mailboxes, query);
        self.shared.netisr.call_workers();
        asked
    }

    /// What each worker's table of states has, as of its last turn.
    pub fn state_usage(&self) -> Vec<Usage> {
        self.shared.filter.gauges.iter().map(Gauge::read).collect()
    }
}
