//! What is known of these seeds.

/// Rulesets that are run unless told otherwise: seeds from 1 on. Each has to agree, but for those of [`DIFFER`].
pub(super) const SEEDS: u64 = 300;

/// Seeds that differ, and are being looked into; `docs/filter.md` has what is known of them. One that agrees is to go
/// from here; none is to come.
pub(super) const DIFFER: &[u64] = &[
    9, 38, 41, 42, 71, 76, 85, 93, 99, 100, 115, 121, 127, 140, 160, 171, 182, 183, 190, 193, 199, 201, 212,
    222, 226, 229, 230, 260, 265, 276, 287, 294, 299, 300,
];

/// The same of rulesets that count connections.
pub(super) const COUNTED_OTHERWISE: &[u64] = &[20_002, 20_004, 20_010, 20_012];

/// The same of rulesets that look at frames.
pub(super) const FRAMED_OTHERWISE: &[u64] = &[30_005];
