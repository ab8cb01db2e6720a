//! Duplicate address detection: the machine of `dad` joined to the stack.
//!
//! # Locks
//!
//! The machines lie under [`ranks::Control`](crate::ranks::Control), with the rest of what may change; their
//! solicitations are dispatched under it. Nobody waits under it, so a worker may take it.

use std::net::Ipv6Addr;

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_netisr::IfId;
use siding_wire::ip6::eui64_link_local;
use siding_wire::ip6::solicited_node;
use siding_wire::nd::NeighborSolicit;
use siding_wire::nd::Nonce;

use super::dad::Dad;
use super::dad::DadConfig;
use super::dad::DadEvent;
use super::dad::DadState;
use super::dad::HeardSolicit;
use super::due::Probed;
use super::host;
use super::ns;
use super::ns::Addressed;
use super::router;
use crate::arp;
use crate::config::Config;
use crate::drops::DropReason;
use crate::event::Event;
use crate::ifnet::Addr6;
use crate::ifnet::Back;
use crate::ifnet::IfCounter;
use crate::ifnet::Interface;
use crate::ifnet::Use;
use crate::mld;
use crate::nd6::nud::REFUSED_RETRY;
use crate::nd6::nud::Refused;
use crate::neighbor;
use crate::neighbor::LinkOut;
use crate::neighbor::What;
use crate::next::Packet6;
use crate::ranks;
use crate::stack::Change;
use crate::stack::worker::Local;
use crate::timer::Due;

impl Due<Local> for Probed {
    fn interface(&self) -> IfId {
        self.0
    }

    fn run(self: Box<Self>, ctx: &mut Ctx<'_, Unlocked>, local: &mut Local) {
        timer(ctx, local, self.0, self.1);
    }
}

/// An address's time has come: solicit, or be satisfied.
fn timer(ctx: &mut Ctx<'_, Unlocked>, local: &mut Local, interface: IfId, addr: Ipv6Addr) {
    let config = local.config().clone();
    //= RFC 4862 s5.4 [4862-3]: a question on an interface that is down, or without a link, is asked of nobody, so silence
    //= says nothing. The timer is set anew when the link is there.
    let Some(out) = config.interface(interface).filter(|out| out.is_fit(Use::Frames)) else { return };
    if again(ctx, local, interface, addr) || !out.is_fit(Use::Ip6) {
        return;
    }
    //= RFC 4862 s5.4.2 [4862-2]: the solicited-node group is reported before anything is asked of it, else a switch
    //= that snoops keeps the answers from us.
    if !mld::is_told(ctx, local, interface, solicited_node(addr)) {
        local.timers().arm(ctx, local.now + REFUSED_RETRY, Probed(interface, addr));
        return;
    }
    let (now, nonce) = (local.now, local.chance.nonce());
    step(ctx, local, interface, addr, |ctx, local, dad, config| {
        // What is due by now, but not by what has been read, has an entry of its own.
        if dad.deadline().is_some_and(|deadline| deadline > local.heard) {
            return DadEvent::Nothing;
        }
        dad.on_timer(now, config, nonce, |nonce| dad_output(ctx, local, out, addr, nonce))
    });
}

/// Tests a duplicate anew, if it is time for that: who had it may have gone. False if it is not.
fn again(ctx: &mut Ctx<'_, Unlocked>, local: &mut Local, on: IfId, addr: Ipv6Addr) -> bool {
    let (shared, now) = (local.shared.clone(), local.now);
    let (mut control, mut ctx) = ctx.lock(&shared.control);
    if !control.dads.get(&(on, addr)).is_some_and(|dad| dad.is_to_try_again(now)) {
        return false;
    }
    let mut change = Change { shared: &shared, control: &mut control, ctx: &mut ctx, now };
    let events = try_again(&mut change, (on, addr));
    drop(control);
    events.into_iter().for_each(|event| local.tell(event));
    local.refresh();
    true
}

/// Tests a duplicate anew.
pub(crate) fn try_again(change: &mut Change<'_, '_>, (on, addr): (IfId, Ipv6Addr)) -> Vec<Event> {
    if change.shared.config.load().interface(on).is_some_and(|interface| interface.stopped.is_some()) {
        // All of its addresses were out of use for this one.
        let events = host::came_up(change, on, Back::Another);
        arp::restart(change, on, Back::Another);
        router::resume(change, on);
        return events;
    }
    let rules = host::dad_config(change.control, on);
    let state = host::begin_detection(change, (on, addr), &rules, false, change.now);
    change.shared.change(change.control, |config| set_state(config, on, addr, state));
    host::settle(change, on)
}

fn set_state(config: &mut Config, on: IfId, addr: Ipv6Addr, state: DadState) {
    if let Some(interface) = config.interface_mut(on) {
        let set =
            |own: &Addr6| if own.addr == addr { Addr6 { state, retested: false, ..*own } } else { *own };
        interface.addrs6 = interface.addrs6.iter().map(set).collect();
    }
}

