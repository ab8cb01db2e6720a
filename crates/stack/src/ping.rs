//! Echo requests of our own, and who waits for the answers.
//!
//! # Locks
//!
//! A leaf, for a look-up. # Teardown: [`Ping::close`]; late answers go nowhere.

use std::collections::HashMap;
use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::Arc;

use siding_lockorder::After;
use siding_lockorder::Ctx;
use siding_lockorder::Mutex;
use siding_netisr::Instant;

use crate::ranks;

/// An answer to an echo request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PingReply {
    /// The request's number.
    pub seq: u16,
    /// When it came in.
    pub at: Instant,
    /// What it is.
    pub answer: Answer,
}

/// A reply, or an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// An echo reply.
    Reply {
        /// Who sent it.
        from: IpAddr,
        /// Its hop limit.
        hop_limit: u8,
    },
    /// An ICMP error about the request.
    Error {
        /// Who sent it.
        from: IpAddr,
        /// What it says.
        what: String,
    },
}

/// Answers that nobody has fetched, for each identifier.
const BACKLOG: usize = 1024;

/// All who wait.
#[derive(Debug)]
pub(crate) struct Pings(Arc<Mutex<ranks::Leaf, Waiting>>);

#[derive(Debug, Default)]
struct Waiting {
    next: u16,
    answers: HashMap<u16, VecDeque<PingReply>>,
}

/// One who waits, with an identifier of its own.
#[derive(Debug)]
pub struct Ping {
    ident: u16,
    waiting: Arc<Mutex<ranks::Leaf, Waiting>>,
}

impl Pings {
    pub(crate) fn new() -> Pings {
        Pings(Arc::new(Mutex::new(Waiting::default())))
    }

    /// A new identifier; `None` if all 65,536 are in use.
    pub(crate) fn open<L>(&self, ctx: &mut Ctx<'_, L>) -> Option<Ping>
    where
        ranks::Leaf: After<L>,
    {
        let (mut waiting, _ctx) = ctx.lock(&self.0);
        let start = waiting.next;
        let ident = (0..=u16::MAX)
            .map(|n| start.wrapping_add(n))
            .find(|ident| !waiting.answers.contains_key(ident))?;
        waiting.next = ident.wrapping_add(1);
        waiting.answers.insert(ident, VecDeque::new());
        Some(Ping { ident, waiting: self.0.clone() })
    }

    pub(crate) fn answer<L>(&self, ctx: &mut Ctx<'_, L>, ident: u16, reply: PingReply)
    where
        ranks::Leaf: After<L>,
    {
        let (mut waiting, _ctx) = ctx.lock(&self.0);
        if let Some(answers) = waiting.answers.get_mut(&ident).filter(|answers| answers.len() < BACKLOG) {
            answers.push_back(reply);
        }
    }
}

impl Ping {
    /// The identifier of its requests.
    pub fn ident(&self) -> u16 {
        self.ident
    }

    /// The oldest answer that has come in.
    pub fn answer<L>(&self, ctx: &mut Ctx<'_, L>) -> Option<PingReply>
    where
        ranks::Leaf: After<L>,
    {
        let (mut waiting, _ctx) = ctx.lock(&self.waiting);
        waiting.answers.get_mut(&self.ident)?.pop_front()
    }

    /// Forgets it. (A drop has no token to lock with.)
    pub fn close<L>(self, ctx: &mut Ctx<'_, L>)
    where
        ranks::Leaf: After<L>,
    {
        let (mut waiting, _ctx) = ctx.lock(&self.waiting);
        waiting.answers.remove(&self.ident);
    }
}
