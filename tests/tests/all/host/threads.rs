//! Threads that end by themselves: others take over, or the daemon ends well, with the cause.

use std::os::unix::net::UnixStream;

use siding_tests::Lab;
use siding_tests::Siding;
use siding_tests::need;
use siding_tests::wait_for;

use super::telling::asking;
use super::util::*;

/// Makes a thread panic; false if this build cannot.
fn panics(daemon: &Siding, thread: &str) -> bool {
    let told = asking(daemon.control())(&format!(r#"{{"request":"panic","thread":"{thread}"}}"#));
    let can = !told.contains("not in this build");
    if !can {
        siding_tests::skip("a build for release makes no thread panic");
    }
    can
}

#[test]
fn what_a_thread_did_is_taken_over() {
    if !need(&["ping"]) {
        return;
    }
    let Some(lab) = Lab::open() else { return };
    let (ours, peer) = lab.pair();
    peer.address("eth0", "2001:db8::2/64");
    let mut daemon = Siding::start(&lab, &ours, &["run"], PACKET);
    wait_until_up(&peer, "2001:db8::1");
    let told = asking(daemon.control())(r#"{"request":"panic","thread":"session"}"#);
    if told.contains("not in this build") {
        return siding_tests::skip("a build for release makes no thread panic");
    }
    assert!(told.contains("a bug in Siding"), "{told}");
    // Each comes by with the next line of the log, connection, or news of a link.
    assert!(panics(&daemon, "log"));
    asking(daemon.control())(
        r#"{"request":"interface-attach","name":"m0","driver":"memory","link_local":false,"dad":false}"#,
    );
    daemon.process().wait_for_output("thread log: panicked at", PATIENCE);
    assert!(panics(&daemon, "control"));
    drop(UnixStream::connect(daemon.control()));
    daemon.process().wait_for_output("the thread that takes control connections has ended", PATIENCE);
    assert!(panics(&daemon, "links"));
    peer.netlink().set_down("eth0").unwrap();
    daemon.process().wait_for_output("the thread that watches links has ended", PATIENCE);
    // The next one knows what it has missed, and what comes.
    wait_for("the link to be seen", PATIENCE, || {
        siding(&ours, &daemon, &["show", "interfaces"]).expect_success();
        daemon.log().contains("has no carrier").then_some(())
    });
    peer.netlink().set_up("eth0").unwrap();
    peer.address("eth0", "2001:db8::3/64");
    wait_until_up(&peer, "2001:db8::1");
    let log = daemon.stop().stderr;
    for thread in ["session", "log", "control", "links"] {
        assert!(log.contains(&format!("thread {thread}: panicked at")), "{thread}: {log}");
    }
}

#[test]
fn without_a_worker_or_its_main_thread_the_daemon_ends_well_with_the_cause() {
    let Some(lab) = Lab::open() else { return };
    let (ours, peer) = lab.pair();
    for (thread, cause) in
        [("worker0", "a worker has ended by itself"), ("main", "the main thread has met a bug")]
    {
        let mut daemon = Siding::start(&lab, &ours, &["run"], PACKET);
        assert_eq!(ours.sysctl("ipv6/conf/eth0/disable_ipv6"), "1");
        if !panics(&daemon, thread) {
            return;
        }
        // Something for it to do.
        let _ = peer.run("ping", &["-c1", "-W1", "2001:db8::1"]);
        let status = wait_for("the end", PATIENCE, || daemon.process().try_wait());
        let log = daemon.log();
        assert_eq!(status.code(), Some(1), "{log}");
        assert!(log.contains(cause) && log.contains("a test asked for this"), "{log}");
        assert_eq!(ours.sysctl("ipv6/conf/eth0/disable_ipv6"), "0");
    }
}

#[test]
fn a_stop_that_does_not_end_is_ended_and_the_next_run_puts_things_back() {
    let Some(lab) = Lab::open() else { return };
    let (ours, _peer) = lab.pair();
    let records = lab.directory().join("run");
    let run = ["run", "--run-directory", &records.to_string_lossy()];
    let config = PACKET.replace("[stack]", "[stack]\nstop_timeout_ms = 1500");
    let mut daemon = Siding::start(&lab, &ours, &run, &config);
    let told = asking(daemon.control())(r#"{"request":"panic","thread":"worker0","stall":true}"#);
    if told.contains("not in this build") {
        return siding_tests::skip("a build for release makes no thread stall");
    }
    // It comes by with the next thing that there is to do.
    asking(daemon.control())(
        r#"{"request":"interface-attach","name":"m0","driver":"memory","link_local":false,"dad":false}"#,
    );
    daemon.process().signal(rustix::process::Signal::TERM);
    let status = wait_for("the end", PATIENCE, || daemon.process().try_wait());
    let log = daemon.log();
    assert_eq!(status.code(), Some(1), "{log}");
    assert!(log.contains("the stop has taken 1 s and is ended, by nobody"), "{log}");
    assert_eq!(ours.sysctl("ipv6/conf/eth0/disable_ipv6"), "0", "given back all the same");
    Siding::start(&lab, &ours, &run, PACKET).stop();
    assert_eq!(ours.sysctl("ipv6/conf/eth0/disable_ipv6"), "0");
}

#[test]
fn a_bug_while_it_stops_leaves_nothing_changed_in_the_kernel() {
    for place in ["stopping", "detaching"] {
        let Some(lab) = Lab::open() else { return };
        let (ours, _peer) = lab.pair();
        let mut daemon = Siding::start(&lab, &ours, &["run"], PACKET);
        if !panics(&daemon, place) {
            return;
        }
        assert_eq!(ours.sysctl("ipv6/conf/eth0/disable_ipv6"), "1");
        daemon.process().signal(rustix::process::Signal::TERM);
        let status = wait_for("the end", PATIENCE * 2, || daemon.process().try_wait());
        let log = daemon.log();
        assert_eq!(status.code(), Some(1), "{place}: {log}");
        assert!(log.contains("a bug was met"), "{place}: {log}");
        assert_eq!(ours.sysctl("ipv6/conf/eth0/disable_ipv6"), "0", "{place}: {log}");
    }
}
