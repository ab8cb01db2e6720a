//! Fragments of IPv6 packets that are for us (RFC 8200 s4.5).

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_mbuf::Mbuf;
use siding_wire::IpProto;
use siding_wire::ext6::FRAGMENT_LEN;
use siding_wire::icmp6::Icmp6Repr;
use siding_wire::icmp6::exceeded;
use siding_wire::icmp6::problem;
use siding_wire::ip6::HEADER_LEN;
use siding_wire::ip6::Ip6Repr;

use super::headers;
use super::headers::FragmentAt;
use super::headers::Next as Part;
use super::headers::Verdict;
use crate::drops::DropReason;
use crate::fragments;
use crate::icmp6;
use crate::ifnet::IfCounter;
use crate::ifnet::Interface;
use crate::ifnet::Met;
use crate::ifnet::Version;
use crate::next::Arrival;
use crate::next::Next;
use crate::next::Packet6;
use crate::next::Quoted;
use crate::reassembly::Fragment;
use crate::reassembly::Held;
use crate::reassembly::Key;
use crate::reassembly::Piece;
use crate::stack::worker::Local;
use crate::trace::Step;

/// The longest payload that a packet's header can tell of, in octets.
const LONGEST: usize = u16::MAX as usize;

/// A fragment that has come to where the others of its packet are.
pub(crate) fn fragment_input<'c>(
    ctx: &mut Ctx<'_, Unlocked>,
    local: &mut Local,
    arrival: Arrival<'c>,
    meta: Fragment,
    packet: Mbuf,
) -> Next<'c> {
    let on = arrival.on;
    let about = match Ip6Repr::parse(packet.data()) {
        Ok((header, _)) => Packet6::new(header, meta.framed),
        Err(why) => return Next::Drop(packet, DropReason::Malformed(why)),
    };
    // Whoever sent it here has found this header already.
    let Ok(Part::Fragment(fragment)) = headers::walk(&about, packet.data()) else {
        return Next::Drop(packet, DropReason::Fragment);
    };
    if let Err(Verdict::Problem(code, pointer)) = check(&fragment, packet.data()) {
        let repr = Icmp6Repr::ParamProblem { code, pointer };
        icmp6::error(ctx, local, arrival, repr, Quoted { about: &about, packet: &packet });
        on.ifnet.mib.add(local.index, Version::V6, Met::ReasmFail, 1);
        return Next::Drop(packet, DropReason::Fragment);
    }
    let key = key(on, &about, &fragment);
    let at = fragment.at + FRAGMENT_LEN;
    if packet.len() == at && fragment.repr.more {
        // Of nothing: it says neither what the packet holds nor where it ends.
        on.ifnet.mib.add(local.index, Version::V6, Met::ReasmFail, 1);
        return Next::Drop(packet, DropReason::Fragment);
    }
    let held = Held { packet, at, framed: about.framed };
    let piece = Piece { at: fragment.repr.offset.into(), more: fragment.repr.more, packet: held };
    match fragments::add(local, key, piece) {
        Some(pieces) => whole(local, on, pieces),
        None => Next::Taken,
    }
}

/// Tells the sender of a first fragment that the others did not come in time.
pub(crate) fn reassembly_timeout(
    ctx: &mut Ctx<'_, Unlocked>,
    local: &mut Local,
    arrival: Arrival<'_>,
    first: &Held,
) {
    let Ok((header, _)) = Ip6Repr::parse(first.packet.data()) else { return };
    let about = Packet6::new(header, first.framed);
    let repr = Icmp6Repr::TimeExceeded { code: exceeded::REASSEMBLY };
    icmp6::error(ctx, local, arrival, repr, Quoted { about: &about, packet: &first.packet });
}

/// Which packet a fragment is of.
pub(super) fn key(on: &Interface, about: &Packet6, fragment: &FragmentAt) -> Key {
    Key::new(on.ifnet.id, about.header.src.into(), about.header.dst.into(), fragment.repr.ident, 0)
}

