//! Who has an interface: one claim of each, in each network namespace.
//!
//! Two things say so, each where the other does not reach:
//!
//! * a file in the run directory, locked by `flock`: nobody but root, or this user, can make or open it. It is what
//!   decides among those that share the directory;
//! * an abstract Unix socket, whose name belongs to the network namespace whatever is mounted: two containers see it of each
//!   other. Anybody can take such a name, so its holder is asked who he is, and counts only if he is root, this
//!   user, or the user whose the run directory is. Nobody takes the connection by which he is asked: it stays in his queue
//!   until he ends. So he is asked once, and one whose queue is full counts, whoever he is: that he is nobody we
//!   know cannot be told, and two on one interface are worse than none.
//!
//! Both go with the process, however it ends. Where there can be no file, the name alone decides, and whoever takes it
//! keeps the interface from us.

use std::fs::DirBuilder;
use std::fs::File;
use std::fs::OpenOptions;
use std::io;
use std::os::fd::AsFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::fs::MetadataExt;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::SocketAddr;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use rustix::fs::FlockOperation;
use rustix::io::Errno;
use rustix::net::AddressFamily;
use rustix::net::SocketAddrUnix;
use rustix::net::SocketFlags;
use rustix::net::SocketType;

use super::Netns;

/// Root's run directory, and that of a service whose user is another.
const SYSTEM: &str = "/run/siding";

/// So often it is looked whether who has a name listens, and how long that is waited for each time.
const LISTENS: usize = 3;
const PAUSE: Duration = Duration::from_millis(5);

/// An interface that is ours until this is dropped.
#[derive(Debug)]
pub(super) struct Lock {
    _file: Option<LockFile>,
    _name: Option<UnixListener>,
}

/// Whether who has the name counts; `None` until he has been asked.
pub(super) type Counts = Option<bool>;

/// Takes the lock of an interface of the calling thread's namespace, if nobody has it. Who tries again gives what he has
/// learnt of the name's holder.
///
/// # Errors
///
/// `AddrInUse` if somebody has.
pub(super) fn try_lock(index: u32, counts: &mut Counts) -> io::Result<Lock> {
    let file = LockFile::take(index)?;
    let name = match UnixListener::bind_addr(&SocketAddr::from_abstract_name(name(index))?) {
        Ok(listener) => Some(listener),
        // With the file in hand there is nobody but who cannot have it; without, he may be one of us.
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            if file.is_none() || *counts.get_or_insert_with(|| holder_counts(index)) {
                return Err(error);
            }
            None
        }
        Err(error) => return Err(error),
    };
    Ok(Lock { _file: file, _name: name })
}

fn name(index: u32) -> String {
    format!("siding/claim/{index}")
}

/// Whether the user whose socket has the name is one of us. One who does not listen is not: a Siding does.
fn holder_counts(index: u32) -> bool {
    let asked = || -> rustix::io::Result<u32> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
        rustix::net::connect(&socket, &SocketAddrUnix::new_abstract_name(name(index).as_bytes())?)?;
        Ok(rustix::net::sockopt::socket_peercred(&socket)?.uid.as_raw())
    };
    for _ in 0..LISTENS {
        match asked() {
            Ok(user) => return is_trusted(user),
            // He may have taken the name this moment, and be about to listen.
            Err(Errno::CONNREFUSED) => thread::sleep(PAUSE),
            // His queue is full, or we have nothing left to ask with.
            Err(_) => return true,
        }
    }
    false
}

fn is_trusted(user: u32) -> bool {
    let system = std::fs::symlink_metadata(SYSTEM).ok().filter(std::fs::Metadata::is_dir);
    user == 0 || user == own_user() || system.is_some_and(|there| there.uid() == user)
}

fn own_user() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// A file that is locked as long as this lives, and removed then.
#[derive(Debug)]
struct LockFile {
    file: File,
    path: PathBuf,
}

impl LockFile {
    /// `None` if there can be no such file.
    fn take(index: u32) -> io::Result<Option<LockFile>> {
        let Some(directory) = directory() else { return Ok(None) };
        let Ok(namespace) = Netns::current().and_then(|netns| netns.cookie()) else { return Ok(None) };
        LockFile::take_at(&directory.join(format!("lock-{namespace}-{index}")))
    }

    fn take_at(path: &Path) -> io::Result<Option<LockFile>> {
        loop {
            let mut options = OpenOptions::new();
            options.write(true).create(true).mode(0o600).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK);
            // A directory that is full, or read-only by now.
            let Ok(file) = options.open(path) else { return Ok(None) };
            match rustix::fs::flock(file.as_fd(), FlockOperation::NonBlockingLockExclusive) {
                Err(Errno::WOULDBLOCK) => return Err(io::ErrorKind::AddrInUse.into()),
                // A file system without locks.
                Err(_) => return Ok(None),
                Ok(()) => {}
            }
            // Whoever had it may have removed it between the two: then it is nobody's, and another may stand there.
            if is_at(&file, path) {
                return Ok(Some(LockFile { file, path: path.to_owned() }));
            }
        }
    }
}

impl Drop for LockFile {
    fn drop(&mut self) {
        // While it is locked: it is this very file. One that stays is locked by the next.
        if is_at(&self.file, &self.path) {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

fn is_at(file: &File, path: &Path) -> bool {
    let own = file.metadata().map(|own| (own.dev(), own.ino())).ok();
    own.is_some() && own == std::fs::symlink_metadata(path).map(|there| (there.dev(), there.ino())).ok()
}

/// Where the files are: the run directory of the system if it is ours, or else this user's.
fn directory() -> Option<PathBuf> {
    lock_directories().into_iter().find(|directory| {
        // Who may not make it does not find it either.
        let _ = DirBuilder::new().mode(0o700).create(directory);
        let there = std::fs::symlink_metadata(directory);
        there.is_ok_and(|there| there.is_dir() && there.uid() == own_user() && there.mode() & 0o022 == 0)
    })
}

/// Folders in which claims lock files, as far as they are this user's.
#[must_use]
pub fn lock_directories() -> Vec<PathBuf> {
    let own = std::env::var_os("XDG_RUNTIME_DIR").map(|own| PathBuf::from(own).join("siding"));
    [Some(PathBuf::from(SYSTEM)), own].into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_had_by_one_and_goes_with_him() {
        let path = std::env::temp_dir().join(format!("siding-lock-{}", std::process::id()));
        let first = LockFile::take_at(&path).unwrap().unwrap();
        assert_eq!(LockFile::take_at(&path).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        drop(first);
        assert!(!path.exists());
        // One that a killed process has left is nobody's.
        File::create(&path).unwrap();
        let second = LockFile::take_at(&path).unwrap().unwrap();
        // Somebody may put another in its place: that is not removed.
        std::fs::remove_file(&path).unwrap();
        File::create(&path).unwrap();
        drop(second);
        assert!(path.exists());
        std::fs::remove_file(&path).unwrap();
        // Nothing is opened through a link.
        std::os::unix::fs::symlink("/dev/null", &path).unwrap();
        assert!(LockFile::take_at(&path).unwrap().is_none());
        std::fs::remove_file(&path).unwrap();
    }
}
