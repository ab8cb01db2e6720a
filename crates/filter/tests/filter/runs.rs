//! Rules that begin alike are found together, and what comes of a packet is the same as one by one.

use siding_filter::Hook;
use siding_filter::Program;

use crate::util::*;

/// Rules of which several begin with the same field, in a chain and in one that is jumped to.
fn rules() -> String {
    let ports =
        (0..20).map(|n| format!("udp dport {} meta mark set {}", n % 7, n)).collect::<Vec<_>>().join("\n");
    let marks = "meta mark 3 meta mark set 17
        meta mark 16 drop
        meta mark 17 meta mark set 16
        meta mark 18 jump more
        meta mark 19 drop
        meta mark 16 counter
        meta mark 15 drop";
    let sources =
        (0..6).map(|n| format!("ip6 saddr 2001:db8:{n}::/48 counter")).collect::<Vec<_>>().join("\n");
    format!(
        "table inet t {{
            chain more {{
                meta mark 18 meta mark set 19
                udp dport 4 return
                udp dport 5 drop
                udp dport 6 meta mark set 20
                udp dport 7 accept
            }}
            chain c {{
                type filter hook forward priority 0; policy accept;
                {ports}
                {marks}
                iifname \"wan\" drop
                iifname \"lan\" counter
                iifname \"lan\" udp dport 1 drop
                iifname \"dmz\" udp dport 2 jump more
                iifname \"lan\" udp dport 4 drop
                iifname != \"lan\" counter
                {sources}
            }}
        }}"
    )
}

fn counts(program: &Program) -> Vec<u64> {
    program.rules().iter().map(|rule| program.count(rule.id).packets).collect()
}

#[test]
fn what_is_found_together_is_what_is_found_one_by_one() {
    let (together, apart) = (program(&rules()), program(&rules()));
    let mut packets: Vec<Vec<u8>> = (0..9).map(udp6).collect();
    packets.extend((0..8).map(|n| ip6(&format!("2001:db8:{n}::1"), B, 17, &udp(9, n))));
    packets.push(ip6(A, B, 6, &tcp(1, 2, 2)));
    let mut dropped = 0;
    for packet in &packets {
        for (iif, mark) in [("lan", 0), ("wan", 3), ("dmz", 16), ("dmz", 18), ("other", 17)] {
            let packet = siding_filter::Packet::parse(packet, None).unwrap();
            let (mut one, mut other) =
                (Desk { iif, mark, ..Desk::default() }, Desk { iif, mark, ..Desk::default() });
            let found = together.run(0, Hook::Forward, &packet, &mut one);
            assert_eq!(found, apart.run_traced(0, Hook::Forward, &packet, &mut other, &mut |_| {}));
            assert_eq!(one.mark, other.mark);
            dropped += usize::from(found != siding_filter::Verdict::Accept);
        }
    }
    assert!((10..80).contains(&dropped), "{dropped}");
    assert_eq!(counts(&together), counts(&apart));
    assert!(counts(&apart).iter().filter(|count| **count > 0).count() > 25, "{:?}", counts(&apart));
}
