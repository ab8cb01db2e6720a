//! A process without privileges gets a namespace of its own, in which it may make interfaces.
//!
//! No harness: the kernel makes a user namespace for a process of one thread only.

#![forbid(unsafe_code)]
// Not only the tests but also their helpers say what they expect by unwrapping it.
#![allow(clippy::unwrap_used)]

use std::process::ExitCode;

use rustix::process::DumpableBehavior;
use rustix::process::set_dumpable_behavior;
use rustix::thread::Gid;
use rustix::thread::Uid;
use siding_drivers::kernel::Isolation;
use siding_drivers::kernel::Netlink;
use siding_drivers::kernel::Netns;
use siding_drivers::kernel::isolate;
use siding_tests::skip;

/// Debian's `nobody`.
const NOBODY: u32 = 65534;

fn main() -> ExitCode {
    // As much of the usual harness as other runners ask for.
    if std::env::args().any(|argument| argument == "--list") {
        if !std::env::args().any(|argument| argument == "--ignored") {
            println!("unprivileged_process_is_root_in_its_own_namespace: test");
        }
        return ExitCode::SUCCESS;
    }
    let outside = Netns::current().unwrap().identity().unwrap();
    if rustix::process::getuid().is_root() {
        let (uid, gid) = (Uid::from_raw(NOBODY), Gid::from_raw(NOBODY));
        rustix::thread::set_thread_res_gid(gid, gid, gid).unwrap();
        rustix::thread::set_thread_res_uid(uid, uid, uid).unwrap();
        // Giving up root makes /proc/self root's; a process that never was root has its own.
        set_dumpable_behavior(DumpableBehavior::Dumpable).unwrap();
    }
    let uid = rustix::process::getuid().as_raw();
    assert!(Netns::new().is_err(), "without privileges there is no namespace");

    let isolation = match isolate() {
        Ok(isolation) => isolation,
        Err(error) => {
            skip(&error.to_string());
            return ExitCode::SUCCESS;
        }
    };
    assert_eq!(isolation, Isolation::UserNamespace { uid });
    assert!(isolation.to_string().contains(&format!("user {uid} is root in it")), "{isolation}");
    assert_ne!(Netns::current().unwrap().identity().unwrap(), outside);
    let other = Netns::new().unwrap();
    let mut netlink = Netlink::open().unwrap();
    netlink.create_veth("v0", "v1", Some(std::os::fd::AsFd::as_fd(&other))).unwrap();
    assert_eq!(other.netlink().unwrap().link("v1").unwrap().name, "v1");
    // A claim writes to /proc/sys, where the owner of the namespace may.
    let claim = siding_drivers::kernel::Claim::new("v0").unwrap();
    let setting = "/proc/sys/net/ipv6/conf/v0/disable_ipv6";
    assert_eq!(std::fs::read_to_string(setting).unwrap().trim(), "1");
    claim.release().unwrap();
    assert_eq!(std::fs::read_to_string(setting).unwrap().trim(), "0");
    println!("unprivileged_process_is_root_in_its_own_namespace: {isolation}");
    ExitCode::SUCCESS
}
