//! The table of mutants, and its copy in the docs.

use std::fmt::Write;
use std::path::Path;

use on_threads::MUTANTS;

use crate::job::Checker;
use crate::job::Job;
use crate::job::Outcome;

/// What became of one job.
pub(crate) fn outcome<'d>(
    done: &'d [(Job, Outcome)],
    checker: Checker,
    scenario: &str,
    mutant: Option<&str>,
) -> Option<&'d Outcome> {
    done.iter()
        .find(|(job, _)| job.checker == checker && job.scenario == scenario && job.mutant == mutant)
        .map(|(_, outcome)| outcome)
}

/// Prints the table, and compares it with the one in the docs; with `SIDING_BLESS` set, writes that.
pub(crate) fn check(done: &[(Job, Outcome)]) -> bool {
    let table = text(done);
    println!("\n{table}");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/mutants.md");
    if std::env::var_os("SIDING_BLESS").is_some() {
        if let Err(error) = std::fs::write(&path, &table) {
            println!("FAILED: {} was not written: {error}", path.display());
            return false;
        }
        return true;
    }
    let same = std::fs::read_to_string(&path).is_ok_and(|kept| agree(&kept, &table));
    if !same {
        println!(
            "FAILED: docs/mutants.md is not what was printed. Look at the difference, then run this again with SIDING_BLESS=1."
        );
    }
    same
}

/// Whether the pages are the same, but for counts one step apart: a line more in the shipped code can move one across
/// a power of ten.
fn agree(kept: &str, printed: &str) -> bool {
    let count = |cell: &str| cell.replace(',', "").parse::<u64>().ok();
    let cells_agree = |(kept, printed): (&str, &str)| {
        kept == printed || count(kept).zip(count(printed)).is_some_and(|(a, b)| a.max(b) <= 10 * a.min(b))
    };
    let lines_agree = |(kept, printed): (&str, &str)| {
        kept.split(" | ").count() == printed.split(" | ").count()
            && kept
                .trim_end_matches(" |")
                .split(" | ")
                .zip(printed.trim_end_matches(" |").split(" | "))
                .all(cells_agree)
    };
    kept.lines().count() == printed.lines().count() && kept.lines().zip(printed.lines()).all(lines_agree)
}

/// Only what is the same on every machine: the checkers that search in a fixed order, and no times.
fn text(done: &[(Job, Outcome)]) -> String {
    let mut text = String::from(HEAD);
    for mutant in MUTANTS {
        let found = |checker| match outcome(done, checker, mutant.scenario, Some(mutant.name)) {
            Some(outcome) if outcome.caught() => rounded(outcome.executions),
            _ => "–",
        };
        let (loom, shuttle) = (found(Checker::Loom), found(Checker::Shuttle));
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "| {} | `{}`: {} | {} | {loom} | {shuttle} |",
            mutant.promise, mutant.name, mutant.what, mutant.scenario
        );
    }
    text
}

/// Up to a power of ten: the exact number changes with every line of the shipped code.
fn rounded(schedules: u64) -> &'static str {
    match schedules {
        0..=1 => "1",
        2..=10 => "10",
        11..=100 => "100",
        101..=1_000 => "1,000",
        1_001..=10_000 => "10,000",
        _ => "100,000",
    }
}

const HEAD: &str = "\
# Mutants

Each row is one way to break a promise, kept in the tree, and the scenario that must notice. The numbers say
within how many schedules the checker found it, up to the next power of ten; – means that it did not. Each mutant
must be found by loom or by shuttle, or the build fails. loom looks at schedules with at most 2 preemptions,
then 4, and sees weak memory; shuttle draws 2,000 schedules of a larger scenario with its PCT scheduler, from a fixed
seed, and knows sequential consistency only. Real threads are tried too, and miss most of what takes a race.

This page is printed by `cargo test -p siding-checks`, which also fails when the page is out of date.

| promise | mutant | scenario | loom | shuttle |
|---|---|---|---|---|
";
