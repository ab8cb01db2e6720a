//! RFC 6092 s3.2.3 and s3.3: flows, how long they are known, and errors about them.

use std::time::Duration;

use super::edge::*;
use super::packets::*;

const OUTWARD: Ends<'static> = (IN, OUT);
const INWARD: Ends<'static> = (OUT, IN);

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// Errors about a packet from inside pass, from wherever they come, and its flow is known afterwards as before.
fn errors_pass(edge: &mut Edge, sent: &[u8], answer: &[u8]) -> Said {
    for (kind, code) in [(1, 0), (1, 1), (1, 3), (1, 4), (2, 0)] {
        edge.comes_in(&error(("2a00:9::9", IN), kind, code, sent))?;
    }
    edge.comes_in(answer)
}

/// Neither errors nor other ICMPv6, of this flow or of others, have a flow forgotten.
fn errors_end_nothing(edge: &mut Edge, sent: &[u8], answer: &[u8]) -> Said {
    for kind in 1..=4 {
        for code in 0..8 {
            edge.send(Side::Outside, &error(INWARD, kind, code, sent));
        }
    }
    for kind in [0, 5, 100, 127, 128, 129, 137, 255] {
        edge.send(Side::Outside, &icmp(INWARD, kind, 0));
    }
    edge.comes_in(answer)
}

/// Of a protocol with ports.
fn with_ports(proto: u8) -> (Vec<u8>, Vec<u8>) {
    (ip6(OUTWARD, proto, &ports(4000, 5000)), ip6(INWARD, proto, &ports(5000, 4000)))
}

/// A connection from inside, until both have said something.
fn connect(edge: &mut Edge) -> Said {
    edge.goes_out(&tcp(OUTWARD, (4000, 80), SYN, (100, 0)))?;
    edge.comes_in(&tcp(INWARD, (80, 4000), SYN | ACK, (500, 101)))?;
    edge.goes_out(&tcp(OUTWARD, (4000, 80), ACK, (101, 501)))
}

