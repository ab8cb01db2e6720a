//! Network namespaces that have no name and leave nothing behind.
//!
//! A namespace lives as long as somebody holds it: a thread in it, a descriptor of it, a socket opened in it.
//! [`Netns`] is the descriptor. Nothing is mounted under `/run/netns`, so that the namespace, and every
//! interface made in it, goes when the process does, however it ends.
//!
//! # Threads
//!
//! Entering a namespace changes the calling thread only. [`Netns::run`] and [`Netns::spawn`] therefore enter on
//! a thread of their own, which ends with the call: no thread that someone else uses is ever left in a foreign
//! namespace, not even by a panic.

use std::fmt;
use std::fs;
use std::fs::File;
use std::os::fd::AsFd;
use std::os::fd::AsRawFd;
use std::os::fd::BorrowedFd;
use std::os::fd::OwnedFd;
use std::panic;
use std::path::Path;
use std::process::Child;
use std::process::Command;
use std::thread;

use rustix::thread::LinkNameSpaceType;
use rustix::thread::UnshareFlags;

use super::Error;
use super::Netlink;

/// A handle of a network namespace, which lives at least as long.
#[derive(Debug)]
pub struct Netns {
    fd: OwnedFd,
}

impl Netns {
    /// Makes a new one, with nothing in it but a loopback interface that is down. The caller stays where it is.
    ///
    /// # Errors
    /// If the caller may not (see [`isolate`] for a way without privileges), or a limit is reached.
    pub fn new() -> Result<Self, Error> {
        on_own_thread(|| {
            unshare(UnshareFlags::NEWNET)
                .map_err(|e| Error::system("make a network namespace", privileged(e)))?;
            Self::current()
        })?
    }

    /// The calling thread's own.
    ///
    /// # Errors
    /// If `/proc` is not there.
    pub fn current() -> Result<Self, Error> {
        Self::open(Path::new("/proc/thread-self/ns/net"))
    }

    /// A named one: `/run/netns/NAME` as `ip netns` makes them, or `/proc/PID/ns/net`.
    ///
    /// # Errors
    /// If there is no such file, or the caller may not.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let file = File::open(path)
            .map_err(|e| Error::system(format_args!("open the network namespace {}", path.display()), e))?;
        Ok(Self { fd: file.into() })
    }

    /// Runs `work` inside, on a thread of its own, and returns what it returns. A panic in it goes on here.
    ///
    /// # Errors
    /// If the caller may not enter. Then `work` has not run.
    pub fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> Result<T, Error> {
        on_own_thread(|| {
            self.enter_thread()?;
            Ok(work())
        })?
    }

    /// Starts a program inside.
    ///
    /// # Errors
    /// If the caller may not enter, or the program cannot be started.
    pub fn spawn(&self, command: &mut Command) -> Result<Child, Error> {
        let program = command.get_program().to_string_lossy().into_owned();
        // The child is a copy of the thread that starts it, and so is its namespace.
        self.run(|| command.spawn())?.map_err(|e| Error::system(format_args!("start {program}"), e))
    }

    /// Opens a netlink socket inside.
    ///
    /// # Errors
    /// If the caller may not enter, or the kernel grants no socket.
    pub fn netlink(&self) -> Result<Netlink, Error> {
        self.run(Netlink::open)?
    }

    /// Moves the calling thread inside, for good. Threads that it starts later are inside too; those that are
    /// there already stay where they are.
    ///
    /// # Errors
    /// If the caller may not.
    pub fn enter_thread(&self) -> Result<(), Error> {
        rustix::thread::move_into_link_name_space(self.fd.as_fd(), Some(LinkNameSpaceType::Network))
            .map_err(|e| Error::system("enter a network namespace", privileged(e)))
    }

    /// True if the calling thread is in this namespace.
    ///
    /// # Errors
    /// If `/proc` is not there.
    pub fn is_current(&self) -> Result<bool, Error> {
        Ok(self.identity()? == Self::current()?.identity()?)
    }

    /// A number that no other namespace has while this one lives, as in `readlink /proc/self/ns/net`.
    ///
    /// # Errors
    /// If the descriptor cannot be examined.
    pub fn identity(&self) -> Result<u64, Error> {
        rustix::fs::fstat(&self.fd)
            .map(|stat| stat.st_ino)
            .map_err(|e| Error::system("examine a network namespace", e))
    }

    /// A number that no other namespace gets until the next boot, alive or not. Before Linux 5.14 there is none, and it
    /// is [`identity`](Self::identity).
    ///
    /// # Errors
    /// If the caller may not enter, or the kernel grants no socket.
    pub fn cookie(&self) -> Result<u64, Error> {
        let ask = || -> Result<Option<u64>, Error> {
            let socket = rustix::net::socket_with(
                rustix::net::AddressFamily::UNIX,
                rustix::net::SocketType::DGRAM,
                rustix::net::SocketFlags::CLOEXEC,
                None,
            )
            .map_err(|e| Error::system("open a socket to examine a network namespace", e))?;
            Ok(netns_cookie(socket.as_fd()))
        };
        let cookie = if self.is_current()? { ask()? } else { self.run(ask)?? };
        cookie.map_or_else(|| self.identity(), Ok)
    }
}

