//! RFC 4890: ICMPv6 through the router (s4.3), and to it (s4.4).

use siding_netisr::IfId;
use siding_stack::Answer;

use super::edge::*;
use super::packets::*;
use crate::filter_kernel::wire::control;

const OUTWARD: Ends<'static> = (IN, OUT);
const INWARD: Ends<'static> = (OUT, IN);

/// None of these pass, from neither side.
fn none_pass(edge: &mut Edge, kinds: impl IntoIterator<Item = u8>) -> Said {
    for kind in kinds {
        edge.stays_out(&hops(icmp(INWARD, kind, 0), 255))?;
        if edge.send(Side::Inside, &hops(icmp(OUTWARD, kind, 0), 255)).passed {
            return Err(format!("{kind} from inside"));
        }
    }
    Ok(())
}

items! {
    #[test]
    fn errors_of_a_flow_pass_with_all_codes_that_must_4890_1(edge: &mut Edge) -> Said {
        let there = udp(OUTWARD, 4000, 5000);
        edge.goes_out(&there)?;
        let codes = (0..=6).map(|code| (1, code)).chain([(2, 0), (3, 0), (4, 1), (4, 2)]);
        for (kind, code) in codes {
            edge.comes_in(&error(("2a00:9::9", IN), kind, code, &there))?;
        }
        // And those of who is inside about what has come in.
        let came = udp(INWARD, 500, 500);
        edge.comes_in(&came)?;
        edge.goes_out(&error(OUTWARD, 1, 4, &came))
    }

    #[test]
    fn echoes_pass_both_ways_4890_2(edge: &mut Edge) -> Said {
        edge.stays_out(&icmp(INWARD, 129, 0))?;
        edge.goes_out(&icmp(OUTWARD, 128, 0))?;
        edge.comes_in(&icmp(INWARD, 129, 0))?;
        edge.comes_in(&icmp(INWARD, 128, 0))?;
        edge.goes_out(&icmp(OUTWARD, 129, 0))?;
        // Each of a flood is another flow, and not all of them pass.
        let passed = (0..1100u16).filter(|number| {
            let [high, low] = number.to_be_bytes();
            edge.send(Side::Outside, &ip6(INWARD, ICMP, &[128, 0, 0, 0, high, low, 0, 1])).passed
        });
        match passed.count() {
            900..=1000 => Ok(()),
            count => Err(format!("{count} of 1100")),
        }
    }

    #[test]
    fn errors_of_a_flow_pass_with_codes_that_should_4890_3(edge: &mut Edge) -> Said {
        let there = udp(OUTWARD, 4000, 5000);
        edge.goes_out(&there)?;
        edge.comes_in(&error(INWARD, 3, 1, &there))?;
        edge.comes_in(&error(INWARD, 4, 0, &there))
    }

    #[test]
    fn what_mobile_nodes_need_passes_4890_4(edge: &mut Edge) -> Said {
        for kind in 144..=147 {
            edge.comes_in(&icmp(INWARD, kind, 0))?;
            edge.goes_out(&icmp(OUTWARD, kind, 0))?;
        }
        Ok(())
    }

    #[test]
    fn messages_of_one_link_do_not_pass_4890_5(edge: &mut Edge) -> Said {
        none_pass(edge, [130, 131, 132, 133, 134, 135, 136, 137, 141, 142, 143, 148, 149, 151, 152, 153])
    }

    #[test]
    fn types_that_nobody_knows_do_not_pass_4890_6(edge: &mut Edge) -> Said {
        none_pass(edge, [150].into_iter().chain(5..=99).chain(102..=126).chain(154..=199).chain(202..=254))
    }

    #[test]
    fn node_information_renumbering_and_experiments_do_not_pass_4890_7(edge: &mut Edge) -> Said {
        none_pass(edge, [138, 139, 140, 100, 101, 200, 201, 127, 255])
    }

    #[test]
    fn the_router_hears_what_it_must_4890_8(edge: &mut Edge) -> Said {
        let answers = |came: Came, kind: u8| came.back.iter().any(|back| back[6] == ICMP && back[40] == kind);
        if !answers(edge.send(Side::Outside, &icmp((OUT, WAN), 128, 0)), 129) {
            return Err("echo from outside".to_owned());
        }
        if !answers(edge.send(Side::Inside, &icmp((IN, LAN[0]), 128, 0)), 129) {
            return Err("echo from inside".to_owned());
        }
        for (side, ends) in [(Side::Outside, (PROVIDER, WAN)), (Side::Inside, (IN, LAN[0]))] {
            let mut asked = vec![135, 0, 0, 0, 0, 0, 0, 0];
            asked.extend(addr(ends.1).octets());
            if !answers(edge.send(side, &hops(ip6(ends, ICMP, &asked), 255)), 136) {
                return Err(format!("a solicitation, {side:?}"));
            }
        }
        // Its own echoes are answered, and errors about them heard.
        edge.pings(icmp_answer)?;
        for (kind, code) in [(1, 0), (1, 3), (3, 0), (4, 1), (4, 2)] {
            edge.pings(|sent| error(("2a00:9::9", WAN), kind, code, sent))?;
        }
        Ok(())
    }

    #[test]
    fn the_router_hears_the_other_errors_too_4890_9(edge: &mut Edge) -> Said {
        edge.pings(|sent| error((OUT, WAN), 3, 1, sent))?;
        edge.pings(|sent| error((OUT, WAN), 4, 0, sent))
    }

    #[test]
    fn what_is_not_for_a_router_is_not_heard_from_outside_4890_10_4890_12(edge: &mut Edge) -> Said {
        let before = edge.filtered();
        let kinds = [138, 144, 145, 146, 147, 150, 100, 101, 200, 201, 127, 255, 154, 199, 202, 254];
        for kind in kinds {
            edge.stays_out(&icmp((OUT, WAN), kind, 0))?;
        }
        match edge.filtered() - before {
            dropped if dropped == kinds.len() as u64 => Ok(()),
            dropped => Err(format!("{dropped} of {} dropped by the rules", kinds.len())),
        }
    }

    #[test]
    fn redirects_are_not_heard_from_outside_4890_11(edge: &mut Edge) -> Said {
        let before = edge.filtered();
        let mut redirect = vec![137, 0, 0, 0, 0, 0, 0, 0];
        redirect.extend(addr("fe80::9").octets());
        redirect.extend(addr(OUT).octets());
        edge.stays_out(&hops(ip6(("fe80::1", WAN), ICMP, &redirect), 255))?;
        match edge.filtered() - before {
            1 => Ok(()),
            other => Err(format!("{other} dropped by the rules")),
        }
    }
}

/// An echo's answer.
fn icmp_answer(sent: &[u8]) -> Vec<u8> {
    let mut message = sent[40..].to_vec();
    message[0] = 129;
    ip6((OUT, WAN), ICMP, &message)
}

impl Edge {
    /// The router pings a host outside, and hears what is answered.
    fn pings(&mut self, answer: impl Fn(&[u8]) -> Vec<u8>) -> Said {
        let ping = control(|ctx| self.stack.open_ping(ctx)).ok_or("no identifier")?;
        control(|ctx| self.stack.ping(ctx, &ping, addr(OUT).into(), IfId::NONE, 1, &[0; 8]))
            .map_err(|error| error.to_string())?;
        let sent = self.sent_outside().ok_or("no echo request went out")?;
        self.send(Side::Outside, &answer(&sent));
        match control(|ctx| ping.answer(ctx)).map(|reply| reply.answer) {
            Some(Answer::Reply { .. } | Answer::Error { .. }) => Ok(()),
            None => Err(format!("not heard: {:02x?}", answer(&sent))),
        }
    }
}
