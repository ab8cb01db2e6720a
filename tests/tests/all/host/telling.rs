//! Whoever is told things may be slow, stop or go: the log's reader, a capture's, a client. Frames pass all the same.

use std::fs::File;
use std::fs::OpenOptions;
use std::io::BufRead;
use std::io::BufReader;
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;
use std::time::Instant;

use rustix::process::Pid;
use rustix::process::Signal;
use siding_tests::Host;
use siding_tests::Lab;
use siding_tests::Siding;
use siding_tests::need;
use siding_tests::wait_for;

use super::util::*;

/// A daemon whose standard error is the test's affair.
struct Daemon {
    child: Child,
    control: PathBuf,
}

impl Daemon {
    fn start(lab: &Lab, host: &Host, stderr: Stdio) -> Daemon {
        let control = lab.directory().join("told.sock");
        let file = lab.directory().join("told.toml");
        std::fs::write(&file, PACKET.replace("{control}", &control.to_string_lossy())).unwrap();
        let mut command = Command::new(Siding::binary());
        command.arg("run").arg(&file).stdin(Stdio::null()).stdout(Stdio::null()).stderr(stderr);
        let child = host.netns().spawn(&mut command).unwrap();
        let daemon = Daemon { child, control };
        wait_for("the control socket", PATIENCE, || UnixStream::connect(&daemon.control).ok().map(drop));
        daemon
    }