/// What is wrong with a fragment by itself.
fn check(fragment: &FragmentAt, packet: &[u8]) -> Result<(), Verdict> {
    let data = packet.get(fragment.at + FRAGMENT_LEN..).unwrap_or_default();
    //= RFC 8200 s4.5 [8200-4]: all but the last are multiples of 8 octets; the length field is at fault.
    if fragment.repr.more && !data.len().is_multiple_of(8) {
        return Err(Verdict::Problem(problem::FIELD, 4));
    }
    //= RFC 8200 s4.5 [8200-4]: the whole must have a length that can be told; the offset is at fault.
    let before = fragment.at - HEADER_LEN;
    if before + usize::from(fragment.repr.offset) + data.len() > LONGEST {
        return Err(Verdict::Problem(problem::FIELD, fragment.at as u32 + 2));
    }
    //= RFC 8200 s4 [8200-1]: hop-by-hop options stand first, so not behind a fragment header either.
    if fragment.repr.offset == 0 && fragment.repr.next_header == IpProto::HOP_BY_HOP {
        return Err(Verdict::Problem(problem::NEXT_HEADER, fragment.at as u32));
    }
    if fragment.repr.offset == 0 && !headers::has_chain(fragment.repr.next_header, data) {
        //= RFC 8200 s4.5, RFC 9099 s2.2.3 [8200-4][9099-1]: one that hides its headers is not taken.
        return Err(Verdict::Problem(problem::FIRST_FRAGMENT, 0));
    }
    Ok(())
}

/// All pieces are there, in order.
fn whole<'c>(local: &mut Local, on: &'c Interface, pieces: Vec<Piece<Held>>) -> Next<'c> {
    let built = build(local, &pieces);
    let met = if built.is_ok() { Met::ReasmOk } else { Met::ReasmFail };
    on.ifnet.mib.add(local.index, Version::V6, met, 1);
    let framed = pieces.first().map(|first| first.packet.framed);
    let count = pieces.len();
    let failed = built.as_ref().err().copied();
    for (n, piece) in pieces.into_iter().enumerate() {
        let joined = Step::Joined { fragments: count, goes_on: n == 0 };
        match failed {
            Some(cause) => local.drop_on(on.ifnet.id, piece.packet.packet, cause),
            None => {
                local.trace.note(&piece.packet.packet, || joined);
                local.cache.free(piece.packet.packet);
            }
        }
    }
    let (Ok(packet), Some(framed)) = (built, framed) else { return Next::Taken };
    on.ifnet.counters.add(local.index, IfCounter::Reassembled, 1);
    match Ip6Repr::parse(packet.data()) {
        Ok((header, _)) => {
            let about = Packet6 { joined: true, ..Packet6::new(header, framed) };
            Next::Ours6(on, about, packet)
        }
        Err(why) => Next::Drop(packet, DropReason::Malformed(why)),
    }
}

/// The packet as it was before it was cut: the first fragment's headers without the fragment header, and all data.
//= RFC 8200 s4.5 [8200-4]: the first fragment says what the packet's headers are, and what follows them.
fn build(local: &mut Local, pieces: &[Piece<Held>]) -> Result<Mbuf, DropReason> {
    let (Some(first), Some(last)) = (pieces.first(), pieces.last()) else { return Err(DropReason::Fragment) };
    let end = last.end() as usize;
    let first = &first.packet;
    let (header, _) = Ip6Repr::parse(first.packet.data()).map_err(DropReason::Malformed)?;
    let about = Packet6::new(header, first.framed);
    let Ok(Part::Fragment(FragmentAt { at, pointer, repr })) = headers::walk(&about, first.packet.data())
    else {
        return Err(DropReason::Fragment);
    };
    let front = first.packet.data().get(..at).ok_or(DropReason::Fragment)?;
    // Others may have had fewer headers in front than the first has, and so fitted by themselves.
    let payload_len = u16::try_from(front.len() - HEADER_LEN + end).map_err(|_| DropReason::Fragment)?;
    let mut packet = fragments::join(local, front, pieces).ok_or(DropReason::NoLargeBuffer)?;
    let bytes = packet.data_mut().ok_or(DropReason::NoLargeBuffer)?;
    bytes[4..6].copy_from_slice(&payload_len.to_be_bytes());
    let IpProto(next_header) = repr.next_header;
    bytes[pointer] = next_header;
    Ok(packet)
}
