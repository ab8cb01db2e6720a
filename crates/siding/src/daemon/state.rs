//! What the daemon has, and the changes that can be asked of it.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::sync::RwLock;
use std::sync::TryLockError;
use std::time::Duration;
use std::time::Instant;

use anyhow::Context;
use anyhow::anyhow;
use anyhow::bail;
use siding_drivers::PcapLoss;
use siding_drivers::kernel::Cidr;
use siding_drivers::kernel::Records;
use siding_judge::Filter;
use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_mbuf::Pool;
use siding_netisr::IfId;
use siding_runtime::Runtime;
use siding_stack::Detached;
use siding_stack::InterfaceSpec;
use siding_stack::Lifetimes;
use siding_stack::Stack;
use siding_stack::route::Prefix;

use super::closing::Closing;
use super::codes;
use super::drops::Drops;
use super::links::LinkNews;
use super::log::Log;
use super::owed::Owed;
use super::port::Opener;
use super::port::Port;
use super::reload::Pending;
use super::running::Loaded;
use super::running::Running;
use super::spare::Spare;
use crate::config::Config;
use crate::config::Driver;
use crate::config::InterfaceConfig;
use crate::config::RouteConfig;
use crate::config::refuse;
use crate::config::refuse::RefuseConfig;
use crate::control::Code;
use crate::control::Failure;
use crate::control::Sessions;
use crate::setting::Any;
use crate::setting::Slot;

/// Nobody waits longer for an interface to go, whatever he says.
const LONGEST: Duration = Duration::from_secs(60);

/// Between two looks whether the daemon stops meanwhile.
const PIECE: Duration = Duration::from_millis(100);

/// How long a stop that is ended looks for what it has not given back, and how often.
const GIVE_BACK: Duration = Duration::from_secs(1);
const LOOK: Duration = Duration::from_millis(5);

/// The token of a thread that holds none of the stack's locks.
pub(crate) type Free<'c> = Ctx<'c, Unlocked>;

/// A daemon at work.
pub(crate) struct Daemon {
    /// The file that the run began with.
    pub(super) file: PathBuf,
    /// What it said then.
    pub(crate) begun: Config,
    /// Of that, what holds until the end, as it was written.
    pub(super) begun_table: toml::Table,
    /// What the file says that was loaded last.
    pub(super) said: Mutex<Loaded>,
    /// What runs.
    pub(super) running: Mutex<Running>,
    /// Held for reading by each request that changes something, and for writing by a reload.
    pub(super) changes: RwLock<()>,
    pub(super) pending: Mutex<Option<Pending>>,
    pub(super) owed: Mutex<Owed<Slot, Any>>,
    pub(crate) stack: Stack,
    pub(super) pool: Pool,
    pub(super) opener: Opener,
    pub(super) log: Arc<Log>,
    pub(super) ports: Mutex<BTreeMap<String, Port>>,
    /// Interfaces whose departure took longer than somebody was willing to wait.
    pub(super) leaving: Mutex<Vec<(String, Detached, Option<Port>)>>,
    pub(super) links: LinkNews,
    pub(crate) filter: Filter,
    pub(super) runtime: Mutex<Option<Runtime>>,
    pub(super) sessions: Sessions,
    pub(super) drops: Drops,
    /// Of those who only look.
    pub(super) watchers: Sessions,
    /// Given up by a stop.
    pub(super) spare: Spare,
    /// Entered by each request.
    pub(super) closing: Closing,
}

