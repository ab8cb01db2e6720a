//! A program in force again after others, with what commands have done to sets meanwhile.

use std::sync::Arc;

use crate::edits::Edits;
use crate::place::Errors;
use crate::program::Program;
use crate::program::Setup;

/// What commands have done to a program's sets, up to a moment.
#[derive(Debug, Clone, Default)]
pub struct Commands(Edits);

impl Program {
    /// What commands have done to its sets so far.
    pub fn commands(&self) -> Commands {
        Commands(self.beside.edits.clone())
    }

    /// This program again, after another has run in its place: the last of those, and what commands had done to it when
    /// it came. What counts and what sets hold goes on where this one left it, or, if both have it, where it is; what
    /// commands have done to sets that both have since then stays done. Without another one, nothing has run meanwhile.
    ///
    /// # Errors
    /// As of [`compile`](Program::compile).
    pub fn again(&self, setup: &Setup, other: Option<(&Commands, &Program)>) -> Result<Program, Errors> {
        let mut beside = self.beside.clone();
        if let Some((begun, last)) = other {
            beside.edits.follow(&self.ruleset, &begun.0, &last.beside.edits, &last.in_force);
            beside.prefixes = last.beside.prefixes.clone();
        }
        let last = other.map(|(_, last)| last);
        Program::compile_after(Arc::clone(&self.ruleset), setup, (Some(self), last), beside)
    }
}
