//! As a service: a user of its own, with two capabilities, and no files but its own and those that its configuration names.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::fs::chown;
use std::os::unix::net::UnixStream;
use std::process::Command;

use siding_tests::Lab;
use siding_tests::Siding;
use siding_tests::need;
use siding_tests::wait_for;

use super::telling::asking;
use super::util::*;

/// Nobody here is one of these.
const USER: u32 = 48_211;
const GROUP: u32 = 48_212;
const WATCHERS: u32 = 48_213;

#[test]
fn a_user_of_its_own_with_two_capabilities_is_enough() {
    if !need(&["setpriv", "ping"]) {
        return;
    }
    let Some(lab) = Lab::open() else { return };
    let (ours, peer) = lab.pair();
    peer.address("eth0", "2001:db8::2/64");
    let place = lab.directory().join("service");
    let path = |name: &str| place.join(name);
    fs::create_dir(&place).unwrap();
    fs::create_dir(path("run")).unwrap();
    if chown(path("run"), Some(USER), Some(GROUP)).is_err() {
        return siding_tests::skip("nothing can be given to another user here");
    }
    for folder in [lab.directory(), &place, &path("run")] {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
    }
    // Where it can be reached by anybody.
    fs::copy(Siding::binary(), path("siding")).unwrap();
    let security = format!(
        "[security]\ncontrol_group = \"{GROUP}\"\nmonitor = \"{}\"\nmonitor_group = \"{WATCHERS}\"\n[[interface]]",
        path("run/monitor.sock").display()
    );
    let control = path("run/siding.sock");
    let config = PACKET.replace("[[interface]]", &security).replace("{control}", control.to_str().unwrap());
    fs::write(path("siding.toml"), &config).unwrap();
    let mut command = Command::new("setpriv");
    command
        .arg(format!("--reuid={USER}"))
        .arg(format!("--regid={GROUP}"))
        .arg(format!("--groups={WATCHERS}"));
    for of in ["inh-caps", "ambient-caps", "bounding-set"] {
        command.arg(format!("--{of}=-all,+net_admin,+net_raw"));
    }
    command.arg(path("siding")).args(["run", "--run-directory"]).arg(path("run")).arg(path("siding.toml"));
    let mut daemon = ours.start_command(&mut command);
    wait_for("the control socket", PATIENCE, || {
        let ended = daemon.try_wait();
        assert!(ended.is_none(), "it has ended: {daemon}");
        UnixStream::connect(&control).ok().map(drop)
    });
    wait_until_up(&peer, "2001:db8::1");
    assert_eq!(ours.sysctl("ipv6/conf/eth0/disable_ipv6"), "1");
    for (socket, group) in [("run/siding.sock", GROUP), ("run/monitor.sock", WATCHERS)] {
        let there = fs::metadata(path(socket)).unwrap();
        assert_eq!((there.uid(), there.gid(), there.mode() & 0o777), (USER, group, 0o660), "{socket}");
    }
    // Devices that come later.
    ours.netlink().create_veth("late0", "late1", None).unwrap();
    fs::write(path("siding.toml"), config + "[[interface]]\nname = \"late0\"\ndriver = \"packet\"\n")
        .unwrap();
    let reload = format!("--control {} reload", control.display());
    let binary = Siding::binary().to_str().unwrap();
    ours.run(binary, &reload.split(' ').collect::<Vec<_>>()).expect_success();
    assert_eq!(ours.sysctl("ipv6/conf/late0/disable_ipv6"), "1");
    let records = || fs::read_dir(path("run")).unwrap().flatten().map(|file| file.file_name());
    let claims = || records().filter(|name| name.to_string_lossy().starts_with("claim-")).count();
    assert_eq!(claims(), 2);
    let log = daemon.stop(PATIENCE);
    assert!(log.succeeded() && !log.stderr.contains("not given up"), "{log}");
    for interface in ["eth0", "late0"] {
        assert_eq!(ours.sysctl(&format!("ipv6/conf/{interface}/disable_ipv6")), "0");
    }
    assert_eq!(records().count(), 0, "{:?}", records().collect::<Vec<_>>());
}

#[test]
fn files_are_its_own_and_those_that_its_configuration_names() {
    let Some(lab) = Lab::open() else { return };
    let (ours, _peer) = lab.pair();
    // The configuration is in the laboratory's folder; this is beside it.
    let outside = lab.directory().with_extension("outside");
    let named = lab.directory().with_extension("named");
    for folder in [&outside, &named] {
        fs::create_dir_all(folder).unwrap();
        fs::write(folder.join("rules.nft"), "table inet t { }\n").unwrap();
    }
    let security =
        format!("[security]\nmay_read = [\"{0}\"]\nmay_write = [\"{0}\"]\n[[interface]]", named.display());
    let config = PACKET.replace("[[interface]]", &security);
    let daemon = Siding::start(&lab, &ours, &["run"], &config);
    let given_up = !daemon.log().contains("not given up: files");
    fs::write(lab.directory().join("own.nft"), "table inet t { }\n").unwrap();
    let load = |path: &std::path::Path| {
        let load = format!(r#"{{"request":"filter","action":"load","files":["{}"]}}"#, path.display());
        asking(daemon.control())(&load)
    };
    for inside in [lab.directory().join("own.nft"), named.join("rules.nft")] {
        assert!(!load(&inside).contains("\"answer\":\"error\""), "{}", load(&inside));
    }
    let base = fs::read_to_string(daemon.config()).unwrap();
    let captured = |folder: &std::path::Path| {
        let capture = folder.join("m0.pcapng");
        let more =
            format!("[[interface]]\nname = \"m0\"\ndriver = \"memory\"\npcap = \"{}\"\n", capture.display());
        fs::write(daemon.config(), base.clone() + &more).unwrap();
        siding(&ours, &daemon, &["reload"])
    };
    captured(&named).expect_success();
    assert!(named.join("m0.pcapng").exists());
    fs::write(daemon.config(), &base).unwrap();
    siding(&ours, &daemon, &["reload"]).expect_success();
    siding(&ours, &daemon, &["config", "save"]).expect_success();
    if given_up {
        let told = load(&outside.join("rules.nft"));
        assert!(told.contains("Permission denied") && told.contains("may_read"), "{told}");
        let refused = captured(&outside);
        assert!(!refused.succeeded() && refused.stderr.contains("may_write"), "{refused}");
        assert!(!outside.join("m0.pcapng").exists());
    } else {
        println!("skipped: this kernel has no landlock: {}", daemon.log());
    }
    daemon.stop();
    assert_eq!(ours.sysctl("ipv6/conf/eth0/disable_ipv6"), "0");
    for folder in [outside, named] {
        fs::remove_dir_all(folder).unwrap();
    }
}
