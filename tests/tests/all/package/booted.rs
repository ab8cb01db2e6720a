//! The package in a Debian that is booted for it, by its own systemd: installed, started, loaded anew, watched, killed, stopped
//! and removed as an operator would, and by that systemd's judgement.
//!
//! `SIDING_SYSTEMD_TREE` names a directory with a Debian of at least systemd, iproute2 and ping: `.ci/long service` makes one.
//! Nothing is written to it: what is changed lies above it, in memory.

use std::fs;
use std::path::Path;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;

use siding_tests::need;
use siding_tests::wait_for;

use super::Place;
use super::pack;
use super::packed;

const PATIENCE: Duration = Duration::from_secs(60);

/// What is installed finds this at its start.
const CONFIG: &str = "[security]\ncontrol_group = \"siding\"\nmonitor = \"/run/siding/monitor.sock\"\n\
                      monitor_group = \"siding-monitor\"\n\
                      [[interface]]\nname = \"eth1\"\ndriver = \"packet\"\ndad = false\n\
                      addresses = [\"2001:db8::1/64\"]\n";

/// A machine that has come up.
struct Machine {
    nspawn: Child,
    /// Its first process.
    init: String,
}

impl Machine {
    fn boot(tree: &Path, package: &Path, next: &Path) -> Machine {
        let name = format!("siding-{}", std::process::id());
        let mut nspawn = Command::new("systemd-nspawn");
        nspawn.arg("-D").arg(tree).arg("--boot").arg("--volatile=overlay").arg("--private-network");
        nspawn.arg("--keep-unit").arg("--register=no").arg(format!("--machine={name}"));
        for (package, name) in [(package, "package"), (next, "next")] {
            nspawn.arg(format!("--bind-ro={}:/{name}.deb", package.display()));
        }
        nspawn.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let nspawn = nspawn.spawn().unwrap();
        let pid = nspawn.id();
        let init = wait_for("the machine's first process", PATIENCE, || {
            let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).ok()?;
            // The first child is one that makes it, and goes.
            let is_first = |pid: &&str| {
                let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
                let own = status.lines().find_map(|line| line.strip_prefix("NSpid:"));
                own.and_then(|own| own.split_whitespace().nth(1)) == Some("1")
            };
            children.split_whitespace().find(is_first).map(str::to_owned)
        });
        let machine = Machine { nspawn, init };
        wait_for("the machine", PATIENCE, || {
            let state = machine.inside(&["systemctl", "is-system-running"]).1;
            // Degraded: its console has nobody to log in.
            ["running", "degraded"].contains(&state.trim()).then_some(())
        });
        machine
    }

    /// Runs something in it: whether that succeeded, and what it said.
    fn inside(&self, command: &[&str]) -> (bool, String) {
        let done = Command::new("nsenter").args(["-a", "-t", &self.init]).args(command).output().unwrap();
        let said = [done.stdout, done.stderr].concat();
        (done.status.success(), String::from_utf8_lossy(&said).into_owned())
    }

    #[track_caller]
    fn does(&self, command: &str) -> String {
        let (done, said) = self.inside(&["sh", "-c", command]);
        assert!(done, "{command}: {said}\n{}", self.log());
        said.trim().to_owned()
    }

    #[track_caller]
    fn does_not(&self, command: &str) -> String {
        let (done, said) = self.inside(&["sh", "-c", command]);
        assert!(!done, "{command}: {said}\n{}", self.log());
        said
    }

    /// What the service has said, and systemd of it.
    fn log(&self) -> String {
        self.inside(&["journalctl", "--no-pager", "-u", "siding"]).1
    }

    /// What systemd knows of the service.
    fn property(&self, name: &str) -> String {
        self.does(&format!("systemctl show siding -P {name}"))
    }

    fn configure(&self, text: &str) {
        let text = text.replace('"', "\\\"");
        self.does(&format!("printf '%b' \"{}\" >/etc/siding/siding.toml", text.replace('\n', "\\n")));
    }

    /// Waits until the other end of the wire has an answer from there.
    fn answers(&self, address: &str) {
        let ping = format!("ping -c1 -W1 {address}");
        wait_for(&format!("{address} to answer"), PATIENCE, || {
            self.inside(&["sh", "-c", &ping]).0.then_some(())
        });
    }

    /// What a process of the service's says of itself under this name.
    fn status(&self, name: &str) -> String {
        let pid = self.property("MainPID");
        self.does(&format!("sed -n 's/^{name}:[[:space:]]*//p' /proc/{pid}/status"))
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // All of it goes with its first process.
        let _ = Command::new("kill").args(["-KILL", &self.init]).status();
        let _ = self.nspawn.kill();
        let _ = self.nspawn.wait();
    }
}

fn settings(machine: &Machine) -> String {
    machine.does(
        "cd /proc/sys/net; for s in ipv6/conf/eth1/disable_ipv6 ipv4/conf/eth1/arp_ignore ipv4/conf/eth1/rp_filter; \
         do echo $s $(cat $s); done",
    )
}

