//! The lives of single packets, as who watches them is told.

use siding_stack::nd6::host::Accept;
use siding_stack::nd6::host::HostConfig;
use siding_stack::trace::Record;
use siding_stack::trace::Step;
use siding_stack::trace::Subject;
use siding_stack::trace::Wants;
use siding_stack::trace::Watch;
use siding_stack::trace::WatchSpec;
use siding_wire::ip6::ALL_NODES;
use siding_wire::nd::NeighborAdvert;
use siding_wire::nd::Preference;
use siding_wire::nd::Redirect;
use siding_wire::nd::RouterAdvert;
use siding_wire::nd::RouterSolicit;

use super::*;

/// Frames that end so; an empty end is every frame's.
struct EndsWith(&'static [u8]);

impl Wants for EndsWith {
    fn wants(&self, _on: IfId, frame: &[u8]) -> bool {
        frame.ends_with(self.0)
    }
}

fn spec(subject: Subject, end: &'static [u8]) -> WatchSpec {
    let wants = Arc::new(EndsWith(end));
    WatchSpec { subject, wants, room: 100, bytes: 10_000, snaplen: 60, per_second: 10 }
}

pub(crate) fn lives(router: &Router, end: &'static [u8]) -> Watch {
    router.stack.watch(spec(Subject::Lives, end)).unwrap()
}

fn steps(records: &[Record]) -> Vec<Step> {
    records.iter().map(|record| record.step.clone()).collect()
}

#[test]
fn a_forwarded_packet_is_told_step_by_step() {
    let mut router = Router::new();
    let watch = lives(&router, b"this one");
    let ends = ((addr(INNER, 2), 1), (addr(OUTER, 2), 2));
    assert!(router.passes(INNER, 0, &udp(ends.0, ends.1, b"not this")));
    assert!(router.passes(INNER, 0, &udp(ends.0, ends.1, b"this one")));
    let (records, missed) = watch.take(100);
    let [on, out] = router.ids;
    let expected = [
        Step::Received { on },
        Step::Way { out, next_hop: addr(OUTER, 2).into() },
        Step::Leaves { out },
        Step::Sent { out },
    ];
    assert_eq!(steps(&records), expected);
    assert_eq!(missed, Default::default());
    assert!(records.iter().all(|record| record.packet == records[0].packet && record.packet != 0));
    assert!(records[0].frame.len() == 60 && records[0].len == 14 + 40 + 8 + 8, "cut to its snaplen");
    assert_eq!((records[0].frame[21], records[2].frame[21]), (64, 63), "the hop limit, before and after");
    // Nobody watches any more: nothing is recorded, and a later watch in its place is none the wiser.
    drop(watch);
    assert!(router.passes(INNER, 0, &udp(ends.0, ends.1, b"this one")));
    assert!(lives(&router, b"").take(100).0.is_empty());
    router.end();
}

#[test]
fn one_that_waits_for_its_neighbour_tells_how_long_and_goes_on_from_the_queue() {
    let mut router = Router::new();
    let watch = lives(&router, b"held");
    let stranger = addr(OUTER, 77);
    router.hear(INNER, 0, &udp((addr(INNER, 2), 1), (stranger, 2), b"held"));
    router.wait(Duration::from_millis(300));
    let [on, out] = router.ids;
    let (records, _) = watch.take(100);
    let begins = [
        Step::Received { on },
        Step::Way { out, next_hop: stranger.into() },
        Step::Held { out, neighbor: stranger.into() },
    ];
    assert_eq!(steps(&records), begins);
    let began = records[2].at;
    // The answer comes to the other worker: the life goes on there.
    let ours = addr(OUTER, 1);
    let tlla = Some(mac(OUTER, 77));
    let advert = NeighborAdvert { router: false, solicited: true, override_: true, target: stranger, tlla };
    let mut body = vec![0; advert.buffer_len()];
    advert.emit(stranger, ours, &mut body).unwrap();
    let mut answer = packet(stranger, ours, IpProto::ICMP6, &body);
    answer[7] = 255;
    router.hear(OUTER, 1, &answer);
    let (records, _) = watch.take(100);
    let ends = [
        Step::Queued { queue: "link_out" },
        Step::Handled { queue: "link_out" },
        Step::Leaves { out },
        Step::Sent { out },
    ];
    let goes_on: Vec<Step> = steps(&records).into_iter().skip_while(|step| *step != ends[1]).collect();
    assert_eq!(goes_on, ends[1..], "{records:?}");
    assert!(records.iter().all(|record| record.at.since(began) >= Duration::from_millis(300)));
    router.end();
}

#[test]
fn nobody_answers_for_the_neighbour_and_the_cause_is_told() {
    let mut router = Router::new();
    let watch = lives(&router, b"lost");
    router.hear(INNER, 0, &udp((addr(INNER, 2), 1), (addr(OUTER, 77), 2), b"lost"));
    for _ in 0..5 {
        router.wait(Duration::from_secs(1));
    }
    let (records, _) = watch.take(100);
    let last = steps(&records).split_off(3);
    let expected = [
        Step::Queued { queue: "unreachable" },
        Step::Handled { queue: "unreachable" },
        Step::Dropped { on: router.ids[OUTER], cause: DropReason::Unresolved },
    ];
    assert_eq!(last, expected);
    router.end();
}

#[test]
fn one_that_is_carried_to_its_flows_worker_keeps_its_mark() {
    let mut router = Router::filtered();
    let (client, server) = ((addr(INNER, 2), 4000), (addr(OUTER, 2), 53));
    assert!(router.passes(INNER, 0, &udp(client, server, b"question")));
    let watch = lives(&router, b"answer");
    assert!(router.passes(OUTER, 1, &udp(server, client, b"answer")));
    let (records, _) = watch.take(100);
    let told = steps(&records);
    let queue = "filter";
    let at = |step: Step| told.iter().position(|there| *there == step).unwrap();
    let (queued, handled) = (at(Step::Queued { queue }), at(Step::Handled { queue }));
    assert!(queued < handled);
    assert_eq!((records[queued].worker, records[handled].worker), (1, 0), "from worker to worker");
    let judged = at(Step::Judged { hook: "forward", passed: true, by: String::new() });
    assert!(handled < judged && judged < at(Step::Sent { out: router.ids[INNER] }), "{told:?}");
    router.end();
}

#[test]
fn what_is_refused_names_the_hook_and_the_cause() {
    let mut router = Router::filtered();
    let watch = lives(&router, b"");
    assert!(!router.passes(OUTER, 0, &udp((addr(OUTER, 2), 53), (addr(INNER, 2), 1), b"hello")));
    let told = steps(&watch.take(100).0);
    let ends = [
        Step::Judged { hook: "forward", passed: false, by: String::new() },
        Step::Dropped { on: router.ids[OUTER], cause: DropReason::Filtered },
    ];
    assert_eq!(told[told.len() - 2..], ends);
    assert!(ends[1].is_end() && !ends[0].is_end());
    router.end();
}

#[test]
fn so_many_lives_in_a_second_and_so_many_records() {
    let mut router = Router::new();
    let few = WatchSpec { per_second: 2, ..spec(Subject::Lives, b"") };
    let watch = router.stack.watch(few).unwrap();
    let ends = ((addr(INNER, 2), 1), (addr(OUTER, 2), 2));
    let pass = |router: &mut Router| assert!(router.passes(INNER, 0, &udp(ends.0, ends.1, b"one of many")));
    (0..5).for_each(|_| pass(&mut router));
    let (records, missed) = watch.take(100);
    assert_eq!((records.len(), missed.packets, missed.records), (2 * 4, 3, 0));
    router.wait(Duration::from_secs(1));
    pass(&mut router);
    assert_eq!(watch.take(100).0.len(), 4, "a second later there are more");
    // Who takes nothing: there is room for so many, and the packets pass all the same.
    let narrow = WatchSpec { room: 5, ..spec(Subject::Lives, b"") };
    drop(watch);
    let watch = router.stack.watch(narrow).unwrap();
    (0..2).for_each(|_| pass(&mut router));
    let (records, missed) = watch.take(3);
    assert_eq!((records.len(), missed.records), (3, 3));
    assert_eq!(watch.take(100).0.len(), 2);
    router.end();
}

#[test]
fn captures_see_both_ways_or_what_is_dropped_with_its_link_header() {
    let mut router = Router::new();
    let out = router.ids[OUTER];
    let frames = router.stack.watch(spec(Subject::Frames(Some(out)), b"")).unwrap();
    let causes = vec![DropReason::HopLimit];
    let drops = router.stack.watch(spec(Subject::Drops(Some(out), causes), b"")).unwrap();
    let (inner, outer) = ((addr(INNER, 2), 1), (addr(OUTER, 2), 2));
    assert!(router.passes(INNER, 0, &udp(inner, outer, b"to and")));
    assert!(router.passes(OUTER, 0, &udp(outer, inner, b"fro")));
    let (seen, _) = frames.take(100);
    assert_eq!(steps(&seen), [Step::Leaves { out }, Step::Received { on: out }]);
    assert!(drops.take(100).0.is_empty(), "nothing was dropped");
    let mut last_hop = udp(outer, inner, b"no further");
    last_hop[7] = 1;
    router.hear(OUTER, 0, &last_hop);
    let mut elsewhere = udp(inner, outer, b"on the other side");
    elsewhere[7] = 1;
    router.hear(INNER, 0, &elsewhere);
    let (seen, _) = drops.take(100);
    assert_eq!(steps(&seen), [Step::Dropped { on: out, cause: DropReason::HopLimit }]);
    let header = Ether { dst: mac(OUTER, 1), src: mac(OUTER, 2), ethertype: EtherType::IPV6 };
    assert_eq!(seen[0].frame, [&header.to_bytes()[..], &last_hop].concat()[..60]);
    router.end();
}

#[test]
fn fragments_wait_for_each_other_and_the_whole_goes_on_as_the_first() {
    let mut router = Router::new();
    let watch = lives(&router, b"");
    let ends = ((addr(INNER, 2), 1), (addr(INNER, 1), 2));
    router.hear(INNER, 0, &fragment(ends.0, ends.1, 7, 0, true));
    router.hear(INNER, 1, &fragment(ends.0, ends.1, 7, 24, false));
    let (records, _) = watch.take(100);
    let (first, on) = (records[0].packet, router.ids[INNER]);
    let of = |number: bool| {
        let of: Vec<Record> =
            records.iter().filter(|record| (record.packet == first) == number).cloned().collect();
        steps(&of)
    };
    let queue = "fragment";
    let arrives = [
        Step::Received { on },
        Step::ForUs { on },
        Step::Queued { queue },
        Step::Handled { queue },
        Step::Awaits,
    ];
    let later = Step::Joined { fragments: 2, goes_on: false };
    assert_eq!(of(false), [&arrives[..], &[later]].concat());
    let whole = [
        Step::Joined { fragments: 2, goes_on: true },
        Step::ForUs { on },
        Step::Dropped { on, cause: DropReason::NoListener },
    ];
    assert_eq!(of(true), [&arrives[..], &whole].concat());
    router.end();
}

#[test]
fn fragments_that_are_all_there_and_cannot_be_joined_are_dropped_and_not_joined() {
    // The whole is larger than a buffer, and there are no others.
    let mut router = Router::with(|config| config.limits.large_buffers = 0);
    let watch = lives(&router, b"");
    let (from, ours) = (addr(INNER, 2), addr(INNER, 1));
    let piece = |offset: u16, more: bool| {
        let repr = FragmentRepr { next_header: IpProto::UDP, offset, more, ident: 7 };
        let mut body = vec![0; 8 + 1200];
        repr.emit(&mut body).unwrap();
        packet(from, ours, IpProto::FRAGMENT, &body)
    };
    router.hear(INNER, 0, &piece(0, true));
    router.hear(INNER, 0, &piece(1200, false));
    let told = steps(&watch.take(100).0);
    let end = Step::Dropped { on: router.ids[INNER], cause: DropReason::NoLargeBuffer };
    assert_eq!(told.iter().filter(|step| **step == end).count(), 2, "{told:?}");
    assert_eq!(told.iter().filter(|step| step.is_end()).count(), 2, "{told:?}");
    assert!(!told.iter().any(|step| matches!(step, Step::Joined { .. })), "{told:?}");
    assert_eq!(router.dropped(DropReason::NoLargeBuffer), 2);
    router.end();
}

#[test]
fn a_message_that_is_not_listened_to_is_dropped_for_that_and_not_done() {
    let mut router = Router::new();
    let watch = lives(&router, b"");
    let on = router.ids[INNER];
    let (from, ours) = (Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 2), addr(INNER, 1));
    let target = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 9);
    let redirect = Redirect { target, destination: addr(OUTER, 9), tlla: None, redirected: &[] };
    let advert =
        |target, tlla| NeighborAdvert { router: false, solicited: false, override_: false, target, tlla };
    let messages = [
        // A router follows no redirects, answers no host where it does not advertise, and asks nobody for whom nobody waits.
        (Some(DropReason::AutoconfOff), emitted(|out| redirect.emit(from, ours, out))),
        (Some(DropReason::Ignored), emitted(|out| RouterSolicit { slla: None }.emit(from, ours, out))),
        (Some(DropReason::Ignored), emitted(|out| advert(addr(INNER, 99), None).emit(from, ours, out))),
        (None, emitted(|out| advert(addr(INNER, 3), Some(mac(INNER, 3))).emit(from, ours, out))),
    ];
    for (cause, body) in messages {
        let before = cause.map_or(0, |cause| router.dropped(cause));
        let mut message = packet(from, ours, IpProto::ICMP6, &body);
        message[7] = 255;
        router.hear(INNER, 0, &message);
        let told = steps(&watch.take(100).0);
        let end = cause.map_or(Step::Done, |cause| Step::Dropped { on, cause });
        assert_eq!(told.last(), Some(&end), "{told:?}");
        assert_eq!(told.iter().filter(|step| step.is_end()).count(), 1, "{told:?}");
        // Once, as before.
        assert_eq!(cause.map_or(0, |cause| router.dropped(cause)), before + u64::from(cause.is_some()));
    }
    router.end();
}

