//! The mutants.

use crate::scenario::SCENARIOS;
use crate::scenario::Scenario;

/// One way to break a promise.
#[derive(Debug)]
pub struct Mutant {
    /// What the code asks for: `mutant("name")`.
    pub name: &'static str,
    /// The promise that it breaks.
    pub promise: &'static str,
    /// The scenario that must notice.
    pub scenario: &'static str,
    /// What it does, in a few words.
    pub what: &'static str,
}

impl Mutant {
    /// The scenario that must notice.
    pub fn scenario(&self) -> Option<&'static Scenario> {
        SCENARIOS.iter().find(|scenario| scenario.name == self.scenario)
    }
}

const fn mutant(
    promise: &'static str,
    name: &'static str,
    scenario: &'static str,
    what: &'static str,
) -> Mutant {
    Mutant { name, promise, scenario, what }
}

/// All mutants, by promise.
pub const MUTANTS: &[Mutant] = &[];
