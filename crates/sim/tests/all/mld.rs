//! Multicast listener discovery on the wire, with the test as querier.

use std::net::Ipv6Addr;
use std::time::Duration;

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_netisr::IfId;
use siding_sim::Faults;
use siding_sim::LinkId;
use siding_sim::NodeId;
use siding_sim::NodeSpec;
use siding_stack::BridgeSpec;
use siding_stack::GroupError;
use siding_stack::LaggSpec;
use siding_stack::Mode;
use siding_stack::drops::DropReason as Cause;
use siding_stack::ifnet::IfCounter;
use siding_stack::mld::Why;
use siding_wire::IpProto;
use siding_wire::checksum::Sum;
use siding_wire::ether::multicast_mac;
use siding_wire::ext6;
use siding_wire::ext6::Options;
use siding_wire::icmp6;
use siding_wire::ip6;
use siding_wire::mld;
use siding_wire::mld::MldInvalid;
use siding_wire::mld::MldV1;
use siding_wire::mld::QueryV2;
use siding_wire::mld::Record;
use siding_wire::mld::RecordKind;
use siding_wire::mld::RecordKind::*;

use crate::common::*;

const ANY: Ipv6Addr = Ipv6Addr::UNSPECIFIED;
const GROUP: Ipv6Addr = Ipv6Addr::new(0xff05, 0, 0, 0, 0, 0, 0, 0x1234);
const QUERIER: Ipv6Addr = local(0x99);

/// A message that a node sent, whose headers were right.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Told {
    at: Duration,
    link: LinkId,
    src: Ipv6Addr,
    dst: Ipv6Addr,
    what: What,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum What {
    Report(Vec<(RecordKind, Ipv6Addr, usize)>),
    Report1(Ipv6Addr),
    Done(Ipv6Addr),
}

//= RFC 3810 s5 [3810-1]: what every message must look like, whatever is being tested.
fn told(net: &Net) -> Vec<Told> {
    let one = |frame: Frame| {
        let (ether, ip, payload) = frame.ip6().unwrap();
        assert_eq!((ip.next_header, ip.hop_limit), (IpProto::HOP_BY_HOP, 1));
        assert_eq!(ether.dst, multicast_mac(ip.dst));
        assert!(ip.src.is_unspecified() || ip6::is_link_local(ip.src), "from {}", ip.src);
        let (alert, message) = payload.split_at(8);
        assert!(Options::new(alert, 40).has_mld_router_alert());
        assert_eq!(ext6::walk(ip.next_header, payload, |_| {}).unwrap().proto, IpProto::ICMP6);
        assert!(icmp6::verify(ip.src, ip.dst, message));
        // Routers refuse what comes from `::`; to read it, it is read as if it came from elsewhere.
        let mut copy = message.to_vec();
        fill_checksum(QUERIER, ip.dst, &mut copy);
        let what = match mld::validate(1, QUERIER, ip.dst, &copy, true).unwrap() {
            mld::MldMessage::ReportV2(records) => {
                assert_eq!(ip.dst, ip6::MLDV2_ROUTERS);
                What::Report(records.map(|one| (one.kind, one.group, one.sources.len())).collect())
            }
            mld::MldMessage::V1(MldV1::Report { group }) => {
                assert_eq!(ip.dst, group);
                What::Report1(group)
            }
            mld::MldMessage::V1(MldV1::Done { group }) => {
                assert_eq!(ip.dst, ip6::ALL_ROUTERS);
                What::Done(group)
            }
            other => panic!("a listener sends no {other:?}"),
        };
        Told { at: net.since_start(&frame), link: frame.link, src: ip.src, dst: ip.dst, what }
    };
    net.mld_frames().into_iter().map(one).collect()
}

/// The records about a group: when, from where, of which kind.
fn about(net: &Net, group: Ipv6Addr) -> Vec<(Duration, Ipv6Addr, RecordKind)> {
    let mut all = Vec::new();
    for one in told(net) {
        if let What::Report(records) = one.what {
            let these = records.into_iter().filter(|(_, of, _)| *of == group);
            all.extend(these.map(|(kind, ..)| (one.at, one.src, kind)));
        }
    }
    all
}

fn fill_checksum(src: Ipv6Addr, dst: Ipv6Addr, message: &mut [u8]) {
    message[2..4].fill(0);
    let checksum = Sum::pseudo6(src, dst, IpProto::ICMP6, message.len() as u32).with(message).finish();
    message[2..4].copy_from_slice(&checksum.to_be_bytes());
}

