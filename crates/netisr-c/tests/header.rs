//! The header that is checked in is the one that the source makes.

use std::path::Path;

/// `SIDING_BLESS=1` writes it anew.
#[test]
fn the_header_is_the_sources() {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let config = cbindgen::Config::from_root_or_default(package);
    let bindings = cbindgen::Builder::new()
        .with_config(config)
        .with_src(package.join("src/error.rs"))
        .with_src(package.join("src/held.rs"))
        .with_src(package.join("src/packet.rs"))
        .with_src(package.join("src/facility.rs"))
        .with_src(package.join("src/types.rs"))
        .with_src(package.join("src/batch.rs"))
        .with_src(package.join("src/permit.rs"))
        .with_src(package.join("src/worker.rs"))
        .with_src(package.join("src/interfaces.rs"))
        .with_src(package.join("src/report.rs"))
        .generate()
        .expect("the source can be read");
    let mut made = Vec::new();
    bindings.write(&mut made);
    let made = String::from_utf8(made).expect("a text");
    let path = package.join("include/siding_netisr.h");
    if std::env::var_os("SIDING_BLESS").is_some() {
        std::fs::write(&path, &made).expect("the header can be written");
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == made, "the header is out of date: run this test with SIDING_BLESS=1");
}
