//! `siding` without a command: the demonstration, on the real wire and on the one in memory.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::process::Output;
use std::process::Stdio;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use rustix::process::Pid;
use rustix::process::Signal;
use rustix::process::kill_process;
use siding_tests::Siding;
use siding_tests::skip;

/// What the demonstration may take.
const LIMIT: Duration = Duration::from_secs(25);

/// Two at a time would take each other's time.
static ALONE: Mutex<()> = Mutex::new(());

#[test]
fn on_the_real_wire_everything_holds_and_nothing_is_left() {
    let before = interfaces();
    let output = run(&mut Command::new(Siding::binary()), None);
    let text = told(&output);
    if text.contains("in-memory wire") {
        return skip(text.lines().next().unwrap_or_default());
    }
    assert!(output.status.success(), "{text}");
    assert!(text.contains("veth pair by AF_PACKET"), "{text}");
    for who in ["ours to Linux", "Linux to ours"] {
        assert_eq!(numbers(&text, who), [500, 500], "{text}");
    }
    assert!(numbers(&text, "sockets kept open")[0] >= 20, "{text}");
    assert!(text.contains("0 by our own tap, 0 by the kernel's counter"), "{text}");
    // The longest of the round trips may be a whole number, or none.
    let [trips, .., syns, reloads] = numbers(&text, "firewall: one connection,")[..] else {
        panic!("{text}")
    };
    assert!(trips >= 20 && syns > 512 && reloads >= 5, "{text}");
    everything_held(&text);
    assert_eq!(interfaces(), before);
}

#[test]
fn in_memory_everything_holds_and_the_first_line_says_so() {
    let output = run(Command::new(Siding::binary()).env("SIDING_DEMO_WIRE", "memory"), None);
    let text = told(&output);
    assert!(output.status.success(), "{text}");
    assert!(text.lines().next().is_some_and(|line| line.contains("in-memory wire")), "{text}");
    for who in ["ours to peer", "peer to ours"] {
        assert_eq!(numbers(&text, who), [500, 500], "{text}");
    }
    assert!(numbers(&text, "unplugged by the worker")[0] >= 20, "{text}");
    assert!(text.contains("\nfirewall: not shown: "), "{text}");
    everything_held(&text);
}

#[test]
fn ctrl_c_ends_it_with_the_table_so_far() {
    let mut command = Command::new(Siding::binary());
    let output = run(command.env("SIDING_DEMO_WIRE", "memory"), Some(Duration::from_secs(2)));
    let text = told(&output);
    assert_eq!(output.status.code(), Some(130), "{text}");
    assert!(text.contains("\npool: full") && text.contains("\ninterrupted: "), "{text}");
}

/// `siding` hands over to the program beside it, or else to that on the path; where there is none, it says what to do.
#[test]
fn the_program_beside_it_is_found_or_missed_in_words() {
    let place = std::env::temp_dir().join(format!("siding-beside-{}", std::process::id()));
    let (own, path) = (place.join("own"), place.join("path"));
    [&own, &path].into_iter().for_each(|folder| fs::create_dir_all(folder).unwrap());
    fs::copy(Siding::binary(), own.join("siding")).unwrap();
    let sim = || {
        let mut siding = Command::new(own.join("siding"));
        let output = siding.args(["sim", "--seeds", "0..2"]).env("PATH", &path).output().unwrap();
        (output.status.code(), told(&output))
    };
    let (status, text) = sim();
    assert!(
        status == Some(1) && text.contains("no `siding-demo` in ") && text.contains(" nor on the path"),
        "{text}"
    );
    let demo = Siding::binary().with_file_name("siding-demo");
    for there in [path.join("siding-demo"), own.join("siding-demo")] {
        fs::copy(&demo, &there).unwrap();
        let (status, text) = sim();
        assert!(status == Some(0) && text.starts_with("2 seeds hold (0..2)"), "{text}");
        fs::remove_file(&there).unwrap();
    }
    // What it is given it reads itself: a refusal is no less one.
    let output = Command::new(Siding::binary()).args(["sim", "--seeds", "2..2"]).output().unwrap();
    assert!(output.status.code() == Some(2) && told(&output).contains("give A..B with A below B"));
    fs::remove_dir_all(place).unwrap();
}