fn with_alert(src: Ipv6Addr, dst: Ipv6Addr, message: &[u8]) -> Vec<u8> {
    let payload = [&mld::router_alert_header(IpProto::ICMP6)[..], message].concat();
    frame6(multicast_mac(dst), &packet(src, dst, IpProto::HOP_BY_HOP, 1, &payload))
}

fn query(dst: Ipv6Addr, group: Ipv6Addr, max_response: u32, sources: &[[u8; 16]]) -> Vec<u8> {
    let query = QueryV2 { max_response, group, suppress: false, robustness: 2, interval: 125, sources };
    let mut bytes = vec![0; query.buffer_len()];
    query.emit(QUERIER, dst, &mut bytes).unwrap();
    with_alert(QUERIER, dst, &bytes)
}

fn version1(src: Ipv6Addr, dst: Ipv6Addr, message: MldV1) -> Vec<u8> {
    let mut bytes = vec![0; MldV1::LEN];
    message.emit(src, dst, &mut bytes).unwrap();
    with_alert(src, dst, &bytes)
}

fn join(net: &Net, node: NodeId, id: IfId, group: Ipv6Addr) -> Result<(), GroupError> {
    net.world.node(node).control(|stack, ctx| stack.join_group(ctx, id, group))
}

fn leave(net: &Net, node: NodeId, id: IfId, group: Ipv6Addr) -> Result<(), GroupError> {
    net.world.node(node).control(|stack, ctx| stack.leave_group(ctx, id, group))
}

/// A second address: the group of [`HOST`] is that of the first link-local address, too.
const SECOND: Ipv6Addr = v6(0x42);

fn host(spec: NodeSpec) -> (Net, NodeId, LinkId, IfId) {
    let (mut net, node, link, id) = Net::host(spec);
    net.add_address(node, id, SECOND, false);
    net.run(Duration::ZERO);
    (net, node, link, id)
}

/// A host whose first reports are past.
fn settled() -> (Net, NodeId, LinkId, IfId) {
    let (mut net, node, link, id) = host(spec("host"));
    net.run(secs(5));
    net.rewind();
    (net, node, link, id)
}

#[test]
fn groups_follow_addresses_and_are_reported_at_once_and_again_3810_1_3810_3_4861_24() {
    let (mut net, node, _, id) = host(spec("host"));
    let own = ip6::eui64_link_local(net.mac(node, id));
    net.run(secs(100));
    for group in [ip6::solicited_node(SECOND), ip6::solicited_node(own)] {
        let [(first, src, ChangeToExclude), (second, _, ChangeToExclude)] = about(&net, group)[..] else {
            panic!("{group}: twice: {:?}", told(&net))
        };
        assert_eq!((first, src), (Duration::ZERO, own));
        // The group that was joined first is told again along with the other.
        assert!(second <= secs(1) && (second > first || group != ip6::solicited_node(SECOND)), "{second:?}");
    }
    assert!(about(&net, ip6::ALL_NODES).is_empty() && about(&net, ip6::ALL_NODES_IFACE).is_empty());
    net.rewind();
    // A second address of the same group changes nothing, nor does the first of them that goes.
    let twin: Ipv6Addr = "2001:db8::1:0:0:42".parse().unwrap();
    let remove = |net: &Net, addr: Ipv6Addr| {
        net.world.node(node).control(|stack, ctx| stack.remove_address(ctx, id, addr.into())).unwrap();
    };
    net.add_address(node, id, twin, false);
    net.run(secs(5));
    remove(&net, SECOND);
    net.run(secs(5));
    assert_eq!(told(&net), []);
    remove(&net, twin);
    net.run(secs(5));
    let kinds: Vec<_> = about(&net, ip6::solicited_node(SECOND)).iter().map(|(.., kind)| *kind).collect();
    assert_eq!((kinds, told(&net).len()), (vec![ChangeToInclude; 2], 2), "left with the last of them");
    assert_eq!(net.counter(node, id, IfCounter::MldOut), 5);
}

