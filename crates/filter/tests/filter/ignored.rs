//! Each keyword decides something: a version of the rules in which it is ignored treats some packet otherwise.
//!
//! Rules are read, a keyword is taken out of what was read, and both are compiled: the wrong version is what a reader,
//! compiler or evaluator would do that does not know the keyword. Every word of the page's table has to have such a
//! version, or a reason why no packet could show one.

use std::collections::BTreeSet;

use siding_filter::AddrType;
use siding_filter::Composed;
use siding_filter::Ct;
use siding_filter::CtState;
use siding_filter::Direction;
use siding_filter::Hook;
use siding_filter::Packet;
use siding_filter::Program;
use siding_filter::Ruleset;
use siding_filter::Setup;
use siding_filter::TableFamily;
use siding_filter::model::*;
use siding_filter::select::Meta;
use siding_filter::select::Selector;
use siding_filter::types::Value;

use crate::util::*;

/// Keywords, rules in which they decide something, packets that show it, and rules without them.
struct Case {
    words: &'static str,
    rules: &'static str,
    packets: &'static [&'static str],
    ignored: fn(&mut Ruleset),
}

/// What becomes of packets, one after the other, and what is seen of it. Before a packet may stand `later` and seconds,
/// `flows`, `route` and `local`, as the host is to answer.
pub(crate) fn fates(program: &Program, packets: &[&str]) -> Vec<String> {
    let mut now = Desk::default().now;
    packets
        .iter()
        .map(|text| {
            let mut words: Vec<&'static str> = leak(text).split_whitespace().collect();
            let mut desk = Desk { now, ..Desk::default() };
            while let Some(first @ ("later" | "flows" | "route" | "local")) = words.first().copied() {
                match first {
                    "later" => now += words[1].parse::<u64>().unwrap_or(0) * 1_000_000_000,
                    "flows" => desk.connections = words[1].parse().unwrap_or(0),
                    "route" => desk.route = Some(words[1]),
                    _ => desk.addr = AddrType::Local,
                }
                words.drain(..if first == "local" { 1 } else { 2 });
            }
            desk.now = now;
            let packet = Composed::parse(&words).unwrap_or_else(|error| panic!("{text}: {error}"));
            desk.vlan = packet.vlan;
            desk.iif = packet.iif.as_deref().map_or(desk.iif, leak);
            desk.oif = packet.oif.as_deref().map_or(desk.oif, leak);
            (desk.mark, desk.pkttype) = (packet.mark, packet.pkttype);
            let state = packet.state.unwrap_or(CtState::NEW);
            let direction = Some(packet.direction.unwrap_or(Direction::Original));
            desk.ct = Ct { state, direction, mark: packet.ct_mark };
            let parsed = Packet::parse(&packet.bytes, packet.link).unwrap_or_else(|e| panic!("{text}: {e}"));
            let hooks = packet.hook.map_or(vec![Hook::Prerouting, Hook::Forward], |hook| vec![hook]);
            let verdict = hooks.into_iter().map(|hook| program.run(0, hook, &parsed, &mut desk));
            let verdict =
                verdict.reduce(|one, two| if one == siding_filter::Verdict::Accept { two } else { one });
            let verdict = format!("{verdict:?}");
            let verdict = verdict.split(" at:").next().unwrap_or_default().to_owned();
            format!(
                "{verdict} {} {} {:?} {:?} {} {} {:?} {:?}",
                desk.mark,
                desk.ct.mark,
                desk.lines,
                desk.manners,
                desk.untracked,
                desk.flows.len(),
                desk.policies,
                program.named_counters().iter().map(|(.., count)| count.packets).collect::<Vec<u64>>(),
            )
        })
        .collect()
}

fn leak(text: &str) -> &'static str {
    Box::leak(text.to_owned().into_boxed_str())
}

fn compiled(ruleset: Ruleset) -> Program {
    let setup = Setup { built_in: false, now: Desk::default().now, ..Setup::default() };
    let program = Program::compile(ruleset, &setup, None).unwrap_or_else(|errors| panic!("{errors}"));
    let prefix = ("2001:db8:5::1".parse().unwrap_or_else(|_| panic!("an address")), 64);
    program.set_prefixes("lan", &[prefix]).unwrap_or(program)
}