/// A version that counted as dropped what it had learnt from told `autoconf-off` of each.
#[test]
fn an_advertisement_has_been_heard_by_a_router_that_learnt_who_sends_it() {
    let mut router = Router::new();
    let watch = lives(&router, b"");
    let on = router.ids[INNER];
    let from = |host| Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, host);
    let advert = |slla| RouterAdvert {
        cur_hop_limit: 64,
        managed: false,
        other_config: false,
        preference: Preference::Medium,
        router_lifetime: 1800,
        reachable_time: 0,
        retrans_timer: 0,
        slla,
        mtu: None,
    };
    let off = Step::Dropped { on, cause: DropReason::AutoconfOff };
    let hears = |router: &mut Router, host: u16, slla| {
        let body = emitted(|out| advert(slla).emit(&[], from(host), ALL_NODES, out));
        let mut message = packet(from(host), ALL_NODES, IpProto::ICMP6, &body);
        message[7] = 255;
        let before = router.dropped(DropReason::AutoconfOff);
        router.hear(INNER, 0, &message);
        let told = steps(&watch.take(100).0);
        assert_eq!(told.iter().filter(|step| step.is_end()).count(), 1, "{told:?}");
        let end = told.into_iter().next_back().unwrap();
        assert_eq!(router.dropped(DropReason::AutoconfOff) - before, u64::from(end == off), "{end:?}");
        end
    };
    // Nothing is to be learnt from one that does not say where it is.
    assert_eq!(hears(&mut router, 8, None), off);
    // As news, and as what is known.
    assert_eq!(hears(&mut router, 9, Some(mac(INNER, 9))), Step::Done);
    assert_eq!(hears(&mut router, 9, Some(mac(INNER, 9))), Step::Done);
    // Who wants it to configure itself is to know why it does not; and so is whoever looks for that at a host.
    let accept = |accept| HostConfig { accept, announce: 0, ..HostConfig::default() };
    control(|ctx| router.stack.set_autoconf(ctx, on, accept(Accept::UnlessForwarding)).unwrap());
    assert_eq!(hears(&mut router, 9, Some(mac(INNER, 9))), off);
    control(|ctx| router.stack.set_autoconf(ctx, on, accept(Accept::Never)).unwrap());
    assert_eq!(hears(&mut router, 9, Some(mac(INNER, 9))), Step::Done);
    control(|ctx| router.stack.set_forwarding(ctx, false));
    assert_eq!(hears(&mut router, 9, Some(mac(INNER, 9))), off);
    router.end();
}

