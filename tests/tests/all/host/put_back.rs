//! What is said to run is what runs: after steps that failed, ways back that failed, and commands that a reload takes back.

use std::fs;

use siding_tests::Host;
use siding_tests::Lab;
use siding_tests::Siding;
use siding_tests::wait_for;

use super::telling::asking;
use super::util::*;

const BASE: &str = "[stack]\ncontrol = \"{control}\"\n[[interface]]\nname = \"m0\"\ndriver = \"memory\"\n\
                    addresses = [\"2001:db8::1/64\"]\ndad = false\n";

fn shown(host: &Host, daemon: &Siding) -> String {
    siding(host, daemon, &["config", "show"]).expect_success()
}

/// The file as it is, with `more` behind it; what is told of loading it.
fn load(host: &Host, daemon: &Siding, text: &str, words: &[&str]) -> (bool, String) {
    let path = daemon.config().with_extension("new");
    fs::write(&path, text.replace("{control}", &daemon.control().to_string_lossy())).unwrap();
    let all: Vec<&str> =
        ["reload", path.to_str().unwrap()].into_iter().chain(words.iter().copied()).collect();
    let finished = siding(host, daemon, &all);
    (finished.succeeded(), finished.stdout.clone() + &finished.stderr)
}

#[test]
fn numbers_that_make_no_sense_are_refused_before_anything_is_done() {
    let Some(lab) = Lab::open() else { return };
    let ours = lab.host("ours");
    let daemon = Siding::start(&lab, &ours, &["run"], BASE);
    let before = shown(&ours, &daemon);
    let text = BASE.replace("2001:db8::1", "2001:db8::2").replace('\n', "\\n").replace('"', "\\\"");
    let mut ask = asking(daemon.control());
    for seconds in [0, 86_401, u64::MAX] {
        let told = ask(&format!(
            r#"{{"request":"reload","action":"load","file":{{"path":"/a","text":"{text}"}},"dry_run":false,"confirm_s":{seconds}}}"#
        ));
        assert!(told.contains("give 1 to 86400"), "{told}");
    }
    // As long as there is anything: forever, and nothing panics.
    let most = u64::MAX;
    for request in [
        format!(
            r#"{{"request":"address-add","interface":"m0","address":"2001:db8::7/64","dad":false,"preferred_s":{most},"valid_s":{most}}}"#
        ),
        format!(r#"{{"request":"ping-wait","timeout_ms":{most}}}"#),
        format!(
            r#"{{"request":"interface-tune","name":"m0","mtu":null,"hop_limit":null,"reachable_time_ms":{most}}}"#
        ),
        format!(r#"{{"request":"filter","action":"states","which":{{"most":{most}}},"flush":false}}"#),
        format!(r#"{{"request":"vlan","action":"delete","name":"m0","timeout_ms":{most}}}"#),
        format!(
            r#"{{"request":"bridge","action":"add","name":"b","ports":[],"ageing_s":{most},"stations":{most},"addresses":[],"link_local":false,"dad":false}}"#
        ),
    ] {
        let told = ask(&request);
        assert!(!told.contains("a bug in Siding"), "{request}: {told}");
    }
    assert_eq!(shown(&ours, &daemon), before);
    let log = daemon.stop().stderr;
    assert!(!log.contains("panicked"), "{log}");
}

#[test]
fn what_a_command_changed_is_taken_back_by_a_reload() {
    let Some(lab) = Lab::open() else { return };
    let ours = lab.host("ours");
    let config = BASE.to_owned()
        + "[[interface]]\nname = \"p0\"\ndriver = \"memory\"\n[[interface]]\nname = \"p1\"\ndriver = \"memory\"\n\
           [[lagg]]\nname = \"lagg0\"\nmode = \"failover\"\nports = [\"p0\"]\nmtu = 1450\n\
           [[bridge]]\nname = \"br0\"\nports = [\"p1\"]\nmtu = 1400\n";
    let daemon = Siding::start(&lab, &ours, &["run"], &config);
    let rows = || {
        let text = siding(&ours, &daemon, &["show", "interfaces", "--json"]).expect_success();
        let kept = |line: &&str| ["\"name\"", "\"mtu\"", "\"id\""].iter().any(|key| line.contains(key));
        text.lines().filter(kept).map(|line| line.trim().to_owned()).collect::<Vec<_>>()
    };
    let before = rows();
    for name in ["m0", "lagg0", "br0"] {
        siding(&ours, &daemon, &["interface", "set", name, "--mtu", "1300"]).expect_success();
    }
    assert_eq!(rows().iter().filter(|row| row.contains("1300")).count(), 3, "{:?}", rows());
    assert_eq!(shown(&ours, &daemon).matches("mtu = 1300").count(), 3);
    // A port takes no more than it takes.
    for name in ["lagg0", "br0"] {
        let refused = siding(&ours, &daemon, &["interface", "set", name, "--mtu", "9000"]);
        assert!(!refused.succeeded() && refused.stderr.contains("1500"), "{refused}");
    }
    let plan = siding(&ours, &daemon, &["reload"]).expect_success();
    assert!(plan.lines().all(|line| line.starts_with('~')) && plan.lines().count() == 3, "{plan}");
    assert_eq!(rows(), before, "nothing was made anew");
    // By itself again, which is otherwise than the file says.
    siding(&ours, &daemon, &["interface", "set", "lagg0", "--mtu", "0"]).expect_success();
    assert!(rows().contains(&"\"mtu\": 1500,".to_owned()));
    assert!(!shown(&ours, &daemon).contains("mtu = 1450"));
    siding(&ours, &daemon, &["reload"]).expect_success();
    assert_eq!(rows(), before);
    // All else of a lagg and a bridge, too.
    let other = config
        .replace(
            "mtu = 1450",
            "reselect = \"failure\"\nhash = [\"l3\"]\nannounce_count = 1\nmac = \"02:00:00:00:77:01\"",
        )
        .replace("mtu = 1400", "mtu = 1400\nageing_s = 7\nstations = 99\nmac = \"02:00:00:00:77:02\"");
    let (done, plan) = load(&ours, &daemon, &other, &[]);
    assert!(done && plan.lines().all(|line| line.starts_with('~')), "{plan}");
    let bridge = siding(&ours, &daemon, &["bridge", "show", "--json"]).expect_success();
    for part in ["\"ageing_s\": 7", "\"limit\": 99", "02:00:00:00:77:02"] {
        assert!(bridge.contains(part), "{part}: {bridge}");
    }
    assert!(siding(&ours, &daemon, &["lagg", "show"]).expect_success().contains("02:00:00:00:77:01"));
    daemon.stop();
}

#[test]
fn how_one_address_is_tested_is_said_of_that_one() {
    let Some(lab) = Lab::open() else { return };
    let ours = lab.host("ours");
    let more = "[[interface]]\nname = \"m1\"\ndriver = \"memory\"\n";
    let daemon = Siding::start(&lab, &ours, &["run"], &(BASE.to_owned() + more));
    siding(&ours, &daemon, &["address", "add", "2001:db8:2::1/64", "dev", "m0"]).expect_success();
    siding(&ours, &daemon, &["address", "add", "2001:db8:3::1/64", "dev", "m1", "--no-dad"]).expect_success();
    siding(&ours, &daemon, &["address", "add", "2001:db8:4::1/64", "dev", "m1"]).expect_success();
    let text = shown(&ours, &daemon);
    for part in
        ["\"2001:db8::1/64\", \"2001:db8:2::1/64 dad\"", "\"2001:db8:3::1/64 no-dad\", \"2001:db8:4::1/64\""]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
    // It means the same: nothing would change, and a run that begins with it says it again.
    let (done, plan) = load(&ours, &daemon, &text, &["--dry-run"]);
    assert!(done && plan == "nothing changes\n", "{plan}");
    daemon.stop();
    let daemon = Siding::start(&lab, &ours, &["run"], &text);
    assert_eq!(shown(&ours, &daemon), text);
    // Not tested is preferred at once.
    let rows = siding(&ours, &daemon, &["show", "addresses"]).expect_success();
    let row = rows.lines().find(|row| row.contains("2001:db8:3::1/64")).unwrap_or_default();
    assert!(row.contains("preferred"), "{rows}");
    let wrong = text.replace("no-dad", "untested");
    let (done, told) = load(&ours, &daemon, &wrong, &[]);
    assert!(!done && told.contains("give `dad`, `no-dad` or nothing"), "{told}");
    daemon.stop();
}

#[test]
fn after_a_step_that_failed_it_is_known_what_runs() {
    let Some(lab) = Lab::open() else { return };
    let (ours, _peer) = lab.pair();
    ours.netlink().create_veth("gone0", "gone1", None).unwrap();
    let gone = "[[interface]]\nname = \"gone0\"\ndriver = \"packet\"\naddresses = [\"2001:db8:9::1/64\"]\n\
                anycast = [\"2001:db8:9::a\"]\n[[group]]\ninterface = \"gone0\"\ngroup = \"ff05::77\"\n";
    let daemon = Siding::start(&lab, &ours, &["run"], &(BASE.to_owned() + gone));
    // The one part is done, and the other is not.
    let refused =
        siding(&ours, &daemon, &["interface", "set", "m0", "--mtu", "1400", "--reachable-time", "99999999"]);
    assert!(!refused.succeeded(), "{refused}");
    assert!(shown(&ours, &daemon).contains("mtu = 1400"), "{}", shown(&ours, &daemon));
    // It goes, and cannot come again.
    let nowhere = "[[interface]]\nname = \"nowhere\"\ndriver = \"packet\"\n";
    siding(&ours, &daemon, &["interface", "detach", "gone0"]).expect_success();
    siding(&ours, &daemon, &["interface", "attach", "gone0"]).expect_success();
    let missing = BASE.to_owned() + nowhere;
    ours.netlink().delete_link("gone0").unwrap();
    let (done, told) = load(&ours, &daemon, &missing, &[]);
    assert!(!done && told.contains("not everything could be set back"), "{told}");
    let names = siding(&ours, &daemon, &["show", "interfaces"]).expect_success();
    let runs = shown(&ours, &daemon);
    let says = |line: &&str| line.contains("gone0");
    let (noted, set): (Vec<&str>, Vec<&str>) = runs
        .lines()
        .filter(says)
        .partition(|line| line.starts_with("# not set back yet, of a reload that failed"));
    assert!(!names.contains("gone0") && noted.len() == 1 && set.is_empty(), "{names}{runs}");
    wait_for("why", PATIENCE, || daemon.log().contains("setting back, interface gone0").then_some(()));
    // It comes again when it can, with all that was on it.
    assert!(told.contains("it is tried again"), "{told}");
    ours.netlink().create_veth("gone0", "gone1", None).unwrap();
    wait_for("what was set back", PATIENCE, || {
        let runs = shown(&ours, &daemon);
        let all = ["2001:db8:9::1/64", "2001:db8:9::a", "ff05::77"].iter().all(|part| runs.contains(part));
        (all && !runs.contains("not set back")).then_some(())
    });
    let (done, plan) = load(&ours, &daemon, &(BASE.to_owned() + gone), &["--dry-run"]);
    assert!(
        done && plan == "~ interface m0, memory m0 (was: interface m0, memory m0, mtu 1400 bytes)\n",
        "{plan}"
    );
    // Nor what somebody takes away meanwhile: it does not come again behind his back.
    ours.netlink().delete_link("gone0").unwrap();
    let (done, told) = load(&ours, &daemon, &missing, &[]);
    assert!(!done && told.contains("it is tried again"), "{told}");
    for gone in ["address del 2001:db8:9::1", "anycast del 2001:db8:9::a", "group leave ff05::77"] {
        let words: Vec<&str> = gone.split(' ').chain(["dev", "gone0"]).collect();
        assert!(!siding(&ours, &daemon, &words).succeeded(), "{gone}");
    }
    ours.netlink().create_veth("gone0", "gone1", None).unwrap();
    wait_for("the rest", PATIENCE, || {
        let shown = siding(&ours, &daemon, &["show", "interfaces"]).expect_success();
        shown.contains("gone0").then_some(())
    });
    for gone in ["2001:db8:9::1/64", "2001:db8:9::a", "ff05::77"] {
        assert!(!shown(&ours, &daemon).contains(gone), "{gone}: {}", shown(&ours, &daemon));
    }
    let (done, told) = load(&ours, &daemon, &(BASE.to_owned() + gone), &[]);
    assert!(done, "{told}");
    // Nothing of that is wanted any more when another is loaded.
    ours.netlink().delete_link("gone0").unwrap();
    let (done, told) = load(&ours, &daemon, &missing, &[]);
    assert!(!done && told.contains("it is tried again"), "{told}");
    let (done, plan) = load(&ours, &daemon, BASE, &[]);
    assert!(done && !plan.contains("gone0"), "{plan}");
    ours.netlink().create_veth("gone0", "gone1", None).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(2500));
    assert!(!shown(&ours, &daemon).contains("gone0"), "{}", shown(&ours, &daemon));
    daemon.stop();
}

#[test]
fn what_waits_on_a_port_is_no_part_of_the_file() {
    let Some(lab) = Lab::open() else { return };
    let ours = lab.host("ours");
    let more = "[[interface]]\nname = \"m1\"\ndriver = \"memory\"\n[[bridge]]\nname = \"br0\"\n";
    let daemon = Siding::start(&lab, &ours, &["run"], &(BASE.to_owned() + more));
    for words in ["group join ff05::77 dev m1", "bridge add-port br0 m1", "group join ff05::78 dev br0"] {
        let words: Vec<&str> = words.split(' ').collect();
        siding(&ours, &daemon, &words).expect_success();
    }
    let text = shown(&ours, &daemon);
    assert!(text.starts_with("# Left out: m1: group ff05::77, as that is a port\n"), "{text}");
    assert!(text.contains("ff05::78"), "{text}");
    let (done, told) = load(&ours, &daemon, &text, &["--dry-run"]);
    assert!(done, "a file that was saved is refused: {told}");
    // It is joined again when the port is released.
    siding(&ours, &daemon, &["bridge", "remove-port", "br0", "m1"]).expect_success();
    assert!(shown(&ours, &daemon).contains("ff05::77\""), "{}", shown(&ours, &daemon));
    daemon.stop();
}

#[test]
fn without_a_link_local_address_there_is_none_of_an_earlier_mac() {
    let Some(lab) = Lab::open() else { return };
    let ours = lab.host("ours");
    let lagg = |more: &str| {
        BASE.to_owned()
            + "[[interface]]\nname = \"p0\"\ndriver = \"memory\"\nmac = \"02:00:00:00:00:01\"\n\
               [[lagg]]\nname = \"lagg0\"\nmode = \"failover\"\nports = [\"p0\"]\ndad = false\n\
               addresses = [\"fe80::77/64\"]\n"
            + more
    };
    let daemon = Siding::start(&lab, &ours, &["run"], &lagg(""));
    let has = |part: &str| siding(&ours, &daemon, &["show", "addresses"]).expect_success().contains(part);
    assert!(has("fe80::ff:fe00:1"));
    siding(&ours, &daemon, &["lagg", "set-mac", "lagg0", "02:00:00:00:00:02"]).expect_success();
    siding(&ours, &daemon, &["lagg", "set-mac", "lagg0", "02:00:00:00:00:03"]).expect_success();
    let (done, plan) = load(&ours, &daemon, &lagg("mac = \"02:00:00:00:00:03\"\nlink_local = false\n"), &[]);
    assert!(done && plan == "- lagg0: link-local address\n", "{plan}");
    let rows = siding(&ours, &daemon, &["show", "addresses"]).expect_success();
    assert!(!rows.contains("fe80::ff:fe00:"), "{rows}");
    assert!(rows.contains("fe80::77"), "one that was given stays: {rows}");
    daemon.stop();
}

#[test]
fn a_way_back_that_fails_is_told_and_tried_again() {
    let Some(lab) = Lab::open() else { return };
    let (ours, _peer) = lab.pair();
    ours.netlink().create_veth("back0", "back1", None).unwrap();
    let back = "[[interface]]\nname = \"back0\"\ndriver = \"packet\"\naddresses = [\"2001:db8:9::1/64\"]\n";
    let daemon = Siding::start(&lab, &ours, &["run"], &(BASE.to_owned() + back));
    let (done, told) = load(&ours, &daemon, BASE, &["--confirm", "4"]);
    assert!(done, "{told}");
    assert!(
        shown(&ours, &daemon).starts_with("# a reload waits to be confirmed: "),
        "{}",
        shown(&ours, &daemon)
    );
    ours.netlink().delete_link("back0").unwrap();
    wait_for("the failure", PATIENCE, || daemon.log().contains("going back: ").then_some(()));
    for words in [["config", "diff"], ["config", "show"]] {
        let told = siding(&ours, &daemon, &words).expect_success();
        assert!(told.contains("going back has failed") && told.contains("back0"), "{told}");
    }
    assert!(shown(&ours, &daemon).contains("m0"));
    let (done, told) = load(&ours, &daemon, BASE, &[]);
    assert!(!done && told.contains("siding reload confirm"), "{told}");
    ours.netlink().create_veth("back0", "back1", None).unwrap();
    wait_for("the way back", PATIENCE, || shown(&ours, &daemon).contains("2001:db8:9::1/64").then_some(()));
    assert!(!shown(&ours, &daemon).contains("waits"));
    daemon.stop();
}

#[test]
fn rules_are_beside_the_file_that_names_them_wherever_the_daemon_is() {
    let Some(lab) = Lab::open() else { return };
    let ours = lab.host("ours");
    let daemon = Siding::start(&lab, &ours, &["run"], BASE);
    let directory = lab.directory().join("elsewhere");
    fs::create_dir_all(&directory).unwrap();
    fs::write(
        directory.join("rules.nft"),
        "table inet t { chain c { type filter hook input priority 0; } }\n",
    )
    .unwrap();
    let text =
        BASE.replace("{control}", &daemon.control().to_string_lossy()) + "[filter]\nrules = \"rules.nft\"\n";
    fs::write(directory.join("new.toml"), text).unwrap();
    let line = format!(
        "cd {} && {} --control {} reload new.toml",
        directory.display(),
        Siding::binary().display(),
        daemon.control().display()
    );
    ours.run("sh", &["-c", &line]).expect_success();
    assert!(shown(&ours, &daemon).contains("elsewhere/rules.nft"), "{}", shown(&ours, &daemon));
    daemon.stop();
}
