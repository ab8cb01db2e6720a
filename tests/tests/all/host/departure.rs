//! Interfaces that go and come back, and what a stop leaves behind.

use std::time::Duration;

use siding_drivers::kernel::Offloads;
use siding_tests::Lab;
use siding_tests::Siding;
use siding_tests::need;
use siding_tests::wait_for;

use super::util::*;

#[test]
fn detach_and_attach_again_and_again_while_pinged() {
    if !need(&["ping"]) {
        return;
    }
    let Some(lab) = Lab::open() else { return };
    let (ours, peer) = lab.pair();
    peer.address("eth0", "2001:db8::2/64");
    let daemon = Siding::start(&lab, &ours, &["run"], PACKET);
    wait_until_up(&peer, "2001:db8::1");
    let pinging = peer.start("ping", &["-q", "-i", "0.002", "2001:db8::1"]);
    let mut took = Vec::new();
    for round in 0..20 {
        let text = siding(&ours, &daemon, &["interface", "detach", "eth0"]).expect_success();
        let micros = text.strip_prefix("eth0: detached in ").and_then(|rest| rest.strip_suffix(" us\n"));
        took.push(micros.unwrap_or_else(|| panic!("{text}")).parse::<f64>().unwrap());
        let gone = siding(&ours, &daemon, &["show", "interfaces"]).expect_success();
        assert!(!gone.contains("eth0"), "{gone}");
        let attach =
            ["interface", "attach", "eth0", "--driver", "packet", "--address", "2001:db8::1/64", "--no-dad"];
        siding(&ours, &daemon, &attach).expect_success();
        if round % 5 == 0 {
            wait_until_up(&peer, "2001:db8::1");
        }
    }
    drop(pinging);
    took.sort_by(f64::total_cmp);
    println!("detach latency in us, median and longest of 20: {:.1} and {:.1}", took[10], took[19]);
    wait_until_up(&peer, "2001:db8::1");
    daemon.stop();
}

#[test]
fn an_interface_outlives_its_device_and_has_its_address_on_the_next() {
    if !need(&["ping"]) {
        return;
    }
    let Some(lab) = Lab::open() else { return };
    let (ours, peer) = lab.pair();
    let mut daemon = Siding::start(&lab, &ours, &["run"], PACKET);
    peer.netlink().delete_link("eth0").unwrap();
    daemon.process().wait_for_output("waiting until there is one of that name again", PATIENCE);
    let text = siding(&ours, &daemon, &["show", "interfaces"]).expect_success();
    assert!(text.contains("eth0"), "{text}");
    lab.wire(&ours, "eth0", &peer, "eth0");
    peer.address("eth0", "2001:db8::2/64");
    wait_until_up(&peer, "2001:db8::1");
    daemon.stop();
}

#[test]
fn a_clean_stop_leaves_the_kernel_as_it_was() {
    if !need(&["ip"]) {
        return;
    }
    let Some(lab) = Lab::open() else { return };
    let (ours, _peer) = lab.pair();
    ours.netlink().set_down("eth0").unwrap();
    let keys = ["ipv6/conf/eth0/disable_ipv6", "ipv4/conf/eth0/arp_ignore", "ipv4/conf/eth0/rp_filter"];
    let settings = || {
        let values: Vec<String> = keys.iter().map(|key| ours.sysctl(key)).collect();
        (values, ours.netlink().link("eth0").unwrap().up)
    };
    let before = settings();
    let daemon = Siding::start(&lab, &ours, &["run"], PACKET);
    let during = settings();
    assert_eq!(during.0[0], "1", "the kernel's IPv6 is not silent");
    assert!(during.1, "the interface is not up");
    let control = daemon.control().to_owned();
    let finished = daemon.stop();
    assert_eq!(settings(), before, "{finished}");
    assert!(!control.exists(), "the control socket is left behind");
    assert!(finished.stderr.contains("every packet accounted for, every buffer back"), "{finished}");
}

#[test]
fn an_interrupt_is_a_clean_stop_too() {
    let Some(lab) = Lab::open() else { return };
    let (ours, _peer) = lab.pair();
    let mut daemon = Siding::start(&lab, &ours, &["run"], PACKET);
    daemon.process().signal(rustix::process::Signal::INT);
    let status = wait_for("its end", PATIENCE, || daemon.process().try_wait());
    assert_eq!(status.code(), Some(0));
}

#[test]
fn a_second_daemon_on_the_same_socket_is_turned_away() {
    let Some(lab) = Lab::open() else { return };
    let (ours, _peer) = lab.pair();
    let daemon = Siding::start(&lab, &ours, &["run"], PACKET);
    let config = daemon.config().to_owned();
    let second = siding(&ours, &daemon, &["run", &config.to_string_lossy()]);
    assert_eq!(second.status.code(), Some(1), "{second}");
    assert!(
        second.stderr.contains("answers at") && second.stderr.contains("stop that one first"),
        "{second}"
    );
    assert!(daemon.control().exists());
    std::thread::sleep(Duration::from_millis(10));
    daemon.stop();
}

#[test]
fn offloads_that_somebody_turns_on_are_off_again_and_told() {
    if !need(&["ethtool"]) {
        return;
    }
    let Some(lab) = Lab::open() else { return };
    let (ours, _peer) = lab.pair();
    let features = || ours.inside(|| Offloads::open()?.active("eth0")).unwrap();
    let all = ["rx-gro", "rx-vlan-hw-parse"];
    // On before, and one that was not: a stop gives back both as they were.
    ours.run("ethtool", &["-K", "eth0", "gro", "off", "rxvlan", "on"]).expect_success();
    let before = features();
    assert!(!before.contains("rx-gro") && before.contains("rx-vlan-hw-parse"), "{before:?}");
    let daemon = Siding::start(&lab, &ours, &["run"], PACKET);
    let silent = features();
    assert!(all.iter().all(|name| !silent.contains(*name)), "{silent:?}");
    let shown = || siding(&ours, &daemon, &["show", "interfaces"]).expect_success();
    assert!(!shown().contains("put right"), "{}", shown());
    for words in [&["gro", "on"][..], &["rxvlan", "on"], &["gro", "on", "rxvlan", "on"]] {
        let _ = ours.run("ethtool", &[&["-K", "eth0"], words].concat());
        wait_for("them to be off again", PATIENCE, || (features() == silent).then_some(()));
    }
    // What changes a setting tells of no link: it is seen with the next that does.
    ours.set_sysctl("ipv6/conf/eth0/disable_ipv6", "0");
    let _ = ours.run("ethtool", &["-K", "eth0", "gro", "on"]);
    wait_for("IPv6 to be off again", PATIENCE, || {
        (ours.sysctl("ipv6/conf/eth0/disable_ipv6") == "1").then_some(())
    });
    assert!(shown().contains("times: somebody changes the device's offloads"), "{}", shown());
    // More often than it is told.
    for _ in 0..3 {
        let _ = ours.run("ethtool", &["-K", "eth0", "gro", "on"]);
        wait_for("it to be off again", PATIENCE, || (features() == silent).then_some(()));
    }
    let log = daemon.log();
    let told: Vec<&str> = log.lines().filter(|line| line.contains("somebody has changed")).collect();
    assert!(
        (3..=4).contains(&told.len()) && told[0].contains("rx-gro of 'eth0', which we need as it was"),
        "{told:#?}"
    );
    daemon.stop();
    assert_eq!(features(), before);
}
