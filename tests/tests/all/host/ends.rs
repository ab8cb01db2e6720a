//! Every signal that ends a process is a clean end, and a run after an unclean one puts back what that one could not.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use rustix::process::Signal;
use siding_drivers::kernel::Offloads;
use siding_tests::Host;
use siding_tests::Lab;
use siding_tests::Siding;
use siding_tests::need;
use siding_tests::wait_for;

use super::util::*;

/// So many times a daemon is killed; SIDING_KILLS says otherwise (`.ci/long`: 200).
const KILLS: usize = 15;

/// What the kernel has of an interface.
#[derive(Debug, PartialEq, Eq)]
struct Kernel {
    settings: Vec<String>,
    features: BTreeSet<String>,
    queues: String,
    /// Up, promiscuous and the like, without what depends on the other end.
    flags: u32,
    mtu: u32,
}

fn kernel(host: &Host, device: &str) -> Kernel {
    let keys = ["ipv4/conf/DEV/arp_ignore", "ipv4/conf/DEV/rp_filter", "ipv6/conf/DEV/disable_ipv6"];
    let link = host.netlink().link(device).unwrap();
    Kernel {
        settings: keys.iter().map(|key| host.sysctl(&key.replace("DEV", device))).collect(),
        features: host.inside(|| Offloads::open()?.active(device)).unwrap(),
        queues: host.queues(device),
        // IFF_UP, IFF_NOARP, IFF_PROMISC, IFF_ALLMULTI.
        flags: link.flags & 0x381,
        mtu: link.mtu,
    }
}

/// Two hosts whose wire has all its offloads, and settings that are nobody's default.
fn lab() -> Option<(Lab, Host, Host)> {
    if !need(&["tc"]) {
        return None;
    }
    let lab = Lab::open()?;
    let (ours, peer) = (lab.host("ours"), lab.host("peer"));
    use std::os::fd::AsFd;
    ours.netlink().create_veth("eth0", "eth0", Some(peer.netns().as_fd())).unwrap();
    peer.netlink().set_up("eth0").unwrap();
    ours.netlink().set_up("eth0").unwrap();
    ours.set_sysctl("ipv4/conf/eth0/arp_ignore", "2");
    ours.set_sysctl("ipv4/conf/eth0/rp_filter", "2");
    peer.address("eth0", "2001:db8::2/64");
    Some((lab, ours, peer))
}

/// Where this test's daemons write down what they change.
fn records(lab: &Lab) -> PathBuf {
    lab.directory().join("run")
}

fn start(lab: &Lab, host: &Host, config: &str) -> Siding {
    Siding::start(lab, host, &["run", "--run-directory", &records(lab).to_string_lossy()], config)
}

fn recorded(lab: &Lab) -> usize {
    fs::read_dir(records(lab)).map_or(0, Iterator::count)
}

fn kill(mut daemon: Siding) {
    daemon.process().signal(Signal::KILL);
    wait_for("the end", PATIENCE, || daemon.process().try_wait());
}

/// A daemon that has no interface of the kernel's.
const ELSEWHERE: &str = r#"
[stack]
control = "{control}"
[[interface]]
name = "m0"
driver = "memory"
dad = false
"#;

#[test]
fn every_signal_that_ends_a_process_is_a_clean_stop() {
    let Some((lab, ours, _peer)) = lab() else { return };
    let before = kernel(&ours, "eth0");
    let named = [1, 2, 3, 5, 6, 10, 12, 14, 15, 16, 24, 25, 26, 27, 29, 30, 31];
    for signal in named.into_iter().chain([34, 64]) {
        let mut daemon = start(&lab, &ours, PACKET);
        assert_ne!(kernel(&ours, "eth0"), before, "it changes something, else this test proves nothing");
        assert_eq!(recorded(&lab), 1);
        let pid = daemon.process().pid().as_raw_nonzero().to_string();
        // Those that are none of ours change nothing, and neither does another one while it stops.
        ours.run("kill", &["-s", "PIPE", &pid]).expect_success();
        ours.run("kill", &["-s", "WINCH", &pid]).expect_success();
        ours.run("kill", &[&format!("-{signal}"), &pid]).expect_success();
        for _ in 0..3 {
            let _ = ours.run("kill", &["-s", "TERM", &pid]);
            let _ = ours.run("kill", &[&format!("-{signal}"), &pid]);
        }
        let status = wait_for("the end", PATIENCE, || daemon.process().try_wait());
        let log = daemon.log();
        assert_eq!(status.code(), Some(0), "signal {signal}: {log}");
        assert!(log.contains("stopped: every packet accounted for"), "signal {signal}: {log}");
        assert_eq!(kernel(&ours, "eth0"), before, "signal {signal}");
        assert_eq!(recorded(&lab), 0);
    }
}

