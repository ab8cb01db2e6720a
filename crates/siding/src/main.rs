//! siding
fn main() {}
