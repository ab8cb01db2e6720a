//! How an interface with a device of its own comes.

use anyhow::bail;
use siding_stack::InterfaceSpec;

use super::detach::PATIENCE;
use crate::control::Code;
use crate::control::Failure;
use crate::means::interface::InterfaceConfig;
use crate::state::daemon::Daemon;
use crate::state::daemon::Free;
use crate::state::lock::lock;
use crate::state::port::Port;
use siding_client::value::Driver;

impl Daemon {
    /// Attaches an interface, with nothing on it.
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
                self.stack.ask_mtu(ctx, id, config.mtu)?;
                return Ok(());
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
        self.stack.ask_mtu(ctx, id, config.mtu).or_else(|error| {
            // Half an interface is worse than none.
            self.detach(ctx, name, PATIENCE)?;
            Err(error.into())
        })
    }
}

/// Whether a device is not there, rather than unusable.
fn is_missing(error: &anyhow::Error) -> bool {
    error.downcast_ref::<siding_drivers::kernel::Error>().is_some_and(siding_drivers::kernel::Error::is_gone)
}
