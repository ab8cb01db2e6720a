//! Packets that pass for what they are to their connection alone: who passes without a look passes when looked at,
//! too, and is counted the same.

use siding_filter::Ct;
use siding_filter::CtState;
use siding_filter::Family;
use siding_filter::Hook;
use siding_filter::Packet;
use siding_filter::Program;
use siding_filter::Verdict;

use crate::util::*;

const STATES: [CtState; 5] =
    [CtState::INVALID, CtState::ESTABLISHED, CtState::RELATED, CtState::NEW, CtState::UNTRACKED];

fn counts(program: &Program) -> Vec<u64> {
    let rules = program.rules().iter().map(|rule| program.count(rule.id));
    let named = program.named_counters().into_iter().map(|(.., count)| count);
    rules.chain(named).flat_map(|count| [count.packets, count.bytes, count.last_hit]).collect()
}

/// The states of those that pass without a look, of each family. For each some packets are looked at: they pass, and are counted
/// the same.
#[track_caller]
fn pass(text: &str) -> [Vec<CtState>; 2] {
    let (quick, slow) = (program(text), program(text));
    let packets = [vec![udp4(1), udp4(80)], vec![udp6(1), tcp6(80, 2), icmp6(128, 0), tcp6(1, 16)]];
    let families = [Family::V4, Family::V6];
    let pass = [0, 1].map(|n| {
        let passes = |state: &CtState| {
            let mut all = true;
            for packet in &packets[n] {
                let parsed = Packet::parse(packet, None).unwrap_or_else(|error| panic!("{error}"));
                let now = 1_000_000_000 + u64::from(parsed.len());
                if !quick.lets_pass(Hook::Forward, families[n], *state) {
                    all = false;
                    continue;
                }
                let sums = (1, u64::from(parsed.len()));
                quick.count_passed((0, now), Hook::Forward, (families[n], *state), sums);
                let ct = Ct { state: *state, direction: None, mark: 0 };
                let mut desk = Desk { now, ct, ..Desk::default() };
                assert_eq!(
                    slow.run(0, Hook::Forward, &parsed, &mut desk),
                    Verdict::Accept,
                    "{state:?}\n{text}"
                );
            }
            all
        };
        STATES.into_iter().filter(passes).collect()
    });
    assert_eq!(counts(&quick), counts(&slow), "{text}");
    pass
}

/// The same for a chain at forward that drops what no rule lets pass, if both families pass alike.
#[track_caller]
fn dropping(rules: &str) -> Vec<CtState> {
    let [v4, v6] = pass(&format!(
        "table inet t {{
            counter all {{ packets 0 bytes 0 }}
            set hosts {{ type ipv6_addr; elements = {{ 2001:db8::1 }} }}
            chain other {{ accept }}
            chain never {{ drop }}
            chain c {{ type filter hook forward priority 0; policy drop; {rules} }}
        }}"
    ));
    assert_eq!(v4, v6, "{rules}");
    v4
}

#[test]
fn what_is_let_pass_by_its_state_alone_is() {
    use CtState as Is;
    let known = [Is::ESTABLISHED, Is::RELATED];
    assert_eq!(dropping("ct state established,related accept"), known);
    assert_eq!(dropping("ct state { established, related } counter accept"), known);
    assert_eq!(dropping("ct state vmap { established : accept, related : accept, invalid : drop }"), known);
    assert_eq!(
        dropping("ct state invalid drop; ct state established counter name all accept"),
        [Is::ESTABLISHED]
    );
    assert_eq!(dropping("counter; ct state != new counter; ct state related accept; drop"), [Is::RELATED]);
    assert_eq!(dropping("ct state established continue; ct state established accept"), [Is::ESTABLISHED]);
    assert_eq!(
        dropping("ct state new,untracked counter udp dport 1 drop; ct state established accept"),
        [Is::ESTABLISHED]
    );
    assert_eq!(
        dropping("udp dport 80 ct state new drop; ct state != { new, untracked } accept"),
        [Is::INVALID, Is::ESTABLISHED, Is::RELATED]
    );
    assert_eq!(dropping("accept"), STATES);
}

#[test]
fn who_may_be_dropped_counted_or_sent_elsewhere_for_something_else_is_looked_at() {
    for rules in [
        "",
        "drop",
        "ct state established drop; ct state established accept",
        "udp dport 80 drop; ct state established accept",
        "udp dport 80 counter; ct state established accept",
        "udp dport 80 ct state established counter; accept",
        "ip6 saddr @hosts counter; ct state established accept",
        "ct state established udp dport 80 accept",
        "ct state established limit rate 1/second accept",
        "ct state established quota 1 kbytes accept",
        "ct state established log prefix \"x\" accept",
        "ct state established meta mark set 1 accept",
        "ct state established ct mark set 1 accept",
        "ct state established notrack accept",
        "ct state established ct count over 3 accept",
        "ct state established reject",
        "ct state established jump other",
        "ct state established goto other",
        "ct state established jump never; ct state established accept",
        "ct state established goto never; ct state established accept",
        "ct state vmap { established : jump never }; ct state established accept",
        "udp dport 80; ct state established jump never; ct state established accept",
        "udp dport 80 ct state vmap { established : drop }; ct state established accept",
        "ct state established return; ct state established accept",
        "ct mark 1 drop; ct state established accept",
        "ct direction original drop; ct state established accept",
        "iifname \"wan\" counter; ct state established accept",
    ] {
        let passes = dropping(rules);
        assert!(!passes.contains(&CtState::ESTABLISHED), "{rules}: {passes:?}");
    }
}

#[test]
fn every_chain_of_the_hook_has_its_say_and_each_family_has_its_own() {
    let established = "type filter hook forward priority 0; policy drop; ct state established accept";
    let only = |family: &str, more: &str| {
        let other =
            format!("table {family} u {{ chain c {{ type filter hook forward priority 5; {more} }} }}");
        let [v4, v6] = pass(&format!("table inet t {{ chain c {{ {established} }} }} {other}"));
        [v4, v6].map(|states| states.contains(&CtState::ESTABLISHED))
    };
    assert_eq!(only("inet", "policy accept; counter"), [true, true]);
    assert_eq!(only("inet", "policy drop;"), [false, false]);
    assert_eq!(only("ip", "policy drop;"), [false, true]);
    assert_eq!(only("ip6", "policy accept; udp dport 80 drop"), [true, false]);
    assert_eq!(only("inet", "policy accept; meta nfproto ipv4 drop"), [false, true]);
    // Chains of other hooks do not, and where there is none all pass.
    let elsewhere = "table inet t { chain c { type filter hook input priority 0; policy drop; } }";
    assert_eq!(pass(elsewhere), [STATES.to_vec(), STATES.to_vec()]);
}