#[test]
fn a_report_goes_before_the_first_solicitation_and_all_again_from_the_new_address_4862_2_3810_1() {
    for seed in 0..50 {
        let mut net = Net::new(seed);
        let link = net.world.add_link(Faults::default());
        let node = net.add_node(NodeSpec::new("host"));
        let id = net.plug(node, link, HOST);
        let own = ip6::eui64_link_local(net.mac(node, id));
        net.run(secs(10));
        for addr in [own, HOST] {
            let group = ip6::solicited_node(addr);
            let asked = net.solicits_for(addr)[0].at;
            let (first, src, kind) = about(&net, group)[0];
            assert!(first <= asked, "seed {seed}: {addr} was asked for before its group was reported");
            assert_eq!((src, kind), (ANY, ChangeToExclude));
            // Routers have not listened to that; once there is an address, it is all said again.
            let passed = net.solicits_for(own)[0].at + secs(1);
            let again: Vec<_> = about(&net, group).into_iter().filter(|(at, ..)| *at >= passed).collect();
            assert!(again.iter().all(|(_, src, kind)| (*src, *kind) == (own, ChangeToExclude)), "{again:?}");
            assert_eq!((again.len(), again[0].0), (2, passed), "seed {seed}");
        }
    }
}

/// All frames in the order in which they left, with whether each is a report.
fn order(net: &Net) -> Vec<(Duration, bool)> {
    let reports = net.mld_frames().into_iter().map(|frame| (net.since_start(&frame), true));
    let mut all: Vec<_> = reports.chain(net.solicits().iter().map(|ns| (ns.at, false))).collect();
    all.sort();
    all
}

#[test]
fn no_address_is_asked_for_while_its_group_cannot_be_reported_4862_2() {
    let mut full = NodeSpec::new("host");
    full.queue_limit = 1;
    let (mut net, node, _, id) = Net::host(full);
    net.run(secs(5));
    net.rewind();
    // The one place in the queue is taken, by a packet to a neighbour that is being asked for.
    let ping = net.open(node);
    net.world.node(node).control(|stack, ctx| {
        stack.add_neighbor(ctx, id, v6(7).into(), PEER_MAC).unwrap();
    });
    net.ping(node, &ping, v6(8), 1).unwrap();
    net.add_address(node, id, v6(0x55), true);
    net.run(secs(3));
    let group = ip6::solicited_node(v6(0x55));
    let (asked, reported) = (net.solicits_for(v6(0x55))[0].at, about(&net, group)[0].0);
    assert!(reported <= asked, "{:?}", order(&net));
}

#[test]
fn a_router_listens_to_all_routers_3810_3_4861_9() {
    let (mut net, node, [left, right], _) = Net::router(spec("router"));
    net.run(secs(5));
    let links: Vec<_> = told(&net)
        .into_iter()
        .filter(|one| matches!(&one.what, What::Report(all) if all.contains(&(ChangeToExclude, ip6::ALL_ROUTERS, 0))))
        .map(|one| one.link)
        .collect();
    assert!(links.contains(&left) && links.contains(&right));
    net.rewind();
    net.forwarding(node, false);
    net.run(secs(5));
    let kinds: Vec<_> = about(&net, ip6::ALL_ROUTERS).iter().map(|(.., kind)| *kind).collect();
    assert_eq!(kinds, [ChangeToInclude; 4], "twice on each link");
}

#[test]
fn a_general_query_is_answered_for_all_groups_within_its_time_3810_3() {
    let mut times = Vec::new();
    for _ in 0..40 {
        let (mut net, node, link, id) = settled();
        (0..times.len()).for_each(|_| net.run(ms(1)));
        let own = ip6::eui64_link_local(net.mac(node, id));
        let asked = net.now();
        net.hear(link, &query(ip6::ALL_NODES, ANY, 4000, &[]));
        assert_eq!(told(&net), [], "never at once");
        net.run(secs(10));
        let [answer] = &told(&net)[..] else { panic!("one answer: {:?}", told(&net)) };
        let mut groups = vec![ip6::solicited_node(SECOND), ip6::solicited_node(own)];
        groups.sort();
        let expected: Vec<_> = groups.into_iter().map(|group| (ModeIsExclude, group, 0)).collect();
        assert_eq!((answer.src, &answer.what), (own, &What::Report(expected)));
        assert!(answer.at > asked && answer.at - asked <= secs(4));
        times.push(answer.at - asked);
        assert_eq!(net.counter(node, id, IfCounter::MldQueryIn), 1);
    }
}