fn rules_of(ruleset: &mut Ruleset) -> impl Iterator<Item = &mut Rule> {
    ruleset.tables.iter_mut().flat_map(|table| &mut table.chains).flat_map(|chain| &mut chain.rules)
}

/// Takes statements out.
fn without(ruleset: &mut Ruleset, is: impl Fn(&Statement) -> bool) {
    rules_of(ruleset).for_each(|rule| rule.statements.retain(|statement| !is(statement)));
}

/// Takes comparisons out that look at such a field.
pub(crate) fn without_field(ruleset: &mut Ruleset, is: impl Fn(Selector) -> bool) {
    without(ruleset, |statement| match statement {
        Statement::Match(relation) => relation.left.iter().any(|part| is(part.selector)),
        _ => false,
    });
}

fn matches_of(ruleset: &mut Ruleset) -> impl Iterator<Item = &mut Match> {
    rules_of(ruleset).flat_map(|rule| &mut rule.statements).filter_map(|statement| match statement {
        Statement::Match(relation) => Some(relation),
        _ => None,
    })
}

fn operators_are_equality(ruleset: &mut Ruleset) {
    matches_of(ruleset).for_each(|relation| relation.op = Op::Eq);
}

fn exact(value: &mut Value) {
    if let Value::Prefix(first, _) | Value::Range(first, _) = *value {
        *value = Value::Exact(first);
    }
}

/// Prefixes, ranges and names that end in `*` are their first value.
fn values_are_exact(ruleset: &mut Ruleset) {
    matches_of(ruleset).for_each(|relation| match &mut relation.right {
        Right::Values(values) => values.iter_mut().for_each(exact),
        Right::Set(elements) => elements.iter_mut().flat_map(|element| &mut element.key).for_each(exact),
        Right::Named(..) => {}
    });
    sets_of(ruleset).flat_map(|set| &mut set.elements).flat_map(|e| &mut e.key).for_each(exact);
}

fn sets_of(ruleset: &mut Ruleset) -> impl Iterator<Item = &mut Set> {
    ruleset.tables.iter_mut().flat_map(|table| &mut table.sets)
}

fn updates_of(ruleset: &mut Ruleset) -> impl Iterator<Item = &mut Update> {
    rules_of(ruleset).flat_map(|rule| &mut rule.statements).filter_map(|statement| match statement {
        Statement::Update(update) => Some(update),
        _ => None,
    })
}

fn bases_of(ruleset: &mut Ruleset) -> impl Iterator<Item = &mut BaseChain> {
    let chains = ruleset.tables.iter_mut().flat_map(|table| &mut table.chains);
    chains.filter_map(|chain| chain.base.as_mut())
}

fn verdict_is(ruleset: &mut Ruleset, is: impl Fn(&Action) -> bool) {
    without(ruleset, |statement| matches!(statement, Statement::Verdict(action) if is(action)));
}

