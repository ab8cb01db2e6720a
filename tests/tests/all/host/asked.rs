//! What is asked of a daemon: the way of packets, words in any order, metrics.

use std::io::Read;
use std::io::Write;
use std::net::TcpStream;

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

#[test]
fn metrics_are_what_is_shown() {
    let Some(lab) = Lab::open() else { return };
    let ours = lab.host("ours");
    // Loopback of a fresh namespace.
    ours.run("ip", &["link", "set", "lo", "up"]).expect_success();
    let config = format!("{EVERYTHING}[metrics]\nlisten = \"127.0.0.1:9440\"\n");
    let daemon = Siding::start(&lab, &ours, &["run"], &config);
    let text = ours.inside(|| {
        let mut stream = TcpStream::connect("127.0.0.1:9440").unwrap();
        stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: here\r\n\r\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    });
    let (head, page) = text.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
    assert!(page.ends_with("# EOF\n"));
    for line in [
        "# TYPE siding_interface_receive_packets counter",
        "siding_interface_up{interface=\"lan\"} 1",
        "siding_interface_mtu_bytes{interface=\"lan\"} 1500",
        "siding_neighbors{interface=\"lan\",state=",
        "siding_interface_dropped_packets_total{interface=\"lan\"} ",
        "siding_worker_turns_total{worker=\"0\"} ",
    ] {
        assert!(page.lines().any(|there| there.starts_with(line)), "{line}: {page}");
    }
    // A name once, all of it together, as the format wants it.
    let names: Vec<&str> = page.lines().filter_map(|line| line.strip_prefix("# TYPE ")).collect();
    let mut once = names.clone();
    once.sort();
    once.dedup();
    assert_eq!(once.len(), names.len());
    daemon.stop();
}