#[test]
fn a_query_about_a_group_or_its_sources_comes_to_any_of_our_addresses_3810_2_3810_3() {
    let (mut net, node, link, id) = settled();
    let group = ip6::solicited_node(HOST);
    let own = ip6::eui64_link_local(net.mac(node, id));
    let mac = net.mac(node, id);
    for dst in [group, ip6::ALL_NODES, own, HOST] {
        net.rewind();
        let mut frame = query(dst, group, 1000, &[]);
        if !dst.is_multicast() {
            frame[..6].copy_from_slice(&mac.0);
        }
        net.hear(link, &frame);
        net.run(secs(1));
        assert_eq!(about(&net, group).len(), 1, "to {dst}");
        assert!(matches!(&told(&net)[..], [Told { what: What::Report(all), .. }] if all.len() == 1));
    }
    net.rewind();
    net.hear(link, &query(group, group, 1000, &[[0x20; 16], [0x21; 16]]));
    net.run(secs(1));
    let [Told { what, .. }] = &told(&net)[..] else { panic!("one answer") };
    assert_eq!(*what, What::Report(vec![(ModeIsInclude, group, 2)]));
    net.rewind();
    net.hear(link, &query(ip6::ALL_NODES, GROUP, 1000, &[]));
    net.run(secs(2));
    assert_eq!(told(&net), [], "we do not listen to it");
}

#[test]
fn queries_that_fail_validation_are_counted_and_not_answered_3810_1_3810_2_3810_4() {
    let (mut net, node, link, _) = settled();
    let good = query(ip6::ALL_NODES, ANY, 10, &[]);
    let message = good[14 + 40 + 8..].to_vec();
    let alert = mld::router_alert_header(IpProto::ICMP6);
    let to = ip6::ALL_NODES;
    let raw = |src, hop_limit, proto, payload: &[u8]| {
        frame6(multicast_mac(to), &packet(src, to, proto, hop_limit, payload))
    };
    let filled = |src, len: usize| {
        let mut short = message.clone();
        short.resize(len, 0);
        fill_checksum(src, to, &mut short);
        [&alert[..], &short].concat()
    };
    let full = [&alert[..], &message].concat();
    let bad = [
        (MldInvalid::HopLimit, raw(QUERIER, 2, IpProto::HOP_BY_HOP, &full)),
        (MldInvalid::NoRouterAlert, raw(QUERIER, 1, IpProto::ICMP6, &message)),
        (MldInvalid::SourceNotLinkLocal, raw(PEER, 1, IpProto::HOP_BY_HOP, &filled(PEER, 28))),
        (MldInvalid::SourceNotLinkLocal, raw(ANY, 1, IpProto::HOP_BY_HOP, &filled(ANY, 28))),
        (MldInvalid::Checksum, raw(local(0x98), 1, IpProto::HOP_BY_HOP, &full)),
        (MldInvalid::TooShort, raw(QUERIER, 1, IpProto::HOP_BY_HOP, &filled(QUERIER, 23))),
        (MldInvalid::QueryLength, raw(QUERIER, 1, IpProto::HOP_BY_HOP, &filled(QUERIER, 25))),
        (MldInvalid::QueryLength, raw(QUERIER, 1, IpProto::HOP_BY_HOP, &filled(QUERIER, 27))),
    ];
    for (why, frame) in bad {
        let before = net.dropped(node, Cause::Mld(why));
        net.hear(link, &frame);
        assert_eq!(net.dropped(node, Cause::Mld(why)), before + 1, "{why}");
    }
    net.run(secs(5));
    assert_eq!(told(&net), []);
    // What follows the message is ignored.
    net.hear(link, &raw(QUERIER, 1, IpProto::HOP_BY_HOP, &filled(QUERIER, 60)));
    net.run(secs(5));
    assert_eq!(told(&net).len(), 1);
}

