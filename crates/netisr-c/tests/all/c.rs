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

const STRICT: [&str; 7] =
    ["-std=c11", "-D_POSIX_C_SOURCE=200809L", "-O1", "-g", "-Wall", "-Wextra", "-Werror"];

fn scratch(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

/// Builds and runs `tests/{name}.c`.
fn runs(name: &str) {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let program = scratch(name);
    let mut cc = Command::new("cc");
    cc.args(STRICT).arg("-o");
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

/// The program of the page, built as the page says: by pkg-config, with what was installed; with either library.
#[test]
fn the_pages_program_builds_with_what_was_installed() {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(package.join("README.md")).expect("there is a page");
    let source = scratch("page.c");
    let text = page.split("```c\n").nth(1).and_then(|rest| rest.split("```").next());
    std::fs::write(&source, text.expect("there is a program")).expect("a file");
    let prefix = scratch("installed");
    let from = library().parent().expect("it is in a folder").to_path_buf();
    run(Command::new(package.join("install")).arg("--from").arg(from).arg(&prefix));
    if Command::new("pkg-config").arg("--version").output().is_err() {
        assert!(std::env::var_os("CI").is_none(), "there is no pkg-config");
        eprintln!("skipped: there is no pkg-config");
        return;
    }
    let asked = |what: &[&str]| -> Vec<String> {
        let mut command = Command::new("pkg-config");
        command.env("PKG_CONFIG_PATH", prefix.join("lib/pkgconfig")).args(what).arg("siding-netisr");
        run(&mut command).split_whitespace().map(String::from).collect()
    };
    assert_eq!(asked(&["--modversion"]), [env!("CARGO_PKG_VERSION")]);
    let alone: Vec<_> = asked(&["--static", "--libs"])
        .into_iter()
        .map(|word| if word == "-lsiding_netisr_c" { "-l:libsiding_netisr_c.a".into() } else { word })
        .collect();
    for (name, libraries) in [("page", asked(&["--libs"])), ("page-alone", alone)] {
        let program = scratch(name);
        let mut cc = Command::new("cc");
        cc.args(STRICT).arg("-o").arg(&program).arg(&source);
        run(cc.args(asked(&["--cflags"])).args(libraries));
        let mut command = Command::new(&program);
        if name == "page" {
            command.env("LD_LIBRARY_PATH", prefix.join("lib"));
        }
        assert!(run(&mut command).starts_with("solicitation on interface 10000\n"), "{name}");
    }
}

#[test]
fn a_stack_in_c_sends_under_its_locks_while_interfaces_depart() {
    runs("stack");
}

#[test]
fn a_worker_sleeps_on_an_eventfd() {
    runs("loop");
}

#[test]
fn the_small_print_holds() {
    runs("small_print");
}

#[test]
fn what_a_callback_may_call_is_the_same_in_all_of_them() {
    runs("callbacks");
}

#[test]
fn g4_to_g8_hold_under_load_in_c() {
    runs("stress");
}
