//! Builds the shipped source on std, with the mutants within reach.

fn main() {
    println!("cargo:rustc-cfg=siding_mutants");
}
