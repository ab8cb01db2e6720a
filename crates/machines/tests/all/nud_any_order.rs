//! What holds for a neighbour entry whatever happens to it, in whatever order.

use std::time::Duration;

use NudState::*;
use proptest::prelude::*;
use siding_machines::nud::*;
use siding_netisr::Instant;
use siding_wire::Mac;

const A: Mac = Mac([2, 0, 0, 0, 0, 0xa]);
const B: Mac = Mac([2, 0, 0, 0, 0, 0xb]);
const T0: Instant = Instant::from_nanos(100_000_000_000);

#[derive(Debug, Clone)]
enum Event {
    Wait(u64),
    Timer { refused: bool },
    Packet,
    Advert(Advert),
    Learned(Option<Mac>),
    Confirm,
}

fn event() -> impl Strategy<Value = Event> {
    let mac = prop::option::of(prop::sample::select(vec![A, B]));
    let advert = (any::<bool>(), any::<bool>(), any::<bool>(), mac.clone());
    prop_oneof![
        4 => (0..2_500u64).prop_map(Event::Wait),
        6 => prop::bool::weighted(0.3).prop_map(|refused| Event::Timer { refused }),
        3 => Just(Event::Packet),
        1 => advert.prop_map(|(solicited, override_, router, tlla)| {
            Event::Advert(Advert { solicited, override_, router, tlla })
        }),
        1 => mac.prop_map(Event::Learned),
        1 => Just(Event::Confirm),
    ]
}

fn config() -> impl Strategy<Value = NudConfig> {
    (1..3_000u64, 1..3_000u64, 1..5u32, 1..5u32, prop::option::of((1..4u32, 1..5u32))).prop_map(
        |(retrans, delay, max_multicast_solicit, max_unicast_solicit, patient)| NudConfig {
            retrans_timer: Duration::from_millis(retrans),
            delay_first_probe: Duration::from_millis(delay),
            reachable_time: Duration::from_secs(1),
            max_multicast_solicit,
            max_unicast_solicit,
            unreachable: patient.map(|(multiple, mark_unreachable)| Backoff {
                multiple,
                mark_unreachable,
                ..Backoff::default()
            }),
            ..NudConfig::default()
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Whatever happens in whatever order: solicitations keep their distance and follow the state; refusals
    /// spend no try; only what may confirms; the address is there exactly when the state says so.
    #[test]
    fn any_order_of_events_4861_27_4861_34_4861_35(
        config in config(),
        starts_refused in any::<bool>(),
        events in prop::collection::vec(event(), 1..120),
    ) {
        let mut now = T0;
        let mut last = None;
        let mut round = 0u32;
        let mut nud = Nud::new_for_packet(now, &config, |kind| {
            assert_eq!(kind, Solicit::Multicast);
            if starts_refused { Err(Refused) } else { last = Some(now); round = 1; Ok(()) }
        });
        for event in events {
            let (before, address) = (nud.state(), nud.usable());
            let due = nud.deadline().is_some_and(|deadline| deadline <= now);
            match event {
                Event::Wait(millis) => now += Duration::from_millis(millis),
                Event::Packet => { nud.on_packet(now, &config); }
                Event::Confirm => nud.confirm(now, &config),
                Event::Learned(mac) => {
                    let change = nud.on_learned(mac, None);
                    prop_assert!(nud.state() == before || nud.state() == Stale);
                    prop_assert_eq!(change.resolved, before == Incomplete && mac.is_some());
                }
                Event::Advert(advert) => {
                    let change = nud.on_advert(now, &config, &advert);
                    prop_assert!(nud.state() != Reachable || before == Reachable || advert.solicited);
                    prop_assert_eq!(change.resolved, before == Incomplete && advert.tlla.is_some());
                }
                Event::Timer { refused } => {
                    let mut asked = None;
                    let outcome = nud.on_timer(now, &config, |kind| {
                        asked = Some(kind);
                        if refused { Err(Refused) } else { Ok(()) }
                    });
                    prop_assert!(due || (asked.is_none() && nud.state() == before));
                    if outcome == Outcome::Failed {
                        let limit = if before == Incomplete { config.max_multicast_solicit } else { config.max_unicast_solicit };
                        prop_assert!(before == Incomplete || config.unreachable.is_none());
                        prop_assert_eq!(round, limit, "failed after as many as were accepted");
                        return Ok(());
                    }
                    match asked {
                        Some(kind) => {
                            prop_assert!(before == Incomplete || kind != Solicit::Multicast || config.unreachable.is_some());
                            if let Solicit::Unicast(mac) = kind { prop_assert_eq!(Some(mac), address); }
                            if refused {
                                prop_assert_eq!((nud.state(), nud.deadline()), (before, Some(now + config.refused_retry)));
                            } else {
                                prop_assert!(last.is_none_or(|last| now - last >= config.retrans_timer));
                                round = if before == Delay { 1 } else { round + 1 };
                                last = Some(now);
                                prop_assert!(nud.deadline() >= Some(now + config.retrans_timer));
                            }
                        }
                        None => prop_assert!(nud.state() == before || (before == Reachable && nud.state() == Stale)),
                    }
                }
            }
            prop_assert_eq!(nud.usable().is_none(), nud.state() == Incomplete);
            prop_assert!(config.unreachable.is_some() || nud.state() != Unreachable);
            // Nothing that waits for an answer waits for ever, but the unreachable that nobody uses.
            let waits = matches!(nud.state(), Incomplete | Delay | Probe | Reachable);
            prop_assert!(!waits || nud.deadline().is_some(), "{} without a timer", nud.state());
        }
    }
}
