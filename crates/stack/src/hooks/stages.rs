//! The four hooks. Each gives the packet back if it may go on, or else says what is to become of it.

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_machines::filter::Tracked;
use siding_mbuf::Mbuf;
use siding_netisr::IfId;

use super::anew;
use super::at::At;
use super::reject;
use crate::config::Config;
use crate::drops::DropReason;
use crate::filter::Between;
use crate::filter::Brief;
use crate::filter::Carried;
use crate::filter::Early;
use crate::filter::Hook;
use crate::filter::Look;
use crate::filter::Part;
use crate::filter::Passing;
use crate::filter::Verdict;
use crate::ifnet::Interface;
use crate::next::Arrival;
use crate::next::Framed;
use crate::next::Stopped;
use crate::queues::Queue;
use crate::stack::worker::Local;
use crate::stack::worker::TimedStep;
use crate::trace::Step;

/// A packet that has come in.
#[inline]
pub(crate) fn received(
    ctx: &mut Ctx<'_, Unlocked>,
    local: &mut Local,
    arrival: Arrival<'_>,
    framed: Framed,
    packet: Mbuf,
) -> Result<Mbuf, Stopped> {
    match local.filter.is_on() {
        false => Ok(packet),
        true => {
            let step = local.timed.enter(TimedStep::Filter);
            let passed = prerouting(ctx, local, arrival, framed, packet);
            local.timed.back(step);
            passed
        }
    }
}

/// A packet that is for us.
#[inline]
pub(crate) fn for_us(
    ctx: &mut Ctx<'_, Unlocked>,
    local: &mut Local,
    arrival: Arrival<'_>,
    packet: Mbuf,
) -> Result<Mbuf, Stopped> {
    match local.filter.is_on() {
        false => Ok(packet),
        true => {
            let step = local.timed.enter(TimedStep::Filter);
            let passed = last(ctx, local, arrival, None, packet);
            local.timed.back(step);
            passed
        }
    }
}

/// A packet that is to leave by `out`.
#[inline]
pub(crate) fn forwarded(
    ctx: &mut Ctx<'_, Unlocked>,
    local: &mut Local,
    arrival: Arrival<'_>,
    out: &Interface,
    packet: Mbuf,
) -> Result<Mbuf, Stopped> {
    match local.filter.is_on() {
        false => Ok(packet),
        true => {
            let step = local.timed.enter(TimedStep::Filter);
            let passed = last(ctx, local, arrival, Some(out), packet);
            local.timed.back(step);
            passed
        }
    }
}

/// A packet of our own that is to leave by `out`; `scope` is what [`output`](crate::ip6) was given.
#[inline]
pub(crate) fn sent(
    ctx: &mut Ctx<'_, Unlocked>,
    local: &mut Local,
    config: &Config,
    out: &Interface,
    scope: IfId,
    packet: Mbuf,
) -> Result<Mbuf, Stopped> {
    match local.filter.is_on() {
        false => Ok(packet),
        true => {
            let step = local.timed.enter(TimedStep::Filter);
            let passed = output(ctx, local, config, out, scope, packet);
            local.timed.back(step);
            passed
        }
    }
}

#[inline(never)] // It would only cost those their registers who filter nothing.
fn prerouting(
    ctx: &mut Ctx<'_, Unlocked>,
    local: &mut Local,
    arrival: Arrival<'_>,
    framed: Framed,
    packet: Mbuf,
) -> Result<Mbuf, Stopped> {
    let Arrival { config, on } = arrival;
    let Local { filter, index, now, .. } = &mut *local;
    filter.abandon();
    filter.follow(&packet);
    let seen = At::new(*index, *now, config, Hook::Prerouting, (Some(on), None));
    let (verdict, passing) = match filter.known(*now, packet.data()) {
        Some(known) => {
            let brief = Brief { known, framed };
            if filter.passes((*index, *now), Hook::Prerouting, known.state, packet.data()) {
                filter.between = Between::Known(brief);
                return Ok(packet);
            }
            let mut passing = Passing::from(brief);
            (seen.ask(filter, Part::AfterStates, packet.data(), &mut passing), passing)
        }
        None => {
            let mut passing = Passing { framed, frame: filter.frame_of(&packet), ..Passing::NEW };
            let verdict = match filter.look(*index, *now, packet.data()) {
                Look::Elsewhere(owner) => {
                    return Err(carry(ctx, local, Carried::received(on.ifnet.id, framed, owner), packet));
                }
                Look::Drop(cause) => return Err(Stopped::Drop(packet, cause)),
                Look::Early(name) => {
                    let early = Early { name, meta: Carried::received(on.ifnet.id, framed, *index), packet };
                    return Err(match filter.fragments.hold(*now, early) {
                        Some(pushed_out) => Stopped::Drop(pushed_out, DropReason::FilterFragment),
                        None => Stopped::Taken,
                    });
                }
                Look::Follows => {
                    passing.follows = true;
                    Verdict::Accept
                }
                Look::FollowsWith(name, flow) => {
                    let passes = flow.is_some_and(|flow| anew::may_go_on(local, &flow));
                    local.filter.judged_first(name, passes);
                    passing.follows = passes;
                    if passes { Verdict::Accept } else { Verdict::Drop }
                }
                Look::Judge(flow, first) => {
                    passing.first = first;
                    seen.both(filter, packet.data(), flow, &mut passing)
                }
            };
            (verdict, passing)
        }
    };
    judged(local, &packet, Hook::Prerouting, verdict);
    let filter = &mut local.filter;
    match verdict {
        Verdict::Accept => {
            filter.between = Between::Judged(passing);
            Ok(packet)
        }
        refused => Err(reject::refuse(ctx, local, arrival, (refused, &passing), packet)),
    }
}

