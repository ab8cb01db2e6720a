//! A reload for each kind of change, while packets pass by what does not change: none is lost.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use rustix::process::Signal;
use siding_tests::Finished;
use siding_tests::Host;
use siding_tests::Lab;
use siding_tests::Siding;
use siding_tests::need;
use toml::Value;

use super::reload::reload;
use super::util::*;

/// What there is besides the interface over which packets go.
const OTHERS: &str = r#"
[[interface]]
name = "m1"
driver = "memory"
[[interface]]
name = "m0"
driver = "memory"
"#;

/// What every kind of interface may have on it.
const ON: &str = r#"
mtu = 1400
addresses = ["2001:db8:6::1/64", "198.51.100.1/24 dad"]
dad = false
link_local = false
hop_limit = 7
point_to_point = true
anycast = ["2001:db8:6::a"]
reachable_time_ms = 700
retrans_timer_ms = 300
neighbors = { entries = 77 }
autoconf = { accept = "always" }
advertise = { max_interval = 30 }
"#;

const VLAN: &str = "[[vlan]]\nname = \"v5\"\nparent = \"eth0\"\nvid = 5\n";
const BRIDGE: &str = "[[bridge]]\nname = \"br0\"\nports = [\"m0\"]\n";
const LAGG: &str = "[[lagg]]\nname = \"lagg0\"\nmode = \"failover\"\nports = [\"m0\"]\n";
const LACP: &str = "[[lagg]]\nname = \"lagg0\"\nmode = \"lacp\"\nports = [\"m0\"]\n";
const NEIGHBOR: &str = "[[neighbor]]\ninterface = \"m0\"\naddress = \"192.0.2.99\"\n";
const ROUTE: &str = "[[route]]\nto = \"2001:db8:77::/48\"\n";

/// A kind of change.
struct Kind {
    name: &'static str,
    /// Keys of `[stack]` with it.
    stack: &'static str,
    /// Behind m0, before and after it.
    from: String,
    to: String,
}