impl Daemon {
    /// Attaches an interface with its addresses.
    pub(crate) fn attach(&self, ctx: &mut Free<'_>, config: &InterfaceConfig) -> anyhow::Result<()> {
        self.reap();
        let Some(making) = self.closing.make() else { bail!("this siding is stopping") };
        let name = &config.name;
        if self.stack.config().by_name(name).is_some() {
            let why = format!(
                "an interface named '{name}' is attached already: detach it first, or choose another name"
            );
            return Err(Failure::new(Code::Exists, why).into());
        }
        let is_same = |(_, port): &(&String, &Port)| {
            config.driver != Driver::Memory && port.driver != Driver::Memory && port.device == config.device
        };
        if let Some((other, _)) = lock(&self.ports).iter().find(is_same) {
            let device = &config.device;
            bail!("'{device}' carries '{other}' already: detach that first, or give another `device`");
        }
        let opened = match self.opener.open(config) {
            Ok(opened) => opened,
            Err(error) if config.wait && is_missing(&error) => {
                let id = self.attach_absent(ctx, config)?;
                drop(making);
                self.log.name(id, name);
                return self.add_addresses(ctx, id, config);
            }
            Err(error) => return Err(error),
        };
        let spec = InterfaceSpec { name: name.clone(), mac: opened.mac, mtu: opened.mtu };
        let id = match self.stack.attach(ctx, spec, opened.devices) {
            Ok(id) => id,
            Err(error) => {
                let _ = opened.port.close();
                return Err(error.into());
            }
        };
        self.log.name(id, name);
        self.log.command(format_args!(
            "{name}: attached, {} {}, mac {}, mtu {} bytes",
            opened.port.driver.name(),
            opened.port.device,
            opened.mac,
            opened.mtu.min(config.mtu.unwrap_or(u16::MAX))
        ));
        self.drops.watch(name, &opened.port.counters);
        lock(&self.ports).insert(name.clone(), opened.port);
        // From here on a stop finds it.
        drop(making);
        self.read_link(ctx, name);
        self.add_addresses(ctx, id, config).or_else(|error| {
            // Half an interface is worse than none.
            self.detach(ctx, name, Duration::from_secs(10))?;
            Err(error)
        })
    }

    fn add_addresses(&self, ctx: &mut Free<'_>, id: IfId, config: &InterfaceConfig) -> anyhow::Result<()> {
        self.stack.ask_mtu(ctx, id, config.mtu)?;
        self.put_on(ctx, &config.name, &config.addressing())
    }

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

    /// Refuses to make anything once the daemon stops without waiting any longer.
    pub(super) fn still_runs(&self) -> anyhow::Result<()> {
        match self.closing.is_over() {
            true => bail!("this siding is stopping"),
            false => Ok(()),
        }
    }

