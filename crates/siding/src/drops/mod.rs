//! What was dropped. # Teardown: none; the stack and drivers count.

mod report;