    /// So many lines for the log, and more.
    fn chatter(&self, lines: usize) {
        let mut ask = asking(&self.control);
        for at in 0..lines / 2 {
            let attach = format!(
                r#"{{"request":"interface-attach","name":"m{at}","driver":"memory","link_local":false,"dad":false}}"#
            );
            assert!(ask(&attach).contains("done"));
            let detach = format!(r#"{{"request":"interface-detach","name":"m{at}","timeout_ms":1000}}"#);
            assert!(ask(&detach).contains("detached"));
        }
    }

    /// It is at work, and ends well.
    fn expect_well(mut self, peer: &Host, ours: &Host) {
        peer.run("ping", &["-c3", "-i0.2", "-W2", "2001:db8::1"]).expect_success();
        rustix::process::kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        let status = wait_for("the end", PATIENCE, || self.child.try_wait().unwrap());
        assert_eq!(status.code(), Some(0));
        assert_eq!(ours.sysctl("ipv6/conf/eth0/disable_ipv6"), "0");
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Asks in JSON, over one connection.
pub(super) fn asking(control: &Path) -> impl FnMut(&str) -> String + use<> {
    let mut stream = UnixStream::connect(control).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut lines = BufReader::new(stream.try_clone().unwrap());
    move |request| {
        stream.write_all(format!("{request}\n").as_bytes()).unwrap();
        let mut line = String::new();
        lines.read_line(&mut line).unwrap();
        line
    }
}

fn lab() -> Option<(Lab, Host, Host)> {
    if !need(&["ping"]) {
        return None;
    }
    let lab = Lab::open()?;
    let (ours, peer) = lab.pair();
    peer.address("eth0", "2001:db8::2/64");
    Some((lab, ours, peer))
}

#[test]
fn a_log_whose_reader_goes_away_ends_nothing() {
    let Some((lab, ours, peer)) = lab() else { return };
    let mut daemon = Daemon::start(&lab, &ours, Stdio::piped());
    wait_until_up(&peer, "2001:db8::1");
    drop(daemon.child.stderr.take());
    daemon.chatter(100);
    // A link that goes and comes is told of by another thread.
    peer.netlink().set_down("eth0").unwrap();
    peer.netlink().set_up("eth0").unwrap();
    peer.address("eth0", "2001:db8::3/64");
    wait_until_up(&peer, "2001:db8::1");
    daemon.expect_well(&peer, &ours);
}

#[test]
fn a_log_that_nobody_reads_holds_nobody_up_and_says_later_what_was_lost() {
    let Some((lab, ours, peer)) = lab() else { return };
    let mut daemon = Daemon::start(&lab, &ours, Stdio::piped());
    wait_until_up(&peer, "2001:db8::1");
    let stderr = daemon.child.stderr.take().unwrap();
    // More than the pipe and the queue behind it take.
    let begun = Instant::now();
    let pinging = peer.start("ping", &["-q", "-c", "100", "-i", "0.01", "2001:db8::1"]);
    daemon.chatter(12_000);
    println!("12,000 lines took {:?}", begun.elapsed());
    pinging.finish(PATIENCE).expect_success();
    let limits = asking(&daemon.control)(r#"{"request":"show-limits"}"#);
    let (_, row) = limits.split_once(r#""limit":"log-lines""#).unwrap();
    assert!(!row.split('}').next().unwrap().contains(r#""refused":0"#), "{limits}");
    // Nor does who panics wait for the reader: what it holds is let go at once. (The end waits, in its stead.)
    let panicking = || {
        let begun = Instant::now();
        let told = asking(&daemon.control)(r#"{"request":"panic","thread":"session"}"#);
        assert!(told.contains("a bug in Siding") || told.contains("not in this build"), "{told}");
        begun.elapsed()
    };
    let least = (0..5).map(|_| panicking()).min().unwrap();
    assert!(least < Duration::from_millis(300), "{least:?}");
    // Somebody reads again.
    let mut lines = BufReader::new(stderr).lines();
    let told = lines.by_ref().map(Result::unwrap).find(|line| line.contains("line(s) of the log were lost"));
    assert!(told.is_some(), "it ended without saying that lines were lost");
    let rest = std::thread::spawn(move || lines.map_while(Result::ok).last());
    daemon.expect_well(&peer, &ours);
    assert!(rest.join().unwrap().unwrap().contains("stopped: every packet accounted for"));
}

#[test]
fn a_log_on_a_full_disk_and_one_that_is_closed_end_nothing() {
    let Some((lab, ours, peer)) = lab() else { return };
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let daemon = Daemon::start(&lab, &ours, full.into());
    wait_until_up(&peer, "2001:db8::1");
    daemon.chatter(100);
    daemon.expect_well(&peer, &ours);
    // As a shell's `2>&-` leaves it.
    let control = lab.directory().join("closed.sock");
    let file = lab.directory().join("told.toml");
    let line = format!(
        "exec {} --control {} run {} >&- 2>&-",
        Siding::binary().display(),
        control.display(),
        file.display()
    );
    let child = ours.netns().spawn(Command::new("sh").arg("-c").arg(line)).unwrap();
    let daemon = Daemon { child, control };
    wait_for("the control socket", PATIENCE, || UnixStream::connect(&daemon.control).ok().map(drop));
    wait_until_up(&peer, "2001:db8::1");
    daemon.chatter(100);
    daemon.expect_well(&peer, &ours);
}

#[test]
fn captures_that_cannot_be_written_hold_nobody_up_and_are_counted() {
    let Some((lab, ours, peer)) = lab() else { return };
    let pipe = lab.directory().join("pipe");
    assert!(ours.run("mkfifo", &[&pipe.to_string_lossy()]).succeeded());
    for path in [Path::new("/dev/full"), &pipe] {
        let config =
            PACKET.replace("[[interface]]", &format!("pcap = \"{}\"\n[[interface]]", path.display()));
        let daemon = Siding::start(&lab, &ours, &["run"], &config);
        // One that comes, does not read, and goes.
        let reader = File::options().read(true).custom_flags_nonblocking().open(&pipe).unwrap();
        wait_until_up(&peer, "2001:db8::1");
        let flood = ["-q", "-s", "1400", "-c", "8000", "-i", "0.0005", "2001:db8::1"];
        peer.run("ping", &flood).expect_success();
        drop(reader);
        peer.run("ping", &["-q", "-c", "100", "-i", "0.01", "2001:db8::1"]).expect_success();
        let limits = asking(daemon.control())(r#"{"request":"show-limits"}"#);
        let (_, row) = limits.split_once(r#""limit":"capture-bytes""#).unwrap();
        assert!(!row.split('}').next().unwrap().contains(r#""refused":0"#), "{limits}");
        wait_for("the log to tell", PATIENCE, || daemon.log().contains("captures lack").then_some(()));
        // Nothing else is wrong.
        daemon.stop();
    }
}

/// Opens a pipe for reading without waiting for who writes.
trait Nonblocking {
    fn custom_flags_nonblocking(&mut self) -> &mut Self;
}

impl Nonblocking for OpenOptions {
    fn custom_flags_nonblocking(&mut self) -> &mut Self {
        use std::os::unix::fs::OpenOptionsExt;
        self.custom_flags(rustix::fs::OFlags::NONBLOCK.bits() as i32)
    }
}

#[test]
fn clients_that_do_not_read_stop_in_the_middle_or_vanish_hold_nobody_up() {
    let Some((lab, ours, peer)) = lab() else { return };
    let daemon = Siding::start(&lab, &ours, &["run"], PACKET);
    wait_until_up(&peer, "2001:db8::1");
    let pinging = peer.start("ping", &["-q", "-c", "1000", "-i", "0.005", "2001:db8::1"]);
    let connect = || UnixStream::connect(daemon.control()).unwrap();
    let mut idle = Vec::new();
    for _ in 0..10 {
        // Asks much and reads nothing.
        let mut deaf = connect();
        deaf.set_nonblocking(true).unwrap();
        for _ in 0..200 {
            let _ = deaf.write(b"{\"request\":\"show-netisr\"}\n");
        }
        // Says half.
        let mut half = connect();
        half.write_all(b"{\"request\":").unwrap();
        idle.extend([deaf, half, connect()]);
        // Goes with its answer under way.
        connect().write_all(b"{\"request\":\"show-netisr\"}\n{\"request\":").unwrap();
    }
    let begun = Instant::now();
    siding(&ours, &daemon, &["show", "interfaces"]).expect_success();
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    pinging.finish(PATIENCE).expect_success();
    daemon.stop();
    drop(idle);
}

#[test]
fn out_of_descriptors_the_control_socket_waits_and_does_not_spin() {
    let Some((lab, ours, peer)) = lab() else { return };
    let mut daemon = Siding::start(&lab, &ours, &["run"], PACKET);
    wait_until_up(&peer, "2001:db8::1");
    let pid = daemon.process().pid();
    // No more than it has by now, and a few.
    let open =
        std::fs::read_dir(format!("/proc/{pid}/fd", pid = pid.as_raw_nonzero())).unwrap().count() as u64;
    let limit = rustix::process::Rlimit { current: Some(open + 8), maximum: Some(4096) };
    rustix::process::prlimit(Some(pid), rustix::process::Resource::Nofile, limit).unwrap();
    let clients: Vec<UnixStream> = (0..40).map(|_| UnixStream::connect(daemon.control()).unwrap()).collect();
    daemon.process().wait_for_output("control connections wait: ", PATIENCE);
    let spent = || {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).unwrap();
        let fields: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
        // utime and stime, in hundredths of a second.
        fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
    };
    let before = spent();
    std::thread::sleep(Duration::from_secs(2));
    let used = spent() - before;
    assert!(used < 60, "{used} hundredths of a second of CPU in 2 s");
    peer.run("ping", &["-c3", "-i0.2", "-W2", "2001:db8::1"]).expect_success();
    drop(clients);
    siding(&ours, &daemon, &["show", "interfaces"]).expect_success();
    daemon.stop();
}

#[test]
fn a_closed_pipe_is_a_normal_end_and_a_full_disk_an_error() {
    let Some((lab, ours, _peer)) = lab() else { return };
    let daemon = Siding::start(&lab, &ours, &["run"], PACKET);
    let (binary, control) = (Siding::binary().display(), daemon.control().display());
    for command in [
        "show interfaces",
        "show addresses",
        "show neighbors",
        "show routes",
        "show netisr",
        "show drops",
        "show workers",
        "show limits",
        "show groups",
        "show interfaces --json",
        "advertise show",
        "lagg show",
        "vlan show",
        "bridge show",
        "neighbor flush",
        "ping6 -c 2 2001:db8::1",
        "--help",
        "--version",
        "check told.toml",
        "sim --seeds 1..2",
    ] {
        let command = command.replace("told.toml", &daemon.config().to_string_lossy());
        let run = |to: &str| {
            let line = format!("{binary} --control {control} {command} {to}");
            ours.start("bash", &["-c", &format!("set -o pipefail; {line}")]).finish(PATIENCE)
        };
        let closed = run("| true");
        assert!(closed.succeeded() && closed.stderr.is_empty(), "{closed}");
        let full = run(">/dev/full");
        assert_eq!(full.status.code(), Some(1), "{full}");
        assert!(full.stderr.contains("cannot write to standard output: No space left"), "{full}");
    }
    daemon.stop();
}

#[test]
fn files_as_long_as_they_may_be_end_nothing() {
    let Some((lab, ours, peer)) = lab() else { return };
    let file = |name: &str| lab.directory().join(name);
    let capture = file("all.pcapng");
    let config = PACKET.replace("[stack]", &format!("[stack]\npcap = \"{}\"", capture.display()));
    let control = file("limited.sock");
    std::fs::write(file("limited.toml"), config.replace("{control}", &control.to_string_lossy())).unwrap();
    let log = File::create(file("limited.log")).unwrap();
    let mut command = Command::new(Siding::binary());
    command.arg("run").arg("--run-directory").arg(file("run")).arg(file("limited.toml"));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    let daemon = Daemon { child: ours.netns().spawn(&mut command).unwrap(), control };
    wait_for("the control socket", PATIENCE, || UnixStream::connect(&daemon.control).ok().map(drop));
    wait_until_up(&peer, "2001:db8::1");
    // Log and capture may be 16 KiB long: writing more is an error, and a signal that ends a process by default.
    let most = rustix::process::Rlimit { current: Some(16 << 10), maximum: None };
    let pid = Some(Pid::from_child(&daemon.child));
    rustix::process::prlimit(pid, rustix::process::Resource::Fsize, most).unwrap();
    daemon.chatter(400);
    peer.run("ping", &["-q", "-c200", "-i0.005", "-W2", "2001:db8::1"]).expect_success();
    let long = |name: &str| std::fs::metadata(file(name)).unwrap().len();
    wait_for("both to be full", PATIENCE, || {
        (long("limited.log") == 16 << 10 && long("all.pcapng") == 16 << 10).then_some(())
    });
    daemon.expect_well(&peer, &ours);
}

#[test]
fn one_session_too_many_is_told_so_and_there_is_room_again_when_one_ends() {
    let Some((lab, ours, _peer)) = lab() else { return };
    let daemon = Siding::start(&lab, &ours, &["run"], PACKET);
    let request = r#"{"request":"show-limits"}"#;
    let row = asking(daemon.control())(request);
    let (_, row) = row.split_once(r#""limit":"control-sessions""#).unwrap();
    let most: usize =
        row.split_once(r#""most":"#).unwrap().1.split([',', '}']).next().unwrap().parse().unwrap();
    // Each is served, by a thread of its own.
    let mut sessions = Vec::new();
    wait_for("all sessions", PATIENCE, || {
        let mut session = asking(daemon.control());
        if session(request).contains("control-sessions") {
            sessions.push(session);
        }
        (sessions.len() == most).then_some(())
    });
    let stream = UnixStream::connect(daemon.control()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut told = String::new();
    BufReader::new(stream).read_line(&mut told).unwrap();
    assert!(told.contains("connections are served already"), "{told}");
    sessions.pop();
    wait_for("room for one more", PATIENCE, || {
        let mut stream = UnixStream::connect(daemon.control()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut line = String::new();
        // One that is turned away may find the socket closed already.
        let _ = stream.write_all(format!("{request}\n").as_bytes());
        let _ = BufReader::new(stream).read_line(&mut line);
        line.contains("control-sessions").then_some(())
    });
    drop(sessions);
    daemon.stop();
}