/// The last hook of a packet that has come in: for us, or to leave by `out`.
#[inline(never)]
fn last(
    ctx: &mut Ctx<'_, Unlocked>,
    local: &mut Local,
    arrival: Arrival<'_>,
    out: Option<&Interface>,
    packet: Mbuf,
) -> Result<Mbuf, Stopped> {
    let Arrival { config, on } = arrival;
    let hook = if out.is_some() { Hook::Forward } else { Hook::Input };
    let Local { filter, index, now, .. } = &mut *local;
    let mut passing = match filter.between {
        // It came to us by another way: put together of fragments that were judged, or from ourselves.
        Between::Nothing => return Ok(packet),
        Between::Known(brief) => {
            filter.between = Between::Nothing;
            if filter.passes((*index, *now), hook, brief.known.state, packet.data()) {
                filter.note_interface(Some(brief.known), on.ifnet.id);
                return Ok(packet);
            }
            brief.into()
        }
        Between::Judged(passing) => {
            filter.between = Between::Nothing;
            passing
        }
    };
    if passing.follows {
        return Ok(packet);
    }
    filter.follow(&packet);
    let seen = At::new(*index, *now, config, hook, (Some(on), out));
    match seen.ask(filter, Part::BeforeStates, packet.data(), &mut passing) {
        Verdict::Accept => {}
        refused => {
            judged(local, &packet, hook, refused);
            return Err(reject::refuse(ctx, local, arrival, (refused, &passing), packet));
        }
    }
    let verdict = seen.ask(filter, Part::AfterStates, packet.data(), &mut passing);
    judged(local, &packet, hook, verdict);
    let Local { filter, now, .. } = &mut *local;
    match verdict {
        Verdict::Accept => match filter.conclude(*now, &passing, on.ifnet.id) {
            Ok(()) => {
                filter.note_interface(passing.tracked.as_ref().and_then(Tracked::known), on.ifnet.id);
                if let Some(first) = passing.first {
                    follow(ctx, local, first.name);
                }
                Ok(packet)
            }
            Err(cause) => Err(Stopped::Drop(packet, cause)),
        },
        refused => Err(reject::refuse(ctx, local, arrival, (refused, &passing), packet)),
    }
}

/// Tells whoever follows the packet's life what a hook has made of it.
#[inline]
fn judged(local: &mut Local, packet: &Mbuf, hook: Hook, verdict: Verdict) {
    if packet.mark() != 0 {
        tell_judged(local, packet, hook, verdict);
    }
}

#[cold]
fn tell_judged(local: &mut Local, packet: &Mbuf, hook: Hook, verdict: Verdict) {
    let by = local.filter.decided.take().unwrap_or_default().join(", ");
    let passed = verdict == Verdict::Accept;
    local.trace.note(packet, || Step::Judged { hook: hook.name(), passed, by });
}

/// Has the fragments come that were here before their first.
fn follow(ctx: &mut Ctx<'_, Unlocked>, local: &mut Local, name: u64) {
    while let Some(early) = local.filter.fragments.early(name) {
        if let Stopped::Drop(packet, cause) = carry(ctx, local, early.meta, early.packet) {
            local.drop_packet(packet, cause);
        }
    }
}

#[inline(never)]
fn output(
    ctx: &mut Ctx<'_, Unlocked>,
    local: &mut Local,
    config: &Config,
    out: &Interface,
    scope: IfId,
    packet: Mbuf,
) -> Result<Mbuf, Stopped> {
    let Local { filter, index, now, .. } = &mut *local;
    if filter.exempt {
        return Ok(packet);
    }
    filter.follow(&packet);
    let mut passing = Passing::NEW;
    let seen = At::new(*index, *now, config, Hook::Output, (None, Some(out)));
    let verdict = match filter.look(*index, *now, packet.data()) {
        Look::Elsewhere(owner) => {
            return Err(carry(ctx, local, Carried::sent(scope, owner), packet));
        }
        // We cut packets behind this hook.
        Look::Drop(_) | Look::Early(_) | Look::Follows | Look::FollowsWith(..) => Verdict::Accept,
        Look::Judge(flow, _) => seen.both(filter, packet.data(), flow, &mut passing),
    };
    judged(local, &packet, Hook::Output, verdict);
    let Local { filter, now, .. } = &mut *local;
    let cause = match verdict {
        Verdict::Accept => match filter.conclude(*now, &passing, IfId::NONE) {
            Ok(()) => return Ok(packet),
            Err(cause) => cause,
        },
        // Whoever sends here is not told by a packet.
        Verdict::Drop | Verdict::Reject(_) => {
            filter.give_up(&passing);
            DropReason::Filtered
        }
    };
    Err(Stopped::Drop(packet, cause))
}

/// Sends a packet on its way.
fn carry(ctx: &mut Ctx<'_, Unlocked>, local: &mut Local, meta: Carried, packet: Mbuf) -> Stopped {
    local.trace.note(&packet, || Step::Queued { queue: Carried::NAME });
    match local.shared.queues.of::<Carried>().dispatch(ctx, packet, meta) {
        Ok(()) => Stopped::Taken,
        Err(refused) => Stopped::Drop(refused.packet, DropReason::Refused),
    }
}
