//! Detection of duplicates.

use core::time::Duration;

use DadState::*;
use siding_netisr::Instant;

use super::Table;
use super::cell;
use crate::dad::*;
use crate::nud::Refused;

const STATES: [DadState; 4] = [Tentative, Optimistic, Preferred, Duplicate];
const T0: Instant = Instant::from_nanos(7_000_000_000);
const NONCE: Nonce = [7; 6];

/// One in this state; of those that are tested, the first question has left.
fn dad(state: DadState, config: &DadConfig) -> Dad {
    let mut dad = match state {
        Optimistic => Dad::new_optimistic(T0, Duration::ZERO, config),
        _ => Dad::new(T0, Duration::ZERO, config),
    };
    let _ = dad.on_timer(T0, config, NONCE, |_| Ok(()));
    match state {
        Preferred => assert_eq!(dad.stop_probing(), DadEvent::Passed),
        Duplicate => {
            assert_eq!(dad.on_advert(), DadEvent::Duplicate);
            dad.try_again(T0 + Duration::from_secs(300));
        }
        Tentative | Optimistic => {}
    }
    assert_eq!(dad.state(), state);
    dad
}

fn told(event: DadEvent) -> &'static [&'static str] {
    match event {
        DadEvent::Nothing => &[],
        DadEvent::Passed => &["assigned"],
        DadEvent::Looped => &["counted as our own"],
        DadEvent::Duplicate => &["told"],
        DadEvent::Conflict => &["told as a conflict"],
    }
}

fn heard(unspecified: bool, nonce: Option<&[u8]>) -> HeardSolicit<'_> {
    HeardSolicit { unspecified, from_our_mac: false, nonce }
}

pub(super) fn section() -> String {
    let once = DadConfig::default();
    let twice = DadConfig { transmits: 2, ..once };
    let mut table = Table::new(&STATES.map(|state| state.to_string()));
    let time = |config: &DadConfig, accepts: bool| {
        STATES.map(|state| {
            let mut dad = dad(state, config);
            let Some(deadline) = dad.deadline() else { return "·".to_owned() };
            let mut did = Vec::new();
            let event = dad.on_timer(deadline, config, [8; 6], |_| {
                did.push(if accepts { "asks" } else { "asks again soon" });
                if accepts { Ok(()) } else { Err(Refused) }
            });
            did.extend(told(event));
            if dad.is_to_try_again(deadline) {
                did.push("tested anew by another machine");
            }
            cell(&state, &dad.state(), &did)
        })
    };
    table.row("its time, a question is left", time(&twice, true));
    table.row("its time, and the queue takes no question", time(&twice, false));
    table.row("its time, all questions have left", time(&once, true));
    for (name, solicit) in [
        ("somebody tests the address (NS from `::`)", heard(true, Some(&[9; 6]))),
        ("our own question comes back (RFC 7527)", heard(true, Some(&NONCE))),
        ("somebody resolves it (any other NS)", heard(false, None)),
    ] {
        table.row(
            name,
            STATES.map(|state| {
                let mut dad = dad(state, &once);
                let event = dad.on_solicit(&solicit, &once);
                cell(&state, &dad.state(), told(event))
            }),
        );
    }
    table.row(
        "its time, and our last question has come back",
        STATES.map(|state| {
            let mut dad = dad(state, &once);
            let _ = dad.on_solicit(&heard(true, Some(&NONCE)), &once);
            let Some(deadline) = dad.deadline().filter(|_| state != Duplicate) else {
                return "·".to_owned();
            };
            let mut did = Vec::new();
            let event = dad.on_timer(deadline, &once, [8; 6], |_| {
                did.push("asks three times more");
                Ok(())
            });
            did.extend(told(event));
            cell(&state, &dad.state(), &did)
        }),
    );
    table.row(
        "somebody advertises it",
        STATES.map(|state| {
            let mut dad = dad(state, &once);
            let event = dad.on_advert();
            cell(&state, &dad.state(), told(event))
        }),
    );
    table.row(
        "the operator ends the test",
        STATES.map(|state| {
            let mut dad = dad(state, &once);
            let event = dad.stop_probing();
            cell(&state, &dad.state(), told(event))
        }),
    );
    format!(
        "## One address: is it somebody else's? (`dad`; RFC 4862 s5.4, RFC 4429, RFC 7527)\n\nAn address begins TENTATIVE, or OPTIMISTIC: \
         used while it is tested. Without transmissions it is PREFERRED at once.\n\n{}",
        table.text()
    )
}
