//! The realistic ruleset by both doors: the same rules, and they do what they say.

use crate::util::Desk;
use crate::util::icmp6;
use crate::util::ip6;
use crate::util::run;
use crate::util::tcp;
use siding_filter::At;
use siding_filter::CtState;
use siding_filter::Program;
use siding_filter::Reject;
use siding_filter::Ruleset;
use siding_filter::Setup;
use siding_filter::Verdict;

const TEXT: &str = include_str!("fixtures/cpe.nft");
const JSON: &str = include_str!("fixtures/cpe.json");

fn load(name: &str, text: &str) -> Ruleset {
    Ruleset::load(&[(name, text)], &mut |_| Err("no".to_owned())).unwrap_or_else(|errors| panic!("{errors}"))
}

fn compiled() -> Program {
    let setup = Setup { built_in: false, ..Setup::default() };
    Program::compile(load("cpe.json", JSON), &setup, None).unwrap_or_else(|errors| panic!("{errors}"))
}

#[test]
fn text_and_json_are_the_same_ruleset() {
    assert_eq!(load("cpe.nft", TEXT).to_string(), load("cpe.json", JSON).to_string());
}

#[test]
fn printed_it_loads_as_itself() {
    let printed = load("cpe.nft", TEXT).to_string();
    assert_eq!(load("again", &printed).to_string(), printed);
}

#[test]
fn it_does_what_it_says() {
    let program = compiled();
    let web = |flags| ip6("2001:db9::1", "2001:db8:1000:10::80", 6, &tcp(1024, 443, flags));
    let mut desk = Desk::default();
    assert_eq!(run(&program, &web(2), &mut desk), Verdict::Accept, "the web server is open");

    desk.connections = 101;
    let refused = run(&program, &web(2), &mut desk);
    assert!(matches!(refused, Verdict::Reject { how: Reject::TcpReset, .. }), "but not for so many");

    let mut desk = Desk::default();
    let bogon = ip6("2001:db8:dead::1", "2001:db8:1000:10::80", 6, &tcp(1024, 443, 2));
    assert!(matches!(run(&program, &bogon, &mut desk), Verdict::Drop { at: At::Rule(_) }));

    desk.ct.state = CtState::ESTABLISHED;
    assert_eq!(
        run(&program, &bogon, &mut desk),
        Verdict::Accept,
        "what is established is not looked at again"
    );

    let mut desk = Desk::default();
    assert_eq!(run(&program, &icmp6(2, 0), &mut desk), Verdict::Accept, "packet too big always passes");
    let echoes = (0..10).filter(|_| run(&program, &icmp6(128, 0), &mut desk) == Verdict::Accept);
    assert_eq!(echoes.count(), 5, "echo requests: the burst");
    let redirect = run(&program, &icmp6(137, 0), &mut desk);
    assert!(matches!(redirect, Verdict::Drop { at: At::Rule(_) }));

    let out = Desk { iif: "guests", oif: "wan", ..Desk::default() };
    assert_eq!(run(&program, &crate::util::udp6(53), &mut { out }), Verdict::Accept, "from inside out");
}

#[test]
fn syns_to_elsewhere_are_dropped_in_any_case_and_the_eager_are_known() {
    let program = compiled();
    let mut desk = Desk::default();
    let syn = ip6("2001:db9::7", "2001:db8:1000:10::81", 6, &tcp(1024, 22, 2));
    let verdicts: Vec<Verdict> = (0..30).map(|_| run(&program, &syn, &mut desk)).collect();
    // The burst of 20 comes to the policy, what is beyond to the rule.
    let by_policy = verdicts.iter().filter(|v| matches!(v, Verdict::Drop { at: At::Policy(_) })).count();
    assert_eq!(by_policy, 20);
    assert_eq!(desk.lines.len(), 20, "each that came to the log's rule");
    let name = program.find_set(Some("fw"), "syn_src").unwrap_or_else(|error| panic!("{error}"));
    let listed = |now| {
        let listed = program.set_list(&name, now).unwrap_or_else(|error| panic!("{error}"));
        listed.elements.into_iter().map(|element| (element.text, element.expires)).collect::<Vec<_>>()
    };
    assert_eq!(listed(desk.now), [("2001:db9::7".to_owned(), Some(desk.now + 60_000_000_000))]);
    assert_eq!(listed(desk.now + 61_000_000_000), []);
}
