//! Echo requests, by whoever sends them: one at a time and counted to the last, or as a flood.

use std::io;
use std::net::Ipv6Addr;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use siding_lockorder::Ctx;
use siding_lockorder::Root;
use siding_lockorder::Unlocked;
use siding_netisr::IfId;
use siding_stack::Answer;
use siding_stack::Ping;
use siding_stack::Stack;

use super::stop::Stop;

/// Somebody who sends echo requests to one destination and hears the replies.
pub(super) trait Echo: Send {
    /// Sends request number `seq`. False if there is no room for it now.
    fn send(&mut self, seq: u16) -> io::Result<bool>;

    /// The number of the oldest reply that has not been asked for, at once.
    fn reply(&mut self) -> io::Result<Option<u16>>;
}

/// What has been sent and answered so far, for whoever looks on.
#[derive(Debug, Default)]
pub(super) struct Tally {
    sent: AtomicU64,
    answered: AtomicU64,
}

/// A stack of ours that pings.
pub(super) struct StackEcho {
    stack: Stack,
    ping: Option<Ping>,
    dst: Ipv6Addr,
}

/// How long the last replies are waited for.
const PATIENCE: Duration = Duration::from_secs(2);
/// Between two looks for replies while it is too early for the next request.
const PAUSE: Duration = Duration::from_micros(200);
/// Requests of a flood that go together, and the pause behind them: 32,000 a second at the most.
const BURST: u16 = 32;
const BURST_PAUSE: Duration = Duration::from_millis(1);
/// What a request carries.
pub(super) const PAYLOAD: &[u8] = b"a siding is where a packet waits until no lock is held..";

/// Does `work` with a token of this thread's own.
///
/// # Errors
///
/// The thread has one already.
pub(super) fn with_ctx<T>(work: impl FnOnce(&mut Ctx<'_, Unlocked>) -> T) -> io::Result<T> {
    let mut root = Root::new();
    let mut entered = root.enter().map_err(io::Error::other)?;
    Ok(work(&mut entered.ctx()))
}

/// Sends `count` requests, one every `interval`, and waits for the replies. The very first is waited for by itself:
/// the address is resolved then, and no burst falls into a hold queue that is short by design.
pub(super) fn ping(
    echo: &mut dyn Echo,
    count: u16,
    interval: Duration,
    tally: &Tally,
    stop: &Stop,
) -> io::Result<()> {
    let mut open = vec![true; usize::from(count)];
    let mut hear = |echo: &mut dyn Echo| -> io::Result<bool> {
        let mut heard = false;
        while let Some(seq) = echo.reply()? {
            // A reply that comes twice, or to nothing that was asked, answers nothing.
            if open.get_mut(usize::from(seq)).is_some_and(|open| std::mem::replace(open, false)) {
                tally.answered.fetch_add(1, Ordering::Relaxed);
                heard = true;
            }
        }
        Ok(heard)
    };
    for seq in 0..count {
        let due = Instant::now() + interval;
        while !echo.send(seq)? {
            if stop.is_over() {
                return Ok(());
            }
            thread::sleep(PAUSE);
        }
        tally.sent.fetch_add(1, Ordering::Relaxed);
        let patience = if seq == 0 { PATIENCE } else { due.saturating_duration_since(Instant::now()) };
        let until = Instant::now() + patience;
        loop {
            let heard = hear(echo)?;
            if stop.is_over() || (heard && seq == 0) || Instant::now() >= until {
                break;
            }
            thread::sleep(PAUSE);
        }
        if stop.is_over() {
            return Ok(());
        }
    }
    let until = Instant::now() + PATIENCE;
    while tally.answered() < tally.sent() && Instant::now() < until && !stop.is_over() {
        hear(echo)?;
        thread::sleep(PAUSE);
    }
    Ok(())
}

/// Sends requests in bursts until `end` is set. An error of one request is the wire's affair: it may be gone.
pub(super) fn flood(echo: &mut dyn Echo, tally: &Tally, end: &AtomicBool) {
    let mut seq = 0u16;
    while !end.load(Ordering::Relaxed) {
        for _ in 0..BURST {
            if echo.send(seq).unwrap_or(false) {
                tally.sent.fetch_add(1, Ordering::Relaxed);
                seq = seq.wrapping_add(1);
            }
        }
        while let Ok(Some(_)) = echo.reply() {
            tally.answered.fetch_add(1, Ordering::Relaxed);
        }
        thread::sleep(BURST_PAUSE);
    }
}

impl Tally {
    /// Requests sent.
    pub(super) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Replies to them.
    pub(super) fn answered(&self) -> u64 {
        self.answered.load(Ordering::Relaxed)
    }

    /// One more was sent.
    pub(super) fn count_sent(&self) {
        self.sent.fetch_add(1, Ordering::Relaxed);
    }
}

impl StackEcho {
    /// Pings `dst` from `stack`.
    ///
    /// # Errors
    ///
    /// All identifiers are in use.
    pub(super) fn open(stack: &Stack, dst: Ipv6Addr) -> io::Result<StackEcho> {
        let ping = with_ctx(|ctx| stack.open_ping(ctx))?;
        let ping = ping.ok_or_else(|| io::Error::other("all echo identifiers are in use"))?;
        Ok(StackEcho { stack: stack.clone(), ping: Some(ping), dst })
    }

    /// The oldest answer that has not been asked for, be it a reply or an error.
    pub(super) fn answer(&mut self) -> io::Result<Option<(u16, Answer)>> {
        let Some(ping) = &self.ping else { return Ok(None) };
        Ok(with_ctx(|ctx| ping.answer(ctx))?.map(|reply| (reply.seq, reply.answer)))
    }
}

impl Echo for StackEcho {
    fn send(&mut self, seq: u16) -> io::Result<bool> {
        let Some(ping) = &self.ping else { return Ok(false) };
        match with_ctx(|ctx| self.stack.ping(ctx, ping, self.dst.into(), IfId::NONE, seq, PAYLOAD))? {
            Ok(()) => Ok(true),
            // Both are a matter of waiting.
            Err(siding_stack::SendError::Refused(_) | siding_stack::SendError::NoBuffer) => Ok(false),
            Err(error) => Err(io::Error::other(error)),
        }
    }

    fn reply(&mut self) -> io::Result<Option<u16>> {
        while let Some((seq, answer)) = self.answer()? {
            if matches!(answer, Answer::Reply { .. }) {
                return Ok(Some(seq));
            }
        }
        Ok(None)
    }
}

impl Drop for StackEcho {
    fn drop(&mut self) {
        if let Some(ping) = self.ping.take() {
            // A thread that has a token already is no place to drop this; then the identifier stays in use.
            let _ = with_ctx(|ctx| ping.close(ctx));
        }
    }
}
