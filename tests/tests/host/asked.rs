//! What is asked of a daemon: the way of packets, words in any order.

use siding_tests::Lab;
use siding_tests::Siding;

use super::by_hand::EVERYTHING;
use super::util::*;

#[test]
fn words_both_ways_and_the_way_that_packets_take() {
    let Some(lab) = Lab::open() else { return };
    let ours = lab.host("ours");
    let more =
        "[[route]]\nto = \"default\"\nvia = \"2001:db8:2::9\"\n[[refuse]]\nto = \"2001:db8:f9::/48\"\n";
    let daemon = Siding::start(&lab, &ours, &["run"], &(EVERYTHING.to_owned() + more));
    let said = |words: &str| {
        let words: Vec<&str> = words.split_whitespace().collect();
        siding(&ours, &daemon, &words).expect_success()
    };
    assert_eq!(said("route show"), said("show routes"));
    assert_eq!(said("route list dev lan"), said("sh routes dev lan"));
    let (all, some) = (said("show routes"), said("show routes dev lan"));
    assert!(all.contains(" wan ") && !some.contains(" wan ") && some.contains(" lan "), "{some}");
    assert_eq!(said("show vlans"), said("vlan show"));
    assert_eq!(said("show interfaces dev v5 --json").matches("\"id\"").count(), 1);
    assert_eq!(said("route get 2001:db8:2::1"), "2001:db8:2::1 is our own, on wan\n");
    assert_eq!(said("route get 2001:db8:1::9"), "2001:db8:1::9 dev lan src 2001:db8:1::1\n");
    assert_eq!(
        said("route get 2001:db8:f1::5"),
        "2001:db8:f1::5 via 2001:db8:1::9 dev lan src 2001:db8:1::1\n"
    );
    assert_eq!(said("route get 203.0.113.5"), "203.0.113.5 via 192.0.2.9 dev lan src 192.0.2.1\n");
    assert_eq!(said("route get 2001:db8:f9::5"), "2001:db8:f9::5 is refused: reject\n");
    assert!(said("route get 2001:db8:aa::1").contains(" via 2001:db8:2::9 dev wan"));
    said("route del default");
    let none = siding(&ours, &daemon, &["route", "get", "2001:db8:aa::1"]);
    assert!(!none.succeeded() && none.stderr.contains("no route to 2001:db8:aa::1"), "{none}");
    // The environment says where the daemon is.
    let mut command = std::process::Command::new(Siding::binary());
    command.env("SIDING_CONTROL", daemon.control()).args(["show", "workers"]);
    assert!(ours.start_command(&mut command).finish(PATIENCE).expect_success().contains("WORKER"));
    daemon.stop();
}
