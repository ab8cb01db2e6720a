//! TCP, of which there is none here: who asks for a connection is told so, and need not wait (RFC 9293 s3.10.7.1).

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_mbuf::Mbuf;
use siding_wire::IpProto;
use siding_wire::checksum::Ends;
use siding_wire::ip4;
use siding_wire::ip4::Ip4Repr;
use siding_wire::ip6;
use siding_wire::ip6::Ip6Repr;
use siding_wire::tcp::TcpRepr;

use crate::common::Sending;
use crate::drops::DropReason;
use crate::icmp6::LinkCast;
use crate::ip4 as inet4;
use crate::ip6 as inet6;
use crate::next::Arrival;
use crate::next::Packet6;
use crate::next::Quoted;
use crate::next::Upper4;
use crate::next::Upper6;
use crate::offload;
use crate::stack::worker::Local;
use crate::trace::Step;

/// A segment over IPv6.
pub(crate) fn input6(
    ctx: &mut Ctx<'_, Unlocked>,
    local: &mut Local,
    Arrival { config, on }: Arrival<'_>,
    Upper6 { about, at, .. }: &Upper6,
    packet: Mbuf,
) {
    let Ip6Repr { src, dst, .. } = about.header;
    // Groups have no connections, nor does a frame to everybody open one (RFC 1122 s4.2.3.10).
    //= RFC 4291 s2.6: nor has an address that several nodes have, from which no answer may come.
    let ours = config.owner6(dst, on.ifnet.id).is_some();
    if !ours || src.is_unspecified() || about.framed.link != LinkCast::Unicast {
        return local.drop_packet(packet, DropReason::NoListener);
    }
    let refused = refusal(Ends::V6 { src, dst }, *at, &packet);
    local.drop_packet(packet, refused.map_or_else(DropReason::Malformed, |_| DropReason::NoListener));
    let Ok(Some(reset)) = refused else { return };
    if !local.may_send(ctx, Sending::Reset, on.ifnet.id, src) {
        return local.count(on.ifnet.id, DropReason::RateLimited);
    }
    let ends = Ends::V6 { src: dst, dst: src };
    let header = Ip6Repr::new(dst, src, IpProto::TCP, on.hop_limit, reset.buffer_len() as u16);
    match build(local, ip6::HEADER_LEN, ends, &reset, |out| header.emit(out)) {
        Some(packet) => inet6::output(ctx, local, config, src, on.ifnet.id, packet),
        None => local.count(on.ifnet.id, DropReason::NoBuffer),
    }
}

/// The same over IPv4. Of what came to everybody on the link, only what is for a group has come this far.
pub(crate) fn input4(
    ctx: &mut Ctx<'_, Unlocked>,
    local: &mut Local,
    Arrival { config, on }: Arrival<'_>,
    Upper4 { about, at }: &Upper4,
    packet: Mbuf,
) {
    local.trace.note(&packet, || Step::Stage { name: "tcp" });
    let Ip4Repr { src, dst, .. } = *about;
    if dst.is_multicast() {
        return local.drop_packet(packet, DropReason::NoListener);
    }
    let refused = refusal(Ends::V4 { src, dst }, *at, &packet);
    local.drop_packet(packet, refused.map_or_else(DropReason::Malformed, |_| DropReason::NoListener));
    let Ok(Some(reset)) = refused else { return };
    if !local.may_send(ctx, Sending::Reset, on.ifnet.id, src) {
        return local.count(on.ifnet.id, DropReason::RateLimited);
    }
    let ends = Ends::V4 { src: dst, dst: src };
    let header = Ip4Repr::new(dst, src, IpProto::TCP, on.hop_limit, reset.buffer_len() as u16);
    match build(local, ip4::HEADER_LEN, ends, &reset, |out| header.emit(out)) {
        Some(packet) => inet4::output(ctx, local, config, (src, on.ifnet.id), packet),
        None => local.count(on.ifnet.id, DropReason::NoBuffer),
    }
}

