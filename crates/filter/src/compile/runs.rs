//! Rules one behind the other that begin with the same field: found by what the packet has there, instead of one by one.

use crate::fields::KeyPart;
use crate::program::CodeLine;
use crate::program::Op;
use crate::rules_alike::Run;

/// Fewer are asked one by one.
const FEWEST: usize = 4;

/// Finds them among the lines of a chain, from `from` on to the last that there is.
pub(super) fn find(lines: &mut [CodeLine], ops: &[Op], runs: &mut Vec<Run>, from: usize) {
    // Those of other chains are not looked at again: there may be many of either.
    let lines = &mut lines[from..];
    let firsts: Vec<Option<(KeyPart, u128, u128)>> = lines.iter().map(|line| first(line, ops)).collect();
    let mut begin = 0;
    while begin < lines.len() {
        let Some((part, mask, _)) = firsts[begin] else {
            begin += 1;
            continue;
        };
        let is_like = |line: &usize| firsts[*line].is_some_and(|(p, m, _)| (p, m) == (part, mask));
        let end = (begin + 1..lines.len()).find(|line| !is_like(line)).unwrap_or(lines.len());
        if end - begin >= FEWEST {
            let value = |line: usize| firsts[line].map(|(_, _, value)| (value, (from + line) as u32));
            let mut by_value: Vec<(u128, u32)> = (begin..end).filter_map(value).collect();
            by_value.sort_unstable();
            runs.push(Run { part, mask, to: (from + end) as u32, by_value: by_value.into() });
            let number = runs.len() as u32;
            lines[begin..end].iter_mut().for_each(|line| line.run = number);
        }
        begin = end;
    }
}

/// A line's first step, if it wants one value of a field.
fn first(line: &CodeLine, ops: &[Op]) -> Option<(KeyPart, u128, u128)> {
    match ops.get(line.from as usize).filter(|_| line.from < line.to)? {
        Op::Masked { part, mask, value, not: false } => Some((*part, *mask, *value)),
        _ => None,
    }
}
