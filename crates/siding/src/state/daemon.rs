//! What the daemon has.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::RwLock;

use anyhow::bail;
use siding_judge::Filter;
use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_mbuf::Pool;
use siding_netisr::IfId;
use siding_runtime::Runtime;
use siding_stack::Detached;
use siding_stack::Stack;

use super::closing::Closing;
use super::codes;
use super::drops::Drops;
use super::log::Log;
use super::news::LinkNews;
use super::owed::Owed;
use super::pending::Pending;
use super::port::Opener;
use super::port::Port;
use super::running::Loaded;
use super::running::Running;
use super::setting::Any;
use super::setting::Slot;
use super::spare::Spare;
use crate::config::Config;
use crate::control::Code;
use crate::control::Failure;
use crate::control::Sessions;

/// The token of a thread that holds none of the stack's locks.
pub(crate) type Free<'c> = Ctx<'c, Unlocked>;

/// A daemon at work.
pub(crate) struct Daemon {
    /// The file that the run began with.
    pub(crate) file: PathBuf,
    /// What it said then.
    pub(crate) begun: Config,
    /// Of that, what holds until the end, as it was written.
    pub(crate) begun_table: toml::Table,
    /// What the file says that was loaded last.
    pub(crate) said: Mutex<Loaded>,
    /// What runs.
    pub(crate) running: Mutex<Running>,
    /// Held for reading by each request that changes something, and for writing by a reload.
    pub(crate) changes: RwLock<()>,
    /// Held by each request that changes a protocol's section.
    pub(crate) configuring: Mutex<()>,
    pub(crate) pending: Mutex<Option<Pending>>,
    pub(crate) owed: Mutex<Owed<Slot, Any>>,
    pub(crate) stack: Stack,
    pub(crate) pool: Pool,
    pub(crate) opener: Opener,
    pub(crate) log: Arc<Log>,
    pub(crate) ports: Mutex<BTreeMap<String, Port>>,
    /// Interfaces whose departure took longer than somebody was willing to wait.
    pub(crate) leaving: Mutex<Vec<(String, Detached, Option<Port>)>>,
    pub(crate) links: LinkNews,
    pub(crate) filter: Filter,
    pub(crate) runtime: Mutex<Option<Runtime>>,
    pub(crate) sessions: Sessions,
    pub(crate) drops: Drops,
    /// Of those who only look.
    pub(crate) watchers: Sessions,
    /// Given up by a stop.
    pub(crate) spare: Spare,
    /// Entered by each request.
    pub(crate) closing: Closing,
}

impl Daemon {
    /// Refuses to make anything once the daemon stops without waiting any longer.
    pub(crate) fn still_runs(&self) -> anyhow::Result<()> {
        match self.closing.is_over() {
            true => bail!("this siding is stopping"),
            false => Ok(()),
        }
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
    pub(crate) fn name_of(&self, id: IfId) -> String {
        name_in(&self.stack.config(), id)
    }

    /// Gives an interface another MTU, `None` for what its link takes.
    ///
    /// # Errors
    ///
    /// It cannot have it.
    pub(crate) fn set_mtu(&self, ctx: &mut Free<'_>, on: IfId, mtu: Option<u16>) -> anyhow::Result<()> {
        let set = match mtu {
            None => self.stack.ask_mtu(ctx, on, None),
            Some(mtu) => self.stack.set_mtu(ctx, on, mtu),
        };
        set.map_err(|error| self.named(on, error))
    }

    pub(crate) fn named(&self, id: IfId, error: impl std::fmt::Display + 'static) -> anyhow::Error {
        Failure::new(codes::of_any(&error), format!("{}: {error}", self.name_of(id))).into()
    }
}

/// The same, for who has the configuration: whoever names many takes it once.
pub(crate) fn name_in(config: &siding_stack::config::Config, id: IfId) -> String {
    config.interface(id).map_or_else(|| id.to_string(), |there| there.ifnet.name.clone())
}
