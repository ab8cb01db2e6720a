//! What the daemon may do is little, and that is enough for all that it does; who only watches changes nothing.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::os::unix::fs::PermissionsExt;

use rustix::process::Signal;
use siding_tests::Lab;
use siding_tests::Siding;
use siding_tests::wait_for;

use super::telling::asking;
use super::util::*;

/// What each thread of a process says of itself under this name.
fn of_threads(pid: &str, name: &str) -> Vec<String> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let status = |task: fs::DirEntry| fs::read_to_string(task.path().join("status")).unwrap_or_default();
    let value = |text: String| Some(text.lines().find_map(|line| line.strip_prefix(name))?.trim().to_owned());
    tasks.flatten().filter_map(|task| value(status(task))).collect()
}

#[test]
fn no_thread_has_more_than_it_needs_and_all_works_with_that() {
    let Some(lab) = Lab::open() else { return };
    let (ours, peer) = lab.pair();
    peer.address("eth0", "2001:db8::2/64");
    let records = lab.directory().join("run");
    let run = ["run", "--run-directory", &records.to_string_lossy()];
    let mut daemon = Siding::start(&lab, &ours, &run, PACKET);
    wait_until_up(&peer, "2001:db8::1");
    let pid = daemon.process().pid().as_raw_nonzero().to_string();
    // CAP_NET_ADMIN and CAP_NET_RAW, and nothing to be had by running something.
    for (name, expected) in [
        ("CapEff:", "0000000000003000"),
        ("CapPrm:", "0000000000003000"),
        ("CapInh:", "0000000000000000"),
        ("CapBnd:", "0000000000003000"),
        ("CapAmb:", "0000000000000000"),
        ("NoNewPrivs:", "1"),
        ("Seccomp:", "2"),
    ] {
        let values = of_threads(&pid, name);
        assert!(values.len() >= 5 && values.iter().all(|value| value == expected), "{name} {values:?}");
    }
    // Devices that come later, by a file that is read again, and a TAP.
    ours.netlink().create_veth("late0", "late1", None).unwrap();
    let more = "[[interface]]\nname = \"late0\"\ndriver = \"packet\"\n[[interface]]\nname = \"tap7\"\ndriver = \"tap\"\n";
    let text = fs::read_to_string(daemon.config()).unwrap();
    fs::write(daemon.config(), text.clone() + more).unwrap();
    daemon.process().signal(Signal::HUP);
    daemon.process().wait_for_output("reload: + interface tap7", PATIENCE);
    assert_eq!(ours.sysctl("ipv6/conf/late0/disable_ipv6"), "1");
    assert_eq!(fs::read_dir(&records).unwrap().count(), 3);
    // One that goes and comes.
    ours.netlink().delete_link("late0").unwrap();
    daemon.process().wait_for_output("late0: its device has gone", PATIENCE);
    ours.netlink().create_veth("late0", "late1", None).unwrap();
    daemon.process().wait_for_output("late0: its device 'late0' is there again", PATIENCE);
    fs::write(daemon.config(), text).unwrap();
    siding(&ours, &daemon, &["reload"]).expect_success();
    assert_eq!(ours.sysctl("ipv6/conf/late0/disable_ipv6"), "0");
    let log = daemon.stop().stderr;
    assert!(!log.contains("not given up"), "{log}");
    assert_eq!(ours.sysctl("ipv6/conf/eth0/disable_ipv6"), "0");
    assert_eq!(fs::read_dir(&records).unwrap().count(), 0);
    // Whoever says so has it as it was.
    let config = PACKET.replace("[[interface]]", "[security]\nconfine = false\n[[interface]]");
    let mut daemon = Siding::start(&lab, &ours, &run, &config);
    let pid = daemon.process().pid().as_raw_nonzero().to_string();
    assert!(of_threads(&pid, "Seccomp:").iter().all(|value| value == "0"));
    daemon.stop();
}

