//! The structure, counted: which files use what others define, where that goes in a circle, how long files are and how much
//! functions ask for.
//!
//! `docs/structure.toml` has the limits. What is worse than its limit fails; so does what is better and not written down:
//! what has been gained is not lost again. `SIDING_BLESS=1` writes down what is better.
//!
//! A name counts where it is defined, whatever re-exports it; a method where it is written. Tests do not count.

mod arrows;
mod circles;
mod modules;
mod wide;

use std::collections::BTreeMap;
use std::path::Path;
use std::path::PathBuf;

use modules::Crate;
use serde::Deserialize;
use serde::Serialize;

/// What is counted of a crate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Figures {
    /// Circles of files that stand in more than one folder.
    circles_between_folders: usize,
    /// Files in the largest circle.
    largest_circle: usize,
    /// Folders of which each uses the other.
    two_way_pairs: usize,
    /// Functions that ask for six arguments or more.
    wide_functions: usize,
    /// Nine of ten files have at most so many lines.
    p90_lines: usize,
    /// The longest has so many.
    longest_lines: usize,
}

/// What a crate is held to that the page does not name: a new one begins in order.
const IN_ORDER: Figures = Figures {
    circles_between_folders: 0,
    largest_circle: 5,
    two_way_pairs: 0,
    wide_functions: 5,
    p90_lines: 400,
    longest_lines: 600,
};

