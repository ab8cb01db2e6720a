//! The checks that come before an MLD message may be looked at.

use core::net::Ipv6Addr;

use super::HOP_LIMIT;
use super::MldInvalid;
use super::MldMessage;
use super::MldV1;
use super::QueryV2;
use super::ReportV2;
use crate::icmp6;
use crate::icmp6::Icmp6Type;
use crate::ip6;

/// Reads an MLD message, `message` being the ICMPv6 type and all that follows.
///
/// `router_alert` is what [`crate::ext6::Options::has_mld_router_alert`] says of the packet's hop-by-hop
/// options. Reports from :: are refused as routers must refuse them; they are for snooping switches.
///
/// # Errors
/// [`MldInvalid`]: the message must be discarded in silence.
pub fn validate(
    hop_limit: u8,
    src: Ipv6Addr,
    dst: Ipv6Addr,
    message: &[u8],
    router_alert: bool,
) -> Result<MldMessage<'_>, MldInvalid> {
    let kind = Icmp6Type(*message.first().ok_or(MldInvalid::TooShort)?);
    if !kind.is_mld() {
        return Err(MldInvalid::NotMld);
    }
    //= RFC 3810 s6.2 [3810-1]: hop limit 1, a router alert, a right checksum
    if hop_limit != HOP_LIMIT {
        return Err(MldInvalid::HopLimit);
    }
    if !router_alert {
        return Err(MldInvalid::NoRouterAlert);
    }
    //= RFC 3810 s5.1.14, s5.2.13 [3810-2]: not from a link-local address, not heard
    if !ip6::is_link_local(src) {
        return Err(MldInvalid::SourceNotLinkLocal);
    }
    //= RFC 3810 s5.1.12, s5.2.11 [3810-2]: octets beyond the message count in its checksum, and nowhere else
    if !icmp6::verify(src, dst, message) {
        return Err(MldInvalid::Checksum);
    }
    match kind {
        Icmp6Type::MLD_REPORT_V2 if message.len() < 8 => Err(MldInvalid::TooShort),
        Icmp6Type::MLD_REPORT_V2 => {
            ReportV2::read(message).map(MldMessage::ReportV2).ok_or(MldInvalid::Truncated)
        }
        //= RFC 3810 s8.1 [3810-4]: a query of 24 octets is of version 1, one of 25 to 27 of none
        Icmp6Type::MLD_QUERY if message.len() >= QueryV2::MIN_LEN => {
            QueryV2::read(message).map(MldMessage::QueryV2).ok_or(MldInvalid::Truncated)
        }
        Icmp6Type::MLD_QUERY if message.len() > MldV1::LEN => Err(MldInvalid::QueryLength),
        //= RFC 2710 s3.7 [2710-1]: what follows the 24th octet of a report or done is ignored
        _ => MldV1::read(kind, message).map(MldMessage::V1).ok_or(MldInvalid::TooShort),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Record;
    use super::super::RecordKind;
    use super::super::emit_report_v2;
    use super::super::report_v2_len;
    use super::*;

    extern crate std;
    use std::vec;
    use std::vec::Vec;

    const SRC: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);
    const GROUP: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff00, 9);
    const DST: Ipv6Addr = ip6::MLDV2_ROUTERS;

    fn check(message: &[u8]) -> Result<MldMessage<'_>, MldInvalid> {
        validate(1, SRC, DST, message, true)
    }

    fn filled(mut message: Vec<u8>) -> Vec<u8> {
        icmp6::fill_checksum(SRC, DST, &mut message);
        message
    }

    fn report(records: &[Record<'_>]) -> Vec<u8> {
        let mut out = vec![0; report_v2_len(records)];
        assert_eq!(emit_report_v2(records, SRC, DST, &mut out), Ok(out.len()));
        out
    }

    #[test]
    fn a_join_by_hand_3810_1() {
        // Pseudo header fe80+1+ff02+16+1c+3a = 1fdef; message 8f00+1+0400+ff02+1+ff00+9 = 2910d; the sum
        // 48efc folds to 8f00; complement 70ff.
        #[rustfmt::skip]
        let expected = [
            143, 0, 0x70, 0xff, 0, 0, 0, 1,
            4, 0, 0, 0, 0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0, 0, 9,
        ];
        let message = report(&[Record::join(GROUP)]);
        assert_eq!(message, expected);
        let Ok(MldMessage::ReportV2(read)) = check(&message) else { panic!() };
        assert_eq!(read.collect::<Vec<_>>(), [Record::join(GROUP)]);
    }

    #[test]
    fn every_check_of_the_header_3810_1_3810_2() {
        let message = report(&[Record::leave(GROUP)]);
        assert!(check(&message).is_ok());
        assert_eq!(validate(255, SRC, DST, &message, true), Err(MldInvalid::HopLimit));
        assert_eq!(validate(1, SRC, DST, &message, false), Err(MldInvalid::NoRouterAlert));
        for src in [Ipv6Addr::UNSPECIFIED, Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)] {
            assert_eq!(validate(1, src, DST, &message, true), Err(MldInvalid::SourceNotLinkLocal));
        }
        assert_eq!(validate(1, SRC, GROUP, &message, true), Err(MldInvalid::Checksum));
        assert_eq!(check(&[135, 0, 0, 0]), Err(MldInvalid::NotMld));
        assert_eq!(check(&[]), Err(MldInvalid::TooShort));
        assert_eq!(check(&filled(vec![143, 0, 0, 0, 0, 0, 0])), Err(MldInvalid::TooShort));
    }

    #[test]
    fn a_query_to_any_of_our_addresses_is_accepted_3810_2() {
        let query = MldV1::Query { max_response: 10_000, group: Ipv6Addr::UNSPECIFIED };
        let mut out = [0; 24];
        for dst in [ip6::ALL_NODES, SRC, Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)] {
            query.emit(SRC, dst, &mut out).unwrap();
            assert_eq!(validate(1, SRC, dst, &out, true), Ok(MldMessage::V1(query)));
        }
    }

    #[test]
    fn the_length_tells_a_querys_version_3810_4() {
        let query = QueryV2 {
            max_response: 10_000,
            group: GROUP,
            suppress: true,
            robustness: 2,
            interval: 125,
            sources: &[],
        };
        let mut message = vec![0; 28];
        assert_eq!(query.emit(SRC, DST, &mut message), Ok(28));
        assert_eq!(message[24..], [0x0a, 125, 0, 0]);
        assert_eq!(check(&message), Ok(MldMessage::QueryV2(query)));
        for len in 25..28 {
            let cut = filled(message[..len].to_vec());
            assert_eq!(check(&cut), Err(MldInvalid::QueryLength), "{len}");
        }
        let v1 = filled(message[..24].to_vec());
        assert_eq!(check(&v1), Ok(MldMessage::V1(MldV1::Query { max_response: 10_000, group: GROUP })));
        let short = filled(message[..23].to_vec());
        assert_eq!(check(&short), Err(MldInvalid::TooShort));
    }

    #[test]
    fn version_1_reports_may_be_longer_2710_1() {
        for v1 in [MldV1::Report { group: GROUP }, MldV1::Done { group: GROUP }] {
            let mut message = vec![0; 24];
            v1.emit(SRC, DST, &mut message).unwrap();
            message.extend([1, 2, 3]);
            assert_eq!(check(&filled(message.clone())), Ok(MldMessage::V1(v1)));
            // The octets that are ignored count in the checksum all the same.
            message[25] ^= 0x40;
            assert_eq!(check(&message), Err(MldInvalid::Checksum));
        }
    }

    #[test]
    fn unknown_records_auxiliary_data_and_a_tail_are_ignored_3810_2() {
        let sources = [[0x20; 16], [0x30; 16]];
        let allow = Record { kind: RecordKind::AllowNewSources, group: GROUP, sources: &sources };
        let mut message = report(&[Record::present(GROUP), allow, Record::join(GROUP)]);
        // The first record is made unknown, and the second gets one word of auxiliary data.
        message[8] = 9;
        message[29] = 1;
        let end_of_second = 8 + 20 + 52;
        message.splice(end_of_second..end_of_second, [7, 7, 7, 7]);
        message.extend([1, 2, 3, 4, 5]);
        let message = filled(message);
        let Ok(MldMessage::ReportV2(read)) = check(&message) else { panic!() };
        assert_eq!(read.collect::<Vec<_>>(), [allow, Record::join(GROUP)]);
    }

    #[test]
    fn lists_beyond_the_message_void_it() {
        let sources = [[0x20; 16], [0x30; 16]];
        let allow = Record { kind: RecordKind::BlockOldSources, group: GROUP, sources: &sources };
        let message = report(&[Record::join(GROUP), allow]);
        for len in 8..message.len() {
            assert_eq!(check(&filled(message[..len].to_vec())), Err(MldInvalid::Truncated), "{len}");
        }
        let query = QueryV2 {
            max_response: 40_000,
            group: GROUP,
            suppress: false,
            robustness: 9,
            interval: 1000,
            sources: &sources,
        };
        let mut message = vec![0; query.buffer_len()];
        query.emit(SRC, DST, &mut message).unwrap();
        let read = QueryV2 { robustness: 0, interval: 992, ..query };
        assert_eq!(check(&message), Ok(MldMessage::QueryV2(read)));
        for len in 28..message.len() {
            assert_eq!(check(&filled(message[..len].to_vec())), Err(MldInvalid::Truncated), "{len}");
        }
    }
}
