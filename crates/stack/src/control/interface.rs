//! Attaching and detaching interfaces.
//!
//! # Teardown
//!
//! In this order: *mark* the interface dying, so that nothing new names it; have each protocol let go of it, in the order of
//! `protocols.rs`, and take it out of the snapshot; purge what they keep elsewhere, and its timers; wait until every worker has come by, which drops devices and queued packets.
//! Of all this nothing takes longer for many neighbours than for few: their memory is given back when nobody waits for it ([`remains`](crate::remains)).
//! The mark comes before anything is torn down, and nobody waits with a lock held: the token says so.

use std::sync::Arc;
use std::time::Duration;

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_mbuf::Cache;
use siding_mbuf::Mbuf;
use siding_netisr::Departure;
use siding_netisr::IfId;
use siding_netisr::StillHeld;
use siding_netisr::sync::mutant;
use siding_wire::Mac;

use super::NoInterface;
use crate::Device;
use crate::Sent;
use crate::Stack;
use crate::event::Event;
use crate::ifnet::IfCounters;
use crate::ifnet::Ifnet;
use crate::ifnet::Intake;
use crate::ifnet::Interface;
use crate::ifnet::Kind;
use crate::ifnet::Mib;
use crate::lltable::Neighbors;
use crate::ranks;
use crate::remains::Remains;
use crate::stack::Altered;
use crate::stack::Control;
use crate::stack::Moment;
use crate::stack::worker::Local;

/// An interface that is to be attached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InterfaceSpec {
    /// The operator's name for it.
    pub name: String,
    /// Its link-layer address.
    pub mac: Mac,
    /// The largest IP packet, in bytes: with less than 1280 there is no IPv6 on it.
    pub mtu: u16,
}

/// Why an interface was not attached.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AttachError {
    /// An interface has this name.
    #[error("an interface named '{0}' is attached already: detach it first, or choose another name")]
    NameTaken(String),
    /// All slots are in use.
    #[error("all {0} places for interfaces are taken: detach one first")]
    NoSlot(usize),
    /// One device for each worker is needed.
    #[error("{got} device queues for {workers} workers: give one queue for each worker")]
    Queues {
        /// Devices given.
        got: usize,
        /// Workers there are.
        workers: usize,
    },
    /// Every link takes 68 bytes (RFC 791), one for IPv6 1280 (RFC 8200 s5).
    #[error("an MTU of {0} is too small: IPv4 needs at least 68 bytes, IPv6 1280")]
    Mtu(u16),
    /// There is no such interface.
    #[error("interface {0} is not attached")]
    Gone(IfId),
    /// Not an address that one station can have.
    #[error("{0} cannot be an interface's address: it is zero or a group's")]
    Mac(Mac),
}

/// A departure under way, and what it has cost so far.
#[derive(Debug)]
pub struct Detached {
    departure: Departure<Mbuf, Local>,
    stack: Stack,
}

/// What an absent interface has for a moment.
struct NoDevice;

impl Device for NoDevice {
    fn receive(&mut self, _: &mut Cache, _: &mut Vec<Mbuf>, _: usize) -> std::io::Result<usize> {
        Ok(0)
    }

    fn transmit(&mut self, _: &mut Cache, frames: &mut Vec<Mbuf>) -> Sent {
        let sent = Sent::all(frames);
        frames.clear();
        sent
    }
}

/// What every link takes (RFC 791).
const LEAST_MTU: u16 = 68;

impl Stack {
    /// Attaches an interface: one device for each worker. It is up at once and has no addresses.
    ///
    /// # Errors
    ///
    /// The name is taken, a value is out of its range, or there is no slot.
    pub fn attach(
        &self,
        ctx: &mut Ctx<'_, Unlocked>,
        spec: InterfaceSpec,
        devices: Vec<Box<dyn Device>>,
    ) -> Result<IfId, AttachError> {
        let shared = &self.shared;
        if spec.mtu < LEAST_MTU {
            return Err(AttachError::Mtu(spec.mtu));
        }
        if !spec.mac.is_unicast() {
            return Err(AttachError::Mac(spec.mac));
        }
        let workers = shared.netisr.workers();
        if devices.len() != workers {
            return Err(AttachError::Queues { got: devices.len(), workers });
        }
        self.change(ctx, |control, ctx, _told| {
            let ifnet = self.new_ifnet(ctx, control, spec.name)?;
            let id = ifnet.id;
            shared.deliver_devices(&ifnet, devices.into_iter().map(Some));
            shared.change(control, |config| {
                config.put_new(Interface::new(ifnet, spec.mac, spec.mtu, Kind::Device, shared.defaults()));
            });
            Ok(id)
        })
    }

    /// Attaches an interface whose device is not there yet: it is absent until [`give_devices`](Self::give_devices).
    ///
    /// # Errors
    ///
    /// As [`attach`](Self::attach).
    pub fn attach_absent(
        &self,
        ctx: &mut Ctx<'_, Unlocked>,
        spec: InterfaceSpec,
    ) -> Result<IfId, AttachError> {
        let nothing = (0..self.shared.netisr.workers()).map(|_| Box::new(NoDevice) as Box<dyn Device>);
        let id = self.attach(ctx, spec, nothing.collect())?;
        self.take_devices(ctx, id).map_err(|_| AttachError::Gone(id))?;
        Ok(id)
    }

