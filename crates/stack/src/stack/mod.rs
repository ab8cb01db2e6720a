//! The stack: what all workers share.
//!
//! # Locks
//!
//! [`ranks::Control`] guards what changes; a change is made on a copy of the snapshot, which is then published.
//! The rest are leaves. # Teardown: dropping the last reference drops interfaces, packets and devices.

mod protocol;
pub(crate) mod worker;

use std::collections::HashMap;
use std::fmt;
use std::net::Ipv6Addr;
use std::sync::Arc;

use siding_lockorder::Ctx;
use siding_lockorder::Mutex;
use siding_mbuf::Mbuf;
use siding_mbuf::Pool;
use siding_netisr::IfId;
use siding_netisr::Instant;
use siding_netisr::Netisr;

use crate::Device;
use crate::common;
use crate::common::Words;
use crate::config;
use crate::config::Config;
use crate::drops::Ledger;
use crate::event::Observer;
use crate::filter;
use crate::ifnet::Defaults;
use crate::ifnet::Ifnet;
use crate::lltable::NeighborLimits;
use crate::lltable::NeighborTotals;
use crate::lltable::Use;
use crate::mld::MldConfig;
use crate::nd6::dad::Dad;
use crate::nd6::dad::DadConfig;
use crate::nd6::nud::NudConfig;
use crate::ping::Pings;
use crate::queues::Queues;
use crate::ranks;
use crate::reassembly;
use crate::reassembly::ReassemblyLimits;
use crate::rooms::Rooms;
use crate::snapshot::Snapshot;
use crate::stack::worker::Frames;
use crate::stack::worker::Heard;
use crate::stack::worker::Local;
use crate::stack::worker::StepTimes;
use crate::timer::Timers;
use crate::trace;
use siding_machines::chance::Chance;

pub(crate) use protocol::Altered;
pub(crate) use protocol::Ask;
pub(crate) use protocol::Moment;
pub(crate) use protocol::Over;
pub(crate) use protocol::Protocol;
pub(crate) use protocol::Question;
pub(crate) use protocol::Shown;
pub(crate) use protocol::Turn;

/// A network stack. Clones refer to the same one.
#[derive(Clone)]
pub struct Stack {
    pub(crate) shared: Arc<Shared>,
}

/// What all workers share.
pub(crate) struct Shared {
    pub(crate) netisr: Netisr<Mbuf, Local>,
    /// Types of deferred packets.
    pub(crate) queues: Queues<Local>,
    pub(crate) workers: usize,
    /// Packets of all types together that may wait for a worker.
    pub(crate) room: usize,
    pub(crate) config: Snapshot<Config>,
    pub(crate) control: Mutex<ranks::Control, Control>,
    pub(crate) timers: Timers<Local>,
    /// Up to when workers have read.
    pub(crate) heard: Heard,
    pub(crate) pings: Pings,
    pub(crate) pool: Pool,
    pub(crate) drops: Ledger,
    pub(crate) observer: Arc<dyn Observer>,
    pub(crate) seed: u64,
    pub(crate) clock: Arc<dyn Fn() -> Instant + Send + Sync>,
    pub(crate) nud: NudConfig,
    pub(crate) neighbors: NeighborLimits,
    /// Interfaces that there may be at a time.
    pub(crate) interfaces: usize,
    pub(crate) neighbor_totals: NeighborTotals,
    pub(crate) neighbors_used: Arc<Use>,
    /// Buffers for what is larger than those of the pool; `None` if there are none.
    pub(crate) large: Option<Pool>,
    /// What each worker may hold of fragments, and does.
    pub(crate) fragments: ReassemblyLimits,
    pub(crate) reassembly: Vec<reassembly::Gauge>,
    pub(crate) paths: common::Paths,
    /// Numbers for packets that we cut.
    pub(crate) idents: common::Idents,
    /// Tokens for errors, resets and redirects.
    pub(crate) sends: common::Sends,
    /// All protocols, in the order of teardown.
    pub(crate) protocols: &'static [&'static dyn Protocol],
    pub(crate) over: &'static Over,
    pub(crate) ask: &'static Ask,
    /// Last words that have not left yet.
    pub(crate) words: Words,
    /// What workers judge packets by, and what they tell of it.
    pub(crate) filter: filter::Shared,
    /// What the steps of each worker's turns take.
    pub(crate) steps: Vec<StepTimes>,
    /// Which way the frames of each worker go.
    pub(crate) frames: Vec<Frames>,
    /// Who watches packets.
    pub(crate) trace: Arc<trace::Shared>,
    /// Devices on their way to the workers that will own them.
    pub(crate) devices: siding_netisr::sync::Mutex<Vec<Vec<Delivery>>>,
}

