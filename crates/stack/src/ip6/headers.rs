//! Extension headers of a packet that is for us, in their order (RFC 8200 s4).

use siding_wire::IpProto;
use siding_wire::ext6::ExtHeader;
use siding_wire::ext6::ExtKind;
use siding_wire::ext6::FragmentRepr;
use siding_wire::ext6::OptAction;
use siding_wire::ext6::Options;
use siding_wire::ext6::Upper;
use siding_wire::ext6::Walker;
use siding_wire::icmp6::problem;
use siding_wire::ip6::HEADER_LEN;

use crate::drops::DropReason;
use crate::next::Packet6;

/// What the headers lead to.
#[derive(Debug, Clone, Copy)]
pub(super) enum Next {
    /// The upper layer. Whether there was a fragment header before it: an atomic one.
    Upper(Upper, bool),
    /// A piece of something.
    Fragment(FragmentAt),
}

/// A fragment header of a packet that is not whole.
#[derive(Debug, Clone, Copy)]
pub(super) struct FragmentAt {
    /// Where it stands, from the start of the packet.
    pub(super) at: usize,
    /// Where the field stands that announced it.
    pub(super) pointer: usize,
    pub(super) repr: FragmentRepr,
}

/// What a header wants done with the packet.
#[derive(Debug, Clone, Copy)]
pub(super) enum Verdict {
    Drop(DropReason),
    /// Parameter Problem of this code, at this octet.
    Problem(u8, u32),
}

/// Walks the extension headers, in their order, up to the upper layer or a fragment header. What stands behind that
/// is looked at when the packet is whole.
pub(super) fn walk(about: &Packet6, packet: &[u8]) -> Result<Next, Verdict> {
    let payload = packet.get(HEADER_LEN..).unwrap_or_default();
    let mut walker = Walker::new(about.header.next_header, payload);
    let (mut pointer, mut atomic) = (6, false);
    for header in &mut walker {
        let header = header.map_err(|error| match error.cause {
            //= RFC 8200 s4 [8200-1]: hop-by-hop options stand first, or nowhere.
            siding_wire::Malformed::HopByHopNotFirst => {
                Verdict::Problem(problem::NEXT_HEADER, error.pointer as u32)
            }
            why => Verdict::Drop(DropReason::Malformed(why)),
        })?;
        match &header.kind {
            ExtKind::HopByHop(options) | ExtKind::DstOpts(options) => check_options(about, options)?,
            //= RFC 8200 s4.4 [8200-3]: an unknown routing type is passed over if no segment is left.
            ExtKind::Routing { segments_left: 0, .. } => {}
            ExtKind::Routing { .. } => {
                return Err(Verdict::Problem(problem::FIELD, header.pointer() as u32 + 2));
            }
            //= RFC 8200 s4.5 [8200-4]: an atomic fragment is a packet by itself, whatever else has its number.
            ExtKind::Fragment(fragment) if fragment.is_atomic() => atomic = true,
            ExtKind::Fragment(repr) => {
                return Ok(Next::Fragment(FragmentAt { at: header.pointer(), pointer, repr: *repr }));
            }
        }
        pointer = header.pointer();
    }
    Ok(Next::Upper(walker.upper(), atomic))
}

/// What the hop-by-hop options of a packet for others say of it.
//= RFC 8200 s4, RFC 9673 s5.1: they stand first, and are looked at by routers that are configured to.
pub(super) fn transit(about: &Packet6, packet: &[u8]) -> Result<(), Verdict> {
    if about.header.next_header != IpProto::HOP_BY_HOP {
        return Ok(());
    }
    let payload = packet.get(HEADER_LEN..).unwrap_or_default();
    match Walker::new(about.header.next_header, payload).next() {
        Some(Ok(ExtHeader { kind: ExtKind::HopByHop(options), .. })) => check_options(about, &options),
        Some(Err(error)) => Err(Verdict::Drop(DropReason::Malformed(error.cause))),
        Some(Ok(_)) | None => Ok(()),
    }
}

/// Whether `data`, which follows the fragment header of a first fragment, has all headers up to the upper layer's.
//= RFC 8200 s4.5, RFC 7112 s5 [8200-4]: a first fragment has the whole chain of headers, the upper layer's included.
pub(super) fn has_chain(next_header: IpProto, data: &[u8]) -> bool {
    let mut walker = Walker::new(next_header, data);
    for header in &mut walker {
        // Whatever is wrong but the length is found when the packet is whole.
        if let Err(error) = header {
            return error.cause != siding_wire::Malformed::Truncated;
        }
    }
    let upper = walker.upper();
    let header = match upper.proto {
        IpProto::TCP => 20,
        IpProto::UDP => 8,
        // Type, code and checksum (RFC 7112 s4).
        IpProto::ICMP6 => 4,
        IpProto::NO_NEXT => 0,
        _ => 1,
    };
    data.len() >= upper.offset + header
}

//= RFC 8200 s4.2 [8200-2]: the two highest bits of an unknown option say what to do with its packet.
fn check_options(about: &Packet6, options: &Options<'_>) -> Result<(), Verdict> {
    for option in options.clone() {
        let option = option.map_err(|error| Verdict::Drop(DropReason::Malformed(error.cause)))?;
        if option.kind == siding_wire::ext6::OPT_ROUTER_ALERT {
            continue;
        }
        match option.action() {
            OptAction::Skip => {}
            OptAction::Discard => return Err(Verdict::Drop(DropReason::Option)),
            OptAction::Report => return Err(Verdict::Problem(problem::OPTION, option.pointer as u32)),
            OptAction::ReportUnlessMulticast if about.header.dst.is_multicast() => {
                return Err(Verdict::Drop(DropReason::Option));
            }
            OptAction::ReportUnlessMulticast => {
                return Err(Verdict::Problem(problem::OPTION, option.pointer as u32));
            }
        }
    }
    Ok(())
}