#[test]
fn who_watches_is_told_and_changes_nothing() {
    let Some(lab) = Lab::open() else { return };
    let (ours, _peer) = lab.pair();
    let monitor = lab.directory().join("monitor.sock");
    let security = format!(
        "[security]\ncontrol_group = \"1234\"\nmonitor = \"{}\"\nmonitor_group = \"5678\"\n[[interface]]",
        monitor.display()
    );
    let daemon = Siding::start(&lab, &ours, &["run"], &PACKET.replace("[[interface]]", &security));
    for (path, group) in [(daemon.control(), 1234), (monitor.as_path(), 5678)] {
        let there = fs::metadata(path).unwrap();
        assert_eq!((there.gid(), there.permissions().mode() & 0o777), (group, 0o660));
    }
    let mut ask = asking(&monitor);
    for request in ["show-interfaces", "show-neighbors", "show-drops", "show-limits"] {
        let told = ask(&format!(r#"{{"request":"{request}"}}"#));
        assert!(!told.contains("\"answer\":\"error\""), "{request}: {told}");
    }
    for request in [
        r#"{"request":"interface-set","name":"eth0","up":false}"#,
        r#"{"request":"reload","action":"show"}"#,
        r#"{"request":"ping-send","address":"::1","interface":null,"seq":1,"size":1}"#,
        r#"{"request":"filter","action":"states","which":{"most":1},"flush":true}"#,
        r#"{"request":"neighbor-flush","interface":null,"address":null}"#,
        r#"{"request":"panic","thread":"main"}"#,
    ] {
        let told = ask(request);
        assert!(told.contains("this socket tells, and changes nothing"), "{request}: {told}");
    }
    // As many as there may be of these keep nobody from changing something.
    let _many: Vec<_> = (0..70).map(|_| std::os::unix::net::UnixStream::connect(&monitor).unwrap()).collect();
    wait_for("the last of them to be refused", PATIENCE, || {
        let limits = siding(&ours, &daemon, &["show", "limits"]).expect_success();
        let row = limits.lines().find(|line| line.contains("monitor-sessions"))?;
        row.contains("64").then_some(())
    });
    siding(&ours, &daemon, &["interface", "down", "eth0"]).expect_success();
    daemon.stop();
    assert!(!monitor.exists());
    // A group that there is not, and one for no socket.
    let file = lab.directory().join("wrong.toml");
    for (security, expected) in
        [("control_group = \"no-such\"", "groupadd"), ("monitor_group = \"0\"", "add `monitor`")]
    {
        fs::write(&file, format!("[stack]\ncontrol = \"{}\"\n[security]\n{security}\n", monitor.display()))
            .unwrap();
        let run = ours.run(Siding::binary().to_str().unwrap(), &["run", file.to_str().unwrap()]);
        assert!(!run.succeeded() && run.stderr.contains(expected), "{run}");
    }
}

#[test]
fn what_a_confined_root_may_not_have_is_told_with_the_remedy() {
    let Some(lab) = Lab::open() else { return };
    let (ours, _peer) = lab.pair();
    let theirs = lab.directory().join("theirs");
    fs::create_dir(&theirs).unwrap();
    let rules = theirs.join("rules.nft");
    fs::write(&rules, "table inet t {\n}\n").unwrap();
    fs::set_permissions(&theirs, fs::Permissions::from_mode(0o700)).unwrap();
    if std::os::unix::fs::chown(&theirs, Some(1000), Some(1000)).is_err() {
        return siding_tests::skip("nothing can be given to another user here");
    }
    let daemon = Siding::start(&lab, &ours, &["run"], PACKET);
    let load = format!(r#"{{"request":"filter","action":"load","files":["{}"]}}"#, rules.display());
    let told = asking(daemon.control())(&load);
    assert!(told.contains("Permission denied") && told.contains("confine = false"), "{told}");
    let text = fs::read_to_string(daemon.config()).unwrap();
    let capture = theirs.join("all.pcapng");
    let more =
        format!("[[interface]]\nname = \"m0\"\ndriver = \"memory\"\npcap = \"{}\"\n", capture.display());
    fs::write(daemon.config(), text + &more).unwrap();
    let reload = siding(&ours, &daemon, &["reload"]);
    assert!(!reload.succeeded() && reload.stderr.contains("confine = false"), "{reload}");
    daemon.stop();
}
