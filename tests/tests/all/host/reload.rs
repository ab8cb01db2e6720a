//! A configuration in the place of another while packets pass: what did not change does not notice.

use std::fs;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use rustix::process::Signal;
use siding_tests::Host;
use siding_tests::Lab;
use siding_tests::Siding;
use siding_tests::need;
use siding_tests::wait_for;

use super::by_hand::EVERYTHING;
use super::by_hand::seen;
use super::util::*;

/// Puts `more` behind what the daemon was started with, and has it reload that.
pub(super) fn reload(host: &Host, daemon: &Siding, base: &str, more: &str) -> String {
    fs::write(daemon.config(), base.replace("{control}", &daemon.control().to_string_lossy()) + more)
        .unwrap();
    siding(host, daemon, &["reload"]).expect_success()
}

fn shown(host: &Host, daemon: &Siding) -> String {
    siding(host, daemon, &["config", "show"]).expect_success()
}

/// What is said of a command that fails.
fn refused(host: &Host, daemon: &Siding, words: &[&str]) -> String {
    let finished = siding(host, daemon, words);
    assert!(!finished.succeeded(), "{finished}");
    finished.stderr
}

fn written(lab: &Lab, name: &str, text: &str) -> PathBuf {
    let path = lab.directory().join(name);
    fs::write(&path, text).unwrap();
    path
}

#[test]
fn what_runs_is_said_as_a_file_that_makes_it_again() {
    let Some(lab) = Lab::open() else { return };
    let ours = lab.host("ours");
    let daemon = Siding::start(&lab, &ours, &["run"], EVERYTHING);
    for words in [
        "address add 2001:db8:a::1/64 dev lan --no-dad",
        "address del 192.0.2.1 dev lan",
        "address add 2001:db8:b::1/64 dev v56 --no-dad",
        "anycast add 2001:db8:b::a dev v56",
        "route add 2001:db8:c::/48 via 2001:db8:b::9 metric 5",
        "route del 2001:db8:f7::/48",
        "route refuse 2001:db8:d::/48 how prohibit",
        "neighbor add 2001:db8:b::7 lladdr 02:00:00:00:00:77 dev v56",
        "neighbor flush 192.0.2.7 dev lan",
        "group join ff05::77 dev v5",
        "group leave ff05::1234 dev lan",
        "interface set lan --hop-limit 9 --reachable-time 0 --retrans-timer 500",
        "interface set v5 --mtu 1400 --hop-limit 7",
        "interface set br0 --mtu 1300",
        "interface set p0 --mtu 1400 --hop-limit 3",
        "interface set p0 --mtu 0 --hop-limit 0",
        "interface down wan",
        "interface attach more --driver memory --mtu 1400 --no-link-local",
        "interface attach p2 --driver memory",
        "lagg add-port lagg0 p2",
        "lagg set-mac lagg0 02:00:00:00:77:77",
        "vlan add v7 --parent more --vid 7 --protocol 802.1ad --no-dad",
        "advertise stop lan",
        "advertise start v7 --max-interval 30",
        "autoconf start lagg0",
        "autoconf stop wan",
        "learn-announced off",
        "examine-options on",
    ] {
        let words: Vec<&str> = words.split_whitespace().collect();
        siding(&ours, &daemon, &words).expect_success();
    }
    let text = shown(&ours, &daemon);
    let path = written(&lab, "again.toml", &text);
    let path = path.to_str().unwrap();
    assert_eq!(
        siding(&ours, &daemon, &["config", "diff", path]).expect_success(),
        "nothing changes\n",
        "{text}"
    );
    // Who ceases to advertise says so a few times more.
    let ceased = || !siding(&ours, &daemon, &["advertise", "show"]).expect_success().contains("ceasing");
    wait_for("the last farewell", PATIENCE, || ceased().then_some(()));
    let before = seen(&ours, &daemon);
    daemon.stop();

    let daemon = Siding::start(&lab, &ours, &["run"], &text);
    assert_eq!(shown(&ours, &daemon), text);
    wait_for("all that was said to be so again", PATIENCE, || {
        let after = seen(&ours, &daemon);
        let differs: Vec<_> = before
            .iter()
            .filter(|line| !after.contains(line))
            .chain(after.iter().filter(|line| !before.contains(line)))
            // A device's address is of its first port, which has another by now.
            .collect();
        if !differs.is_empty() {
            println!("{differs:#?}");
        }
        differs.is_empty().then_some(())
    });
    // And back to where it began, and there again.
    let other =
        written(&lab, "other.toml", &EVERYTHING.replace("{control}", &daemon.control().to_string_lossy()));
    siding(&ours, &daemon, &["reload", other.to_str().unwrap()]).expect_success();
    assert_ne!(seen(&ours, &daemon), before);
    siding(&ours, &daemon, &["reload", path]).expect_success();
    assert_eq!(siding(&ours, &daemon, &["config", "diff", path]).expect_success(), "nothing changes\n");
    siding(&ours, &daemon, &["address", "add", "2001:db8:e::1/64", "dev", "lan"]).expect_success();
    let saved = lab.directory().join("saved.toml");
    siding(&ours, &daemon, &["config", "save", saved.to_str().unwrap()]).expect_success();
    assert_eq!(fs::read_to_string(saved).unwrap(), shown(&ours, &daemon));
    daemon.stop();
}

