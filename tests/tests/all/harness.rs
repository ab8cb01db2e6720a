//! The harness itself: what it promises to the tests that stand on it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use rustix::process::Pid;
use rustix::process::test_kill_process;
use siding_tests::Lab;
use siding_tests::fresh;
use siding_tests::need;
use siding_tests::wait_for;

const PATIENCE: Duration = Duration::from_secs(10);

/// In the environment of a copy of this test program, says which of the tests below is to do its part.
const PART: &str = "SIDING_HARNESS_PART";

#[test]
fn programs_run_inside_and_their_output_is_read() {
    let Some(lab) = Lab::open() else { return };
    let (ours, peer) = lab.pair();
    assert_eq!(ours.run("sh", &["-c", "echo one; echo two >&2"]).expect_success(), "one\n");
    let failed = peer.run("sh", &["-c", "echo told >&2; exit 3"]);
    assert_eq!(failed.status.code(), Some(3));
    assert!(failed.to_string().contains("told"), "{failed}");
}

#[test]
fn a_dropped_program_takes_its_children_along() {
    let Some(lab) = Lab::open() else { return };
    let host = lab.host("host");
    let mut shell = host.start("sh", &["-c", "sleep 600 & echo $!; wait"]);
    shell.wait_for_output("\n", PATIENCE);
    let child = Pid::from_raw(shell.stdout().trim().parse().unwrap()).unwrap();
    test_kill_process(child).unwrap();
    drop(shell);
    wait_for("the child to be gone", PATIENCE, || is_gone(child).then_some(()));
}

#[test]
fn a_finished_program_leaves_no_children() {
    let Some(lab) = Lab::open() else { return };
    let host = lab.host("host");
    let text = host.run("sh", &["-c", "sleep 600 & echo $!"]).expect_success();
    let child = Pid::from_raw(text.trim().parse().unwrap()).unwrap();
    wait_for("the child to be gone", PATIENCE, || is_gone(child).then_some(()));
}

#[test]
fn a_program_that_hangs_fails_the_test_and_is_killed() {
    let Some(lab) = Lab::open() else { return };
    let host = lab.host("host");
    let sleeper = host.start("sleep", &["600"]);
    let pid = sleeper.pid();
    let outcome = std::thread::spawn(move || sleeper.finish(Duration::from_millis(100))).join();
    assert!(outcome.is_err());
    assert!(is_gone(pid));
}

#[test]
fn the_directory_goes_with_the_last_user() {
    let Some(lab) = Lab::open() else { return };
    let host = lab.host("host");
    let directory = lab.directory().to_owned();
    drop(lab);
    host.run("true", &[]).expect_success();
    assert!(directory.is_dir());
    drop(host);
    assert!(!directory.exists());
}

#[test]
fn a_skip_is_told_and_is_a_failure_with_ci() {
    const NAME: &str = "harness::a_skip_is_told_and_is_a_failure_with_ci";
    if std::env::var_os(PART).is_some() {
        assert!(!need(&["no-such-program-anywhere", "sh"]));
        return;
    }
    let run = |ci: &str| {
        let mut copy = Command::new(std::env::current_exe().unwrap());
        copy.args(["--exact", NAME, "--nocapture", "--test-threads=1"]);
        copy.env(PART, "skip").env("CI", ci).output().unwrap()
    };
    let skipped = run("");
    let text = String::from_utf8(skipped.stdout).unwrap();
    assert!(skipped.status.success(), "{text}");
    let thread = "skipped: ";
    let line = text.lines().find_map(|line| line.find(thread).map(|start| &line[start..])).unwrap();
    assert!(
        line.contains("needs no-such-program-anywhere: apt-get install no-such-program-anywhere"),
        "{line}"
    );
    assert!(!run("true").status.success());
}

/// A stand-in for the daemon: listens, and ends as it is told.
fn stand_in(lab: &Lab, exit: u8) -> PathBuf {
    let path = lab.directory().join("stand-in");
    let script = format!(
        "#!/usr/bin/env python3\n\
         import signal, socket, sys\n\
         signal.signal(signal.SIGTERM, lambda *_: sys.exit({exit}))\n\
         listener = socket.socket(socket.AF_UNIX)\n\
         listener.bind(open(sys.argv[2]).read())\n\
         listener.listen()\n\
         print('arguments:', sys.argv[1], flush=True)\n\
         while True: signal.pause()\n"
    );
    fs::write(&path, script).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

#[test]
fn the_daemon_is_awaited_and_its_exit_status_checked() {
    const NAME: &str = "harness::the_daemon_is_awaited_and_its_exit_status_checked";
    if !need(&["python3"]) {
        return;
    }
    let Some(lab) = Lab::open() else { return };
    // The variable must be set before this process starts: tests beside this one read the environment.
    if let Some(part) = std::env::var_os(PART) {
        let host = lab.host("host");
        let mut siding = siding_tests::Siding::start(&lab, &host, &["run"], "{control}");
        assert!(siding.control().exists() && siding.config().exists());
        siding.process().wait_for_output("arguments: run", PATIENCE);
        siding.stop();
        assert_eq!(part, "0", "an exit status that is not 0 went unnoticed");
        return;
    }
    for exit in [0, 7] {
        let mut copy = Command::new(std::env::current_exe().unwrap());
        copy.args(["--exact", NAME, "--nocapture", "--test-threads=1"]);
        let output =
            copy.env(PART, exit.to_string()).env("SIDING_BIN", stand_in(&lab, exit)).output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.success(), exit == 0, "{text}");
        assert_eq!(text.contains("the daemon did not end well"), exit != 0, "{text}");
    }
}

/// Gone, or a zombie that nobody has waited for yet.
fn is_gone(pid: Pid) -> bool {
    match fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())) {
        Ok(stat) => stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('Z')),
        Err(_) => true,
    }
}

#[test]
fn a_binary_of_yesterday_is_not_taken_for_one_of_today() {
    let folder = std::env::temp_dir().join(format!("siding-fresh-{}", std::process::id()));
    fs::create_dir_all(folder.join("crates/a/src")).unwrap();
    let [binary, source, manifest, crates] =
        ["program", "crates/a/src/main.rs", "Cargo.toml", "crates"].map(|name| folder.join(name));
    let noon = std::time::SystemTime::now() - Duration::from_secs(3600);
    let write = |path: &PathBuf, seconds: u64| {
        fs::write(path, "").unwrap();
        let file = fs::File::options().write(true).open(path).unwrap();
        file.set_modified(noon + Duration::from_secs(seconds)).unwrap();
    };
    let is_fresh = || fresh(&binary, &[crates.clone(), manifest.clone()]);
    write(&source, 0);
    write(&manifest, 0);
    assert!(!is_fresh(), "there is none");
    write(&binary, 1);
    assert!(is_fresh());
    for made_of in [&source, &manifest] {
        for seconds in [1, 2] {
            write(made_of, seconds);
            assert!(!is_fresh(), "{} is no older", made_of.display());
        }
        write(made_of, 0);
        assert!(is_fresh());
    }
    fs::remove_file(&manifest).unwrap();
    assert!(!is_fresh(), "what it is made of has gone");
    fs::remove_dir_all(&folder).unwrap();
}
