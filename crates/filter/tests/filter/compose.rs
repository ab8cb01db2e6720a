//! Packets in words.

use siding_filter::Composed;
use siding_filter::CtState;
use siding_filter::Direction;
use siding_filter::Hook;
use siding_filter::Packet;
use siding_filter::PktType;

use crate::util::*;

fn composed(text: &str) -> Result<Composed, String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    Composed::parse(&words)
}

#[test]
fn words_become_the_packet_that_they_say() {
    let same = [
        ("ip6 saddr 2001:db8::1 daddr 2001:db8:1::2 tcp sport 1024 dport 443 flags syn,ack", tcp6(443, 0x12)),
        ("ip6 saddr 2001:db8::1 daddr 2001:db8:1::2 udp sport 1024 dport domain", udp6(53)),
        ("ip saddr 192.0.2.1 daddr 198.51.100.2 id 7 udp sport 1024 dport 53", udp4(53)),
        (
            "ip6 saddr 2001:db8::1 daddr 2001:db8:1::2 icmpv6 type packet-too-big code 0 mtu 65538",
            icmp6(2, 0),
        ),
    ];
    for (text, bytes) in same {
        let bytes = match text.contains("packet-too-big") {
            true => ip6(A, B, 58, &[2, 0, 0, 0, 0, 1, 0, 2]),
            false => bytes,
        };
        assert_eq!(composed(text).map(|composed| composed.bytes), Ok(bytes), "{text}");
    }
    let text = "iif lan oif wan mark 7 ct state established ct direction reply ct mark 9 pkttype multicast hook input \
                length 100 hbh rt type 4 frag more-fragments 1 id 9 tcp";
    let all = composed(text).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!((all.iif.as_deref(), all.oif.as_deref(), all.mark), (Some("lan"), Some("wan"), 7));
    assert_eq!((all.state, all.direction), (Some(CtState::ESTABLISHED), Some(Direction::Reply)));
    assert_eq!((all.ct_mark, all.pkttype, all.hook), (9, PktType::Multicast, Some(Hook::Input)));
    let packet = Packet::parse(&all.bytes, None).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(
        (packet.len(), packet.protocol(), packet.fragment().map(|f| f.more)),
        (100, Some(6), Some(true))
    );
    assert_eq!(
        composed("iif lan").map(|composed| composed.bytes),
        Ok(Vec::new()),
        "for what is given otherwise"
    );
}

#[test]
fn what_is_no_packet_is_refused_with_what_would_be_right() {
    for (text, what) in [
        ("ip6 saddr", "`saddr` has no value"),
        ("ip6 saddr 192.0.2.1", "is no IPv6 address"),
        ("tcp dport 70000", "is no port"),
        ("tpc dport 7", "`tpc` is no word of a packet"),
        ("ct bytes 7", "write ct state"),
        ("hook ingress", "write prerouting"),
        ("ip saddr 192.0.2.1 icmpv6 type echo-request", "IPv4 or IPv6"),
        ("ip6 l4proto 59 th dport 7", "has no place"),
    ] {
        let error = composed(text).err().unwrap_or_else(|| panic!("{text}"));
        assert!(error.contains(what), "{text}: {error}");
    }
}
