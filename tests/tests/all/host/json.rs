//! Every command that can print JSON, at a live daemon, held against docs/schema.json: the program itself says which those are.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;
use siding_tests::Lab;
use siding_tests::Running;
use siding_tests::Siding;
use siding_tests::need;
use siding_tests::wait_for;

use super::schema::Closed;
use super::schema::told;
use super::util::*;

const CONFIG: &str = r#"
[stack]
control = "{control}"
forwarding = true

[filter]
rules = "rules.nft"

[[interface]]
name = "eth0"
driver = "packet"
dad = false
addresses = ["2001:db8::1/64"]

[interface.advertise]

[[interface]]
name = "p0"
driver = "memory"
link_local = false

[[lagg]]
name = "lagg0"
mode = "failover"
ports = ["p0"]

[[vlan]]
name = "office"
parent = "lagg0"
vid = 10

[[interface]]
name = "b0"
driver = "memory"
link_local = false

[[bridge]]
name = "br0"
ports = ["b0"]
"#;

const RULES: &str = "table inet fw {\n\
    \tset blocked { type ipv6_addr; elements = { 2001:db8:bad::1 } }\n\
    \tchain input { type filter hook input priority 0; policy accept;\n\
    \t\tct state new counter accept\n\
    \t\tip6 saddr @blocked drop\n\
    \t}\n}\n";

/// Commands with `--json`, by their manual pages: `filter-test` and the like.
fn commands(lab: &Lab) -> BTreeSet<String> {
    let pages = lab.directory().join("man");
    std::fs::create_dir_all(&pages).unwrap();
    let made = Command::new(Siding::binary()).arg("man").arg(&pages).output().unwrap();
    assert!(made.status.success(), "{made:?}");
    let mut commands = BTreeSet::new();
    for page in std::fs::read_dir(&pages).unwrap() {
        let page = page.unwrap();
        let name = page.file_name().into_string().unwrap();
        let name = name.trim_start_matches("siding-").trim_end_matches(".1");
        if std::fs::read_to_string(page.path()).unwrap().contains("\\-\\-json") {
            commands.insert(name.to_owned());
        }
    }
    commands
}

/// What comes line by line until somebody ends it, whose first line is waited for.
fn first_line(running: &Running) -> Value {
    wait_for("a line", PATIENCE, || serde_json::from_str(running.stdout().lines().next()?).ok())
}

