//! A connection to a daemon.

use std::io;
use std::io::BufRead;
use std::io::BufReader;
use std::io::Read;
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;
use std::time::Instant;

use rustix::net::AddressFamily;
use rustix::net::SocketAddrUnix;
use rustix::net::SocketFlags;
use rustix::net::SocketType;
use rustix::net::sockopt;
use serde::Deserialize;

use crate::Answer;
use crate::BatchRequest;
use crate::Code;
use crate::EventKind;
use crate::EventRow;
use crate::Failure;
use crate::HelloRequest;
use crate::HelloRow;
use crate::OnError;
use crate::Reply;
use crate::Request;
use crate::SubscribeRequest;
use crate::VERSION;

/// How long the daemon may take to take a connection.
const CONNECT: Duration = Duration::from_secs(10);

/// The longest answer that is read, in bytes: a table of a million routes is shorter.
const LONGEST: u64 = 1 << 30;

/// A connection to a daemon.
#[derive(Debug)]
pub struct Client {
    path: PathBuf,
    stream: BufReader<UnixStream>,
    /// What has come of a line that is not whole.
    line: Vec<u8>,
    /// So long an answer is waited for.
    patience: Option<Duration>,
    /// An answer that nobody has waited for may still come: what comes next would be taken for another's.
    out_of_step: bool,
}

/// Why a request has no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody is there.
    #[error(
        "no siding answers at {}: start one with `siding run FILE.toml`, or give its socket with --control",
        .0.display()
    )]
    Nobody(PathBuf),
    /// The socket is somebody else's.
    #[error("not permitted to speak to {}: be root, or the user or in the group whose the socket is", .0.display())]
    NotPermitted(PathBuf),
    /// The connection broke.
    #[error("the siding at {} does not answer: {why}", .path.display())]
    Broken {
        /// Where it was.
        path: PathBuf,
        /// What the system said.
        why: io::Error,
    },
    /// It answers something else than was asked.
    #[error("the daemon answers something else: is it of another version?")]
    SomethingElse,
    /// The daemon says no.
    #[error(transparent)]
    Refused(#[from] Failure),
}

impl ClientError {
    /// Why the daemon says no, if it does.
    pub fn code(&self) -> Option<Code> {
        match self {
            ClientError::Refused(failure) => Some(failure.code),
            _ => None,
        }
    }
}

/// What an answer is, before it is read.
#[derive(Deserialize)]
struct Kind {
    answer: String,
    #[serde(default)]
    code: Option<Code>,
}

