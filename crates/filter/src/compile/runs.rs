//! Rules one behind the other that begin with the same field: found by what the packet has there, instead of one by one.

use super::Compile;
use crate::fields::KeyPart;
use crate::program::Op;
use crate::program::Run;

/// Fewer are asked one by one.
const FEWEST: usize = 4;

impl Compile<'_> {
    /// Finds them among the lines of a chain, from `from` on to the last that there is.
    pub(super) fn runs(&mut self, from: usize) {
        let lines = self.program.lines.len();
        let mut begin = from;
        while begin < lines {
            let Some((part, mask, _)) = self.first(begin) else {
                begin += 1;
                continue;
            };
            let is_like = |line: &usize| self.first(*line).is_some_and(|(p, m, _)| (p, m) == (part, mask));
            let end = (begin + 1..lines).find(|line| !is_like(line)).unwrap_or(lines);
            if end - begin >= FEWEST {
                let value = |line| self.first(line).map(|(_, _, value)| (value, line as u32));
                let mut by_value: Vec<(u128, u32)> = (begin..end).filter_map(value).collect();
                by_value.sort_unstable();
                self.program.runs.push(Run { part, mask, to: end as u32, by_value: by_value.into() });
                let number = self.program.runs.len() as u32;
                self.program.lines[begin..end].iter_mut().for_each(|line| line.run = number);
            }
            begin = end;
        }
    }

    /// A line's first step, if it wants one value of a field.
    fn first(&self, line: usize) -> Option<(KeyPart, u128, u128)> {
        let line = self.program.lines.get(line).filter(|line| line.from < line.to)?;
        match self.program.ops.get(line.from as usize)? {
            Op::Masked { part, mask, value, not: false } => Some((*part, *mask, *value)),
            _ => None,
        }
    }
}
