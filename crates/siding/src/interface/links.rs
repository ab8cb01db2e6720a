//! The kernel's links as they come and go: told to the stack at once, by a thread that does nothing else.
//!
//! A lagg's failover begins here, so this thread waits for nothing: what takes time (an interface that has gone) is
//! left to the main thread.
//!
//! # Locks
//!
//! `order` is held while a link's state is read or taken, until the stack has been told: two that tell of one link do
//! so in the order of what they saw. The stack's own locks are taken under it, and the ports' for a look.
//!
//! # Teardown
//!
//! [`Links::stop`] ends and joins the thread, before interfaces are detached.

use std::io::Read;
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::thread;
use std::thread::JoinHandle;

use anyhow::Context;
use anyhow::anyhow;
use rustix::event::PollFd;
use rustix::event::PollFlags;
use rustix::event::poll;
use siding_drivers::kernel::LinkEvent;
use siding_drivers::kernel::Monitor;
use siding_drivers::kernel::Netlink;
use siding_lockorder::Root;
use siding_runtime::trip;
use siding_stack::SendError;
use siding_wire::Mac;

use crate::state::daemon::Daemon;
use crate::state::daemon::Free;
use crate::state::limit::Kind;
use crate::state::lock::lock;
use crate::state::port::Port;
use crate::state::port::Told;
use siding_client::value::Driver;

/// The thread that watches links.
pub(crate) struct Links {
    join: JoinHandle<()>,
    stop: UnixStream,
    gone: UnixStream,
}

impl Links {
    /// Begins to watch the links of this thread's namespace. The first news are the links as they are.
    ///
    /// # Errors
    ///
    /// The kernel tells nothing, or there can be no thread.
    pub(crate) fn start(daemon: &Arc<Daemon>) -> anyhow::Result<Links> {
        let mut monitor = Monitor::open().context("cannot watch the kernel's links")?;
        for port in lock(&daemon.ports).values() {
            port.index.into_iter().for_each(|index| monitor.expect(index, &port.device));
        }
        let (stop, stopped) = UnixStream::pair()?;
        let (gone, tell) = UnixStream::pair()?;
        gone.set_nonblocking(true)?;
        let daemon = daemon.clone();
        let watch = move || watch(&daemon, monitor, &stopped, tell);
        let join = thread::Builder::new().name("links".into()).spawn(watch)?;
        Ok(Links { join, stop, gone })
    }

    /// Becomes readable when a device has gone, come back, or changed.
    pub(crate) fn news(&self) -> &UnixStream {
        &self.gone
    }

    /// Forgets that news were told.
    pub(crate) fn heard(&mut self) {
        // Nothing to read means that there are none.
        let _ = self.gone.read(&mut [0; 16]);
    }

    /// Whether the thread has ended although nobody stopped it.
    pub(crate) fn has_ended(&self) -> bool {
        self.join.is_finished()
    }

    /// Ends the watch.
    pub(crate) fn stop(self) {
        drop(self.stop);
        // A thread that has panicked has said so.
        let _ = self.join.join();
    }
}

impl Daemon {
    /// Reads the link of an interface that has just been attached, or whose device is there again. False if that has gone.
    pub(crate) fn read_link(&self, ctx: &mut Free<'_>, name: &str) -> bool {
        let _order = lock(&self.links.order);
        let Some(index) = lock(&self.ports).get(name).and_then(|port| port.index) else { return true };
        let link = Netlink::open().and_then(|mut netlink| netlink.link_by_index(index));
        match link {
            Ok(link) => _ = self.tell_link(ctx, name, link.up && link.carrier),
            Err(error) => return !error.is_gone(),
        }
        true
    }

    /// An error with names for identities.
    pub(crate) fn explain_send(&self, error: SendError) -> anyhow::Error {
        let SendError::Unfit(dst, id, why) = error else { return error.into() };
        let name = self.name_of(id);
        anyhow!(
            "the way to {dst} is by '{name}', which cannot be used now ({why}): see `siding show interfaces`"
        )
    }

