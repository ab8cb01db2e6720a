//! The machines joined to the stack: they follow the snapshot, and their timers run.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::Ipv6Addr;
use std::sync::Arc;

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_netisr::IfId;
use siding_netisr::Instant;

use super::MldConfig;
use super::due::Reporting;
use super::listener::Listener;
use super::output;
use crate::alarm::Alarm;
use crate::common::Word;
use crate::config::Config;
use crate::ifnet::Addr6;
use crate::ifnet::IfCounter;
use crate::ifnet::Interface;
use crate::ifnet::Use;
use crate::nd6::nud::Refused;
use crate::neighbor::Announcing;
use crate::neighbor::LinkOut;
use crate::neighbor::What;
use crate::ranks;
use crate::stack::Change;
use crate::stack::Control;
use crate::stack::Shared;
use crate::stack::worker::Local;
use crate::timer::Due;
use siding_machines::chance::Chance;

/// The listeners of all interfaces.
pub(crate) type Machines = HashMap<IfId, Machine>;

/// An interface's listener, and what it has followed so far.
#[derive(Debug)]
pub(crate) struct Machine {
    pub(crate) listener: Listener,
    addrs6: Arc<[Addr6]>,
    anycast: Arc<[Ipv6Addr]>,
    joined: Arc<[Ipv6Addr]>,
    forwarding: bool,
    /// Which coming of the interface's this is.
    coming: u32,
    source: Option<Ipv6Addr>,
    alarm: Alarm,
    /// It takes its leave: what it listens to does not follow the snapshot any more.
    leaves: bool,
    /// Until that has been said.
    word: Option<Word>,
}

impl Machine {
    fn new(config: MldConfig) -> Machine {
        Machine {
            listener: Listener::new(config),
            addrs6: Arc::new([]),
            anycast: Arc::new([]),
            joined: Arc::new([]),
            forwarding: false,
            coming: 0,
            source: None,
            alarm: Alarm::default(),
            leaves: false,
            word: None,
        }
    }
}

/// Lets the machines follow the snapshot that the worker has taken up, if it says anything new of groups. Costs a
/// comparison of pointers otherwise.
#[inline(always)] // Two places call it, of which one is cold.
pub(crate) fn follow(ctx: &mut Ctx<'_, Unlocked>, local: &mut Local) {
    if let Some((before, config)) = local.newer_config() {
        follow_from(ctx, local, &before, &config);
    }
}

#[cold]
fn follow_from(ctx: &mut Ctx<'_, Unlocked>, local: &mut Local, before: &Config, config: &Config) {
    let same = |interface: &Interface| {
        before.interface(interface.ifnet.id).is_some_and(|before| is_same(before, interface))
    };
    let all = before.forwarding != config.forwarding;
    let mut changed = config.changed(before).filter_map(|slot| config.in_slot(slot));
    if !all && changed.all(same) {
        return;
    }
    let shared = local.shared.clone();
    let (mut control, mut ctx) = ctx.lock(&shared.control);
    // Another worker may have been here before, with a newer one.
    let config = shared.config.load();
    if all || before.forwarding != config.forwarding {
        config.interfaces().for_each(|it| follow_one(&mut control, &mut ctx, local, &config, it));
        return;
    }
    for interface in config.changed(before).filter_map(|slot| config.in_slot(slot)) {
        follow_one(&mut control, &mut ctx, local, &config, interface);
    }
}

/// Whether the group has been reported, so that snooping switches let through what we are about to ask for. True as
/// well if nothing is reported on this interface.
pub(crate) fn is_told(ctx: &mut Ctx<'_, Unlocked>, local: &mut Local, on: IfId, group: Ipv6Addr) -> bool {
    let shared = local.shared.clone();
    let (mut control, mut ctx) = ctx.lock(&shared.control);
    let config = shared.config.load();
    let Some(interface) = config.interface(on) else { return true };
    follow_one(&mut control, &mut ctx, local, &config, interface);
    control
        .rooms
        .of::<Machines>()
        .get(&on)
        .is_none_or(|machine| machine.listener.is_told(group) != Some(false))
}

impl Due<Local> for Reporting {
    fn interface(&self) -> IfId {
        self.0
    }

