//! What goes to the log: on standard error, a line for each event.

use std::collections::HashMap;
use std::io::IsTerminal;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;
use std::time::Instant;

use siding_netisr::IfId;
use siding_stack::Event;
use siding_stack::Observer;
use siding_stack::nd6::host::HostEvent;
use tracing::Level;

use crate::config;

/// Tells the log of the stack's events.
#[derive(Debug, Default)]
pub(super) struct Log {
    /// By interface: its name, and when its driver's last error was told. Looked at only when something happens.
    interfaces: Mutex<HashMap<IfId, Known>>,
}

#[derive(Debug)]
struct Known {
    name: String,
    last_error: Option<Instant>,
    /// Errors that were not told since.
    unsaid: u64,
    learned: Learned,
}

/// What a host learned, told a bounded number of times a second: others decide how often it changes its mind.
#[derive(Debug, Default)]
struct Learned {
    second: Option<Instant>,
    told: u32,
    unsaid: u64,
}

/// So many a second.
const MOST_LEARNED: u32 = 50;

/// A driver that fails does so again at once.
const ERROR_PAUSE: Duration = Duration::from_secs(5);

/// Begins to log.
pub(super) fn start(level: config::Level) {
    let level = match level {
        config::Level::Error => Level::ERROR,
        config::Level::Warn => Level::WARN,
        config::Level::Info => Level::INFO,
        config::Level::Debug => Level::DEBUG,
        config::Level::Trace => Level::TRACE,
    };
    let ansi = std::io::stderr().is_terminal();
    let log = tracing_subscriber::fmt().with_max_level(level).with_target(false).with_ansi(ansi);
    // Whoever has set one up before us (a test) keeps it.
    let _ = log.with_writer(std::io::stderr).try_init();
}

impl Log {
    /// The interface has this name.
    pub(super) fn name(&self, id: IfId, name: &str) {
        let known = Known { name: name.to_owned(), last_error: None, unsaid: 0, learned: Learned::default() };
        self.lock().insert(id, known);
    }

    /// The interface has gone.
    pub(super) fn forget(&self, id: IfId) {
        self.lock().remove(&id);
    }

    fn name_of(&self, id: IfId) -> String {
        self.lock().get(&id).map_or_else(|| id.to_string(), |known| known.name.clone())
    }

    /// Whether a driver's error is told, and how many were not since the last one.
    fn tells_error(&self, id: IfId) -> Option<u64> {
        let mut interfaces = self.lock();
        let Some(known) = interfaces.get_mut(&id) else { return Some(0) };
        if known.last_error.is_some_and(|last| last.elapsed() < ERROR_PAUSE) {
            known.unsaid += 1;
            return None;
        }
        known.last_error = Some(Instant::now());
        Some(std::mem::take(&mut known.unsaid))
    }

    /// Whether something that was learned is told, and how many were not since the last one.
    fn tells_learned(&self, id: IfId) -> Option<u64> {
        let mut interfaces = self.lock();
        let Some(Known { learned, .. }) = interfaces.get_mut(&id) else { return Some(0) };
        if learned.second.is_none_or(|second| second.elapsed() >= Duration::from_secs(1)) {
            (learned.second, learned.told) = (Some(Instant::now()), 0);
        }
        learned.told += 1;
        if learned.told > MOST_LEARNED {
            learned.unsaid += 1;
            return None;
        }
        Some(std::mem::take(&mut learned.unsaid))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<IfId, Known>> {
        self.interfaces.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Log {
    fn event(&self, event: &Event) {
        match event {
            // Thousands of neighbours change thousands of times: no name is looked up for what is not told.
            Event::Neighbor { interface, .. } => {
                if tracing::enabled!(Level::DEBUG) {
                    tracing::debug!("{}: {event}", self.name_of(*interface));
                }
            }
            // Whoever can redirect can do so a thousand times.
            Event::Host { interface, what: HostEvent::Redirected { .. } } => {
                if tracing::enabled!(Level::DEBUG) {
                    tracing::debug!("{}: {event}", self.name_of(*interface));
                }
            }
            Event::Host { interface, what } => {
                let Some(unsaid) = self.tells_learned(*interface) else { return };
                let name = self.name_of(*interface);
                if unsaid > 0 {
                    tracing::warn!("{name}: {unsaid} more changes of what was learned were not told");
                }
                match what {
                    HostEvent::LimitReached(..) | HostEvent::AddressGivenUp(_) => {
                        tracing::warn!("{name}: {event}");
                    }
                    _ => tracing::info!("{name}: {event}"),
                }
            }
            Event::AddressPreferred { interface, .. } | Event::LacpAggregator { interface, .. } => {
                tracing::info!("{}: {event}", self.name_of(*interface));
            }
            Event::Lagg { interface, port: about, cause, from, to } => {
                let about = about.map_or_else(String::new, |port| format!("{}: ", self.name_of(port)));
                let port =
                    |port: &Option<IfId>| port.map_or_else(|| "none".into(), |port| self.name_of(port));
                let (name, from, to) = (self.name_of(*interface), port(from), port(to));
                tracing::info!("{name}: lagg: {about}{cause}; port in use: {from} -> {to}");
            }
            Event::Bridge { interface, port, cause } => {
                tracing::info!("{}: bridge: {cause}: {}", self.name_of(*interface), self.name_of(*port));
            }
            Event::LacpPort { interface, port, cause, change } => {
                let (name, port) = (self.name_of(*interface), self.name_of(*port));
                tracing::info!("{name}: lacp: port {port}: {change}: {cause}");
            }
            Event::RouterDiffers { interface, .. }
            | Event::AddressDuplicate { interface, .. }
            | Event::AddressConflict { interface, .. } => {
                tracing::warn!("{}: {event}", self.name_of(*interface));
            }
            Event::PathMtu { .. } => tracing::info!("{event}"),
            Event::DeviceError { interface, .. } => match self.tells_error(*interface) {
                Some(0) => tracing::error!("{}: {event}", self.name_of(*interface)),
                Some(unsaid) => {
                    tracing::error!("{}: {event} ({unsaid} more like it)", self.name_of(*interface));
                }
                None => {}
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drivers_errors_are_told_once_in_a_while() {
        let log = Log::default();
        assert_eq!(log.tells_error(IfId::NONE), Some(0));
        log.name(IfId::NONE, "eth0");
        assert_eq!(log.tells_error(IfId::NONE), Some(0));
        assert_eq!((log.tells_error(IfId::NONE), log.tells_error(IfId::NONE)), (None, None));
        assert_eq!(log.name_of(IfId::NONE), "eth0");
        for told in 0..MOST_LEARNED {
            assert_eq!(log.tells_learned(IfId::NONE), Some(0), "{told}");
        }
        assert_eq!(log.tells_learned(IfId::NONE), None, "a host that changes its mind all the time");
        log.forget(IfId::NONE);
        assert_eq!(log.name_of(IfId::NONE), IfId::NONE.to_string());
    }
}
