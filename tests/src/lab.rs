//! A laboratory: namespaces, wires between them, and a directory for what programs write.

use std::env;
use std::fs;
use std::io;
use std::os::fd::AsFd;
use std::path::Path;
use std::path::PathBuf;
use std::process;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

use siding_drivers::kernel::Netns;

use crate::Host;
use crate::skip;

/// The place of one test. Hosts and wires made in it are gone when it and its hosts are.
#[derive(Debug)]
pub struct Lab {
    directory: Arc<Directory>,
}

impl Lab {
    /// Opens a laboratory, or skips the test where no namespaces can be made.
    ///
    /// # Panics
    /// As [`skip`]; or if no directory can be made.
    #[must_use]
    pub fn open() -> Option<Self> {
        if let Err(error) = Netns::new() {
            skip(&error.to_string());
            return None;
        }
        Some(Self { directory: Arc::new(Directory::new()) })
    }

    /// A new host: a namespace with the loopback interface up and nothing else. `name` is for messages only.
    #[must_use]
    pub fn host(&self, name: &str) -> Host {
        Host::new(name, Arc::clone(&self.directory))
    }

    /// Connects `left`'s new interface `left_name` with `right`'s new interface `right_name`, by a veth pair;
    /// both are up.
    ///
    /// Offloads are switched off at both ends: on a veth, a packet that the kernel sends has no check sum filled
    /// in unless told so, which to a stack that reads frames is a corrupt packet.
    pub fn wire(&self, left: &Host, left_name: &str, right: &Host, right_name: &str) {
        let mut netlink = left.netlink();
        netlink
            .create_veth(left_name, right_name, Some(right.netns().as_fd()))
            .unwrap_or_else(|e| panic!("{}: {e}", left.name()));
        for (host, interface) in [(left, left_name), (right, right_name)] {
            host.netlink().set_up(interface).unwrap_or_else(|e| panic!("{}: {e}", host.name()));
            host.offloads_off(interface);
        }
    }

    /// Two hosts, `ours` and `peer`, each with an interface `eth0` at one wire.
    #[must_use]
    pub fn pair(&self) -> (Host, Host) {
        let ours = self.host("ours");
        let peer = self.host("peer");
        self.wire(&ours, "eth0", &peer, "eth0");
        (ours, peer)
    }

    /// A directory of this test alone, removed with the laboratory and its hosts.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }
}

/// A directory that goes when its last user does.
#[derive(Debug)]
pub(crate) struct Directory {
    path: PathBuf,
    files: AtomicUsize,
}

impl Directory {
    fn new() -> Self {
        static MADE: AtomicUsize = AtomicUsize::new(0);
        // A directory of that name can be there from a process that was killed and had the same number.
        loop {
            let number = MADE.fetch_add(1, Ordering::Relaxed);
            let path = env::temp_dir().join(format!("siding-lab-{}-{number}", process::id()));
            match fs::create_dir(&path) {
                Ok(()) => return Self { path, files: AtomicUsize::new(0) },
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => panic!("cannot make the directory {}: {error}", path.display()),
            }
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// A name in it that nobody else gets.
    pub(crate) fn file(&self, stem: &str) -> PathBuf {
        let number = self.files.fetch_add(1, Ordering::Relaxed);
        self.path.join(format!("{stem}-{number}"))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // Nothing to do about it if it fails; the system's own cleaning of temporary files will.
        let _ = fs::remove_dir_all(&self.path);
    }
}