#[test]
fn hosts_are_told_when_a_signal_ends_a_router_and_nohup_is_respected() {
    if !need(&["ip"]) {
        return;
    }
    // The lowest bit of those that this process was started to ignore, as by nohup: so was what it starts.
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap().trim();
    if u64::from_str_radix(ignored, 16).unwrap() & 1 == 1 {
        println!("skipped: hangups are ignored here, by whoever started this test");
        return;
    }
    let Some((lab, ours, peer)) = lab() else { return };
    peer.set_sysctl("ipv6/conf/eth0/accept_ra", "2");
    let config = PACKET.replace("[[interface]]", "forwarding = true\n[[interface]]")
        + "[interface.advertise]\nmax_interval = 4\nmin_interval = 3\n";
    let routes = || peer.run("ip", &["-6", "route", "show", "default"]).expect_success();
    let mut daemon = start(&lab, &ours, &config);
    wait_for("a default route", PATIENCE, || (!routes().is_empty()).then_some(()));
    // This one ends nothing: the configuration is read again.
    daemon.process().signal(Signal::HUP);
    wait_for("the reload", PATIENCE, || daemon.log().contains("nothing has changed").then_some(()));
    assert!(!routes().is_empty());
    daemon.process().signal(Signal::QUIT);
    let status = wait_for("the end", PATIENCE, || daemon.process().try_wait());
    assert_eq!(status.code(), Some(0), "{}", daemon.log());
    wait_for("the default route to go", Duration::from_secs(3), || routes().is_empty().then_some(()));

    // Whoever starts it so that hangups are ignored means that.
    let line = format!(
        "trap '' HUP; exec {} --control {} run {}",
        Siding::binary().display(),
        daemon.control().display(),
        daemon.config().display()
    );
    let mut running = ours.start("sh", &["-c", &line]);
    running.wait_for_output("control socket at", PATIENCE);
    running.signal(Signal::HUP);
    thread::sleep(Duration::from_millis(700));
    assert!(running.try_wait().is_none(), "{running}");
    assert!(running.stop(PATIENCE).succeeded());
}

