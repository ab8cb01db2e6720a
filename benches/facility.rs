//! The facility against its peers. See the README for how to read the table.
fn main() {}
