//! The neighbour state machine, cell by cell (RFC 4861 s7.3.2 and Appendix C, s7.2.5 where the two differ;
//! RFC 7048).

use std::time::Duration;

use NudState::*;
use siding_machines::nud::*;
use siding_netisr::Instant;
use siding_wire::Mac;

const A: Mac = Mac([2, 0, 0, 0, 0, 0xa]);
const B: Mac = Mac([2, 0, 0, 0, 0, 0xb]);
const T0: Instant = Instant::from_nanos(100_000_000_000);
const S: Duration = Duration::from_secs(1);
const STATES: [NudState; 6] = [Incomplete, Reachable, Stale, Delay, Probe, Unreachable];

fn rfc7048() -> NudConfig {
    NudConfig { unreachable: Some(Backoff::default()), ..NudConfig::default() }
}

/// An entry in `state` with address A (INCOMPLETE: none), and the present moment.
fn entry(state: NudState, is_router: bool) -> (Nud, Instant) {
    let config = rfc7048();
    let mut now = T0;
    if state == Incomplete {
        let mut nud = Nud::new_for_packet(now, &config, |_| Ok(()));
        let advert = Advert { solicited: false, override_: false, router: is_router, tlla: None };
        let _ = nud.on_advert(now, &config, &advert);
        return (nud, now);
    }
    let mut nud = Nud::new_learned(A, is_router);
    match state {
        Reachable => nud.confirm(now, &config),
        Delay | Probe | Unreachable => {
            assert!(nud.on_packet(now, &config));
            while nud.state() != state {
                now = nud.deadline().expect("probing");
                assert_eq!(nud.on_timer(now, &config, |_| Ok(())), Outcome::Kept);
            }
        }
        Incomplete | Stale => {}
    }
    assert_eq!((nud.state(), nud.usable(), nud.is_router()), (state, Some(A), is_router));
    (nud, now)
}

/// What a link-layer address option holds, beside the entry's own address A.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Lla {
    None,
    Same,
    Diff,
}

impl Lla {
    fn mac(self) -> Option<Mac> {
        match self {
            Lla::None => None,
            Lla::Same => Some(A),
            Lla::Diff => Some(B),
        }
    }
}

/// Whether IsRouter follows the R flag.
#[derive(Debug, Clone, Copy, PartialEq)]
enum R {
    Follows,
    Stays,
}

type NaRow = (NudState, u8, u8, Lla, NudState, Option<Mac>, R);

