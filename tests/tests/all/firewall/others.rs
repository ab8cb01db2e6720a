//! RFC 6092 s3.2.4 and s3.2.5, s3.4: IPsec, HIP, mobility, Shim6.

use super::edge::*;
use super::packets::*;

const OUTWARD: Ends<'static> = (IN, OUT);
const INWARD: Ends<'static> = (OUT, IN);

/// An authentication header, and a SYN behind it.
fn authenticated(ends: Ends) -> Vec<u8> {
    let mut header = vec![TCP, 4, 0, 0];
    header.resize(24, 7);
    header.extend(segment((4000, 22), SYN, (1, 0), None, 0));
    ip6(ends, AH, &header)
}

fn esp(ends: Ends, spi: u8) -> Vec<u8> {
    ip6(ends, ESP, &[0, 0, 0, spi, 0, 0, 0, 1, 9, 9, 9, 9])
}

/// A message of mobility: a header with nothing behind it.
fn mobility(ends: Ends) -> Vec<u8> {
    ip6(ends, MOBILITY, &[59, 0, 1, 0, 0, 0, 0, 0])
}

items! {
    #[test]
    fn authentication_headers_come_in_6092_21(edge: &mut Edge) -> Said {
        edge.comes_in(&authenticated(INWARD))?;
        edge.goes_out(&authenticated(OUTWARD))?;
        edge.stays_out(&authenticated((OUT, LOCAL)))
    }

    #[test]
    fn esp_comes_in_6092_22(edge: &mut Edge) -> Said {
        edge.comes_in(&esp(INWARD, 1))?;
        edge.goes_out(&esp(OUTWARD, 1))
    }

    #[test]
    fn errors_about_esp_pass_6092_23(edge: &mut Edge) -> Said {
        edge.goes_out(&esp(OUTWARD, 1))?;
        for (kind, code) in [(1, 0), (1, 4), (2, 0)] {
            edge.comes_in(&error(("2a00:9::9", IN), kind, code, &esp(OUTWARD, 1)))?;
        }
        edge.stays_out(&error(("2a00:9::9", EXAMPLE), 1, 0, &esp((EXAMPLE, OUT), 1)))
    }

    #[test]
    fn key_exchanges_come_in_6092_24(edge: &mut Edge) -> Said {
        edge.comes_in(&udp(INWARD, 4000, 500))?;
        edge.goes_out(&udp(OUTWARD, 500, 4000))?;
        edge.stays_out(&udp(INWARD, 500, 501))
    }

    #[test]
    fn esp_is_known_by_its_ends_alone_6092_25(edge: &mut Edge) -> Said {
        edge.load(&RULES.replace("{ ah, esp, 139 }", "{ ah, 139 }"));
        edge.stays_out(&esp(INWARD, 2))?;
        edge.goes_out(&esp(OUTWARD, 1))?;
        edge.comes_in(&esp(INWARD, 2))?;
        edge.stays_out(&esp((OUT, EXAMPLE), 2))
    }

    #[test]
    fn hip_comes_in_6092_26(edge: &mut Edge) -> Said {
        let hip = [59, 4, 1, 0x21, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        edge.comes_in(&ip6(INWARD, HIP, &hip))
    }

    /// The home address itself is not looked at: see the reason in the list of items.
    #[test]
    fn what_comes_by_a_care_of_address_passes_6092_27(edge: &mut Edge) -> Said {
        let home = addr("2a00:7::7").octets();
        let mut there = vec![UDP, 2, 1, 2, 0, 0, 0xc9, 16];
        there.extend(home);
        there.extend(&ports(4000, 5000)[..8]);
        edge.goes_out(&ip6(OUTWARD, DESTINATION, &there))?;
        let mut back = vec![UDP, 2, 2, 1, 0, 0, 0, 0];
        back.extend(home);
        back.extend(&ports(5000, 4000)[..8]);
        edge.comes_in(&ip6(INWARD, ROUTING, &back))
    }

    #[test]
    fn mobility_from_inside_passes_with_its_answers_6092_28(edge: &mut Edge) -> Said {
        edge.stays_out(&mobility(INWARD))?;
        edge.goes_out(&mobility(OUTWARD))?;
        edge.comes_in(&mobility(INWARD))
    }

    #[test]
    fn errors_about_mobility_pass_6092_30(edge: &mut Edge) -> Said {
        edge.goes_out(&mobility(OUTWARD))?;
        for (kind, code) in [(1, 0), (1, 4), (2, 0)] {
            edge.comes_in(&error(("2a00:9::9", IN), kind, code, &mobility(OUTWARD)))?;
        }
        Ok(())
    }

    #[test]
    fn shim6_from_inside_passes_with_its_answers_6092_47(edge: &mut Edge) -> Said {
        let shim = |ends| ip6(ends, SHIM6, &ext(59, [0x80, 0, 0, 0, 0, 7], &[]));
        edge.stays_out(&shim(INWARD))?;
        edge.goes_out(&shim(OUTWARD))?;
        edge.comes_in(&shim(INWARD))
    }
}
