//! Which rule of a program it is.

/// A rule, as a number in its program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RuleId(pub u32);