fn kinds() -> Vec<Kind> {
    let kind =
        |name, from: &str, to: &str| Kind { name, stack: "", from: from.to_owned(), to: to.to_owned() };
    let added = |name, to: &str| kind(name, "", to);
    let mut kinds = vec![
        added("route", &format!("{ROUTE}via = \"2001:db8::77\"\n")),
        kind(
            "route that leads elsewhere",
            &format!("{ROUTE}via = \"2001:db8::77\"\n"),
            &format!("{ROUTE}via = \"2001:db8::78\"\ninterface = \"eth0\"\nmetric = 7\n"),
        ),
        kind(
            "route whose router gets another share",
            &format!("{ROUTE}via = \"2001:db8::77\"\nweight = 1\n"),
            &format!("{ROUTE}via = \"2001:db8::77\"\nweight = 2\n"),
        ),
        added("refusal", "[[refuse]]\nto = \"2001:db8:78::/48\"\n"),
        kind(
            "refusal that says otherwise",
            "[[refuse]]\nto = \"2001:db8:78::/48\"\n",
            "[[refuse]]\nto = \"2001:db8:78::/48\"\nhow = \"prohibit\"\nmetric = 7\n",
        ),
        added("neighbor", &format!("{NEIGHBOR}mac = \"02:00:00:00:00:99\"\n")),
        kind(
            "neighbor that is elsewhere",
            &format!("{NEIGHBOR}mac = \"02:00:00:00:00:99\"\n"),
            &format!("{NEIGHBOR}mac = \"02:00:00:00:00:98\"\n"),
        ),
        added("group", "[[group]]\ninterface = \"m0\"\ngroup = \"ff05::77\"\n"),
        added("device", "[[interface]]\nname = \"m2\"\ndriver = \"memory\"\naddresses = [\"2001:db8:1::1/64\"]\n"),
        added("device of the kernel's", "[[interface]]\nname = \"t0\"\ndriver = \"tap\"\ndevice = \"tap7\"\n"),
        added("device that is waited for", "[[interface]]\nname = \"e7\"\ndriver = \"packet\"\nwait = true\n"),
        kind("device that is captured", "", "pcap = \"/dev/null\"\n"),
        added("vlan", VLAN),
        kind("vlan of another number", VLAN, &VLAN.replace("vid = 5", "vid = 6\nprotocol = \"802.1ad\"")),
        kind("all on a vlan", VLAN, &format!("{VLAN}{ON}")),
        kind("vlan that is down", VLAN, &format!("{VLAN}up = false\n")),
        added("lagg", LAGG),
        kind(
            "lagg's own",
            LAGG,
            &LAGG.replace("ports = [\"m0\"]", "ports = [\"m0\", \"m1\"]\nprimary = \"m1\"\nreselect = \"failure\"\nhash = [\"l2\"]\npriorities = { m0 = 7 }\nannounce_count = 2\nannounce_interval_ms = 500\nmac = \"02:00:00:00:66:66\""),
        ),
        kind("lagg of another mode", LAGG, &LAGG.replace("failover", "roundrobin")),
        kind("all on a lagg", LAGG, &format!("{LAGG}{ON}")),
        kind("lagg that is down", LAGG, &format!("{LAGG}up = false\n")),
        added("lagg with lacp", LACP),
        kind("lacp", LACP, &format!("{LACP}lacp = {{ rate = \"fast\", activity = \"passive\", system_priority = 7, system_mac = \"02:00:00:00:00:07\", key = 7, min_links = 2, max_links = 2 }}\n")),
        added("bridge", BRIDGE),
        kind(
            "bridge's own",
            BRIDGE,
            &BRIDGE.replace("[\"m0\"]", "[\"m0\", \"m1\"]\nageing_s = 77\nstations = 77\nmac = \"02:00:00:00:77:77\""),
        ),
        kind("all on a bridge", BRIDGE, &format!("{BRIDGE}{ON}")),
        kind("bridge that is down", BRIDGE, &format!("{BRIDGE}up = false\n")),
        added("address", "addresses = [\"2001:db8:7::1/64\", \"198.51.100.1/24\"]\n"),
        kind("how addresses are tested", "addresses = [\"2001:db8:7::1/64\"]\n", "addresses = [\"2001:db8:7::1/64\"]\ndad = false\n"),
        added("anycast", "anycast = [\"2001:db8:8::a\"]\n"),
        added("link-local", "link_local = false\n"),
        added("mtu", "mtu = 1300\n"),
        added("mac", "mac = \"02:00:00:00:55:55\"\n"),
        added("times", "reachable_time_ms = 700\nretrans_timer_ms = 300\n"),
        added("hop limit", "hop_limit = 7\n"),
        added("point to point", "point_to_point = true\n"),
        added("down", "up = false\n"),
        added(
            "bounds",
            "[interface.neighbors]\nentries = 77\nresolving = 7\nforwarded_percent = 50\nheld = 7\nsolicit_rate = 70\n\
             solicit_burst = 70\nforget_stale_s = 700\nforget_on_link_loss = false\n",
        ),
        added("host", "[interface.autoconf]\n"),
        kind(
            "host that takes otherwise",
            "[interface.autoconf]\n",
            "[interface.autoconf]\naccept = \"always\"\naddresses = false\nidentifier = \"stable\"\n\
             secret = \"000102030405060708090a0b0c0d0e0f\"\nnetwork = \"n\"\ntemporary = true\ntemporary_preferred_s = 700\n\
             temporary_valid_s = 7000\noptimistic = true\nredirects = false\nroutes = false\nleast_hop_limit = 7\n\
             solicit = \"never\"\nannounce = 1\ndad_transmits = 2\ndad_nonce = false\n[interface.autoconf.limits]\nrouters = 7\n\
             prefixes = 7\nroutes = 7\naddresses = 7\nredirects = 7\n",
        ),
    ];
    // A router, and one that advertises.
    let router = "forwarding = true\n";
    kinds.extend([
        Kind { stack: router, ..added("router", "") },
        Kind {
            stack: "forwarding = true\nlearn_announced = false\nexamine_options = true\n",
            ..added("router that heeds otherwise", "")
        },
        Kind { stack: router, ..added("advertiser", "[interface.advertise]\n") },
        Kind {
            stack: router,
            ..kind(
                "advertiser that says otherwise",
                "[interface.advertise]\n",
                r#"[interface.advertise]
max_interval = 30
min_interval = 10
managed = true
other = true
default_lifetime = 77
preference = "high"
hop_limit = 7
reachable_time_ms = 700
retrans_timer_ms = 70
mtu = 1400
source_link_layer = false
own_prefixes = false
captive_portal = "https://example.org/"
unicast_only = true
answer_alone = false
[[interface.advertise.prefix]]
prefix = "2001:db8:9::/64"
on_link = false
autonomous = false
router_address = true
valid = 700
preferred = 70
decrement = true
deprecate_on_stop = true
[[interface.advertise.route]]
prefix = "2001:db8:9::/48"
preference = "low"
lifetime = 700
[[interface.advertise.rdnss]]
servers = ["2001:db8::53"]
lifetime = 700
[[interface.advertise.dnssl]]
domains = ["example.org"]
lifetime = 700
[[interface.advertise.nat64]]
prefix = "64:ff9b::/96"
lifetime = 700
"#,
            )
        },
    ]);
    kinds.extend([
        kind("listening", "[mld]\nrobustness = 3\n", "[mld]\nenabled = false\nrobustness = 2\ngroups = 7\n"),
        added("conflict detection", "[acd]\nenabled = false\ndefence = \"once\"\n"),
    ]);
    let filter = "[filter]\nrules = \"one.nft\"\n";
    kinds.extend([
        added("filter", filter),
        kind("other rules", filter, "[filter]\nrules = \"other.nft\"\n"),
        kind(
            "filter that does otherwise",
            filter,
            "[filter]\nrules = [\"one.nft\"]\nbuilt_in = false\nstates = 7777\nstates_per_source = 777\nloose = false\n\
             timeouts = { tcp_established_s = 777 }\n",
        ),
    ]);
    kinds
}