impl AsFd for Netns {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// How [`isolate`] got its namespace. Show it to the operator: what the process may do outside differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Isolation {
    /// With the privileges that the process has.
    Privileged,
    /// In a user namespace of its own, in which this user is root, and only there.
    UserNamespace {
        /// The user's id outside.
        uid: u32,
    },
}

impl fmt::Display for Isolation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Privileged => {
                f.write_str("in a private network namespace, with the privileges of the caller")
            }
            Self::UserNamespace { uid } => write!(
                f,
                "in a private network namespace inside a private user namespace: user {uid} is root in it, and has \
                 no more rights outside than before"
            ),
        }
    }
}

/// Moves the calling thread into a new network namespace for good; threads that it starts later are in it too.
/// A caller that may not do that gets a new user namespace as well, in which it is root.
///
/// Call it first thing in `main`: the kernel makes no user namespace for a process that has threads.
///
/// # Errors
/// If the kernel refuses both.
pub fn isolate() -> Result<Isolation, Error> {
    match unshare(UnshareFlags::NEWNET) {
        Ok(()) => return Ok(Isolation::Privileged),
        Err(rustix::io::Errno::PERM) => {}
        Err(error) => return Err(Error::system("make a network namespace", error)),
    }
    let uid = rustix::process::getuid().as_raw();
    let gid = rustix::process::getgid().as_raw();
    unshare(UnshareFlags::NEWUSER | UnshareFlags::NEWNET).map_err(|error| {
        let problem = match error {
            rustix::io::Errno::INVAL => {
                "make a user namespace (the process has threads already: run as root, or isolate it first thing)"
            }
            _ => {
                "make a user namespace (run as root, or allow it by the sysctls kernel.unprivileged_userns_clone \
                 and kernel.apparmor_restrict_unprivileged_userns)"
            }
        };
        Error::system(problem, error)
    })?;
    // Groups must be given up before an unprivileged process may map its own (user_namespaces(7)).
    write_map("setgroups", "deny")?;
    write_map("uid_map", &format!("0 {uid} 1"))?;
    write_map("gid_map", &format!("0 {gid} 1"))?;
    Ok(Isolation::UserNamespace { uid })
}

fn write_map(file: &str, content: &str) -> Result<(), Error> {
    let path = format!("/proc/self/{file}");
    fs::write(&path, content).map_err(|e| Error::system(format_args!("write {content:?} to {path}"), e))
}

fn unshare(flags: UnshareFlags) -> Result<(), rustix::io::Errno> {
    debug_assert!(!flags.contains(UnshareFlags::FILES));
    // JUSTIFICATION: namespaces are made by unshare(2) alone, and rustix has it as an unsafe function only.
    // SAFETY: its one condition is that no thread sees descriptors of a file table that was unshared; the callers,
    // both in this file, pass NEWNET and NEWUSER only, so that the file table stays shared.
    unsafe { rustix::thread::unshare_unsafe(flags) }
}

/// The cookie of a socket's namespace, if the kernel has such.
fn netns_cookie(socket: BorrowedFd<'_>) -> Option<u64> {
    let mut cookie = 0_u64;
    let mut length = size_of::<u64>() as libc::socklen_t;
    // JUSTIFICATION: rustix has no SO_NETNS_COOKIE.
    // SAFETY: the descriptor is open while it is borrowed; the option writes at most `length` bytes to `cookie`, which is
    // as long, aligned, and lives over the call, as does `length`.
    let result = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_NETNS_COOKIE,
            (&raw mut cookie).cast(),
            &raw mut length,
        )
    };
    (result == 0 && length as usize == size_of::<u64>()).then_some(cookie)
}

/// A bare "operation not permitted" would make our errors ask for CAP_NET_ADMIN, which is not enough here.
fn privileged(error: rustix::io::Errno) -> std::io::Error {
    if error == rustix::io::Errno::PERM {
        return std::io::Error::new(
            std::io::ErrorKind::PermissionDenied,
            "not permitted; run as root or with CAP_SYS_ADMIN, or under `unshare --user --map-root-user --net`",
        );
    }
    error.into()
}

fn on_own_thread<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T, Error> {
    thread::scope(|scope| {
        let thread = thread::Builder::new()
            .name("netns".to_owned())
            .spawn_scoped(scope, work)
            .map_err(|e| Error::system("start a thread for a network namespace", e))?;
        // A failed assertion inside shall fail the test outside.
        thread.join().or_else(|panic| panic::resume_unwind(panic))
    })
}
