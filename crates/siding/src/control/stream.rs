//! A connection that has asked for events: they are written as they come, until its other end goes.
//!
//! # Locks
//!
//! None. # Teardown: with the connection, with the daemon's stop, or with the process.

use std::io;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use rustix::event::PollFd;
use rustix::event::PollFlags;
use rustix::event::Timespec;
use rustix::event::poll;

use super::Answer;
use super::CarryOut;
use super::EventRow;
use super::Failure;
use super::Reply;
use super::Serve;
use super::SubscribeRequest;
use super::answer::text;
use crate::patience::Patience;

/// So long one who takes nothing is waited for. What happens meanwhile waits in a queue of its own, or is lost and counted.
const STILL: Duration = Duration::from_secs(600);

/// How long the next event is waited for at a time.
const LOOK: Duration = Duration::from_millis(200);

/// What a subscriber is told of.
pub(crate) trait Feed {
    /// What has happened since the last time. If nothing has: whatever does within this.
    ///
    /// # Errors
    ///
    /// There is no more to come.
    fn next(&mut self, within: Duration, ask: &mut dyn CarryOut) -> Result<Vec<EventRow>, Failure>;
}

/// Tells of events for as long as there is somebody to tell.
pub(super) fn run<S: Serve>(
    server: &S,
    request: SubscribeRequest,
    carry_out: &mut dyn CarryOut,
    stream: &UnixStream,
) -> io::Result<()> {
    let kinds = request.kinds.iter().collect();
    let mut feed = match server.subscribe(request, carry_out) {
        Ok(feed) => feed,
        Err(Failure { code, text: why }) => return send(stream, &Reply::refused(code, why)),
    };
    send(stream, &Answer::Subscribed { kinds }.into())?;
    loop {
        match feed.next(LOOK, carry_out) {
            Ok(rows) => rows.into_iter().try_for_each(|row| send(stream, &Answer::Event(row).into()))?,
            Err(Failure { code, text: why }) => return send(stream, &Reply::refused(code, why)),
        }
        if has_gone(stream) {
            return Ok(());
        }
    }
}

fn send(stream: &UnixStream, reply: &Reply) -> io::Result<()> {
    Patience::new(STILL).send(stream, (text(reply) + "\n").as_bytes())
}

/// Whether nobody reads any more.
fn has_gone(stream: &UnixStream) -> bool {
    let mut there = [PollFd::new(stream, PollFlags::empty())];
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    let polled = poll(&mut there, Some(&now));
    polled.is_ok_and(|ready| ready > 0) && there[0].revents().intersects(PollFlags::HUP | PollFlags::ERR)
}