/// State, S, O, TLLA | new state, address, IsRouter. 6 states x 12 messages; each is run with R = 0 and R = 1, on
/// a neighbour that was a host and on one that was a router.
#[rustfmt::skip]
const NA: &[NaRow] = &[
    (Incomplete,  0, 0, Lla::None, Incomplete,  None,    R::Follows),
    (Incomplete,  0, 1, Lla::None, Incomplete,  None,    R::Follows),
    (Incomplete,  1, 0, Lla::None, Incomplete,  None,    R::Follows),
    (Incomplete,  1, 1, Lla::None, Incomplete,  None,    R::Follows),
    (Incomplete,  0, 0, Lla::Same, Stale,       Some(A), R::Follows),
    (Incomplete,  0, 1, Lla::Same, Stale,       Some(A), R::Follows),
    (Incomplete,  1, 0, Lla::Same, Reachable,   Some(A), R::Follows),
    (Incomplete,  1, 1, Lla::Same, Reachable,   Some(A), R::Follows),
    (Incomplete,  0, 0, Lla::Diff, Stale,       Some(B), R::Follows),
    (Incomplete,  0, 1, Lla::Diff, Stale,       Some(B), R::Follows),
    (Incomplete,  1, 0, Lla::Diff, Reachable,   Some(B), R::Follows),
    (Incomplete,  1, 1, Lla::Diff, Reachable,   Some(B), R::Follows),

    (Reachable,   0, 0, Lla::None, Reachable,   Some(A), R::Follows),
    (Reachable,   0, 1, Lla::None, Reachable,   Some(A), R::Follows),
    (Reachable,   1, 0, Lla::None, Reachable,   Some(A), R::Follows),
    (Reachable,   1, 1, Lla::None, Reachable,   Some(A), R::Follows),
    (Reachable,   0, 0, Lla::Same, Reachable,   Some(A), R::Follows),
    (Reachable,   0, 1, Lla::Same, Reachable,   Some(A), R::Follows),
    (Reachable,   1, 0, Lla::Same, Reachable,   Some(A), R::Follows),
    (Reachable,   1, 1, Lla::Same, Reachable,   Some(A), R::Follows),
    (Reachable,   0, 0, Lla::Diff, Stale,       Some(A), R::Stays),
    (Reachable,   0, 1, Lla::Diff, Stale,       Some(B), R::Follows),
    (Reachable,   1, 0, Lla::Diff, Stale,       Some(A), R::Stays),
    (Reachable,   1, 1, Lla::Diff, Reachable,   Some(B), R::Follows),

    (Stale,       0, 0, Lla::None, Stale,       Some(A), R::Follows),
    (Stale,       0, 1, Lla::None, Stale,       Some(A), R::Follows),
    (Stale,       1, 0, Lla::None, Reachable,   Some(A), R::Follows),
    (Stale,       1, 1, Lla::None, Reachable,   Some(A), R::Follows),
    (Stale,       0, 0, Lla::Same, Stale,       Some(A), R::Follows),
    (Stale,       0, 1, Lla::Same, Stale,       Some(A), R::Follows),
    (Stale,       1, 0, Lla::Same, Reachable,   Some(A), R::Follows),
    (Stale,       1, 1, Lla::Same, Reachable,   Some(A), R::Follows),
    (Stale,       0, 0, Lla::Diff, Stale,       Some(A), R::Stays),
    (Stale,       0, 1, Lla::Diff, Stale,       Some(B), R::Follows),
    (Stale,       1, 0, Lla::Diff, Stale,       Some(A), R::Stays),
    (Stale,       1, 1, Lla::Diff, Reachable,   Some(B), R::Follows),

    (Delay,       0, 0, Lla::None, Delay,       Some(A), R::Follows),
    (Delay,       0, 1, Lla::None, Delay,       Some(A), R::Follows),
    (Delay,       1, 0, Lla::None, Reachable,   Some(A), R::Follows),
    (Delay,       1, 1, Lla::None, Reachable,   Some(A), R::Follows),
    (Delay,       0, 0, Lla::Same, Delay,       Some(A), R::Follows),
    (Delay,       0, 1, Lla::Same, Delay,       Some(A), R::Follows),
    (Delay,       1, 0, Lla::Same, Reachable,   Some(A), R::Follows),
    (Delay,       1, 1, Lla::Same, Reachable,   Some(A), R::Follows),
    (Delay,       0, 0, Lla::Diff, Delay,       Some(A), R::Stays),
    (Delay,       0, 1, Lla::Diff, Stale,       Some(B), R::Follows),
    (Delay,       1, 0, Lla::Diff, Delay,       Some(A), R::Stays),
    (Delay,       1, 1, Lla::Diff, Reachable,   Some(B), R::Follows),

    (Probe,       0, 0, Lla::None, Probe,       Some(A), R::Follows),
    (Probe,       0, 1, Lla::None, Probe,       Some(A), R::Follows),
    (Probe,       1, 0, Lla::None, Reachable,   Some(A), R::Follows),
    (Probe,       1, 1, Lla::None, Reachable,   Some(A), R::Follows),
    (Probe,       0, 0, Lla::Same, Probe,       Some(A), R::Follows),
    (Probe,       0, 1, Lla::Same, Probe,       Some(A), R::Follows),
    (Probe,       1, 0, Lla::Same, Reachable,   Some(A), R::Follows),
    (Probe,       1, 1, Lla::Same, Reachable,   Some(A), R::Follows),
    (Probe,       0, 0, Lla::Diff, Probe,       Some(A), R::Stays),
    (Probe,       0, 1, Lla::Diff, Stale,       Some(B), R::Follows),
    (Probe,       1, 0, Lla::Diff, Probe,       Some(A), R::Stays),
    (Probe,       1, 1, Lla::Diff, Reachable,   Some(B), R::Follows),

    (Unreachable, 0, 0, Lla::None, Unreachable, Some(A), R::Follows),
    (Unreachable, 0, 1, Lla::None, Unreachable, Some(A), R::Follows),
    (Unreachable, 1, 0, Lla::None, Reachable,   Some(A), R::Follows),
    (Unreachable, 1, 1, Lla::None, Reachable,   Some(A), R::Follows),
    (Unreachable, 0, 0, Lla::Same, Unreachable, Some(A), R::Follows),
    (Unreachable, 0, 1, Lla::Same, Unreachable, Some(A), R::Follows),
    (Unreachable, 1, 0, Lla::Same, Reachable,   Some(A), R::Follows),
    (Unreachable, 1, 1, Lla::Same, Reachable,   Some(A), R::Follows),
    (Unreachable, 0, 0, Lla::Diff, Unreachable, Some(A), R::Stays),
    (Unreachable, 0, 1, Lla::Diff, Stale,       Some(B), R::Follows),
    (Unreachable, 1, 0, Lla::Diff, Unreachable, Some(A), R::Stays),
    (Unreachable, 1, 1, Lla::Diff, Reachable,   Some(B), R::Follows),
];