    /// Gives the kernel back its interfaces where a stop did not: as far as nobody keeps them from us. What could not be put
    /// back.
    pub(super) fn give_back(&self) -> Vec<anyhow::Error> {
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

    /// Puts back what runs that were killed have left changed in the kernel, on interfaces that we do not use.
    pub(super) fn restore_leftovers(&self) {
        for left in self.opener.records.iter().flat_map(Records::restore_leftovers) {
            let interface = left.interface;
            match left.result {
                Ok(()) => tracing::info!("{interface}: as it was before an earlier run that was killed"),
                Err(error) => {
                    tracing::warn!("{interface}: what an earlier run has changed stays changed: {error}")
                }
            }
        }
    }

    /// How captures fare: that of all interfaces, and those of single ones by name.
    pub(super) fn captures(&self) -> Vec<(Option<String>, PcapLoss)> {
        let all = self.opener.pcap.iter().map(|file| (None, file.loss()));
        let ports = lock(&self.ports);
        let own =
            ports.iter().filter_map(|(name, port)| Some((Some(name.clone()), port.pcap.as_ref()?.loss())));
        all.chain(own).collect()
    }

    /// Gives back what departed late.
    pub(super) fn reap(&self) {
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

    /// Adds an address.
    pub(crate) fn add_address(
        &self,
        ctx: &mut Free<'_>,
        name: &str,
        cidr: Cidr,
        detect: bool,
        lifetimes: Lifetimes,
    ) -> anyhow::Result<()> {
        let id = self.interface(name)?;
        self.nobody_else_has(id, cidr.address())?;
        let added = self.stack.add_address_for(ctx, id, cidr.address(), cidr.length(), detect, lifetimes);
        added.map_err(|error| self.named(id, error))
    }

    /// An address is on one interface, but for link-local ones, which are of each link.
    pub(super) fn nobody_else_has(&self, id: IfId, address: IpAddr) -> anyhow::Result<()> {
        let config = self.stack.config();
        let mut others = config.holders(address).iter().filter(|there| **there != id);
        match others.find_map(|there| config.interface(*there)) {
            Some(other) => bail!("{address} is on '{}' already: remove it there first", other.ifnet.name),
            None => Ok(()),
        }
    }

    /// Removes an address.
    pub(crate) fn remove_address(&self, ctx: &mut Free<'_>, name: &str, addr: IpAddr) -> anyhow::Result<()> {
        let id = self.interface(name)?;
        self.stack.remove_address(ctx, id, addr).map_err(|error| self.named(id, error))
    }

    /// Tests duplicates again.
    pub(super) fn retry_duplicates(
        &self,
        ctx: &mut Free<'_>,
        on: Option<&str>,
        address: Option<IpAddr>,
    ) -> anyhow::Result<()> {
        let on = on.map(|name| self.interface(name)).transpose()?;
        let meant = |id, addr| on.is_none_or(|on| on == id) && address.is_none_or(|address| address == addr);
        let retried = self.stack.retry_duplicates(ctx, meant);
        match address {
            Some(address) if retried == 0 => {
                bail!("{address} is no duplicate here: `siding show addresses` tells what it is")
            }
            _ => Ok(()),
        }
    }

    /// Adds a route.
    pub(crate) fn add_route(&self, ctx: &mut Free<'_>, route: &RouteConfig) -> anyhow::Result<()> {
        self.exchange_routes(ctx, route.to, &[], &[route])
    }

    /// Takes routes to a prefix out and puts others in, as one change: nothing has changed if that fails.
    pub(crate) fn exchange_routes<'r>(
        &self,
        ctx: &mut Free<'_>,
        to: Cidr,
        gone: &[&'r RouteConfig],
        come: &[&'r RouteConfig],
    ) -> anyhow::Result<()> {
        let on = |routes: &[&'r RouteConfig]| -> anyhow::Result<Vec<(&'r RouteConfig, IfId)>> {
            routes.iter().map(|route| Ok((*route, self.interface(&route.interface)?))).collect()
        };
        let (gone, come) = (on(gone)?, on(come)?);
        super::route::exchange_these(&self.stack, ctx, to, &gone, &come).map_err(|error| {
            let name = come.first().map_or_else(|| to.to_string(), |(route, _)| route.interface.clone());
            Failure::new(codes::of(&error), format!("{name}: {error}")).into()
        })
    }

    /// Refuses destinations.
    pub(crate) fn add_refusal(&self, ctx: &mut Free<'_>, refuse: &RefuseConfig) -> anyhow::Result<()> {
        refuse::destination(refuse.to).map_err(anyhow::Error::msg)?;
        let (how, metric, len) = (refuse::refusal(refuse.how), refuse.metric, refuse.to.length());
        match refuse.to.address() {
            IpAddr::V6(to) => self.stack.add_refusal6(ctx, Prefix::new(to, len)?, how, metric)?,
            IpAddr::V4(to) => self.stack.add_refusal4(ctx, Prefix::new(to, len)?, how, metric)?,
        }
        Ok(())
    }

    /// Removes a refusal.
    pub(crate) fn remove_refusal(&self, ctx: &mut Free<'_>, to: Cidr) -> anyhow::Result<()> {
        match self.admit(ctx, to)? {
            true => Ok(()),
            false => bail!("{to} is not refused: `siding show routes` tells what is"),
        }
    }

    /// Refuses a prefix no more; false if it did not.
    fn admit(&self, ctx: &mut Free<'_>, to: Cidr) -> anyhow::Result<bool> {
        Ok(match to.address() {
            IpAddr::V6(addr) => self.stack.remove_refusal6(ctx, &Prefix::new(addr, to.length())?)?,
            IpAddr::V4(addr) => self.stack.remove_refusal4(ctx, &Prefix::new(addr, to.length())?)?,
        })
    }

    /// Removes this very route.
    pub(crate) fn remove_this_route(&self, ctx: &mut Free<'_>, route: &RouteConfig) -> anyhow::Result<()> {
        let on = self.interface(&route.interface)?;
        match super::route::remove_this(&self.stack, ctx, route, on)? {
            true => Ok(()),
            false => bail!("no such route to {}: `siding show routes` lists them", route.to),
        }
    }

    /// Removes the routes to a prefix that agree with what was given of next hop and interface.
    pub(super) fn remove_route(
        &self,
        ctx: &mut Free<'_>,
        to: Cidr,
        via: Option<IpAddr>,
        interface: Option<&str>,
    ) -> anyhow::Result<()> {
        let interface = interface.map(|name| self.interface(name)).transpose()?;
        let is_meant = |hop: Option<IpAddr>, on: IfId| {
            (via.is_none() || via == hop) && interface.is_none_or(|interface| interface == on)
        };
        let mut removed = 0;
        if via.is_none() && interface.is_none() {
            removed += usize::from(self.admit(ctx, to)?);
        }
        removed += super::route::remove_meant(&self.stack, ctx, to, is_meant)?;
        if removed == 0 {
            bail!("no such route to {to}: `siding show routes` lists them");
        }
        Ok(())
    }

    /// The interface that a route without one is meant to take: that which has the next hop on its link.
    pub(super) fn on_link(&self, via: IpAddr) -> anyhow::Result<String> {
        let config = self.stack.config();
        let near = config.interfaces().find(|interface| match via {
            IpAddr::V6(via) => {
                interface.addrs6.iter().any(|own| Prefix::covering(own.addr, own.prefix_len).contains(via))
                    && !siding_wire::ip6::is_link_local(via)
            }
            IpAddr::V4(via) => {
                interface.addrs4.iter().any(|own| Prefix::covering(own.addr, own.prefix_len).contains(via))
            }
        });
        near.map(|interface| interface.ifnet.name.clone())
            .with_context(|| format!("no interface has a prefix with {via} in it: say which by `dev NAME`"))
    }

    /// The identity of the interface of this name.
    pub(crate) fn interface(&self, name: &str) -> anyhow::Result<IfId> {
        let config = self.stack.config();
        config.by_name(name).map(|interface| interface.ifnet.id).ok_or_else(|| {
            let names: Vec<&str> =
                config.interfaces().map(|interface| interface.ifnet.name.as_str()).collect();
            let why = match names.is_empty() {
                true => format!("no interface '{name}': there are none; `siding interface attach` makes one"),
                false => format!("no interface '{name}': there are {}", names.join(", ")),
            };
            Failure::new(Code::NotFound, why).into()
        })
    }

    /// The name of an interface, for messages.
    pub(super) fn name_of(&self, id: IfId) -> String {
        name_in(&self.stack.config(), id)
    }

    pub(crate) fn named(&self, id: IfId, error: impl std::fmt::Display + 'static) -> anyhow::Error {
        Failure::new(codes::of_any(&error), format!("{}: {error}", self.name_of(id))).into()
    }
}

/// The same, for who has the configuration: whoever names many takes it once.
pub(super) fn name_in(config: &siding_stack::config::Config, id: IfId) -> String {
    config.interface(id).map_or_else(|| id.to_string(), |there| there.ifnet.name.clone())
}

/// Whether a device is not there, rather than unusable.
fn is_missing(error: &anyhow::Error) -> bool {
    error.downcast_ref::<siding_drivers::kernel::Error>().is_some_and(siding_drivers::kernel::Error::is_gone)
}

/// A lock that a panic elsewhere does not take away.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