const CASES: &[Case] = &[
    // Tables and chains.
    Case {
        words: "ip",
        rules: "table ip t { chain c { type filter hook forward priority 0; drop; } }",
        packets: &["ip6 udp"],
        ignored: |r| r.tables.iter_mut().for_each(|table| table.family = TableFamily::Inet),
    },
    Case {
        words: "ip6 inet",
        rules: "table ip6 t { chain c { type filter hook forward priority 0; drop; } }",
        packets: &["ip udp"],
        ignored: |r| r.tables.iter_mut().for_each(|table| table.family = TableFamily::Inet),
    },
    Case {
        words: "type filter hook prerouting input forward output postrouting",
        rules: "table inet t { chain c { type filter hook input priority 0; drop; } }",
        packets: &["ip6 udp", "hook output ip6 udp"],
        ignored: |r| bases_of(r).for_each(|base| base.hook = Hook::Forward),
    },
    Case {
        words: "priority N",
        rules: "table inet t { chain a { type filter hook forward priority filter; meta mark 7 drop; }
                chain b { type filter hook forward priority mangle; meta mark set 7; } }",
        packets: &["ip6 udp"],
        ignored: |r| bases_of(r).for_each(|base| base.priority = 0),
    },
    Case {
        words: "policy accept drop",
        rules: "table inet t { chain c { type filter hook forward priority 0; policy drop; udp dport 9 accept; } }",
        packets: &["ip6 udp dport 8"],
        ignored: |r| bases_of(r).for_each(|base| base.drop = false),
    },
    Case {
        words: "accept",
        rules: "udp dport 9 accept; drop",
        packets: &["ip6 udp dport 9"],
        ignored: |r| verdict_is(r, |action| *action == Action::Accept),
    },
    Case {
        words: "drop",
        rules: "udp dport 9 drop",
        packets: &["ip6 udp dport 9"],
        ignored: |r| verdict_is(r, |action| *action == Action::Drop),
    },
    Case {
        words: "jump",
        rules: "table inet t { chain a { drop; } chain c { type filter hook forward priority 0; jump a; } }",
        packets: &["ip6 udp"],
        ignored: |r| verdict_is(r, |action| matches!(action, Action::Jump(_))),
    },
    Case {
        words: "goto",
        rules: "table inet t { chain a { counter; } chain c { type filter hook forward priority 0; goto a; drop; } }",
        packets: &["ip6 udp"],
        ignored: |r| {
            rules_of(r).flat_map(|rule| &mut rule.statements).for_each(|statement| {
                if let Statement::Verdict(action @ Action::Goto(_)) = statement {
                    *action = Action::Jump("a".into());
                }
            });
        },
    },
    Case {
        words: "return",
        rules: "table inet t { chain a { udp dport 9 return; drop; } chain c { type filter hook forward priority 0; jump a; } }",
        packets: &["ip6 udp dport 9"],
        ignored: |r| verdict_is(r, |action| *action == Action::Return),
    },
    // What is known beside the packet.
    Case {
        words: "iifname iif meta",
        rules: "iifname lan drop; iif dmz drop",
        packets: &["iif wan ip6 udp"],
        ignored: |r| without_field(r, |s| s == Selector::Meta(Meta::Iif)),
    },
    Case {
        words: "oifname oif",
        rules: "oifname lan drop",
        packets: &["oif wan ip6 udp"],
        ignored: |r| without_field(r, |s| s == Selector::Meta(Meta::Oif)),
    },
    Case {
        words: "nfproto",
        rules: "meta nfproto ipv4 drop",
        packets: &["ip6 udp"],
        ignored: |r| without_field(r, |s| s == Selector::Meta(Meta::Family)),
    },
    Case {
        words: "l4proto",
        rules: "meta l4proto tcp drop",
        packets: &["ip6 udp"],
        ignored: |r| without_field(r, |s| s == Selector::Meta(Meta::Protocol)),
    },
    Case {
        words: "protocol",
        rules: "meta protocol ip drop",
        packets: &["ip6 udp"],
        ignored: |r| without_field(r, |s| s == Selector::Meta(Meta::EtherType)),
    },
    Case {
        words: "length",
        rules: "meta length 100 drop",
        packets: &["length 101 ip6 udp"],
        ignored: |r| without_field(r, |s| s == Selector::Meta(Meta::Length)),
    },
    Case {
        words: "pkttype",
        rules: "meta pkttype multicast drop",
        packets: &["pkttype host ip6 udp"],
        ignored: |r| without_field(r, |s| s == Selector::Meta(Meta::PacketType)),
    },
    Case {
        words: "mark",
        rules: "meta mark 7 drop",
        packets: &["mark 6 ip6 udp"],
        ignored: |r| without_field(r, |s| s == Selector::Meta(Meta::Mark)),
    },
    Case {
        words: "fib",
        rules: "fib saddr . iif oif missing drop",
        packets: &["route wan ip6 udp"],
        ignored: |r| without_field(r, |s| matches!(s, Selector::Fib(_))),
    },
    Case {
        words: "oifname",
        rules: "fib daddr oifname lan drop",
        packets: &["route wan ip6 udp"],
        ignored: |r| without_field(r, |s| matches!(s, Selector::Fib(_))),
    },
    Case {
        words: "type",
        rules: "fib daddr type local drop",
        packets: &["ip6 udp"],
        ignored: |r| without_field(r, |s| matches!(s, Selector::Fib(_))),
    },
    Case {
        words: "ct state",
        rules: "ct state established,related drop",
        packets: &["ct state new ip6 udp", "ct state invalid ip6 udp"],
        ignored: |r| without_field(r, |s| matches!(s, Selector::Ct(_))),
    },
    Case {
        words: "direction",
        rules: "ct direction reply drop",
        packets: &["ct state established ct direction original ip6 udp"],
        ignored: |r| without_field(r, |s| matches!(s, Selector::Ct(_))),
    },
    Case {
        words: "mark",
        rules: "ct mark 7 drop",
        packets: &["ct mark 6 ip6 udp"],
        ignored: |r| without_field(r, |s| matches!(s, Selector::Ct(_))),
    },
    Case {
        words: "ct count",
        rules: "ct count over 5 drop",
        packets: &["flows 5 ip6 udp"],
        ignored: |r| without(r, |s| matches!(s, Statement::CtCount { .. })),
    },
    // Comparisons.
    Case { words: "==", rules: "udp dport == 9 drop", packets: &["ip6 udp dport 7"], ignored: |r| without(r, |s| matches!(s, Statement::Match(_))) },
    Case { words: "!=", rules: "udp dport != 9 drop", packets: &["ip6 udp dport 8"], ignored: operators_are_equality },
    Case { words: "<", rules: "udp dport < 9 drop", packets: &["ip6 udp dport 9", "ip6 udp dport 8"], ignored: operators_are_equality },
    Case { words: ">", rules: "udp dport > 9 drop", packets: &["ip6 udp dport 9"], ignored: operators_are_equality },
    Case { words: "<=", rules: "udp dport <= 9 drop", packets: &["ip6 udp dport 8"], ignored: operators_are_equality },
    Case { words: ">=", rules: "udp dport >= 9 drop", packets: &["ip6 udp dport 10"], ignored: operators_are_equality },
    Case {
        words: "&",
        rules: "tcp flags & (syn | ack) == syn drop",
        packets: &["ip6 tcp flags syn,psh"],
        ignored: |r| matches_of(r).flat_map(|m| &mut m.left).for_each(|part| part.and = None),
    },
    Case { words: "prefixes", rules: "ip6 saddr 2001:db8::/32 drop", packets: &["ip6 saddr 2001:db8::9 udp"], ignored: values_are_exact },
    Case { words: "ranges", rules: "udp dport 8-9 drop", packets: &["ip6 udp dport 9"], ignored: values_are_exact },
    Case { words: "*", rules: "iifname \"la*\" drop", packets: &["iif lan ip6 udp"], ignored: values_are_exact },
    Case {
        words: "sets",
        rules: "udp dport { 8, 9 } drop",
        packets: &["ip6 udp dport 9"],
        ignored: |r| {
            matches_of(r).for_each(|relation| {
                if let Right::Set(elements) = &mut relation.right {
                    elements.truncate(1);
                }
            });
        },
    },
    Case {
        words: ".",
        rules: "ip6 saddr . udp dport { 2001:db8::9 . 9 } drop",
        packets: &["ip6 saddr 2001:db8::9 udp dport 8"],
        ignored: |r| {
            matches_of(r).for_each(|relation| {
                relation.left.truncate(1);
                if let Right::Set(elements) = &mut relation.right {
                    elements.iter_mut().for_each(|element| element.key.truncate(1));
                }
            });
        },
    },
    // Sets and maps.
    Case {
        words: "interval",
        rules: "table inet t { set s { type inet_service; flags interval; elements = { 8-9 }; }
                chain c { type filter hook forward priority 0; udp dport @s drop; } }",
        packets: &["ip6 udp dport 9"],
        ignored: values_are_exact,
    },
    Case {
        words: "timeout",
        rules: "table inet t { set s { type inet_service; flags dynamic,timeout; timeout 5s; }
                chain c { type filter hook forward priority 0; udp dport 8 add @s { udp sport }; udp dport 9 udp sport @s drop; } }",
        packets: &["ip6 udp dport 8", "later 6 ip6 udp dport 9"],
        ignored: |r| sets_of(r).for_each(|set| set.timeout = None),
    },
    Case {
        words: "timeout",
        rules: "table inet t { set s { type inet_service; flags timeout; elements = { 9 timeout 5s }; }
                chain c { type filter hook forward priority 0; udp dport @s drop; } }",
        packets: &["later 6 ip6 udp dport 9"],
        ignored: |r| sets_of(r).flat_map(|set| &mut set.elements).for_each(|element| element.timeout = None),
    },
    Case {
        words: "timeout",
        rules: "table inet t { set s { type inet_service; flags dynamic,timeout; }
                chain c { type filter hook forward priority 0; udp dport 8 add @s { udp sport timeout 5s }; udp dport 9 udp sport @s drop; } }",
        packets: &["ip6 udp dport 8", "later 6 ip6 udp dport 9"],
        ignored: |r| updates_of(r).for_each(|update| update.timeout = None),
    },
    Case {
        words: "size",
        rules: "table inet t { set s { type inet_service; flags dynamic; size 1; }
                chain c { type filter hook forward priority 0; add @s { udp dport } drop; } }",
        packets: &["ip6 udp dport 8", "ip6 udp dport 9"],
        ignored: |r| sets_of(r).for_each(|set| set.size = None),
    },
    Case {
        words: "dynamic add",
        rules: "table inet t { set s { type inet_service; flags dynamic; }
                chain c { type filter hook forward priority 0; udp dport @s drop; add @s { udp dport }; } }",
        packets: &["ip6 udp dport 9", "ip6 udp dport 9"],
        ignored: |r| without(r, |s| matches!(s, Statement::Update(_))),
    },
    Case {
        words: "update",
        rules: "table inet t { set s { type inet_service; flags dynamic,timeout; timeout 5s; }
                chain c { type filter hook forward priority 0; udp dport 8 update @s { udp sport }; udp dport 9 udp sport @s drop; } }",
        packets: &["ip6 udp dport 8", "later 3 ip6 udp dport 8", "later 3 ip6 udp dport 9"],
        ignored: |r| updates_of(r).for_each(|update| update.op = UpdateOp::Add),
    },
    Case {
        words: "delete @set",
        rules: "table inet t { set s { type inet_service; flags dynamic; elements = { 9 }; }
                chain c { type filter hook forward priority 0; udp sport 7 delete @s { udp dport }; udp dport @s drop; } }",
        packets: &["ip6 udp sport 7 dport 9"],
        ignored: |r| without(r, |s| matches!(s, Statement::Update(_))),
    },
    Case {
        words: "limit",
        rules: "table inet t { set s { type inet_service; flags dynamic; }
                chain c { type filter hook forward priority 0; add @s { udp dport limit rate over 1/minute burst 1 packets } drop; } }",
        packets: &["ip6 udp dport 9", "ip6 udp dport 9"],
        ignored: |r| updates_of(r).for_each(|update| update.each.clear()),
    },
    Case {
        words: "quota",
        rules: "table inet t { set s { type inet_service; flags dynamic; }
                chain c { type filter hook forward priority 0; add @s { udp dport quota over 60 bytes } drop; } }",
        packets: &["ip6 udp dport 9", "ip6 udp dport 9"],
        ignored: |r| updates_of(r).for_each(|update| update.each.clear()),
    },
    Case {
        words: "ct count",
        rules: "table inet t { set s { type inet_service; flags dynamic; }
                chain c { type filter hook forward priority 0; add @s { udp dport ct count over 5 } drop; } }",
        packets: &["flows 5 ip6 udp dport 9"],
        ignored: |r| updates_of(r).for_each(|update| update.each.clear()),
    },
    Case {
        words: "vmap",
        rules: "udp dport vmap { 9 : drop }",
        packets: &["ip6 udp dport 9"],
        ignored: |r| without(r, |s| matches!(s, Statement::Vmap(..))),
    },
    Case {
        words: "map",
        rules: "meta mark set udp dport map { 9 : 7 }; meta mark 7 drop",
        packets: &["ip6 udp dport 9"],
        ignored: |r| without(r, |s| matches!(s, Statement::SetMark(_))),
    },
    // Acts.
    Case {
        words: "reject icmpv6 icmp icmpx",
        rules: "reject with icmpv6 admin-prohibited",
        packets: &["ip6 udp"],
        ignored: |r| without(r, |s| matches!(s, Statement::Reject(_))),
    },
    Case {
        words: "tcp reset",
        rules: "reject with tcp reset",
        packets: &["ip6 tcp", "ip6 udp"],
        ignored: |r| {
            rules_of(r).flat_map(|rule| &mut rule.statements).for_each(|statement| {
                if let Statement::Reject(how) = statement {
                    *how = RejectWith::Icmpx(1);
                }
            });
        },
    },
    Case {
        words: "counter",
        rules: "table inet t { counter k { } chain c { type filter hook forward priority 0; counter name k; } }",
        packets: &["ip6 udp"],
        ignored: |r| without(r, |s| matches!(s, Statement::NamedCounter(_))),
    },
    Case {
        words: "quota",
        rules: "quota over 60 bytes drop",
        packets: &["ip6 udp"],
        ignored: |r| without(r, |s| matches!(s, Statement::Quota(_))),
    },
    Case {
        words: "quota",
        rules: "table inet t { quota q { over 60 bytes } chain c { type filter hook forward priority 0; quota name q drop; } }",
        packets: &["ip6 udp"],
        ignored: |r| without(r, |s| matches!(s, Statement::NamedQuota(_))),
    },
    Case {
        words: "limit",
        rules: "limit rate over 1/minute burst 1 packets drop",
        packets: &["ip6 udp"],
        ignored: |r| without(r, |s| matches!(s, Statement::Limit(_))),
    },
    Case {
        words: "limit",
        rules: "table inet t { limit l { rate over 1/minute burst 1 packets } chain c { type filter hook forward priority 0; limit name l drop; } }",
        packets: &["ip6 udp"],
        ignored: |r| without(r, |s| matches!(s, Statement::NamedLimit(_))),
    },
    Case {
        words: "log prefix level group snaplen",
        rules: "log prefix \"said \" level info snaplen 64",
        packets: &["ip6 udp"],
        ignored: |r| without(r, |s| matches!(s, Statement::Log(_))),
    },
    Case {
        words: "prefix level snaplen",
        rules: "log prefix \"said \" level info snaplen 64",
        packets: &["ip6 udp"],
        ignored: |r| {
            rules_of(r).flat_map(|rule| &mut rule.statements).for_each(|statement| {
                if let Statement::Log(log) = statement {
                    (log.level, log.snaplen) = (Level::Warn, None);
                }
            });
        },
    },
    Case {
        words: "notrack",
        rules: "notrack",
        packets: &["ip6 udp"],
        ignored: |r| without(r, |s| *s == Statement::NoTrack),
    },
    Case {
        words: "mark set",
        rules: "meta mark set 7; ct mark set 8",
        packets: &["ip6 udp"],
        ignored: |r| without(r, |s| matches!(s, Statement::SetMark(_))),
    },
    Case {
        words: "ct mark set",
        rules: "meta mark set 7; ct mark set 8",
        packets: &["ip6 udp"],
        ignored: |r| without(r, |s| matches!(s, Statement::SetCtMark(_))),
    },
    Case {
        words: "ct timeout protocol tcp udp",
        rules: "table inet t { ct timeout x { protocol tcp; policy = { close : 5 }; } chain c { type filter hook forward priority 0; ct timeout set x; } }",
        packets: &["ip6 tcp flags syn"],
        ignored: |r| without(r, |s| matches!(s, Statement::SetCtTimeout(_))),
    },
    Case {
        words: "l3proto ip6",
        rules: "table inet t { ct timeout x { protocol udp; l3proto ip6; policy = { replied : 5 }; } chain c { type filter hook forward priority 0; ct timeout set x; } }",
        packets: &["ip udp"],
        ignored: |r| {
            for object in r.tables.iter_mut().flat_map(|table| &mut table.objects) {
                if let ObjectKind::CtTimeout(timeout) = &mut object.kind {
                    timeout.family = None;
                }
            }
        },
    },
    Case {
        words: "synproxy",
        rules: "synproxy mss 1460",
        packets: &["ip6 tcp flags syn"],
        ignored: |r| without(r, |s| matches!(s, Statement::SynProxy(_))),
    },
    Case {
        words: "flow add @ft",
        rules: "table inet t { flowtable ft { hook ingress priority 0; } chain c { type filter hook forward priority 0; flow add @ft; } }",
        packets: &["ip6 udp"],
        ignored: |r| without(r, |s| matches!(s, Statement::FlowAdd(_))),
    },
    // Ours.
    Case {
        words: "prefix of interface",
        rules: "table inet t { set lan { type ipv6_addr; flags interval; prefix of interface \"lan\"; }
                chain c { type filter hook forward priority 0; ip6 saddr @lan drop; } }",
        packets: &["ip6 saddr 2001:db8:5::9 udp"],
        ignored: |r| sets_of(r).for_each(|set| set.prefix_of.clear()),
    },
];

