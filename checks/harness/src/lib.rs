//! Holds nothing: what this package is for is its test.
