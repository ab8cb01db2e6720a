//! Small changes to an input, for the replay on stable: a fuzzer's, without its eyes.

use siding_stack::Chance;

/// Bytes that lengths, types and limits are made of.
const TELLING: [u8; 12] = [0, 1, 2, 6, 8, 0x3a, 0x7f, 0x80, 0x86, 0xdd, 0xfe, 0xff];
/// An input grows no further.
const MAX_LEN: usize = 16 * 1024;

/// Changes `input` in one to four places; `other` is what it may take a piece of.
pub fn mutate(chance: &mut Chance, input: &mut Vec<u8>, other: &[u8]) {
    for _ in 0..=pick(chance, 4) {
        change(chance, input, other);
    }
    input.truncate(MAX_LEN);
}

fn change(chance: &mut Chance, input: &mut Vec<u8>, other: &[u8]) {
    let at = pick(chance, input.len() + 1);
    let end = (at + 1 + pick(chance, 16)).min(input.len());
    match (pick(chance, 8), input.get_mut(at)) {
        (0 | 1, Some(octet)) => *octet ^= 1 << pick(chance, 8),
        (2, Some(octet)) => *octet = TELLING[pick(chance, TELLING.len())],
        (3, Some(octet)) => *octet = octet.wrapping_add(1 + pick(chance, 3) as u8),
        (4, Some(_)) => _ = input.drain(at..end),
        (5, Some(_)) => {
            let piece = input[at..end].to_vec();
            input.splice(at..at, piece);
        }
        (6, Some(_)) => input.truncate(at),
        _ => {
            let from = pick(chance, other.len() + 1);
            let to = (from + 1 + pick(chance, 64)).min(other.len());
            input.splice(at..at, other.get(from..to).unwrap_or_default().iter().copied());
        }
    }
}

fn pick(chance: &mut Chance, below: usize) -> usize {
    (chance.next_u64() % below.max(1) as u64) as usize
}
