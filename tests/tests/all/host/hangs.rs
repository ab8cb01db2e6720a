//! Files, readers and requests that never come to an end: a stop does, and the kernel has its interfaces back.

use std::fs;
use std::io::Read;
use std::io::Write;
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use rustix::process::Signal;
use siding_tests::Host;
use siding_tests::Lab;
use siding_tests::Siding;
use siding_tests::wait_for;

use super::telling::asking;
use super::util::*;

fn pipe(lab: &Lab, name: &str) -> std::path::PathBuf {
    let path = lab.directory().join(name);
    let (fifo, mode) = (rustix::fs::FileType::Fifo, rustix::fs::Mode::from_raw_mode(0o600));
    rustix::fs::mknodat(rustix::fs::CWD, &path, fifo, mode, 0).unwrap();
    path
}

/// Ends it, and sees that this was well and within that time.
fn stops(mut daemon: Siding, ours: &Host, within: Duration) -> String {
    let begun = Instant::now();
    daemon.process().signal(Signal::TERM);
    let status = wait_for("the end", PATIENCE * 2, || daemon.process().try_wait());
    let (took, log) = (begun.elapsed(), daemon.log());
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(took < within, "{took:?}: {log}");
    assert_eq!(ours.sysctl("ipv6/conf/eth0/disable_ipv6"), "0", "{log}");
    log
}

