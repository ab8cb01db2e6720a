//! MLD messages that come in.

use std::net::Ipv6Addr;
use std::time::Duration;

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_mbuf::Mbuf;
use siding_wire::ext6::ExtKind;
use siding_wire::ext6::Walker;
use siding_wire::ip6;
use siding_wire::mld;
use siding_wire::mld::MldMessage;
use siding_wire::mld::MldV1;

use super::follow::arm;
use super::follow::with_machine;
use crate::drops::DropReason;
use crate::ifnet::IfCounter;
use crate::ifnet::Interface;
use crate::ifnet::Wants;
use crate::next::Packet6;
use crate::next::Upper6;
use crate::stack::worker::Local;
use siding_machines::chance::Chance;

/// A message of ours or of a router's.
pub(crate) fn input(
    ctx: &mut Ctx<'_, Unlocked>,
    local: &mut Local,
    on: &Interface,
    Upper6 { about, at, .. }: &Upper6,
    packet: Mbuf,
) {
    let (src, dst, hop_limit) = (about.header.src, about.header.dst, about.header.hop_limit);
    let bytes = packet.data().get(*at..).unwrap_or_default();
    let message = match mld::validate(hop_limit, src, dst, bytes, has_router_alert(about, packet.data())) {
        Ok(message) => message,
        Err(why) => return local.drop_packet(packet, DropReason::Mld(why)),
    };
    if on.has_mac(about.framed.from) {
        return local.drop_packet(packet, DropReason::Ignored); // Our own, looped back.
    }
    let counters = &on.ifnet.counters;
    let mut chance = Chance::new(local.chance.next_u64());
    let (now, id) = (local.now, on.ifnet.id);
    let heard = matches!(
        message,
        MldMessage::QueryV2(_) | MldMessage::V1(MldV1::Query { .. } | MldV1::Report { .. })
    );
    if heard && !on.ifnet.intake.admits(now, Wants::Groups) {
        return local.drop_packet(packet, DropReason::MessageLimit);
    }
    match message {
        //= RFC 3810 s5.1.15 [3810-2]: a query counts whichever of our addresses it came to.
        MldMessage::QueryV2(query) => {
            counters.add(local.index, IfCounter::MldQueryIn, 1);
            if !is_sound(query.group) {
                return local.drop_packet(packet, DropReason::Ignored);
            }
            with_machine(ctx, local, id, |machine, ctx, local, _| {
                machine.listener.on_query_v2(now, &query, &mut chance);
                arm(machine, ctx, local, id);
            });
        }
        MldMessage::V1(MldV1::Query { max_response, group }) => {
            counters.add(local.index, IfCounter::MldQueryIn, 1);
            if !is_sound(group) {
                return local.drop_packet(packet, DropReason::Ignored);
            }
            let max_response = Duration::from_millis(u64::from(max_response));
            with_machine(ctx, local, id, |machine, ctx, local, _| {
                machine.listener.on_query_v1(now, max_response, group, &mut chance);
                arm(machine, ctx, local, id);
            });
        }
        MldMessage::V1(MldV1::Report { group }) => {
            counters.add(local.index, IfCounter::MldReportIn, 1);
            with_machine(ctx, local, id, |machine, _, _, _| machine.listener.on_report_v1(group));
        }
        // For routers.
        MldMessage::V1(MldV1::Done { .. }) | MldMessage::ReportV2(_) => {
            counters.add(local.index, IfCounter::MldReportIn, 1);
            return local.drop_packet(packet, DropReason::Ignored);
        }
    }
    local.done(packet);
}

/// Whether a query can be about this: all groups, or one.
fn is_sound(group: Ipv6Addr) -> bool {
    group.is_unspecified() || group.is_multicast()
}

fn has_router_alert(about: &Packet6, packet: &[u8]) -> bool {
    let payload = packet.get(ip6::HEADER_LEN..).unwrap_or_default();
    Walker::new(about.header.next_header, payload)
        .map_while(Result::ok)
        .any(|header| matches!(header.kind, ExtKind::HopByHop(options) if options.has_mld_router_alert()))
}
