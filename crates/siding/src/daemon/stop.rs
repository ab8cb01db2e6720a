//! The clean stop.

use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;
use std::time::Duration;

use anyhow::anyhow;
use siding_runtime::trip;

use crate::interface::detach::PATIENCE;
use crate::state::daemon::Daemon;
use crate::state::daemon::Free;
use crate::state::lock::lock;

/// How long requests that are under way may take to end.
const REQUESTS: Duration = Duration::from_secs(10);

impl Daemon {
    /// Stops, and whatever comes of that, gives the kernel back what is its own: a bug of ours, or an interface that never
    /// goes, is no reason to keep it.
    ///
    /// # Errors
    ///
    /// All that did not end well.
    pub(super) fn stop_for_good(&self, ctx: &mut Free<'_>) -> Result<(), Vec<anyhow::Error>> {
        let stopped = unless_bug("stopping", || self.stop(ctx));
        let given = unless_bug("giving back the kernel's interfaces", || self.give_back());
        let mut wrong = stopped.map_or_else(|bug| vec![bug], |stopped| stopped.err().unwrap_or_default());
        let kept = given.unwrap_or_else(|bug| vec![bug]);
        wrong
            .extend(kept.into_iter().map(|error| error.context("the next run puts back what stays changed")));
        if wrong.is_empty() { Ok(()) } else { Err(wrong) }
    }

    /// Detaches every interface, joins the workers, and checks that nothing is missing. To be called once, when
    /// no new connections come in.
    ///
    /// # Errors
    ///
    /// All that did not end well.
    fn stop(&self, ctx: &mut Free<'_>) -> Result<(), Vec<anyhow::Error>> {
        if !self.closing.close(REQUESTS) {
            tracing::error!("a request has not ended within {} s: stopping without it", REQUESTS.as_secs());
        }
        // Only now: connections are taken no more, nor is anything asked for, by which they would be used up.
        self.spare.give_up();
        let mut wrong = Vec::new();
        let names: Vec<String> =
            self.stack.config().interfaces().map(|there| there.ifnet.name.clone()).collect();
        let all: Vec<_> = self.stack.config().interfaces().map(|there| there.ifnet.id).collect();
        trip::at("stopping");
        self.say_farewell(ctx, &all);
        for name in names {
            // One that has a bug keeps the others from nothing.
            let gone = unless_bug(&name, || {
                trip::at("detaching");
                self.detach(ctx, &name, PATIENCE)
            });
            wrong.extend(gone.and_then(|gone| gone).err());
        }
        let runtime = lock(&self.runtime).take();
        if let Some(Err(error)) = runtime.map(siding_runtime::Runtime::stop) {
            wrong.push(error.into());
        }
        // Those that left late can wait for no worker any more.
        self.reap();
        for (name, _, _) in lock(&self.leaving).iter() {
            wrong.push(anyhow!("{name}: never went"));
        }
        if let Err(imbalance) = self.stack.check_conservation() {
            wrong.push(anyhow!("{imbalance}"));
        }
        if !self.pool.is_full() {
            wrong.push(anyhow!(
                "{} of {} packet buffers are missing",
                self.pool.live(),
                self.pool.capacity()
            ));
        }
        if let Some(Err(error)) = self.opener.pcap.as_ref().map(siding_drivers::PcapFile::flush) {
            // Not to be told everything is no failure.
            tracing::error!("{error}");
        }
        if wrong.is_empty() { Ok(()) } else { Err(wrong) }
    }
}

/// What comes of something, or that it has met a bug.
pub(super) fn unless_bug<T>(what: &str, does: impl FnOnce() -> T) -> anyhow::Result<T> {
    catch_unwind(AssertUnwindSafe(does)).map_err(|_| anyhow!("{what}: a bug was met, see the log"))
}
