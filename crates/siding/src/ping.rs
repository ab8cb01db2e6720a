//! Echo requests of a connection, whose identifier they have, and what comes for them.

use std::net::IpAddr;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use anyhow::Context;
use siding_netisr::IfId;
use siding_stack::Ping;

use crate::control::Answer;
use crate::control::PingRow;
use crate::state::daemon::Daemon;
use crate::state::daemon::Free;

/// A request waits no longer than this for answers to echo requests, so that the daemon can stop.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// Between two looks whether an answer has come: short beside the interval of any ping.
const LOOK: Duration = Duration::from_micros(250);

/// An echo request to be.
pub(crate) struct Echo {
    pub(crate) address: IpAddr,
    pub(crate) interface: Option<String>,
    pub(crate) seq: u16,
    pub(crate) size: u16,
}

impl Daemon {
    /// Sends an echo request; the first one of a connection takes its identifier.
    pub(crate) fn ask_ping(
        &self,
        ctx: &mut Free<'_>,
        own: &mut Option<Ping>,
        echo: Echo,
    ) -> anyhow::Result<Answer> {
        let Echo { address, interface, seq, size } = echo;
        let scope = interface.map(|name| self.interface(&name)).transpose()?.unwrap_or(IfId::NONE);
        if own.is_none() {
            *own = self.stack.open_ping(ctx);
        }
        let ping = own.as_ref().context("too many pings at a time: end one")?;
        let data: Vec<u8> = (0..size).map(|at| at as u8).collect();
        let at_ns = self.stack.now().as_nanos();
        let sent = self.stack.ping(ctx, ping, address, scope, seq, &data);
        sent.map_err(|error| self.explain_send(error))?;
        Ok(Answer::PingSent { at_ns })
    }
}

/// What has come, as soon as something has.
pub(crate) fn wait(ctx: &mut Free<'_>, ping: &Ping, timeout: Duration) -> Vec<PingRow> {
    let deadline = Instant::now() + timeout.min(LONGEST_WAIT);
    loop {
        let answers: Vec<PingRow> = std::iter::from_fn(|| ping.answer(ctx)).map(row).collect();
        let left = deadline.saturating_duration_since(Instant::now());
        if !answers.is_empty() || left.is_zero() {
            return answers;
        }
        thread::sleep(left.min(LOOK));
    }
}

fn row(reply: siding_stack::PingReply) -> PingRow {
    let (from, hop_limit, error) = match reply.answer {
        siding_stack::Answer::Reply { from, hop_limit } => (from, Some(hop_limit), None),
        siding_stack::Answer::Error { from, what } => (from, None, Some(what)),
    };
    PingRow { seq: reply.seq, at_ns: reply.at.as_nanos(), from, hop_limit, error }
}
