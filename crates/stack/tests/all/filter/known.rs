//! Packets of flows that are known are followed at once when they come with others: the same becomes of them as of those
//! that come alone, which take the usual way.

use std::sync::atomic::AtomicU64;

use super::*;

/// As [`Edge`], and what is established passes all hooks for that alone, if it is `quick`.
#[derive(Debug, Clone, Default)]
struct Quick {
    quick: bool,
    at_prerouting: bool,
    /// It has a say before states do, and lets all pass there.
    before: bool,
    /// It looks at frames.
    sees_frames: bool,
    asked: Arc<AtomicU64>,
    /// Packets that it was asked of without their frame.
    unseen: Arc<AtomicU64>,
    passed: Arc<AtomicU64>,
}

impl Judge for Quick {
    fn has_rules(&self, hook: Hook, part: Part) -> bool {
        match (hook, part) {
            (Hook::Forward, Part::AfterStates) => true,
            (Hook::Prerouting, Part::AfterStates) => self.at_prerouting,
            (Hook::Prerouting, Part::BeforeStates) => self.before,
            _ => false,
        }
    }

    fn sees_frames(&self) -> bool {
        self.sees_frames
    }

    fn needs_states(&self) -> bool {
        true
    }

    fn judge(&self, worker: usize, hook: Hook, part: Part, packet: &[u8], asks: &mut Asks<'_>) -> Verdict {
        self.asked.fetch_add(1, Ordering::Relaxed);
        self.unseen.fetch_add(u64::from(asks.frame().is_none()), Ordering::Relaxed);
        match hook {
            _ if part == Part::BeforeStates => Verdict::Accept,
            Hook::Forward => Edge::default().judge(worker, hook, part, packet, asks),
            _ if asks.connection().state == CtState::Invalid => Verdict::Drop,
            _ => Verdict::Accept,
        }
    }

    fn lets_pass(&self, _: Hook, _: Version, state: CtState) -> bool {
        self.quick && state == CtState::Established
    }

    fn count_passed(&self, _: (usize, Instant), _: Hook, _: (Version, CtState), (packets, _): (u64, u64)) {
        self.passed.fetch_add(packets, Ordering::Relaxed);
    }

    fn rehearse(&self, hook: Hook, part: Part, packet: &[u8], asks: &mut Asks<'_>) -> Verdict {
        self.judge(0, hook, part, packet, asks)
    }
}

fn server() -> (Ipv6Addr, u16) {
    (addr(OUTER, 2), 80)
}

fn client(port: u16) -> (Ipv6Addr, u16) {
    (addr(INNER, 2), port)
}