/// Rules that let in what is known, and new pings; and others that let in only what is known.
const RULES: [(&str, &str); 2] = [
    (
        "one.nft",
        "ct state established,related accept; icmpv6 type echo-request accept; icmp type echo-request accept",
    ),
    (
        "other.nft",
        "ct state vmap { established : accept, related : accept }; meta l4proto { icmp, ipv6-icmp } accept; counter",
    ),
];

/// Packets of one kind that are answered until this is ended.
struct Pings<'h> {
    host: &'h Host,
    running: siding_tests::Running,
    begun: Instant,
}

impl<'h> Pings<'h> {
    fn begin(host: &'h Host, to: &str) -> Pings<'h> {
        let running = host.start("ping", &["-q", "-i", "0.002", "-c", "1000000", to]);
        Pings { host, running, begun: Instant::now() }
    }

    /// How many were sent. Every one was answered, but for the last, which may be under way.
    fn end(mut self) -> u64 {
        // However soon all was done: a thousand take two seconds and a half.
        thread::sleep(Duration::from_secs(3).saturating_sub(self.begun.elapsed()));
        self.running.signal(Signal::INT);
        let finished: Finished = self.running.finish(PATIENCE);
        let line = finished.stdout.lines().find(|line| line.contains("packets transmitted"));
        let line = line.unwrap_or_else(|| panic!("{}: {finished}", self.host.name()));
        let numbers: Vec<u64> = line.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        assert!(numbers[0] > 1000 && numbers[0] - numbers[1] <= 1, "{line}");
        numbers[0]
    }
}

#[test]
fn no_packet_is_lost_of_what_did_not_change() {
    if !need(&["ping"]) {
        return;
    }
    let Some(lab) = Lab::open() else { return };
    let (ours, peer) = lab.pair();
    for address in ["2001:db8::2/64", "192.0.2.2/24"] {
        peer.address("eth0", address);
    }
    for (name, rules) in RULES {
        let rules = rules.replace("; ", "\n");
        let text = format!(
            "table inet t {{\nchain input {{\ntype filter hook input priority 0; policy drop;\n{rules}\n}}\n}}\n"
        );
        fs::write(lab.directory().join(name), text).unwrap();
    }
    let daemon = Siding::start(&lab, &ours, &["run"], &(PACKET.to_owned() + OTHERS));
    let own = ["2001:db8::1", "192.0.2.1"];
    own.iter().for_each(|own| wait_until_up(&peer, own));
    let began = ours_of(&ours, &daemon);
    let pings = own.map(|own| Pings::begin(&peer, own));
    thread::sleep(Duration::from_millis(200));
    let mut reloads = 0;
    for Kind { name, stack, from, to } in kinds() {
        let with = |keys: &str| PACKET.replacen("[[interface]]", &format!("{keys}[[interface]]"), 1);
        let mut load = |keys: &str, more: &str| {
            reloads += 1;
            reload(&ours, &daemon, &with(keys), &(OTHERS.to_owned() + more))
        };
        // What it advertises it can only as a router.
        let before = if from.contains("advertise") || to.contains("advertise = ") {
            "forwarding = true\n"
        } else {
            ""
        };
        if !from.is_empty() || !before.is_empty() {
            load(before, &from);
        }
        let after = if stack.is_empty() { before } else { stack };
        let plan = load(after, &to);
        assert!(plan.lines().any(|line| line.starts_with(['+', '-', '~'])), "{name}: {plan}");
        assert!(!plan.contains(" eth0:") && !plan.contains("interface eth0"), "{name}: {plan}");
        let back = load(before, &from);
        // What was only added goes as it came; of what was there, something may have to be made anew.
        let added = from.is_empty() && stack.is_empty();
        assert!(!added || plan.lines().count() == back.lines().count(), "{name}: {plan}{back}");
        let differs = siding(&ours, &daemon, &["config", "diff"]).expect_success();
        assert_eq!(differs, "nothing changes\n", "{name}: {plan}{back}");
        load("", "");
    }
    // What is of the start changes nothing now.
    let plan =
        reload(&ours, &daemon, PACKET, &(OTHERS.to_owned() + "[limits]\nerror_rate = 7\npath_mtus = 7\n"));
    assert!(plan.lines().count() == 2 && plan.lines().all(|line| line.starts_with("! ")), "{plan}");
    reload(&ours, &daemon, PACKET, OTHERS);
    thread::sleep(Duration::from_millis(200));
    let sent: u64 = pings.into_iter().map(Pings::end).sum();
    println!("{reloads} reloads, {sent} packets, none lost");
    assert_eq!(ours_of(&ours, &daemon), began, "the interface is the same, and its neighbor is known");
    daemon.stop();
}

/// The identity of eth0, and its neighbor.
fn ours_of(ours: &Host, daemon: &Siding) -> (String, bool) {
    let interfaces = siding(ours, daemon, &["show", "interfaces", "--json"]).expect_success();
    let at = interfaces.find("\"eth0\"").unwrap();
    let id = interfaces[..at].rfind("\"id\"").map_or(0, |at| at);
    let id = interfaces[id..].split(',').next().unwrap().to_owned();
    (id, siding(ours, daemon, &["show", "neighbors"]).expect_success().contains("2001:db8::2"))
}

/// Every key by its tables' names.
fn keys(value: &Value, at: &str, into: &mut BTreeSet<String>) {
    match value {
        Value::Table(table) => table.iter().for_each(|(key, value)| {
            let name = if at.is_empty() { key.clone() } else { format!("{at}.{key}") };
            keys(value, &name, into);
            into.insert(name);
        }),
        Value::Array(all) => all.iter().for_each(|value| keys(value, at, into)),
        _ => {}
    }
}

/// The page is made from the code: a key that is not there does not exist.
#[test]
fn each_key_that_a_reload_obeys_is_among_the_kinds() {
    /// What is set when a run begins.
    const BEGUN: [&str; 2] = ["metrics", "security"];
    const SWITCHES: [&str; 3] = ["forwarding", "learn_announced", "examine_options"];
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/configuration.md");
    let (mut table, mut all) = (String::new(), BTreeSet::new());
    for line in fs::read_to_string(page).unwrap().lines() {
        if let Some(name) = line.strip_prefix("## `") {
            table = name.trim_matches(['`', '[', ']']).to_owned();
        } else if let Some((key, _)) = line.strip_prefix("| `").and_then(|line| line.split_once('`')) {
            let begun = BEGUN.contains(&table.as_str()) || table.starts_with("limits");
            if !begun && (table != "stack" || SWITCHES.contains(&key)) {
                all.insert(format!("{table}.{key}"));
            }
        }
    }
    assert!(all.len() > 150, "{all:?}");
    let mut covered = BTreeSet::new();
    for Kind { stack, to, .. } in kinds() {
        let text = format!("[stack]\n{stack}{OTHERS}{to}");
        keys(&text.parse::<toml::Table>().unwrap().into(), "", &mut covered);
    }
    let missing: Vec<&String> = all.difference(&covered).collect();
    assert!(missing.is_empty(), "{missing:#?}");
}
