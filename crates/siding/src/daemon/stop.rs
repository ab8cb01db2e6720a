//! The clean stop.

use std::time::Duration;

use anyhow::anyhow;

use super::state::Daemon;
use super::state::Free;
use super::state::lock;

/// How long an interface may take to go.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// How long requests that are under way may take to end.
const REQUESTS: Duration = Duration::from_secs(10);

impl Daemon {
    /// Detaches every interface, joins the workers, and checks that nothing is missing. To be called once, when
    /// no new connections come in.
    ///
    /// # Errors
    ///
    /// All that did not end well.
    pub(super) fn stop(&self, ctx: &mut Free<'_>) -> Result<(), Vec<anyhow::Error>> {
        if !self.closing.close(REQUESTS) {
            tracing::error!("a request has not ended within {} s: stopping without it", REQUESTS.as_secs());
        }
        let mut wrong = Vec::new();
        let names: Vec<String> =
            self.stack.config().interfaces().map(|there| there.ifnet.name.clone()).collect();
        let all: Vec<_> = self.stack.config().interfaces().map(|there| there.ifnet.id).collect();
        self.say_farewell(ctx, &all);
        for name in names {
            wrong.extend(self.detach(ctx, &name, PATIENCE).err());
        }
        let runtime = lock(&self.runtime).take();
        if let Some(Err(error)) = runtime.map(crate::runtime::Runtime::stop) {
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
