//! What a scrape is told.

use siding_lockorder::Root;

use crate::metrics::Rows;
use crate::metrics::Scrape;
use crate::state::daemon::Daemon;

impl Scrape for Daemon {
    fn scrape(&self) -> Rows {
        let mut root = Root::new();
        // The thread that asks has entered nothing else.
        let Ok(mut entered) = root.enter() else { return Rows::default() };
        let ctx = &mut entered.ctx();
        Rows {
            interfaces: self.show_interfaces(ctx),
            addresses: self.show_addresses(),
            neighbors: self.show_neighbors(ctx),
            routes: self.show_routes(),
            types: self.show_netisr(),
            drops: self.drops_now(),
            workers: self.show_workers(),
            performance: self.show_performance(),
            limits: self.show_limits(ctx),
        }
    }
}
