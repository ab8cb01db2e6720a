//! A firewall between two hosts: what begins inside passes, and its answers; nothing else comes in.

use std::io::Read;
use std::io::Write;
use std::net::TcpListener;
use std::net::TcpStream;
use std::time::Duration;

use siding_tests::Host;
use siding_tests::Lab;
use siding_tests::Siding;
use siding_tests::need;
use siding_tests::wait_for;

use super::util::*;

const CONFIG: &str = r#"
[stack]
control = "{control}"
log = "debug"
forwarding = true
[[interface]]
name = "lan"
driver = "packet"
addresses = ["2001:db8:a::1/64"]
dad = false
[[interface]]
name = "wan"
driver = "packet"
addresses = ["2001:db8:b::1/64"]
dad = false
[filter]
rules = "rules.nft"
states = 10000
[filter.timeouts]
udp_s = 200
"#;

const RULES: &str = r#"
table inet fw {
  set blocked { type ipv6_addr; flags interval; elements = { 2001:db8:ff::/48 }; }
  chain forward {
    type filter hook forward priority 0; policy drop;
    ct state established,related accept
    ct state invalid drop
    ip6 daddr @blocked drop
    iifname "lan" oifname "wan" ip6 saddr 2001:db8:a::/64 accept
    tcp flags & (syn | ack) == syn reject with tcp reset
  }
}
"#;

const LAN: &str = "2001:db8:a::2";
const WAN: &str = "2001:db8:b::2";

/// A host on each side, and the firewall between them.
fn network(lab: &Lab) -> (Host, Host, Host, Siding) {
    let (lan, router, wan) = (lab.host("inside"), lab.host("router"), lab.host("outside"));
    lab.wire(&lan, "eth0", &router, "lan");
    lab.wire(&wan, "eth0", &router, "wan");
    for (host, own, gateway) in [(&lan, LAN, "2001:db8:a::1"), (&wan, WAN, "2001:db8:b::1")] {
        ip(host, &["addr", "add", &format!("{own}/64"), "dev", "eth0", "nodad"]);
        ip(host, &["route", "add", "default", "via", gateway, "dev", "eth0"]);
    }
    std::fs::write(lab.directory().join("rules.nft"), RULES).unwrap();
    let siding = Siding::start(lab, &router, &["run"], CONFIG);
    (lan, router, wan, siding)
}

fn ask(host: &Host, daemon: &Siding, arguments: &[&str]) -> String {
    siding(host, daemon, arguments).expect_success()
}

/// What a command says that cannot be done.
fn fails(host: &Host, daemon: &Siding, arguments: &[&str]) -> String {
    let finished = siding(host, daemon, arguments);
    assert!(!finished.succeeded(), "{finished}");
    finished.stderr
}

/// How many packets came to the end of the rule that has these words.
fn count(router: &Host, daemon: &Siding, words: &str) -> u64 {
    let shown = ask(router, daemon, &["filter", "show"]);
    let line = shown.lines().find(|line| line.contains(words)).unwrap_or_else(|| panic!("{words}: {shown}"));
    line.split_whitespace().nth(4).unwrap().parse().unwrap()
}

/// Sends a word, and has it back from the other end.
fn trip(from: &mut TcpStream, to: &mut TcpStream, word: &[u8; 4]) {
    let mut got = [0; 4];
    from.write_all(word).unwrap();
    to.read_exact(&mut got).unwrap();
    to.write_all(&got).unwrap();
    from.read_exact(&mut got).unwrap();
    assert_eq!(&got, word);
}

/// A connection from one host to the other, both ends.
fn connect(from: &Host, to: &Host, address: &str) -> (TcpStream, TcpStream) {
    let listener = to.inside(|| TcpListener::bind((address, 8080)).unwrap());
    let near = from.inside(|| {
        let address = format!("[{address}]:8080").parse().unwrap();
        wait_for("a connection", PATIENCE, || {
            TcpStream::connect_timeout(&address, Duration::from_secs(2)).ok()
        })
    });
    let (far, _) = listener.accept().unwrap();
    for end in [&near, &far] {
        end.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    }
    (near, far)
}