/// State, option | new state, address. For NS, RS, RA and Redirect alike.
#[rustfmt::skip]
const LEARNED: &[(NudState, Lla, NudState, Option<Mac>)] = &[
    (Incomplete,  Lla::None, Incomplete,  None),
    (Incomplete,  Lla::Same, Stale,       Some(A)),
    (Incomplete,  Lla::Diff, Stale,       Some(B)),
    (Reachable,   Lla::None, Reachable,   Some(A)),
    (Reachable,   Lla::Same, Reachable,   Some(A)),
    (Reachable,   Lla::Diff, Stale,       Some(B)),
    (Stale,       Lla::None, Stale,       Some(A)),
    (Stale,       Lla::Same, Stale,       Some(A)),
    (Stale,       Lla::Diff, Stale,       Some(B)),
    (Delay,       Lla::None, Delay,       Some(A)),
    (Delay,       Lla::Same, Delay,       Some(A)),
    (Delay,       Lla::Diff, Stale,       Some(B)),
    (Probe,       Lla::None, Probe,       Some(A)),
    (Probe,       Lla::Same, Probe,       Some(A)),
    (Probe,       Lla::Diff, Stale,       Some(B)),
    (Unreachable, Lla::None, Unreachable, Some(A)),
    (Unreachable, Lla::Same, Unreachable, Some(A)),
    (Unreachable, Lla::Diff, Stale,       Some(B)),
];

/// State | after a packet, after a confirmation by an upper layer.
#[rustfmt::skip]
const USED: &[(NudState, NudState, NudState)] = &[
    (Incomplete,  Incomplete,  Incomplete),
    (Reachable,   Reachable,   Reachable),
    (Stale,       Delay,       Reachable),
    (Delay,       Delay,       Reachable),
    (Probe,       Probe,       Reachable),
    (Unreachable, Unreachable, Reachable),
];

/// Runs the advertisement rows of one state.
fn advertise(state: NudState) {
    let config = rfc7048();
    let rows: Vec<_> = NA.iter().filter(|row| row.0 == state).collect();
    assert_eq!(rows.len(), 12);
    for row @ (_, s, o, lla, to, address, r) in rows {
        for (was_router, router) in [(false, false), (false, true), (true, false), (true, true)] {
            let (mut nud, now) = entry(state, was_router);
            let before = nud.deadline();
            let advert = Advert { solicited: *s == 1, override_: *o == 1, router, tlla: lla.mac() };
            let change = nud.on_advert(now, &config, &advert);
            let what = format!("{row:?} was_router={was_router} R={router}");
            assert_eq!((nud.state(), nud.usable()), (*to, *address), "{what}");
            let is_router = if *r == R::Follows { router } else { was_router };
            let expected = Change {
                resolved: state == Incomplete && address.is_some(),
                lladdr_changed: state != Incomplete && *address == Some(B),
                became_router: is_router && !was_router,
                ceased_router: !is_router && was_router,
            };
            assert_eq!((nud.is_router(), change), (is_router, expected), "{what}");
            let deadline = match to {
                // Every solicited confirmation counts from now, also of one that was reachable already.
                Reachable if *s == 1 => Some(now + REACHABLE_TIME),
                Stale => None,
                _ => before,
            };
            assert_eq!(nud.deadline(), deadline, "{what}");
        }
    }
}

