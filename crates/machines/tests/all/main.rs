//! The machines in worlds of their own: in every order of events, against tables, and against each other.

#![allow(clippy::unwrap_used, clippy::expect_used)] // A test says what it expects by unwrapping it.
#![allow(unreachable_pub)] // What the tests share is reached from outside its file only.

mod filter_flows;
mod filter_table;
mod filter_window;
mod lacp_any_order;
mod lacp_machine;
mod lacp_pair;
mod lacp_selection;
mod lacp_world;
mod mld_listener;
mod nud_any_order;
mod nud_table;
mod source_rules;
