//! RFC 6092 s3.1 and s3.5, RFC 7084: addresses, what the router offers, and where packets of ours may go.

use super::edge::*;
use super::packets::*;

/// Of what begins outside it comes in, so that its addresses alone decide.
fn ike(src: &str, dst: &str) -> Vec<u8> {
    udp((src, dst), 500, 500)
}

const NOBODY: [&str; 6] = ["100::1", "2001:10::1", "2001:db8:ffff::1", "3fff::1", "5f00::1", "fec0::1"];

items! {
    #[test]
    fn groups_send_nothing_6092_1(edge: &mut Edge) -> Said {
        edge.stays_out(&ike("ff0e::1", IN))?;
        edge.comes_in(&ike(OUT, IN))
    }

    #[test]
    fn groups_of_any_scope_stay_on_their_side_6092_2(edge: &mut Edge) -> Said {
        for group in ["ff05::1", "ff08::1", "ff0e::1"] {
            edge.stays_out(&ike(OUT, group))?;
        }
        Ok(())
    }

    #[test]
    fn what_is_nobodys_address_passes_neither_way_6092_3(edge: &mut Edge) -> Said {
        for nobody in NOBODY {
            edge.stays_out(&ike(nobody, IN))?;
            edge.is_refused(&ike(IN, nobody), 0)?;
        }
        for nobody in ["::ffff:192.0.2.1", "::192.0.2.1"] {
            edge.stays_out(&ike(nobody, IN))?;
            if edge.send(Side::Inside, &ike(IN, nobody)).passed {
                return Err(format!("to {nobody}"));
            }
        }
        edge.stays_out(&ike(OUT, BEHIND))?;
        // The example's own prefix is one for documentation, and works as it stands.
        edge.goes_out(&udp((EXAMPLE, OUT), 4000, 4000))?;
        edge.comes_in(&udp((OUT, EXAMPLE), 4000, 4000))?;
        edge.comes_in(&ike(OUT, EXAMPLE))
    }

    #[test]
    fn routing_headers_of_type_0_go_nowhere_6092_4(edge: &mut Edge) -> Said {
        edge.goes_out(&udp((IN, OUT), 4000, 4000))?;
        for left in [0, 1] {
            let routed = |ends| ip6(ends, ROUTING, &ext(UDP, [0, left, 0, 0, 0, 0], &ports(4000, 4000)[..8]));
            // Of a flow that is known, and which may begin.
            edge.stays_out(&routed((OUT, IN)))?;
            let came = edge.send(Side::Inside, &routed((IN, OUT)));
            if came.passed {
                return Err("from inside".to_owned());
            }
        }
        let echo = icmp((OUT, WAN), 128, 0);
        edge.stays_out(&ip6((OUT, WAN), ROUTING, &ext(ICMP, [0, 0, 0, 0, 0, 0], &echo[40..])))?;
        let other = |ends| ip6(ends, ROUTING, &ext(UDP, [4, 0, 0, 0, 0, 0], &ports(4000, 4000)[..8]));
        edge.comes_in(&other((OUT, IN)))
    }

    #[test]
    fn only_what_has_an_address_of_ours_goes_out_6092_5_7084_s_2_7084_l_14(edge: &mut Edge) -> Said {
        for foreign in [OUT, "2a00:5:0:2::10"] {
            edge.is_refused(&udp((foreign, "2a00:3::1"), 4000, 4000), 5)?;
        }
        edge.goes_out(&udp((IN, "2a00:3::1"), 4000, 4000))
    }

    #[test]
    fn nobody_outside_has_an_address_of_ours_6092_6(edge: &mut Edge) -> Said {
        edge.stays_out(&ike("2a00:5:0:1::99", IN))?;
        edge.comes_in(&ike("2a00:5:0:2::99", IN))
    }

    #[test]
    fn local_addresses_stay_on_their_side_6092_7_7084_ula_4(edge: &mut Edge) -> Said {
        edge.stays_out(&ike("fd00:9::1", IN))?;
        edge.stays_out(&ike(OUT, LOCAL))?;
        edge.is_refused(&udp((LOCAL, OUT), 4000, 4000), 5)?;
        edge.is_refused(&udp((IN, "fd00:9::1"), 4000, 4000), 1)
    }

    #[test]
    fn the_router_offers_nothing_outside_6092_8_6092_9_6092_50(edge: &mut Edge) -> Said {
        for port in [53, 547, 161] {
            edge.stays_out(&udp((OUT, WAN), 4000, port))?;
        }
        edge.stays_out(&udp(("fe80::9", "ff02::1:2"), 546, 547))?;
        for port in [22, 53, 80, 443] {
            edge.stays_out(&tcp((OUT, WAN), (4000, port), SYN, (1, 0)))?;
            edge.stays_out(&tcp((OUT, LAN[0]), (4000, port), SYN, (1, 0)))?;
        }
        // Inside it speaks to whoever asks, if only to say that nobody is there.
        edge.is_refused(&udp((IN, LAN[0]), 4000, 53), 4)
    }

    #[test]
    fn errors_about_no_known_flow_do_not_pass_6092_10(edge: &mut Edge) -> Said {
        let never = udp((IN, OUT), 4000, 4000);
        for kind in 1..=4 {
            edge.stays_out(&error((OUT, IN), kind, 0, &never))?;
        }
        edge.goes_out(&never)?;
        // Nor to somebody else than who sent what they quote.
        edge.stays_out(&error((OUT, EXAMPLE), 1, 0, &never))
    }

    #[test]
    fn what_belongs_to_nothing_does_not_go_out_either_6092_31(edge: &mut Edge) -> Said {
        match edge.send(Side::Inside, &tcp((IN, OUT), (80, 4000), SYN | ACK, (1, 1))).passed {
            true => Err("an answer that nobody has asked for".to_owned()),
            false => Ok(()),
        }
    }

    #[test]
    fn everything_passes_where_that_is_asked_for_6092_49(edge: &mut Edge) -> Said {
        let syn = |port| tcp((OUT, IN), (4000, port), SYN, (1, 0));
        edge.stays_out(&syn(22))?;
        edge.unfiltered();
        edge.comes_in(&syn(22))?;
        // As the comment in the rules says.
        edge.load(&RULES.replace("    udp dport 500 accept\n", "    accept\n"));
        edge.comes_in(&syn(23))
    }

    #[test]
    fn what_is_ours_and_not_in_use_does_not_go_out_7084_wpd_5(edge: &mut Edge) -> Said {
        let unused = udp((IN, "2a00:5:0:77::1"), 4000, 4000);
        edge.goes_out(&unused)?;
        edge.refuse("2a00:5::", 48);
        edge.is_refused(&unused, 6)
    }
}
