//! What would become of a packet here: by the rules, interfaces, routes and states that there are.

use std::time::Duration;
use std::time::Instant;

use anyhow::Context;
use anyhow::bail;
use siding_filter::CtState;
use siding_judge::Trial;
use siding_judge::from_hex;
use siding_judge::hook_of;
use siding_judge::link;
use siding_judge::stacks_state;
use siding_judge::state_of;
use siding_judge::with_asks;
use siding_stack::filter::Connection;
use siding_stack::filter::Flow;
use siding_stack::filter::FrameEnds;
use siding_stack::filter::LinkCast;
use siding_stack::filter::Part;
use siding_stack::filter::StateQuery;
use siding_stack::filter::StateReport;
use siding_stack::filter::Way;
use siding_stack::hooks::Supposed;

use super::ask::NONE;
use crate::control::Answer;
use crate::control::EtherRow;
use crate::control::TestRequest;
use crate::state::daemon::Daemon;

/// Workers answer within this, or do not.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Between two looks whether they have.
const LOOK: Duration = Duration::from_millis(1);

fn frame(said: &EtherRow) -> anyhow::Result<FrameEnds> {
    Ok(FrameEnds { src: said.saddr.parse()?, dst: said.daddr.parse()? })
}

impl Daemon {
    pub(crate) fn test_packet(&self, request: &TestRequest) -> anyhow::Result<Answer> {
        let program = self.filter.program().context(NONE)?;
        let bytes = from_hex(&request.packet).map_err(anyhow::Error::msg)?;
        let mut assumed = Vec::new();
        let known = self.known_flow(&bytes)?;
        let connection = match request.state {
            Some(bits) => {
                let way = if request.reply { Way::Reply } else { Way::Original };
                let state = stacks_state(CtState(bits));
                let tracked = !matches!(CtState(bits), CtState::INVALID | CtState::UNTRACKED);
                Some(Connection { state, way: tracked.then_some(way), mark: request.ct_mark })
            }
            None => known.as_ref().map(|(connection, _)| *connection),
        };
        match (request.state, &connection) {
            (Some(_), _) => {}
            (None, Some(_)) => assumed.push("its numbers fit its flow, whose state is known".to_owned()),
            (None, None) => assumed.push("it is the first packet of its flow: no state is known".to_owned()),
        }
        if program.sees_frames() && request.ether.is_none() && request.iif.is_some() {
            assumed.push("nothing is known of its frame: say `ether saddr` and `ether daddr`".to_owned());
        }
        let supposed = Supposed {
            packet: &bytes,
            iif: request.iif.as_deref(),
            oif: request.oif.as_deref(),
            link: match request.pkttype {
                1 => LinkCast::Broadcast,
                2 => LinkCast::Multicast,
                _ => LinkCast::Unicast,
            },
            frame: request.ether.as_ref().map(frame).transpose()?,
            mark: request.mark,
            connection,
            flow: known.as_ref().map(|(_, state)| state),
        };
        let mut trial = Trial::new(&program, &bytes);
        let asked = self.stack.suppose(&supposed, &mut |hook, part, asks| {
            with_asks(asks, &bytes, |host| {
                let link = link(host.asks);
                trial.judge((hook_of(hook), part == Part::BeforeStates), link, host)
            })
            .unwrap_or(false)
        });
        let state = match asked {
            Ok(seen) => Some(state_of(seen.state)),
            Err(unasked) => {
                trial.stop(unasked.to_string());
                None
            }
        };
        Ok(Answer::Tested(trial.done(state, assumed)))
    }

    /// The state of the flow that a packet concerns, if there is one, and what the packet is to it.
    fn known_flow(&self, bytes: &[u8]) -> anyhow::Result<Option<(Connection, StateReport)>> {
        let Some(flow) = Flow::of(bytes) else { return Ok(None) };
        let asked = self.stack.ask_states(StateQuery { flow: Some(flow), most: 1, ..StateQuery::default() });
        let end = Instant::now() + LONGEST_WAIT;
        loop {
            if let Some((states, _)) = asked.take() {
                return Ok(states.into_iter().next().map(|state| (state.seen(&flow), state)));
            }
            if Instant::now() > end {
                bail!("a worker has not answered within {} s: ask again", LONGEST_WAIT.as_secs());
            }
            std::thread::sleep(LOOK);
        }
    }
}