/// The bytes of a message.
fn emitted<E: std::fmt::Debug>(emit: impl FnOnce(&mut [u8]) -> Result<usize, E>) -> Vec<u8> {
    let mut body = vec![0; 200];
    let len = emit(&mut body).unwrap();
    body.truncate(len);
    body
}

#[test]
fn four_may_watch_at_a_time() {
    let router = Router::new();
    let mut watches: Vec<Watch> = (0..4).map(|_| lives(&router, b"")).collect();
    assert!(router.stack.watch(spec(Subject::Lives, b"")).is_err());
    watches.pop();
    lives(&router, b"");
    router.end();
}

#[test]
fn what_a_device_loses_or_never_takes_is_no_packet_that_was_sent() {
    let ends = ((addr(INNER, 2), 1), (addr(OUTER, 2), 2));
    for watched in [true, false] {
        let mut router = Router::new();
        let out = router.ids[OUTER];
        let lives = watched.then(|| lives(&router, b""));
        let causes = vec![DropReason::TxLost, DropReason::TxStalled];
        let drops = router.stack.watch(spec(Subject::Drops(Some(out), causes), b"")).unwrap();
        let drops = watched.then_some(drops);
        let wire = router.wires[OUTER][0].clone();
        *wire.loses.lock().unwrap() = Some(b"lost");
        for data in [&b"sent"[..], b"lost", b"sent"] {
            router.comes(INNER, 0, &udp(ends.0, ends.1, data));
        }
        router.turns();
        assert_eq!((router.take(OUTER).len(), router.dropped(DropReason::TxLost)), (2, 1));
        wire.blocked.store(true, Ordering::Relaxed);
        router.hear(INNER, 0, &udp(ends.0, ends.1, b"stalled"));
        for _ in 0..20 {
            router.wait(Duration::from_secs(1));
        }
        assert_eq!((router.take(OUTER).len(), router.dropped(DropReason::TxStalled)), (0, 1));
        if let (Some(lives), Some(drops)) = (lives, drops) {
            let (lost, stalled) = (
                Step::Dropped { on: out, cause: DropReason::TxLost },
                Step::Dropped { on: out, cause: DropReason::TxStalled },
            );
            let (seen, _) = drops.take(100);
            assert_eq!(steps(&seen), [lost.clone(), stalled.clone()]);
            assert_eq!(seen.iter().map(|record| record.len).collect::<Vec<_>>(), [66, 69], "frames and all");
            let told: Vec<Step> = steps(&lives.take(100).0).into_iter().filter(Step::is_end).collect();
            let sent = Step::Sent { out };
            assert_eq!(told.iter().filter(|step| **step == sent).count(), 2);
            assert_eq!(told.iter().filter(|step| **step == lost).count(), 1);
            assert_eq!((told.len(), told.last()), (4, Some(&stalled)));
        }
        wire.blocked.store(false, Ordering::Relaxed);
        router.end();
    }
}

