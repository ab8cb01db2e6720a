//! The header that is checked in is the one that the source makes.

use std::path::Path;

/// The crate's page, as a comment: who has the header alone has that, too.
fn opening(package: &Path) -> String {
    let page = std::fs::read_to_string(package.join("README.md")).expect("there is a page");
    let lines = page.lines().filter(|line| !line.starts_with("```"));
    // Comments within one end it.
    let lines = lines.map(|line| line.replace("/*", "//").replace(" */", "").replace("*/", ""));
    let text: Vec<_> = lines.map(|line| format!(" * {line}").trim_end().to_string()).collect();
    format!(
        "/*\n{}\n *\n * Made by cbindgen from crates/netisr-c, and kept so by a test.\n */",
        text.join("\n")
    )
}

/// `SIDING_BLESS=1` writes it anew.
#[test]
fn the_header_is_the_sources() {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut config = cbindgen::Config::from_root_or_default(package);
    config.header = Some(opening(package));
    let bindings = cbindgen::Builder::new()
        .with_config(config)
        .with_src(package.join("src/error.rs"))
        .with_src(package.join("src/held.rs"))
        .with_src(package.join("src/packet.rs"))
        .with_src(package.join("src/facility.rs"))
        .with_src(package.join("src/types.rs"))
        .with_src(package.join("src/batch.rs"))
        .with_src(package.join("src/permit.rs"))
        .with_src(package.join("src/state.rs"))
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
