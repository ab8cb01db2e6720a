//! Scenarios for the checkers.
