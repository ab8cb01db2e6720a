//! Address conflict detection: the machine of `acd` joined to the stack.
//!
//! # Locks
//!
//! The machines lie under [`ranks::Control`](crate::ranks::Control), with the rest of what may change. Room for the one frame that a step may
//! send is reserved before the lock; under it the frame is built, the address's new state published, and then the
//! frame dispatched: whoever hears an announcement finds the address in use.

use std::collections::HashMap;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::time::Duration;

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_netisr::IfId;
use siding_netisr::Instant;
use siding_wire::Mac;
use siding_wire::arp::ArpRepr;

use super::acd::Acd;
use super::acd::AcdConfig;
use super::acd::AcdEvent;
use super::acd::AcdFrame;
use super::acd::ConflictLimit;
use super::acd::Owner;
use super::acd::PROBE_MAX;
use super::acd::PROBE_MIN;
use super::acd::PROBE_WAIT;
use super::due::Claimed;
use super::machine::ArpSeen;
use super::output::build;
use crate::drops::DropReason;
use crate::event::Event;
use crate::ifnet::Addr4;
use crate::ifnet::Back;
use crate::ifnet::IfCounter;
use crate::ifnet::Interface;
use crate::ifnet::Use;
use crate::ifnet::Wants;
use crate::nd6::dad::DadState;
use crate::nd6::nud::Refused;
use crate::neighbor::Announcing;
use crate::neighbor::LinkOut;
use crate::neighbor::What;
use crate::stack::Change;
use crate::stack::Control;
use crate::stack::Shared;
use crate::stack::worker::Local;
use crate::timer::Due;

/// What is known of each IPv4 address, and of each interface's conflicts.
#[derive(Debug, Default)]
pub(crate) struct Conflicts {
    config: AcdConfig,
    machines: HashMap<(IfId, Ipv4Addr), Machine>,
    limits: HashMap<IfId, ConflictLimit>,
}

// Machines are kept without detection, too: whether an address is to be probed is known when it is switched on.
#[derive(Debug)]
struct Machine {
    acd: Acd,
    /// It is probed before it is used.
    detect: bool,
    /// It is somebody else's, and is probed again then.
    retry: Option<Instant>,
}

impl Conflicts {
    pub(crate) fn new(config: AcdConfig) -> Conflicts {
        Conflicts { config, machines: HashMap::new(), limits: HashMap::new() }
    }

    /// Addresses that it knows.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.machines.len()
    }

    /// The rules.
    pub(crate) fn rules(&self) -> AcdConfig {
        self.config
    }

    /// An address is there no more.
    pub(crate) fn remove(&mut self, on: IfId, addr: Ipv4Addr) {
        self.machines.remove(&(on, addr));
    }

    /// An interface departs.
    pub(crate) fn forget(&mut self, on: IfId) {
        self.machines.retain(|(of, _), _| *of != on);
        self.limits.remove(&on);
    }

    /// When an interface may begin to probe another address.
    fn attempt(&mut self, on: IfId, now: Instant) -> Instant {
        let limit = self.limits.entry(on).or_default();
        let at = limit.earliest(now);
        limit.on_attempt(at);
        at
    }
}

/// Begins to look for conflicts about a new address; gives the state to begin with.
pub(crate) fn begin(change: &mut Change<'_, '_>, (on, addr): (IfId, Ipv4Addr), detect: bool) -> DadState {
    let Change { shared, control, ctx, now } = change;
    let probe = detect && control.rooms.of::<Conflicts>().config.enabled;
    let acd = match probe {
        false => Acd::held(addr),
        true => {
            let at = control.rooms.of::<Conflicts>().attempt(on, *now);
            Acd::new(at, addr, control.chance.between(Duration::ZERO, PROBE_WAIT))
        }
    };
    if let Some(deadline) = acd.deadline() {
        shared.timers.arm(ctx, deadline, Claimed(on, addr));
    }
    control.rooms.of::<Conflicts>().machines.insert((on, addr), Machine { acd, detect, retry: None });
    if probe { DadState::Tentative } else { DadState::Preferred }
}

/// The rules have changed. Without detection every address is in use at once. With it what is in use stays so, and is defended
/// from now on: it is probed when its link is another.
pub(super) fn set_rules(change: &mut Change<'_, '_>, told: &mut Vec<Event>, rules: AcdConfig) {
    let Change { shared, control, .. } = change;
    let conflicts = control.rooms.of::<Conflicts>();
    conflicts.config = rules;
    if rules.enabled {
        return;
    }
    let mut freed = Vec::new();
    for ((on, addr), machine) in &mut conflicts.machines {
        if !machine.acd.is_usable() {
            freed.push((*on, *addr));
        }
        machine.acd = Acd::held(*addr);
        machine.retry = None;
    }
    for (interface, addr) in freed {
        set_state(shared, control, interface, addr, DadState::Preferred);
        told.push(Event::AddressPreferred { interface, addr: addr.into() });
    }
}