    fn run(self: Box<Self>, ctx: &mut Ctx<'_, Unlocked>, local: &mut Local) {
        timer(ctx, local, self.0);
    }
}

/// An interface's listener has something to send, or to forget.
fn timer(ctx: &mut Ctx<'_, Unlocked>, local: &mut Local, on: IfId) {
    let shared = local.shared.clone();
    let (mut control, mut ctx) = ctx.lock(&shared.control);
    let config = shared.config.load();
    let Some(interface) = config.interface(on) else { return };
    // One that has been resumed follows anew.
    follow_one(&mut control, &mut ctx, local, &config, interface);
    if let Some(machine) = control.rooms.of::<Machines>().get_mut(&on) {
        if !machine.alarm.rings(local.heard) {
            return;
        }
        step(machine, &mut ctx, local, interface);
    }
}

/// An interface is about to go: routers and snooping switches are told that we listen to its groups no more.
pub(crate) fn take_leave(
    control: &mut Control,
    ctx: &mut Ctx<'_, ranks::Control>,
    shared: &Shared,
    on: IfId,
    now: Instant,
) {
    let Some(machine) = control.rooms.of::<Machines>().get_mut(&on).filter(|machine| !machine.leaves) else {
        return;
    };
    machine.leaves = true;
    //= RFC 3810 s6.1 [3810-3], RFC 2710 s4 [2710-1]: whoever stops listening says so.
    machine.listener.leave_all(now);
    if !machine.listener.is_silent() {
        machine.word = Some(shared.words.begin());
        shared.timers.set(ctx, &mut machine.alarm, Some(now), || Reporting(on));
    }
}

/// An interface becomes a port: nothing is listened to on it any more, and that is said at once. It is dispatched as
/// announcements are, so that those of whatever it becomes a port of, which may be about the same groups, come behind.
pub(crate) fn end(
    control: &mut Control,
    ctx: &Ctx<'_, ranks::Control>,
    shared: &Shared,
    interface: &Interface,
    now: Instant,
) {
    let on = interface.ifnet.id;
    let Some(mut machine) = control.rooms.of::<Machines>().remove(&on) else { return };
    machine.listener.leave_all(now);
    let mut chance = Chance::new(control.chance.next_u64());
    machine.listener.on_timer(now, output::room(interface), &mut chance, |message| {
        let permit = shared.queues.of::<Announcing>().reserve(ctx, None).map_err(|_| Refused)?;
        let frame = shared.pool.alloc().and_then(|frame| output::build(frame, interface, &message));
        // The address that it comes from is set aside when it leaves.
        let meta = LinkOut { out: on, key: 0, what: What::Message(None, IfCounter::MldOut) };
        permit.dispatch(ctx, frame.ok_or(Refused)?, meta).map_err(|_| Refused)
    });
}

/// One that has taken its leave stays, after all: it tells everything again.
pub(crate) fn resume(
    control: &mut Control,
    ctx: &mut Ctx<'_, ranks::Control>,
    shared: &Shared,
    on: IfId,
    now: Instant,
) {
    let config = control.mld;
    if let Some(machine) = control.rooms.of::<Machines>().get_mut(&on).filter(|machine| machine.leaves) {
        *machine = Machine { alarm: std::mem::take(&mut machine.alarm), ..Machine::new(config) };
        shared.timers.set(ctx, &mut machine.alarm, Some(now), || Reporting(on));
    }
}

/// The rules have changed: the listener of each interface begins anew by them, and tells everything again. With MLD off there is
/// none, and nobody is told that: whoever listens to us hears nothing more, and forgets in time.
pub(super) fn begin_anew(change: &mut Change<'_, '_>) {
    let Change { shared, control, ctx, now } = change;
    let rules = control.mld;
    let machines = control.rooms.of::<Machines>();
    if !rules.enabled {
        return machines.clear();
    }
    for interface in shared.config.load().interfaces() {
        let on = interface.ifnet.id;
        let machine = machines.entry(on).or_insert_with(|| Machine::new(rules));
        // One that takes its leave has begun to say so.
        if !machine.leaves {
            *machine = Machine { alarm: std::mem::take(&mut machine.alarm), ..Machine::new(rules) };
            shared.timers.set(ctx, &mut machine.alarm, Some(*now), || Reporting(on));
        }
    }
}

