//! The daemon's end of the socket.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::thread;
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::fs::AtFlags;
use rustix::fs::CWD;
use rustix::fs::Gid;
use rustix::fs::Mode;
use rustix::fs::OFlags;
use rustix::fs::chownat;
use rustix::fs::openat;
use rustix::net::AddressFamily;
use rustix::net::Shutdown;
use rustix::net::SocketAddrUnix;
use rustix::net::SocketFlags;
use rustix::net::SocketType;
use rustix::net::socket_with;
use siding_runtime::trip;

use super::Failure;
use super::Feed;
use super::Reply;
use super::Request;
use super::SubscribeRequest;
use super::session;
use super::session::Sessions;

/// Carries out requests.
pub(crate) trait CarryOut {
    /// One.
    fn one(&mut self, request: Request) -> Reply;

    /// All of these together, each of which adds a route, for less than they cost one by one. False if that cannot be: each is
    /// to be carried out by itself then, which does and tells what would have been done and told in any case.
    fn routes(&mut self, _requests: &[Request]) -> bool {
        false
    }
}

/// One by one.
impl<F: FnMut(Request) -> Reply> CarryOut for F {
    fn one(&mut self, request: Request) -> Reply {
        self(request)
    }
}

/// Who carries out requests: one session for each connection, on its thread.
pub(crate) trait Serve: Send + Sync + 'static {
    /// Calls `each` with a function that carries out one request, for as long as the connection lasts.
    fn session(&self, each: &mut dyn FnMut(&mut dyn CarryOut));

    /// How many sessions there are.
    fn sessions(&self) -> &Sessions;

    /// Whether what changes something is refused.
    fn only_looks(&self) -> bool {
        false
    }

    /// What a subscriber is told from now on.
    ///
    /// # Errors
    ///
    /// There are as many as there may be.
    fn subscribe(
        &self,
        request: SubscribeRequest,
        ask: &mut dyn CarryOut,
    ) -> Result<Box<dyn Feed + '_>, Failure>;
}

/// A control socket that is ours. Dropping it removes it.
#[derive(Debug)]
pub(crate) struct Listener {
    socket: OwnedFd,
    path: PathBuf,
    /// The file's device and inode: somebody may have put another in its place.
    file: (u64, u64),
    shut: Arc<AtomicBool>,
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
    #[error("cannot listen at {}: {why}; give another `control` in [stack]", .path.display())]
    System {
        /// The socket.
        path: PathBuf,
        /// What the system said.
        why: io::Error,
    },
}

/// Connections that wait to be taken.
const BACKLOG: i32 = 128;

/// Between two attempts to take a connection, when the system gives none.
const PAUSE: Duration = Duration::from_millis(200);

impl Listener {
    /// Makes the socket, for its owner and this group; it takes no connections before [`serve`](Self::serve): whoever gets one finds the
    /// daemon ready. A socket that a dead daemon has left is removed.
    ///
    /// # Errors
    ///
    /// A daemon answers there, or the system refuses.
    pub(crate) fn bind(path: &Path, group: Option<u32>) -> Result<Listener, ListenError> {
        let system = |why| ListenError::System { path: path.to_owned(), why };
        match fs::symlink_metadata(path) {
            Ok(there) if !there.file_type().is_socket() => {
                return Err(ListenError::NoSocket(path.to_owned()));
            }
            Ok(_) => match try_connect(path) {
                // Somebody listens, and has more to do than he can.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Err(ListenError::InUse(path.to_owned()));
                }
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                    fs::remove_file(path).map_err(system)?;
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(system(error)),
                Ok(()) => return Err(ListenError::InUse(path.to_owned())),
            },
            Err(_) => {}
        }
        let bound = || -> io::Result<Listener> {
            let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
            // With the mode that it is to have from the start: what stands under a name may be another's a moment later.
            let hidden = if group.is_some() { 0o117 } else { 0o177 };
            let before = rustix::process::umask(Mode::from_raw_mode(hidden));
            let bound = SocketAddrUnix::new(path).and_then(|address| rustix::net::bind(&socket, &address));
            rustix::process::umask(before);
            bound?;
            let (path, file, shut) = (path.to_owned(), give(path, group)?, Arc::default());
            Ok(Listener { socket, path, file, shut })
        };
        bound().map_err(system)
    }

    /// Takes connections from now on and serves each on a thread of its own, until it is [`shut`](Self::shut). To be
    /// called again if the thread that takes them should end before.
    ///
    /// # Errors
    ///
    /// Somebody else has taken the socket's place meanwhile, or the system starts no thread.
    pub(crate) fn serve<S: Serve>(&self, server: &Arc<S>) -> Result<JoinHandle<()>, ListenError> {
        let socket = self.open()?;
        let system = |why| ListenError::System { path: self.path.clone(), why };
        let (listener, server, shut) = (UnixListener::from(socket), server.clone(), self.shut.clone());
        let serve = move || accept(&listener, &server, &shut);
        thread::Builder::new().name("control".into()).spawn(serve).map_err(system)
    }

    /// The socket, at which connections wait from now on.
    ///
    /// # Errors
    ///
    /// As [`serve`](Self::serve).
    pub(crate) fn open(&self) -> Result<OwnedFd, ListenError> {
        let system =
            |error: rustix::io::Errno| ListenError::System { path: self.path.clone(), why: error.into() };
        // Two that start at once both find nobody answering: the second takes the place of the first.
        if !self.is_ours() {
            return Err(ListenError::InUse(self.path.clone()));
        }
        let socket = rustix::io::fcntl_dupfd_cloexec(&self.socket, 0).map_err(system)?;
        rustix::net::listen(&socket, BACKLOG).map_err(system)?;
        Ok(socket)
    }

    /// Takes no more connections, and removes the socket; those that wait are told so. The thread that takes them ends
    /// soon.
    pub(crate) fn shut(&self) {
        self.shut.store(true, Ordering::Release);
        // Whoever waits for a connection is told that there will be none.
        let _ = rustix::net::shutdown(&self.socket, Shutdown::Both);
        self.remove();
    }

    fn remove(&self) {
        if self.is_ours() {
            // What cannot be removed is replaced by the next daemon: nobody answers there.
            let _ = fs::remove_file(&self.path);
        }
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
        self.remove();
    }
}