/// Somebody solicits a tentative address.
pub(crate) fn heard_solicit(
    ctx: &mut Ctx<'_, Unlocked>,
    local: &mut Local,
    on: &Interface,
    about: &Packet6,
    solicit: &NeighborSolicit,
) {
    // Whoever resolves it is ignored by the machine too, under a lock.
    if !about.header.src.is_unspecified() {
        return;
    }
    let heard = HeardSolicit {
        unspecified: about.header.src.is_unspecified(),
        from_our_mac: on.has_mac(about.framed.from),
        nonce: solicit.nonce.as_ref().map(|Nonce(nonce)| nonce.as_slice()),
    };
    step(ctx, local, on.ifnet.id, solicit.target, |_ctx, _local, dad, config| dad.on_solicit(&heard, config));
}

/// Somebody advertises an address that is being tested.
pub(crate) fn heard_advert(ctx: &mut Ctx<'_, Unlocked>, local: &mut Local, on: &Interface, target: Ipv6Addr) {
    step(ctx, local, on.ifnet.id, target, |_ctx, _local, dad, _config| dad.on_advert());
}

/// Steps one address's machine under the control lock, and does what follows.
fn step(
    ctx: &mut Ctx<'_, Unlocked>,
    local: &mut Local,
    interface: IfId,
    addr: Ipv6Addr,
    work: impl FnOnce(&Ctx<'_, ranks::Control>, &mut Local, &mut Dad, &DadConfig) -> DadEvent,
) {
    let shared = local.shared.clone();
    let (mut control, mut ctx) = ctx.lock(&shared.control);
    let dad_config = host::dad_config(&mut control, interface);
    let Some(dad) = control.dads.get_mut(&(interface, addr)) else { return };
    let (before, state_before) = (dad.deadline(), dad.state());
    let event = work(&ctx, local, dad, &dad_config);
    let (state, deadline) = (dad.state(), dad.deadline());
    match event {
        DadEvent::Passed => local.tell(Event::AddressPreferred { interface, addr: addr.into() }),
        //= RFC 4862 s5.4.5 [4862-6]: a duplicate is not assigned, and is told.
        DadEvent::Duplicate => local.tell(Event::AddressDuplicate { interface, addr: addr.into() }),
        DadEvent::Conflict => {
            local.tell(Event::AddressConflict { interface, addr: addr.into(), lladdr: None })
        }
        DadEvent::Looped => local.count(interface, DropReason::Ignored),
        DadEvent::Nothing => {}
    }
    if matches!(event, DadEvent::Passed | DadEvent::Duplicate) {
        let dup = event == DadEvent::Duplicate;
        match dad_config.duplicate_retry.filter(|_| dup) {
            Some(retry) => {
                dad.try_again(local.now + retry);
                local.timers().arm(&mut ctx, local.now + retry, Probed(interface, addr));
            }
            None => _ = control.dads.remove(&(interface, addr)),
        }
        //= RFC 4862 s5.4.5 [4862-6]: somebody has our MAC, so nothing that we send or hear can be told from theirs: IP
        //= stops.
        let mac = shared.config.load().interface(interface).map(|interface| interface.mac);
        let stops = dup && dad_config.stops && mac.is_some_and(|mac| addr == eui64_link_local(mac));
        shared.change(&mut control, |config| {
            set_state(config, interface, addr, state);
            if let Some(interface) = config.interface_mut(interface).filter(|_| stops) {
                interface.stopped = Some(addr);
            }
        });
        if stops {
            local.tell(Event::IpStopped { interface, addr });
        }
        let passed = event == DadEvent::Passed;
        let key = (interface, addr);
        let mut change = Change { shared: &shared, control: &mut control, ctx: &mut ctx, now: local.now };
        let events = host::detected(&mut change, key, state_before, passed);
        drop(control);
        events.into_iter().for_each(|event| local.tell(event));
        local.refresh();
        return;
    }
    // What is heard moves no deadline, and arms nothing: else whoever asks could fill the queue.
    if let Some(deadline) = deadline.filter(|_| deadline != before) {
        local.timers().arm(&mut ctx, deadline, Probed(interface, addr));
    }
}

//= RFC 4862 s5.4.2 [4862-3]: from `::` to the solicited-node group, without our link-layer address.
//= RFC 7527 s4.1 [7527-1]: with a nonce, to know it again when it is looped back.
fn dad_output(
    ctx: &Ctx<'_, ranks::Control>,
    local: &mut Local,
    out: &Interface,
    addr: Ipv6Addr,
    nonce: Option<[u8; 6]>,
) -> Result<(), Refused> {
    let message = NeighborSolicit::dad(addr, nonce.map(Nonce));
    let to = Addressed::to_group(Ipv6Addr::UNSPECIFIED, solicited_node(addr));
    let frame =
        ns::build(local, out, &to, message.buffer_len(), |bytes| message.emit(to.source, to.dst, bytes));
    let Some(frame) = frame else {
        local.count(out.ifnet.id, DropReason::NoBuffer);
        return Err(Refused);
    };
    // In one flow with the reports, which it must not overtake.
    let what = What::Message(None, IfCounter::NsOut);
    neighbor::dispatch(ctx, local, frame, LinkOut::new(out.ifnet.id, mld::FLOW, what))
}