    /// The kernel tells of a link.
    fn link_changed(&self, ctx: &mut Free<'_>, event: &LinkEvent, tell: &mut UnixStream) {
        let order = lock(&self.links.order);
        let mut ports = lock(&self.ports);
        let Some((name, port)) = ports.iter_mut().find(|(_, port)| port.index == Some(event.index)) else {
            // Perhaps one that we wait for.
            let waits = |port: &Port| {
                port.index.is_none() && port.driver != Driver::Memory && port.device == event.name
            };
            let waiting = ports.iter().filter(|(_, port)| !event.gone && waits(port));
            let waiting: Vec<String> = waiting.map(|(name, _)| name.clone()).collect();
            if !waiting.is_empty() {
                lock(&self.links.back).extend(waiting);
                call(tell);
            }
            return;
        };
        let name = name.clone();
        // Configured by its name: one that has another is another.
        let renamed = event.name != port.device;
        let told = Told { mtu: event.mtu, mac: event.mac.map(Mac).filter(|_| port.driver == Driver::Packet) };
        let other = told != port.told;
        let silent = port.driver == Driver::Packet;
        if event.gone || renamed {
            port.index = None;
        }
        drop(ports);
        let changed = self.tell_link(ctx, &name, event.up && event.carrier && !renamed);
        drop(order);
        if event.gone || renamed {
            let what = if renamed { format!("is '{}' now", event.name) } else { "has gone".into() };
            tracing::error!("{name}: its device {what}; waiting until there is one of that name again");
            lock(&self.links.gone).push(name);
            return call(tell);
        }
        if other {
            lock(&self.links.changed).push((name.clone(), told));
        }
        if silent {
            // An event does not say what has changed: offloads are among it.
            lock(&self.links.looked).insert(name.clone());
        }
        if other || silent {
            call(tell);
        }
        // One whose link flaps says so a few times.
        if !changed || !self.interface(&name).is_ok_and(|id| self.log.tells(Kind::Link, id)) {
            return;
        }
        match (event.up, event.carrier) {
            (true, true) => tracing::info!("{name}: the kernel's interface {} has a carrier", event.name),
            (true, false) => tracing::warn!("{name}: the kernel's interface {} has no carrier", event.name),
            (false, _) => tracing::warn!(
                "{name}: the kernel's interface {} was taken down: nothing passes until `ip link set {} up`",
                event.name,
                event.name
            ),
        }
    }

    /// Tells the stack; true if that is news.
    fn tell_link(&self, ctx: &mut Free<'_>, name: &str, passes: bool) -> bool {
        let Ok(id) = self.interface(name) else { return false };
        let before = self.stack.config().interface(id).is_some_and(|there| there.link);
        // An interface that departs meanwhile has no link to tell of.
        let _ = self.stack.set_link(ctx, id, passes);
        before != passes
    }
}

/// Has the main thread come by.
fn call(tell: &mut UnixStream) {
    // A pipe that is full has been written to.
    let _ = tell.write(&[1]);
}

fn watch(daemon: &Daemon, mut monitor: Monitor, stopped: &UnixStream, mut tell: UnixStream) {
    let mut root = Root::new();
    // A fresh thread has entered no other.
    let Ok(mut entered) = root.enter() else { return };
    let mut ctx = entered.ctx();
    // Without it, a lost link is told when it is this thread's turn.
    let _ = siding_drivers::kernel::take_short_slices();
    loop {
        // Before the first wait, too: the links as they are have been read already.
        loop {
            match monitor.try_next() {
                Ok(Some(event)) => daemon.link_changed(&mut ctx, &event, &mut tell),
                Ok(None) => break,
                Err(error) => {
                    // The main thread starts another one, which begins with the links as they are.
                    tracing::error!("the kernel's links cannot be watched: {error}");
                    return;
                }
            }
        }
        let mut fds = [PollFd::new(&monitor, PollFlags::IN), PollFd::new(stopped, PollFlags::IN)];
        // An interrupted wait is as good as one that is over.
        let _ = poll(&mut fds, None);
        trip::here();
        if !fds[1].revents().is_empty() {
            return;
        }
    }
}
