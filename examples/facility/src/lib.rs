//! The facility in other people's programs: see `examples/`, each of which is built and run by `cargo test`. Bare
//! `no_std` is `checks/no_std`.

#[doc = include_str!("../../../docs/tasks/embedding.md")]
pub mod embedding {}
