//! The listener's machine: what it reports, and when (RFC 3810, RFC 2710).

use std::net::Ipv6Addr;
use std::time::Duration;

use siding_machines::Chance;
use siding_machines::mld::MldConfig;
use siding_machines::mld::listener::Listener;
use siding_machines::mld::listener::MAX_LEAVING;
use siding_machines::mld::listener::MAX_QUERY_INTERVAL;
use siding_machines::mld::listener::MAX_SOURCES;
use siding_machines::mld::listener::Message;
use siding_machines::mld::listener::QUERY_INTERVAL;
use siding_machines::mld::listener::UNSOLICITED_INTERVAL_V1;
use siding_machines::nud::REFUSED_RETRY;
use siding_machines::nud::Refused;
use siding_netisr::Instant;
use siding_wire::mld::MldV1;
use siding_wire::mld::QueryV2;
use siding_wire::mld::RecordKind;
use siding_wire::mld::RecordKind::*;

const T0: Instant = Instant::from_nanos(5_000_000_000);
const MS: Duration = Duration::from_millis(1);
const S: Duration = Duration::from_secs(1);
const ANY: Ipv6Addr = Ipv6Addr::UNSPECIFIED;
const A: Ipv6Addr = group(1);
const B: Ipv6Addr = group(2);
const ROOM: usize = 1224;

const fn group(n: u16) -> Ipv6Addr {
    Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff00, n)
}

/// What was sent, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Sent {
    Records(Duration, Vec<(RecordKind, Ipv6Addr, usize)>),
    V1(Duration, MldV1),
}

struct Rig {
    listener: Listener,
    chance: Chance,
    now: Instant,
    sent: Vec<Sent>,
}

impl Rig {
    fn new(seed: u64, groups: &[Ipv6Addr]) -> Rig {
        let mut listener = Listener::new(MldConfig::default());
        listener.listen(T0, groups);
        Rig { listener, chance: Chance::new(seed), now: T0, sent: Vec::new() }
    }

    /// One whose joins have been told, and are past.
    fn settled(seed: u64, groups: &[Ipv6Addr]) -> Rig {
        let mut rig = Rig::new(seed, groups);
        rig.until(T0 + S * 5);
        rig.sent.clear();
        rig
    }

    /// Steps to each deadline up to a moment.
    fn until(&mut self, end: Instant) {
        while let Some(at) = self.listener.deadline().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.step(ROOM, |_| Ok(()));
        }
        self.now = end;
    }

    fn step(&mut self, room: usize, mut accept: impl FnMut(&Message<'_>) -> Result<(), Refused>) {
        let (at, sent) = (self.now - T0, &mut self.sent);
        self.listener.on_timer(self.now, room, &mut self.chance, |message| {
            accept(&message)?;
            sent.push(match message {
                Message::Report(records) => Sent::Records(
                    at,
                    records.iter().map(|record| (record.kind, record.group, record.sources.len())).collect(),
                ),
                Message::V1(message) => Sent::V1(at, message),
            });
            Ok(())
        });
    }

    fn query(&mut self, max_response: u32, group: Ipv6Addr, sources: &[[u8; 16]]) {
        let query = QueryV2 { max_response, group, suppress: false, robustness: 2, interval: 125, sources };
        self.listener.on_query_v2(self.now, &query, &mut self.chance);
    }

    fn query_v1(&mut self, max_response: Duration, group: Ipv6Addr) {
        self.listener.on_query_v1(self.now, max_response, group, &mut self.chance);
    }

    /// The times and kinds of the records about one group.
    fn records(&self, of: Ipv6Addr) -> Vec<(Duration, RecordKind)> {
        let mut all = Vec::new();
        for sent in &self.sent {
            if let Sent::Records(at, records) = sent {
                all.extend(
                    records.iter().filter(|(_, group, _)| *group == of).map(|(kind, ..)| (*at, *kind)),
                );
            }
        }
        all
    }
}