#[test]
fn a_pipe_in_the_place_of_a_file_holds_nobody_up() {
    let Some(lab) = Lab::open() else { return };
    let (ours, _peer) = lab.pair();
    let mut daemon = Siding::start(&lab, &ours, &["run"], PACKET);
    let pipe = pipe(&lab, "pipe");
    let load = format!(r#"{{"request":"filter","action":"load","files":["{}"]}}"#, pipe.display());
    let told = asking(daemon.control())(&load);
    assert!(told.contains("no regular file"), "{told}");
    // An include, a list of rules, and the configuration itself.
    let rules = lab.directory().join("rules.nft");
    fs::write(&rules, format!("include \"{}\"\n", pipe.display())).unwrap();
    let load = format!(r#"{{"request":"filter","action":"load","files":["{}"]}}"#, rules.display());
    assert!(asking(daemon.control())(&load).contains("\"answer\":\"error\""));
    let text = fs::read_to_string(daemon.config()).unwrap();
    let with_rules = format!("{text}[filter]\nrules = \"{}\"\n", pipe.display());
    fs::write(daemon.config(), with_rules).unwrap();
    let told = asking(daemon.control())(
        r#"{"request":"reload","action":"load","file":null,"dry_run":false,"confirm_s":null}"#,
    );
    assert!(told.contains("no regular file"), "{told}");
    fs::rename(&pipe, daemon.config()).unwrap();
    daemon.process().signal(Signal::HUP);
    daemon.process().wait_for_output("no regular file", PATIENCE);
    stops(daemon, &ours, Duration::from_secs(8));
}

#[test]
fn a_reader_of_metrics_who_is_slow_does_not_hold_up_a_stop() {
    let Some(lab) = Lab::open() else { return };
    let (ours, _peer) = lab.pair();
    let config = format!("{PACKET}[metrics]\nlisten = \"127.0.0.1:9440\"\n");
    let daemon = Siding::start(&lab, &ours, &["run"], &config);
    // Connections of this thread, in the daemon's namespace: one says nothing, one reads a byte now and then.
    let _readers = ours.inside(|| {
        ours.run("ip", &["link", "set", "lo", "up"]).expect_success();
        let connect = || TcpStream::connect("127.0.0.1:9440").unwrap();
        let silent = connect();
        let mut slow = connect();
        slow.write_all(b"GET /metrics HTTP/1.1\r\n\r\n").unwrap();
        (silent, slow)
    });
    stops(daemon, &ours, Duration::from_secs(4));
}

#[test]
fn a_detach_that_somebody_is_willing_to_wait_for_does_not_hold_up_a_stop() {
    let Some(lab) = Lab::open() else { return };
    let (ours, _peer) = lab.pair();
    let daemon = Siding::start(&lab, &ours, &["run"], PACKET);
    // Longer than any clock goes.
    let detach = format!(r#"{{"request":"interface-detach","name":"eth0","timeout_ms":{}}}"#, u64::MAX);
    let told = asking(daemon.control())(&detach);
    assert!(told.contains("took_ns"), "{told}");
    stops(daemon, &ours, Duration::from_secs(8));
}

#[test]
fn a_request_that_does_not_end_is_given_up_by_a_stop() {
    let Some(lab) = Lab::open() else { return };
    let (ours, _peer) = lab.pair();
    let daemon = Siding::start(&lab, &ours, &["run"], PACKET);
    let mut stream = UnixStream::connect(daemon.control()).unwrap();
    stream.write_all(b"{\"request\":\"panic\",\"thread\":\"session\",\"stall\":true}\n").unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
    let mut told = [0; 256];
    if stream.read(&mut told).is_ok_and(|bytes| bytes > 0) {
        return siding_tests::skip("a build for release makes no thread stall");
    }
    let log = stops(daemon, &ours, Duration::from_secs(20));
    assert!(log.contains("a request has not ended within 10 s"), "{log}");
}

#[test]
fn a_stop_needs_no_descriptors_but_those_that_are_kept_for_it() {
    let Some(lab) = Lab::open() else { return };
    let (ours, _peer) = lab.pair();
    let mut daemon = Siding::start(&lab, &ours, &["run"], PACKET);
    let pid = daemon.process().pid();
    let open = fs::read_dir(format!("/proc/{}/fd", pid.as_raw_nonzero())).unwrap().flatten();
    let is_kept = |fd: &fs::DirEntry| fs::read_link(fd.path()).is_ok_and(|to| to == Path::new("/dev/null"));
    let numbers = open.filter(is_kept).filter_map(|fd| fd.file_name().to_str()?.parse::<u64>().ok());
    let mut numbers: Vec<u64> = numbers.collect();
    numbers.sort_unstable();
    // All signals come by one: with one for each, a daemon of one interface had 80.
    let all = fs::read_dir(format!("/proc/{}/fd", pid.as_raw_nonzero())).unwrap().count();
    assert!(all < 50, "{all} descriptors");
    let last = numbers.windows(8).find(|some| some[7] == some[0] + 7).expect("none are kept")[7];
    // What is opened from now on has the number of one that was closed, up to the last of those; and no other was.
    let limit = rustix::process::Rlimit { current: Some(last + 1), maximum: Some(last + 1) };
    rustix::process::prlimit(Some(pid), rustix::process::Resource::Nofile, limit).unwrap();
    // Whoever waits to be taken has none of them.
    let waiting: Vec<_> = (0..40).map(|_| UnixStream::connect(daemon.control()).unwrap()).collect();
    stops(daemon, &ours, Duration::from_secs(10));
    drop(waiting);
}

#[test]
fn a_reload_that_hangs_keeps_nobody_from_going_back() {
    let Some(lab) = Lab::open() else { return };
    let (ours, _peer) = lab.pair();
    let mut daemon = Siding::start(&lab, &ours, &["run"], PACKET);
    let mut ask = asking(daemon.control());
    let told = ask(r#"{"request":"panic","thread":"reload","stall":true}"#);
    if told.contains("not in this build") {
        return siding_tests::skip("a build for release makes no thread stall");
    }
    let text = fs::read_to_string(daemon.config()).unwrap().replace("192.0.2.1/24", "192.0.2.9/24");
    let text = text.replace('\n', "\\n").replace('"', "\\\"");
    let told = ask(&format!(
        r#"{{"request":"reload","action":"load","file":{{"path":"/new.toml","text":"{text}"}},"dry_run":false,"confirm_s":2}}"#
    ));
    assert!(told.contains("192.0.2.9/24"), "{told}");
    daemon.process().signal(Signal::HUP);
    // Somebody asks something all the time.
    let control = daemon.control().to_owned();
    let busy = thread::spawn(move || {
        let (mut ask, begun) = (asking(&control), Instant::now());
        while begun.elapsed() < Duration::from_secs(4) {
            ask(r#"{"request":"interface-set","name":"eth0","up":true}"#);
        }
    });
    daemon.process().wait_for_output("back to what ran before", PATIENCE);
    busy.join().unwrap();
    stops(daemon, &ours, Duration::from_secs(20));
}

#[test]
fn a_confirmation_does_not_wait_for_who_changes_something() {
    let Some(lab) = Lab::open() else { return };
    let (ours, _peer) = lab.pair();
    let daemon = Siding::start(&lab, &ours, &["run"], PACKET);
    let mut ask = asking(daemon.control());
    let text = fs::read_to_string(daemon.config()).unwrap().replace("192.0.2.1/24", "192.0.2.9/24");
    let text = text.replace('\n', "\\n").replace('"', "\\\"");
    let told = ask(&format!(
        r#"{{"request":"reload","action":"load","file":{{"path":"/new.toml","text":"{text}"}},"dry_run":false,"confirm_s":60}}"#
    ));
    assert!(told.contains("192.0.2.9/24"), "{told}");
    if ask(r#"{"request":"panic","thread":"changing","stall":true}"#).contains("not in this build") {
        return siding_tests::skip("a build for release makes no thread stall");
    }
    let mut stalled = UnixStream::connect(daemon.control()).unwrap();
    stalled.write_all(b"{\"request\":\"interface-set\",\"name\":\"eth0\",\"up\":true}\n").unwrap();
    stalled.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
    assert!(stalled.read(&mut [0; 256]).is_err(), "it holds what is held by who changes something");
    let mut confirm = UnixStream::connect(daemon.control()).unwrap();
    confirm.write_all(b"{\"request\":\"reload\",\"action\":\"confirm\"}\n").unwrap();
    confirm.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let mut told = [0; 256];
    let length = confirm.read(&mut told).expect("an answer");
    assert!(String::from_utf8_lossy(&told[..length]).contains("done"), "{}", String::from_utf8_lossy(&told));
    stops(daemon, &ours, Duration::from_secs(20));
}