#[test]
fn a_querier_of_version_1_is_spoken_to_in_version_1_3810_4_2710_1() {
    let (mut net, node, link, id) = settled();
    let own = ip6::eui64_link_local(net.mac(node, id));
    let groups = [ip6::solicited_node(SECOND), ip6::solicited_node(own)];
    let general = version1(QUERIER, ip6::ALL_NODES, MldV1::Query { max_response: 1000, group: ANY });
    net.hear(link, &general);
    assert_eq!(told(&net), []);
    net.run(secs(1));
    let mut reported: Vec<_> = told(&net).into_iter().map(|one| (one.src, one.what)).collect();
    reported.sort_by_key(|(_, what)| format!("{what:?}"));
    let mut expected = groups.map(|group| (own, What::Report1(group)));
    expected.sort_by_key(|(_, what)| format!("{what:?}"));
    assert_eq!(reported, expected);
    let shown = net.world.node(node).control(|stack, ctx| stack.groups(ctx));
    assert!(shown.iter().all(|group| group.version1_until.is_some()));
    // Somebody else's report spares ours.
    net.rewind();
    net.hear(link, &general);
    net.hear(link, &version1(local(0x98), groups[0], MldV1::Report { group: groups[0] }));
    net.run(secs(1));
    assert!(matches!(&told(&net)[..], [Told { what: What::Report1(group), .. }] if *group == groups[1]));
    assert_eq!(net.counter(node, id, IfCounter::MldReportIn), 1);
    // A join at once, a leave with a done, to all routers.
    net.rewind();
    join(&net, node, id, GROUP).unwrap();
    net.run(secs(11));
    leave(&net, node, id, GROUP).unwrap();
    net.run(secs(11));
    let what: Vec<_> = told(&net).into_iter().map(|one| one.what).collect();
    assert_eq!(what, [What::Report1(GROUP), What::Report1(GROUP), What::Done(GROUP)]);
    // When it has been silent for long, version 2 is spoken again.
    net.rewind();
    net.run(secs(260));
    net.hear(link, &query(ip6::ALL_NODES, ANY, 1000, &[]));
    net.run(secs(1));
    assert!(matches!(&told(&net)[..], [Told { what: What::Report(all), .. }] if all.len() == 2));
}

#[test]
fn groups_can_be_joined_and_left_by_hand_within_a_limit_3810_3() {
    let mut few = spec("host");
    few.mld.groups = 2;
    let (mut net, node, link, id) = Net::host(few);
    net.run(secs(5));
    net.rewind();
    let ask = frame6(multicast_mac(GROUP), &echo(PEER, GROUP, 1));
    net.hear(link, &ask);
    assert_eq!(net.solicits_for(PEER).len(), 0);
    join(&net, node, id, GROUP).unwrap();
    net.run(secs(5));
    assert_eq!(about(&net, GROUP).len(), 2);
    net.hear(link, &ask);
    assert_eq!(net.solicits_for(PEER).len(), 1, "it is let in, and answered");
    assert_eq!(join(&net, node, id, GROUP), Err(GroupError::Joined(GROUP.into())));
    assert_eq!(join(&net, node, id, HOST), Err(GroupError::NotAGroup(HOST.into())));
    assert_eq!(join(&net, node, IfId::NONE, GROUP), Err(GroupError::NoInterface(IfId::NONE)));
    let other = "ff0e::7".parse().unwrap();
    join(&net, node, id, other).unwrap();
    assert_eq!(join(&net, node, id, "ff0e::8".parse().unwrap()), Err(GroupError::Full(2)));
    let shown = net.world.node(node).control(|stack, ctx| stack.groups(ctx));
    let asked: Vec<_> = shown.iter().filter(|one| one.why == Why::Asked).map(|one| one.group).collect();
    assert_eq!(asked, [GROUP, other]);
    assert!(shown.iter().any(|one| one.group == ip6::ALL_NODES && one.told.is_none()));
    net.rewind();
    leave(&net, node, id, GROUP).unwrap();
    assert_eq!(leave(&net, node, id, GROUP), Err(GroupError::NotJoined(GROUP.into())));
    net.run(secs(5));
    assert_eq!(about(&net, GROUP).iter().map(|(.., kind)| *kind).collect::<Vec<_>>(), [ChangeToInclude; 2]);
}

