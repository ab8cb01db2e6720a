//! `--json`: what a live daemon says, held against docs/schema.json, report by report.

use std::path::Path;

use serde_json::Value;
use siding_tests::Host;
use siding_tests::Lab;
use siding_tests::Siding;
use siding_tests::need;
use siding_tests::wait_for;

use super::util::*;

/// Something of everything.
const ROUTER: &str = r#"
[stack]
control = "{control}"
forwarding = true

[[interface]]
name = "eth0"
driver = "packet"
dad = false
addresses = ["2001:db8::1/64", "192.0.2.1/24"]

[interface.advertise]
max_interval = 4
min_interval = 3

[[interface]]
name = "p0"
driver = "memory"
link_local = false

[[interface]]
name = "p1"
driver = "memory"
link_local = false

[[lagg]]
name = "lagg0"
mode = "failover"
ports = ["p0", "p1"]
primary = "p0"

[[interface]]
name = "q0"
driver = "memory"
device = "wire"
link_local = false

[[interface]]
name = "q1"
driver = "memory"
device = "wire"
link_local = false

[[lagg]]
name = "lagg1"
mode = "lacp"
ports = ["q0"]

[[lagg]]
name = "lagg2"
mode = "lacp"
ports = ["q1"]

[[vlan]]
name = "office"
parent = "lagg0"
vid = 10
addresses = ["2001:db8:10::1/64"]

[[interface]]
name = "b0"
driver = "memory"
link_local = false

[[bridge]]
name = "br0"
ports = ["b0"]

[[route]]
to = "2001:db8:1::/48"
via = "2001:db8::2"
"#;

const HOST: &str = r#"
[stack]
control = "{control}"

[[interface]]
name = "eth0"
driver = "packet"

[interface.autoconf]
accept = "always"
"#;

/// The schema, with nothing in a row that it does not name: who reads skips what is new, and this is where it is told.
pub(super) struct Closed {
    schemas: boon::Schemas,
    compiler: boon::Compiler,
}

impl Closed {
    pub(super) fn read() -> Closed {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/schema.json");
        let mut schema: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        for row in schema["$defs"].as_object_mut().unwrap().values_mut() {
            if row.get("properties").is_some() {
                row["additionalProperties"] = false.into();
            }
        }
        let mut compiler = boon::Compiler::new();
        compiler.add_resource("schema.json", schema).unwrap();
        Closed { schemas: boon::Schemas::new(), compiler }
    }

    pub(super) fn hold(&mut self, report: &str, told: &Value) {
        let at = format!("schema.json#/properties/{report}");
        let schema = self.compiler.compile(&at, &mut self.schemas).unwrap();
        if let Err(wrong) = self.schemas.validate(told, schema) {
            panic!("{report}: {wrong:#}\n{told:#}");
        }
    }
}

pub(super) fn told(host: &Host, daemon: &Siding, arguments: &[&str]) -> Value {
    serde_json::from_str(&siding(host, daemon, arguments).expect_success()).unwrap()
}

/// All that there is to show, as the program names it to whoever asks for something else.
fn nouns(host: &Host, daemon: &Siding) -> Vec<String> {
    let told = siding(host, daemon, &["show", "nothing-of-that-name"]).stderr;
    let (_, names) = told.split_once("there is ").unwrap_or_else(|| panic!("{told}"));
    let nouns: Vec<String> =
        names.lines().next().unwrap_or_default().split(", ").map(|name| name.trim().to_owned()).collect();
    assert!(nouns.len() >= 18, "{told}");
    nouns
}

#[test]
fn what_is_shown_as_json_is_as_the_schema_says() {
    if !need(&["ping"]) {
        return;
    }
    let Some(lab) = Lab::open() else { return };
    let (ours, peer) = lab.pair();
    // The host first: else the kernel would configure its interface as the router says.
    let host = Siding::start(&lab, &peer, &["run"], HOST);
    let router = Siding::start(&lab, &ours, &["run"], ROUTER);
    wait_for("an address of the router's prefix", PATIENCE * 2, || {
        let rows = told(&peer, &host, &["show", "prefixes", "--json"]);
        rows.as_array().unwrap().iter().any(|row| row["address"].is_string()).then_some(())
    });
    // As soon as the address is out of detection.
    wait_for("an answer", PATIENCE, || {
        siding(&peer, &host, &["ping6", "-c", "1", "2001:db8::1"]).succeeded().then_some(())
    });
    assert!(!siding(&ours, &router, &["ping", "-c", "1", "192.0.2.9"]).succeeded(), "nobody is there");
    let mut schema = Closed::read();
    let mut empty = Vec::new();
    for noun in nouns(&ours, &router) {
        // Counters are another view of interfaces.
        let report = if noun == "counters" { "interfaces" } else { noun.as_str() };
        let mut rows = 0;
        for (host, daemon) in [(&ours, &router), (&peer, &host)] {
            let told = told(host, daemon, &["show", &noun, "--json"]);
            rows += told.as_array().unwrap_or_else(|| panic!("{noun}: {told}")).len();
            schema.hold(report, &told);
        }
        if rows == 0 {
            empty.push(noun);
        }
    }
    // A test that has seen nothing has shown nothing: but for a path that takes less, everything is there.
    assert_eq!(empty, ["path-mtus"]);
    let laggs = told(&ours, &router, &["show", "laggs", "--json"]);
    assert!(laggs.as_array().unwrap().iter().any(|lagg| lagg["lacp"].is_object()), "{laggs}");
    // Rates, too.
    for noun in ["drops", "performance"] {
        schema.hold(noun, &told(&ours, &router, &["show", noun, "--json", "--interval", "0.2"]));
    }
    drop((router.stop(), host.stop()));
}
