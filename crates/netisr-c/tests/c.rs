//! Programs in C, built without a warning against the header and the library, and run, under valgrind where there is
//! one.

use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|why| panic!("{command:?}: {why}"));
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    assert!(output.status.success(), "{command:?}: {}: {text}", output.status);
    text
}

/// Where cargo has put the library: beside this test, whose directory is `deps`.
fn library() -> PathBuf {
    let test = std::env::current_exe().expect("this test is a file");
    let deps = test.parent().expect("in a directory");
    let found = [deps, deps.parent().expect("in another")].map(|place| place.join("libsiding_netisr_c.a"));
    found.into_iter().find(|path| path.exists()).expect("cargo builds the library for its tests")
}

/// Builds and runs `tests/{name}.c`.
fn runs(name: &str) {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let mut cc = Command::new("cc");
    cc.args(["-std=c11", "-D_POSIX_C_SOURCE=200809L", "-O1", "-g", "-Wall", "-Wextra", "-Werror", "-o"]);
    cc.arg(&program).arg("-I").arg(package.join("include")).arg(package.join(format!("tests/{name}.c")));
    run(cc.arg(library()).args(["-lpthread", "-ldl", "-lm"]));
    println!("{}", run(&mut Command::new(&program)));
    if Command::new("valgrind").arg("--version").output().is_err() {
        assert!(std::env::var_os("CI").is_none(), "there is no valgrind");
        eprintln!("skipped: there is no valgrind");
        return;
    }
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--quiet", "--error-exitcode=9", "--leak-check=full", "--fair-sched=yes"]);
    println!("{}", run(valgrind.arg(&program)));
}

#[test]
fn a_stack_in_c_sends_under_its_locks_while_interfaces_depart() {
    runs("stack");
}

#[test]
fn the_small_print_holds() {
    runs("small_print");
}

#[test]
fn what_a_callback_may_call_is_the_same_in_all_of_them() {
    runs("callbacks");
}