/// The same by the service's own signal, where systemd knows when that has had its effect: as docs/package.md has it.
fn reloads_by_a_signal(machine: &Machine) {
    let version = machine.does("systemctl --version | sed -n '1s/^systemd \\([0-9]*\\).*/\\1/p'");
    if version.parse::<u32>().unwrap() < 253 {
        return println!("skipped: systemd {version} knows no notify-reload");
    }
    let place = "/run/systemd/system/siding.service.d";
    machine.does(&format!(
        "mkdir -p {place} && printf '[Service]\\nType=notify-reload\\nExecReload=\\n' >{place}/reload.conf"
    ));
    machine.does("systemctl daemon-reload && systemctl restart siding");
    let pid = machine.property("MainPID");
    machine.configure(&CONFIG.replace("::1/64\"", "::1/64\", \"2001:db8::8/64\""));
    machine.does("systemctl reload siding");
    assert!(machine.does("siding show addresses").contains("2001:db8::8/64"));
    machine.configure(&CONFIG.replace("addresses", "adresses"));
    machine.does("systemctl reload siding");
    assert!(machine.property("StatusText").contains("the file is not in effect"), "{}", machine.log());
    machine.answers("2001:db8::8");
    machine.configure(CONFIG);
    machine.does("systemctl reload siding");
    assert_eq!((machine.property("StatusText"), machine.property("MainPID")), (String::new(), pid));
    machine.does(&format!("rm {place}/reload.conf && systemctl daemon-reload && systemctl restart siding"));
    // As often as it was started here, in seconds, is more than a service may be.
    machine.does("systemctl reset-failed siding");
    machine.answers("2001:db8::1");
    println!("systemd {version}: notify-reload, too");
}

/// The same as the next version, whose configuration is another, too.
fn pack_next(tree: &Path, package: &Path) {
    for (file, from, to) in [
        ("DEBIAN/control", "0.1.0-1", "0.2.0-1"),
        ("etc/siding/siding.toml", "[stack]", "# As of 0.2.\n[stack]"),
    ] {
        let file = tree.join(file);
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.contains(from), "{text}");
        fs::write(file, text.replacen(from, to, 1)).unwrap();
    }
    pack(tree, package);
}

/// Another version comes: what is written here stays, and what runs goes on until somebody starts it again.
fn is_upgraded(machine: &Machine) {
    let (running, settings_before) = (machine.property("MainPID"), settings(machine));
    // With nobody to be asked.
    let upgraded = machine.does(
        "ping -q -i 0.01 2001:db8::1 >/tmp/pings & pings=$!; DEBIAN_FRONTEND=noninteractive dpkg --force-confdef --force-confold -i \
         /next.deb </dev/null 2>&1; kill -INT $pings; wait $pings; cat /tmp/pings",
    );
    assert!(upgraded.contains(" 0% packet loss"), "{upgraded}");
    assert_eq!(
        machine.does("dpkg-query -W -f '${Version} ${Status}' siding"),
        "0.2.0-1 install ok installed"
    );
    assert_eq!(machine.does("cat /etc/siding/siding.toml"), CONFIG.trim());
    machine.does("grep -q 'As of 0.2' /etc/siding/siding.toml.dpkg-dist");
    assert_eq!((machine.property("MainPID"), settings(machine)), (running.clone(), settings_before));
    // It is spoken with by the new program meanwhile.
    machine.does("systemctl reload siding");
    machine.does("systemctl restart siding");
    assert_ne!(machine.property("MainPID"), running);
    machine.answers("2001:db8::1");
    let log = machine.does("journalctl --no-pager -u siding | tail -20");
    assert!(!log.contains("an earlier run has left"), "{log}");
}

