//! Deferred packets. # Teardown: none; the stack has them.

mod report;
