//! Second act: neighbours age (RFC 4861 s7.3). One answers its probes, again and again; one falls silent.

use std::net::Ipv6Addr;
use std::time::Duration;

use siding_stack::Answer;
use siding_stack::nd6::nud::NudState;

use super::echo::Echo;
use super::echo::StackEcho;
use super::given::PEER;
use super::given::SILENT;
use super::outcome::Outcome;
use super::outcome::PingRow;
use super::progress::Progress;
use super::scene::Attached;
use super::scene::NUD;
use super::scene::Scene;
use super::stop::Stop;
use super::watch::State;
use super::watch::has_chain;
use super::watch::name;

const NONE: State = None;
const INCOMPLETE: State = Some(NudState::Incomplete);
const REACHABLE: State = Some(NudState::Reachable);
const STALE: State = Some(NudState::Stale);
const DELAY: State = Some(NudState::Delay);
const PROBE: State = Some(NudState::Probe);

/// How often the peer goes through the whole round.
const ROUNDS: usize = 3;

/// How long one step may take beyond its timer. The machine may be busy with other things.
const PATIENCE: Duration = Duration::from_secs(2);

/// Lets the neighbours age.
///
/// # Errors
///
/// The peer cannot be silenced, or a request cannot be sent at all.
pub(super) fn run(
    scene: &mut Scene,
    on: &Attached,
    stop: &Stop,
    progress: &mut Progress,
    outcome: &mut Outcome,
) -> anyhow::Result<()> {
    if stop.is_over() {
        return Ok(());
    }
    progress.say(&format!("aging a neighbour, whose probes {} answers", scene.place.peer()));
    scene.forget(on)?;
    rounds(scene, stop, progress, outcome)?;
    if stop.is_over() {
        return Ok(());
    }
    progress.say("aging a neighbour that falls silent");
    silence(scene, stop, progress, outcome)
}

/// One who answers.
fn rounds(scene: &Scene, stop: &Stop, progress: &mut Progress, outcome: &mut Outcome) -> anyhow::Result<()> {
    let round = [(REACHABLE, STALE), (STALE, DELAY), (DELAY, PROBE), (PROBE, REACHABLE)];
    let mut seen = 0;
    let mut story = String::new();
    let mut echo = StackEcho::open(&scene.stack, PEER)?;
    let start = scene.watch.mark();
    echo.send(0)?;
    stop.wait(PATIENCE, || came(scene, PEER, start, REACHABLE));
    for number in 1..=ROUNDS {
        let mark = scene.watch.mark();
        // It goes stale by itself. What wakes it is a packet to it.
        stop.wait(NUD.reachable_time + PATIENCE, || came(scene, PEER, mark, STALE));
        echo.send(number as u16)?;
        let until = NUD.delay_first_probe + PATIENCE;
        let whole = stop.wait(until, || {
            let steps = scene.watch.steps(PEER, mark);
            progress.show(|| format!("round {number} of {ROUNDS}: {}", tell(&steps)));
            has_chain(&steps, &round)
        });
        seen += usize::from(whole);
        story = tell(&scene.watch.steps(PEER, mark));
    }
    if !stop.is_called() {
        let expected = format!("{ROUNDS} rounds of REACHABLE -> STALE -> DELAY -> PROBE -> REACHABLE");
        let found = format!("{seen}, in the last round {story}");
        outcome.checks.expect(seen == ROUNDS, "a neighbour that answers", expected, found);
    }
    Ok(())
}

/// One who does not, any more.
fn silence(
    scene: &mut Scene,
    stop: &Stop,
    progress: &mut Progress,
    outcome: &mut Outcome,
) -> anyhow::Result<()> {
    let mut echo = StackEcho::open(&scene.stack, SILENT)?;
    let mark = scene.watch.mark();
    echo.send(0)?;
    let known = stop.wait(PATIENCE, || came(scene, SILENT, mark, REACHABLE));
    scene.place.silence()?;
    let scene = &*scene;
    let silent = scene.watch.mark();
    let before = scene.watch.probes();
    stop.wait(NUD.reachable_time + PATIENCE, || came(scene, SILENT, silent, STALE));
    echo.send(1)?;
    let probing = NUD.delay_first_probe + NUD.retrans_timer * NUD.max_unicast_solicit;
    let mut show = || {
        let steps = scene.watch.steps(SILENT, silent);
        progress.show(|| tell(&steps));
        steps
    };
    let gone = stop.wait(probing + PATIENCE, || has_chain(&show(), &[(DELAY, PROBE), (PROBE, NONE)]));
    let unicast = scene.watch.probes().0 - before.0;
    // Whoever asks for it now has it resolved anew, in vain.
    let between = scene.watch.probes().1;
    echo.send(2)?;
    let resolving = NUD.retrans_timer * NUD.max_multicast_solicit;
    let mut told = None;
    let refused = stop.wait(resolving + PATIENCE, || {
        show();
        // An answer to an earlier request is of when the neighbour could be heard.
        while let Ok(Some((seq, answer))) = echo.answer() {
            told = told.take().or((seq == 2).then_some(answer));
        }
        told.is_some()
    });
    let multicast = scene.watch.probes().1 - between;
    let failed = has_chain(&scene.watch.steps(SILENT, silent), &[(PROBE, NONE), (INCOMPLETE, NONE)]);
    let unreachable = matches!(&told, Some(Answer::Error { what, .. }) if what.contains("unreachable"));
    let who = "ours to the one that fell silent".to_owned();
    let answered = u64::from(known);
    outcome.pings.push(PingRow { who, sent: 3, answered, note: "then 1 lost, 1 told unreachable" });
    if stop.is_called() {
        return Ok(());
    }
    let story = tell(&scene.watch.steps(SILENT, mark));
    let checks = &mut outcome.checks;
    checks.expect(known, "a neighbour before its silence", "REACHABLE", &story);
    checks.expect(gone, "a silent neighbour", "STALE -> DELAY -> PROBE -> none", &story);
    checks.expect(unicast == 3, "probes of a silent neighbour", "3 by unicast", unicast);
    checks.expect(failed, "a silent neighbour that is asked for again", "INCOMPLETE -> none", &story);
    checks.expect(multicast == 3, "solicitations for a silent neighbour", "3 by multicast", multicast);
    let found = format!("{told:?}");
    checks.expect(refused && unreachable, "a packet held for it", "address unreachable", found);
    Ok(())
}

/// Whether a neighbour has come into `state` since the mark.
fn came(scene: &Scene, of: Ipv6Addr, mark: usize, state: State) -> bool {
    scene.watch.steps(of, mark).iter().any(|(_, to)| *to == state)
}

/// Steps as a chain of states.
fn tell(steps: &[(State, State)]) -> String {
    let Some((first, _)) = steps.first() else { return "nothing yet".to_owned() };
    let states = std::iter::once(*first).chain(steps.iter().map(|(_, to)| *to));
    states.map(name).collect::<Vec<_>>().join(" -> ")
}