#[test]
fn what_begins_inside_passes_with_its_answers_and_what_begins_outside_is_refused() {
    if !need(&["ping", "ip"]) {
        return;
    }
    let Some(lab) = Lab::open() else { return };
    let (lan, router, wan, daemon) = network(&lab);
    let (mut near, mut far) = connect(&lan, &wan, WAN);
    trip(&mut near, &mut far, b"ping");
    // From outside: told so at once, and an echo is dropped.
    let listener = lan.inside(|| TcpListener::bind((LAN, 8081)).unwrap());
    let refused = wan.inside(|| {
        let address = format!("[{LAN}]:8081").parse().unwrap();
        TcpStream::connect_timeout(&address, Duration::from_secs(5)).unwrap_err()
    });
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
    assert!(!wan.run("ping", &["-c", "1", "-W", "1", LAN]).succeeded());
    lan.run("ping", &["-c", "3", "-i", "0.2", "-W", "2", WAN]).expect_success();
    // An error about what went out comes back, as `related`: nobody is at this port.
    let error = lan.inside(|| {
        let socket = std::net::UdpSocket::bind((LAN, 0)).unwrap();
        socket.connect((WAN, 9)).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        socket.send(b"anybody?").unwrap();
        socket.recv(&mut [0; 8]).unwrap_err()
    });
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
    // What rules have counted, and the flow's state.
    assert!(count(&router, &daemon, "ct state established,related accept") >= 8);
    assert_eq!(count(&router, &daemon, "reject with tcp reset"), 1);
    let states = ask(&router, &daemon, &["filter", "states", "--protocol", "tcp", "--json"]);
    assert!(states.contains("\"established\"") && states.contains(WAN), "{states}");

    // A wrong file changes nothing, and neither does a wrong one in the configuration.
    let rules = lab.directory().join("rules.nft");
    let wrong = lab.directory().join("wrong.nft");
    for (text, says) in [
        ("table inet fw { chain forward { drpo } }", ":1:"),
        (
            "table inet fw { chain c { type filter hook forward priority 0; tcp dport 80 synproxy mss 1460 wscale 7; } }",
            "synproxy is not here",
        ),
    ] {
        std::fs::write(&wrong, text).unwrap();
        let told = fails(&router, &daemon, &["filter", "load", &wrong.display().to_string()]);
        assert!(told.contains("wrong.nft:1:") && told.contains(says), "{told}");
    }
    assert_eq!(count(&router, &daemon, "reject with tcp reset"), 1);
    std::fs::write(&rules, "table inet fw { chain forward { drpo } }").unwrap();
    let told = fails(&router, &daemon, &["reload"]);
    assert!(told.contains("rules.nft:1:"), "{told}");
    let told = fails(&router, &daemon, &["check", &daemon.config().display().to_string()]);
    assert!(told.contains("rules.nft:1:"), "{told}");

    // Other rules, which the flow passes too: it goes on.
    let others = RULES.replace("ip6 saddr 2001:db8:a::/64", "ip6 saddr { 2001:db8:a::/64, 2001:db8:c::/64 }");
    std::fs::write(&rules, others).unwrap();
    let told = ask(&router, &daemon, &["reload"]);
    assert!(told.starts_with("~ filter: "), "{told}");
    trip(&mut near, &mut far, b"pong");
    assert_eq!(
        count(&router, &daemon, "reject with tcp reset"),
        1,
        "equal rules keep what they have counted"
    );
    // And rules that it does not pass: its state goes with them, and it is as one that nobody has begun.
    std::fs::write(&rules, RULES.replace("2001:db8:a::/64", "2001:db8:c::/64")).unwrap();
    ask(&router, &daemon, &["reload"]);
    wait_for("the end of its state", PATIENCE, || {
        let states = ask(&router, &daemon, &["filter", "states", "--protocol", "tcp"]);
        (!states.contains(WAN)).then_some(())
    });
    near.write_all(b"lost").unwrap();
    far.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
    // Other tests of this program may be what interrupts it.
    let mut kinds = (0..100).map(|_| far.read(&mut [0; 4]).unwrap_err().kind());
    let silent = kinds.find(|kind| *kind != std::io::ErrorKind::Interrupted);
    assert_eq!(silent, Some(std::io::ErrorKind::WouldBlock));
    let refused = lan.inside(|| {
        let address = format!("[{WAN}]:8080").parse().unwrap();
        TcpStream::connect_timeout(&address, Duration::from_secs(5)).unwrap_err()
    });
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
    assert_eq!(count(&router, &daemon, "reject with tcp reset"), 2);
    let shown = ask(&router, &daemon, &["config", "show"]);
    assert!(shown.contains("[filter]") && shown.contains("states = 10000"), "{shown}");
    assert!(shown.contains("[filter.timeouts]\nudp_s = 200\n"), "{shown}");

    // As at first again. Without its state, a connection is as one that nobody has begun.
    std::fs::write(&rules, RULES).unwrap();
    ask(&router, &daemon, &["reload"]);
    let (mut near, mut far) = connect(&lan, &wan, WAN);
    trip(&mut near, &mut far, b"anew");
    // Elements by command, without a reload: who is blocked loses the connection, and so it is after a reload.
    let told = fails(&router, &daemon, &["filter", "set", "add", "blocked", "2001:db8:ff:1::/64"]);
    assert!(told.contains("is in 2001:db8:ff::/48 already"), "{told}");
    ask(&router, &daemon, &["filter", "set", "add", "blocked", "2001:db8:b::/64", "2001:db8:c::/64"]);
    wait_for("the end of its state", PATIENCE, || {
        let states = ask(&router, &daemon, &["filter", "states", "--protocol", "tcp"]);
        (!states.contains(WAN)).then_some(())
    });
    ask(&router, &daemon, &["filter", "set", "delete", "blocked", "2001:db8:c::/64", "2001:db8:ff::/48"]);
    ask(&router, &daemon, &["filter", "reload"]);
    let listed = ask(&router, &daemon, &["filter", "set", "list", "blocked"]);
    let lines: Vec<Vec<&str>> = listed
        .lines()
        .map(|line| line.split("  ").filter(|c| !c.is_empty()).map(str::trim).collect())
        .collect();
    let gone = "a file; taken out by a command";
    assert_eq!(
        lines[1..],
        [["2001:db8:b::/64", "-", "a command"], ["2001:db8:ff::/48", "-", gone]],
        "{listed}"
    );
    let listed = ask(&router, &daemon, &["filter", "set", "list", "--json"]);
    assert!(listed.contains("\"set\": \"blocked\"") && listed.contains("\"elements\": 1"), "{listed}");
    let told = fails(&router, &daemon, &["filter", "set", "delete", "locked", "2001:db8::1"]);
    assert!(told.contains("there is `blocked`"), "{told}");
    ask(&router, &daemon, &["filter", "set", "delete", "blocked", "2001:db8:b::/64"]);
    let (mut near, mut far) = connect(&lan, &wan, WAN);
    trip(&mut near, &mut far, b"more");
    let told = ask(&router, &daemon, &["filter", "flush"]);
    assert!(told.contains("forgotten") && !told.starts_with("0 "), "{told}");
    assert_eq!(ask(&router, &daemon, &["filter", "states", "--protocol", "tcp"]).lines().count(), 1);
    drop(listener);
    daemon.stop();
}