items! {
    #[test]
    fn other_protocols_are_known_for_two_minutes_6092_12(edge: &mut Edge) -> Said {
        let (there, back) = (ip6(OUTWARD, 253, &[0; 8]), ip6(INWARD, 253, &[0; 8]));
        edge.stays_out(&back)?;
        edge.goes_out(&there)?;
        edge.wait(seconds(119));
        edge.comes_in(&back)?;
        // With traffic both ways, five minutes at least.
        edge.wait(seconds(299));
        edge.comes_in(&back)
    }

    #[test]
    fn udp_is_known_for_two_minutes_and_for_five_with_answers_6092_14(edge: &mut Edge) -> Said {
        let (there, back) = (udp(OUTWARD, 4000, 5000), udp(INWARD, 5000, 4000));
        edge.goes_out(&there)?;
        edge.wait(seconds(119));
        edge.comes_in(&back)?;
        edge.wait(seconds(299));
        edge.comes_in(&back)?;
        edge.wait(seconds(301));
        edge.stays_out(&back)
    }

    #[test]
    fn what_goes_out_keeps_udp_known_6092_16(edge: &mut Edge) -> Said {
        let (there, back) = (udp(OUTWARD, 4000, 5000), udp(INWARD, 5000, 4000));
        edge.goes_out(&there)?;
        edge.comes_in(&back)?;
        for _ in 0..4 {
            edge.wait(seconds(200));
            edge.goes_out(&there)?;
        }
        edge.wait(seconds(200));
        edge.comes_in(&back)
    }

    #[test]
    fn errors_about_udp_pass_6092_18(edge: &mut Edge) -> Said {
        let there = udp(OUTWARD, 4000, 5000);
        edge.goes_out(&there)?;
        errors_pass(edge, &there, &udp(INWARD, 5000, 4000))
    }

    #[test]
    fn no_error_ends_udp_6092_19(edge: &mut Edge) -> Said {
        let there = udp(OUTWARD, 4000, 5000);
        edge.goes_out(&there)?;
        errors_end_nothing(edge, &there, &udp(INWARD, 5000, 4000))
    }

    #[test]
    fn udp_lite_is_like_udp_and_another_protocol_6092_20(edge: &mut Edge) -> Said {
        let (lite, lite_back) = with_ports(UDP_LITE);
        let (there, back) = with_ports(UDP);
        edge.goes_out(&lite)?;
        edge.stays_out(&back)?;
        edge.wait(seconds(119));
        edge.comes_in(&lite_back)?;
        edge.stays_out(&ip6(INWARD, UDP_LITE, &ports(5000, 4001)))?;
        edge.wait(seconds(600));
        edge.goes_out(&there)?;
        edge.stays_out(&lite_back)
    }

    #[test]
    fn connections_from_inside_pass_in_every_order_6092_31(edge: &mut Edge) -> Said {
        edge.stays_out(&tcp(INWARD, (80, 4000), SYN, (1, 0)))?;
        connect(edge)?;
        edge.comes_in(&ip6(INWARD, TCP, &segment((80, 4000), ACK, (501, 101), None, 900)))?;
        edge.goes_out(&tcp(OUTWARD, (4000, 80), FIN | ACK, (101, 1401)))?;
        edge.comes_in(&tcp(INWARD, (80, 4000), FIN | ACK, (1401, 102)))?;
        edge.goes_out(&tcp(OUTWARD, (4000, 80), ACK, (102, 1402)))?;
        // Both at once.
        edge.goes_out(&tcp(OUTWARD, (4001, 81), SYN, (100, 0)))?;
        edge.comes_in(&tcp(INWARD, (81, 4001), SYN, (500, 0)))?;
        edge.goes_out(&tcp(OUTWARD, (4001, 81), SYN | ACK, (100, 501)))?;
        edge.comes_in(&tcp(INWARD, (81, 4001), SYN | ACK, (500, 101)))?;
        edge.goes_out(&tcp(OUTWARD, (4001, 81), ACK, (101, 501)))?;
        edge.comes_in(&ip6(INWARD, TCP, &segment((81, 4001), ACK, (501, 101), None, 100)))?;
        // A reset in its place, and nothing after it.
        edge.comes_in(&tcp(INWARD, (81, 4001), RST, (601, 0)))?;
        edge.wait(seconds(11));
        edge.stays_out(&tcp(INWARD, (81, 4001), ACK, (601, 101)))
    }

    #[test]
    fn connections_from_outside_pass_where_a_rule_lets_them_6092_31(edge: &mut Edge) -> Said {
        let server = RULES.replace("# ip6 daddr 2001:db8:1:1::80 tcp", &format!("ip6 daddr {IN} tcp"));
        assert_ne!(server, RULES, "the example has a server in its comments");
        edge.stays_out(&tcp(INWARD, (4000, 80), SYN, (100, 0)))?;
        edge.load(&server);
        edge.comes_in(&tcp(INWARD, (4000, 80), SYN, (100, 0)))?;
        edge.goes_out(&tcp(OUTWARD, (80, 4000), SYN | ACK, (500, 101)))?;
        edge.comes_in(&tcp(INWARD, (4000, 80), ACK, (101, 501)))?;
        edge.stays_out(&tcp(INWARD, (4000, 22), SYN, (100, 0)))
    }

    #[test]
    fn windows_are_not_enforced_where_their_scale_is_not_known_6092_32(edge: &mut Edge) -> Said {
        // Picked up in its middle: far beyond what an unscaled window would be.
        edge.goes_out(&tcp(OUTWARD, (4000, 80), ACK, (1000, 5000)))?;
        edge.comes_in(&ip6(INWARD, TCP, &segment((80, 4000), ACK, (5_005_000, 1000), None, 100)))?;
        // Known, they are.
        edge.goes_out(&tcp(OUTWARD, (4001, 80), SYN, (100, 0)))?;
        edge.comes_in(&tcp(INWARD, (80, 4001), SYN | ACK, (500, 101)))?;
        edge.goes_out(&tcp(OUTWARD, (4001, 80), ACK, (101, 501)))?;
        edge.stays_out(&ip6(INWARD, TCP, &segment((80, 4001), ACK, (50_000_500, 101), None, 100)))
    }

    #[test]
    fn connections_are_known_for_two_hours_and_four_minutes_6092_35(edge: &mut Edge) -> Said {
        edge.goes_out(&tcp(OUTWARD, (4000, 80), SYN, (100, 0)))?;
        edge.wait(seconds(239));
        edge.comes_in(&tcp(INWARD, (80, 4000), SYN | ACK, (500, 101)))?;
        edge.wait(seconds(239));
        edge.goes_out(&tcp(OUTWARD, (4000, 80), ACK, (101, 501)))?;
        edge.wait(seconds(124 * 60 - 1));
        edge.comes_in(&ip6(INWARD, TCP, &segment((80, 4000), ACK, (501, 101), None, 10)))?;
        // While it closes, four minutes.
        edge.goes_out(&tcp(OUTWARD, (4000, 80), FIN | ACK, (101, 511)))?;
        edge.wait(seconds(239));
        edge.comes_in(&tcp(INWARD, (80, 4000), FIN | ACK, (511, 102)))
    }

    #[test]
    fn errors_about_tcp_pass_6092_36(edge: &mut Edge) -> Said {
        connect(edge)?;
        let there = ip6(OUTWARD, TCP, &segment((4000, 80), ACK, (101, 501), None, 1000));
        edge.goes_out(&there)?;
        errors_pass(edge, &there, &tcp(INWARD, (80, 4000), ACK, (501, 101)))
    }

    #[test]
    fn no_error_ends_tcp_6092_37(edge: &mut Edge) -> Said {
        connect(edge)?;
        let there = ip6(OUTWARD, TCP, &segment((4000, 80), ACK, (101, 501), None, 1000));
        edge.goes_out(&there)?;
        errors_end_nothing(edge, &there, &tcp(INWARD, (80, 4000), ACK, (501, 101)))
    }

    #[test]
    fn sctp_from_inside_passes_and_errors_about_it_6092_38_6092_41_6092_42(edge: &mut Edge) -> Said {
        let (there, back) = with_ports(SCTP);
        edge.stays_out(&back)?;
        edge.goes_out(&there)?;
        edge.comes_in(&back)?;
        errors_pass(edge, &there, &back)?;
        errors_end_nothing(edge, &there, &back)
    }

    #[test]
    fn dccp_from_inside_passes_and_errors_about_it_6092_43_6092_45_6092_46(edge: &mut Edge) -> Said {
        let (there, back) = with_ports(DCCP);
        edge.stays_out(&back)?;
        edge.goes_out(&there)?;
        edge.comes_in(&back)?;
        errors_pass(edge, &there, &back)?;
        errors_end_nothing(edge, &there, &back)
    }
}
