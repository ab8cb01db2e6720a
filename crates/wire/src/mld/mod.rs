//! Multicast listener discovery: RFC 3810 (version 2) and RFC 2710 (version 1).
//!
//! Every message leaves with hop limit [`HOP_LIMIT`] and a router alert in a hop-by-hop options header, which
//! [`router_alert_header`] makes: the header goes between the IPv6 header, whose next header is then
//! [`IpProto::HOP_BY_HOP`], and the message. [`validate`] is the way in.

mod code;
mod invalid;
mod query;
mod report;
mod v1;
mod validate;

use core::net::Ipv6Addr;

use crate::IpProto;
use crate::ext6;
use crate::ip6;
use crate::ip6::Scope;

pub use invalid::MldInvalid;
pub use query::QueryV2;
pub use report::Record;
pub use report::RecordKind;
pub use report::ReportV2;
pub use report::emit_report_v2;
pub use report::report_v2_len;
pub use v1::MldV1;
pub use validate::validate;

/// The hop limit of every MLD message.
//= RFC 3810 s5 [3810-1]: MLD never leaves its link
pub const HOP_LIMIT: u8 = 1;

/// Bytes of the header that [`router_alert_header`] makes.
pub const ROUTER_ALERT_LEN: usize = 8;

/// A message that passed [`validate`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MldMessage<'a> {
    /// Of version 1: a query of 24 octets, a report or a done.
    V1(MldV1),
    /// A query of version 2.
    QueryV2(QueryV2<'a>),
    /// A report of version 2.
    ReportV2(ReportV2<'a>),
}

/// The hop-by-hop options header with a router alert for MLD, before `next`.
pub const fn router_alert_header(next: IpProto) -> [u8; ROUTER_ALERT_LEN] {
    //= RFC 3810 s5 [3810-1]: each message carries a router alert in a hop-by-hop options header
    [next.0, 0, ext6::OPT_ROUTER_ALERT, 2, 0, 0, ext6::OPT_PADN, 0]
}

/// Whether listeners tell others of their interest in `group` at all.
pub fn is_reported(group: Ipv6Addr) -> bool {
    //= RFC 3810 s6 [3810-3]: the all-nodes group and groups of scope 0 and 1 are never reported, any other is
    group != ip6::ALL_NODES && ip6::multicast_scope(group).is_some_and(|scope| scope > Scope::INTERFACE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_never_reported_3810_3() {
        for (group, reported) in [
            ("ff02::1", false),
            ("ff01::2", false),
            ("ff00::5", false),
            ("ff02::2", true),
            ("ff02::1:ff00:1", true),
            ("ff0e::1", true),
            ("fe80::1", false),
        ] {
            assert_eq!(is_reported(group.parse().unwrap()), reported, "{group}");
        }
    }

    #[test]
    fn the_router_alert_reads_back_3810_1() {
        let header = router_alert_header(IpProto::ICMP6);
        assert_eq!(header, [58, 0, 5, 2, 0, 0, 1, 0]);
        assert!(ext6::Options::new(&header, 40).has_mld_router_alert());
        let upper = ext6::walk(IpProto::HOP_BY_HOP, &header, |_| {}).unwrap();
        assert_eq!((upper.proto, upper.offset), (IpProto::ICMP6, 8));
    }
}