/// What `siding demo` and `siding sim` take is written down in both programs, so that the first can tell what there is
/// without the other.
#[test]
fn both_programs_tell_the_same_defaults() {
    let defaults = |program: &Path, args: &[&str]| -> Vec<String> {
        let output = Command::new(program).args(args).arg("--help").output().unwrap();
        assert!(output.status.success(), "{args:?}: {}", told(&output));
        let text = told(&output);
        let values =
            text.split("[default: ").skip(1).filter_map(|rest| Some(rest.split_once(']')?.0.to_owned()));
        // The paths are of what `siding` takes everywhere.
        values.filter(|value| value.chars().all(|one| one.is_ascii_digit() || one == '.')).collect()
    };
    let (siding, demo) = (Siding::binary(), Siding::binary().with_file_name("siding-demo"));
    for (ours, theirs) in [(&["demo"][..], &[][..]), (&["sim"], &["sim"])] {
        let said = defaults(siding, ours);
        assert!(!said.is_empty(), "{ours:?} has no default");
        assert_eq!(said, defaults(&demo, theirs), "{ours:?}");
    }
}

/// What any wire must come to.
fn everything_held(text: &str) {
    for step in
        ["REACHABLE -> STALE", "STALE -> DELAY", "DELAY -> PROBE", "PROBE -> REACHABLE", "PROBE -> none"]
    {
        assert!(numbers(text, step)[0] >= 1, "{step}: {text}");
    }
    for flow in ["untagged, from", "VLAN 10, from", "VLAN 20, from"] {
        let [.., sent, answered, lost, blocked] = numbers(text, flow)[..] else { panic!("{flow}: {text}") };
        assert_eq!((sent, answered, lost, blocked), (2500, 2500, 0, 0), "{flow}: {text}");
    }
    let [changes, _apart, announced] = numbers(text, "primary changed")[..] else { panic!("{text}") };
    assert!(changes >= 20 && announced >= changes * 3, "{text}");
    for kind in ["link_out", "ip_out", "unreachable", "announce"] {
        let [accepted, handled, departed, flushed, dropped, resident, ..] = numbers(text, kind)[..] else {
            panic!("{kind}: {text}");
        };
        assert!(accepted > 0 && resident == 0, "{kind}: {text}");
        assert_eq!(accepted, handled + departed + flushed + dropped + resident, "{kind}: {text}");
    }
    assert!(text.contains("\npool: full, 8192 of 8192 buffers"), "{text}");
    assert!(text.ends_with("expectations held\n") && !text.contains("FAILED"), "{text}");
}

/// The whole numbers of the first line that begins with `start`.
fn numbers(text: &str, start: &str) -> Vec<u64> {
    let line = text.lines().find_map(|line| line.trim_start().strip_prefix(start));
    let line = line.unwrap_or_else(|| panic!("no line begins with {start:?}: {text}"));
    line.split_whitespace().filter_map(|word| word.parse().ok()).collect()
}

/// Runs the program to its end, with a SIGINT on the way if asked for; kills it and fails when it takes too long.
fn run(command: &mut Command, interrupt: Option<Duration>) -> Output {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let begin = Instant::now();
    if let Some(after) = interrupt {
        thread::sleep(after);
        kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    }
    while child.try_wait().unwrap().is_none() {
        if begin.elapsed() > LIMIT {
            child.kill().unwrap();
            let output = child.wait_with_output().unwrap();
            panic!("not at its end after {LIMIT:?}: {}", told(&output));
        }
        thread::sleep(Duration::from_millis(10));
    }
    child.wait_with_output().unwrap()
}

/// What it wrote: the table. What it wrote live comes before it only if the table is missing.
fn told(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.stdout.is_empty() { text(&output.stderr) } else { text(&output.stdout) }
}

/// The interfaces of this thread's namespace.
fn interfaces() -> BTreeSet<String> {
    let table = fs::read_to_string("/proc/thread-self/net/dev").unwrap();
    table.lines().filter_map(|line| Some(line.split_once(':')?.0.trim().to_owned())).collect()
}
