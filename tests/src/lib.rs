//! Network namespaces and skips, for the interop tests.
