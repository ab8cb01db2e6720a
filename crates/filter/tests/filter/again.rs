//! A program that is gone back to, after another has run for a while.

use siding_filter::Commands;
use siding_filter::Name;
use siding_filter::Program;
use siding_filter::Setup;
use siding_filter::TableFamily;

use crate::util::*;

const FIRST: &str = "table inet t {
    set fixed { type inet_service; elements = { 1, 2 }; }
    set timed { type inet_service; flags timeout; elements = { 1, 2 }; }
    set only { type inet_service; flags timeout; }
    set gone { type inet_service; }
}";

/// Without two of the sets, and with other elements in the others.
const SECOND: &str = "table inet t {
    set fixed { type inet_service; elements = { 2, 5 }; }
    set timed { type inet_service; flags timeout; elements = { 2, 5 }; }
}";

fn name(set: &str) -> Name {
    Name { family: TableFamily::Inet, table: "t".into(), name: set.into() }
}

fn setup() -> Setup {
    Setup { built_in: false, now: Desk::default().now, ..Setup::default() }
}

fn compiled(text: &str, before: Option<&Program>) -> Program {
    let ruleset = load(text).unwrap_or_else(|errors| panic!("{errors}"));
    Program::compile(ruleset, &setup(), before).unwrap_or_else(|errors| panic!("{errors}"))
}

fn add(program: Program, set: &str, elements: &str) -> Program {
    program
        .set_add(&name(set), elements, setup().now)
        .unwrap_or_else(|error| panic!("{error}"))
        .unwrap_or(program)
}

fn delete(program: Program, set: &str, elements: &str) -> Program {
    program
        .set_delete(&name(set), elements, setup().now)
        .unwrap_or_else(|error| panic!("{error}"))
        .unwrap_or(program)
}

fn holds(program: &Program, set: &str) -> String {
    let listed = program.set_list(&name(set), setup().now).unwrap_or_else(|error| panic!("{error}"));
    listed.elements.into_iter().map(|element| element.text).collect::<Vec<_>>().join(" ")
}

fn again(first: &Program, begun: &Commands, last: &Program) -> Program {
    let commands = first.with_commands(&first.commands(), (begun, last));
    first.again(&setup(), commands, Some(last)).unwrap_or_else(|errors| panic!("{errors}"))
}

fn first() -> Program {
    let program = add(compiled(FIRST, None), "fixed", "5, 8");
    let program = add(add(add(program, "timed", "8"), "only", "7"), "gone", "9");
    delete(program, "fixed", "1")
}

#[test]
fn what_commands_and_rules_had_put_into_sets_is_there_again() {
    let first = first();
    let second = compiled(SECOND, Some(&first));
    assert_eq!((holds(&second, "fixed"), holds(&second, "timed")), ("2 5 8".into(), "2 5 8".into()));
    let back = again(&first, &second.commands(), &second);
    // 5 was added by a command before the second one's file said it, and is no less so for that.
    assert_eq!((holds(&back, "fixed"), holds(&back, "timed")), ("2 5 8".into(), "1 2 8".into()));
    assert_eq!((holds(&back, "only"), holds(&back, "gone")), ("7".into(), "9".into()));
    // Nothing has run meanwhile.
    let back = first.again(&setup(), first.commands(), None).unwrap();
    assert_eq!((holds(&back, "fixed"), holds(&back, "gone")), ("2 5 8".into(), "9".into()));
}

#[test]
fn what_commands_do_meanwhile_stays_done() {
    let first = first();
    let second = compiled(SECOND, Some(&first));
    let begun = second.commands();
    let second = add(delete(second, "fixed", "2, 8"), "fixed", "1, 11");
    let second = add(delete(second, "timed", "8"), "timed", "11");
    assert_eq!((holds(&second, "fixed"), holds(&second, "timed")), ("1 5 11".into(), "2 5 11".into()));
    let back = again(&first, &begun, &second);
    assert_eq!((holds(&back, "fixed"), holds(&back, "timed")), ("1 5 11".into(), "1 2 11".into()));
    assert_eq!((holds(&back, "only"), holds(&back, "gone")), ("7".into(), "9".into()));
    let listed = back.set_list(&name("fixed"), setup().now).unwrap();
    let by_command = listed.elements.iter().filter(|element| element.by_command);
    assert_eq!(by_command.map(|element| element.text.as_str()).collect::<Vec<_>>(), ["5", "11"]);
    assert_eq!(listed.taken_out, ["2"]);
}