/// Works on an interface's machine, if it has one, under the lock.
pub(super) fn with_machine(
    ctx: &mut Ctx<'_, Unlocked>,
    local: &mut Local,
    on: IfId,
    work: impl FnOnce(&mut Machine, &mut Ctx<'_, ranks::Control>, &mut Local, &Interface),
) {
    let shared = local.shared.clone();
    let (mut control, mut ctx) = ctx.lock(&shared.control);
    let config = shared.config.load();
    if let (Some(machine), Some(interface)) =
        (control.rooms.of::<Machines>().get_mut(&on), config.interface(on))
    {
        work(machine, &mut ctx, local, interface);
    }
}

/// Sends what is due, and has the timer queue come back for the rest.
pub(super) fn step(
    machine: &mut Machine,
    ctx: &mut Ctx<'_, ranks::Control>,
    local: &mut Local,
    interface: &Interface,
) {
    let now = local.now;
    let mut chance = Chance::new(local.chance.next_u64());
    let Machine { listener, word, .. } = machine;
    listener.on_timer(now, output::room(interface), &mut chance, |message| {
        output::send(ctx, local, interface, &message, word.clone())
    });
    word.take_if(|_| listener.is_silent());
    arm(machine, ctx, local, interface.ifnet.id);
}

/// Has the timer queue look at the machine at its deadline, unless it will come by before that anyway.
pub(super) fn arm(machine: &mut Machine, ctx: &mut Ctx<'_, ranks::Control>, local: &Local, on: IfId) {
    let deadline = machine.listener.deadline();
    local.timers().set(ctx, &mut machine.alarm, deadline, || Reporting(on));
}

fn follow_one(
    control: &mut Control,
    ctx: &mut Ctx<'_, ranks::Control>,
    local: &mut Local,
    config: &Config,
    interface: &Interface,
) {
    let on = interface.ifnet.id;
    // Who comes up again tells everything again: nobody has heard us meanwhile.
    if !interface.is_fit(Use::Ip6) || !control.mld.enabled {
        control.rooms.of::<Machines>().remove(&on);
        return;
    }
    let source = output::report_source(interface);
    let machine = match control.rooms.of::<Machines>().entry(on) {
        Entry::Occupied(entry) => {
            let machine = entry.into_mut();
            let same = machine.coming == interface.comings
                && Arc::ptr_eq(&machine.addrs6, &interface.addrs6)
                && Arc::ptr_eq(&machine.anycast, &interface.anycast)
                && Arc::ptr_eq(&machine.joined, &interface.joined)
                && machine.forwarding == config.forwarding;
            if machine.leaves || same {
                return;
            }
            // It has gone and come again, and no worker has looked meanwhile.
            if machine.coming != interface.comings {
                *machine = Machine { alarm: std::mem::take(&mut machine.alarm), ..Machine::new(control.mld) };
            }
            machine
        }
        Entry::Vacant(place) => place.insert(Machine::new(control.mld)),
    };
    machine.coming = interface.comings;
    machine.addrs6 = interface.addrs6.clone();
    machine.anycast = interface.anycast.clone();
    machine.joined = interface.joined.clone();
    machine.forwarding = config.forwarding;
    let now = local.now;
    machine.listener.listen(now, &output::reported(config, interface));
    if std::mem::replace(&mut machine.source, source) != source && source.is_some() {
        //= RFC 3810 s5.2.13 [3810-1]: routers ignore what came from `::`; it is all said again once there is an
        //= address that they listen to.
        machine.listener.report_all(now);
    }
    step(machine, ctx, local, interface);
}

/// Whether nothing has changed of what [`follow_one`] looks at.
fn is_same(a: &Interface, b: &Interface) -> bool {
    Arc::ptr_eq(&a.addrs6, &b.addrs6)
        && Arc::ptr_eq(&a.anycast, &b.anycast)
        && Arc::ptr_eq(&a.joined, &b.joined)
        && (a.is_fit(Use::Ip6), a.comings, a.member_of) == (b.is_fit(Use::Ip6), b.comings, b.member_of)
}
