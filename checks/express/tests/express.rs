//! Express with one thing wrong: the comparison with the way that can do everything must notice each. The comparison is that of
//! the stack's own tests, and its source is theirs.

#![allow(clippy::unwrap_used, clippy::expect_used)] // A test says what it expects by unwrapping it.
#![allow(unreachable_pub)] // What is shared is reached from outside its file only.

#[path = "../../../crates/stack/tests/all/express/mod.rs"]
#[allow(dead_code)] // What goes by express, of what may, is asked for by the stack's own tests.
mod express;

use siding_lockorder::sync::set_mutant;

/// Seeds that are tried at most. Each is a router of its own, with some thousand frames.
const SEEDS: u64 = 20;

/// What is wrong, by the names that the code asks for.
const MUTANTS: [&str; 33] = [
    "express-takes-no-hop-off",
    "express-keeps-the-padding",
    "express-sends-the-last-hop-on",
    "express-overlooks-options",
    "express-lets-any-source-pass",
    "express-sends-on-what-is-ours",
    "express-trusts-any-header",
    "express-takes-others-frames",
    "express-sends-back",
    "express-mixes-routing-instances",
    "express-ignores-the-mtu",
    "express-sends-to-everybody",
    "express-counts-nothing-forwarded",
    "express-counts-no-vlans",
    "express-overtakes",
    "express-remembers-ways",
    "express-has-one-flow",
    "express-gives-all-to-one-hop",
    "express-forgets-flows",
    "walk-has-one-flow",
    "express-remembers-links",
    "express-remembers-arrivals",
    "express-asks-one-hook",
    "express-counts-by-later-rules",
    "express-counts-no-bytes",
    "express-counts-no-rules",
    "express-keeps-its-rules",
    "express-moves-flows-twice",
    "express-notes-no-interface",
    "express-overlooks-pieces",
    "express-overlooks-rules-before-states",
    "express-passes-any-state",
    "express-passes-the-unknown",
];

/// Whether the two agree: on all that comes, without rules and with some.
fn agree(seed: u64) -> Result<(), String> {
    express::compare(seed, 30)?;
    express::filtered::compare(seed, 30)?;
    Ok(())
}

/// Whether they do when somebody changes routes or rules in the middle of a batch, and in a routing instance of its own.
fn meanwhile() -> Result<(), String> {
    express::changed_meanwhile()?;
    express::filtered::taken_away_meanwhile()?;
    express::in_another_instance()?;
    Ok(())
}

/// One test, for the switch is one for the program.
#[test]
fn each_wrong_express_is_noticed() {
    for seed in 0..SEEDS {
        agree(seed).unwrap_or_else(|what| panic!("nothing is wrong, and yet: {what}"));
    }
    meanwhile().unwrap_or_else(|what| panic!("nothing is wrong, and yet: {what}"));
    let mut missed = Vec::new();
    for mutant in MUTANTS {
        set_mutant(Some(mutant));
        let by_chance = (0..SEEDS).find_map(|seed| agree(seed).err());
        let noticed = by_chance.or_else(|| meanwhile().err());
        set_mutant(None);
        match noticed {
            Some(what) => println!("{mutant}: {}", what.lines().next().unwrap_or_default()),
            None => missed.push(mutant),
        }
    }
    assert!(missed.is_empty(), "nobody noticed {missed:?}");
}