#[test]
fn killed_at_any_moment_again_and_again_and_then_one_clean_run_leaves_the_kernel_as_it_was() {
    if !need(&["ping"]) {
        return;
    }
    let Some((lab, ours, peer)) = lab() else { return };
    let kills = env::var("SIDING_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(KILLS);
    ours.netlink().create_veth("down0", "down1", None).unwrap();
    let all = || [kernel(&ours, "eth0"), kernel(&ours, "down0"), kernel(&ours, "down1")];
    let before = all();
    let config = PACKET.to_owned()
        + "[[interface]]\nname = \"down0\"\ndriver = \"packet\"\n[[interface]]\nname = \"down1\"\ndriver = \"packet\"\n";
    let control = lab.directory().join("killed.sock");
    let file = lab.directory().join("killed.toml");
    fs::write(&file, config.replace("{control}", &control.to_string_lossy())).unwrap();
    let _pinging = peer.start("ping", &["-q", "-i", "0.005", "2001:db8::1"]);
    // Moments spread over start and work alike, however long a start takes here, by a sequence that is the same each time.
    let begun = Instant::now();
    let daemon = start(&lab, &ours, &config);
    let spread = 3 * begun.elapsed().as_micros() as u64;
    daemon.stop();
    let mut random: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut changed = 0;
    for _ in 0..kills {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let mut command = Command::new(Siding::binary());
        command.arg("run").arg(&file).arg("--run-directory").arg(records(&lab));
        let mut running = ours.start_command(&mut command);
        thread::sleep(Duration::from_micros((random >> 33) % spread));
        running.signal(Signal::KILL);
        wait_for("the end", PATIENCE, || running.try_wait());
        changed += usize::from(all() != before);
    }
    println!("killed {kills} times within {spread} us, {changed} times with something changed in the kernel");
    assert!(changed * 4 > kills, "it changes something, else this test proves nothing");
    start(&lab, &ours, &config).stop();
    assert_eq!(all(), before);
    assert_eq!(recorded(&lab), 0);
}

#[test]
fn what_a_killed_run_has_left_is_put_back_by_one_that_does_not_use_it() {
    let Some((lab, ours, _peer)) = lab() else { return };
    ours.netlink().set_down("eth0").unwrap();
    let before = kernel(&ours, "eth0");
    kill(start(&lab, &ours, PACKET));
    assert_ne!(kernel(&ours, "eth0"), before);
    // By whatever name it goes now.
    ours.netlink().set_down("eth0").unwrap();
    let renamed = ours.run("ip", &["link", "set", "eth0", "name", "lan", "up"]);
    renamed.expect_success();
    let daemon = start(&lab, &ours, ELSEWHERE);
    assert_eq!(kernel(&ours, "lan"), before);
    assert_eq!(recorded(&lab), 0);
    daemon.stop();
    assert_eq!(kernel(&ours, "lan"), before);

    // What somebody has changed meanwhile is left alone.
    kill(start(&lab, &ours, &PACKET.replace("eth0", "lan")));
    ours.set_sysctl("ipv4/conf/lan/arp_ignore", "1");
    start(&lab, &ours, ELSEWHERE).stop();
    assert_eq!(ours.sysctl("ipv4/conf/lan/arp_ignore"), "1");
    assert_eq!(ours.sysctl("ipv6/conf/lan/disable_ipv6"), "0");
}

#[test]
fn a_record_is_of_one_device_in_one_namespace() {
    let Some((lab, ours, peer)) = lab() else { return };
    // Two daemons share the directory, with interfaces of the same name.
    let before = kernel(&peer, "eth0");
    peer.netlink().delete_address("eth0", "2001:db8::2/64".parse().unwrap()).unwrap();
    kill(start(&lab, &ours, PACKET));
    kill(start(&lab, &peer, PACKET));
    assert_eq!(recorded(&lab), 2);
    let left = kernel(&ours, "eth0");
    start(&lab, &peer, ELSEWHERE).stop();
    assert_eq!(kernel(&peer, "eth0"), before);
    assert_eq!(kernel(&ours, "eth0"), left, "the other's is none of its business");
    assert_eq!(recorded(&lab), 1);
    // The device is made anew, with the same name: what is recorded is not of it.
    ours.netlink().delete_link("eth0").unwrap();
    ours.netlink().create_veth("eth0", "eth1", None).unwrap();
    ours.set_sysctl("ipv6/conf/eth0/disable_ipv6", "1");
    let before = kernel(&ours, "eth0");
    start(&lab, &ours, ELSEWHERE).stop();
    assert_eq!(kernel(&ours, "eth0"), before);
    assert_eq!(recorded(&lab), 0);
}

#[test]
fn damaged_records_and_a_directory_that_is_none_stop_nothing_and_change_nothing() {
    let Some((lab, ours, peer)) = lab() else { return };
    let before = kernel(&ours, "eth0");
    kill(start(&lab, &ours, PACKET));
    let record = fs::read_dir(records(&lab)).unwrap().next().unwrap().unwrap().path();
    let text = fs::read(&record).unwrap();
    let mut left = kernel(&ours, "eth0");
    type Damage<'d> = (&'d str, &'d dyn Fn(&Path));
    let damage: [Damage<'_>; 6] = [
        ("cut off", &|path| fs::write(path, &text[..text.len() / 2]).unwrap()),
        ("empty", &|path| fs::write(path, "").unwrap()),
        // The length was on the disk, and what was in it was not.
        ("zeros", &|path| fs::write(path, vec![0; text.len()]).unwrap()),
        ("changed", &|path| {
            fs::write(path, String::from_utf8_lossy(&text).replace("arp_ignore 2", "arp_ignore 3")).unwrap()
        }),
        ("a directory", &|path| fs::create_dir(path).unwrap()),
        ("a link", &|path| std::os::unix::fs::symlink("/etc/passwd", path).unwrap()),
    ];
    for (what, damage) in damage {
        let _ = fs::remove_file(&record);
        let _ = fs::remove_dir(&record);
        damage(&record);
        // One that does not use the interface leaves it as it is; one that does takes what is there for its own.
        let log = start(&lab, &ours, ELSEWHERE).stop().stderr;
        assert!(log.contains("stays changed"), "{what}: {log}");
        // What it is is told.
        let power_cut = ["empty", "zeros"].contains(&what);
        assert_eq!(log.contains("its record is empty. A power cut leaves it so"), power_cut, "{what}: {log}");
        assert_eq!(kernel(&ours, "eth0"), left, "{what}");
        if !record.exists() {
            damage(&record);
        }
        let log = start(&lab, &ours, PACKET).stop().stderr;
        assert!(log.contains("no record of the kernel's settings"), "{what}: {log}");
        assert_eq!(log.contains("A power cut leaves it so"), power_cut, "{what}: {log}");
        // A filter is known to be ours by itself. The queue that it was in may be anybody's.
        left = Kernel { queues: "qdisc clsact ffff: parent ffff:fff1 \n".to_owned(), ..left };
        assert_eq!(kernel(&ours, "eth0"), left, "{what}");
    }
    let _ = fs::remove_dir(&record);
    let _ = fs::remove_file(&record);
    fs::write(&record, &text).unwrap();
    // Of another boot: not used, and removed.
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    assert!(String::from_utf8_lossy(&text).contains(boot.trim()));
    let daemon = start(&lab, &ours, PACKET);
    assert!(
        daemon.log().contains("an earlier run has left the kernel's settings changed"),
        "{}",
        daemon.log()
    );
    daemon.stop();
    assert_eq!(kernel(&ours, "eth0"), before);

    // A directory that cannot be.
    let daemon = Siding::start(&lab, &ours, &["run", "--run-directory", "/dev/null/run"], PACKET);
    peer.run("ping", &["-c3", "-i0.2", "-W2", "2001:db8::1"]).expect_success();
    let log = daemon.stop().stderr;
    assert!(log.contains("cannot use /dev/null/run"), "{log}");
    assert_eq!(kernel(&ours, "eth0"), before);
}

#[test]
fn a_signal_ends_a_start_before_it_is_done() {
    let Some((lab, ours, _peer)) = lab() else { return };
    let last = 249;
    let taps = (0..=last).map(|n| format!("[[interface]]\nname = \"tap{n}\"\ndriver = \"tap\"\n"));
    let file = lab.directory().join("many.toml");
    let control = lab.directory().join("many.sock");
    fs::write(&file, PACKET.replace("{control}", &control.to_string_lossy()) + &taps.collect::<String>())
        .unwrap();
    let before = kernel(&ours, "eth0");
    let mut command = Command::new(Siding::binary());
    command.arg("run").arg(&file).arg("--run-directory").arg(records(&lab));
    let mut running = ours.start_command(&mut command);
    running.wait_for_output("eth0: attached", PATIENCE);
    running.signal(Signal::TERM);
    let status = wait_for("the end", PATIENCE, || running.try_wait());
    let log = running.to_string();
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(log.contains("stopping, by SIGTERM") && !log.contains(&format!("tap{last}: attached")), "{log}");
    assert_eq!(kernel(&ours, "eth0"), before);
    assert_eq!(recorded(&lab), 0);
}
