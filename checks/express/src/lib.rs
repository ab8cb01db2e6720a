//! Tests only: see `tests/express.rs`.
