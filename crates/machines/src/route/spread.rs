//! How a group shares flows out among its hops: by buckets, into which flows fall by their hash, and each of which is one hop's.
//!
//! Shares are those of the weights, to a bucket. Who goes gives its own buckets to those that stay and no other moves; who comes
//! takes as many as it is due from those that have most beyond what they are due (RFC 2992 says what it is worth: a flow that
//! moves meets reordering, and perhaps another path MTU).

/// Buckets of a group. A power of two.
pub const BUCKETS: usize = 1024;

/// Hops that a group may have: each has a bucket at least, and shares are whole buckets.
pub const MOST_HOPS: usize = 64;

const _: () = assert!(BUCKETS.is_power_of_two() && BUCKETS >= 16 * MOST_HOPS);

/// Whose bucket each is: a place among the hops.
pub(super) type Buckets = [u8; BUCKETS];

/// What each hop has, and is due.
struct Shares {
    weights: Vec<i64>,
    total: i64,
    have: Vec<i64>,
}

impl Shares {
    /// What a hop has too little, in parts of a bucket; less than nothing if it has too much.
    fn lacks(&self, hop: usize) -> i64 {
        BUCKETS as i64 * self.weights[hop] - self.have[hop] * self.total
    }

    fn neediest(&self) -> usize {
        // Of equals the first.
        (0..self.have.len()).rev().max_by_key(|hop| self.lacks(*hop)).unwrap_or(0)
    }

    /// Of those that have more than one.
    fn richest(&self) -> Option<usize> {
        (0..self.have.len()).filter(|hop| self.have[*hop] > 1).min_by_key(|hop| self.lacks(*hop))
    }
}

/// Shares the buckets out by weights, of which there is one at least and none is 0. `before` says of each bucket whose it was, by
/// places among the hops that there are now. Unless `anew` those keep all that they have.
pub(super) fn spread(weights: &[u8], before: &[Option<u8>; BUCKETS], anew: bool) -> Buckets {
    let weights: Vec<i64> = weights.iter().map(|weight| i64::from(*weight)).collect();
    let mut shares = Shares { total: weights.iter().sum(), have: vec![0; weights.len()], weights };
    let mut owners = *before;
    owners.iter().flatten().for_each(|owner| shares.have[usize::from(*owner)] += 1);
    if anew {
        for at in in_turn() {
            // A whole one too many.
            if let Some(owner) = owners[at].filter(|owner| shares.lacks(usize::from(*owner)) <= -shares.total)
            {
                owners[at] = None;
                shares.have[usize::from(owner)] -= 1;
            }
        }
    }
    for at in in_turn() {
        if owners[at].is_some() {
            continue;
        }
        let hop = shares.neediest();
        owners[at] = Some(hop as u8);
        shares.have[hop] += 1;
    }
    // What the others have in parts of a bucket too much comes to whole ones of a newcomer's; and one has everybody.
    while let Some(rich) = shares.richest() {
        let poor = shares.neediest();
        let (needs, can_spare) = (shares.lacks(poor), -shares.lacks(rich));
        let due = anew && needs >= shares.total && needs + can_spare > shares.total;
        let none = || shares.have.iter().position(|have| *have == 0);
        let Some(poor) = due.then_some(poor).or_else(none) else { break };
        let Some(at) = in_turn().find(|at| owners[*at] == Some(rich as u8)) else { break };
        owners[at] = Some(poor as u8);
        shares.have[rich] -= 1;
        shares.have[poor] += 1;
    }
    owners.map(|owner| owner.unwrap_or(0))
}