/// Resets the connection that a segment asks for or belongs to, in the name of its destination: the filter's way to say no.
pub(crate) fn refuse6(
    ctx: &mut Ctx<'_, Unlocked>,
    local: &mut Local,
    Arrival { config, on }: Arrival<'_>,
    Quoted { about, packet }: Quoted<'_, Packet6>,
) {
    let Ip6Repr { src, dst, next_header, .. } = about.header;
    let upper = siding_wire::ext6::walk(
        next_header,
        packet.data().get(ip6::HEADER_LEN..).unwrap_or_default(),
        |_| {},
    );
    let Ok(upper) = upper else { return };
    let at = ip6::HEADER_LEN + upper.offset;
    let Some(reset) = reset_of(IpProto::TCP == upper.proto, Ends::V6 { src, dst }, at, packet) else {
        return;
    };
    if !local.may_send(ctx, Sending::Reset, on.ifnet.id, src) {
        return local.count(on.ifnet.id, DropReason::RateLimited);
    }
    let ends = Ends::V6 { src: dst, dst: src };
    let header = Ip6Repr::new(dst, src, IpProto::TCP, on.hop_limit, reset.buffer_len() as u16);
    match build(local, ip6::HEADER_LEN, ends, &reset, |out| header.emit(out)) {
        Some(packet) => inet6::output(ctx, local, config, src, on.ifnet.id, packet),
        None => local.count(on.ifnet.id, DropReason::NoBuffer),
    }
}

/// The same over IPv4.
pub(crate) fn refuse4(
    ctx: &mut Ctx<'_, Unlocked>,
    local: &mut Local,
    Arrival { config, on }: Arrival<'_>,
    Quoted { about, packet }: Quoted<'_, Ip4Repr>,
) {
    let Ip4Repr { src, dst, proto, .. } = *about;
    let at = packet.len() - usize::from(about.payload_len);
    let Some(reset) = reset_of(IpProto::TCP == proto, Ends::V4 { src, dst }, at, packet) else { return };
    if !local.may_send(ctx, Sending::Reset, on.ifnet.id, src) {
        return local.count(on.ifnet.id, DropReason::RateLimited);
    }
    let ends = Ends::V4 { src: dst, dst: src };
    let header = Ip4Repr::new(dst, src, IpProto::TCP, on.hop_limit, reset.buffer_len() as u16);
    match build(local, ip4::HEADER_LEN, ends, &reset, |out| header.emit(out)) {
        Some(packet) => inet4::output(ctx, local, config, (src, on.ifnet.id), packet),
        None => local.count(on.ifnet.id, DropReason::NoBuffer),
    }
}

fn reset_of(is_tcp: bool, ends: Ends, at: usize, packet: &Mbuf) -> Option<TcpRepr> {
    let whole = offload::finished(packet);
    let bytes = whole.get(at..).filter(|_| is_tcp)?;
    let (segment, data) = TcpRepr::parse(ends, bytes).ok()?;
    segment.refusal(data.len())
}

/// What a segment is answered with, if it is.
fn refusal(ends: Ends, at: usize, packet: &Mbuf) -> Result<Option<TcpRepr>, siding_wire::Malformed> {
    let (segment, data) = TcpRepr::parse(ends, packet.data().get(at..).unwrap_or_default())?;
    Ok(segment.refusal(data.len()))
}

fn build(
    local: &mut Local,
    header_len: usize,
    ends: Ends,
    reset: &TcpRepr,
    emit: impl FnOnce(&mut [u8]) -> Result<usize, siding_wire::Malformed>,
) -> Option<Mbuf> {
    let mut packet = local.cache.alloc()?;
    let place = packet.append(header_len + reset.buffer_len())?;
    let (header, segment) = place.split_at_mut(header_len);
    reset.emit(ends, segment).ok()?;
    emit(header).ok()?;
    Some(packet)
}
