//! Destinations that we refuse, as Linux hears of it.

use siding_tests::Lab;
use siding_tests::Siding;
use siding_tests::need;

use super::util::*;

#[test]
fn linux_is_told_why_a_destination_is_refused_4443_5() {
    if !need(&["ping"]) {
        return;
    }
    let Some(lab) = Lab::open() else { return };
    let (ours, peer) = lab.pair();
    peer.address("eth0", "2001:db8::2/64");
    peer.route("::/0", "2001:db8::1", None);
    let config = OURS.replace("[stack]", "[stack]\nforwarding = true");
    let config = format!("{config}[[refuse]]\nto = \"2001:db8:1::/48\"\nhow = \"prohibit\"\n");
    let daemon = Siding::start(&lab, &ours, &["run"], &config);
    wait_until_up(&peer, "2001:db8::1");
    let ping = |address: &str| peer.run("ping", &["-c", "1", "-W", "1", address]).expect_failure();
    let say = |arguments: &[&str]| siding(&ours, &daemon, arguments).expect_success();
    assert!(ping("2001:db8:1::1").contains("Administratively prohibited"));
    assert!(ping("2001:db8:2::1").contains("No route"));
    say(&["route", "refuse", "2001:db8:2::/48"]);
    // A code that ping has no words for.
    let text = ping("2001:db8:2::1");
    assert!(text.contains("unreachable: Unknown code 6"), "{text}");
    say(&["route", "refuse", "2001:db8:2::/48", "how", "blackhole"]);
    let text = ping("2001:db8:2::1");
    assert!(!text.contains("From") && text.contains("0 received"), "{text}");
    let routes = say(&["show", "routes"]);
    let row = |prefix: &str| routes.lines().find(|line| line.starts_with(prefix)).map(str::to_owned);
    assert!(row("2001:db8:1::/48").unwrap().contains("prohibit"), "{routes}");
    assert!(row("2001:db8:2::/48").unwrap().contains("blackhole"), "{routes}");
    say(&["route", "del", "2001:db8:2::/48"]);
    assert!(ping("2001:db8:2::1").contains("No route"));
    let drops = say(&["show", "drops"]);
    let refused = drops.lines().find(|line| line.contains(" route-refuses ")).unwrap();
    assert_eq!(refused.split_whitespace().nth(3), Some("3"), "{drops}");
    daemon.stop();
}