#[test]
fn what_a_file_says_of_the_next_start_is_not_saved_over() {
    let Some(lab) = Lab::open() else { return };
    let (ours, _peer) = lab.pair();
    let daemon = Siding::start(&lab, &ours, &["run"], PACKET);
    let refused = |words: &str| {
        let saved = siding(&ours, &daemon, &["config", "save"]);
        assert!(!saved.succeeded() && saved.stderr.contains(words), "{saved}");
    };
    let text = fs::read_to_string(daemon.config()).unwrap();
    siding(&ours, &daemon, &["config", "save"]).expect_success();
    let edited = text.clone() + "[security]\nconfine = false\n";
    fs::write(daemon.config(), &edited).unwrap();
    siding(&ours, &daemon, &["reload"]).expect_success();
    refused("security.confine");
    // One with a mistake says perhaps more than is known.
    fs::write(daemon.config(), text.clone() + "[securit]\n").unwrap();
    refused("cannot be compared");
    fs::write(daemon.config(), text.replace("192.0.2.1/24", "192.0.2.9/24")).unwrap();
    siding(&ours, &daemon, &["reload", "--confirm", "60"]).expect_success();
    refused("waits to be confirmed");
    siding(&ours, &daemon, &["reload", "confirm"]).expect_success();
    siding(&ours, &daemon, &["config", "save"]).expect_success();
    fs::write(daemon.config(), edited).unwrap();
    siding(&ours, &daemon, &["config", "save", "--force"]).expect_success();
    assert!(!fs::read_to_string(daemon.config()).unwrap().contains("security"));
    daemon.stop();
}

