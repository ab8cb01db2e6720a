//! Sockets at which the daemon is spoken to: one for those who change things, one for those who only look.

use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::thread::JoinHandle;
use std::time::Duration;
use std::time::Instant;

use anyhow::Context;

use crate::config::Config;
use crate::config::Listen;
use crate::control;
use crate::control::CarryOut;
use crate::control::Code;
use crate::control::Failure;
use crate::control::Feed;
use crate::control::Listener;
use crate::control::Reply;
use crate::control::Request;
use crate::control::Serve;
use crate::control::Sessions;
use crate::control::SubscribeRequest;
use crate::metrics;
use crate::state::daemon::Daemon;

/// The sockets, made before the daemon gives up the right to say whose they are.
pub(super) struct Doors {
    pub(super) control: Listener,
    monitor: Option<Listener>,
}

/// The daemon, for those who only look.
struct Monitor(Arc<Daemon>);

/// How long the thread that takes connections may take to end.
const END: Duration = Duration::from_secs(2);

/// Between two looks whether it has.
const LOOK: Duration = Duration::from_millis(1);

/// Takes connections at one of them, until it is dropped: then nobody takes a descriptor any more for who comes.
pub(super) struct Door<'d> {
    listener: &'d Listener,
    serve: Box<dyn Fn() -> anyhow::Result<JoinHandle<()>> + 'd>,
    pub(super) thread: Option<JoinHandle<()>>,
}

impl Doors {
    /// Makes them, where the configuration or `control` says.
    ///
    /// # Errors
    ///
    /// The system refuses, or there is no such group.
    pub(super) fn make(config: &Config, control: Option<&Path>) -> anyhow::Result<Doors> {
        let security = &config.stack.security;
        let path = control.map(Path::to_owned).or_else(|| config.stack.control.clone());
        let control = Listener::bind(
            &path.unwrap_or_else(control::default_path),
            gid(security.control_group.as_deref())?,
        )?;
        let group = gid(security.monitor_group.as_deref())?;
        let monitor = security.monitor.as_deref().map(|path| Listener::bind(path, group)).transpose()?;
        Ok(Doors { control, monitor })
    }

    /// Takes connections at all of them.
    ///
    /// # Errors
    ///
    /// As [`Listener::serve`].
    pub(super) fn open<'d>(&'d self, daemon: &Arc<Daemon>) -> anyhow::Result<Vec<Door<'d>>> {
        let monitor =
            self.monitor.iter().map(|monitor| Door::new(monitor, Arc::new(Monitor(daemon.clone()))));
        let mut doors: Vec<Door<'d>> = monitor.collect();
        // Last: whoever is answered there finds all of them open.
        doors.push(Door::new(&self.control, daemon.clone()));
        doors.iter_mut().try_for_each(|door| door.open())?;
        Ok(doors)
    }
}

/// Where metrics are told.
pub(super) enum Metrics {
    Tcp(TcpListener),
    Unix(Listener),
}

/// Tells them there, until it is dropped; the socket at a path goes then.
pub(super) struct Telling {
    _server: metrics::Server,
    _socket: Option<Listener>,
}

impl Metrics {
    /// Makes the socket where the configuration says, if it does.
    ///
    /// # Errors
    ///
    /// The system refuses, or there is no such group.
    pub(super) fn make(config: &Config) -> anyhow::Result<Option<Metrics>> {
        let Some(listen) = &config.stack.metrics else { return Ok(None) };
        let made = match listen {
            Listen::Tcp(address) => TcpListener::bind(address).map(Metrics::Tcp).map_err(anyhow::Error::from),
            Listen::Unix(path) => {
                let group = gid(config.stack.security.monitor_group.as_deref())?;
                Listener::bind(path, group).map(Metrics::Unix).map_err(anyhow::Error::from)
            }
        };
        made.map(Some).with_context(|| format!("`listen = \"{listen}\"` in [metrics]"))
    }

    /// Tells what is known to who asks there.
    ///
    /// # Errors
    ///
    /// The system starts no thread.
    pub(super) fn serve(self, daemon: &Arc<Daemon>) -> anyhow::Result<Telling> {
        match self {
            Metrics::Tcp(listener) => {
                let address = listener.local_addr()?;
                let telling = Telling { _server: metrics::Server::start(listener, daemon)?, _socket: None };
                tracing::info!("metrics at http://{address}/metrics");
                Ok(telling)
            }
            Metrics::Unix(socket) => {
                let server = metrics::Server::start(socket.open()?, daemon)?;
                tracing::info!("metrics by HTTP at {}", socket.path().display());
                Ok(Telling { _server: server, _socket: Some(socket) })
            }
        }
    }
}

impl<'d> Door<'d> {
    fn new<S: Serve>(listener: &'d Listener, server: Arc<S>) -> Door<'d> {
        Door { listener, serve: Box::new(move || Ok(listener.serve(&server)?)), thread: None }
    }

    /// Takes connections, again if the thread that did has ended.
    pub(super) fn open(&mut self) -> anyhow::Result<()> {
        self.thread = None;
        self.thread = Some((self.serve)()?);
        Ok(())
    }

    /// Whether nobody takes connections.
    pub(super) fn is_shut(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }
}

impl Drop for Door<'_> {
    fn drop(&mut self) {
        self.listener.shut();
        let begun = Instant::now();
        while !self.is_shut() && begun.elapsed() < END {
            thread::sleep(LOOK);
        }
    }
}

impl Daemon {
    /// Sessions of those who only look.
    fn watchers(&self) -> &Sessions {
        &self.watchers
    }
}

impl Serve for Monitor {
    fn session(&self, each: &mut dyn FnMut(&mut dyn CarryOut)) {
        self.0.session(&mut |carry_out| {
            each(&mut |request: Request| match request.only_looks() {
                true => carry_out.one(request),
                false => Reply::refused(
                    Code::NotPermitted,
                    "this socket tells, and changes nothing: ask at the control socket, if you may",
                ),
            });
        });
    }

    fn sessions(&self) -> &Sessions {
        self.0.watchers()
    }

    fn only_looks(&self) -> bool {
        true
    }

    fn subscribe(
        &self,
        request: SubscribeRequest,
        ask: &mut dyn CarryOut,
    ) -> Result<Box<dyn Feed + '_>, Failure> {
        self.0.feed(request, ask, true)
    }
}

/// The number of a group, by its name or as it is.
fn gid(group: Option<&str>) -> anyhow::Result<Option<u32>> {
    let Some(group) = group else { return Ok(None) };
    if let Ok(number) = group.parse() {
        return Ok(Some(number));
    }
    let groups = std::fs::read_to_string("/etc/group").context("cannot read /etc/group")?;
    let number = number_of(&groups, group);
    number.map(Some).with_context(|| format!("no group '{group}': `groupadd --system {group}` makes it"))
}

fn number_of(groups: &str, name: &str) -> Option<u32> {
    let lines = groups.lines().map(|line| line.split(':').collect::<Vec<_>>());
    lines.into_iter().find(|fields| fields.first() == Some(&name))?.get(2)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_by_name_and_by_number() {
        let groups = "root:x:0:\nsiding:x:998:ann,bob\n";
        assert_eq!((number_of(groups, "siding"), number_of(groups, "sid")), (Some(998), None));
        assert_eq!(gid(Some("77")).unwrap(), Some(77));
        assert!(gid(Some("nobody-has-this")).unwrap_err().to_string().contains("groupadd"));
    }
}
