//! What the command line of `siding-demo` takes. (What the demonstration comes to: tests/tests/all/demo.rs.)
//!
//! That there is a test here has Cargo build the program together with the tests of the workspace, which start it.

#![allow(clippy::unwrap_used)]

use std::process::Command;

/// Its exit status, and what it said.
fn said(args: &[&str]) -> (Option<i32>, String) {
    let told = Command::new(env!("CARGO_BIN_EXE_siding-demo")).args(args).output().unwrap();
    let text = [told.stdout, told.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    (told.status.code(), text.concat())
}

#[test]
fn worlds_are_run_from_seeds_and_a_world_is_told() {
    let (status, text) = said(&["sim", "--seeds", "3..9"]);
    assert!(status == Some(0) && text.starts_with("6 seeds hold (3..9): "), "{text}");
    let (status, text) = said(&["sim", "--seeds", "3..4", "--log"]);
    assert!(status == Some(0) && text.ends_with("seed 3 holds\n") && text.lines().count() > 10, "{text}");
}

#[test]
fn what_makes_no_sense_is_refused_with_what_to_do() {
    for (args, why) in [
        (["sim", "--seeds", "3..3"], "give A..B with A below B"),
        (["sim", "--seeds", "3"], "as in 0..1000"),
        (["--seconds", "3601", ""], "3601 is not in 1..=3600"),
    ] {
        let args: Vec<&str> = args.into_iter().filter(|arg| !arg.is_empty()).collect();
        let (status, text) = said(&args);
        assert!(status == Some(2) && text.contains(why), "{args:?}: {text}");
    }
}
