//! Circles of files, and rooms that use each other.

use std::collections::BTreeSet;
use std::path::Path;

use crate::structure::modules::Crate;

/// The part of a crate that a file stands in: its folder directly under `src`, or itself if it stands there alone.
pub(crate) fn room(path: &Path) -> String {
    let first = path.components().next().map(|first| first.as_os_str().to_string_lossy().into_owned());
    first.unwrap_or_default().trim_end_matches(".rs").to_owned()
}

/// Files of which each leads to all the others: every such set of two or more, the largest first.
pub(crate) fn circles(of: &Crate, arrows: &BTreeSet<(usize, usize)>) -> Vec<Vec<usize>> {
    let reach: Vec<BTreeSet<usize>> = (0..of.files.len()).map(|file| reached(file, arrows)).collect();
    let mut placed: BTreeSet<usize> = BTreeSet::new();
    let mut circles = Vec::new();
    for file in 0..of.files.len() {
        if placed.contains(&file) || !reach[file].contains(&file) {
            continue;
        }
        let circle: Vec<usize> =
            reach[file].iter().copied().filter(|other| reach[*other].contains(&file)).collect();
        placed.extend(&circle);
        circles.push(circle);
    }
    circles.sort_by_key(|circle| std::cmp::Reverse(circle.len()));
    circles
}

/// What a file leads to, itself if it is in a circle.
fn reached(from: usize, arrows: &BTreeSet<(usize, usize)>) -> BTreeSet<usize> {
    let mut found = BTreeSet::new();
    let mut left = vec![from];
    while let Some(file) = left.pop() {
        let next = arrows.range((file, 0)..=(file, usize::MAX)).map(|(_, to)| *to);
        left.extend(next.filter(|to| found.insert(*to)));
    }
    found
}

/// Rooms of which each uses the other.
pub(crate) fn pairs(of: &Crate, arrows: &BTreeSet<(usize, usize)>) -> BTreeSet<(String, String)> {
    let rooms = |(from, to): &(usize, usize)| (room(&of.files[*from].path), room(&of.files[*to].path));
    let between: BTreeSet<(String, String)> = arrows.iter().map(rooms).filter(|(a, b)| a != b).collect();
    between.iter().filter(|(a, b)| a < b && between.contains(&(b.clone(), a.clone()))).cloned().collect()
}

/// Whether a circle stands in more than one room.
pub(crate) fn leaves(of: &Crate, circle: &[usize]) -> bool {
    let rooms: BTreeSet<String> = circle.iter().map(|file| room(&of.files[*file].path)).collect();
    rooms.len() > 1
}