#[test]
fn a_segment_that_nobody_waits_for_is_dropped_and_not_heard() {
    let mut router = Router::new();
    let watch = lives(&router, b"");
    let drops = router.stack.watch(spec(Subject::Drops(None, Vec::new()), b"")).unwrap();
    let (from, ours) = ((addr(INNER, 2), 4000), (addr(INNER, 1), 80));
    let on = router.ids[INNER];
    router.hear(INNER, 0, &tcp(from, ours, Flags::RST, 1, 0));
    let mut broken = tcp(from, ours, Flags::SYN, 1, 0);
    broken[56] ^= 1;
    router.hear(INNER, 0, &broken);
    let ends: Vec<Step> = steps(&watch.take(100).0).into_iter().filter(Step::is_end).collect();
    let [
        Step::Dropped { on: first, cause: DropReason::NoListener },
        Step::Dropped { cause: DropReason::Malformed(_), .. },
    ] = ends[..]
    else {
        panic!("{ends:?}")
    };
    assert_eq!((first, steps(&drops.take(100).0)), (on, ends));
    router.end();
}

#[test]
fn a_packet_that_two_want_is_the_firsts_and_the_other_counts_it() {
    let mut router = Router::new();
    let (first, second) = (lives(&router, b"both"), lives(&router, b""));
    let ends = ((addr(INNER, 2), 1), (addr(OUTER, 2), 2));
    for data in [&b"both"[..], b"only the second"] {
        assert!(router.passes(INNER, 0, &udp(ends.0, ends.1, data)));
    }
    let ((one, none), (other, missed)) = (first.take(100), second.take(100));
    assert_eq!((one.len(), none.packets), (4, 0));
    assert_eq!((other.len(), missed.packets), (4, 1));
    router.end();
}