#[test]
fn a_join_is_reported_at_once_and_once_more_within_a_second_3810_3_3810_4() {
    let mut gaps = Vec::new();
    for seed in 0..200 {
        let mut rig = Rig::new(seed, &[A]);
        assert_eq!((rig.listener.deadline(), rig.listener.is_told(A)), (Some(T0), Some(false)));
        rig.until(T0 + S * 100);
        let [(first, ChangeToExclude), (second, ChangeToExclude)] = rig.records(A)[..] else {
            panic!("two joins: {:?}", rig.sent)
        };
        assert_eq!((first, rig.listener.is_told(A)), (Duration::ZERO, Some(true)));
        gaps.push(second);
    }
    let (least, most) = (gaps.iter().min().unwrap(), gaps.iter().max().unwrap());
    assert!(
        *least > Duration::ZERO && *least < MS * 100 && *most <= S && *most > MS * 900,
        "{least:?} {most:?}"
    );
}

#[test]
fn a_leave_is_reported_as_often_as_a_join_3810_3() {
    let mut rig = Rig::settled(1, &[A, B]);
    rig.listener.listen(rig.now, &[B]);
    rig.until(rig.now + S * 100);
    assert_eq!(rig.records(A).iter().map(|(_, kind)| *kind).collect::<Vec<_>>(), [ChangeToInclude; 2]);
    assert_eq!((rig.records(B), rig.listener.is_told(A)), (vec![], None));
}

#[test]
fn what_was_never_told_is_left_in_silence_3810_3() {
    let mut rig = Rig::new(1, &[A]);
    rig.listener.listen(T0, &[]);
    rig.until(T0 + S * 100);
    assert_eq!(rig.sent, []);
}

#[test]
fn changes_that_are_under_way_ride_along_3810_3() {
    let mut rig = Rig::new(3, &[A]);
    rig.step(ROOM, |_| Ok(()));
    rig.listener.listen(T0, &[A, B]);
    rig.step(ROOM, |_| Ok(()));
    // The second report of A is the first of B; B alone is told again.
    rig.until(T0 + S * 100);
    let kinds = |of| rig.records(of).len();
    assert_eq!((kinds(A), kinds(B), rig.sent.len()), (2, 2, 3), "{:?}", rig.sent);
    assert_eq!(
        rig.sent[1],
        Sent::Records(Duration::ZERO, vec![(ChangeToExclude, A, 0), (ChangeToExclude, B, 0)])
    );
}

#[test]
fn a_group_that_comes_back_while_its_leave_is_told_is_joined_again_3810_3() {
    let mut rig = Rig::settled(4, &[A]);
    let from = rig.now;
    rig.listener.listen(from, &[]);
    rig.step(ROOM, |_| Ok(()));
    rig.listener.listen(from, &[A]);
    rig.until(from + S * 100);
    let kinds: Vec<_> = rig.records(A).into_iter().map(|(_, kind)| kind).collect();
    assert_eq!(kinds, [ChangeToInclude, ChangeToExclude, ChangeToExclude]);
}

#[test]
fn nothing_is_said_of_all_nodes_and_of_small_scopes_3810_3() {
    let silent = ["ff02::1", "ff01::2", "ff01::1", "ff00::7"].map(|group| group.parse().unwrap());
    let mut rig = Rig::new(1, &silent);
    rig.query(1000, ANY, &[]);
    rig.until(T0 + S * 100);
    assert_eq!((rig.sent.len(), rig.listener.is_told(silent[0])), (0, None));
}

#[test]
fn a_general_query_is_answered_for_all_groups_at_random_and_never_at_once_3810_3() {
    let mut times = Vec::new();
    for seed in 0..200 {
        let mut rig = Rig::settled(seed, &[A, B]);
        let asked = rig.now - T0;
        rig.query(10_000, ANY, &[]);
        assert!(rig.listener.deadline().unwrap() > rig.now);
        rig.until(rig.now + S * 100);
        let [Sent::Records(at, records)] = &rig.sent[..] else { panic!("one answer: {:?}", rig.sent) };
        assert_eq!(*records, [(ModeIsExclude, A, 0), (ModeIsExclude, B, 0)]);
        times.push(*at - asked);
    }
    let (least, most) = (times.iter().min().unwrap(), times.iter().max().unwrap());
    assert!(*least > Duration::ZERO && *least < S && *most > S * 9 && *most <= S * 10, "{least:?} {most:?}");
    // Not even if the querier wants it so.
    let mut rig = Rig::settled(1, &[A]);
    rig.query(0, ANY, &[]);
    assert!(rig.listener.deadline().unwrap() > rig.now);
}

