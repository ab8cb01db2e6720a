//! What systemd is told, if it has started us: that we are ready, well, reading our file again, and stopping.
//!
//! Whoever has started us otherwise has set nothing in the environment, and nobody is told anything.

use std::time::Duration;
use std::time::Instant;

use sd_notify::NotifyState;

use super::pulse::Pulse;

/// The service that we are, to whoever watches it.
#[derive(Debug)]
pub(super) struct Service {
    /// How often it wants to hear that we are well: twice as often as it gets impatient.
    every: Option<Duration>,
    told: Option<Instant>,
}

impl Service {
    /// As the environment says.
    pub(super) fn new() -> Service {
        let mut micros = 0;
        let watched = sd_notify::watchdog_enabled(false, &mut micros) && micros > 0;
        Service { every: watched.then(|| Duration::from_micros(micros / 2)), told: None }
    }

    /// All that was configured is in effect, and requests are answered.
    pub(super) fn ready(&self) {
        tell(&[NotifyState::Ready]);
    }

    /// The thread that watches all others comes by. We are well if each worker has turned since we said so last: what is
    /// forwarded goes through them alone.
    pub(super) fn well(&mut self, pulse: &Pulse) {
        let Some(every) = self.every else { return };
        let due = self.told.is_none_or(|told| told.elapsed() >= every && pulse.beat_since(told));
        if due {
            tell(&[NotifyState::Watchdog]);
            self.told = Some(Instant::now());
        }
    }
}

/// The daemon ends, for whatever reason: no requests are taken any more, and nobody is to be well. It has ended within this
/// time, and is not to be killed before, whatever the unit says.
pub(super) fn stopping(longest: Duration) {
    tell(&[NotifyState::Stopping]);
    let micros = u32::try_from(longest.as_micros()).unwrap_or(u32::MAX);
    tell(&[NotifyState::ExtendTimeoutUsec(micros)]);
}

/// The file is read again because a signal said so, until this is dropped: systemd waits for that (`Type=notify-reload`).
pub(super) struct Reloading(());

impl Reloading {
    pub(super) fn begin() -> Reloading {
        // When, so that it is told from an earlier one.
        let states = sd_notify::NotifyState::monotonic_usec_now();
        tell(&states.map_or_else(|_| vec![], |now| vec![NotifyState::Reloading, now]));
        Reloading(())
    }
}

impl Drop for Reloading {
    fn drop(&mut self) {
        tell(&[NotifyState::Ready]);
    }
}

/// What stands in `systemctl status`: why the file is not in effect. An empty text takes it away.
pub(super) fn status(text: &str) {
    // What comes on other lines would be taken for something else that is told.
    tell(&[NotifyState::Status(text.lines().next().unwrap_or_default())]);
}

fn tell(state: &[NotifyState<'_>]) {
    // Who does not listen learns it from what we do.
    let _ = sd_notify::notify(false, state);
}
