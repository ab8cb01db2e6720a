//! Runs the scenarios.
fn main() {}
