//! What the command line says of laggs and VLANs.

use siding_tests::need;
use siding_tests::wait_for;

use super::rig::Rig;

#[test]
fn laggs_and_vlans_are_made_changed_shown_and_deleted_while_they_work() {
    if !need(&["ip", "ping"]) {
        return;
    }
    let Some(mut rig) = Rig::new(2, 1) else { return };
    let said = |rig: &Rig, line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        rig.siding(&words)
    };
    let pings = |rig: &Rig, address: &str| {
        wait_for(&format!("an answer of {address}"), std::time::Duration::from_secs(10), || {
            rig.far.run("ping", &["-c1", "-W1", address]).succeeded().then_some(())
        });
    };
    pings(&rig, "2001:db8:b::1");
    pings(&rig, "192.0.2.1");
    let text = said(&rig, "lagg show").expect_success();
    assert!(text.contains("lagg0  failover  up    02:cc:00:00:00:03  -        p0"), "{text}");
    assert!(text.contains("lagg0  p1          99  up    stands by"), "{text}");
    let json = said(&rig, "lagg show lagg0 --json").expect_success();
    assert!(json.contains("\"active\": \"p0\"") && json.contains("\"sending\": true"), "{json}");
    said(&rig, "lagg set-primary lagg0 p1").expect_success();
    assert!(said(&rig, "lagg show").expect_success().contains("p1       p1"));
    pings(&rig, "192.0.2.1");
    said(&rig, "lagg set-primary lagg0 none").expect_success();
    said(&rig, "lagg set-mac lagg0 02:00:00:00:00:99").expect_success();
    pings(&rig, "192.0.2.1");
    let vlans = said(&rig, "vlan show").expect_success();
    assert!(vlans.contains("v10   lagg0    10  802.1q    up    02:00:00:00:00:99"), "{vlans}");

    said(&rig, "vlan add v20 --parent v10 --vid 20 --protocol 802.1ad --address 2001:db8:d::1/64")
        .expect_success();
    let interfaces = said(&rig, "show interfaces").expect_success();
    assert!(interfaces.contains("vlan    v10:20"), "{interfaces}");
    assert!(interfaces.contains("lagg    p0,p1"), "{interfaces}");
    for (line, why) in [
        ("vlan delete lagg0", "'lagg0' is no VLAN: `siding show interfaces` tells what it is"),
        ("lagg add-port lagg0 p0", "'p0' is a port of a lagg already: remove it from there first"),
        ("lagg add-port lagg0 lan", "'lan' has addresses of its own: move them to the lagg first"),
        (
            "route add 2001:db8:9::/64 dev p0",
            "p0: it is a port of 'lagg0', which all its frames belong to: give 'lagg0' instead",
        ),
        ("route add 198.51.100.0/24 via 192.0.2.9 dev p1", "p1: it is a port of 'lagg0'"),
        ("lagg add-port lagg0 v20", "'v20' lies on this lagg: a lagg cannot lie on itself"),
        ("lagg remove-port lagg0 lan", "'lan' is no port of 'lagg0': its ports are p0, p1"),
        ("lagg set-primary v10 p0", "'v10' is no lagg: there are lagg0"),
        ("lagg set-mac lagg0 01:00:00:00:00:01", "it is zero or a group's"),
        ("lagg show lagg9", "no lagg 'lagg9': there are lagg0"),
        ("vlan add v10 --parent lagg0 --vid 11", "an interface named 'v10' is attached already"),
        ("vlan add v11 --parent lagg9 --vid 11", "no interface 'lagg9': there are "),
        ("vlan add v11 --parent p0 --vid 11", "'p0' is a port of a lagg or bridge: put the VLAN on that"),
        ("vlan add v11 --parent lagg0 --vid 5000", "5000 is no VLAN identifier: give 1 to 4094"),
        ("lagg add lagg1 --mode failover --lacp-rate fast", "a lagg in mode failover speaks no LACP"),
        ("bridge add br0 --port v10", "'v10' has addresses of its own: move them to the bridge first"),
        ("bridge flush lagg0", "'lagg0' is no bridge: there are none; `siding bridge add` makes one"),
    ] {
        let finished = said(&rig, line);
        assert!(!finished.succeeded() && finished.stderr.contains(why), "{line}: {finished}");
    }
    // What the file says of a port, it has when it is released.
    let own = |rig: &Rig| {
        let addresses = said(rig, "show addresses").expect_success();
        addresses.lines().filter(|line| line.starts_with("p0 ")).map(str::to_owned).collect::<Vec<_>>()
    };
    assert!(own(&rig).is_empty(), "{:?}", own(&rig));
    said(&rig, "lagg remove-port lagg0 p0").expect_success();
    let [address] = &own(&rig)[..] else { panic!("{:?}", own(&rig)) };
    assert!(address.contains("fe80::"), "{address}");
    for line in [
        "vlan delete v20",
        "vlan delete v10",
        "lagg add lagg1 --mode lacp --lacp-rate fast --port p0",
        "vlan add v30 --parent lagg1 --vid 30 --no-link-local",
        "bridge add br0 --port v30 --ageing 10 --address 2001:db8:e::1/64",
        "bridge remove-port br0 v30",
        "bridge add-port br0 v30",
        "bridge flush br0",
    ] {
        said(&rig, line).expect_success();
    }
    let lagg = said(&rig, "lagg show lagg1").expect_success();
    assert!(lagg.contains("lagg1: LACP active, fast; ") && lagg.contains("partner: nobody"), "{lagg}");
    let bridge = said(&rig, "bridge show").expect_success();
    assert!(bridge.contains("br0     v30"), "{bridge}");
    for line in ["bridge delete br0", "vlan delete v30", "lagg delete lagg1", "lagg delete lagg0"] {
        said(&rig, line).expect_success();
    }
    let interfaces = said(&rig, "show interfaces").expect_success();
    assert!(interfaces.contains("p0 ") && !interfaces.contains("lagg"), "{interfaces}");
    let told = rig.daemon.process().stderr();
    for line in [
        "lagg0: lagg: p1: primary changed; port in use: p0 -> p1",
        "lagg0: lagg: address changed; port in use: p0 -> p0",
        "br0: bridge: port removed: v30",
    ] {
        assert!(told.contains(line), "{line}: {told}");
    }
    rig.daemon.stop();
}