#[test]
fn a_booted_system_installs_runs_watches_and_removes_it() {
    let Some(tree) = std::env::var_os("SIDING_SYSTEMD_TREE") else {
        // .ci/long sets it.
        println!("skipped: no SIDING_SYSTEMD_TREE");
        return;
    };
    if !need(&["systemd-nspawn", "nsenter", "dpkg-deb", "gzip"]) {
        return;
    }
    let place = Place::new("booted");
    let [package, next] = ["siding.deb", "next.deb"].map(|name| place.0.join(name));
    packed(&place.0, &package);
    pack_next(&place.0.join("tree"), &next);
    let machine = Machine::boot(Path::new(&tree), &package, &next);

    // Installed: not started, with its users and its place.
    machine.does("dpkg -i /package.deb");
    assert_eq!(machine.property("ActiveState"), "inactive");
    machine.does("getent passwd siding && getent group siding-monitor && test -d /run/siding");
    machine.does("ip link add eth1 type veth peer name eth2 && ip link set eth2 up");
    machine.does("ip address add 2001:db8::2/64 dev eth2 nodad");
    let before = settings(&machine);

    // Started: when systemctl returns, it is asked and answers; nothing in it could not be given up.
    machine.configure(CONFIG);
    machine.does("siding check /etc/siding/siding.toml");
    machine.does("systemctl start siding");
    assert!(machine.does("siding show addresses").contains("2001:db8::1/64"));
    machine.answers("2001:db8::1");
    // But for what this kernel has not.
    let has_landlock =
        fs::read_to_string("/sys/kernel/security/lsm").is_ok_and(|all| all.contains("landlock"));
    let log = machine.log();
    let amiss = log.lines().filter(|line| line.contains("WARN") || line.contains("ERROR"));
    let amiss: Vec<&str> = amiss.filter(|line| has_landlock || !line.contains("landlock")).collect();
    assert!(amiss.is_empty(), "{log}");
    for (name, expected) in [
        ("CapEff", "0000000000003000"),
        ("CapPrm", "0000000000003000"),
        // It has no right to make that smaller, and none to anything by it.
        ("CapBnd", "0000000000003400"),
        ("CapAmb", "0000000000000000"),
        ("NoNewPrivs", "1"),
        ("Seccomp", "2"),
    ] {
        assert_eq!(machine.status(name), expected, "{name}");
    }
    assert_eq!(machine.does("ps -o user= -C siding"), "siding");
    assert_eq!(
        machine.does("stat -c '%a %U %G' /run/siding/siding.sock /run/siding/monitor.sock"),
        "660 siding siding\n660 siding siding-monitor"
    );
    // Who is in the one group may only look, and who is in none not even that.
    machine.does("useradd -G siding-monitor looks && useradd other");
    let as_user = |user: &str, command: &str| format!("runuser -u {user} -- siding {command}");
    let monitor = "--control /run/siding/monitor.sock";
    machine.does(&as_user("looks", &format!("{monitor} show interfaces")));
    machine.does_not(&as_user("looks", &format!("{monitor} interface down eth1")));
    machine.does_not(&as_user("looks", "show interfaces"));
    machine.does_not(&as_user("other", &format!("{monitor} show interfaces")));

    // Loaded anew: in effect when systemctl returns; or refused, and nothing has changed.
    machine.configure(&CONFIG.replace("::1/64\"", "::1/64\", \"2001:db8::7/64\""));
    machine.does("systemctl reload siding");
    assert!(machine.does("siding show addresses").contains("2001:db8::7/64"));
    machine.configure(&CONFIG.replace("addresses", "adresses"));
    machine.does_not("systemctl reload siding");
    assert_eq!(machine.property("ActiveState"), "active");
    machine.answers("2001:db8::7");
    machine.configure(CONFIG);
    machine.does("systemctl reload siding");
    reloads_by_a_signal(&machine);

    // Started again, by hand, and by systemd when it is killed, or hangs.
    let pid = machine.property("MainPID");
    machine.does("systemctl restart siding");
    let restarted = machine.property("MainPID");
    assert_ne!(restarted, pid);
    machine.answers("2001:db8::1");
    machine.does("systemctl kill -s KILL siding");
    let again = |before: &str| {
        wait_for("it to be started again", PATIENCE, || {
            let now = machine.property("MainPID");
            (machine.property("ActiveState") == "active" && now != before).then_some(now)
        })
    };
    let killed = again(&restarted);
    machine.answers("2001:db8::1");
    assert!(machine.log().contains("an earlier run has left the kernel's settings changed"));
    machine.does("mkdir -p /run/systemd/system/siding.service.d");
    machine.does(
        "printf '[Service]\\nWatchdogSec=2\\nTimeoutAbortSec=2\\n' >/run/systemd/system/siding.service.d/a.conf",
    );
    machine.does("systemctl daemon-reload && systemctl restart siding");
    let watched = again(&killed);
    // For longer than the watchdog has patience: it is well.
    std::thread::sleep(Duration::from_secs(5));
    assert_eq!(machine.property("MainPID"), watched);
    machine.does(&format!("kill -STOP {watched}"));
    again(&watched);
    assert!(machine.log().contains("Watchdog timeout"), "{}", machine.log());
    machine.answers("2001:db8::1");

    is_upgraded(&machine);

    // Stopped: well, and the kernel has its interface back. Removed: stopped before.
    machine.does("systemctl stop siding");
    assert_eq!(
        (machine.property("ActiveState"), machine.property("Result")),
        ("inactive".into(), "success".into())
    );
    assert_eq!(settings(&machine), before);
    machine.does("systemctl enable --now siding");
    machine.answers("2001:db8::1");
    machine.does("dpkg --purge siding");
    assert_eq!(settings(&machine), before);
    machine.does_not("systemctl is-active siding || pgrep -x siding");
    machine.does("test ! -e /etc/siding/siding.toml && test ! -e /usr/bin/siding");
}
