//! What would become of a packet here: by the rules, interfaces, routes and states that there are.

use std::time::Duration;
use std::time::Instant;

use anyhow::Context;
use anyhow::bail;
use siding_filter::CtState;
use siding_filter::Packet;
use siding_stack::filter::Connection;
use siding_stack::filter::LinkCast;
use siding_stack::filter::Part;
use siding_stack::filter::StateQuery;
use siding_stack::filter::StateReport;
use siding_stack::filter::Supposed;
use siding_stack::filter::Way;
use siding_wire::IpProto;

use super::filter::NONE;
use super::state::Daemon;
use crate::control::Answer;
use crate::control::TestRequest;
use crate::filter::Trial;
use crate::filter::from_hex;
use crate::filter::hook_of;
use crate::filter::stacks_state;
use crate::filter::state_of;
use crate::filter::with_asks;

/// Workers answer within this, or do not.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Between two looks whether they have.
const LOOK: Duration = Duration::from_millis(1);

/// More flows of the same ends are not looked at: of one protocol and its ports there is one.
const MOST: usize = 100;

impl Daemon {
    pub(super) fn test_packet(&self, request: &TestRequest) -> anyhow::Result<Answer> {
        let program = self.filter.program().context(NONE)?;
        let bytes = from_hex(&request.packet).map_err(anyhow::Error::msg)?;
        let mut assumed = Vec::new();
        let connection = match request.state {
            Some(bits) => {
                let way = if request.reply { Way::Reply } else { Way::Original };
                let state = stacks_state(CtState(bits));
                let tracked = !matches!(CtState(bits), CtState::INVALID | CtState::UNTRACKED);
                Some(Connection { state, way: tracked.then_some(way), mark: request.ct_mark })
            }
            None => self.known_flow(&bytes)?,
        };
        match (request.state, &connection) {
            (Some(_), _) => {}
            (None, Some(_)) => assumed.push("its numbers fit its flow, whose state is known".to_owned()),
            (None, None) => assumed.push("it is the first packet of its flow: no state is known".to_owned()),
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
            mark: request.mark,
            connection,
        };
        let mut trial = Trial::new(&program, &bytes);
        let asked = self.stack.suppose(&supposed, &mut |hook, part, asks| {
            with_asks(asks, &bytes, |host| trial.judge(hook_of(hook), part == Part::BeforeStates, host))
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

    /// What a packet is to a flow that there is, as far as its ends tell.
    fn known_flow(&self, bytes: &[u8]) -> anyhow::Result<Option<Connection>> {
        let Ok(packet) = Packet::parse(bytes, None) else { return Ok(None) };
        let Some((proto, upper)) = packet.protocol().zip(packet.transport()) else { return Ok(None) };
        let port = |at: usize| match upper.get(at..) {
            Some(&[high, low, ..]) => u16::from_be_bytes([high, low]),
            _ => 0,
        };
        let ports = match proto {
            1 | 58 => (port(4), port(4)),
            6 | 17 | 33 | 132 | 136 => (port(0), port(2)),
            _ => (0, 0),
        };
        let asked = self.stack.ask_states(StateQuery {
            addr: Some(packet.src()),
            port: (ports.0 != 0).then_some(ports.0),
            proto: Some(IpProto(proto)),
            most: MOST,
            ..StateQuery::default()
        });
        let end = Instant::now() + LONGEST_WAIT;
        let states = loop {
            if let Some((states, _)) = asked.take() {
                break states;
            }
            if Instant::now() > end {
                bail!("a worker has not answered within {} s: ask again", LONGEST_WAIT.as_secs());
            }
            std::thread::sleep(LOOK);
        };
        let ends = |state: &StateReport| ((state.src, state.src_port), (state.dst, state.dst_port));
        let (from, to) = ((packet.src(), ports.0), (packet.dst(), ports.1));
        let found = states.iter().find_map(|state| match ends(state) {
            (src, dst) if (src, dst) == (from, to) => Some((state, Way::Original)),
            (src, dst) if (src, dst) == (to, from) => Some((state, Way::Reply)),
            _ => None,
        });
        Ok(found.map(|(state, way)| {
            let answers = state.answered || way == Way::Reply;
            let seen = if answers { CtState::ESTABLISHED } else { CtState::NEW };
            Connection { state: stacks_state(seen), way: Some(way), mark: state.mark }
        }))
    }
}
