//! The program as it is built: what is shipped beside it is right in its own eyes.
//!
//! That there is a test here has Cargo build the program together with the tests of the workspace, which start it.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;
use std::process::Command;

#[test]
fn every_example_is_a_configuration_without_errors() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let mut checked = 0;
    for entry in fs::read_dir(&examples).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|end| end != "toml") {
            continue;
        }
        let told = Command::new(env!("CARGO_BIN_EXE_siding")).arg("check").arg(&path).output().unwrap();
        assert!(told.status.success(), "{}: {}", path.display(), String::from_utf8_lossy(&told.stderr));
        checked += 1;
    }
    assert!(checked >= 8, "only {checked} examples");
}

#[test]
fn an_example_with_an_error_is_refused_with_its_line() {
    let text =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/host.toml")).unwrap();
    let path = std::env::temp_dir().join(format!("siding-wrong-{}.toml", std::process::id()));
    fs::write(&path, text.clone() + "\n[[interface]]\nnmae = \"x\"\n").unwrap();
    let told = Command::new(env!("CARGO_BIN_EXE_siding")).arg("check").arg(&path).output().unwrap();
    fs::remove_file(&path).unwrap();
    let told = (told.status.success(), String::from_utf8_lossy(&told.stderr).into_owned());
    let line = text.lines().count() + 3;
    assert!(!told.0 && told.1.contains(&format!(":{line}")) && told.1.contains("nmae"), "{}", told.1);
}
