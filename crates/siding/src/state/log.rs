//! What goes to the log: on standard error, a line for each event.

use std::cell::Cell;
use std::collections::HashMap;
use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Instant;

use siding_netisr::IfId;
use siding_stack::Event;
use siding_stack::Observer;
use siding_stack::nd6::host::HostEvent;
use tracing::Level;

use super::events;
use super::events::Events;
use super::happened;
use super::limit::Kind;
use super::limit::LeftOut;
use super::limit::Limiter;
use super::tell;
use crate::config;
use crate::control::EventKind;

/// Tells the log of the stack's events, and of what it left out of them.
#[derive(Debug, Default)]
pub(crate) struct Log {
    /// The interfaces' names. Looked at only when something is told.
    names: Mutex<HashMap<IfId, String>>,
    limiter: Limiter,
    /// Those who want to know of all of it.
    pub(crate) events: Arc<Events>,
}

thread_local! {
    /// Panics of this thread so far.
    static PANICS: Cell<u32> = const { Cell::new(0) };
}

/// Begins to log: also panics, of whichever thread. Nobody who logs waits for it to be written, or fails.
///
/// # Errors
///
/// There can be no thread to write.
pub(crate) fn start(level: config::Level) -> std::io::Result<()> {
    let level = match level {
        config::Level::Error => Level::ERROR,
        config::Level::Warn => Level::WARN,
        config::Level::Info => Level::INFO,
        config::Level::Debug => Level::DEBUG,
        config::Level::Trace => Level::TRACE,
    };
    let ansi = std::io::stderr().is_terminal();
    let log = tracing_subscriber::fmt().with_max_level(level).with_target(false).with_ansi(ansi);
    tell::start()?;
    // Its own complaints go to standard error directly, which may be what it complains of.
    let log = log.log_internal_errors(false).with_writer(|| tell::Line);
    // Whoever has set one up before us (a test) keeps it.
    let _ = log.try_init();
    std::panic::set_hook(Box::new(|panic| {
        let thread = std::thread::current();
        let name = thread.name().unwrap_or("without a name");
        tracing::error!("thread {name}: {panic}, which is a bug in Siding");
        // Who panics while a panic unwinds takes the process with it: the line is waited for, but not by the one that
        // writes it. In all other cases somebody lives on, and the process's end waits: what this thread holds is let go
        // at once, however slowly the log is read.
        let before = PANICS.with(|panics| panics.replace(panics.get() + 1));
        if before > 0 && name != "log" {
            tell::finish();
        }
    }));
    Ok(())
}

impl Log {
    /// The interface has this name.
    pub(crate) fn name(&self, id: IfId, name: &str) {
        self.lock().insert(id, name.to_owned());
    }

    /// The interface has gone.
    pub(crate) fn forget(&self, id: IfId) {
        self.lock().remove(&id);
    }

    /// Whether a line of this kind is told now; the others are counted.
    pub(crate) fn tells(&self, kind: Kind, on: IfId) -> bool {
        is_wanted(kind.level()) && self.limiter.tells(kind, on, Instant::now())
    }

    /// Says what was left out for a while; all of it if this is the `end`. To be called now and then.
    pub(crate) fn say_left_out(&self, end: bool) {
        for LeftOut { kind, on, count, within } in self.limiter.left_out(Instant::now(), end) {
            let name = if on.is_none() { String::new() } else { format!("{}: ", self.name_of(on)) };
            let (what, within) = (kind.what(), within.as_secs_f64());
            let line =
                format!("{name}{count} more lines about {what} in the last {within:.0} s were left out");
            match kind.level() {
                Level::DEBUG => tracing::debug!("{line}"),
                Level::ERROR => tracing::error!("{line}"),
                _ => tracing::warn!("{line}"),
            }
        }
    }

    /// Tells of something that a client had changed.
    pub(crate) fn command(&self, what: impl std::fmt::Display) {
        if self.events.wants(EventKind::Config) {
            self.events.tell(events::row(EventKind::Config, what.to_string()));
        }
        if self.tells(Kind::Command, IfId::NONE) {
            tracing::info!("{what}");
        }
    }

    fn name_of(&self, id: IfId) -> String {
        self.lock().get(&id).cloned().unwrap_or_else(|| id.to_string())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<IfId, String>> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether lines of this level are told at all: others need not be counted.
fn is_wanted(level: Level) -> bool {
    level <= tracing::level_filters::LevelFilter::current()
}

impl Observer for Log {
    fn event(&self, event: &Event) {
        if let Some(kind) = happened::kind(event).filter(|kind| self.events.wants(*kind)) {
            self.events.tell(happened::row(kind, event, |id| self.name_of(id)));
        }
        // No name is looked up for what is not told: thousands of neighbours change thousands of times.
        let (kind, whose) = Kind::of(event);
        if !self.tells(kind, whose) {
            return;
        }
        match event {
            // Whoever can redirect can do so a thousand times.
            Event::Neighbor { interface, .. }
            | Event::Host { interface, what: HostEvent::Redirected { .. } } => {
                tracing::debug!("{}: {event}", self.name_of(*interface));
            }
            Event::Host { interface, what } => match what {
                HostEvent::LimitReached(..)
                | HostEvent::AddressGivenUp(_)
                | HostEvent::HopLimitTooLow(..) => {
                    tracing::warn!("{}: {event}", self.name_of(*interface));
                }
                _ => tracing::info!("{}: {event}", self.name_of(*interface)),
            },
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
            Event::AddressDuplicate { interface, addr } => tracing::warn!(
                "{}: {event}; give another, or `siding address retry {addr}` when they have given it up",
                self.name_of(*interface)
            ),
            Event::RouterDiffers { interface, .. }
            | Event::IpStopped { interface, .. }
            | Event::AddressConflict { interface, .. } => {
                tracing::warn!("{}: {event}", self.name_of(*interface));
            }
            Event::PathMtu { .. } => tracing::info!("{event}"),
            Event::FilterLog { level, text } => match level {
                0..=3 => tracing::error!("{text}"),
                4 => tracing::warn!("{text}"),
                5 | 6 => tracing::info!("{text}"),
                _ => tracing::debug!("{text}"),
            },
            Event::TxStalled { interface, .. }
            | Event::TxMoves { interface, .. }
            | Event::RouteAmiss { interface, .. } => {
                tracing::warn!("{}: {event}", self.name_of(*interface));
            }
            Event::FilterSet { interface } => tracing::info!("{}: {event}", self.name_of(*interface)),
            Event::DeviceError { interface, .. } => {
                tracing::error!("{}: {event}", self.name_of(*interface));
            }
        }
    }
}