/// Rules that change nothing but what they have for sets.
fn sets(sets: &str) -> String {
    format!(
        "table inet fw {{\n{sets}\nchain forward {{ type filter hook forward priority 0; policy accept; }}\n}}\n"
    )
}

#[test]
fn what_commands_put_into_sets_is_there_again_when_a_reload_is_taken_back() {
    let Some(lab) = Lab::open() else { return };
    let router = lab.host("router");
    let both = "set blocked { type ipv6_addr; }\nset timed { type ipv6_addr; flags timeout; }";
    let (rules, others) = (lab.directory().join("rules.nft"), lab.directory().join("others.nft"));
    std::fs::write(&rules, sets(both)).unwrap();
    std::fs::write(&others, sets("set blocked { type ipv6_addr; elements = { 2001:db8::1 }; }")).unwrap();
    let config = |filter: &str| format!("[stack]\ncontrol = \"{{control}}\"\n{filter}");
    let daemon = Siding::start(&lab, &router, &["run"], &config("[filter]\nrules = \"rules.nft\"\n"));
    for set in ["blocked", "timed"] {
        ask(&router, &daemon, &["filter", "set", "add", set, "2001:db8::1", "2001:db8::2"]);
    }
    let holds = |set: &str| {
        let listed = ask(&router, &daemon, &["filter", "set", "list", set]);
        (1..=4).filter(|n| listed.contains(&format!("2001:db8::{n} "))).collect::<Vec<_>>()
    };
    let reload = |filter: &str| {
        let path = lab.directory().join("next.toml");
        let text = config(filter).replace("{control}", &daemon.control().to_string_lossy());
        std::fs::write(&path, text).unwrap();
        ask(&router, &daemon, &["reload", &path.display().to_string(), "--confirm", "600"]);
    };
    // Without one of the sets; what is done to the other meanwhile stays done.
    reload("[filter]\nrules = \"others.nft\"\n");
    assert_eq!(holds("blocked"), [1, 2]);
    ask(&router, &daemon, &["filter", "set", "add", "blocked", "2001:db8::3"]);
    ask(&router, &daemon, &["filter", "set", "delete", "blocked", "2001:db8::2"]);
    ask(&router, &daemon, &["reload", "back"]);
    assert_eq!((holds("blocked"), holds("timed")), (vec![1, 3], vec![1, 2]));
    // Without any filter.
    reload("");
    fails(&router, &daemon, &["filter", "show"]);
    ask(&router, &daemon, &["reload", "back"]);
    assert_eq!((holds("blocked"), holds("timed")), (vec![1, 3], vec![1, 2]));
    // A step behind it that cannot be done.
    let missing =
        "[filter]\nrules = \"others.nft\"\n[[interface]]\nname = \"nowhere\"\ndriver = \"packet\"\n";
    let path = lab.directory().join("wrong.toml");
    std::fs::write(&path, config(missing).replace("{control}", &daemon.control().to_string_lossy())).unwrap();
    fails(&router, &daemon, &["reload", &path.display().to_string()]);
    assert_eq!((holds("blocked"), holds("timed")), (vec![1, 3], vec![1, 2]));
    daemon.stop();
}
