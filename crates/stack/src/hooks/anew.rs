//! Flows judged anew: who was let in by rules that have been replaced stays only if the new ones let it in.
//!
//! What is judged is the first packet of each flow, made up from its state: with its addresses, ports, interfaces and mark,
//! and nothing else. Some states are judged in each turn, until the hand has been round once.

use std::net::IpAddr;

use siding_machines::filter::CtState;
use siding_machines::filter::Key;
use siding_machines::filter::Slot;
use siding_machines::filter::Tracked;
use siding_machines::filter::Tuple;
use siding_machines::filter::Way;
use siding_wire::IpProto;
use siding_wire::ip4::Ip4Repr;
use siding_wire::ip6::Ip6Repr;
use siding_wire::tcp::Flags;

use super::at::At;
use crate::config::Config;
use crate::config::Routing;
use crate::filter::CameBy;
use crate::filter::Hook;
use crate::filter::Part;
use crate::filter::Passing;
use crate::filter::Rehearsed;
use crate::filter::Verdict;
use crate::ifnet::Interface;
use crate::stack::worker::Local;

/// Slots that are looked at in one turn: to judge one takes as long as a few packets that are known do, and no turn is to be much longer
/// for it than others. (A million states take 125,000 turns, of which a worker has some in a millisecond.)
const STEP: usize = 8;

/// Judges some flows anew, if it is time. Whether there are more.
pub(super) fn step(local: &mut Local) -> bool {
    let version = local.version();
    local.filter.judge_unjudged(version);
    let Some(round) = local.filter.anew else { return false };
    let config = local.config().clone();
    let slots = local.filter.states.as_ref().map_or(0, |states| states.slots());
    let next = round.next(slots, STEP);
    let until = next.end;
    for slot in next.map(|slot| Slot(slot as u32)) {
        let judged = judge(local, &config, slot);
        let filter = &mut local.filter;
        let Some(states) = filter.states.as_mut() else { continue };
        let policy = match judged {
            Some(Judged::Ends) => {
                states.remove(slot);
                continue;
            }
            Some(Judged::Untold) => {
                filter.unjudged.get_or_insert(version);
                None
            }
            Some(Judged::GoesOn(policy)) => policy,
            None => continue,
        };
        if let Some(state) = states.get_mut(slot) {
            // As in Linux a flow keeps the times that it began with, as long as there is a policy of that name.
            let kept = filter.numbers.kept(state.policy());
            state.set_policy(policy.unwrap_or(kept));
            let answers_by = filter.interfaces.of(state.interface(Way::Reply));
            if has_departed(&config, answers_by) {
                states.note_interface(slot, Way::Reply, 0);
            }
        }
    }
    local.filter.judged_up_to(until, slots);
    local.filter.anew.is_some()
}

/// Whether these rules let a flow go on, be its state judged anew yet or not.
pub(super) fn may_go_on(local: &mut Local, flow: &Key) -> bool {
    let config = local.config().clone();
    let slot = local.filter.states.as_ref().and_then(|states| states.slot_of(local.now, flow));
    let judged = slot.and_then(|slot| judge(local, &config, slot));
    matches!(judged, Some(Judged::GoesOn(_)))
}

/// What new rules have said about a flow.
enum Judged {
    /// With the times of silence of a policy, if they give it one.
    GoesOn(Option<u8>),
    Ends,
    /// Its way is gone, and nothing of it is sent there now. It is judged when there is another.
    Untold,
}

/// Judges the flow of a state, and changes nothing.
fn judge(local: &mut Local, config: &Config, slot: Slot) -> Option<Judged> {
    let Local { filter, index, now, .. } = &mut *local;
    let state = filter.states.as_ref()?.get(slot)?;
    let (tuple, came_by) = (state.original(), filter.interfaces.of(state.interface(Way::Original)));
    if has_to_begin(config, came_by) {
        return Some(Judged::Ends);
    }
    let Some(hooks) = hooks(config, &tuple, came_by) else { return Some(Judged::Untold) };
    let (packet, len) = first_packet(&tuple);
    let tracked = Tracked { state: CtState::New, way: Some(Way::Original), slot: Some(slot), fresh: None };
    let mut passing = Passing { tracked: Some(tracked), ..Passing::NEW };
    let mut rehearsed = Rehearsed::default();
    let passes = hooks.into_iter().flatten().all(|(hook, iif, oif)| {
        let at = At::new(*index, *now, config, hook, (iif, oif));
        [Part::BeforeStates, Part::AfterStates].into_iter().all(|part| {
            at.rehearse(filter, part, &packet[..len], (&mut passing, &mut rehearsed)) == Verdict::Accept
        })
    });
    Some(if passes { Judged::GoesOn(rehearsed.policy) } else { Judged::Ends })
}