#[test]
fn whatever_can_be_printed_as_json_is_in_the_schema() {
    if !need(&["ping"]) {
        return;
    }
    let Some(lab) = Lab::open() else { return };
    let (ours, peer) = lab.pair();
    peer.address("eth0", "2001:db8::2/64");
    let rules = lab.directory().join("rules.nft");
    std::fs::write(&rules, RULES).unwrap();
    let daemon = Siding::start(&lab, &ours, &["run"], &CONFIG.replace("rules.nft", rules.to_str().unwrap()));
    wait_until_up(&peer, "2001:db8::1");
    let mut schema = Closed::read();
    let mut held = BTreeSet::new();

    // What tells a list of rows, or one.
    let saved = lab.directory().join("saved.toml");
    let saved = saved.to_str().unwrap();
    let packet = "ip6 saddr 2001:db8::2 daddr 2001:db8::1 tcp dport 22";
    let rules = rules.to_str().unwrap();
    for (command, report, words) in [
        // Each noun of it is held in a test of its own.
        ("show", "interfaces", "show interfaces"),
        ("show", "table", "show table neighbors"),
        ("interface-show", "interfaces", "interface show"),
        ("address-show", "addresses", "address show"),
        ("neighbor-show", "neighbors", "neighbor show"),
        ("route-show", "routes", "route show"),
        ("route-get", "way", "route get 2001:db8::2"),
        ("router-show", "routers", "router show"),
        ("prefix-show", "prefixes", "prefix show"),
        ("group-show", "groups", "group show"),
        ("path-mtu-show", "path-mtus", "path-mtu show"),
        ("advertise-show", "advertisers", "advertise show"),
        ("vlan-show", "vlans", "vlan show"),
        ("lagg-show", "laggs", "lagg show"),
        ("bridge-show", "bridges", "bridge show"),
        ("filter-show", "filter", "filter show"),
        ("filter-states", "states", "filter states"),
        ("filter-set-list", "sets", "filter set list"),
        ("filter-set-list", "set", "filter set list blocked"),
        ("filter-set-add", "sets", "filter set add blocked 2001:db8:bad::2"),
        ("filter-set-delete", "sets", "filter set delete blocked 2001:db8:bad::2"),
        ("filter-test", "tested", &format!("filter test {packet}")),
        ("filter-test", "tested", &format!("filter test --rules {rules} {packet}")),
        ("filter-check", "checked", &format!("filter check {rules}")),
        ("config-show", "config", "config show"),
        ("config-diff", "reload", "config diff"),
        ("reload", "reload", "reload --dry-run"),
        ("reload", "reload", "reload"),
        // Twice: what stood there is kept.
        ("config-save", "saved", &format!("config save {saved}")),
        ("config-save", "saved", &format!("config save {saved}")),
    ] {
        let words: Vec<&str> = words.split(' ').chain(["--json"]).collect();
        let told = told(&ours, &daemon, &words);
        match (command, &told) {
            ("filter-test", Value::Array(rows)) => {
                assert!(!rows.is_empty());
                rows.iter().for_each(|row| schema.hold(report, row));
            }
            // The row of the one that was changed.
            ("filter-set-add" | "filter-set-delete", row @ Value::Object(_)) => {
                schema.hold(report, &Value::Array(vec![row.clone()]));
            }
            _ => schema.hold(report, &told),
        }
        held.insert(command.to_owned());
    }
    assert!(std::fs::read_to_string(format!("{saved}~")).unwrap().contains("[[bridge]]"));
    // With a mistake there is something else to say; and with a change, a plan.
    let wrong = lab.directory().join("wrong.nft");
    std::fs::write(&wrong, "table inet x { chain y { nonsense } }\n").unwrap();
    let check = siding(&ours, &daemon, &["filter", "check", "--json", wrong.to_str().unwrap()]);
    let checked: Value = serde_json::from_str(&check.expect_failure()).unwrap();
    assert_eq!(checked["errors"][0]["line"], 1, "{checked}");
    schema.hold("checked", &checked);
    siding(&ours, &daemon, &["address", "add", "2001:db8:7::1/64", "dev", "eth0"]).expect_success();
    let plan = told(&ours, &daemon, &["config", "diff", "--json"]);
    assert!(plan["steps"][0].as_str().unwrap().starts_with("- eth0: address 2001:db8:7::1/64"), "{plan}");
    schema.hold("reload", &plan);

    // What goes on until it is ended.
    let start = |words: &[&str]| {
        let mut command = Command::new(Siding::binary());
        command.arg("--control").arg(daemon.control()).args(words);
        ours.start_command(&mut command)
    };
    let trace = start(&["trace", "--json", "icmpv6", "type", "echo-request"]);
    let life = wait_for("a life", PATIENCE, || {
        peer.run("ping", &["-c1", "-W1", "2001:db8::1"]).expect_success();
        serde_json::from_str::<Value>(trace.stdout().lines().next()?).ok()
    });
    assert!(life["steps"].as_array().unwrap().len() > 2, "{life}");
    schema.hold("life", &life);
    held.insert("trace".to_owned());
    let monitor = start(&["monitor", "--json"]);
    wait_for("an event", PATIENCE, || {
        siding(&ours, &daemon, &["interface", "set", "eth0", "--mtu", "1400"]).expect_success();
        siding(&ours, &daemon, &["interface", "down", "p0"]).expect_success();
        siding(&ours, &daemon, &["interface", "up", "p0"]).expect_success();
        monitor.stdout().contains('\n').then_some(())
    });
    schema.hold("event", &first_line(&monitor));
    held.insert("monitor".to_owned());
    assert_eq!(held, commands(&lab));
    drop((trace, monitor));
    daemon.stop();
}
