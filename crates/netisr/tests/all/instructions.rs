//! How many instructions a packet costs, dispatched and handled: it may only fall.
//!
//! valgrind counts those of `examples/instructions.rs`, optimized as the benchmarks are. Unlike times they are the same on a
//! busy machine. Compilers differ a little, so a little more is let pass. Where there is no valgrind this is skipped; in CI
//! (`CI=true`) that is a failure.

use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

/// What was counted last, in each shape: by rustc 1.95. Whoever makes a packet cheaper writes it down here.
const RECORDED: [(&str, f64); 9] = [
    ("single", 180.7),
    ("alternating", 237.8),
    ("single-entering", 228.9),
    ("turn", 135.5),
    ("batch", 128.7),
    ("from", 102.3),
    ("foreign", 194.1),
    ("foreign-batch", 146.8),
    ("foreign-from", 102.5),
];

/// How much more is let pass.
const TOLERANCE: f64 = 0.03;

/// Two runs of so many packets: what comes before and after them is left out.
const RUNS: [u64; 2] = [3_200, 12_800];

fn has_valgrind() -> bool {
    let found =
        Command::new("valgrind").arg("--version").output().is_ok_and(|output| output.status.success());
    assert!(found || std::env::var_os("CI").is_none_or(|ci| ci != "true"), "no valgrind: install it");
    found
}

/// Builds the program; gives where it is.
fn built() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("instructions");
    let status = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--profile", "bench", "--example", "instructions", "--target-dir"])
        .arg(&target)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("CARGO_INCREMENTAL", "0")
        .env_remove("RUSTFLAGS")
        .status();
    assert!(status.unwrap().success(), "the program does not build");
    target.join("release/examples/instructions")
}

fn count(program: &Path, shape: &str, packets: u64) -> u64 {
    let output = Command::new("valgrind")
        .args(["--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"])
        .arg(program)
        .args([shape, &packets.to_string()])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let line = said.lines().find(|line| line.contains("I ") && line.contains("refs:")).unwrap();
    let digits: String = line.rsplit(':').next().unwrap().chars().filter(char::is_ascii_digit).collect();
    digits.parse().unwrap()
}

#[test]
fn a_packet_costs_no_more_instructions_than_it_did() {
    if !has_valgrind() {
        println!("skipped: no valgrind");
        return;
    }
    let program = built();
    let mut dearer = Vec::new();
    for (shape, recorded) in RECORDED {
        let [few, many] = RUNS.map(|packets| count(&program, shape, packets));
        let each = (many - few) as f64 / (RUNS[1] - RUNS[0]) as f64;
        println!("{shape}: {each:.1} instructions for each packet, {recorded} recorded");
        if each > recorded * (1.0 + TOLERANCE) {
            dearer.push(format!("{shape}: {each:.1} instead of {recorded}"));
        }
    }
    assert!(dearer.is_empty(), "packets cost more instructions than they did: {}", dearer.join("; "));
}
