//! The fuzz targets without a fuzzer: everything that they start from, what they have found, and mutations of both.

use std::fs;
use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;
use std::path::PathBuf;

use siding_sim::fuzz_input;
use siding_stack::Chance;

#[test]
fn parsers() {
    let inputs = fuzz_input::corpus().into_iter().map(|entry| (entry.name, entry.parsers)).collect();
    replay("parsers", inputs, 60_000, fuzz_input::parsers);
}

#[test]
fn input_path() {
    let inputs = fuzz_input::corpus().into_iter().map(|entry| (entry.name, entry.input_path)).collect();
    replay("input_path", inputs, 6_000, fuzz_input::input_path);
}

/// Runs every input, every find, and mutations of them that are the same each time.
fn replay(target: &str, mut inputs: Vec<(String, Vec<u8>)>, mutations: u32, run: fn(&[u8])) {
    inputs.extend(finds(target));
    assert!(inputs.len() > 200, "{} inputs", inputs.len());
    for (name, input) in &inputs {
        attempt(target, name, input, run);
    }
    let mut chance = Chance::new(11);
    for number in 0..mutations {
        let mut pick = || &inputs[(chance.next_u64() % inputs.len() as u64) as usize];
        let ((name, input), (_, other)) = (pick(), pick());
        let mut input = input.clone();
        fuzz_input::mutate(&mut chance, &mut input, other);
        attempt(target, &format!("{name}, mutation {number}"), &input, run);
    }
}

/// Runs one input. If it fails, says which it was, and how to keep it.
fn attempt(target: &str, name: &str, input: &[u8], run: fn(&[u8])) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| run(input))) {
        let hex: String = input.iter().map(|octet| format!("{octet:02x}")).collect();
        eprintln!("{target}: {name} fails; to keep it: echo {hex} | xxd -r -p >fuzz/finds/{target}/NAME");
        std::panic::resume_unwind(panic);
    }
}

/// What fuzzers have found, by name.
fn finds(target: &str) -> Vec<(String, Vec<u8>)> {
    let dir = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/finds").join(target);
    let mut finds: Vec<_> = fs::read_dir(&dir)
        .unwrap_or_else(|error| panic!("{}: {error}", dir.display()))
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read(&path).unwrap()))
        .collect();
    finds.sort();
    finds
}