#[test]
fn listeners_begin_anew_when_their_rules_change_while_they_run_3810_3_3810_4() {
    let (mut net, node, link, id) = settled();
    let group = ip6::solicited_node(HOST);
    net.configure(node, "mld", &[("enabled", "false")]).unwrap();
    net.hear(link, &query(ip6::ALL_NODES, ANY, 10, &[]));
    net.run(secs(20));
    assert_eq!(told(&net), []);
    let times = |net: &mut Net, robustness: &str| {
        net.rewind();
        net.configure(node, "mld", &[("robustness", robustness)]).unwrap();
        net.run(secs(20));
        about(net, group).iter().filter(|(.., kind)| *kind == ChangeToExclude).count()
    };
    assert_eq!(["2", "5"].map(|robustness| times(&mut net, robustness)), [2, 5], "everything is told again");
    assert_eq!(times(&mut net, "5"), 0, "the same rules change nothing");
    net.rewind();
    join(&net, node, id, GROUP).unwrap();
    net.configure(node, "mld", &[("robustness", "5"), ("groups", "0")]).unwrap();
    net.run(secs(20));
    assert_eq!((about(&net, group).len(), about(&net, GROUP).len()), (0, 5), "what is joined stays");
    assert_eq!(join(&net, node, id, "ff0e::8".parse().unwrap()), Err(GroupError::Full(0)));
    net.rewind();
    for (said, why) in [
        (("robustness", "1"), "[mld] robustness: 1 reports of each change: give 2 to 7"),
        (("interval", "1"), "[mld] has no key 'interval': there is enabled, robustness, groups"),
    ] {
        let refused = net.configure(node, "mld", &[("enabled", "false"), said]);
        assert_eq!(refused.unwrap_err().to_string(), why);
    }
    net.hear(link, &query(ip6::ALL_NODES, ANY, 10, &[]));
    net.run(secs(20));
    assert_eq!(about(&net, GROUP).len(), 1, "nothing has changed");
}

#[test]
fn an_interface_that_comes_up_again_reports_everything_again_3810_3() {
    let (mut net, node, link, id) = settled();
    let set_up =
        |net: &Net, up| net.world.node(node).control(|stack, ctx| stack.set_up(ctx, id, up)).unwrap();
    set_up(&net, false);
    net.hear(link, &query(ip6::ALL_NODES, ANY, 10, &[]));
    net.run(secs(20));
    assert_eq!(told(&net), []);
    set_up(&net, true);
    net.run(secs(5));
    let kinds: Vec<_> = about(&net, ip6::solicited_node(HOST)).iter().map(|(.., kind)| *kind).collect();
    assert_eq!(kinds, [ChangeToExclude; 2]);
}

#[test]
fn one_that_went_and_came_before_any_worker_looked_reports_everything_again_3810_3() {
    let (mut net, node, _, id) = settled();
    join(&net, node, id, GROUP).unwrap();
    net.run(secs(11));
    net.rewind();
    net.world.node(node).control(|stack, ctx| {
        stack.set_up(ctx, id, false).unwrap();
        stack.set_up(ctx, id, true).unwrap();
    });
    net.run(secs(11));
    assert!(about(&net, GROUP).iter().any(|(.., kind)| *kind == ChangeToExclude), "{:?}", told(&net));
}

#[test]
fn the_group_of_an_anycast_address_is_reported_when_it_comes_and_when_it_goes_3810_3() {
    let (mut net, node, _, id) = settled();
    let anycast = v6(0x77);
    let group = ip6::solicited_node(anycast);
    net.rewind();
    net.world.node(node).control(|stack, ctx| stack.add_anycast(ctx, id, anycast)).unwrap();
    net.run(secs(11));
    let kinds = |net: &Net| about(net, group).into_iter().map(|(.., kind)| kind).collect::<Vec<_>>();
    assert_eq!(kinds(&net), [ChangeToExclude, ChangeToExclude]);
    net.rewind();
    net.world.node(node).control(|stack, ctx| stack.remove_anycast(ctx, id, anycast)).unwrap();
    net.run(secs(11));
    assert_eq!(kinds(&net), [ChangeToInclude, ChangeToInclude]);
}

#[test]
fn an_interface_that_departs_takes_its_timers_with_it_t14() {
    let (mut net, node, link, id) = Net::host(spec("host"));
    net.hear(link, &query(ip6::ALL_NODES, ANY, 10_000, &[]));
    net.world.unplug(node, id);
    net.run(secs(20));
    assert!(told(&net).iter().all(|one| one.at.is_zero()));
    assert_eq!(net.world.node(node).control(|stack, ctx| stack.groups(ctx)), []);
}

#[test]
fn many_groups_fit_into_reports_of_the_least_mtu_3810_3() {
    let (mut net, node, link, id) = settled();
    let groups: Vec<Ipv6Addr> = (0..200).map(|n| Ipv6Addr::new(0xff0e, 0, 0, 0, 0, 0, 1, n)).collect();
    groups.iter().for_each(|group| join(&net, node, id, *group).unwrap());
    net.run(secs(5));
    net.rewind();
    net.hear(link, &query(ip6::ALL_NODES, ANY, 1000, &[]));
    net.run(secs(1));
    assert!(net.mld_frames().iter().all(|frame| frame.bytes.len() <= 14 + 1280));
    assert_eq!(told(&net).len(), 4);
    assert!(groups.iter().all(|group| about(&net, *group).len() == 1));
}

