//! What protocols of the stack say of themselves: their sections of a configuration, and their tables. Here no protocol is known
//! by name: one that is new has a section in files, may be configured while it runs and has something to show as soon as the
//! stack's list has it. # Teardown: a section is of the stack, and stays as long as that.

pub(crate) mod ask;
pub(crate) mod check;
mod report;
pub(crate) mod setting;
