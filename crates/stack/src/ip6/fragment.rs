//! Cutting packets of our own that are larger than their path takes (RFC 8200 s4.5).

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_mbuf::Mbuf;
use siding_wire::IpProto;
use siding_wire::ext6::ExtKind;
use siding_wire::ext6::FRAGMENT_LEN;
use siding_wire::ext6::FragmentRepr;
use siding_wire::ext6::Upper;
use siding_wire::ext6::Walker;
use siding_wire::icmp6::Icmp6Type;
use siding_wire::ip6::HEADER_LEN;
use siding_wire::ip6::Ip6Repr;

use crate::drops::DropReason;
use crate::fragments;
use crate::ifnet::IfCounter;
use crate::ifnet::Interface;
use crate::ifnet::Version;
use crate::stack::worker::Local;

/// Cuts a packet into fragments of at most `mtu` bytes, and no more than a buffer holds, and hands each to `send`.
pub(crate) fn output(
    ctx: &mut Ctx<'_, Unlocked>,
    local: &mut Local,
    (out, mtu): (&Interface, usize),
    packet: Mbuf,
    mut send: impl FnMut(&mut Ctx<'_, Unlocked>, &mut Local, Mbuf),
) {
    let Some(cut) = Cut::new(&packet, fragments::longest(local, mtu)) else {
        out.ifnet.mib.cut(local.index, Version::V6, None);
        return local.drop_on(out.ifnet.id, packet, DropReason::TooBig);
    };
    let ident = local.shared.idents.next(cut.header.src.into(), cut.header.dst.into());
    let (front, data) = packet.data().split_at(cut.front);
    let mut made = Some(0);
    for (n, chunk) in data.chunks(cut.chunk).enumerate() {
        let offset = n * cut.chunk;
        let more = offset + chunk.len() < data.len();
        // No payload is longer than 65,535 bytes, so none begins beyond them.
        let fragment = FragmentRepr { next_header: cut.next_header, offset: offset as u16, more, ident };
        let Some(piece) = piece(local, front, &cut, fragment, chunk) else {
            local.count(out.ifnet.id, DropReason::NoBuffer);
            made = None;
            break;
        };
        out.ifnet.counters.add(local.index, IfCounter::FragmentsOut, 1);
        made = made.map(|made| made + 1);
        if n == 0
            && let Ok((header, payload)) = Ip6Repr::parse(piece.data())
        {
            local.shared.paths.note_sent(&header, payload);
        }
        send(ctx, local, piece);
    }
    out.ifnet.mib.cut(local.index, Version::V6, made);
    local.cache.free(packet);
}

/// Where a packet is cut.
struct Cut {
    header: Ip6Repr,
    /// Bytes that stand in front of each fragment header: what routers on the way look at.
    front: usize,
    /// Where the field stands that announces what follows them.
    pointer: usize,
    /// What follows them.
    next_header: IpProto,
    /// Bytes of data in each fragment but the last.
    chunk: usize,
}

impl Cut {
    /// `None` if the packet must not be cut, or cannot be.
    fn new(packet: &Mbuf, mtu: usize) -> Option<Cut> {
        let (header, payload) = Ip6Repr::parse(packet.data()).ok()?;
        let (mut front, mut pointer, mut next_header) = (HEADER_LEN, 6, header.next_header);
        let mut walker = Walker::new(header.next_header, payload);
        for ext in &mut walker {
            let ext = ext.ok()?;
            if matches!(ext.kind, ExtKind::HopByHop(_) | ExtKind::Routing { .. }) {
                front = HEADER_LEN + ext.offset + ext.len;
                pointer = ext.pointer();
                next_header = ext.next_header;
            }
        }
        if is_nd(&walker.upper(), payload) {
            return None;
        }
        let chunk = mtu.checked_sub(front + FRAGMENT_LEN)? & !7;
        (chunk > 0).then_some(Cut { header, front, pointer, next_header, chunk })
    }
}

//= RFC 6980 s5 [6980-1]: messages of neighbour discovery are never cut.
fn is_nd(upper: &Upper, payload: &[u8]) -> bool {
    upper.proto == IpProto::ICMP6 && payload.get(upper.offset).is_some_and(|kind| Icmp6Type(*kind).is_nd())
}

fn piece(local: &mut Local, front: &[u8], cut: &Cut, fragment: FragmentRepr, chunk: &[u8]) -> Option<Mbuf> {
    let mut piece = local.cache.alloc()?;
    let place = piece.append(front.len() + FRAGMENT_LEN + chunk.len())?;
    let payload_len = (place.len() - HEADER_LEN) as u16;
    let (head, rest) = place.split_at_mut(front.len());
    head.copy_from_slice(front);
    head[4..6].copy_from_slice(&payload_len.to_be_bytes());
    head[cut.pointer] = IpProto::FRAGMENT.0;
    let (header, data) = rest.split_at_mut(FRAGMENT_LEN);
    data.copy_from_slice(chunk);
    fragment.emit(header).ok()?;
    Some(piece)
}
