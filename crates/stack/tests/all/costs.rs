//! What those pay whom nobody watches: the instructions of a packet that is forwarded, with what follows packets and times
//! turns, and without.
//!
//! valgrind counts those of `examples/forward.rs`, built as what is shipped. Unlike times they are the same on a busy machine. The
//! program is built three times, which takes minutes: `.ci/long costs` runs this.

use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

/// The most that either may add to what a packet costs without it.
const MOST: f64 = 0.01;

/// Two runs of so many turns: what comes before and after them is left out. Whole numbers of those of which one is timed.
const RUNS: [u64; 2] = [1024, 1024 * 3];

/// One turn in so many is timed.
const TIMED: u64 = 1024;

/// What a reading of the clock costs beyond what valgrind sees, under which it is a call of the system and not the kernel's code in
/// the process: that has fewer.
const READING: u64 = 100;

/// Builds the program, without what these flags leave out.
fn built(name: &str, flags: &str) -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("costs-{name}"));
    let status = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--release", "--example", "forward", "--target-dir"])
        .arg(&target)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("CARGO_INCREMENTAL", "0")
        // Whoever has set this has RUSTFLAGS overlooked.
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env("RUSTFLAGS", flags)
        .status();
    assert!(status.unwrap().success(), "the program does not build");
    target.join("release/examples/forward")
}

/// What one run says.
struct Run {
    instructions: u64,
    timed: u64,
    readings: u64,
    expressed: u64,
    /// Of the packet that is watched after all others.
    moments: u64,
}

fn run(program: &Path, (batch, turns, way): (u64, u64, &str)) -> Run {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .args([batch.to_string(), turns.to_string(), way.to_owned()])
        .output()
        .unwrap();
    let (told, said) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}");
    // The number in front of some words.
    let number = |words: &str| -> u64 {
        let before = told.split_once(words).map(|(before, _)| before.trim_end());
        let last = before.and_then(|before| before.split_whitespace().next_back());
        last.and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("no {words:?} in {told}"))
    };
    let collected = said.lines().find_map(|line| line.split_once("Collected : ")).unwrap().1;
    assert_eq!(number(" frames in "), batch * turns);
    Run {
        instructions: collected.trim().parse().unwrap(),
        timed: number(" turns timed"),
        readings: number(" times"),
        expressed: number(" of them by express"),
        moments: number(" moments told"),
    }
}

/// A build of the program: what it is without, and what that cost.
struct Build {
    program: PathBuf,
    traces: bool,
    times: bool,
}

impl Build {
    fn new(name: &str, flags: &str) -> Build {
        let program = built(name, flags);
        Build {
            program,
            traces: !flags.contains("siding_untraced"),
            times: !flags.contains("siding_untimed"),
        }
    }

    /// What one packet costs.
    fn packet(&self, batch: u64, way: &str) -> f64 {
        let [few, many] = RUNS.map(|turns| {
            let run = run(&self.program, (batch, turns, way));
            // It is the build that it is said to be, and went the way that was asked for.
            assert_eq!(run.timed, if self.times { turns / TIMED } else { 0 });
            assert_eq!(run.moments > 0, self.traces, "{} moments", run.moments);
            // The first to a neighbour is walked.
            let walked = batch * turns - run.expressed;
            assert!(walked == if way == "walk" { batch * turns } else { 1 }, "{walked} walked");
            run
        });
        let readings = many.readings - few.readings;
        assert_eq!(readings > 0, self.times, "{readings} readings");
        let instructions = many.instructions - few.instructions + READING * readings;
        instructions as f64 / ((RUNS[1] - RUNS[0]) * batch) as f64
    }
}

#[test]
#[ignore = "builds a program three times: .ci/long costs"]
fn who_is_not_watched_pays_less_than_one_in_a_hundred() {
    let whole = Build::new("whole", "");
    let without = [("trace", "--cfg siding_untraced"), ("timed steps", "--cfg siding_untimed")]
        .map(|(what, flag)| (what, Build::new(what.split(' ').next().unwrap(), flag)));
    let mut dear = Vec::new();
    for way in ["walk", "express"] {
        for batch in [64, 1] {
            let with = whole.packet(batch, way);
            for (what, build) in &without {
                let without = build.packet(batch, way);
                let more = with / without - 1.0;
                let said = format!(
                    "{way}, {batch} in a turn, {what}: {with:.1} instructions, {without:.1} without: {:+.2} %",
                    more * 100.0
                );
                println!("{said}");
                dear.extend((more > MOST).then_some(said));
            }
        }
    }
    assert!(dear.is_empty(), "{dear:#?}");
}