/// Of a version that takes the one way away before it makes the other, four of 54,000 packets found none in 80 reloads.
#[test]
fn a_way_that_leads_elsewhere_is_there_at_every_moment() {
    if !need(&["ping"]) {
        return;
    }
    let Some(lab) = Lab::open() else { return };
    let (ours, peer) = lab.pair();
    for address in ["2001:db8::2/64", "2001:db8::3/64", "2001:db8:77::2/128"] {
        peer.address("eth0", address);
    }
    let by = |via: &str| format!("[[route]]\nto = \"2001:db8:77::/48\"\nvia = \"{via}\"\n");
    let daemon = Siding::start(&lab, &ours, &["run"], &(PACKET.to_owned() + &by("2001:db8::2")));
    wait_until_up(&peer, "2001:db8::1");
    let far = ["-q", "-i", "0.0005", "-c", "1000000", "-I", "2001:db8:77::2", "2001:db8::1"];
    let mut pinging = peer.start("ping", &far);
    for _ in 0..50 {
        let plan = reload(&ours, &daemon, PACKET, &by("2001:db8::3"));
        assert!(plan.starts_with("+ route") && plan.contains("\n- route"), "{plan}");
        reload(&ours, &daemon, PACKET, &by("2001:db8::2"));
    }
    pinging.signal(Signal::INT);
    let text = pinging.finish(PATIENCE).stdout;
    let sent = text.lines().find_map(|line| line.split_once(" packets transmitted")?.0.parse::<u64>().ok());
    // What ping itself has missed on a busy machine is not counted.
    let drops = siding(&ours, &daemon, &["show", "drops"]).expect_success();
    assert!(sent.is_some_and(|sent| sent > 100) && !drops.contains("no-route"), "{text}{drops}");
    daemon.stop();
}

#[test]
fn a_file_with_a_mistake_or_that_cannot_be_applied_changes_nothing() {
    let Some(lab) = Lab::open() else { return };
    let ours = lab.host("ours");
    let daemon = Siding::start(&lab, &ours, &["run"], EVERYTHING);
    let (before, settings) = (seen(&ours, &daemon), shown(&ours, &daemon));
    let base = EVERYTHING.replace("{control}", &daemon.control().to_string_lossy());
    for (name, text, expected) in [
        (
            "wrong.toml",
            base.replace("metric = 7", "metric = 7\nvai = 8").replace("vid = 5", "vid = 5000"),
            "2 mistakes",
        ),
        (
            "device.toml",
            base.replace("198.51.100.1/24", "198.51.100.2/24").replace("192.0.2.7", "192.0.2.8")
                + "[[interface]]\nname = \"nowhere\"\ndriver = \"packet\"\n",
            "nowhere",
        ),
    ] {
        let path = written(&lab, name, &text);
        let told = refused(&ours, &daemon, &["reload", path.to_str().unwrap()]);
        assert!(told.contains(expected), "{told}");
        assert_eq!(shown(&ours, &daemon), settings, "{name}");
        let after = seen(&ours, &daemon);
        // What is advertised is known when it has been sent.
        let lost = before.iter().filter(|line| !after.contains(line) && !line.starts_with("prefix "));
        let lost: Vec<_> = lost.collect();
        assert!(lost.is_empty(), "{name}: {lost:#?}");
    }
    daemon.stop();
}

#[test]
fn it_goes_back_unless_confirmed_and_a_dry_run_only_tells() {
    let Some(lab) = Lab::open() else { return };
    let ours = lab.host("ours");
    let mut daemon = Siding::start(&lab, &ours, &["run"], EVERYTHING);
    let base = EVERYTHING.replace("{control}", &daemon.control().to_string_lossy());
    let text = base
        .replace("198.51.100.1/24", "198.51.100.2/24")
        .replace("workers", "")
        .replace("forwarding = true", "forwarding = true\nqueue_limit = 99");
    let path = written(&lab, "new.toml", &text);
    let path = path.to_str().unwrap();
    let has = |daemon: &Siding| shown(&ours, daemon).contains("198.51.100.2/24");
    let settings = shown(&ours, &daemon);
    let plan = "- v56: address 198.51.100.1/24\n+ v56: address 198.51.100.2/24\n";
    let later = "! stack.queue_limit: 99 instead of the usual, at the next start only\n";
    for words in [["reload", "--dry-run", path].as_slice(), &["config", "diff", path]] {
        assert_eq!(siding(&ours, &daemon, words).expect_success(), format!("{plan}{later}"));
        assert_eq!(shown(&ours, &daemon), settings);
    }
    // Not confirmed.
    let told = siding(&ours, &daemon, &["reload", path, "--confirm", "1"]).expect_success();
    assert!(told.starts_with(plan) && told.contains("siding reload confirm"), "{told}");
    assert!(has(&daemon));
    let told = refused(&ours, &daemon, &["reload", path]);
    assert!(told.contains("waits to be confirmed"), "{told}");
    wait_for("the way back", PATIENCE, || (!has(&daemon)).then_some(()));
    assert_eq!(shown(&ours, &daemon), settings);
    // Taken back by hand.
    siding(&ours, &daemon, &["reload", path, "--confirm", "600"]).expect_success();
    siding(&ours, &daemon, &["reload", "back"]).expect_success();
    assert_eq!(shown(&ours, &daemon), settings);
    // Confirmed.
    siding(&ours, &daemon, &["reload", path, "--confirm", "1"]).expect_success();
    siding(&ours, &daemon, &["reload", "confirm"]).expect_success();
    assert!(refused(&ours, &daemon, &["reload", "confirm"]).contains("nothing waits"));
    thread::sleep(Duration::from_millis(2100));
    assert!(has(&daemon));
    // A signal reads the file again that the run began with.
    daemon.process().signal(Signal::HUP);
    wait_for("the file that the run began with", PATIENCE, || (!has(&daemon)).then_some(()));
    assert!(daemon.log().contains("reload: + v56: address 198.51.100.1/24"), "{}", daemon.log());
    daemon.stop();
}

