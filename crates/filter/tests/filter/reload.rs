//! A reload: what is the same goes on, what is wrong changes nothing.

use siding_filter::Name;
use siding_filter::Program;
use siding_filter::RuleId;
use siding_filter::Setup;
use siding_filter::TableFamily;

use crate::util::*;

fn next(text: &str, before: &Program) -> Program {
    let ruleset = load(text).unwrap_or_else(|errors| panic!("{errors}"));
    let setup = Setup { built_in: false, now: Desk::default().now, ..Setup::default() };
    Program::compile(ruleset, &setup, Some(before)).unwrap_or_else(|errors| panic!("{errors}"))
}

#[test]
fn counters_limits_quotas_and_sets_go_on() {
    let text = |extra: &str| {
        format!(
            "table inet t {{
                counter all {{ }}
                quota much {{ 10 kbytes }}
                set seen {{ type ipv6_addr; flags dynamic,timeout; timeout 1m; }}
                chain c {{
                    type filter hook forward priority 0
                    {extra}
                    counter name \"all\" quota name \"much\"
                    add @seen {{ ip6 saddr }}
                    udp dport 7 limit rate 1/minute burst 2 packets accept
                    udp dport 7 drop
                }}
            }}"
        )
    };
    let first = program(&text(""));
    assert!(!dropped(&first, &udp6(7), &mut Desk::default()));
    let second = next(&text("udp dport 99 drop"), &first);
    assert!(!dropped(&second, &udp6(7), &mut Desk::default()), "one was left of the burst");
    assert!(dropped(&second, &udp6(7), &mut Desk::default()), "and no more");
    let counters = second.named_counters();
    assert_eq!(counters.first().map(|(.., count)| count.packets), Some(3));
    // A packet that is under way in the program before is counted, too.
    run(&first, &udp6(8), &mut Desk::default());
    assert_eq!(second.named_counters().first().map(|(.., count)| count.packets), Some(4));
    assert_eq!(second.count(RuleId(1)).packets, 4, "the same rule, though it is the second now");
    assert_eq!(second.count(RuleId(0)).packets, 0);
    let seen = Name { family: TableFamily::Inet, table: "t".into(), name: "seen".into() };
    assert_eq!(second.set_len(&seen), Some(1));

    let other = next(&text("").replace("timeout 1m", "timeout 2m").replace("10 kbytes", "1 kbytes"), &second);
    assert_eq!(other.set_len(&seen), Some(0), "another shape is another set");
}

#[test]
fn a_program_is_shared_between_workers() {
    fn shared<T: Send + Sync>(_: &T) {}
    shared(&program("table inet t { }"));
}

/// Those of these ports that a set has.
fn in_set(program: &Program, ports: impl Iterator<Item = u16>) -> Vec<u16> {
    let name = Name { family: TableFamily::Inet, table: "t".into(), name: "s".into() };
    let listed = program.set_list(&name, Desk::default().now).unwrap_or_else(|error| panic!("{error}"));
    ports.filter(|port| listed.elements.iter().any(|element| element.text == port.to_string())).collect()
}

#[test]
fn a_full_set_gives_up_what_is_of_least_use_for_what_files_say() {
    for (size, flags, filled_by) in
        [(200, "dynamic,timeout; timeout 1h", "update"), (200, "dynamic", "add"), (2, "dynamic", "add")]
    {
        let text = |elements: &str| {
            format!(
                "table inet t {{
                    set s {{ type inet_service; flags {flags}; size {size}; {elements} }}
                    chain c {{ type filter hook forward priority 0; {filled_by} @s {{ udp dport }} drop; }}
                }}"
            )
        };
        let mut program = program(&text(""));
        let mut now = Desk::default().now - 10_000;
        let mut fill = |port| {
            now += 1;
            dropped(&program, &udp6(port), &mut Desk { now, ..Desk::default() })
        };
        assert!((1..=size).all(&mut fill) && !fill(size + 1), "full");
        // What is used again is of more use, where time says so.
        let used = if filled_by == "update" { 1..=size / 2 } else { size / 2 + 1..=size };
        assert!(used.clone().all(&mut fill));
        // One after the other: each finds no room, wherever it belongs.
        let files: Vec<u16> = (0..size / 2).map(|n| 1000 + n).collect();
        for count in 1..=files.len() {
            let elements: Vec<String> = files[..count].iter().map(u16::to_string).collect();
            program = next(&text(&format!("elements = {{ {} }};", elements.join(", "))), &program);
            assert!(program.lost().is_empty(), "{:?}", program.lost());
            assert_eq!(in_set(&program, 1000..2000), files[..count]);
            assert!(in_set(&program, 1..=size).len() == usize::from(size) - count);
        }
        assert_eq!(in_set(&program, 1..=size), used.collect::<Vec<u16>>());
    }
}
