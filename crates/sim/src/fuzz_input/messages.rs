//! Upper-layer messages: UDP, ICMP, neighbour discovery, MLD.

use std::net::Ipv6Addr;

use siding_wire::IpProto;
use siding_wire::checksum::Ends;
use siding_wire::icmp4::Icmp4Repr;
use siding_wire::icmp6::Icmp6Repr;
use siding_wire::mld;
use siding_wire::mld::MldMessage;
use siding_wire::mld::Record;
use siding_wire::nd;
use siding_wire::nd::NdMessage;
use siding_wire::nd::NdOption;
use siding_wire::nd::NdOptions;
use siding_wire::nd::Redirect;
use siding_wire::udp::UdpRepr;

/// Reads a message with its parser, and writes again what was understood.
pub(super) fn read(ends: Ends, proto: IpProto, message: &[u8], hop_limit: u8, alert: bool) {
    match (proto, ends) {
        (IpProto::UDP, _) => udp(ends, message),
        (IpProto::ICMP, Ends::V4 { .. }) => icmp4(message),
        (IpProto::ICMP6, Ends::V6 { src, dst }) => {
            icmp6(src, dst, message);
            neighbor(src, dst, message, hop_limit);
            listener(src, dst, message, hop_limit, alert);
        }
        _ => {}
    }
}

fn udp(ends: Ends, datagram: &[u8]) {
    let Ok((header, data)) = UdpRepr::parse(ends, datagram) else { return };
    let mut again = datagram[..header.buffer_len() + data.len()].to_vec();
    header.emit(ends, &mut again).expect("there is room");
    assert_eq!(UdpRepr::parse(ends, &again), Ok((header, data)));
}

fn icmp4(message: &[u8]) {
    let Ok((header, body)) = Icmp4Repr::parse(message) else { return };
    assert_eq!(header.buffer_len() + body.len(), message.len());
    let mut again = message.to_vec();
    header.emit(&mut again).expect("there is room");
    assert_eq!(Icmp4Repr::parse(&again), Ok((header, body)));
}

fn icmp6(src: Ipv6Addr, dst: Ipv6Addr, message: &[u8]) {
    let Ok((header, body)) = Icmp6Repr::parse(src, dst, message) else { return };
    if message.len() < header.buffer_len() {
        return; // A type that is not known, cut before its word: written, it would be longer.
    }
    assert_eq!(header.buffer_len() + body.len(), message.len());
    let mut again = message.to_vec();
    header.emit(src, dst, &mut again).expect("there is room");
    assert_eq!(Icmp6Repr::parse(src, dst, &again), Ok((header, body)));
}

fn neighbor(src: Ipv6Addr, dst: Ipv6Addr, message: &[u8], hop_limit: u8) {
    let Ok(read) = nd::validate(hop_limit, src, dst, message, false) else { return };
    let mut out = vec![0xa5; 2 * message.len() + 64];
    let (len, told) = match &read {
        NdMessage::RouterSolicit(solicit) => (solicit.emit(src, dst, &mut out), solicit.buffer_len()),
        NdMessage::RouterAdvert(advert, options) => {
            let more = of(options, message.len());
            (advert.emit(&more, src, dst, &mut out), advert.buffer_len(&more))
        }
        NdMessage::NeighborSolicit(solicit) => (solicit.emit(src, dst, &mut out), solicit.buffer_len()),
        NdMessage::NeighborAdvert(advert) => (advert.emit(src, dst, &mut out), advert.buffer_len()),
        NdMessage::Redirect(redirect) => (redirect.emit(src, dst, &mut out), redirect.buffer_len()),
    };
    let len = len.unwrap_or_else(|error| panic!("{read:?} was read, but cannot be written: {error}"));
    assert_eq!(len, told, "{read:?}");
    let again = nd::validate(hop_limit, src, dst, &out[..len], false);
    let again = again.unwrap_or_else(|error| panic!("{read:?} was written, but cannot be read: {error}"));
    match (&read, &again) {
        // What is quoted may have been cut; the rest of the options stand behind those of the header.
        (NdMessage::Redirect(read), NdMessage::Redirect(again)) => {
            assert!(read.redirected.starts_with(again.redirected));
            assert_eq!(Redirect { redirected: &[], ..*read }, Redirect { redirected: &[], ..*again });
        }
        (NdMessage::RouterAdvert(read, _), NdMessage::RouterAdvert(again, _)) => assert_eq!(read, again),
        _ => assert_eq!(read, again),
    }
}

/// The options, of which there are no more than fit.
fn of<'a>(options: &NdOptions<'a>, len: usize) -> Vec<NdOption<'a>> {
    let all: Vec<NdOption<'a>> = options.iter().collect();
    assert!(all.len() <= len / 8);
    for option in &all {
        if let NdOption::Rdnss(servers) = option {
            assert!(servers.addresses().count() >= 1);
        }
    }
    all
}

fn listener(src: Ipv6Addr, dst: Ipv6Addr, message: &[u8], hop_limit: u8, alert: bool) {
    let Ok(read) = mld::validate(hop_limit, src, dst, message, alert) else { return };
    let mut out = vec![0xa5; message.len() + 64];
    let (len, told) = match &read {
        MldMessage::V1(message) => (message.emit(src, dst, &mut out), message.buffer_len()),
        MldMessage::QueryV2(query) => (query.emit(src, dst, &mut out), query.buffer_len()),
        MldMessage::ReportV2(report) => {
            let records: Vec<Record<'_>> = report.collect();
            assert!(records.len() <= message.len() / 20);
            (mld::emit_report_v2(&records, src, dst, &mut out), mld::report_v2_len(&records))
        }
    };
    let len = len.unwrap_or_else(|error| panic!("{read:?} was read, but cannot be written: {error}"));
    assert_eq!(len, told, "{read:?}");
    let again = mld::validate(hop_limit, src, dst, &out[..len], alert);
    let again = again.unwrap_or_else(|error| panic!("{read:?} was written, but cannot be read: {error}"));
    match (read, again) {
        (MldMessage::ReportV2(read), MldMessage::ReportV2(again)) => assert!(read.eq(again)),
        _ => assert_eq!(read, again),
    }
}
