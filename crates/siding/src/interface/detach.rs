//! How an interface goes, and what it has of the kernel's is given back.

use std::sync::TryLockError;
use std::time::Duration;
use std::time::Instant;

use anyhow::Context;
use anyhow::anyhow;
use anyhow::bail;
use siding_stack::Detached;

use crate::state::daemon::Daemon;
use crate::state::daemon::Free;
use crate::state::lock::lock;
use crate::state::port::Port;

/// How long an interface may take to go.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// Nobody waits longer for an interface to go, whatever he says.
const LONGEST: Duration = Duration::from_secs(60);

/// Between two looks whether the daemon stops meanwhile.
const PIECE: Duration = Duration::from_millis(100);

/// How long a stop that is ended looks for what it has not given back, and how often.
const GIVE_BACK: Duration = Duration::from_secs(1);
const LOOK: Duration = Duration::from_millis(5);

impl Daemon {
    /// Detaches an interface and gives it back to the kernel; tells how long it took until nothing of it was left.
    pub(crate) fn detach(
        &self,
        ctx: &mut Free<'_>,
        name: &str,
        timeout: Duration,
    ) -> anyhow::Result<Duration> {
        let id = self.interface(name)?;
        self.say_farewell(ctx, &[id]);
        let start = Instant::now();
        let timeout = timeout.min(LONGEST);
        let mut detached = self
            .stack
            .detach(ctx, id)
            .map_err(|_| anyhow!("interface '{name}' is being detached already"))?;
        self.note_gone(name);
        let waited = self.wait_for(ctx, &mut detached, start + timeout);
        let took = start.elapsed();
        let port = lock(&self.ports).remove(name);
        if let Err(held) = waited {
            lock(&self.leaving).push((name.to_owned(), detached, port));
            bail!(
                "interface '{name}' did not go within {} ms: {held}; it takes no traffic any more and goes on departing",
                took.as_millis()
            );
        }
        self.log.forget(id);
        self.log.command(format_args!("{name}: detached in {:.1} us", took.as_secs_f64() * 1e6));
        if let Some(port) = port {
            port.close().with_context(|| format!("interface '{name}' is detached, but"))?;
        }
        Ok(took)
    }

    /// Waits until nothing of an interface is left; not longer than until then, nor, for a client, when the daemon stops.
    fn wait_for(
        &self,
        ctx: &mut Free<'_>,
        detached: &mut Detached,
        until: Instant,
    ) -> Result<(), siding_netisr::StillHeld> {
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let last = left <= PIECE || self.closing.has_begun() && !self.closing.is_over();
            match detached.wait(ctx, left.min(PIECE)) {
                Err(held) if last => return Err(held),
                Err(_) => {}
                Ok(()) => return Ok(()),
            }
        }
    }

    /// Gives the kernel back its interfaces where a stop did not: as far as nobody keeps them from us. What could not be put
    /// back.
    pub(crate) fn give_back(&self) -> Vec<anyhow::Error> {
        self.spare.give_up();
        let begun = Instant::now();
        let ports = loop {
            match self.ports.try_lock() {
                Ok(ports) => break Some(ports),
                Err(TryLockError::Poisoned(ports)) => break Some(ports.into_inner()),
                Err(TryLockError::WouldBlock) if begun.elapsed() > GIVE_BACK => break None,
                Err(TryLockError::WouldBlock) => std::thread::sleep(LOOK),
            }
        };
        let Some(mut ports) = ports else { return vec![anyhow!("somebody works on them")] };
        let mut leaving = match self.leaving.try_lock() {
            Ok(leaving) => Some(leaving),
            Err(TryLockError::Poisoned(leaving)) => Some(leaving.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        };
        let late = leaving.iter_mut().flat_map(|leaving| leaving.iter_mut());
        let late = late.filter_map(|(name, _, port)| Some((&*name, port.as_mut()?)));
        let given = ports.iter_mut().chain(late).map(|(name, port)| (name, port.give_back()));
        given.filter_map(|(name, given)| Some(given.err()?.context(name.clone()))).collect()
    }

    /// Gives back what departed late.
    pub(crate) fn reap(&self) {
        let mut leaving = lock(&self.leaving);
        let mut gone = Vec::new();
        leaving.retain_mut(|(name, detached, port)| {
            let complete = detached.is_complete();
            if complete {
                gone.push((std::mem::take(name), port.take()));
            }
            !complete
        });
        drop(leaving);
        for (name, port) in gone {
            tracing::info!("{name}: has gone at last");
            if let Some(Err(error)) = port.map(Port::close) {
                tracing::warn!("{name}: {error:#}");
            }
        }
    }

    /// Takes an interface up or down.
    pub(crate) fn set_up(&self, ctx: &mut Free<'_>, name: &str, up: bool) -> anyhow::Result<()> {
        let id = self.interface(name)?;
        if !up {
            self.say_farewell(ctx, &[id]);
        }
        Ok(self.stack.set_up(ctx, id, up)?)
    }
}
