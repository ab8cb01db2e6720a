//! IPv6 packets for others.

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_mbuf::Mbuf;
use siding_netisr::sync::mutant;
use siding_wire::icmp6::Icmp6Repr;
use siding_wire::icmp6::exceeded;
use siding_wire::icmp6::unreachable;
use siding_wire::ip6;

use super::headers;
use super::headers::Verdict;
use crate::drops::DropReason;
use crate::ends;
use crate::hooks;
use crate::icmp6;
use crate::icmp6::LinkCast;
use crate::ifnet::Met;
use crate::ifnet::Version;
use crate::nd6::dad::DadState;
use crate::nd6::router;
use crate::next::Arrival;
use crate::next::Next;
use crate::next::Packet6;
use crate::next::Quoted;
use crate::stack::worker::Local;
use crate::stack::worker::TimedStep;

/// Forwards a packet that came in on `on`.
#[inline(always)] // One place calls it, for each packet; the hook in it had made it a call.
pub(crate) fn forward<'c>(
    ctx: &mut Ctx<'_, Unlocked>,
    local: &mut Local,
    arrival: Arrival<'c>,
    about: Packet6,
    mut packet: Mbuf,
) -> Next<'c> {
    let Arrival { config, on } = arrival;
    let header = about.header;
    if about.framed.link != LinkCast::Unicast {
        return Next::Drop(packet, DropReason::BadSource);
    }
    if let Err(cause) = ends::forwarded6(config, on, &header) {
        return Next::Drop(packet, cause);
    }
    if config.examine_options
        && let Err(verdict) = headers::transit(&about, packet.data())
    {
        if let Verdict::Problem(code, pointer) = verdict {
            let repr = Icmp6Repr::ParamProblem { code, pointer };
            icmp6::error(ctx, local, arrival, repr, Quoted { about: &about, packet: &packet });
        }
        let cause = if let Verdict::Drop(cause) = verdict { cause } else { DropReason::Option };
        return Next::Drop(packet, cause);
    }
    let refuse = |ctx: &mut Ctx<'_, Unlocked>, local: &mut Local, repr, packet: Mbuf, cause| {
        icmp6::error(ctx, local, arrival, repr, Quoted { about: &about, packet: &packet });
        Next::Drop(packet, cause)
    };
    //= RFC 8200 s3 [8200-1]: not with a hop limit of 0, nor with one that would become 0.
    if header.hop_limit <= 1 {
        let repr = Icmp6Repr::TimeExceeded { code: exceeded::HOP_LIMIT };
        return refuse(ctx, local, repr, packet, DropReason::HopLimit);
    }
    local.timed.enter(TimedStep::Route);
    let flow = || if mutant("walk-has-one-flow") { 0 } else { config.flow_key.six(packet.data()) };
    let (out, next_hop) = match config.routing(on).way6(header.dst, flow) {
        Ok(way) => way,
        Err(refusal) => {
            let (code, cause) = match refusal {
                None => (Some(unreachable::NO_ROUTE), DropReason::NoRoute),
                Some(refusal) => (refusal.code(), DropReason::RouteRefuses),
            };
            //= RFC 4443 s3.1 [4443-5]: no route, or one that refuses: each has its code, or says nothing.
            let Some(code) = code else { return Next::Drop(packet, cause) };
            return refuse(ctx, local, Icmp6Repr::DestUnreachable { code }, packet, cause);
        }
    };
    //= RFC 4443 s3.1 [4443-5]: of two ends of a link that has but two, neither has the address: it would go to and fro.
    if on.point_to_point && out.ifnet.id == on.ifnet.id && next_hop == header.dst {
        let repr = Icmp6Repr::DestUnreachable { code: unreachable::ADDRESS };
        return refuse(ctx, local, repr, packet, DropReason::PointToPoint);
    }
    //= RFC 4862 s5.4 [4862-4]: an address that we are testing is not another's to be asked for, nor ours yet.
    if next_hop == header.dst && out.addr6(next_hop).is_some_and(|own| own.state == DadState::Tentative) {
        return Next::Drop(packet, DropReason::NotForUs);
    }
    if ip6::is_link_local(header.src) && out.ifnet.id != on.ifnet.id {
        //= RFC 4443 s3.1 [4443-5]: the source's scope ends at its link.
        let repr = Icmp6Repr::DestUnreachable { code: unreachable::BEYOND_SCOPE };
        return refuse(ctx, local, repr, packet, DropReason::BeyondScope);
    }
    // A super-frame is as large as its segments, which are what the link has to take.
    if packet.len() > usize::from(out.mtu) && packet.longest() > usize::from(out.mtu) {
        //= RFC 4443 s3.2 [4443-6]: too big for the next link: its MTU is told.
        let repr = Icmp6Repr::PacketTooBig { mtu: u32::from(out.mtu) };
        out.ifnet.mib.add(local.index, Version::V6, Met::TooBig, 1);
        return refuse(ctx, local, repr, packet, DropReason::TooBig);
    }
    if local.filter.is_on() {
        match hooks::forwarded(ctx, local, arrival, out, packet) {
            Ok(passed) => packet = passed,
            Err(stopped) => return stopped.into(),
        }
    }
    if out.ifnet.id == on.ifnet.id {
        router::redirect(ctx, local, arrival, Quoted { about: &about, packet: &packet }, next_hop);
    }
    if packet.is_shared() {
        let Some(copy) = local.unshare(packet) else { return Next::Taken };
        packet = copy;
    }
    if let Some(bytes) = packet.data_mut()
        && let Err(why) = ip6::set_hop_limit(bytes, header.hop_limit - 1)
    {
        return Next::Drop(packet, DropReason::Malformed(why));
    }
    Next::Neighbor(out, next_hop.into(), packet)
}