#[test]
fn nothing_is_reported_where_it_is_switched_off_or_there_is_no_ipv6() {
    let (mut net, _, link, _) = Net::host(without_mld("host"));
    net.hear(link, &query(ip6::ALL_NODES, ANY, 10, &[]));
    net.run(secs(5));
    assert_eq!(told(&net), []);
    let (mut net, node, link, id) = settled();
    let own = ip6::eui64_link_local(net.mac(node, id));
    for addr in [own, HOST, SECOND] {
        net.world.node(node).control(|stack, ctx| stack.remove_address(ctx, id, addr.into())).unwrap();
    }
    net.run(secs(5));
    net.rewind();
    net.forwarding(node, true);
    net.hear(link, &query(ip6::ALL_NODES, ANY, 10, &[]));
    net.run(secs(5));
    assert_eq!(told(&net), []);
}

#[test]
fn reports_of_others_and_our_own_echo_teach_nothing() {
    let (mut net, node, link, id) = settled();
    let mut report = vec![0; mld::report_v2_len(&[Record::join(GROUP)])];
    mld::emit_report_v2(&[Record::join(GROUP)], QUERIER, ip6::ALL_NODES, &mut report).unwrap();
    net.hear(link, &with_alert(QUERIER, ip6::ALL_NODES, &report));
    assert_eq!((net.dropped(node, Cause::Ignored), net.counter(node, id, IfCounter::MldReportIn)), (1, 1));
    let mut echoed = query(ip6::ALL_NODES, ANY, 10, &[]);
    echoed[6..12].copy_from_slice(&net.mac(node, id).0);
    net.hear(link, &echoed);
    net.run(secs(1));
    assert_eq!((told(&net), net.dropped(node, Cause::Ignored)), (vec![], 2));
}

#[test]
fn a_report_that_waits_behind_a_backlog_spares_ours_however_long_the_node_was_held_up_2710_1() {
    for hold in HOLDS {
        let (mut net, node, link, id) = settled();
        join(&net, node, id, GROUP).unwrap();
        net.run(secs(60));
        net.hear(link, &version1(QUERIER, ip6::ALL_NODES, MldV1::Query { max_response: 900, group: ANY }));
        net.run(secs(30));
        net.rewind();
        // At the latest in 900 ms; the hold-up is longer.
        net.hear(link, &version1(QUERIER, GROUP, MldV1::Query { max_response: 900, group: GROUP }));
        let other = version1(local(0x98), GROUP, MldV1::Report { group: GROUP });
        let early = told(&net).len();
        net.hold_up(node, link, &other, hold);
        net.run(secs(5));
        let ours = told(&net).into_iter().filter(|one| one.what == What::Report1(GROUP)).count();
        assert_eq!((early, ours), (0, 0), "{hold:?}");
    }
}

#[test]
fn who_goes_tells_that_it_listens_to_nothing_any_more_and_all_of_it_if_it_stays_3810_3() {
    let (mut net, node, _, id) = settled();
    join(&net, node, id, GROUP).unwrap();
    net.run(secs(60));
    let own = ip6::eui64_link_local(net.mac(node, id));
    let groups = [ip6::solicited_node(SECOND), ip6::solicited_node(own), GROUP];
    net.rewind();
    let control = |net: &Net, work: fn(&siding_stack::Stack, &mut Ctx<'_, Unlocked>, IfId)| {
        net.world.node(node).control(|stack, ctx| work(stack, ctx, id));
    };
    control(&net, |stack, ctx, id| stack.leave_groups(ctx, &[id]));
    assert!(!net.world.node(node).control(|stack, _| stack.has_said_farewell()), "it is still on its way");
    net.run(Duration::from_millis(50));
    assert!(net.world.node(node).control(|stack, _| stack.has_said_farewell()));
    let kinds = |net: &Net, group| about(net, group).into_iter().map(|(.., kind)| kind).collect::<Vec<_>>();
    for group in groups {
        // As often as any change, without a pause of up to a second.
        assert_eq!(kinds(&net, group), [ChangeToInclude; 2], "{group}");
    }
    // That was all, whatever becomes of addresses...
    net.rewind();
    net.add_address(node, id, v6(0x77), false);
    net.run(secs(60));
    assert_eq!(told(&net), []);
    // ...but all is told again when it stays, or comes again.
    control(&net, |stack, ctx, id| stack.set_up(ctx, id, true).unwrap());
    net.run(secs(5));
    for group in groups.into_iter().chain([ip6::solicited_node(v6(0x77))]) {
        assert_eq!(kinds(&net, group), [ChangeToExclude; 2], "{group}");
    }
    control(&net, |stack, ctx, id| stack.leave_groups(ctx, &[id]));
    net.run(secs(1));
    net.rewind();
    control(&net, |stack, ctx, id| stack.set_up(ctx, id, false).unwrap());
    net.run(secs(5));
    assert_eq!(told(&net), []);
    control(&net, |stack, ctx, id| stack.set_up(ctx, id, true).unwrap());
    net.run(secs(5));
    assert_eq!(kinds(&net, GROUP), [ChangeToExclude; 2]);
}

