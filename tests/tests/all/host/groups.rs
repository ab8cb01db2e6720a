//! Multicast listener discovery, with a Linux bridge as the switch that snoops and asks.

use std::time::Duration;

use siding_tests::Host;
use siding_tests::Lab;
use siding_tests::Siding;
use siding_tests::need;
use siding_tests::skip;
use siding_tests::wait_for;

use super::util::*;

/// Puts the wire's far end behind a bridge that asks who listens, every two seconds. False if this kernel has none.
fn snooping(switch: &Host, version: &str) -> bool {
    let made = switch.run("ip", &["link", "add", "br0", "type", "bridge"]);
    if !made.succeeded() {
        skip(&format!("no bridge: {}", made.stderr.trim()));
        return false;
    }
    // In hundredths of a second.
    let settings = [
        ("mcast_mld_version", version),
        ("mcast_querier", "1"),
        ("mcast_query_interval", "200"),
        ("mcast_query_response_interval", "100"),
        ("mcast_startup_query_interval", "100"),
        ("mcast_membership_interval", "500"),
    ];
    for (key, value) in settings {
        switch.run("ip", &["link", "set", "br0", "type", "bridge", key, value]).expect_success();
    }
    switch.run("ip", &["link", "set", "eth0", "master", "br0"]).expect_success();
    switch.address("br0", "fe80::99/64");
    switch.run("ip", &["link", "set", "br0", "up"]).expect_success();
    true
}

/// The groups that the switch has learnt behind our port.
fn learnt(switch: &Host) -> Vec<String> {
    let text = switch.run("bridge", &["mdb", "show", "dev", "br0"]).expect_success();
    let ours = text.lines().filter(|line| line.contains("port eth0"));
    ours.filter_map(|line| Some(line.split(" grp ").nth(1)?.split_whitespace().next()?.to_owned())).collect()
}

fn wait_until(what: &str, switch: &Host, wanted: impl Fn(&[String]) -> bool) {
    wait_for(what, PATIENCE, || {
        let groups = learnt(switch);
        println!("{groups:?}");
        wanted(&groups).then_some(())
    });
}

#[test]
fn a_switch_that_snoops_learns_our_groups_in_both_versions_3810_1_3810_3_3810_4_2710_1() {
    if !need(&["ip", "bridge"]) {
        return;
    }
    for version in ["2", "1"] {
        let Some(lab) = Lab::open() else { return };
        let (ours, switch) = lab.pair();
        if !snooping(&switch, version) {
            return;
        }
        let has = |group: &'static str| move |groups: &[String]| groups.iter().any(|one| one == group);
        let lacks = |group: &'static str| move |groups: &[String]| groups.iter().all(|one| one != group);
        let daemon = Siding::start(&lab, &ours, &["run"], PACKET);
        wait_until("the solicited-node group", &switch, has("ff02::1:ff00:1"));
        siding(&ours, &daemon, &["group", "join", "ff05::1234", "dev", "eth0"]).expect_success();
        wait_until("the group that was joined", &switch, has("ff05::1234"));
        // The switch forgets after five seconds whoever does not answer.
        wait_for("a query", PATIENCE, || {
            let text = siding(&ours, &daemon, &["show", "groups"]).expect_success();
            let row = text.lines().find(|line| line.contains("ff05::1234")).unwrap().to_owned();
            (row.contains(" yes ") && row.ends_with(version)).then_some(())
        });
        std::thread::sleep(Duration::from_secs(7));
        let groups = learnt(&switch);
        assert!(
            has("ff02::1:ff00:1")(&groups) && has("ff05::1234")(&groups),
            "version {version}: {groups:?}"
        );
        siding(&ours, &daemon, &["group", "leave", "ff05::1234", "dev", "eth0"]).expect_success();
        wait_until("the group to be left", &switch, lacks("ff05::1234"));
        assert!(has("ff02::1:ff00:1")(&learnt(&switch)));
        daemon.stop();
    }
}
