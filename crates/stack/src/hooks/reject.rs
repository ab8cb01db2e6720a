//! Packets that do not go on, and what their senders are told.

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_mbuf::Mbuf;
use siding_wire::icmp4::Icmp4Repr;
use siding_wire::icmp6::Icmp6Repr;
use siding_wire::ip4::Ip4Repr;
use siding_wire::ip6::Ip6Repr;

use crate::drops::DropReason;
use crate::filter::Passing;
use crate::filter::Reject;
use crate::filter::Verdict;
use crate::icmp6;
use crate::ip4;
use crate::next::Arrival;
use crate::next::Framed;
use crate::next::Packet6;
use crate::next::Quoted;
use crate::next::Stopped;
use crate::stack::worker::Local;
use crate::tcp;

/// A packet that has come in is dropped; its sender is told if the verdict says so.
pub(super) fn refuse(
    ctx: &mut Ctx<'_, Unlocked>,
    local: &mut Local,
    arrival: Arrival<'_>,
    (verdict, passing): (Verdict, &Passing),
    packet: Mbuf,
) -> Stopped {
    local.filter.give_up(passing);
    if let Verdict::Reject(how) = verdict {
        // What tells of a packet is part of its verdict, and is not judged again (Linux says that it is related).
        local.filter.exempt = true;
        tell(ctx, local, arrival, how, Quoted { about: &passing.framed, packet: &packet });
        local.filter.exempt = false;
    }
    Stopped::Drop(packet, DropReason::Filtered)
}

fn tell(
    ctx: &mut Ctx<'_, Unlocked>,
    local: &mut Local,
    arrival: Arrival<'_>,
    how: Reject,
    Quoted { about: framed, packet }: Quoted<'_, Framed>,
) {
    if let Ok((header, _)) = Ip6Repr::parse(packet.data()) {
        let about = Packet6::new(header, *framed);
        match how {
            Reject::Reset => tcp::refuse6(ctx, local, arrival, Quoted { about: &about, packet }),
            Reject::Unreachable(code) => {
                let repr = Icmp6Repr::DestUnreachable { code };
                icmp6::error(ctx, local, arrival, repr, Quoted { about: &about, packet });
            }
        }
    } else if let Ok((header, _)) = Ip4Repr::parse(packet.data()) {
        match how {
            Reject::Reset => tcp::refuse4(ctx, local, arrival, Quoted { about: &header, packet }),
            Reject::Unreachable(code) => {
                let repr = Icmp4Repr::DestUnreachable { code, mtu: 0 };
                ip4::error(ctx, local, arrival.config, repr, Quoted { about: &header, packet });
            }
        }
    }
}
