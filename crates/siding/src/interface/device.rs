//! Devices that go, come back, and change, below interfaces that stay: what takes time is done here, by the main thread.
//!
//! An interface whose device has gone stays with all that was configured of it, and waits. When the kernel has a device of
//! that name again it is opened and given to the interface, as it would be at the start.

use std::sync::TryLockError;
use std::time::Duration;
use std::time::Instant;

use anyhow::Context;
use siding_drivers::kernel::keep_silent;
use siding_stack::InterfaceSpec;

use crate::means::interface::InterfaceConfig;
use crate::state::daemon::Daemon;
use crate::state::daemon::Free;
use crate::state::limit::Kind;
use crate::state::lock::lock;
use crate::state::port::Opened;
use crate::state::port::Port;
use crate::state::port::Told;
use crate::state::port::made_up_mac;
use siding_client::value::Driver;

/// Between two times that a device is put right.
const BETWEEN_KEEPS: Duration = Duration::from_secs(1);

impl Daemon {
    /// Does what the thread that watches links has left: not while a reload makes interfaces anew. What it finds then, or
    /// is told by it, is seen by the next turn.
    pub(crate) fn follow_devices(&self, ctx: &mut Free<'_>) {
        let _nobody_reloads = match self.changes.try_read() {
            Ok(changes) => changes,
            Err(TryLockError::Poisoned(changes)) => changes.into_inner(),
            Err(TryLockError::WouldBlock) => return,
        };
        // Taken out before anything is done: nobody's news wait for that.
        let gone = std::mem::take(&mut *lock(&self.links.gone));
        gone.iter().for_each(|name| self.device_gone(ctx, name));
        let back = std::mem::take(&mut *lock(&self.links.back));
        back.iter().for_each(|name| self.device_back(ctx, name));
        let changed = std::mem::take(&mut *lock(&self.links.changed));
        changed.iter().for_each(|(name, told)| self.device_changed(ctx, name, *told));
        let looked = std::mem::take(&mut *lock(&self.links.looked));
        looked.into_iter().for_each(|name| self.keep_silent(name));
    }

    /// Attaches an interface whose device is not there, to wait for it.
    pub(crate) fn attach_absent(
        &self,
        ctx: &mut Free<'_>,
        config: &InterfaceConfig,
    ) -> anyhow::Result<siding_netisr::IfId> {
        let (name, device) = (&config.name, &config.device);
        let mac = config.mac.unwrap_or_else(|| made_up_mac(name));
        let spec = InterfaceSpec { name: name.clone(), mac, mtu: config.mtu.unwrap_or(1500) };
        let id = self.stack.attach_absent(ctx, spec)?;
        tracing::warn!("{name}: there is no device '{device}' yet: waiting until there is");
        lock(&self.ports).insert(name.clone(), Port::absent(config));
        Ok(id)
    }

    /// Gives an interface another address, another MTU, or other patience, without opening its device anew.
    pub(crate) fn retune(&self, ctx: &mut Free<'_>, config: &InterfaceConfig) -> anyhow::Result<()> {
        let name = &config.name;
        let id = self.interface(name)?;
        let (told, before) = lock(&self.ports)
            .get(name)
            .map(|port| (port.told, port.config.clone()))
            .with_context(|| format!("{name} has no device"))?;
        // First what may be refused: then nothing has changed.
        if config.mac != before.mac {
            let mac = config.mac.or(told.mac).unwrap_or_else(|| made_up_mac(name));
            self.stack.set_mac(ctx, id, mac).map_err(|error| self.named(id, error))?;
        }
        // Whatever it was attached with: a command may have set another since.
        let device = match config.driver {
            Driver::Packet => told.mtu,
            Driver::Tap => config.mtu.map_or(told.mtu, u32::from),
            Driver::Memory => config.mtu.map_or(1500, u32::from),
        };
        if device > 0 {
            let _ = self.stack.set_link_mtu(ctx, id, self.opener.mtu(config, device));
        }
        self.stack.ask_mtu(ctx, id, config.mtu).map_err(|error| self.named(id, error))?;
        if let Some(port) = lock(&self.ports).get_mut(name) {
            port.config = config.clone();
        }
        Ok(())
    }

    fn device_gone(&self, ctx: &mut Free<'_>, name: &str) {
        let Ok(id) = self.interface(name) else { return };
        let Some(port) = lock(&self.ports).get_mut(name).map(|port| {
            let absent = Port::absent(&port.config);
            std::mem::replace(port, absent)
        }) else {
            return;
        };
        // Detached by somebody meanwhile, it has no devices any more.
        let _ = self.stack.take_devices(ctx, id);
        port.lose();
    }

