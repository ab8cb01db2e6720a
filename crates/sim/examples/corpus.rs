//! Writes what the fuzzers start from: `cargo run -p siding-sim --example corpus -- fuzz/corpus`.

use std::env;
use std::fs;
use std::io;
use std::path::PathBuf;

use siding_sim::fuzz_input;

fn main() -> io::Result<()> {
    let dir = PathBuf::from(env::args().nth(1).unwrap_or_else(|| "fuzz/corpus".to_string()));
    let (parsers, input_path) = (dir.join("parsers"), dir.join("input_path"));
    fs::create_dir_all(&parsers)?;
    fs::create_dir_all(&input_path)?;
    for entry in fuzz_input::corpus() {
        if !entry.parsers.is_empty() {
            fs::write(parsers.join(&entry.name), &entry.parsers)?;
        }
        fs::write(input_path.join(&entry.name), &entry.input_path)?;
    }
    println!("{}", dir.display());
    Ok(())
}
