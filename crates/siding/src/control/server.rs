//! The daemon's end of the socket.

use std::fs;
use std::io;
use std::io::BufRead;
use std::io::BufReader;
use std::io::Read;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixListener;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

use rustix::net::AddressFamily;
use rustix::net::SocketAddrUnix;
use rustix::net::SocketFlags;
use rustix::net::SocketType;
use rustix::net::socket_with;

use super::Answer;
use super::Request;

/// Carries out one request.
pub(crate) type CarryOut<'c> = dyn FnMut(Request) -> Answer + 'c;

/// Who carries out requests: one session for each connection, on its thread.
pub(crate) trait Serve: Send + Sync + 'static {
    /// Calls `each` with a function that carries out one request, for as long as the connection lasts.
    fn session(&self, each: &mut dyn FnMut(&mut CarryOut<'_>));
}

/// A control socket that is ours. Dropping it removes it.
#[derive(Debug)]
pub(crate) struct Listener {
    socket: OwnedFd,
    path: PathBuf,
    /// The file's device and inode: somebody may have put another in its place.
    file: (u64, u64),
}

/// Why there is no control socket.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ListenError {
    /// A daemon answers there.
    #[error("a siding answers at {} already: stop that one first, or give another `control` in [stack]", .0.display())]
    InUse(PathBuf),
    /// Something that is no socket is there.
    #[error("{} is there and is no socket: remove it, or give another `control` in [stack]", .0.display())]
    NoSocket(PathBuf),
    /// The system refuses.
    #[error("cannot listen at {}: {source}; give another `control` in [stack]", .path.display())]
    System {
        /// The socket.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Connections that wait to be taken.
const BACKLOG: i32 = 128;

/// The longest request.
const LONGEST: u64 = 1 << 20;

impl Listener {
    /// Makes the socket, which takes no connections before [`serve`](Self::serve): whoever gets one finds the
    /// daemon ready. A socket that a dead daemon has left is removed.
    ///
    /// # Errors
    ///
    /// A daemon answers there, or the system refuses.
    pub(crate) fn bind(path: &Path) -> Result<Listener, ListenError> {
        let system = |source| ListenError::System { path: path.to_owned(), source };
        match fs::symlink_metadata(path) {
            Ok(there) if !there.file_type().is_socket() => {
                return Err(ListenError::NoSocket(path.to_owned()));
            }
            Ok(_) => match UnixStream::connect(path) {
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                    fs::remove_file(path).map_err(system)?;
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(system(error)),
                Ok(_) => return Err(ListenError::InUse(path.to_owned())),
            },
            Err(_) => {}
        }
        let bound = || -> io::Result<Listener> {
            let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
            // Made for the owner alone from the start: between bind and chmod, others could connect.
            let before = rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o177));
            let bound = SocketAddrUnix::new(path).and_then(|address| rustix::net::bind(&socket, &address));
            rustix::process::umask(before);
            bound?;
            Ok(Listener { socket, path: path.to_owned(), file: identity(path)? })
        };
        bound().map_err(system)
    }

    /// Takes connections from now on and serves each on a thread of its own, for as long as the process lives.
    ///
    /// # Errors
    ///
    /// Somebody else has taken the socket's place meanwhile, or the system starts no thread.
    pub(crate) fn serve<S: Serve>(&self, server: &Arc<S>) -> Result<(), ListenError> {
        let system = |source| ListenError::System { path: self.path.clone(), source };
        // Two that start at once both find nobody answering: the second takes the place of the first.
        if !self.is_ours() {
            return Err(ListenError::InUse(self.path.clone()));
        }
        let socket =
            rustix::io::fcntl_dupfd_cloexec(&self.socket, 0).map_err(|error| system(error.into()))?;
        rustix::net::listen(&socket, BACKLOG).map_err(|error| system(error.into()))?;
        let (listener, server) = (UnixListener::from(socket), server.clone());
        let served = thread::Builder::new().name("control".into()).spawn(move || {
            for connection in listener.incoming().flatten() {
                let server = server.clone();
                let spawned = thread::Builder::new().name("session".into()).spawn(move || {
                    // A client that goes away in the middle is none of our business.
                    let _ = converse(&*server, &connection);
                });
                if let Err(error) = spawned {
                    tracing::warn!("a control connection was turned away: {error}");
                }
            }
        });
        served.map(drop).map_err(system)
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    fn is_ours(&self) -> bool {
        identity(&self.path).is_ok_and(|file| file == self.file)
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if self.is_ours() {
            // What cannot be removed is replaced by the next daemon: nobody answers there.
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    fs::symlink_metadata(path).map(|file| (file.dev(), file.ino()))
}

/// One connection, line by line.
fn converse<S: Serve>(server: &S, mut stream: &UnixStream) -> io::Result<()> {
    let mut result = Ok(());
    server.session(&mut |carry_out| {
        let mut lines = BufReader::new(stream);
        let mut line = String::new();
        loop {
            line.clear();
            match Read::by_ref(&mut lines).take(LONGEST).read_line(&mut line) {
                Ok(0) => return,
                Ok(_) => {}
                Err(error) => return result = Err(error),
            }
            let answer = match serde_json::from_str(&line) {
                Ok(request) => carry_out(request),
                Err(error) => Answer::Error(format!("not a request: {error}")),
            };
            let sent = serde_json::to_string(&answer).map_err(io::Error::from);
            let sent = sent.and_then(|text| stream.write_all((text + "\n").as_bytes()));
            if let Err(error) = sent {
                return result = Err(error);
            }
        }
    });
    result
}