#[test]
fn who_becomes_a_port_says_first_that_it_listens_to_nothing_any_more_3810_3() {
    for lagg in [true, false] {
        let mut net = Net::new(1);
        let link = net.world.add_link(Faults::default());
        let node = net.add_node(spec("node"));
        let id = net.world.plug(node, link, None).unwrap();
        let own = ip6::eui64_link_local(net.mac(node, id));
        join(&net, node, id, GROUP).unwrap();
        net.run(secs(60));
        net.rewind();
        let owner = net.world.node(node).control(|stack, ctx| {
            if lagg {
                let lagg = stack.add_lagg(ctx, LaggSpec::new("lagg0", Mode::Failover)).unwrap();
                // What may not be a port says nothing.
                assert!(stack.lagg_add_port(ctx, lagg, lagg, 1).is_err());
                stack.lagg_add_port(ctx, lagg, id, 1).unwrap();
                lagg
            } else {
                let bridge = stack.add_bridge(ctx, BridgeSpec::new("br0")).unwrap();
                assert!(stack.bridge_add_port(ctx, bridge, bridge).is_err());
                stack.bridge_add_port(ctx, bridge, id).unwrap();
                bridge
            }
        });
        // The same group, perhaps: with its first port's MAC a lagg has its address.
        net.world.node(node).control(|stack, ctx| stack.add_link_local(ctx, owner, false)).unwrap();
        net.run(secs(60));
        for group in [ip6::solicited_node(own), GROUP] {
            let [(_, src, ChangeToInclude), rest @ ..] = &about(&net, group)[..] else {
                panic!("{group}: {:?}", told(&net))
            };
            assert_eq!(*src, own);
            assert_eq!(rest.is_empty(), !lagg || group == GROUP, "{group}: {rest:?}");
            assert!(rest.iter().all(|(.., kind)| *kind != ChangeToInclude), "{rest:?}");
        }
        net.rewind();
        // Who is a port no more tells all of it.
        net.world.node(node).control(|stack, ctx| match lagg {
            true => stack.lagg_remove_port(ctx, owner, id).unwrap(),
            false => stack.bridge_remove_port(ctx, owner, id).unwrap(),
        });
        net.run(secs(5));
        assert!(about(&net, GROUP).iter().all(|(.., kind)| *kind == ChangeToExclude));
        assert_eq!(about(&net, GROUP).len(), 2);
    }
}

#[test]
fn who_goes_says_done_to_a_querier_of_version_1_2710_1() {
    let (mut net, node, link, id) = settled();
    net.hear(link, &version1(QUERIER, ip6::ALL_NODES, MldV1::Query { max_response: 1000, group: ANY }));
    net.run(secs(11));
    // Who was not the last to report need say nothing.
    let group = ip6::solicited_node(SECOND);
    net.hear(link, &version1(local(0x98), group, MldV1::Report { group }));
    net.rewind();
    net.world.node(node).control(|stack, ctx| stack.leave_groups(ctx, &[id]));
    net.run(secs(1));
    let what: Vec<_> = told(&net).into_iter().map(|one| one.what).collect();
    assert_eq!(what, [What::Done(ip6::solicited_node(ip6::eui64_link_local(net.mac(node, id))))]);
    assert!(net.world.node(node).control(|stack, _| stack.has_said_farewell()));
}
