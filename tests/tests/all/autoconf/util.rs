//! What several of these tests need: a router that runs radvd, and what our host says of itself.

use std::process::Command;
use std::time::Duration;

use siding_tests::Host;
use siding_tests::Lab;
use siding_tests::Running;
use siding_tests::Siding;
use siding_tests::need;
use siding_tests::wait_for;

pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// Somewhere beyond the router.
pub(super) const FAR: &str = "2001:db8:ffff::1";

/// Our host's configuration; more is written behind it, into `[interface.autoconf]`.
pub(super) const CONFIG: &str = r#"
[stack]
control = "{control}"
log = "debug"
[[interface]]
name = "eth0"
driver = "packet"
[interface.autoconf]
"#;

/// Our host and a Linux router at one wire, the router at `2001:db8:1::fe` and at [`FAR`].
pub(super) fn pair() -> Option<(Lab, Host, Host)> {
    if !need(&["ip", "ping", "radvd"]) {
        return None;
    }
    let lab = Lab::open()?;
    let (ours, router) = (lab.host("ours"), lab.host("router"));
    // The kernel must not take what is for us: an interface with addresses is not claimed.
    ours.set_sysctl("ipv6/conf/default/accept_ra", "0");
    // It is a router before its interface comes up: else it would ask for routers itself.
    router.set_sysctl("ipv6/conf/all/forwarding", "1");
    lab.wire(&ours, "eth0", &router, "eth0");
    router.address("eth0", "2001:db8:1::fe/64");
    router.address("lo", &format!("{FAR}/128"));
    Some((lab, ours, router))
}

/// Starts radvd on the router's `eth0` with these settings, and waits until it has advertised.
pub(super) fn radvd(lab: &Lab, router: &Host, interface: &str, settings: &str) -> Running {
    let file = lab.directory().join("radvd.conf");
    let text = format!("interface {interface} {{ AdvSendAdvert on; {settings} }};\n");
    std::fs::write(&file, text).unwrap();
    // It speaks from its link-local address, which Linux tests for a moment.
    wait_for("the router's link-local address", PATIENCE, || {
        let text =
            router.run("ip", &["-6", "addr", "show", "dev", interface, "scope", "link"]).expect_success();
        (text.contains("fe80::") && !text.contains("tentative")).then_some(())
    });
    let pid = lab.directory().join("radvd.pid");
    let (file, pid) = (file.to_string_lossy().into_owned(), pid.to_string_lossy().into_owned());
    router.start("radvd", &["-n", "-m", "stderr", "-d", "3", "-C", &file, "-p", &pid])
}

/// Speaks to our daemon by the command line, and returns what it says.
pub(super) fn siding(host: &Host, daemon: &Siding, arguments: &[&str]) -> String {
    let mut command = Command::new(Siding::binary());
    command.arg("--control").arg(daemon.control()).args(arguments);
    host.start_command(&mut command).finish(Duration::from_secs(60)).expect_success()
}

/// The rows of a table, each split into its cells.
pub(super) fn rows(host: &Host, daemon: &Siding, what: &str) -> Vec<Vec<String>> {
    let text = siding(host, daemon, &["show", what]);
    text.lines().skip(1).map(|line| line.split_whitespace().map(str::to_owned).collect()).collect()
}

/// Our addresses that are not link-local: address, state, origin, preferred and valid lifetime.
pub(super) fn globals(host: &Host, daemon: &Siding) -> Vec<[String; 5]> {
    let all = rows(host, daemon, "addresses").into_iter().filter(|row| !row[1].starts_with("fe80:"));
    all.map(|row| std::array::from_fn(|at| row[at + 1].clone())).collect()
}

/// Our global addresses of one origin in one state, without the lengths of their prefixes.
pub(super) fn with(host: &Host, daemon: &Siding, origin: &str, state: &str) -> Vec<String> {
    let all = globals(host, daemon).into_iter().filter(|own| own[2] == origin && own[1] == state);
    all.map(|own| own[0].split('/').next().unwrap().to_owned()).collect()
}

/// The next hop of our default route.
pub(super) fn default_route(host: &Host, daemon: &Siding) -> Option<String> {
    let all = rows(host, daemon, "routes");
    all.into_iter().find(|row| row[0] == "::/0").map(|row| row[1].clone())
}

/// Waits for our address in 2001:db8:1::/64 to be preferred, and every other to be out of detection; returns it.
pub(super) fn address(host: &Host, daemon: &Siding) -> String {
    wait_for("an address made from radvd's prefix", PATIENCE, || {
        let all = globals(host, daemon);
        let done = all.iter().all(|own| own[1] != "tentative");
        let made = with(host, daemon, "autoconf", "preferred");
        made.into_iter().find(|own| done && own.starts_with("2001:db8:1:"))
    })
}

/// Pings from our stack.
pub(super) fn ping(host: &Host, daemon: &Siding, to: &str) -> String {
    siding(host, daemon, &["ping6", "-c", "3", "-i", "0.2", to])
}