    /// Begins to detach an interface. When the result is [complete](Detached::is_complete), nothing of it is left:
    /// no packet, no timer, no device, and no frame will leave by it.
    ///
    /// # Errors
    ///
    /// It is not attached.
    pub fn detach(&self, ctx: &mut Ctx<'_, Unlocked>, id: IfId) -> Result<Detached, NoInterface> {
        if mutant("purge-before-mark") {
            self.tear_down(ctx, id);
        }
        let departure = self.shared.netisr.detach(ctx, id).map_err(|_| NoInterface(id))?;
        self.tear_down(ctx, id);
        Ok(Detached { departure, stack: self.clone() })
    }

    /// Takes an interface up or down. What it knows stays. When it comes up, its addresses are tested anew for
    /// duplicates, and routers are asked for.
    ///
    /// # Errors
    ///
    /// It is not attached.
    pub fn set_up(&self, ctx: &mut Ctx<'_, Unlocked>, id: IfId, up: bool) -> Result<(), NoInterface> {
        self.change(ctx, |control, ctx, told| {
            let shared = &self.shared;
            let config = shared.config.load();
            let interface = config.interface(id).ok_or(NoInterface(id))?;
            let mut moment = Moment { stack: self, control, ctx, interface, told };
            moment.alter(Altered::Up(up), &mut |config| {
                let interface = config.interface_mut(id).into_iter();
                interface.for_each(|interface| (interface.up, interface.stopped) = (up, None));
            });
            for on in config.with_vlans(&[id]).into_iter().filter(|_| up) {
                let Some(interface) = config.interface(on) else { continue };
                let mut moment = Moment { stack: self, control, ctx, interface, told };
                shared.protocols.iter().for_each(|protocol| protocol.taken_up(&mut moment, on == id));
            }
            Ok(())
        })
    }

    /// An identity, and what goes with it for life.
    pub(crate) fn new_ifnet(
        &self,
        ctx: &mut Ctx<'_, ranks::Control>,
        control: &mut Control,
        name: String,
    ) -> Result<Arc<Ifnet>, AttachError> {
        let shared = &self.shared;
        if shared.config.load().by_name(&name).is_some() {
            return Err(AttachError::NameTaken(name));
        }
        let id = shared.netisr.attach().ok_or(AttachError::NoSlot(shared.interfaces))?;
        let secret = (control.chance.next_u64(), control.chance.next_u64());
        let neighbors = Neighbors::new(id, shared.neighbor_totals, shared.neighbors_used.clone(), secret);
        let ifnet = Ifnet {
            id,
            name,
            neighbors,
            counters: IfCounters::new(shared.workers),
            mib: Mib::new(shared.workers),
            drops: shared.drops.open(id),
            tx_stalls: Default::default(),
            anycast_waiting: Default::default(),
            intake: Intake::default(),
        };
        shared.protocols.iter().for_each(|protocol| protocol.attached(self, control, ctx, &ifnet));
        Ok(Arc::new(ifnet))
    }

    fn tear_down(&self, ctx: &mut Ctx<'_, Unlocked>, id: IfId) {
        let shared = &self.shared;
        let Some(interface) = shared.config.load().interface(id).cloned() else { return };
        self.change_always(ctx, |control, ctx, told| {
            control.lost.remove(&id);
            let (stack, interface) = (self, &interface);
            let mut moment = Moment { stack, control, ctx, interface, told };
            shared.protocols.iter().for_each(|protocol| protocol.departs(&mut moment));
            shared.change(control, |config| config.remove(id));
            // Whoever meets them meanwhile passes them over: their interface is not there.
            let config = shared.config.load();
            let routes = config.routing_in(interface.vrf).routes();
            let amiss = [
                routes.rib6().remove_interface(id).err().map(|why| why.to_string()),
                routes.rib4().remove_interface(id).err().map(|why| why.to_string()),
            ];
            told.extend(amiss.into_iter().flatten().map(|why| Event::RouteAmiss {
                interface: id,
                what: format!("some stay in the table, and lead nowhere: {why}"),
            }));
        });
        let mut remains = Remains::default();
        shared.protocols.iter().for_each(|protocol| protocol.departed(self, ctx, &interface, &mut remains));
        shared.timers.purge(ctx, id).into_iter().for_each(|gone| remains.add(gone.into_values()));
        remains.give_back();
    }
}

impl Detached {
    /// Whether nothing of the interface is left. Does what can be done without waiting.
    pub fn is_complete(&mut self) -> bool {
        self.departure.is_complete()
    }

    /// Waits until nothing of the interface is left, at most `timeout`.
    ///
    /// # Errors
    ///
    /// Time is up: who still holds it. The departure goes on.
    pub fn wait(&mut self, ctx: &mut Ctx<'_, Unlocked>, timeout: Duration) -> Result<(), StillHeld> {
        self.departure.wait(ctx, timeout)
    }

    /// The stack that it departs from.
    pub fn stack(&self) -> &Stack {
        &self.stack
    }
}
