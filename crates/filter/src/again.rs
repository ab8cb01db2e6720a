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

    /// `commands`, which are about this program's sets, with what others have done to another one that runs in its place,
    /// or did, since that came: to the sets that both have.
    pub fn with_commands(&self, commands: &Commands, (begun, other): (&Commands, &Program)) -> Commands {
        let mut edits = commands.0.clone();
        edits.follow(&self.ruleset, &begun.0, &other.beside.edits, &other.in_force);
        Commands(edits)
    }

    /// This program again, with what `commands` have done to its sets, after others have run in its place, of which `last`
    /// was the last. What counts and what sets hold goes on where this one left it, or, if both have it, where it is.
    ///
    /// # Errors
    /// As of [`compile`](Program::compile).
    pub fn again(
        &self,
        setup: &Setup,
        commands: Commands,
        last: Option<&Program>,
    ) -> Result<Program, Errors> {
        let mut beside = self.beside.clone();
        beside.edits = commands.0;
        if let Some(last) = last {
            beside.prefixes = last.beside.prefixes.clone();
        }
        Program::compile_after(Arc::clone(&self.ruleset), setup, (Some(self), last), beside)
    }
}