/// Each end of a lagg of one port that speaks LACP.
const PARTNER: &str = r#"
[stack]
control = "{control}"
[[interface]]
name = "eth0"
driver = "packet"
[[lagg]]
name = "lagg0"
mode = "lacp"
ports = ["eth0"]
dad = false
"#;

#[test]
fn a_partner_in_lacp_does_not_notice() {
    let Some(lab) = Lab::open() else { return };
    let (ours, peer) = lab.pair();
    let [near, far] = ["2001:db8::1", "2001:db8::2"]
        .map(|own| format!("{PARTNER}addresses = [\"{own}/64\"]\nlacp = {{ rate = \"fast\" }}\n"));
    let daemon = Siding::start(&lab, &ours, &["run"], &near);
    let other = Siding::start(&lab, &peer, &["run"], &far);
    let ping = |count: &str| {
        siding(&peer, &other, &["ping6", "-q", "-c", count, "-i", "0.005", "2001:db8::1"]).stdout
    };
    wait_for("an agreement", PATIENCE, || ping("1").contains(" 0% ").then_some(()));
    let agreed = || {
        let text = siding(&ours, &daemon, &["lagg", "show", "--json"]).expect_success();
        let kept = |line: &&str| {
            ["\"mux\"", "\"selected\"", "\"aggregator\"", "\"number\""].iter().any(|key| line.contains(key))
        };
        text.lines().filter(kept).map(str::to_owned).collect::<Vec<_>>()
    };
    let before = agreed();
    assert!(before.len() >= 4, "{before:?}");
    thread::scope(|scope| {
        let pinging = scope.spawn(|| ping("600"));
        for more in [
            "[[route]]\nto = \"2001:db8:77::/48\"\nvia = \"2001:db8::2\"\n",
            "",
            "[[vlan]]\nname = \"v5\"\nparent = \"lagg0\"\nvid = 5\n",
            "",
        ] {
            let plan = reload(&ours, &daemon, &near, more);
            assert!(
                plan != "nothing changes\n" && !plan.contains("lagg0:") && !plan.contains("interface lagg0"),
                "{plan}"
            );
        }
        // Its own settings, too, as far as they can be told to a partner that is there.
        let plan = reload(&ours, &daemon, &near.replace("fast", "slow"), "");
        assert!(plan.starts_with("~ interface lagg0, lagg"), "{plan}");
        let told = pinging.join().unwrap();
        assert!(told.contains(" 0% "), "{told}");
    });
    assert_eq!(agreed(), before);
    other.stop();
    daemon.stop();
}