#[test]
fn an_answer_to_all_that_comes_sooner_will_do_3810_3() {
    let mut rig = Rig::settled(1, &[A, B]);
    rig.query(10, ANY, &[]);
    let general = rig.listener.deadline();
    rig.query(1_000_000, A, &[]);
    rig.query(1_000_000, ANY, &[]);
    assert_eq!(rig.listener.deadline(), general);
    rig.until(rig.now + S * 2000);
    assert_eq!(rig.sent.len(), 1);
    // One that would come later does not stand in the way.
    rig.sent.clear();
    rig.query(1_000_000, ANY, &[]);
    rig.query(10, B, &[]);
    rig.until(rig.now + MS * 10);
    assert_eq!(rig.records(B).len(), 1);
}

#[test]
fn a_query_about_a_group_is_answered_for_it_alone_3810_3() {
    let mut rig = Rig::settled(2, &[A, B]);
    rig.query(1000, B, &[]);
    rig.query(1000, group(77), &[]);
    rig.until(rig.now + S * 100);
    let [Sent::Records(_, records)] = &rig.sent[..] else { panic!("one answer: {:?}", rig.sent) };
    assert_eq!(*records, [(ModeIsExclude, B, 0)]);
}

#[test]
fn queries_about_one_group_are_answered_once_at_the_earliest_3810_3() {
    let mut rig = Rig::settled(2, &[A]);
    rig.query(100_000, A, &[]);
    rig.query(100, A, &[]);
    rig.query(100_000, A, &[]);
    assert!(rig.listener.deadline().unwrap() <= rig.now + MS * 100);
    rig.until(rig.now + S * 1000);
    assert_eq!(rig.records(A).len(), 1);
}

#[test]
fn who_asks_for_sources_is_told_of_those_3810_3() {
    let sources: Vec<[u8; 16]> = (0..=MAX_SOURCES as u8).map(|n| [n; 16]).collect();
    let asked = |queries: &[&[[u8; 16]]]| {
        let mut rig = Rig::settled(2, &[A]);
        queries.iter().for_each(|sources| rig.query(1000, A, sources));
        rig.until(rig.now + S * 100);
        let [Sent::Records(_, records)] = &rig.sent[..] else { panic!("one answer: {:?}", rig.sent) };
        records[0]
    };
    assert_eq!(asked(&[&sources[..3]]), (ModeIsInclude, A, 3));
    assert_eq!(
        asked(&[&sources[..3], &sources[2..5]]),
        (ModeIsInclude, A, 5),
        "both lists, each source once"
    );
    assert_eq!(asked(&[&sources[..3], &[]]), (ModeIsExclude, A, 0), "the group as a whole");
    assert_eq!(asked(&[&[], &sources[..3]]), (ModeIsExclude, A, 0));
    assert_eq!(asked(&[&sources]), (ModeIsExclude, A, 0), "more than are remembered");
}

#[test]
fn many_records_go_into_several_reports_3810_3() {
    let groups: Vec<_> = (0..100).map(group).collect();
    let mut rig = Rig::new(1, &groups);
    rig.step(45 * 20, |_| Ok(()));
    let sizes: Vec<_> =
        rig.sent.iter().map(|sent| matches!(sent, Sent::Records(_, r) if r.len() == 45)).collect();
    assert_eq!(sizes, [true, true, false]);
    assert!(groups.iter().all(|group| rig.records(*group).len() == 1));
}

