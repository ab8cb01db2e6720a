//! Builds the shipped source as shuttle is to see it, with no flags on the command line.

fn main() {
    println!("cargo:rustc-cfg=siding_shuttle");
}
