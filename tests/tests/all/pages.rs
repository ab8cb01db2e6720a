//! The task pages in `docs/tasks/`, worked through from top to bottom as a reader would: each file that a page tells to
//! write is written, each command is given on the machine whose prompt stands before it, and what it answers is what the
//! page shows. `SIDING_BLESS=1 cargo test -p siding-tests --test all pages::` writes what is answered now into the pages.
//!
//! A page begins with a comment that names the wires of its machines (see `page.rs`); what such a comment does on a
//! machine is what somebody else has done there before the reader came.

mod page;
mod run;
mod same;
mod tasks;
