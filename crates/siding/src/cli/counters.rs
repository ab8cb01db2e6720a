//! `siding show counters`: RFC 4293's, which other tools know.

use super::table::Table;
use crate::control::InterfaceRow;
use crate::control::IpRow;

pub(super) fn table(rows: &[InterfaceRow]) -> String {
    let mut ip = Table::new(&[
        "INTERFACE",
        "VERSION",
        ">InReceives",
        ">InForwDatagrams",
        ">InDelivers",
        ">OutRequests",
        ">OutForwDatagrams",
        ">OutTransmits",
    ]);
    let mut rest = Table::new(&["INTERFACE", "VERSION", "NAME", ">DATAGRAMS"]);
    let mut icmp = Table::new(&["INTERFACE", "VERSION", ">TYPE", "NAME", ">InPkts", ">OutPkts"]);
    for row in rows {
        for stats in &row.ip {
            let version = if stats.version == 4 { "ipv4" } else { "ipv6" };
            ip.row([
                row.name.clone(),
                version.into(),
                stats.in_receives.to_string(),
                stats.in_forw_datagrams.to_string(),
                stats.in_delivers.to_string(),
                stats.out_requests.to_string(),
                stats.out_forw_datagrams.to_string(),
                stats.out_transmits.to_string(),
            ]);
            for (name, count) in rare(stats).into_iter().filter(|(_, count)| *count > 0) {
                rest.row([row.name.clone(), version.into(), name.into(), count.to_string()]);
            }
            for message in &stats.icmp {
                icmp.row([
                    row.name.clone(),
                    version.into(),
                    message.kind.map_or_else(|| "-".into(), |kind| kind.to_string()),
                    name(stats.version, message.kind).into(),
                    message.in_pkts.to_string(),
                    message.out_pkts.to_string(),
                ]);
            }
        }
    }
    format!(
        "Datagrams (ipIfStatsTable of RFC 4293):\n{ip}\nErrors and fragments, where there were any (same table):\n{rest}\n\
         ICMP messages (icmpMsgStatsTable, by interface):\n{icmp}"
    )
}

/// What usually is not met.
fn rare(stats: &IpRow) -> [(&'static str, u64); 12] {
    [
        ("InHdrErrors", stats.in_hdr_errors),
        ("InNoRoutes", stats.in_no_routes),
        ("InAddrErrors", stats.in_addr_errors),
        ("InUnknownProtos", stats.in_unknown_protos),
        ("ReasmReqds", stats.reasm_reqds),
        ("ReasmOKs", stats.reasm_oks),
        ("ReasmFails", stats.reasm_fails),
        ("OutDiscards", stats.out_discards),
        ("OutFragReqds", stats.out_frag_reqds),
        ("OutFragOKs", stats.out_frag_oks),
        ("OutFragFails", stats.out_frag_fails),
        ("OutFragCreates", stats.out_frag_creates),
    ]
}

/// What a type is called.
fn name(version: u8, kind: Option<u8>) -> &'static str {
    match (version, kind) {
        (_, None) => "other",
        (4, Some(0)) | (6, Some(129)) => "echo-reply",
        (4, Some(8)) | (6, Some(128)) => "echo-request",
        (4, Some(3)) | (6, Some(1)) => "destination-unreachable",
        (4, Some(11)) | (6, Some(3)) => "time-exceeded",
        (4, Some(12)) | (6, Some(4)) => "parameter-problem",
        (4, Some(4)) => "source-quench",
        (4, Some(5)) | (6, Some(137)) => "redirect",
        (4, Some(13)) => "timestamp",
        (4, Some(14)) => "timestamp-reply",
        (6, Some(2)) => "packet-too-big",
        (6, Some(130)) => "mld-query",
        (6, Some(131)) => "mld-report",
        (6, Some(132)) => "mld-done",
        (6, Some(133)) => "router-solicitation",
        (6, Some(134)) => "router-advertisement",
        (6, Some(135)) => "neighbor-solicitation",
        (6, Some(136)) => "neighbor-advertisement",
        (6, Some(143)) => "mld2-report",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_by_the_names_of_the_mib() {
        let row = serde_json::json!({
            "name": "eth0", "id": "1.1", "driver": "packet", "device": "eth0", "up": true, "link": true, "state": "up",
            "mac": "02:00:00:00:00:01", "mtu": 1500, "addresses": [], "neighbors": 0, "tx_stalled_ms": null,
            "counters": {}, "device_counters": {}, "netisr": {},
            "ip": [{"version": 6, "in_receives": 12, "in_forw_datagrams": 7, "in_delivers": 3, "out_requests": 4,
                    "out_forw_datagrams": 5, "out_frag_oks": 1, "out_frag_reqds": 1, "out_frag_creates": 3,
                    "out_transmits": 11, "icmp": [{"type": 128, "in_pkts": 2, "out_pkts": 0},
                                                      {"type": null, "in_pkts": 1, "out_pkts": 0}]}]
        });
        let expected = "\
Datagrams (ipIfStatsTable of RFC 4293):
INTERFACE  VERSION  InReceives  InForwDatagrams  InDelivers  OutRequests  OutForwDatagrams  OutTransmits
eth0       ipv6             12                7           3            4                 5            11

Errors and fragments, where there were any (same table):
INTERFACE  VERSION  NAME            DATAGRAMS
eth0       ipv6     OutFragReqds            1
eth0       ipv6     OutFragOKs              1
eth0       ipv6     OutFragCreates          3

ICMP messages (icmpMsgStatsTable, by interface):
INTERFACE  VERSION  TYPE  NAME          InPkts  OutPkts
eth0       ipv6      128  echo-request       2        0
eth0       ipv6        -  other              1        0
";
        assert_eq!(table(&[serde_json::from_value(row).unwrap()]), expected);
    }
}
