//! Compiles the shims round DPDK's `rte_ring` and `rte_fib` where libdpdk is installed and says so by `cfg(have_dpdk)`.
//!
//! Nothing here may fail the build: without DPDK, or without a C compiler, the other peers are still worth
//! measuring.

use std::process::Command;

const SHIMS: [&str; 2] = ["src/contestants/dpdk_shim.c", "src/routes/fib_shim.c"];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    SHIMS.iter().for_each(|shim| println!("cargo::rerun-if-changed={shim}"));
    println!("cargo::rerun-if-env-changed=PKG_CONFIG_PATH");
    let Some(compile_flags) = pkg_config("--cflags") else { return };
    let Some(search_flags) = pkg_config("--libs-only-L") else { return };

    let mut shim = cc::Build::new();
    // As DPDK itself is built: the ring is inline code, so our own debug level must not slow it down.
    shim.files(SHIMS).opt_level(3).warnings(false).cargo_metadata(true);
    for flag in &compile_flags {
        shim.flag(flag);
    }
    if let Err(error) = shim.try_compile("siding_dpdk_shim") {
        println!("cargo::warning=libdpdk is there but its shim does not compile: {error}");
        return;
    }
    for flag in &search_flags {
        if let Some(folder) = flag.strip_prefix("-L") {
            println!("cargo::rustc-link-search=native={folder}");
        }
    }
    println!("cargo::rustc-link-lib=dylib=rte_ring");
    println!("cargo::rustc-link-lib=dylib=rte_fib");
    println!("cargo::rustc-link-lib=dylib=rte_eal");
    println!("cargo::rustc-cfg=have_dpdk");
}

/// What `pkg-config` answers for libdpdk, a word each; `None` where it is not installed.
fn pkg_config(question: &str) -> Option<Vec<String>> {
    let answer = Command::new("pkg-config").args([question, "libdpdk"]).output().ok()?;
    if !answer.status.success() {
        return None;
    }
    let words = String::from_utf8(answer.stdout).ok()?;
    Some(words.split_whitespace().map(str::to_owned).collect())
}