/// The words that have such versions.
pub(crate) fn words() -> impl Iterator<Item = &'static str> {
    CASES.iter().map(|case| case.words)
}

/// Words of the page that no packet can show, and why.
const SHOWN_OTHERWISE: &[(&str, &str)] = &[
    ("continue", "it is what happens anyway"),
    ("define redefine undefine include FILE", "they are gone when words become rules: tests of the reader"),
    ("add table chain rule set map element", "another way to write the same: tests of the reader"),
    ("comment typeof constant auto-merge", "they say nothing of packets: tests of what is refused"),
    ("NAME", "whatever one likes"),
];

#[test]
fn a_version_that_ignores_a_keyword_treats_some_packet_otherwise() {
    let mut unnoticed = Vec::new();
    for Case { words, rules, packets, ignored } in CASES {
        let text = match rules.starts_with("table") {
            true => rules.replace("} chain", "}\nchain"),
            false => {
                format!("table inet t {{ chain c {{ type filter hook forward priority 0; {rules}; }} }}")
            }
        };
        let ruleset = match load(&text) {
            Ok(ruleset) => ruleset,
            Err(errors) => {
                unnoticed.push(format!("`{words}`: {errors}"));
                continue;
            }
        };
        let mut wrong = ruleset.clone();
        ignored(&mut wrong);
        let [right, wrong] = [ruleset, wrong].map(|ruleset| fates(&compiled(ruleset), packets));
        if right == wrong {
            unnoticed.push(format!("`{words}` in {rules}: {right:?}"));
        }
    }
    assert_eq!(unnoticed, [""; 0], "they may be ignored, and nobody notices");
}