#[test]
fn t10_na_when_incomplete_4861_30_4861_31() {
    advertise(Incomplete);
}

#[test]
fn t10_na_when_reachable_4861_31() {
    advertise(Reachable);
}

#[test]
fn t10_na_when_stale_4861_31() {
    advertise(Stale);
}

#[test]
fn t10_na_when_delay_4861_31() {
    advertise(Delay);
}

#[test]
fn t10_na_when_probe_4861_31() {
    advertise(Probe);
}

#[test]
fn t10_na_when_unreachable_4861_31_7048_1() {
    advertise(Unreachable);
}

#[test]
fn t10_na_table_has_every_cell_once_4861_31() {
    let mut seen = std::collections::BTreeSet::new();
    for (state, s, o, lla, ..) in NA {
        assert!(seen.insert((*state, *s, *o, *lla as u8)), "{state} {s} {o} {lla:?} twice");
    }
    assert_eq!(seen.len(), STATES.len() * 2 * 2 * 3);
}

#[test]
fn t10_ns_rs_ra_redirect_4861_28_4861_19_4861_13_4861_36() {
    for row @ (state, lla, to, address) in LEARNED {
        for was_router in [false, true] {
            // NS and Redirect to the destination itself; RS; RA and Redirect to a router.
            for router in [None, Some(false), Some(true)] {
                let (mut nud, _) = entry(*state, was_router);
                let before = nud.deadline();
                let change = nud.on_learned(lla.mac(), router);
                let is_router = router.unwrap_or(was_router);
                assert_eq!(
                    (nud.state(), nud.usable(), nud.is_router()),
                    (*to, *address, is_router),
                    "{row:?}"
                );
                let expected = Change {
                    resolved: *state == Incomplete && address.is_some(),
                    lladdr_changed: *state != Incomplete && *address == Some(B),
                    became_router: is_router && !was_router,
                    ceased_router: !is_router && was_router,
                };
                assert_eq!(change, expected, "{row:?} {router:?}");
                let moved = change.resolved || change.lladdr_changed;
                assert_eq!(nud.deadline(), if moved { None } else { before }, "{row:?}");
            }
        }
    }
}

#[test]
fn t10_none_packet_to_send_makes_incomplete_4861_27() {
    let mut sent = Vec::new();
    let nud = Nud::new_for_packet(T0, &NudConfig::default(), |kind| {
        sent.push(kind);
        Ok(())
    });
    assert_eq!(sent, [Solicit::Multicast]);
    assert_eq!((nud.state(), nud.deadline(), nud.usable()), (Incomplete, Some(T0 + S), None));
}

#[test]
fn t10_none_heard_makes_stale_4861_28_9131_1() {
    let nud = Nud::new_learned(A, false);
    assert_eq!((nud.state(), nud.deadline(), nud.usable()), (Stale, None, Some(A)));
    assert!(!nud.is_router() && nud.needs_nudge());
    assert!(Nud::new_learned(A, true).is_router());
}

#[test]
fn t10_packet_and_confirmation_4861_34_4861_35() {
    let config = rfc7048();
    for (state, after_packet, after_confirm) in USED {
        let (mut nud, now) = entry(*state, false);
        let rearm = nud.on_packet(now, &config);
        assert_eq!((nud.state(), rearm), (*after_packet, *state == Stale), "{state}");
        if *state == Stale {
            assert_eq!(nud.deadline(), Some(now + DELAY_FIRST_PROBE_TIME));
        }
        assert!(!nud.needs_nudge(), "{state}: once is enough");
        let (mut nud, now) = entry(*state, false);
        nud.confirm(now, &config);
        assert_eq!(nud.state(), *after_confirm, "{state}");
        if *after_confirm == Reachable {
            assert_eq!(nud.deadline(), Some(now + REACHABLE_TIME));
        }
    }
}

