//! A host: a namespace in which programs run.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use siding_drivers::kernel::Cidr;
use siding_drivers::kernel::Dad;
use siding_drivers::kernel::Netlink;
use siding_drivers::kernel::Netns;
use siding_drivers::kernel::Offloads;

use crate::Finished;
use crate::Running;
use crate::lab::Directory;
use crate::skip::find;

/// How long a program may take that a test waits for.
const PATIENCE: Duration = Duration::from_secs(60);

/// A host of a [`Lab`](crate::Lab), which is a namespace with a name for messages.
#[derive(Debug)]
pub struct Host {
    name: String,
    netns: Netns,
    directory: Arc<Directory>,
}

impl Host {
    pub(crate) fn new(name: &str, directory: Arc<Directory>) -> Self {
        let netns = Netns::new().unwrap_or_else(|e| panic!("{name}: {e}"));
        let host = Self { name: name.to_owned(), netns, directory };
        host.netlink().set_up("lo").unwrap_or_else(|e| panic!("{name}: {e}"));
        host
    }

    /// Runs a program to its end, at most a minute, and returns how it ended and what it wrote.
    ///
    /// # Panics
    /// If it cannot be started or does not end.
    #[must_use]
    pub fn run(&self, program: &str, arguments: &[&str]) -> Finished {
        self.start(program, arguments).finish(PATIENCE)
    }

    /// Starts a program and lets it run.
    ///
    /// # Panics
    /// If it cannot be started.
    #[must_use]
    pub fn start(&self, program: &str, arguments: &[&str]) -> Running {
        // Not by name alone: a user's PATH lacks /usr/sbin.
        let path = find(program).unwrap_or_else(|| panic!("{}: no program {program}", self.name));
        self.start_command(Command::new(path).args(arguments))
    }

    /// Starts a program that has been prepared (environment, directory) and lets it run.
    ///
    /// # Panics
    /// If it cannot be started.
    #[must_use]
    pub fn start_command(&self, command: &mut Command) -> Running {
        let program = Path::new(command.get_program());
        let stem = program.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Running::start(&self.netns, command, &self.directory.file(&format!("{}-{stem}", self.name)))
    }

    /// Runs `work` on a thread in this host's namespace, and returns what it returns. Sockets that it opens stay
    /// in that namespace.
    pub fn inside<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        self.netns.run(work).unwrap_or_else(|e| panic!("{}: {e}", self.name))
    }

    /// A netlink socket of this host.
    #[must_use]
    pub fn netlink(&self) -> Netlink {
        self.netns.netlink().unwrap_or_else(|e| panic!("{}: {e}", self.name))
    }

    /// Puts an address on an interface, usable at once (no duplicate address detection).
    ///
    /// # Panics
    /// If that cannot be done.
    pub fn address(&self, interface: &str, cidr: &str) {
        let parsed: Cidr = cidr.parse().unwrap_or_else(|e| panic!("{e}"));
        self.netlink()
            .add_address(interface, parsed, Dad::Skip)
            .unwrap_or_else(|e| panic!("{}: {e}", self.name));
    }

    /// Adds a route to `destination` via `next_hop`, out of `interface` if the next hop is link-local.
    ///
    /// # Panics
    /// If that cannot be done.
    pub fn route(&self, destination: &str, next_hop: &str, interface: Option<&str>) {
        let destination: Cidr = destination.parse().unwrap_or_else(|e| panic!("{e}"));
        let via = next_hop.parse().unwrap_or_else(|e| panic!("{next_hop}: {e}"));
        self.netlink()
            .add_route(destination, Some(via), interface)
            .unwrap_or_else(|e| panic!("{}: {e}", self.name));
    }

    /// Sets a value under `/proc/sys/net` in this namespace; `key` is the path below it.
    ///
    /// # Panics
    /// If there is no such setting, or it does not take the value.
    pub fn set_sysctl(&self, key: &str, value: &str) {
        let path = format!("/proc/sys/net/{key}");
        self.inside(|| std::fs::write(&path, value)).unwrap_or_else(|e| panic!("{}: {path}: {e}", self.name));
    }

    /// A value under `/proc/sys/net` in this namespace; `key` is the path below it.
    ///
    /// # Panics
    /// If there is no such setting.
    #[must_use]
    pub fn sysctl(&self, key: &str) -> String {
        let path = format!("/proc/sys/net/{key}");
        let text = self.inside(|| std::fs::read_to_string(&path));
        text.unwrap_or_else(|e| panic!("{}: {path}: {e}", self.name)).trim_end().to_owned()
    }

    /// What `tc` shows of an interface's ingress: its queue, and the filters of that for both directions.
    ///
    /// # Panics
    /// If there is no `tc`.
    #[must_use]
    pub fn queues(&self, interface: &str) -> String {
        let show = |object: &str, more: &[&str]| {
            // Where there can be no filters, it says so, and fails.
            self.run("tc", &[&[object, "show", "dev", interface], more].concat()).stdout
        };
        show("qdisc", &["ingress"]) + &show("filter", &["ingress"]) + &show("filter", &["egress"])
    }

    /// Switches off the offloads of an interface for good, so that every frame is on the wire as it would be on
    /// a real one.
    ///
    /// # Panics
    /// If there is no such interface.
    pub fn offloads_off(&self, interface: &str) {
        self.inside(|| Offloads::open().and_then(|offloads| offloads.turn_off_all(interface)))
            .unwrap_or_else(|e| panic!("{}: {e}", self.name));
    }

    /// Its name, for messages.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its namespace.
    #[must_use]
    pub fn netns(&self) -> &Netns {
        &self.netns
    }
}