    fn device_back(&self, ctx: &mut Free<'_>, name: &str) {
        let config =
            lock(&self.ports).get(name).filter(|port| port.index.is_none()).map(|port| port.config.clone());
        let (Some(config), Ok(id)) = (config, self.interface(name)) else { return };
        // A stop takes no device any more.
        let Some(_making) = self.closing.make() else { return };
        let Opened { port, mac, mtu, devices } = match self.opener.open(&config) {
            Ok(opened) => opened,
            Err(error) => return self.not_yet(name, &format!("{error:#}")),
        };
        let given = self
            .stack
            .set_mac(ctx, id, mac)
            .and_then(|()| {
                self.stack.set_link_mtu(ctx, id, mtu).map_err(|_| siding_stack::AttachError::Gone(id))
            })
            .and_then(|()| self.stack.give_devices(ctx, id, devices));
        if let Err(error) = given {
            port.lose();
            return self.not_yet(name, &error.to_string());
        }
        // Detached meanwhile, there is no place for it, or it is another's.
        let mut ports = lock(&self.ports);
        match ports.get_mut(name).filter(|_| self.interface(name).is_ok_and(|now| now == id)) {
            Some(place) => {
                self.drops.watch(name, &port.counters);
                *place = port;
            }
            None => {
                drop(ports);
                return port.lose();
            }
        }
        drop(ports);
        lock(&self.links.told).remove(name);
        tracing::info!("{name}: its device '{}' is there again, mac {mac}, mtu {mtu} bytes", config.device);
        if !self.read_link(ctx, name) {
            // It has gone again before anybody was told that it is ours.
            self.device_gone(ctx, name);
        }
    }

    /// A device could not be opened: it is tried again, and told once for each reason.
    fn not_yet(&self, name: &str, why: &str) {
        if lock(&self.links.told).insert(name.to_owned(), why.to_owned()).is_none_or(|before| before != why) {
            tracing::warn!("{name}: its device is there again, but cannot be used: {why}; trying again");
        }
        lock(&self.links.back).push(name.to_owned());
    }

    /// Somebody may have turned on again what a claim has turned off: merged or unfinished frames are not what is on the wire.
    fn keep_silent(&self, name: String) {
        let device = lock(&self.ports).get(&name).filter(|port| port.index.is_some()).map(|port| {
            let soon = port.kept.last.is_some_and(|last| last.elapsed() < BETWEEN_KEEPS);
            (port.device.clone(), soon)
        });
        let Some((device, soon)) = device else { return };
        if soon {
            // Who insists is not answered at once each time. The next turn sees to it.
            lock(&self.links.looked).insert(name);
            return;
        }
        let (changed, failed) = match keep_silent(&device) {
            Ok(changed) => (changed, None),
            Err(error) if error.is_gone() => return,
            Err(error) => (Vec::new(), Some(error.to_string())),
        };
        let mut ports = lock(&self.ports);
        let Some(port) = ports.get_mut(&name) else { return };
        let news = failed.is_some() && failed != port.kept.failed;
        port.kept.failed.clone_from(&failed);
        if changed.is_empty() && failed.is_none() {
            return;
        }
        port.kept.last = Some(Instant::now());
        port.kept.times += u64::from(!changed.is_empty());
        drop(ports);
        let Some(why) = failed else {
            if self.interface(&name).is_ok_and(|id| self.log.tells(Kind::Offloads, id)) {
                let what = changed.join(", ");
                tracing::warn!(
                    "{name}: somebody has changed {what} of '{device}', which we need as it was: it is so again"
                );
            }
            return;
        };
        if news {
            tracing::error!("{name}: somebody has changed '{device}', and it cannot be put right: {why}");
        }
    }

    fn device_changed(&self, ctx: &mut Free<'_>, name: &str, told: Told) {
        let Ok(id) = self.interface(name) else { return };
        let known = lock(&self.ports).get_mut(name).filter(|port| port.index.is_some()).map(|port| {
            let before = std::mem::replace(&mut port.told, told);
            (port.config.clone(), before, port.takes)
        });
        let Some((config, before, takes)) = known else { return };
        if told.mtu != before.mtu && config.follows_mtu() {
            let mtu = self.opener.mtu(&config, told.mtu);
            tracing::info!("{name}: the device's MTU is {} now; was {}", told.mtu, before.mtu);
            if u32::from(mtu) > takes {
                // Its rings are too small for that.
                self.device_gone(ctx, name);
                return self.device_back(ctx, name);
            }
            let _ = self.stack.set_link_mtu(ctx, id, mtu);
        }
        if let Some(mac) = told.mac.filter(|mac| before.mac != Some(*mac) && config.mac.is_none()) {
            tracing::info!("{name}: the device's address is {mac} now");
            if let Err(error) = self.stack.set_mac(ctx, id, mac) {
                tracing::warn!("{name}: {error}");
            }
        }
    }
}

impl InterfaceConfig {
    /// Whether it is the device that says how large packets may be.
    fn follows_mtu(&self) -> bool {
        self.driver == Driver::Packet || self.mtu.is_none()
    }
}