/// What is sent at which whole second after T0, up to the failure or to `rounds` deadlines.
fn run(
    nud: &mut Nud,
    config: &NudConfig,
    rounds: usize,
    use_it: bool,
) -> (Vec<(u64, Solicit, NudState)>, Option<u64>) {
    let mut sent = Vec::new();
    for _ in 0..rounds {
        let Some(now) = nud.deadline() else { break };
        if use_it {
            let _ = nud.on_packet(now, config);
        }
        let mut kind = None;
        let outcome = nud.on_timer(now, config, |solicit| {
            kind = Some(solicit);
            Ok(())
        });
        let at = (now - T0).as_secs();
        sent.extend(kind.map(|kind| (at, kind, nud.state())));
        if outcome == Outcome::Failed {
            return (sent, Some(at));
        }
    }
    (sent, None)
}

#[test]
fn t10_incomplete_asks_three_times_then_fails_4861_27() {
    let config = NudConfig::default();
    let mut nud = Nud::new_for_packet(T0, &config, |_| Ok(()));
    let again = |at| (at, Solicit::Multicast, Incomplete);
    assert_eq!(run(&mut nud, &config, 9, false), (vec![again(1), again(2)], Some(3)));
    assert_eq!(
        nud.on_timer(T0 + S * 4, &config, |_| panic!("it failed")),
        Outcome::Failed,
        "and stays failed"
    );
}

#[test]
fn t10_incomplete_keeps_its_pace_under_traffic_4861_27() {
    let config = NudConfig::default();
    let mut sent = 1;
    let mut nud = Nud::new_for_packet(T0, &config, |_| Ok(()));
    for tick in 0..2_999u32 {
        let now = T0 + Duration::from_millis(1) * tick;
        assert!(!nud.on_packet(now, &config));
        assert_eq!(
            nud.on_timer(now, &config, |_| {
                sent += 1;
                Ok(())
            }),
            Outcome::Kept
        );
    }
    assert_eq!(sent, 3);
}

#[test]
fn t10_reachable_time_elapsed_makes_stale() {
    let config = NudConfig { reachable_time: S * 17, ..NudConfig::default() };
    let mut nud = Nud::new_learned(A, false);
    nud.confirm(T0, &config);
    assert_eq!(nud.on_timer(T0 + S * 16, &config, |_| Ok(())), Outcome::Kept);
    assert_eq!(nud.state(), Reachable);
    assert_eq!(nud.on_timer(T0 + S * 17, &config, |_| panic!("nothing to ask")), Outcome::Kept);
    assert_eq!((nud.state(), nud.deadline(), nud.usable()), (Stale, None, Some(A)));
}

#[test]
fn t10_delay_probes_by_unicast_three_times_then_fails_4861_35() {
    let config = NudConfig::default();
    let mut nud = Nud::new_learned(A, false);
    assert!(nud.on_packet(T0, &config));
    let probe = |at| (at, Solicit::Unicast(A), Probe);
    assert_eq!(run(&mut nud, &config, 9, true), (vec![probe(5), probe(6), probe(7)], Some(8)));
    assert_eq!(nud.usable(), Some(A), "packets flowed to the end");
}

#[test]
fn probes_go_to_the_address_as_it_is_now_4861_35() {
    let config = NudConfig::default();
    let (mut nud, now) = entry(Reachable, false);
    assert!(nud.on_learned(Some(B), None).lladdr_changed);
    assert!(nud.on_packet(now, &config));
    assert_eq!(run(&mut nud, &config, 1, true).0, [(5, Solicit::Unicast(B), Probe)]);
}

