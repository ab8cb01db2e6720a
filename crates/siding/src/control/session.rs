//! One connection: how many there may be, how long a request may be and how long it may take to come.
//!
//! # Locks
//!
//! None. # Teardown: a session ends with its connection, or with the process.

use std::io;
use std::io::Read;
use std::os::unix::net::UnixStream;
use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use super::Code;
use super::LONGEST_REQUEST as LONGEST;
use super::LimitRow;
use super::Reply;
use super::Request;
use super::Serve;
use super::answer;
use super::line;
use super::pieces::Pieces;
use super::stream;
use crate::patience::Patience;

/// So many connections are served at once.
pub(super) const MOST: u64 = 64;

/// How long a connection may be silent.
const IDLE: Duration = Duration::from_secs(60);

/// How long a request may take from its first byte to its last, and an answer until some more of it is read.
const WHOLE: Duration = Duration::from_secs(10);

/// How long an answer may take to be read, after all of it was made.
const READ: Duration = Duration::from_secs(60);

/// How many connections there are.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    now: AtomicU64,
    highest: AtomicU64,
    refused: AtomicU64,
}

/// One of them, for as long as it lives.
struct Place<S: Serve>(Arc<S>);

impl Sessions {
    /// As `siding show limits` has it.
    pub(crate) fn limit(&self, name: &str) -> LimitRow {
        LimitRow {
            limit: name.into(),
            interface: None,
            most: MOST,
            used: self.now.load(Ordering::Relaxed),
            highest: Some(self.highest.load(Ordering::Relaxed)),
            refused: self.refused.load(Ordering::Relaxed),
        }
    }

    /// Takes a place, if one is free.
    fn enter(&self) -> bool {
        let entered =
            self.now.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |now| (now < MOST).then(|| now + 1));
        if let Ok(before) = entered {
            self.highest.fetch_max(before + 1, Ordering::Relaxed);
        }
        entered.is_ok()
    }
}

impl<S: Serve> Drop for Place<S> {
    fn drop(&mut self) {
        self.0.sessions().now.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Serves a connection on a thread of its own, or turns it away.
pub(super) fn begin<S: Serve>(server: &Arc<S>, stream: UnixStream) {
    let sessions = server.sessions();
    if !sessions.enter() {
        let why = format!("{MOST} connections are served already: close one, or come back later");
        return turn_away(sessions, &stream, &why);
    }
    let place = Place(server.clone());
    let stream = Arc::new(stream);
    let own = stream.clone();
    let spawned = thread::Builder::new().name("session".into()).spawn(move || {
        // A client that goes away in the middle is none of our business; a panic has been told where it happened.
        let _ = catch_unwind(AssertUnwindSafe(|| converse(&*place.0, &own)));
    });
    if let Err(error) = spawned {
        turn_away(sessions, &stream, &format!("no thread for one more connection: {error}"));
    }
}

/// Tells why, and waits for nothing: what was sent stays in the socket until it is read.
fn turn_away(sessions: &Sessions, stream: &UnixStream, why: &str) {
    sessions.refused.fetch_add(1, Ordering::Relaxed);
    let _ = send(stream, answer::text(&Reply::refused(Code::TooMany, why)), Duration::ZERO);
}

/// Tells one who comes when the daemon ends.
pub(super) fn too_late(stream: &UnixStream) {
    let _ = send(
        stream,
        answer::text(&Reply::refused(Code::Stopping, "this siding is stopping")),
        Duration::ZERO,
    );
}

/// One connection, line by line.
fn converse<S: Serve>(server: &S, stream: &UnixStream) -> io::Result<()> {
    let mut result = Ok(());
    server.session(&mut |carry_out| {
        let mut lines = Lines { stream, read: Vec::new(), seen: 0 };
        loop {
            let line = match lines.next() {
                Ok(None) => return,
                Ok(Some(line)) => line,
                Err(Unheard::System(error)) => return result = Err(error),
                Err(unheard) => return result = say(stream, &Reply::refused(unheard.code(), unheard)),
            };
            let last = match line::read(&line) {
                Ok(Request::Subscribe(request)) => {
                    return result = stream::run(server, request, carry_out, stream);
                }
                Ok(request) => {
                    drop(line);
                    let within = answer::most(&request) + READ;
                    let mut patience = None;
                    let mut take = |bytes: &[u8]| {
                        patience.get_or_insert_with(|| Patience::new(within).still(WHOLE)).send(stream, bytes)
                    };
                    answer::to(request, server.only_looks(), carry_out, &mut Pieces::new(&mut take))
                }
                Err(error) => say(stream, &answer::nonsense(error)).map(|()| false),
            };
            match last {
                Ok(false) => {}
                Ok(true) => return,
                Err(error) => return result = Err(error),
            }
        }
    });
    result
}

/// Sends a short answer to somebody who reads it.
fn say(stream: &UnixStream, reply: &Reply) -> io::Result<()> {
    send(stream, answer::text(reply), READ)
}

fn send(stream: &UnixStream, text: String, within: Duration) -> io::Result<()> {
    Patience::new(within).still(WHOLE).send(stream, (text + "\n").as_bytes())
}

/// Why there is no request.
#[derive(Debug, thiserror::Error)]
enum Unheard {
    #[error("no request for {} s: this connection is closed", IDLE.as_secs())]
    Idle,
    #[error("half a request for {} s: this connection is closed", WHOLE.as_secs())]
    Late,
    #[error("a request longer than {LONGEST} bytes: this connection is closed")]
    Long,
    #[error("{0}")]
    System(#[from] io::Error),
}

impl Unheard {
    fn code(&self) -> Code {
        match self {
            Unheard::Idle | Unheard::Late => Code::TooLate,
            Unheard::Long => Code::TooLong,
            Unheard::System(_) => Code::System,
        }
    }
}

/// What comes in, line by line.
struct Lines<'s> {
    stream: &'s UnixStream,
    /// What has been read and not been given away.
    read: Vec<u8>,
    /// In so much of it there is no end of a line.
    seen: usize,
}

impl Lines<'_> {
    /// The next line; `None` at the end.
    fn next(&mut self) -> Result<Option<Vec<u8>>, Unheard> {
        let mut deadline = Instant::now() + if self.read.is_empty() { IDLE } else { WHOLE };
        loop {
            if let Some(end) = self.read[self.seen..].iter().position(|byte| *byte == b'\n') {
                let rest = self.read.split_off(self.seen + end + 1);
                self.seen = 0;
                return Ok(Some(std::mem::replace(&mut self.read, rest)));
            }
            self.seen = self.read.len();
            if self.read.len() >= LONGEST {
                return Err(Unheard::Long);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let late = if self.read.is_empty() { Unheard::Idle } else { Unheard::Late };
            if left.is_zero() {
                return Err(late);
            }
            self.stream.set_read_timeout(Some(left))?;
            let mut piece = [0; 4096];
            let mut stream = self.stream;
            match stream.read(&mut piece) {
                // What has no end of line is whole when nothing more comes.
                Ok(0) if self.read.is_empty() => return Ok(None),
                Ok(0) => {
                    self.seen = 0;
                    return Ok(Some(std::mem::take(&mut self.read)));
                }
                Ok(bytes) => {
                    if self.read.is_empty() {
                        deadline = Instant::now() + WHOLE;
                    }
                    self.read.extend(&piece[..bytes]);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Err(late),
                Err(error) => return Err(error.into()),
            }
        }
    }
}
