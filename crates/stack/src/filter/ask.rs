//! Questions about states, which only their keepers can answer.

use std::net::IpAddr;
use std::sync::Arc;

use siding_machines::filter::Slot;
use siding_machines::filter::States;
use siding_netisr::Instant;
use siding_netisr::sync;
use siding_netisr::sync::atomic::AtomicBool;
use siding_netisr::sync::atomic::AtomicUsize;
use siding_netisr::sync::atomic::Ordering;
use siding_wire::IpProto;

use super::flow::Flow;
use super::keeper::Keeper;
use super::report::StateReport;

/// Slots that are looked at in one turn.
const STEP: usize = 2048;

/// Which states are meant; all, unless it says otherwise.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StateQuery {
    /// With this end.
    pub addr: Option<IpAddr>,
    /// With this port at one end.
    pub port: Option<u16>,
    /// Of this protocol.
    pub proto: Option<IpProto>,
    /// This one flow's.
    pub flow: Option<Flow>,
    /// In the phase of this name.
    pub phase: Option<String>,
    /// They are forgotten.
    pub flush: bool,
    /// How many are told; the others are counted.
    pub most: usize,
}

/// A question, and what has been answered.
#[derive(Debug)]
struct Ask {
    query: StateQuery,
    answer: sync::Mutex<(Vec<StateReport>, usize)>,
    /// Workers that have not answered.
    left: AtomicUsize,
}

/// A question that is under way: workers answer in their turns, a part in each.
#[derive(Debug, Clone)]
pub struct StatesAsked(Arc<Ask>);

/// What one worker was asked.
#[derive(Debug, Default)]
pub(crate) struct Mailbox {
    any: AtomicBool,
    /// With the slot to go on from.
    asks: sync::Mutex<Vec<(Arc<Ask>, usize)>>,
}

/// Asks the workers of these mailboxes.
pub(crate) fn ask(mailboxes: &[Mailbox], query: StateQuery) -> StatesAsked {
    let left = AtomicUsize::new(mailboxes.len());
    let ask = Arc::new(Ask { query, answer: Default::default(), left });
    for mailbox in mailboxes {
        sync::lock(&mailbox.asks).push((ask.clone(), 0));
        mailbox.any.store(true, Ordering::Release);
    }
    StatesAsked(ask)
}

impl StatesAsked {
    /// The states, and how many there were in all; `None` while a worker has still to answer.
    pub fn take(&self) -> Option<(Vec<StateReport>, usize)> {
        match self.0.left.load(Ordering::Acquire) {
            0 => Some(std::mem::take(&mut *sync::lock(&self.0.answer))),
            _ => None,
        }
    }
}

impl Mailbox {
    /// Whether its worker has something to answer.
    #[inline]
    pub(crate) fn is_asked(&self) -> bool {
        self.any.load(Ordering::Acquire)
    }

    /// Answers what its worker was asked. Whether there is more to answer.
    pub(crate) fn answer(&self, filter: &mut Keeper, now: Instant, worker: usize) -> bool {
        if !self.is_asked() {
            return false;
        }
        let mut asks = sync::lock(&self.asks);
        if let Some((ask, from)) = asks.first_mut() {
            let more = match &mut filter.states {
                Some(states) => {
                    let (counted, interfaces) = (&filter.counted, &filter.interfaces);
                    ask.step(states, from, |states, slot| {
                        StateReport::of((states, counted, interfaces), slot, now, worker)
                    })
                }
                None => false,
            };
            if !more {
                let (ask, _) = asks.remove(0);
                ask.left.fetch_sub(1, Ordering::Release);
            }
        }
        self.any.store(!asks.is_empty(), Ordering::Release);
        !asks.is_empty()
    }
}

impl Ask {
    /// Goes on. Whether there is more.
    fn step(
        &self,
        states: &mut States,
        from: &mut usize,
        report: impl Fn(&States, Slot) -> Option<StateReport>,
    ) -> bool {
        let until = (*from + STEP).min(states.slots());
        let mut answer = sync::lock(&self.answer);
        for slot in (*from..until).map(|slot| Slot(slot as u32)) {
            let Some(state) = report(states, slot).filter(|state| self.query.means(state)) else { continue };
            if self.query.flush {
                states.remove(slot);
            }
            answer.1 += 1;
            if answer.0.len() < self.query.most {
                answer.0.push(state);
            }
        }
        *from = until;
        until < states.slots()
    }
}

impl StateQuery {
    fn means(&self, state: &StateReport) -> bool {
        let ports = [state.src_port, state.dst_port];
        self.addr.is_none_or(|addr| addr == state.src || addr == state.dst)
            && self.port.is_none_or(|port| ports.contains(&port))
            && self.proto.is_none_or(|proto| proto == state.proto)
            && self.flow.is_none_or(|flow| flow.is_of(&state.original))
            && self.phase.as_ref().is_none_or(|phase| phase == state.phase)
    }
}