/// An interface has come up: somebody may have taken its addresses meanwhile. On the same link as a moment ago, what was in
/// use stays so until somebody claims it.
//= RFC 5227 s2.1 [5227-1]: they are probed again before they are used.
pub(crate) fn restart(change: &mut Change<'_, '_>, on: IfId, back: Back) {
    if !change.control.rooms.of::<Conflicts>().config.enabled {
        return;
    }
    let config = change.shared.config.load();
    let own = config.interface(on).map(|interface| interface.addrs4.clone()).unwrap_or_default();
    let stays = |addr| {
        back == Back::Same && own.iter().any(|own| own.addr == addr && own.state == DadState::Preferred)
    };
    let machines = change.control.rooms.of::<Conflicts>().machines.iter();
    let probed = machines.filter(|((of, _), machine)| *of == on && machine.detect);
    let probed: Vec<Ipv4Addr> = probed.map(|((_, addr), _)| *addr).collect();
    for addr in probed {
        let state = begin(change, (on, addr), true);
        if !stays(addr) {
            set_state(change.shared, change.control, on, addr, state);
        }
    }
}

impl Due<Local> for Claimed {
    fn interface(&self) -> IfId {
        self.0
    }

    fn run(self: Box<Self>, ctx: &mut Ctx<'_, Unlocked>, local: &mut Local) {
        timer(ctx, local, self.0, self.1);
    }
}

/// An address's time has come: probe, or announce.
fn timer(ctx: &mut Ctx<'_, Unlocked>, local: &mut Local, on: IfId, addr: Ipv4Addr) {
    let config = local.config().clone();
    // A question on an interface that is down, or without a link, is asked of nobody. The timer is set anew when the link
    // is there.
    let Some(out) = config.interface(on).filter(|out| out.is_fit(Use::Ip4)) else { return };
    if again(ctx, local, on, addr) {
        return;
    }
    let (now, heard, gap) = (local.now, local.heard, local.chance.between(PROBE_MIN, PROBE_MAX));
    step(ctx, local, out, Claim { addr, by: None }, |acd, _config, send| match acd.deadline() {
        // What is due by now, but not by what has been read, has an entry of its own.
        Some(deadline) if deadline > heard => AcdEvent::Nothing,
        _ => acd.on_timer(now, gap, send),
    });
}

/// Probes an address anew that was somebody else's, if it is time for that. False if it is not.
fn again(ctx: &mut Ctx<'_, Unlocked>, local: &mut Local, on: IfId, addr: Ipv4Addr) -> bool {
    let (shared, now) = (local.shared.clone(), local.now);
    let (mut control, mut ctx) = ctx.lock(&shared.control);
    let machine = control.rooms.of::<Conflicts>().machines.get(&(on, addr));
    if machine.and_then(|machine| machine.retry).is_none_or(|retry| now < retry) {
        return false;
    }
    try_again(&mut Change { shared: &shared, control: &mut control, ctx: &mut ctx, now }, (on, addr));
    drop(control);
    local.refresh();
    true
}

/// Probes an address anew that was somebody else's.
pub(crate) fn try_again(change: &mut Change<'_, '_>, (on, addr): (IfId, Ipv4Addr)) {
    let state = begin(change, (on, addr), true);
    set_state(change.shared, change.control, on, addr, state);
}

/// An ARP message that may be about one of our addresses. False if nobody here looks after that.
pub(crate) fn heard(
    ctx: &mut Ctx<'_, Unlocked>,
    local: &mut Local,
    on: &Interface,
    addr: Ipv4Addr,
    seen: &ArpSeen,
) -> bool {
    // One conflict decides as well as a thousand do.
    if !on.ifnet.intake.admits(local.now, Wants::Claim) {
        local.count(on.ifnet.id, DropReason::MessageLimit);
        return true;
    }
    //= RFC 5227 s2.1.1 [5227-1]: our own, echoed or from another interface of ours on the same link, is no conflict.
    let our_macs: Vec<Mac> = local.config().interfaces().flat_map(Interface::macs).collect();
    let now = local.now;
    step(ctx, local, on, Claim { addr, by: Some(seen.sender_hw) }, |acd, config, send| {
        acd.on_arp(now, seen, Owner { macs: &our_macs, defence: config.defence }, send)
    })
}