/// All buckets in an order that has nothing to do with their numbers: those that lie beside each other are different hops'.
fn in_turn() -> impl Iterator<Item = usize> {
    const HALF: u32 = BUCKETS.trailing_zeros() / 2;
    // Each step can be undone, so that no two come to the same.
    let folded = |at: usize| at ^ at >> HALF;
    let mix = move |at: usize| (folded(at).wrapping_mul(433).wrapping_add(0x155)) % BUCKETS;
    (0..BUCKETS).map(move |at| folded(mix(mix(mix(mix(at))))))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NONE: [Option<u8>; BUCKETS] = [None; BUCKETS];

    #[test]
    fn each_bucket_has_its_turn() {
        let mut all: Vec<usize> = in_turn().collect();
        all.sort_unstable();
        assert!(all.into_iter().eq(0..BUCKETS));
    }

    fn counts(buckets: &Buckets, hops: usize) -> Vec<usize> {
        (0..hops).map(|hop| buckets.iter().filter(|owner| usize::from(**owner) == hop).count()).collect()
    }

    #[test]
    fn shares_are_those_of_the_weights() {
        assert_eq!(counts(&spread(&[1, 1], &NONE, true), 2), [512, 512]);
        assert_eq!(counts(&spread(&[3, 1], &NONE, true), 2), [768, 256]);
        assert_eq!(counts(&spread(&[1, 1, 1], &NONE, true), 3), [342, 341, 341]);
        assert_eq!(counts(&spread(&[7], &NONE, true), 1), [BUCKETS]);
        // Everybody has one.
        let few = counts(&spread(&[&[255; 63][..], &[1]].concat(), &NONE, true), 64);
        assert!(few[63] == 1 && few[..63].iter().all(|have| (16..=17).contains(have)), "{few:?}");
    }

    #[test]
    fn neighbouring_buckets_are_anybodys() {
        let buckets = spread(&[1; 4], &NONE, true);
        // Of those beside a bucket of one hop, in any of ten directions, as many are of each other.
        for beside in (0..10).map(|bit| 1 << bit) {
            let others = (0..BUCKETS).filter(|at| buckets[*at] == 0).map(|at| buckets[at ^ beside]);
            let others: Vec<u8> = others.filter(|other| *other != 0).collect();
            for hop in 1..4 {
                let its = others.iter().filter(|other| **other == hop).count();
                assert!((40..90).contains(&its), "{its} of {} are {hop}'s", others.len());
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn who_goes_moves_only_its_own_and_who_comes_takes_its_share(
            weights in proptest::collection::vec(1u8.., 2..MOST_HOPS),
            steps in proptest::collection::vec((any::<bool>(), any::<u8>(), 1u8..), 1..8),
        ) {
            // Hops by names that stay theirs.
            let mut hops: Vec<(u16, u8)> = (0..).zip(weights).collect();
            let weights = |hops: &[(u16, u8)]| hops.iter().map(|hop| hop.1).collect::<Vec<u8>>();
            let mut named: Vec<u16> =
                spread(&weights(&hops), &NONE, true).map(|place| hops[usize::from(place)].0).to_vec();
            for (number, (comes, which, weight)) in steps.into_iter().enumerate() {
                let was = named.clone();
                let gone = (!comes && hops.len() > 1).then(|| hops.remove(usize::from(which) % hops.len()).0);
                let come = (gone.is_none() && hops.len() < MOST_HOPS).then_some(1000 + number as u16);
                hops.extend(come.map(|name| (name, weight)));
                let place = |name: u16| hops.iter().position(|hop| hop.0 == name).map(|place| place as u8);
                let before = std::array::from_fn(|at| place(was[at]));
                let now = spread(&weights(&hops), &before, come.is_some());
                named = now.map(|place| hops[usize::from(place)].0).to_vec();
                let total: f64 = hops.iter().map(|hop| f64::from(hop.1)).sum();
                for (at, (before, after)) in was.iter().zip(&named).enumerate() {
                    match gone {
                        Some(gone) if gone != *before => prop_assert_eq!(before, after, "bucket {}", at),
                        _ => {}
                    }
                }
                // What is between others that stay is not moved to and fro: as many move as have to.
                if let Some(come) = come {
                    let its = named.iter().filter(|name| **name == come).count() as f64;
                    let due = BUCKETS as f64 * f64::from(weight) / total;
                    // Who is due less than one has one.
                    let few = hops.iter().filter(|hop| f64::from(hop.1) * (BUCKETS as f64) < total).count();
                    prop_assert!(its > due - 1.0 - few as f64 && its >= 1.0, "{} of {}", its, due);
                    let moved = was.iter().zip(&named).filter(|(before, after)| before != after).count();
                    prop_assert!(moved as f64 <= its + hops.len() as f64, "{} moved for {}", moved, its);
                }
            }
        }
    }
}