#[test]
fn silent_neighbour_is_kept_and_probed_ever_more_slowly_7048_1() {
    let config = rfc7048();
    let mut nud = Nud::new_learned(A, false);
    assert!(nud.on_packet(T0, &config));
    let (sent, failed) = run(&mut nud, &config, 8, true);
    let uni = Solicit::Unicast(A);
    // Five seconds of DELAY; then 0, 1, 4, 13, 40 s, and a minute apart.
    let expected = [
        (5, uni, Probe),
        (6, uni, Probe),
        (9, uni, Unreachable),
        (18, Solicit::Multicast, Unreachable),
        (45, Solicit::Multicast, Unreachable),
        (105, Solicit::Multicast, Unreachable),
        (165, Solicit::Multicast, Unreachable),
        (225, Solicit::Multicast, Unreachable),
    ];
    assert_eq!((sent.as_slice(), failed, nud.usable()), (&expected[..], None, Some(A)));
    assert!(!nud.may_be_reachable());
}

#[test]
fn multicast_within_a_minute_however_configured_7048_1() {
    for multiple in 1..=9 {
        for max_unicast_solicit in [1, 2, 5, 1000] {
            let backoff = Backoff { multiple, ..Backoff::default() };
            let config =
                NudConfig { max_unicast_solicit, unreachable: Some(backoff), ..NudConfig::default() };
            let mut nud = Nud::new_learned(A, false);
            assert!(nud.on_packet(T0, &config));
            let (sent, _) = run(&mut nud, &config, 100, true);
            let first = sent.iter().find(|(_, kind, _)| *kind == Solicit::Multicast).expect("in the end").0;
            // The first retransmission is a second after the first probe, at 5 s.
            assert!(first <= 6 + 60, "multiple {multiple}, {max_unicast_solicit} unicast: at {first} s");
        }
    }
}

#[test]
fn unreachable_falls_silent_without_traffic_and_wakes_with_it_7048_1() {
    let config = rfc7048();
    let (mut nud, marked) = entry(Unreachable, false);
    assert!(nud.needs_nudge());
    assert_eq!(nud.on_timer(marked + S * 9, &config, |_| panic!("nobody sends")), Outcome::Kept);
    assert_eq!((nud.state(), nud.deadline()), (Unreachable, None));
    // Long afterwards: at once, by multicast.
    let later = marked + S * 500;
    assert!(nud.on_packet(later, &config) && !nud.needs_nudge());
    assert_eq!(nud.deadline(), Some(later));
    let mut sent = None;
    assert_eq!(
        nud.on_timer(later, &config, |kind| {
            sent = Some(kind);
            Ok(())
        }),
        Outcome::Kept
    );
    assert_eq!((sent, nud.deadline()), (Some(Solicit::Multicast), Some(later + S * 27)));
    // That one packet does not keep it going.
    assert_eq!(nud.on_timer(later + S * 27, &config, |_| panic!("nobody sends")), Outcome::Kept);
    assert_eq!(nud.deadline(), None);
    // Silent again, and used again before the pause is over: the pause holds.
    let (mut nud, marked) = entry(Unreachable, false);
    let _ = nud.on_timer(marked + S * 9, &config, |_| Ok(()));
    let mut early = nud;
    assert!(early.on_packet(marked + S, &config), "a clock that is behind");
    assert_eq!(early.deadline(), Some(marked + S * 9));
}

#[test]
fn router_preference_needs_more_than_an_entry_4861_22_7048_1() {
    let likely: Vec<_> =
        STATES.into_iter().filter(|state| entry(*state, true).0.may_be_reachable()).collect();
    assert_eq!(likely, [Reachable, Stale, Delay, Probe]);
}

#[test]
fn refused_solicitations_spend_no_try_4861_27_4861_35() {
    let config = NudConfig::default();
    for learned in [false, true] {
        let mut now = T0;
        let mut sent = 0;
        let mut nud = if learned {
            let mut nud = Nud::new_learned(A, false);
            assert!(nud.on_packet(now, &config));
            now = nud.deadline().expect("delay");
            nud
        } else {
            Nud::new_for_packet(now, &config, |_| Err(Refused))
        };
        loop {
            // Ten refusals before each acceptance; the state does not move while refused.
            for _ in 0..10 {
                let state = nud.state();
                if nud.on_timer(now, &config, |_| Err(Refused)) == Outcome::Failed {
                    assert_eq!(sent, 3);
                    break;
                }
                assert_eq!(nud.state(), state);
                now = nud.deadline().expect("a retry");
            }
            if nud.on_timer(now, &config, |_| {
                sent += 1;
                Ok(())
            }) == Outcome::Failed
            {
                break;
            }
            assert_eq!(nud.deadline(), Some(now + S));
            now += S;
        }
        assert_eq!(sent, 3, "learned {learned}");
    }
}

