//! What protocols of the stack say of themselves, by the list that the daemon has of it alone: their sections and tables.

use std::fs;

use serde_json::Value;
use siding_tests::Host;
use siding_tests::Lab;
use siding_tests::Siding;

use super::reload::reload;
use super::schema::told;
use super::util::*;

/// The values of a section by their keys, each with whether somebody has said it.
fn section(host: &Host, daemon: &Siding, name: &str) -> Vec<String> {
    let rows = told(host, daemon, &["show", "sections", "--json"]);
    let rows = rows.as_array().unwrap().iter().filter(|row| row["section"] == name);
    rows.map(|row| format!("{} {} {}", row["key"], row["value"], row["said"]).replace('"', "")).collect()
}

fn refused(host: &Host, daemon: &Siding, words: &str) -> String {
    let finished = siding(host, daemon, &words.split(' ').collect::<Vec<_>>());
    assert!(!finished.succeeded(), "{finished}");
    finished.stderr
}

#[test]
fn a_protocol_is_configured_by_its_section_while_it_runs() {
    let Some(lab) = Lab::open() else { return };
    let (ours, _peer) = lab.pair();
    let base = format!("{PACKET}[[group]]\ninterface = \"eth0\"\ngroup = \"ff05::1\"\n");
    let daemon = Siding::start(&lab, &ours, &["run"], &base);
    let mld = || section(&ours, &daemon, "mld");
    let done = |words: &str| {
        siding(&ours, &daemon, &words.split(' ').collect::<Vec<_>>()).expect_success();
    };
    let usual = ["enabled true false", "robustness 2 false", "groups 1024 false"];
    assert_eq!(mld(), usual);
    done("set mld robustness=3 groups=1");
    assert_eq!(mld(), ["enabled true false", "robustness 3 true", "groups 1 true"]);
    assert!(refused(&ours, &daemon, "group join ff05::2 dev eth0").contains("its limit"));
    // What runs is said with it, and is what a file that says so has.
    let shown = siding(&ours, &daemon, &["config", "show"]).expect_success();
    assert!(shown.contains("[mld]\nrobustness = 3\ngroups = 1\n"), "{shown}");
    assert_eq!(reload(&ours, &daemon, &base, "[mld]\ngroups = 1\nrobustness = 3\n"), "nothing changes\n");
    // Each that is wrong changes nothing, though others of its line are right.
    for (words, why) in [
        ("set mld groups=7 robustness=9", "[mld] robustness: 9 reports of each change: give 2 to 7"),
        ("set mld groups=7 interval=1", "[mld] has no key 'interval': there is enabled, robustness, groups"),
        ("set acd defence=never", "[acd] defence: never: give one of give-up, once, always"),
        // What runs can be said as a file, and the same in the same words.
        ("set mld groups=0", "[mld] groups: 1 are joined on eth0: leave some first, or allow as many"),
        ("set mld groups=+3", "[mld] groups: +3 joined groups: give 0 to 65536"),
        ("set dlm groups=7", "no section [dlm]: there is mld, acd"),
    ] {
        let told = refused(&ours, &daemon, words);
        assert!(told.contains(why), "{words}: {told}");
    }
    assert_eq!(mld()[2], "groups 1 true");
    // A reload that fails later takes it back.
    let text = fs::read_to_string(daemon.config()).unwrap();
    let other =
        text.replace("groups = 1", "groups = 5") + "[[interface]]\nname = \"e9\"\ndriver = \"packet\"\n";
    fs::write(daemon.config(), other).unwrap();
    refused(&ours, &daemon, "reload");
    assert_eq!(mld()[2], "groups 1 true");
    let wrong = text.replace("groups = 1", "groups = 65_537");
    fs::write(daemon.config(), &wrong).unwrap();
    let line = wrong.lines().position(|line| line.starts_with("groups")).unwrap() + 1;
    for told in [
        refused(&ours, &daemon, "reload"),
        refused(&ours, &daemon, &format!("check {}", daemon.config().display())),
    ] {
        let place = format!(":{line}:10: 65537 joined groups: give 0 to 65536");
        assert!(told.contains(&place), "{told}");
    }
    // Back to what is usual, by hand and by a file.
    done("set mld groups=");
    assert_eq!(mld(), ["enabled true false", "robustness 3 true", "groups 1024 false"]);
    done("group join ff05::2 dev eth0");
    done("group leave ff05::2 dev eth0");
    assert_eq!(reload(&ours, &daemon, &base, ""), "- [mld] robustness = 3\n");
    assert_eq!(mld(), usual);
    daemon.stop();
}

#[test]
fn each_table_is_shown_by_its_name() {
    let Some(lab) = Lab::open() else { return };
    let (ours, peer) = lab.pair();
    peer.address("eth0", "2001:db8::2/64");
    let daemon = Siding::start(&lab, &ours, &["run"], PACKET);
    wait_until_up(&peer, "2001:db8::1");
    let tables = told(&ours, &daemon, &["show", "tables", "--json"]);
    let names: Vec<&str> =
        tables.as_array().unwrap().iter().map(|row| row["table"].as_str().unwrap()).collect();
    assert!(names.len() > 10, "{names:?}");
    for name in &names {
        let table = told(&ours, &daemon, &["show", "table", name, "--json"]);
        assert_eq!((&table["table"], &table["left_out"]), (&Value::from(*name), &Value::from(0)));
        let columns = table["columns"].as_array().unwrap().len();
        let rows = table["rows"].as_array().unwrap();
        assert!(rows.iter().all(|row| row.as_array().unwrap().len() == columns), "{table}");
        siding(&ours, &daemon, &["show", "table", name]).expect_success();
    }
    // What it says in words is what the report says.
    let shown = siding(&ours, &daemon, &["show", "table", "neighbors"]).expect_success();
    let row = shown.lines().find(|line| line.contains(" 2001:db8::2 ")).unwrap_or_else(|| panic!("{shown}"));
    let state = row.split_whitespace().nth(3).unwrap().to_uppercase();
    assert!(["REACHABLE", "STALE", "DELAY", "PROBE"].contains(&state.as_str()), "{row}");
    assert!(shown.starts_with("INTERFACE  ADDRESS "), "{shown}");
    let told = refused(&ours, &daemon, "show table nothing");
    assert!(names.iter().all(|name| told.contains(name)), "{told}");
    assert!(refused(&ours, &daemon, "show routes nothing").contains("only tables have names"));
    daemon.stop();
}