type Seen<'a> = (Hook, Option<&'a Interface>, Option<&'a Interface>);

/// Whether nobody can tell by which interface a flow could begin now.
fn has_to_begin(config: &Config, came_by: CameBy) -> bool {
    came_by == CameBy::Untold || has_departed(config, came_by)
}

/// Whether packets came by an interface that is there no more.
fn has_departed(config: &Config, came_by: CameBy) -> bool {
    matches!(came_by, CameBy::Interface(id) if config.interface(id).is_none())
}

/// The hooks that a flow's first packet comes by.
fn hooks<'a>(config: &'a Config, tuple: &Tuple, came_by: CameBy) -> Option<[Option<Seen<'a>>; 2]> {
    let [src, dst] =
        [tuple.src, tuple.dst].map(|addr| addr.to_ipv4_mapped().map_or(IpAddr::V6(addr), IpAddr::V4));
    // Of several routers that of the flow's packets.
    let flow = || config.flow_key.between([src, dst], tuple.proto, (tuple.src_port, tuple.dst_port));
    let out = |routing: Routing<'a>| match dst {
        IpAddr::V6(dst) => routing.way6(dst, flow).ok().map(|(out, _)| out),
        IpAddr::V4(dst) => routing.way4(dst, flow).ok().map(|(out, _)| out),
    };
    let iif = match came_by {
        CameBy::Nothing => {
            return Some([Some((Hook::Output, None, Some(out(config.default_routing())?))), None]);
        }
        CameBy::Interface(id) => config.interface(id)?,
        CameBy::Untold => return None,
    };
    let ours = match dst {
        IpAddr::V6(dst) => dst.is_multicast() || config.local6(dst, iif.ifnet.id).is_some(),
        IpAddr::V4(dst) => dst.is_multicast() || config.routing(iif).owner4(dst).is_some(),
    };
    let last = match ours {
        true => (Hook::Input, Some(iif), None),
        false => (Hook::Forward, Some(iif), Some(out(config.routing(iif))?)),
    };
    Some([Some((Hook::Prerouting, Some(iif), None)), Some(last)])
}

/// The longest: TCP over IPv6.
const LONGEST: usize = 60;

/// The first packet of a flow, as far as its state tells, and how long it is.
fn first_packet(tuple: &Tuple) -> ([u8; LONGEST], usize) {
    let mut upper = [0; 20];
    let len = if tuple.proto == IpProto::TCP { 20 } else { 12 };
    let [a, b] = tuple.src_port.to_be_bytes();
    let [c, d] = tuple.dst_port.to_be_bytes();
    match tuple.proto {
        IpProto::TCP => {
            upper[..4].copy_from_slice(&[a, b, c, d]);
            (upper[12], upper[13]) = (0x50, Flags::SYN.0);
        }
        IpProto::ICMP | IpProto::ICMP6 => {
            upper[0] = tuple.question();
            upper[4..6].copy_from_slice(&[a, b]);
        }
        _ => {
            upper[..4].copy_from_slice(&[a, b, c, d]);
            upper[5] = 12;
        }
    }
    let mut packet = [0; LONGEST];
    let header = match (tuple.src.to_ipv4_mapped(), tuple.dst.to_ipv4_mapped()) {
        (Some(src), Some(dst)) => Ip4Repr::new(src, dst, tuple.proto, 64, len).emit(&mut packet),
        _ => Ip6Repr::new(tuple.src, tuple.dst, tuple.proto, 64, len).emit(&mut packet),
    };
    // It has room for either.
    let (at, len) = (header.unwrap_or(0), usize::from(len));
    packet[at..at + len].copy_from_slice(&upper[..len]);
    (packet, at + len)
}

#[cfg(all(test, not(any(siding_loom, siding_shuttle))))]
mod tests {
    use siding_netisr::IfId;

    use super::*;

    #[test]
    fn a_flow_of_which_nobody_can_tell_by_whom_it_came_has_to_begin() {
        let config = Config::default();
        let gone = CameBy::Interface(IfId::from_u64(1 << 16 | 3));
        assert_eq!(
            [CameBy::Untold, gone, CameBy::Nothing].map(|came_by| has_to_begin(&config, came_by)),
            [true, true, false]
        );
    }
}