/// The address of `on` that a message may be in conflict with: who says that it has it, or asks for it as we do.
pub(crate) fn claimed(on: &Interface, seen: &ArpSeen) -> Option<Ipv4Addr> {
    let probed = seen.is_request && seen.sender_ip.is_unspecified();
    let is_about = |own: &&Addr4| {
        let claimed = own.addr == seen.sender_ip;
        claimed && own.state != DadState::Duplicate
            || probed && own.addr == seen.target_ip && own.state == DadState::Tentative
    };
    on.addrs4.iter().find(is_about).map(|own| own.addr)
}

type Send<'s> = &'s mut dyn FnMut(AcdFrame) -> Result<(), Refused>;

/// An address of ours, and who claims it, if somebody does.
struct Claim {
    addr: Ipv4Addr,
    by: Option<Mac>,
}

/// Steps one address's machine under the control lock, and does what follows. False if there is none, or nothing is detected.
fn step(
    ctx: &mut Ctx<'_, Unlocked>,
    local: &mut Local,
    out: &Interface,
    Claim { addr, by: lladdr }: Claim,
    work: impl FnOnce(&mut Acd, &AcdConfig, Send<'_>) -> AcdEvent,
) -> bool {
    let shared = local.shared.clone();
    let interface = out.ifnet.id;
    let permit = shared.queues.of::<Announcing>().reserve(ctx, None).ok();
    let (mut control, mut ctx) = ctx.lock(&shared.control);
    let acd_config = control.rooms.of::<Conflicts>().config;
    let machines = &mut control.rooms.of::<Conflicts>().machines;
    let machine = machines.get_mut(&(interface, addr)).filter(|_| acd_config.enabled);
    let Some(machine) = machine else { return false };
    let before = machine.acd.deadline();
    let mut frame = None;
    let event = work(&mut machine.acd, &acd_config, &mut |kind| {
        if permit.is_none() {
            return Err(Refused);
        }
        //= RFC 5227 s1.1, s2.1.1, s2.3 [5227-1, 5227-3]: a probe says nothing of us, an announcement is a probe that does.
        let mac = out.mac_of(addr.into());
        let message = match kind {
            AcdFrame::Probe => ArpRepr::probe(mac, addr),
            AcdFrame::Announce => ArpRepr::announcement(mac, addr),
        };
        let Some(built) = build(local, out, Mac::BROADCAST, &message) else {
            local.count(out.ifnet.id, DropReason::NoBuffer);
            return Err(Refused);
        };
        let source = (kind == AcdFrame::Announce).then_some(IpAddr::V4(addr));
        frame = Some((built, What::Message(source, IfCounter::ArpRequestOut)));
        Ok(())
    });
    let deadline = machine.acd.deadline();
    match event {
        AcdEvent::Nothing => {}
        AcdEvent::Usable => {
            set_state(&shared, &mut control, interface, addr, DadState::Preferred);
            local.tell(Event::AddressPreferred { interface, addr: addr.into() });
        }
        AcdEvent::Defended => local.tell(Event::AddressConflict { interface, addr: addr.into(), lladdr }),
        AcdEvent::Lost => {
            control.rooms.of::<Conflicts>().limits.entry(interface).or_default().on_conflict();
            if let Some(retry) = acd_config.duplicate_retry {
                let at = local.now + retry;
                let machine = control.rooms.of::<Conflicts>().machines.get_mut(&(interface, addr));
                machine.into_iter().for_each(|machine| machine.retry = Some(at));
                local.timers().arm(&mut ctx, at, Claimed(interface, addr));
            }
            set_state(&shared, &mut control, interface, addr, DadState::Duplicate);
            local.tell(Event::AddressDuplicate { interface, addr: addr.into() });
        }
    }
    if let (Some(permit), Some((frame, what))) = (permit, frame)
        && let Err(refused) = permit.dispatch(&ctx, frame, LinkOut { out: interface, key: 0, what })
    {
        // Only a departing interface refuses a permit.
        local.drop_packet(refused.packet, DropReason::InterfaceGone);
    }
    if let Some(deadline) = deadline.filter(|_| deadline != before) {
        local.timers().arm(&mut ctx, deadline, Claimed(interface, addr));
    }
    drop(control);
    local.refresh();
    true
}

fn set_state(shared: &Shared, control: &mut Control, on: IfId, addr: Ipv4Addr, state: DadState) {
    shared.change(control, |config| {
        if let Some(interface) = config.interface_mut(on) {
            let set = |own: &Addr4| if own.addr == addr { Addr4 { state, ..*own } } else { *own };
            interface.addrs4 = interface.addrs4.iter().map(set).collect();
        }
    });
}
