//! Builds the scenarios for the simulator: on std, with the mutants within reach, one thread at a time.

fn main() {
    println!("cargo:rustc-cfg=siding_mutants");
    println!("cargo:rustc-cfg=siding_simulator");
}
