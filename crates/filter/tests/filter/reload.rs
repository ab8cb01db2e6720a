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