#[test]
fn a_refused_report_does_not_count_3810_3() {
    let groups: Vec<_> = (0..100).map(group).collect();
    let mut rig = Rig::new(1, &groups);
    for round in 0..20 {
        let mut accepted = 0;
        // The queue takes one report, then none.
        rig.step(45 * 20, |_| {
            accepted += 1;
            if round == 7 && accepted == 1 { Ok(()) } else { Err(Refused) }
        });
        assert_eq!(rig.listener.deadline(), Some(rig.now + REFUSED_RETRY));
        assert_eq!(rig.listener.is_told(group(0)), Some(round >= 7));
        assert_eq!(rig.listener.is_told(group(99)), Some(false));
        let before = rig.sent.len();
        rig.step(ROOM, |_| Ok(()));
        assert_eq!(rig.sent.len(), before, "not before its time");
        rig.now += REFUSED_RETRY;
    }
    rig.until(rig.now + S * 10);
    assert!(groups.iter().all(|group| rig.records(*group).len() == 2), "each twice, whatever was refused");
}

#[test]
fn robustness_is_the_queriers_but_never_below_two_3810_4() {
    for (told, expected) in [(0, 2), (1, 2), (2, 2), (5, 5), (7, 7)] {
        let mut rig = Rig::settled(1, &[A]);
        let query = QueryV2 {
            max_response: 1,
            group: ANY,
            suppress: false,
            robustness: told,
            interval: 125,
            sources: &[],
        };
        rig.listener.on_query_v2(rig.now, &query, &mut rig.chance);
        rig.until(rig.now + S);
        rig.listener.listen(rig.now, &[A, B]);
        rig.until(rig.now + S * 100);
        assert_eq!((rig.records(B).len(), rig.listener.robustness()), (expected, expected as u8));
    }
    let careless = Listener::new(MldConfig { robustness: 0, ..MldConfig::default() });
    assert_eq!(careless.robustness(), 2);
}

#[test]
fn a_query_of_version_1_makes_a_listener_of_version_1_for_a_time_3810_4_2710_1() {
    let mut rig = Rig::settled(1, &[A, B]);
    let from = rig.now;
    rig.query_v1(S * 10, ANY);
    assert_eq!(rig.listener.version1_until(), Some(from + QUERY_INTERVAL * 2 + S * 10));
    rig.until(from + S * 10);
    let reports = rig.sent.iter().map(|sent| match sent {
        Sent::V1(at, MldV1::Report { group }) => (*at > from - T0, *group),
        other => panic!("{other:?}"),
    });
    let mut reports: Vec<_> = reports.collect();
    reports.sort();
    assert_eq!(reports, [(true, A), (true, B)], "one message for each group, none at once");
    // A query of version 2 is answered in version 1, and does not lengthen it.
    rig.sent.clear();
    rig.query(1000, A, &[]);
    rig.until(rig.now + S);
    assert!(matches!(rig.sent[..], [Sent::V1(_, MldV1::Report { group: A })]), "{:?}", rig.sent);
    assert_eq!(rig.listener.version1_until(), Some(from + QUERY_INTERVAL * 2 + S * 10));
    // Then it is over.
    rig.sent.clear();
    rig.until(from + QUERY_INTERVAL * 2 + S * 10);
    assert_eq!(rig.listener.version1_until(), None);
    rig.query(1000, ANY, &[]);
    rig.until(rig.now + S);
    assert!(matches!(&rig.sent[..], [Sent::Records(..)]));
}

#[test]
fn the_time_in_version_1_is_learnt_from_queries_within_limits_3810_4() {
    for (robustness, interval, expected) in
        [(3, 20, S * 60), (0, 0, QUERY_INTERVAL * 2), (7, 31_744, MAX_QUERY_INTERVAL * 7)]
    {
        let mut rig = Rig::settled(1, &[A]);
        let query =
            QueryV2 { max_response: 1, group: ANY, suppress: false, robustness, interval, sources: &[] };
        rig.listener.on_query_v2(rig.now, &query, &mut rig.chance);
        rig.query_v1(S, ANY);
        assert_eq!(rig.listener.version1_until(), Some(rig.now + expected + S));
    }
}

