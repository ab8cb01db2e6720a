//! The pages that tell what the checkers did: `docs/mutants.md` and `docs/checks.md`.

use std::fmt::Write;
use std::path::Path;

use on_threads::MUTANTS;
use on_threads::SCENARIOS;

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

/// What a page says below this line is written by hand, and kept.
const BY_HAND: &str = "\n## By `cargo mutants`\n";

/// Prints the pages, and compares them with those in the docs; with `SIDING_BLESS` set, writes those.
pub(crate) fn check(done: &[(Job, Outcome)]) -> bool {
    let mutants = check_page("mutants.md", &mutants(done));
    let scenarios = check_page("checks.md", &scenarios(done));
    mutants && scenarios
}

fn check_page(name: &str, page: &str) -> bool {
    println!("\n{page}");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name);
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    let (kept, by_hand) = kept.split_at(kept.find(BY_HAND).unwrap_or(kept.len()));
    if std::env::var_os("SIDING_BLESS").is_some() {
        if let Err(error) = std::fs::write(&path, format!("{page}{by_hand}")) {
            println!("FAILED: {} was not written: {error}", path.display());
            return false;
        }
        return true;
    }
    let same = agree(kept, page);
    if !same {
        println!(
            "FAILED: docs/{name} is not what was printed. Look at the difference, then run this again with SIDING_BLESS=1."
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
fn mutants(done: &[(Job, Outcome)]) -> String {
    let mut text = String::from(MUTANTS_HEAD);
    for mutant in MUTANTS {
        let found = |checker| match outcome(done, checker, mutant.scenario, Some(mutant.name)) {
            Some(outcome) if outcome.caught() => rounded(outcome.executions),
            _ => "–".to_string(),
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

/// What each checker did with each scenario, unbroken.
fn scenarios(done: &[(Job, Outcome)]) -> String {
    let mut text = String::from(SCENARIOS_HEAD);
    for scenario in SCENARIOS {
        let ran = |checker| {
            let outcome = outcome(done, checker, scenario.name, None);
            outcome.map_or(0, |outcome| outcome.executions)
        };
        let bound = match scenario.preemptions {
            None => "exhausted".to_string(),
            Some(most) => format!("at most {most} preemptions"),
        };
        let _ = writeln!(
            text,
            "| {} | {bound} | {} | {} | {} | {} |",
            scenario.name,
            rounded(ran(Checker::Loom)),
            grouped(ran(Checker::Shuttle)),
            grouped(ran(Checker::Simulator)),
            grouped(ran(Checker::Threads))
        );
    }
    let exhausted = SCENARIOS.iter().filter(|scenario| scenario.preemptions.is_none()).count();
    let _ = writeln!(text, "\n{exhausted} of {} scenarios are exhausted.", SCENARIOS.len());
    text
}

/// Up to a power of ten: the exact number changes with every line of the shipped code.
fn rounded(schedules: u64) -> String {
    let mut power = 1;
    while power < schedules {
        power *= 10;
    }
    grouped(power)
}

/// With a comma between thousands.
fn grouped(number: u64) -> String {
    if number < 1_000 {
        return number.to_string();
    }
    format!("{},{:03}", grouped(number / 1_000), number % 1_000)
}

const MUTANTS_HEAD: &str = "\
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

const SCENARIOS_HEAD: &str = "\
# Checks

What each checker did with each scenario of `checks/scenarios`, unbroken; [mutants.md](mutants.md) says what they find
when the code is broken.

loom sees weak memory. *Exhausted*: it went through every order in which the threads of this scenario can meet, and
every value that a load may return, but for those that it proves to be equal to one that it saw. A scenario under loom
is small: two or three threads, one or two packets each. *At most so many preemptions*: of a larger scenario it went
through those orders in which a thread is interrupted where it need not wait at most so often; others were not
looked at. The executions are given up to the next power of ten. shuttle draws schedules of a larger scenario with its
PCT scheduler (depth 3, from a fixed seed) and knows sequential consistency only. The simulator gives one thread at a
time its turn, as a seed says. Threads are real ones, as often as the last column says: what one machine happened to do.

This page is printed by `cargo test -p siding-checks`, which also fails when the page is out of date.

| scenario | loom | executions | shuttle, schedules | simulator, seeds | threads, runs |
|---|---|---|---|---|---|
";