#[test]
fn refusal_is_tried_again_soon_and_leaves_delay_in_delay() {
    let config = NudConfig::default();
    let (mut nud, _) = entry(Delay, false);
    let now = nud.deadline().expect("delay");
    assert_eq!(nud.on_timer(now, &config, |_| Err(Refused)), Outcome::Kept);
    assert_eq!((nud.state(), nud.deadline()), (Delay, Some(now + REFUSED_RETRY)));
}

#[test]
fn static_entry_is_moved_by_nothing() {
    let config = rfc7048();
    let mut nud = Nud::new_static(A);
    let forged = Advert { solicited: true, override_: true, router: true, tlla: Some(B) };
    assert_eq!(nud.on_advert(T0, &config, &forged), Change::default());
    assert_eq!(nud.on_learned(Some(B), Some(true)), Change::default());
    nud.confirm(T0, &config);
    assert!(!nud.on_packet(T0, &config) && nud.is_static());
    assert_eq!(nud.on_timer(Instant::NEVER, &config, |_| panic!("nothing to ask")), Outcome::Kept);
    assert_eq!(
        (nud.state(), nud.usable(), nud.deadline(), nud.is_router()),
        (Reachable, Some(A), None, false)
    );
}

#[test]
fn what_an_entry_tells_of_itself() {
    let config = rfc7048();
    let mut nud = Nud::new_learned(A, false);
    assert_eq!((nud.confirmed(), nud.is_static()), (None, false));
    nud.confirm(T0, &config);
    assert_eq!(nud.confirmed(), Some(T0));
    let answer = Advert { solicited: true, override_: false, router: false, tlla: None };
    let _ = nud.on_advert(T0 + S, &config, &answer);
    assert_eq!((nud.confirmed(), nud.is_static()), (Some(T0 + S), false));
}

#[test]
fn an_answer_is_awaited_only_to_what_has_been_asked() {
    let config = rfc7048();
    let mut nud = Nud::new_for_packet(T0, &config, |_| Err(Refused));
    assert!(!nud.awaits_answer(), "nobody was asked");
    let again = nud.deadline().expect("tried again");
    assert_eq!(nud.on_timer(again, &config, |_| Ok(())), Outcome::Kept);
    assert!(nud.awaits_answer());
    for state in STATES {
        let (nud, _) = entry(state, false);
        assert_eq!(nud.awaits_answer(), matches!(state, Incomplete | Probe | Unreachable), "{state}");
    }
}

#[test]
fn group_addresses_are_not_neighbours() {
    for bad in [Mac::BROADCAST, Mac::ZERO, Mac([0x33, 0x33, 0, 0, 0, 1])] {
        for state in STATES {
            let (mut nud, now) = entry(state, false);
            let before = (nud.state(), nud.usable());
            let advert = Advert { solicited: true, override_: true, router: true, tlla: Some(bad) };
            assert_eq!(nud.on_advert(now, &rfc7048(), &advert), Change::default(), "{state} {bad}");
            assert_eq!(nud.on_learned(Some(bad), Some(true)), Change::default(), "{state} {bad}");
            assert_eq!((nud.state(), nud.usable()), before);
        }
    }
}

#[test]
fn states_print_as_the_rfc_writes_them() {
    let names: Vec<_> = STATES.iter().map(ToString::to_string).collect();
    assert_eq!(names, ["INCOMPLETE", "REACHABLE", "STALE", "DELAY", "PROBE", "UNREACHABLE"]);
    assert_eq!(format!("{Stale:>7}|"), "  STALE|");
}