#[test]
fn what_is_under_way_is_cancelled_when_the_version_changes_3810_4() {
    let mut rig = Rig::settled(1, &[A, B]);
    rig.query(10_000, ANY, &[]);
    rig.query_v1(S, group(9));
    rig.until(rig.now + S * 100);
    assert_eq!(rig.sent, [], "the answer of version 2 is not given any more");
    // A join that nobody has been told of yet is told all the same.
    let mut rig = Rig::new(1, &[A]);
    rig.query_v1(S, group(9));
    rig.until(T0 + S);
    assert!(matches!(rig.sent[..], [Sent::V1(_, MldV1::Report { group: A }), ..]));
}

#[test]
fn reports_of_others_suppress_ours_in_version_1_only_2710_1() {
    let mut rig = Rig::settled(1, &[A, B]);
    rig.query_v1(S * 10, ANY);
    rig.listener.on_report_v1(A);
    rig.until(rig.now + S * 10);
    assert!(matches!(rig.sent[..], [Sent::V1(_, MldV1::Report { group: B })]), "{:?}", rig.sent);
    let mut rig = Rig::settled(1, &[A]);
    rig.query(1000, ANY, &[]);
    rig.listener.on_report_v1(A);
    rig.until(rig.now + S);
    assert_eq!(rig.records(A).len(), 1, "version 2 has no suppression");
}

#[test]
fn a_query_of_version_1_only_ever_makes_a_timer_shorter_2710_1() {
    for seed in 0..50 {
        let mut rig = Rig::settled(seed, &[A]);
        rig.query_v1(S, ANY);
        let first = rig.listener.deadline();
        rig.query_v1(S * 100, ANY);
        assert_eq!(rig.listener.deadline(), first);
        rig.query_v1(MS * 2, A);
        assert!(rig.listener.deadline().unwrap() <= rig.now + MS * 2);
    }
}

#[test]
fn a_join_in_version_1_is_reported_at_once_and_within_ten_seconds_2710_1() {
    let mut gaps = Vec::new();
    for seed in 0..100 {
        let mut rig = Rig::settled(seed, &[A]);
        rig.query_v1(MS, group(9));
        let from = rig.now;
        rig.listener.listen(from, &[A, B]);
        rig.until(from + S * 100);
        let [Sent::V1(first, one), Sent::V1(second, two)] = rig.sent[..] else { panic!("{:?}", rig.sent) };
        assert_eq!((one, two, first), (MldV1::Report { group: B }, MldV1::Report { group: B }, from - T0));
        gaps.push(second - first);
    }
    assert!(gaps.iter().all(|gap| *gap <= UNSOLICITED_INTERVAL_V1 && !gap.is_zero()));
    assert!(gaps.iter().max().unwrap() > &(S * 9));
}

#[test]
fn done_is_said_by_who_reported_last_2710_1() {
    let leave = |others_report: bool| {
        let mut rig = Rig::settled(1, &[A]);
        rig.query_v1(S, ANY);
        rig.until(rig.now + S);
        if others_report {
            rig.listener.on_report_v1(A);
        }
        rig.sent.clear();
        rig.listener.listen(rig.now, &[]);
        rig.until(rig.now + S * 100);
        rig.sent
            .into_iter()
            .map(|sent| matches!(sent, Sent::V1(_, MldV1::Done { group: A })))
            .collect::<Vec<_>>()
    };
    assert_eq!((leave(false), leave(true)), (vec![true], vec![]));
}

#[test]
fn everything_is_reported_anew_when_asked_to_3810_1() {
    let mut rig = Rig::settled(1, &[A, B]);
    rig.listener.report_all(rig.now);
    assert_eq!(rig.listener.deadline(), Some(rig.now));
    rig.until(rig.now + S * 10);
    assert_eq!((rig.records(A).len(), rig.records(B).len()), (2, 2));
    assert!(rig.records(A).iter().all(|(_, kind)| *kind == ChangeToExclude));
}

#[test]
fn groups_that_were_left_are_bounded() {
    let many: Vec<_> = (0..2 * MAX_LEAVING as u16).map(group).collect();
    let mut rig = Rig::settled(1, &many);
    rig.listener.listen(rig.now, &[]);
    rig.step(usize::MAX, |_| Ok(()));
    let [Sent::Records(_, records)] = &rig.sent[..] else { panic!("one report") };
    assert_eq!(records.len(), MAX_LEAVING);
}