/// Batches, each of one side. All that there is: beginnings, answers, ends, what is beside the window, resets, begun anew, of both
/// transports; and between them what is not plain, or broken.
fn batches() -> Vec<(usize, Vec<Vec<u8>>)> {
    let out = |port, flags, seq, ack| tcp(client(port), server(), flags, seq, ack);
    let back = |port, flags, seq, ack| tcp(server(), client(port), flags, seq, ack);
    let ask = |port, data: &[u8]| udp(client(port), (server().0, 53), data);
    let answer = |port, data: &[u8]| udp((server().0, 53), client(port), data);
    let cut = |mut packet: Vec<u8>, len: usize| {
        packet.truncate(40 + len);
        packet[4..6].copy_from_slice(&(len as u16).to_be_bytes());
        packet
    };
    let with = |mut packet: Vec<u8>, at: usize, byte: u8| {
        packet[at] = byte;
        packet
    };
    vec![
        (
            INNER,
            (1..6)
                .map(|port| out(port, Flags::SYN, 100, 0))
                .chain([ask(1, b"a"), ask(2, b"b"), ask(1, b"c")])
                .collect(),
        ),
        (
            OUTER,
            (1..5)
                .map(|port| back(port, SYN_ACK, 500, 101))
                .chain([answer(1, b"d"), answer(3, b"e")])
                .collect(),
        ),
        (
            INNER,
            (1..6).map(|port| out(port, Flags::ACK, 101, 501)).chain([ask(1, b"f"), ask(2, b"g")]).collect(),
        ),
        (
            OUTER,
            vec![
                back(1, Flags::ACK, 501, 101),
                // Beside the window, and a guess at a reset.
                back(2, Flags::ACK, 900_000, 101),
                back(2, Flags(0x04), 700_000, 0),
                // Nobody knows it.
                back(9, Flags::ACK, 1, 1),
                // Flags that nobody sends, no more than a part of a header, and a length of it that cannot be.
                back(1, Flags(0x3f), 501, 101),
                cut(back(1, Flags::ACK, 501, 101), 10),
                with(back(1, Flags::ACK, 501, 101), 52, 0x10),
                cut(answer(1, b""), 6),
                answer(1, b"h"),
                // An error about a flow, and about none.
                too_big(client(1).0, &out(1, Flags::ACK, 101, 501)),
                too_big(client(1).0, &out(9, Flags::ACK, 101, 501)),
                back(1, Flags::ACK, 501, 101),
            ],
        ),
        (
            INNER,
            vec![
                fragment(client(1), (server().0, 53), 1, 0, true),
                ask(1, b"i"),
                fragment(client(1), (server().0, 53), 1, 24, false),
                ask(1, b"j"),
                // The same flow over and over, and one that has no state yet.
                ask(1, b"k"),
                ask(7, b"l"),
                ask(7, b"m"),
            ],
        ),
        // Ends, and what comes after them.
        (
            INNER,
            vec![
                out(1, Flags(0x11), 101, 501),
                out(3, Flags(0x04), 101, 0),
                out(3, Flags::ACK, 101, 501),
                out(3, Flags::SYN, 9000, 0),
                out(4, Flags::SYN, 9000, 0),
            ],
        ),
        (
            OUTER,
            vec![
                back(1, Flags(0x11), 501, 102),
                back(1, Flags::ACK, 502, 102),
                back(3, SYN_ACK, 1, 9001),
                back(4, Flags(0x14), 0, 9001),
                answer(7, b"n"),
                answer(7, b"o"),
            ],
        ),
        (
            INNER,
            vec![out(1, Flags::SYN, 20_000, 0), out(1, Flags::ACK, 102, 502), ask(7, b"p"), ask(1, b"q")],
        ),
    ]
}

/// What has left, what there is of states, and what has been dropped.
#[derive(Debug, PartialEq)]
struct Came {
    out: Vec<Vec<u8>>,
    states: Vec<String>,
    dropped: Vec<(String, u64)>,
}

/// All batches; each at once, or each packet alone. Frames come to `worker`, and those from outside to the other one if there is
/// `spread`.
fn came(judge: &Quick, spread: bool, alone: bool) -> Came {
    let mut router = Router::new();
    router.load(judge.clone());
    let mut out = Vec::new();
    for (side, packets) in batches() {
        let worker = if spread { side } else { 0 };
        for packet in &packets {
            router.comes(side, worker, packet);
            if alone {
                router.turns();
            }
        }
        router.turns();
        let mut left = [router.take(INNER), router.take(OUTER)].concat();
        // What another worker keeps comes later.
        left.sort();
        out.extend(left);
    }
    let (states, _) = router.states(StateQuery::default());
    let mut states: Vec<String> = states.iter().map(|state| format!("{state:?}")).collect();
    states.sort();
    let dropped = DropReason::all().map(|cause| (cause.to_string(), router.dropped(cause))).collect();
    router.end();
    Came { out, states, dropped }
}

