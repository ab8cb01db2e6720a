//! Fragments of IPv4 packets that are for us, and packets of our own that are cut (RFC 791).
//!
//! The table and its bounds are those of IPv6, [`crate::reassembly`], and so is what an overlap does: RFC 791 lets
//! the later one win, which has served nobody but attackers (RFC 5722).

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_mbuf::Mbuf;
use siding_wire::icmp4::Icmp4Repr;
use siding_wire::icmp4::exceeded;
use siding_wire::ip4;
use siding_wire::ip4::HEADER_LEN;
use siding_wire::ip4::Ip4Repr;

use super::error::error;
use crate::config::Config;
use crate::drops::DropReason;
use crate::fragments;
use crate::ifnet::IfCounter;
use crate::ifnet::Interface;
use crate::ifnet::Met;
use crate::ifnet::Version;
use crate::next::Next;
use crate::next::Quoted;
use crate::reassembly::Fragment;
use crate::reassembly::Held;
use crate::reassembly::Key;
use crate::reassembly::Piece;
use crate::stack::worker::Local;
use crate::trace::Step;

/// The longest packet that a header can tell of, itself included, in octets.
const LONGEST: usize = u16::MAX as usize;

/// A fragment that has come to where the others of its packet are; what was put together with it goes on.
pub(crate) fn fragment_input<'c>(
    local: &mut Local,
    on: &'c Interface,
    meta: Fragment,
    packet: Mbuf,
) -> Next<'c> {
    let header = match Ip4Repr::parse(packet.data()) {
        Ok((header, _)) => header,
        Err(why) => return Next::Drop(packet, DropReason::Malformed(why)),
    };
    let len = usize::from(header.payload_len);
    let at = packet.len() - len;
    let cut_wrong = header.more_fragments && (len == 0 || !len.is_multiple_of(8));
    if cut_wrong || at + usize::from(header.frag_offset) + len > LONGEST {
        on.ifnet.mib.add(local.index, Version::V4, Met::ReasmFail, 1);
        return Next::Drop(packet, DropReason::Fragment);
    }
    let held = Held { packet, at, framed: meta.framed };
    let piece = Piece { at: header.frag_offset.into(), more: header.more_fragments, packet: held };
    match fragments::add(local, key(on, &header), piece) {
        Some(pieces) => whole(local, on, pieces),
        None => Next::Taken,
    }
}

/// Tells the sender of a first fragment that the others did not come in time.
pub(crate) fn reassembly_timeout(
    ctx: &mut Ctx<'_, Unlocked>,
    local: &mut Local,
    config: &Config,
    first: &Held,
) {
    let Ok((header, _)) = Ip4Repr::parse(first.packet.data()) else { return };
    let repr = Icmp4Repr::TimeExceeded { code: exceeded::REASSEMBLY };
    error(ctx, local, config, repr, Quoted { about: &header, packet: &first.packet });
}

/// Cuts a packet of our own into fragments that `out` and a buffer take, and hands each to `send`.
pub(super) fn output(
    ctx: &mut Ctx<'_, Unlocked>,
    local: &mut Local,
    out: &Interface,
    packet: Mbuf,
    mut send: impl FnMut(&mut Ctx<'_, Unlocked>, &mut Local, Mbuf),
) {
    let (Ok((header, data)), Ok(header_len)) =
        (Ip4Repr::parse(packet.data()), ip4::header_len(packet.data()))
    else {
        out.ifnet.mib.cut(local.index, Version::V4, None);
        return local.drop_on(out.ifnet.id, packet, DropReason::TooBig);
    };
    let chunk = fragments::longest(local, out.mtu.into()).saturating_sub(HEADER_LEN) & !7;
    // Options would have to be told apart: our own packets that are large have none.
    if header_len != HEADER_LEN || chunk == 0 {
        out.ifnet.mib.cut(local.index, Version::V4, None);
        return local.drop_on(out.ifnet.id, packet, DropReason::TooBig);
    }
    let ident = local.shared.idents.next(header.src.into(), header.dst.into()) as u16;
    let mut made = Some(0);
    for (n, part) in data.chunks(chunk).enumerate() {
        let offset = n * chunk;
        let fragment = Ip4Repr {
            ident,
            dont_fragment: false,
            more_fragments: offset + part.len() < data.len(),
            frag_offset: offset as u16,
            payload_len: part.len() as u16,
            ..header
        };
        let Some(piece) = piece(local, fragment, part) else {
            local.count(out.ifnet.id, DropReason::NoBuffer);
            made = None;
            break;
        };
        out.ifnet.counters.add(local.index, IfCounter::FragmentsOut, 1);
        made = made.map(|made| made + 1);
        send(ctx, local, piece);
    }
    out.ifnet.mib.cut(local.index, Version::V4, made);
    local.cache.free(packet);
}

fn piece(local: &mut Local, header: Ip4Repr, data: &[u8]) -> Option<Mbuf> {
    let mut piece = local.cache.alloc()?;
    header.emit(piece.append(HEADER_LEN)?).ok()?;
    piece.extend_from_slice(data).then_some(piece)
}

/// Which packet a fragment is of.
pub(super) fn key(on: &Interface, header: &Ip4Repr) -> Key {
    Key::new(on.ifnet.id, header.src.into(), header.dst.into(), header.ident.into(), header.proto.0)
}

/// All pieces are there, in order.
fn whole<'c>(local: &mut Local, on: &'c Interface, pieces: Vec<Piece<Held>>) -> Next<'c> {
    let built = build(local, &pieces);
    let met = if built.is_ok() { Met::ReasmOk } else { Met::ReasmFail };
    on.ifnet.mib.add(local.index, Version::V4, met, 1);
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
    let Ok((header, packet)) = built else { return Next::Taken };
    on.ifnet.counters.add(local.index, IfCounter::Reassembled, 1);
    Next::Ours4(on, header, packet)
}

/// The packet as it was, but for options, which nobody here reads.
fn build(local: &mut Local, pieces: &[Piece<Held>]) -> Result<(Ip4Repr, Mbuf), DropReason> {
    let (Some(first), Some(last)) = (pieces.first(), pieces.last()) else { return Err(DropReason::Fragment) };
    let (end, options) = (last.end() as usize, first.packet.at);
    // Others may have had fewer options than the first has, and so fitted by themselves.
    let payload_len =
        u16::try_from(end).ok().filter(|_| options + end <= LONGEST).ok_or(DropReason::Fragment)?;
    let (first, _) = Ip4Repr::parse(first.packet.packet.data()).map_err(DropReason::Malformed)?;
    let header = Ip4Repr { payload_len, more_fragments: false, frag_offset: 0, ..first };
    let mut bytes = [0; HEADER_LEN];
    header.emit(&mut bytes).map_err(DropReason::Malformed)?;
    Ok((header, fragments::join(local, &bytes, pieces).ok_or(DropReason::NoLargeBuffer)?))
}