impl Client {
    /// Connects to the daemon at `path`.
    ///
    /// # Errors
    ///
    /// Nobody answers there.
    pub fn connect(path: &Path) -> Result<Client, ClientError> {
        let stream = open(path).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
                ClientError::Nobody(path.to_owned())
            }
            io::ErrorKind::PermissionDenied => ClientError::NotPermitted(path.to_owned()),
            _ => ClientError::Broken { path: path.to_owned(), why: source },
        })?;
        let stream = BufReader::new(stream);
        Ok(Client { path: path.to_owned(), stream, line: Vec::new(), patience: None, out_of_step: false })
    }

    /// Waits no longer for an answer. (For ever, unless this is called: a departure may take its time.) A connection on which
    /// an answer came too late is of no use any more.
    pub fn set_patience(&mut self, patience: Option<Duration>) {
        self.patience = patience;
    }

    /// Says which version of the protocol is spoken, and hears who is there.
    ///
    /// # Errors
    ///
    /// The daemon does not speak this version ([`Code::UnknownVersion`]), is older than the request itself
    /// ([`Code::NotARequest`]: it speaks version 1), or has gone.
    pub fn hello(&mut self) -> Result<HelloRow, ClientError> {
        match self.ask(&Request::Hello(HelloRequest { version: VERSION }))? {
            Answer::Hello(row) => Ok(row),
            _ => Err(ClientError::SomethingElse),
        }
    }

    /// Asks, and waits for the answer.
    ///
    /// # Errors
    ///
    /// The daemon says no, or has gone.
    pub fn ask(&mut self, request: &Request) -> Result<Answer, ClientError> {
        Ok(self.converse(request).map_err(|source| self.broken(source))??)
    }

    /// Asks for all of these at once, and waits for the answers, which are as many.
    ///
    /// # Errors
    ///
    /// The daemon says no to all of it, or has gone.
    pub fn batch(
        &mut self,
        requests: Vec<Request>,
        on_error: OnError,
    ) -> Result<Vec<Result<Answer, Failure>>, ClientError> {
        let asked = requests.len();
        match self.ask(&Request::Batch(BatchRequest { requests, on_error }))? {
            Answer::Batch(replies) if replies.len() == asked => {
                Ok(replies.into_iter().map(Reply::into_result).collect())
            }
            _ => Err(ClientError::SomethingElse),
        }
    }

    /// Asks for events of these kinds, of all if there are none; the connection is theirs from then on.
    ///
    /// # Errors
    ///
    /// The daemon says no, or has gone.
    pub fn subscribe(mut self, kinds: &[EventKind]) -> Result<Events, ClientError> {
        match self.ask(&Request::Subscribe(SubscribeRequest { kinds: kinds.iter().copied().collect() }))? {
            Answer::Subscribed { .. } => Ok(Events(self)),
            _ => Err(ClientError::SomethingElse),
        }
    }

    fn broken(&self, source: io::Error) -> ClientError {
        ClientError::Broken { path: self.path.clone(), why: source }
    }

    fn converse(&mut self, request: &Request) -> io::Result<Result<Answer, Failure>> {
        if self.out_of_step {
            return Err(io::Error::other("an answer came too late: connect again"));
        }
        let line = serde_json::to_string(request)? + "\n";
        self.out_of_step = true;
        self.stream.get_ref().set_write_timeout(self.patience)?;
        match self.stream.get_mut().write_all(line.as_bytes()) {
            // It has closed the connection, and may have said why.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
            sent => sent?,
        }
        let answer = self.answer(self.patience)?.ok_or(io::ErrorKind::TimedOut)?;
        self.out_of_step = false;
        Ok(answer)
    }

    /// The next line; `None` if it has not come within this. What has come of it stays.
    fn answer(&mut self, within: Option<Duration>) -> io::Result<Option<Result<Answer, Failure>>> {
        let until = within.map(|within| Instant::now() + within);
        loop {
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                return Ok(None);
            }
            self.stream.get_ref().set_read_timeout(left)?;
            let most = LONGEST - self.line.len() as u64;
            match self.stream.by_ref().take(most).read_until(b'\n', &mut self.line) {
                Ok(_) if self.line.ends_with(b"\n") => {
                    let line = std::mem::take(&mut self.line);
                    return read(&line).map(Some);
                }
                Ok(_) if self.line.len() as u64 >= LONGEST => {
                    return Err(io::Error::other(format!("an answer longer than {LONGEST} bytes")));
                }
                Ok(_) => {
                    return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it has closed the connection"));
                }
                Err(error)
                    if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// What a line says.
fn read(line: &[u8]) -> io::Result<Result<Answer, Failure>> {
    let Kind { answer, code } = serde_json::from_slice(line)?;
    let is_error = answer == "error";
    match serde_json::from_slice(line)? {
        Answer::Error(text) if is_error => Ok(Err(Failure { code: code.unwrap_or(Code::Refused), text })),
        answer => Ok(Ok(answer)),
    }
}

/// A connection, if the daemon takes it in time.
fn open(path: &Path) -> io::Result<UnixStream> {
    let socket =
        rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    // What waits for a place in the queue of a listener waits as long as a sender.
    sockopt::set_socket_timeout(&socket, sockopt::Timeout::Send, Some(CONNECT))?;
    loop {
        match rustix::net::connect(&socket, &SocketAddrUnix::new(path)?) {
            Err(rustix::io::Errno::INTR) => {}
            connected => break connected?,
        }
    }
    Ok(UnixStream::from(socket))
}

/// Events, as they come.
#[derive(Debug)]
pub struct Events(Client);

impl Events {
    /// The next one; `None` if there was none within this.
    ///
    /// # Errors
    ///
    /// The daemon has ended them, or has gone.
    pub fn next_within(&mut self, within: Duration) -> Result<Option<EventRow>, ClientError> {
        self.take(Some(within))
    }

    fn take(&mut self, within: Option<Duration>) -> Result<Option<EventRow>, ClientError> {
        loop {
            return match self.0.answer(within).map_err(|source| self.0.broken(source))? {
                None if within.is_none() => continue,
                None => Ok(None),
                Some(answer) => match answer? {
                    Answer::Event(row) => Ok(Some(row)),
                    _ => Err(ClientError::SomethingElse),
                },
            };
        }
    }
}

impl Iterator for Events {
    type Item = Result<EventRow, ClientError>;

    /// Waits for the next one. There is always one more, or an error.
    fn next(&mut self) -> Option<Self::Item> {
        self.take(None).transpose()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;
    use std::thread;

    use super::*;

    /// A daemon that says this to whatever comes, piece by piece.
    fn says(name: &str, pieces: Vec<&'static str>) -> PathBuf {
        let path = std::env::temp_dir().join(format!("siding-client-{name}-{}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        let listener = UnixListener::bind(&path).unwrap();
        let own = path.clone();
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = std::fs::remove_file(own);
            BufReader::new(stream.try_clone().unwrap()).read_line(&mut String::new()).unwrap();
            for piece in pieces {
                stream.write_all(piece.as_bytes()).unwrap();
                thread::sleep(Duration::from_millis(20));
            }
            // Until the other end has gone.
            let _ = stream.read(&mut [0; 1]);
        });
        path
    }

    #[test]
    fn an_answer_in_pieces_is_one_and_an_error_has_its_code() {
        let path =
            says("pieces", vec!["{\"answer\":\"err", "or\",\"value\":\"no\",\"code\":\"exi", "sts\"}\n"]);
        let error = Client::connect(&path).unwrap().ask(&Request::ShowDrops {}).unwrap_err();
        assert_eq!((error.code(), error.to_string()), (Some(Code::Exists), "no".into()));
    }

    #[test]
    fn an_old_daemon_tells_errors_without_codes() {
        let path = says("old", vec!["{\"answer\":\"error\",\"value\":\"not a request\"}\n"]);
        let error = Client::connect(&path).unwrap().hello().unwrap_err();
        assert_eq!(error.code(), Some(Code::Refused));
    }

    #[test]
    fn an_answer_that_is_late_makes_the_connection_useless() {
        let path = says("late", vec!["{\"answer\":\"do"]);
        let mut client = Client::connect(&path).unwrap();
        client.set_patience(Some(Duration::from_millis(50)));
        for expected in ["timed out", "connect again"] {
            let error = client.ask(&Request::ShowDrops {}).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn half_an_event_is_kept_until_its_end_comes() {
        let row = r#"{"answer":"event","value":{"at_ms":5,"kind":"of-tomorrow","text":"it"#;
        let path =
            says("events", vec![r#"{"answer":"subscribed","value":{"kinds":[]}}"#, "\n", row, " is\"}}\n"]);
        let mut events = Client::connect(&path).unwrap().subscribe(&[]).unwrap();
        let mut looks = 0;
        let row = loop {
            looks += 1;
            assert!(looks < 10_000);
            if let Some(row) = events.next_within(Duration::from_millis(1)).unwrap() {
                break row;
            }
        };
        assert_eq!((row.at_ms, row.kind, row.text.as_str()), (5, EventKind::Other, "it is"));
    }
}