/// Takes connections one by one. While the system gives none (out of descriptors, of memory), they wait in the queue.
fn accept<S: Serve>(listener: &UnixListener, server: &Arc<S>, shut: &AtomicBool) {
    let mut waits = false;
    loop {
        let next = listener.accept();
        trip::here();
        match next {
            // Those that waited: none of them has a descriptor any longer than it takes to say so.
            Ok((stream, _)) if shut.load(Ordering::Acquire) => session::too_late(&stream),
            // Also if there is no descriptor: those that there are are for the end.
            Err(_) if shut.load(Ordering::Acquire) => return,
            Ok((stream, _)) => {
                if std::mem::take(&mut waits) {
                    tracing::info!("control connections are taken again");
                }
                session::begin(server, stream);
            }
            // Of the one who came, not of the socket.
            Err(error)
                if matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::ConnectionAborted) => {}
            Err(error) => {
                if !std::mem::replace(&mut waits, true) {
                    tracing::warn!("control connections wait: {error}");
                }
                thread::sleep(PAUSE);
            }
        }
    }
}

/// Whether somebody answers; waits for nobody.
fn try_connect(path: &Path) -> io::Result<()> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    Ok(rustix::net::connect(&socket, &SocketAddrUnix::new(path)?)?)
}

/// Gives the socket that stands under this name to a group, and no other file, whatever a link there leads to; its identity.
fn give(path: &Path, group: Option<u32>) -> io::Result<(u64, u64)> {
    let file = openat(CWD, path, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())?;
    let file = fs::File::from(file);
    let there = file.metadata()?;
    if !there.file_type().is_socket() || there.uid() != rustix::process::geteuid().as_raw() {
        return Err(io::Error::other(
            "somebody has put something else there: choose a directory of your own",
        ));
    }
    chownat(&file, "", None, group.map(Gid::from_raw), AtFlags::EMPTY_PATH)?;
    Ok((there.dev(), there.ino()))
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    fs::symlink_metadata(path).map(|file| (file.dev(), file.ino()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn nothing_is_given_away_but_the_socket() {
        let directory = std::env::temp_dir().join(format!("siding-give-{}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        let [victim, link, socket] = ["victim", "link", "socket"].map(|name| directory.join(name));
        fs::write(&victim, "").unwrap();
        fs::set_permissions(&victim, fs::Permissions::from_mode(0o600)).unwrap();
        let own = rustix::process::getegid().as_raw();
        // As if somebody had put them where the socket was a moment ago.
        std::os::unix::fs::symlink(&victim, &link).unwrap();
        for planted in [&link, &victim] {
            assert!(give(planted, Some(own)).unwrap_err().to_string().contains("somebody"), "{planted:?}");
        }
        assert_eq!(fs::metadata(&victim).unwrap().permissions().mode() & 0o777, 0o600);
        let _listener = Listener::bind(&socket, Some(own)).unwrap();
        let there = fs::symlink_metadata(&socket).unwrap();
        assert_eq!((there.gid(), there.permissions().mode() & 0o777), (own, 0o660));
        fs::remove_dir_all(directory).unwrap();
    }
}
