//! What those pay whom nobody watches: the instructions of a packet that is forwarded, with what follows packets and times
//! turns, and without.
//!
//! valgrind counts those of `examples/forward.rs`, optimized. Unlike times they are the same on a busy machine. The program is
//! built three times, which takes minutes: `.ci/long costs` runs this.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]
#![allow(clippy::unwrap_used)] // Helpers of tests are tests.

use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

/// The most that either may add to what a packet costs without it.
const MOST: f64 = 0.01;

/// Two runs of so many turns: what comes before and after them is left out. As many as one timed turn in 256 is worth.
const RUNS: [u64; 2] = [2560, 2560 * 3];

/// Builds the program, without what these flags leave out.
fn built(name: &str, flags: &str) -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("costs-{name}"));
    let status = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--release", "--example", "forward", "--target-dir"])
        .arg(&target)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .envs([("CARGO_INCREMENTAL", "0"), ("CARGO_PROFILE_RELEASE_LTO", "off"), ("RUSTFLAGS", flags)])
        .status();
    assert!(status.unwrap().success(), "the program does not build");
    target.join("release/examples/forward")
}

fn count(program: &Path, batch: u64, turns: u64) -> u64 {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .args([batch.to_string(), turns.to_string()])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let collected = said.lines().find_map(|line| line.split_once("Collected : ")).unwrap();
    collected.1.trim().parse().unwrap()
}

/// What one packet costs.
fn packet(program: &Path, batch: u64) -> f64 {
    let [few, many] = RUNS.map(|turns| count(program, batch, turns));
    (many - few) as f64 / ((RUNS[1] - RUNS[0]) * batch) as f64
}

#[test]
#[ignore = "builds a program three times: .ci/long costs"]
fn who_is_not_watched_pays_less_than_one_in_a_hundred() {
    let whole = built("whole", "");
    for (what, flag) in [("trace", "--cfg siding_untraced"), ("timed steps", "--cfg siding_untimed")] {
        let without = built(what.split(' ').next().unwrap(), flag);
        for batch in [64, 1] {
            let (with, without) = (packet(&whole, batch), packet(&without, batch));
            let more = with / without - 1.0;
            println!(
                "{batch} in a turn, {what}: {with:.1} instructions, {without:.1} without: {:+.2} %",
                more * 100.0
            );
            assert!(more <= MOST, "{what} costs {more}");
        }
    }
}