#[test]
fn every_word_of_the_page_has_such_a_version() {
    let page = include_str!("../../../../docs/filter-language.md");
    let table =
        page.lines().filter_map(|line| line.strip_prefix("| ")).filter_map(|line| line.split(" | ").nth(1));
    let mut words = BTreeSet::new();
    for cell in table {
        // What stands between backticks.
        for code in cell.split('`').skip(1).step_by(2) {
            let parts = code.split(|c: char| c.is_whitespace() || "|;{}…\"\\".contains(c));
            words.extend(parts.filter(|word| !word.is_empty()));
        }
    }
    assert!(words.len() > 90, "{words:?}");
    let fields = siding_filter::select::FIELDS.iter().map(|field| field.header);
    let headers: BTreeSet<&str> =
        fields.chain(siding_filter::select::EXTENSIONS.iter().map(|(name, _)| *name)).collect();
    let said = CASES.iter().map(|case| case.words).chain(SHOWN_OTHERWISE.iter().map(|(words, _)| *words));
    let said: BTreeSet<&str> = said.flat_map(str::split_whitespace).collect();
    // Those of `ignored_fields`.
    let more = ["exthdr", "exists", "missing", "id"];
    let known = |word: &&str| said.contains(word) || headers.contains(word) || more.contains(word);
    let missing: Vec<&str> = words.iter().copied().filter(|word| !known(word)).collect();
    assert_eq!(missing, [""; 0], "words of the page without a version that ignores them");
    println!(
        "{} words of the page, {} versions without one, {} fields",
        words.len(),
        CASES.len(),
        siding_filter::select::FIELDS.len()
    );
}
