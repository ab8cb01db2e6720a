//! Routers that share flows, replaced by others by a reload, and as they are told of.

use std::fs;

use siding_tests::Host;
use siding_tests::Lab;
use siding_tests::Siding;

use super::reload::reload;
use super::util::*;

const MEMORY: &str = r#"
[stack]
control = "{control}"
[[interface]]
name = "lan"
driver = "memory"
addresses = ["2001:db8::1/64"]
dad = false
"#;

/// Routers from a number on that lead to a prefix, each with more that is said of it.
fn routers(to: &str, numbers: std::ops::Range<u16>, more: &str) -> String {
    let route = |number| format!("[[route]]\nto = \"{to}\"\nvia = \"2001:db8::{number:x}\"\n{more}\n");
    numbers.map(route).collect()
}

fn said(host: &Host, daemon: &Siding, words: &str) -> String {
    siding(host, daemon, &words.split_whitespace().collect::<Vec<_>>()).expect_success()
}

#[test]
fn as_many_routers_as_there_may_be_give_way_to_as_many_others() {
    let Some(lab) = Lab::open() else { return };
    let ours = lab.host("ours");
    let to = "2001:db8:77::/48";
    let shared = |from| routers(to, from..from + 64, "weight = 1");
    // Who is asked for is known as that for hours.
    let base = &MEMORY.replace("[stack]\n", "[stack]\nretrans_timer_ms = 3600000\n");
    let daemon = Siding::start(&lab, &ours, &["run"], &(base.to_owned() + &shared(0x100)));
    let plan = reload(&ours, &daemon, base, &shared(0x200));
    let lines = |with: &str| plan.lines().filter(|line| line.starts_with(with)).count();
    assert_eq!((lines("+ route"), lines("- route")), (64, 64), "{plan}");
    let way = said(&ours, &daemon, "route get 2001:db8:77::9");
    assert_eq!(
        way.lines().filter(|line| line.ends_with("src 2001:db8::1 share 16/1024")).count(),
        64,
        "{way}"
    );
    assert!(way.lines().all(|line| line.contains("via 2001:db8::2")), "{way}");
    // Another step fails behind one that was done, as nobody can know before: all is as it was, in its old order.
    assert!(!siding(&ours, &daemon, &["ping6", "-c", "1", "-W", "0.1", "2001:db8::77"]).succeeded());
    let (before, routes) = (said(&ours, &daemon, "config show"), said(&ours, &daemon, "route show"));
    let path = daemon.config();
    let text = base.replace("{control}", &daemon.control().to_string_lossy())
        + &shared(0x300)
        + "[[neighbor]]\ninterface = \"lan\"\naddress = \"2001:db8::77\"\nmac = \"02:00:00:00:00:77\"\n";
    fs::write(path, text).unwrap();
    let refused = siding(&ours, &daemon, &["reload"]);
    assert!(
        !refused.succeeded() && refused.stderr.contains("2001:db8::77 has an entry already"),
        "{refused}"
    );
    assert_eq!(said(&ours, &daemon, "config show"), before);
    assert_eq!(said(&ours, &daemon, "route show"), routes);
    assert_eq!(said(&ours, &daemon, "route get 2001:db8:77::9"), way);
    // Alone, there may be more; and each of them by itself again.
    let alone = |from| routers(to, from..from + 256, "");
    reload(&ours, &daemon, base, &alone(0x200));
    reload(&ours, &daemon, base, &alone(0x300));
    reload(&ours, &daemon, base, &shared(0x300));
    let way = said(&ours, &daemon, "route get 2001:db8:77::9");
    assert!(way.lines().count() == 64 && way.contains("via 2001:db8::33f"), "{way}");
    daemon.stop();
}

#[test]
fn routers_with_metrics_of_their_own_are_told_of_and_saved_as_they_are() {
    let Some(lab) = Lab::open() else { return };
    let ours = lab.host("ours");
    let to = "2001:db8:77::/48";
    let both = routers(to, 7..8, "weight = 3\nmetric = 10") + &routers(to, 8..9, "weight = 1");
    let daemon = Siding::start(&lab, &ours, &["run"], &(MEMORY.to_owned() + &both));
    let told = |daemon: &Siding| {
        let routes = said(&ours, daemon, "route show");
        let of = |via: &str| {
            let line = routes.lines().find(|line| line.contains(via)).unwrap_or_else(|| panic!("{routes}"));
            line.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
        };
        ["2001:db8::7", "2001:db8::8"].map(of)
    };
    let before = told(&daemon);
    assert!(before[0].contains(&"10".to_owned()) && before[1].contains(&"1024".to_owned()), "{before:?}");
    let text = said(&ours, &daemon, "config show");
    daemon.stop();
    let daemon = Siding::start(&lab, &ours, &["run"], &text);
    assert_eq!((told(&daemon), said(&ours, &daemon, "config show")), (before, text));
    // Each can be given another, and be alone again.
    said(&ours, &daemon, "route add 2001:db8:77::/48 via 2001:db8::8 weight 3 metric 9");
    let [seven, eight] = told(&daemon);
    assert!(seven.contains(&"10".to_owned()) && eight.contains(&"9".to_owned()), "{seven:?} {eight:?}");
    let way = said(&ours, &daemon, "route get 2001:db8:77::9");
    assert!(way.contains("via 2001:db8::8 dev lan src 2001:db8::1 share 512/1024"), "{way}");
    said(&ours, &daemon, "route add 2001:db8:77::/48 via 2001:db8::8 metric 9");
    assert_eq!(
        said(&ours, &daemon, "route get 2001:db8:77::9"),
        "2001:db8:77::9 via 2001:db8::8 dev lan src 2001:db8::1\n"
    );
    daemon.stop();
}
