//! What radvd advertised ends when it is to end.

use std::time::Duration;
use std::time::Instant;

use rustix::process::Signal;
use siding_tests::Siding;
use siding_tests::wait_for;

use super::util::*;

#[test]
fn a_radvd_that_stops_takes_its_route_along_at_once_4861_21() {
    let Some((lab, ours, router)) = pair() else { return };
    let radvd = radvd(
        &lab,
        &router,
        "eth0",
        "MaxRtrAdvInterval 30; AdvDefaultLifetime 600; prefix 2001:db8:1::/64 { };",
    );
    let daemon = Siding::start(&lab, &ours, &["run"], CONFIG);
    let own = address(&ours, &daemon);
    assert!(default_route(&ours, &daemon).is_some());
    // Its last advertisement has a lifetime of 0.
    assert!(radvd.stop(PATIENCE).succeeded());
    let stopped = Instant::now();
    wait_for("the default route to go", PATIENCE, || default_route(&ours, &daemon).is_none().then_some(()));
    assert!(stopped.elapsed() < Duration::from_secs(1), "{:?}", stopped.elapsed());
    // The address stays: its lifetimes go on.
    assert_eq!(with(&ours, &daemon, "autoconf", "preferred"), std::slice::from_ref(&own));
    router.run("ping", &["-c", "1", "-W", "2", &own]).expect_success();
    let far = ours.start_command(
        std::process::Command::new(Siding::binary())
            .arg("--control")
            .arg(daemon.control())
            .args(["ping6", "-c", "1", FAR]),
    );
    let finished = far.finish(PATIENCE);
    assert!(!finished.succeeded() && finished.stderr.contains("no route to"), "{finished}");
    daemon.stop();
}

#[test]
fn addresses_are_deprecated_and_removed_on_time_when_the_router_falls_silent_4862_9() {
    let Some((lab, ours, router)) = pair() else { return };
    let settings = "MaxRtrAdvInterval 4; MinRtrAdvInterval 3; AdvDefaultLifetime 8; \
                    prefix 2001:db8:1::/64 { AdvValidLifetime 12; AdvPreferredLifetime 6; };";
    let mut radvd = radvd(&lab, &router, "eth0", settings);
    let daemon = Siding::start(&lab, &ours, &["run"], CONFIG);
    let own = address(&ours, &daemon);
    // Killed, it has no last word.
    radvd.signal(Signal::KILL);
    let killed = Instant::now();
    // What is left of the lifetimes is told in whole seconds.
    let left = |at: usize| -> f64 { globals(&ours, &daemon)[0][at].parse().unwrap() };
    let (preferred, valid) = (left(3), left(4));
    assert!(preferred <= 6.0 && valid <= 12.0);
    let on_time = |what: &str, left: f64| {
        let late = killed.elapsed().as_secs_f64() - left;
        assert!((-0.5..2.0).contains(&late), "{what} {late:.2} s after its time");
    };
    wait_for("the address to be deprecated", PATIENCE, || {
        (!with(&ours, &daemon, "autoconf", "deprecated").is_empty()).then_some(())
    });
    on_time("deprecated", preferred);
    router.run("ping", &["-c", "1", "-W", "2", &own]).expect_success();
    wait_for("the default route to end", PATIENCE, || default_route(&ours, &daemon).is_none().then_some(()));
    wait_for("the address to end", PATIENCE, || globals(&ours, &daemon).is_empty().then_some(()));
    on_time("removed", valid);
    assert!(!router.run("ping", &["-c", "1", "-W", "1", &own]).succeeded(), "it is ours no more");
    assert!(rows(&ours, &daemon, "prefixes").is_empty());
    // And back.
    let _radvd = super::util::radvd(&lab, &router, "eth0", settings);
    assert_eq!(address(&ours, &daemon), own);
    daemon.stop();
}
