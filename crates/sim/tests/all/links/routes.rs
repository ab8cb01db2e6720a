//! Routes over links that are not there give way.

use siding_stack::SendError;
use siding_stack::ifnet::Unfit;
use siding_wire::icmp6::Icmp6Repr;

use super::util::*;
use crate::common::*;

/// Where an echo request to `dst` goes that comes in by the first link: the link's number, or the code of an error.
fn way(bench: &mut Bench, dst: std::net::Ipv6Addr) -> Result<usize, u8> {
    bench.net.rewind();
    let (link, mac) = (bench.links[0], bench.net.mac(bench.node, bench.devices[0]));
    bench.net.hear(link, &frame6(mac, &echo(on_link(0, 0x99), dst, 1)));
    let icmp = bench.net.icmp();
    let [only] = &icmp[..] else { panic!("one packet: {icmp:?}") };
    match only.message {
        Icmp6Repr::DestUnreachable { code } => Err(code),
        _ => Ok(bench.links.iter().position(|link| *link == only.link).unwrap()),
    }
}

fn router() -> Bench {
    let mut bench = Bench::new(without_mld("router"), 3);
    bench.net.forwarding(bench.node, true);
    for number in 0..3_u16 {
        let on = bench.devices[usize::from(number)];
        bench.net.add_address(bench.node, on, on_link(number, 1), false);
        bench.neighbor(on, on_link(number, 0x99));
    }
    for number in 1..3_u16 {
        let on = bench.devices[usize::from(number)];
        bench.route(std::net::Ipv6Addr::UNSPECIFIED, 0, on_link(number, 0x99), on, number.into());
    }
    bench
}

#[test]
fn a_route_over_a_dead_link_gives_way_to_another_then_to_an_error() {
    let mut bench = router();
    let far = on_link(77, 1);
    let [_, one, two] = bench.devices[..] else { panic!() };
    assert_eq!(way(&mut bench, far), Ok(1));
    bench.link(one, false);
    assert_eq!(way(&mut bench, far), Ok(2));
    // The prefix of the dead link itself is reached by the default route, as if it were gone.
    assert_eq!(way(&mut bench, on_link(1, 0x98)), Ok(2));
    bench.up(two, false);
    assert_eq!(way(&mut bench, far), Err(0));
    let ping = bench.net.open(bench.node);
    let sent = bench.net.ping(bench.node, &ping, far, 1);
    assert_eq!(sent, Err(SendError::Unfit(far.into(), one, Unfit::NoCarrier)));
    bench.link(one, true);
    assert_eq!(way(&mut bench, far), Ok(1));
}

#[test]
fn a_route_over_what_lies_on_a_dead_link_gives_way_too() {
    let mut bench = router();
    let far = on_link(77, 1);
    let [_, one, two] = bench.devices[..] else { panic!() };
    let port = bench.vlan(two, 5);
    let lagg = bench.lagg(&[port]);
    bench.net.add_address(bench.node, lagg, on_link(9, 1), false);
    bench.neighbor(lagg, on_link(9, 0x99));
    bench.route(far, 64, on_link(9, 0x99), lagg, 1);
    assert_eq!(bench.net.world.node(bench.node).stack.unfit(lagg), None);
    bench.link(two, false);
    assert_eq!(bench.net.world.node(bench.node).stack.unfit(lagg), Some(Unfit::NoCarrier));
    assert_eq!(way(&mut bench, far), Ok(1));
    bench.link(one, false);
    assert_eq!(way(&mut bench, far), Err(0));
}

#[test]
fn a_refusal_stands_against_the_route_that_is_in_use_4443_5() {
    let mut bench = router();
    let far = on_link(77, 1);
    let one = bench.devices[1];
    bench.route(far, 64, on_link(1, 0x99), one, 1);
    let prefix = siding_stack::route::Prefix::covering(far, 48);
    let how = siding_stack::route::Refusal::Prohibit;
    bench.control(|stack, ctx| stack.add_refusal6(ctx, prefix, how, 1)).unwrap();
    assert_eq!(way(&mut bench, far), Ok(1));
    bench.link(one, false);
    assert_eq!(way(&mut bench, far), Err(1), "longer than the default route");
}

#[test]
fn who_sent_what_waited_for_a_neighbor_is_told_when_the_link_goes() {
    let mut bench = router();
    let one = bench.devices[1];
    let (link, mac) = (bench.links[0], bench.net.mac(bench.node, bench.devices[0]));
    bench.net.hear(link, &frame6(mac, &echo(on_link(0, 0x99), on_link(1, 0x55), 1)));
    assert_eq!(bench.net.icmp().len(), 0);
    bench.link(one, false);
    bench.net.run(ms(1));
    let told: Vec<_> = bench.net.icmp().into_iter().map(|icmp| (icmp.link, icmp.message)).collect();
    assert_eq!(told, [(link, Icmp6Repr::DestUnreachable { code: 3 })]);
}