/// A device for an interface, or that it has none any more.
pub(crate) type Delivery = (Arc<Ifnet>, Option<Box<dyn Device>>);

/// What the control lock guards.
pub(crate) struct Control {
    pub(crate) dads: HashMap<(IfId, Ipv6Addr), Dad>,
    pub(crate) dad: DadConfig,
    pub(crate) mld: MldConfig,
    /// Since when interfaces have lost their links, and nothing else.
    pub(crate) lost: HashMap<IfId, Instant>,
    /// What else protocols keep.
    pub(crate) rooms: Rooms,
    pub(crate) chance: Chance,
    pub(crate) secret: [u8; 16],
}

/// A change that is under way: the control lock is held, and all of it is of one moment.
pub(crate) struct Change<'a, 'l> {
    pub(crate) shared: &'a Shared,
    pub(crate) control: &'a mut Control,
    pub(crate) ctx: &'a mut Ctx<'l, ranks::Control>,
    pub(crate) now: Instant,
}

impl Stack {
    /// The moment now, by the stack's clock.
    pub fn now(&self) -> Instant {
        (self.shared.clock)()
    }

    /// Watches packets, or frames, from now on: [`trace`] says how. Workers see it with their next turn.
    ///
    /// # Errors
    ///
    /// As many watch as may.
    pub fn watch(&self, spec: trace::WatchSpec) -> Result<trace::Watch, trace::TooManyWatches> {
        self.shared.trace.watch(spec)
    }

    /// Checks that every accepted packet has one fate. To be called when nothing is under way.
    ///
    /// # Errors
    ///
    /// The first type whose counters do not add up.
    pub fn check_conservation(&self) -> Result<(), Box<siding_netisr::Imbalance>> {
        self.shared.netisr.check_conservation()
    }
}

impl Shared {
    /// Changes the configuration: copies it, lets `change` at the copy, and publishes that.
    pub(crate) fn change<O>(&self, _control: &mut Control, change: impl FnOnce(&mut Config) -> O) -> O {
        let mut config = (*self.config.load()).clone();
        let answer = change(&mut config);
        self.publish(config);
        answer
    }

    /// The same for a change that may fail: nothing is published then.
    pub(crate) fn try_change<E>(
        &self,
        _control: &mut Control,
        change: impl FnOnce(&mut Config) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut config = (*self.config.load()).clone();
        change(&mut config)?;
        self.publish(config);
        Ok(())
    }

    /// Publishes a configuration, with what lies on others as it must be now. For holders of the control lock.
    pub(crate) fn publish(&self, mut config: Config) {
        config::review(&self.config.load(), &mut config);
        debug_assert!(config::is_settled(&config), "what lies on others, or is looked up, does not follow");
        self.config.publish(config);
    }

    /// What a new interface has until it is told otherwise.
    pub(crate) fn defaults(&self) -> Defaults {
        Defaults { nud: self.nud, neighbors: self.neighbors }
    }

    pub(crate) fn deliver_devices(
        &self,
        ifnet: &Arc<Ifnet>,
        devices: impl IntoIterator<Item = Option<Box<dyn Device>>>,
    ) {
        let mut mailboxes = siding_netisr::sync::lock(&self.devices);
        for (mailbox, device) in mailboxes.iter_mut().zip(devices) {
            mailbox.push((ifnet.clone(), device));
        }
    }

    pub(crate) fn take_devices(&self, worker: usize) -> Vec<Delivery> {
        let mut mailboxes = siding_netisr::sync::lock(&self.devices);
        mailboxes.get_mut(worker).map(std::mem::take).unwrap_or_default()
    }
}

impl fmt::Debug for Stack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stack").field("netisr", &self.shared.netisr).finish_non_exhaustive()
    }
}