/// The crates that are shipped, by name, with their root files.
fn crates() -> BTreeMap<String, PathBuf> {
    let folders = std::fs::read_dir(root().join("crates")).unwrap().map(|entry| entry.unwrap());
    let crates = folders.filter_map(|folder| {
        let src = folder.path().join("src");
        let file = ["lib.rs", "main.rs"].map(|file| src.join(file)).into_iter().find(|file| file.exists())?;
        Some((folder.file_name().to_string_lossy().into_owned(), file))
    });
    crates.collect()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

fn count(of: &Crate) -> Figures {
    let arrows = arrows::arrows(of);
    let circles = circles::circles(of, &arrows);
    let mut lines: Vec<usize> = of.files.iter().map(|file| file.lines).collect();
    lines.sort_unstable();
    Figures {
        circles_between_folders: circles.iter().filter(|circle| circles::leaves(of, circle)).count(),
        largest_circle: circles.first().map_or(0, Vec::len),
        two_way_pairs: circles::pairs(of, &arrows).len(),
        wide_functions: wide::count(of),
        p90_lines: lines.get(lines.len() * 9 / 10).copied().unwrap_or(0),
        longest_lines: lines.last().copied().unwrap_or(0),
    }
}

/// What to do about a figure, if anything.
fn judge(what: &str, found: usize, limit: usize) -> Option<String> {
    match found.cmp(&limit) {
        std::cmp::Ordering::Greater => Some(format!("{what}: {found} where {limit} is the limit")),
        std::cmp::Ordering::Less => Some(format!("{what}: {found}, better than {limit}: write it down")),
        std::cmp::Ordering::Equal => None,
    }
}

/// What is beyond its bound.
fn within(found: Figures, most: Figures) -> impl Iterator<Item = String> {
    let figures = |of: Figures| {
        [
            ("circles between folders", of.circles_between_folders),
            ("files in the largest circle", of.largest_circle),
            ("two-way pairs of folders", of.two_way_pairs),
            ("functions of six arguments or more", of.wide_functions),
            ("lines of nine files in ten", of.p90_lines),
            ("lines of the longest file", of.longest_lines),
        ]
    };
    let both = figures(found).into_iter().zip(figures(most));
    both.filter_map(|((what, found), (_, most))| judge(what, found.max(most), most))
}

#[test]
fn circles_pairs_and_wide_functions_only_grow_fewer() {
    let path = root().join("docs/structure.toml");
    let text = std::fs::read_to_string(&path).unwrap_or_default();
    let mut limits: BTreeMap<String, Figures> = toml::from_str(&text).unwrap();
    let mut wrong = Vec::new();
    for (name, file) in crates() {
        let of = Crate::read(&file);
        let found = count(&of);
        println!("{name}: {} files, {found:?}", of.files.len());
        if std::env::var_os("SIDING_STRUCTURE").is_some_and(|wanted| wanted == *name) {
            explain(&of);
        }
        let Some(limit) = limits.get_mut(&name) else {
            wrong.extend(within(found, IN_ORDER).map(|why| format!("{name}: {why}")));
            continue;
        };
        let exact = [
            ("circles between folders", found.circles_between_folders, &mut limit.circles_between_folders),
            ("files in the largest circle", found.largest_circle, &mut limit.largest_circle),
            ("two-way pairs of folders", found.two_way_pairs, &mut limit.two_way_pairs),
            ("functions of six arguments or more", found.wide_functions, &mut limit.wide_functions),
        ];
        for (what, found, limit) in exact {
            wrong.extend(judge(what, found, *limit).map(|why| format!("{name}: {why}")));
            *limit = found.min(*limit);
        }
        // Lengths go up and down with each line that is written: these are bounds, which nobody need touch.
        let lines = Figures { p90_lines: limit.p90_lines, longest_lines: limit.longest_lines, ..found };
        wrong.extend(within(found, lines).map(|why| format!("{name}: {why}")));
    }
    if std::env::var_os("SIDING_BLESS").is_some() {
        let head: String = text
            .lines()
            .take_while(|line| line.starts_with('#'))
            .fold(String::new(), |head, line| head + line + "\n");
        std::fs::write(&path, format!("{head}\n{}", toml::to_string(&limits).unwrap())).unwrap();
    }
    assert!(
        wrong.is_empty(),
        "{}\n`SIDING_BLESS=1` writes down what is better, `SIDING_STRUCTURE=stack` tells of a crate",
        wrong.join("\n")
    );
}

/// Prints who is in circles, and which folders use each other by which files.
fn explain(of: &Crate) {
    let arrows = arrows::arrows(of);
    let path = |file: usize| of.files[file].path.display();
    for circle in circles::circles(of, &arrows) {
        let kind = if circles::leaves(of, &circle) { "between folders" } else { "within a folder" };
        let lines: usize = circle.iter().map(|file| of.files[*file].lines).sum();
        println!("  circle {kind}, {} files, {lines} lines:", circle.len());
        circle.iter().for_each(|file| println!("    {}", path(*file)));
    }
    for (a, b) in circles::pairs(of, &arrows) {
        println!("  pair {a} <-> {b}:");
        for (from, to) in &arrows {
            let rooms = [from, to].map(|file| circles::room(&of.files[*file].path));
            if rooms == [a.clone(), b.clone()] || rooms == [b.clone(), a.clone()] {
                println!("    {} -> {}", path(*from), path(*to));
            }
        }
    }
}

#[test]
fn a_name_counts_where_it_is_defined_and_a_method_where_it_is_written() {
    let src = std::env::temp_dir().join(format!("siding-structure-{}", std::process::id()));
    let files = [
        ("lib.rs", "mod a; mod b; mod c; pub use a::A;"),
        ("a.rs", "pub struct A; impl A { pub fn a(&self, b: &crate::b::B) { b.c() } }"),
        // By way of a re-export, and in a test that does not count.
        ("b.rs", "use crate::A; pub struct B(A); #[cfg(test)] mod tests { use crate::c::C; }"),
        ("c.rs", "use crate::b::B; impl B { pub fn c(&self) {} } pub struct C;"),
    ];
    std::fs::create_dir_all(&src).unwrap();
    files.iter().for_each(|(name, text)| std::fs::write(src.join(name), text).unwrap());
    let of = Crate::read(&src.join("lib.rs"));
    std::fs::remove_dir_all(&src).unwrap();
    let arrows = arrows::arrows(&of);
    let name = |file: &usize| of.files[*file].path.to_string_lossy().into_owned();
    let named: Vec<String> = arrows.iter().map(|(from, to)| format!("{} {}", name(from), name(to))).collect();
    assert_eq!(named, ["a.rs b.rs", "a.rs c.rs", "b.rs a.rs", "c.rs b.rs"]);
    let found = count(&of);
    assert_eq!((found.circles_between_folders, found.largest_circle, found.two_way_pairs), (1, 3, 1));
}