#[test]
fn what_comes_with_others_fares_as_what_comes_alone() {
    for at_prerouting in [false, true] {
        for spread in [false, true] {
            let usual = Quick { at_prerouting, ..Quick::default() };
            let alone = came(&usual, spread, true);
            assert!(alone.out.len() > 30 && alone.states.len() > 6, "{alone:?}");
            let together = came(&Quick { at_prerouting, ..Quick::default() }, spread, false);
            assert_eq!(together, alone, "{at_prerouting} {spread}");
            let quick = Quick { quick: true, at_prerouting, ..Quick::default() };
            assert_eq!(came(&quick, spread, false), alone, "{at_prerouting} {spread}");
            let asked = |judge: &Quick| judge.asked.load(Ordering::Relaxed);
            assert!(quick.passed.load(Ordering::Relaxed) > 10, "{quick:?}");
            assert!(asked(&quick) + 10 < asked(&usual), "{quick:?} {usual:?}");
        }
    }
}

/// A router with one flow, which has been answered, and from whom to whom it goes.
fn answered(judge: &Quick) -> (Router, [(Ipv6Addr, u16); 2]) {
    let mut router = Router::new();
    router.load(judge.clone());
    let (inner, outer) = (client(1), (server().0, 53));
    assert!(router.passes(INNER, 0, &udp(inner, outer, b"question")));
    assert!(router.passes(OUTER, 0, &udp(outer, inner, b"answer")));
    (router, [inner, outer])
}

/// How many of these leave that come from the inner side at once, and how often the judge is asked of them.
fn leave(router: &mut Router, judge: &Quick, packets: &[&[u8]]) -> (usize, u64) {
    let before = judge.asked.load(Ordering::Relaxed);
    packets.iter().for_each(|packet| router.comes(INNER, 0, packet));
    router.turns();
    (router.take(OUTER).len(), judge.asked.load(Ordering::Relaxed) - before)
}

#[test]
fn frames_that_nobody_judges_hold_up_none_of_those_behind_them() {
    let judge = Quick { quick: true, ..Quick::default() };
    let (mut router, [inner, outer]) = answered(&judge);
    // From nobody, and too short for what it says; one of no flags is judged, and goes no further.
    let nobody = udp((Ipv6Addr::UNSPECIFIED, 1), outer, b"");
    let mut long = udp(inner, outer, b"");
    long[5] += 1;
    let [one, two] = [b"one", b"two"].map(|data| udp(inner, outer, data));
    assert_eq!(leave(&mut router, &judge, &[&nobody, &long, &one, &long, &two]), (2, 0), "nobody is asked");
    let none = tcp(client(9), server(), Flags(0), 1, 0);
    assert_eq!(leave(&mut router, &judge, &[&none, &one]), (1, 1), "of the one without flags");
    router.end();
}

#[test]
fn rules_before_states_have_their_say_and_who_looks_at_frames_is_asked_of_each() {
    // (What it asks of a packet that comes first, too.)
    for (judge, asked) in [
        (Quick { quick: true, ..Quick::default() }, 0),
        (Quick { quick: true, before: true, ..Quick::default() }, 2 + 2),
        (Quick { quick: true, at_prerouting: true, sees_frames: true, ..Quick::default() }, 2 + 2),
    ] {
        let (mut router, [inner, outer]) = answered(&judge);
        let [one, two] = [b"one", b"two"].map(|data| udp(inner, outer, data));
        let unseen = judge.unseen.load(Ordering::Relaxed);
        assert_eq!(leave(&mut router, &judge, &[&one, &two]), (2, asked), "{judge:?}");
        if judge.sees_frames {
            assert_eq!(judge.unseen.load(Ordering::Relaxed), unseen, "each with its frame");
        }
        router.end();
    }
}

#[test]
fn one_whose_life_is_followed_is_judged_aloud() {
    let judge = Quick { quick: true, ..Quick::default() };
    let (mut router, [inner, outer]) = answered(&judge);
    let [one, two] = [b"one", b"two"].map(|data| udp(inner, outer, data));
    assert_eq!(leave(&mut router, &judge, &[&one, &two]), (2, 0), "nobody is asked");
    let watch = trace::lives(&router, b"");
    assert_eq!(leave(&mut router, &judge, &[&one, &two]), (2, 2));
    drop(watch);
    router.end();
}
