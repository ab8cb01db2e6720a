//! Rules one behind the other that each begin with one value of the same field.

use crate::fields::Context;
use crate::fields::KeyPart;
use crate::host::Host;

/// Such rules.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) part: KeyPart,
    pub(crate) mask: u128,
    /// Behind the last.
    pub(crate) to: u32,
    /// What each wants, and its line.
    pub(crate) by_value: Box<[(u128, u32)]>,
}

impl Run {
    /// The next line from here on that wants what the packet has; the end if there is none. What one before it has changed
    /// is seen, for each is looked for when the one before has been left.
    pub(crate) fn next<H: Host>(&self, from: u32, context: &mut Context<'_, '_, H>) -> u32 {
        let Some(value) = context.read(&self.part).map(|value| value & self.mask) else { return self.to };
        let at = self.by_value.partition_point(|one| *one < (value, from));
        self.by_value.get(at).filter(|(wanted, _)| *wanted == value).map_or(self.to, |(_, line)| *line)
    }
}