/// Notes whether it was let go of while a worker was at work.
struct LetGo {
    working: Arc<AtomicBool>,
    let_go: Arc<Mutex<Option<bool>>>,
}

impl Wants for LetGo {
    fn wants(&self, _on: IfId, _frame: &[u8]) -> bool {
        true
    }
}

impl Drop for LetGo {
    fn drop(&mut self) {
        *self.let_go.lock().unwrap() = Some(self.working.load(Ordering::Relaxed));
    }
}

#[test]
fn no_worker_frees_what_somebody_has_left_who_watched() {
    let mut router = Router::new();
    let (working, let_go) = (Arc::<AtomicBool>::default(), Arc::<Mutex<Option<bool>>>::default());
    let wants = Arc::new(LetGo { working: working.clone(), let_go: let_go.clone() });
    let watch = router.stack.watch(WatchSpec { wants, ..spec(Subject::Lives, b"") }).unwrap();
    let turns = |router: &mut Router| {
        working.store(true, Ordering::Relaxed);
        router.turns();
        working.store(false, Ordering::Relaxed);
    };
    turns(&mut router);
    drop(watch);
    turns(&mut router);
    assert_eq!(*let_go.lock().unwrap(), None);
    drop(lives(&router, b""));
    assert_eq!(*let_go.lock().unwrap(), Some(false), "by the next who comes");
    turns(&mut router);
    router.end();
}
