//! Builds the shipped source as loom is to see it, with no flags on the command line.

fn main() {
    println!("cargo:rustc-cfg=siding_loom");
}
