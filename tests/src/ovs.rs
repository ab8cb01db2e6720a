//! Open vSwitch in user space, inside a host: a switch that we did not write, and that speaks LACP.
//!
//! Its database, sockets and logs are in the laboratory's directory; no system service is touched. Its internal ports
//! are TAP interfaces of the host, whose kernel is what lies behind them.

use std::collections::BTreeMap;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::Host;
use crate::Lab;
use crate::Running;
use crate::need;
use crate::skip::find;
use crate::wait_for;

/// How long it may take to start, and a command of it to be done.
const PATIENCE: Duration = Duration::from_secs(20);

/// Where Debian keeps the database's schema.
const SCHEMA: &str = "/usr/share/openvswitch/vswitch.ovsschema";

/// A switch at work. Dropping it ends it.
#[derive(Debug)]
pub struct Ovs<'a> {
    host: &'a Host,
    directory: PathBuf,
    // In the order in which they end.
    switch: Running,
    _database: Running,
}

/// What it says of one member of a bond.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OvsMember {
    /// "current", "expired" or "defaulted", and "attached" or "detached".
    pub status: String,
    /// Its own state: "activity timeout aggregation synchronized collecting distributing".
    pub actor: String,
    /// Ours, as it heard it.
    pub partner: String,
    /// Whether it may be used.
    pub enabled: bool,
}

impl OvsMember {
    /// Whether both ends collect and distribute on it, and the switch sends by it.
    #[must_use]
    pub fn is_in_use(&self) -> bool {
        let agreed = "synchronized collecting distributing";
        self.enabled && self.actor.ends_with(agreed) && self.partner.ends_with(agreed)
    }
}

impl<'a> Ovs<'a> {
    /// Starts a switch without bridges. `None` if it is not installed: the test is skipped.
    ///
    /// # Panics
    /// If it does not start, with all that it wrote.
    #[must_use]
    pub fn start(lab: &Lab, host: &'a Host) -> Option<Self> {
        if !need(&["ovs-vswitchd", "ovsdb-server", "ovsdb-tool", "ovs-vsctl", "ovs-appctl"]) {
            return None;
        }
        let directory = lab.directory().join(format!("{}.ovs", host.name()));
        std::fs::create_dir(&directory).unwrap_or_else(|e| panic!("{}: {e}", directory.display()));
        let file = |name: &str| directory.join(name).to_string_lossy().into_owned();
        host.start_command(tool("ovsdb-tool", &directory).args(["create", &file("conf.db"), SCHEMA]))
            .finish(PATIENCE)
            .expect_success();
        let mut database = tool("ovsdb-server", &directory);
        database.arg(file("conf.db")).arg(format!("--remote=punix:{}", file("db.sock")));
        database.arg(format!("--unixctl={}", file("db.ctl")));
        let database = host.start_command(&mut database);
        wait_for("the switch's database", PATIENCE, || directory.join("db.sock").exists().then_some(()));
        let mut switch = tool("ovs-vswitchd", &directory);
        switch.arg(format!("unix:{}", file("db.sock"))).arg(format!("--unixctl={}", file("vs.ctl")));
        let switch = host.start_command(&mut switch);
        let ovs = Self { host, directory, switch, _database: database };
        ovs.vsctl(&["--no-wait", "init"]);
        Some(ovs)
    }

    /// `ovs-vsctl`: changes the configuration, and waits until the switch has done so.
    ///
    /// # Panics
    /// If it fails.
    pub fn vsctl(&self, arguments: &[&str]) -> String {
        let mut command = tool("ovs-vsctl", &self.directory);
        command.arg(format!("--db=unix:{}", self.directory.join("db.sock").display()));
        command.arg(format!("--timeout={}", PATIENCE.as_secs())).args(arguments);
        self.host.start_command(&mut command).finish(PATIENCE).expect_success()
    }

    /// `ovs-appctl`: asks the switch.
    ///
    /// # Panics
    /// If it fails.
    #[must_use]
    pub fn appctl(&self, arguments: &[&str]) -> String {
        let mut command = tool("ovs-appctl", &self.directory);
        command.arg("-t").arg(self.directory.join("vs.ctl")).args(arguments);
        self.host.start_command(&mut command).finish(PATIENCE).expect_success()
    }

    /// What the switch has logged so far.
    #[must_use]
    pub fn log(&self) -> String {
        self.switch.stderr()
    }

    /// The members of a bond, as LACP has them.
    ///
    /// # Panics
    /// If there is no such bond.
    #[must_use]
    pub fn lacp(&self, bond: &str) -> BTreeMap<String, OvsMember> {
        members(&self.appctl(&["lacp/show", bond]))
    }
}

/// A program of it that keeps to our directory.
fn tool(name: &str, directory: &Path) -> Command {
    let path = find(name).unwrap_or_else(|| panic!("no program {name}"));
    let mut command = Command::new(path);
    for variable in ["OVS_RUNDIR", "OVS_LOGDIR", "OVS_DBDIR", "OVS_SYSCONFDIR"] {
        command.env(variable, directory);
    }
    command
}

fn members(text: &str) -> BTreeMap<String, OvsMember> {
    let mut all = BTreeMap::<String, OvsMember>::new();
    let mut current = String::new();
    for line in text.lines().map(str::trim) {
        if let Some(member) = line.strip_prefix("member: ") {
            let (name, status) = member.split_once(": ").unwrap_or((member, ""));
            current = name.to_owned();
            all.insert(current.clone(), OvsMember { status: status.to_owned(), ..OvsMember::default() });
        }
        let Some(member) = all.get_mut(&current) else { continue };
        if let Some(state) = line.strip_prefix("actor state: ") {
            member.actor = state.to_owned();
        } else if let Some(state) = line.strip_prefix("partner state: ") {
            member.partner = state.to_owned();
        } else if let Some(enabled) = line.strip_prefix("may_enable: ") {
            member.enabled = enabled == "true";
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_switch_says_is_read() {
        let text = "---- bond0 ----\n  status: active negotiated\n\nmember: p0: current attached\n  may_enable: true\n\n  \
                    actor state: activity timeout aggregation\n\n  partner state: activity\n\nmember: p1: expired detached\n  \
                    may_enable: false\n";
        let all = members(text);
        assert_eq!(all.len(), 2);
        let p0 = &all["p0"];
        assert_eq!((p0.status.as_str(), p0.enabled), ("current attached", true));
        assert_eq!((p0.actor.as_str(), p0.partner.as_str()), ("activity timeout aggregation", "activity"));
        assert_eq!((all["p1"].status.as_str(), all["p1"].enabled), ("expired detached", false));
    }
}
