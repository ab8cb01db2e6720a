//! Churn: everything that can change does so, at random and at once, with traffic flowing, for as long as is wanted.
//!
//! Interfaces are made, removed, renamed, moved to another namespace and back; their MTUs and addresses change, carriers
//! are lost; signals are sent; who reads the log is killed; every kind of control request is made, with arguments that are
//! right and arguments that are wrong. What must hold is in `churn/life.rs`: what `siding show` says adds up, memory and
//! descriptors stay as they are, a flow beside all that goes on, and the daemon ends well with every buffer back.
//!
//! The same beside a firewall whose flows have to go on is in `churn/firewall.rs`: rules, sets and neighbours change, too.
//!
//! A minute in all tests; `SIDING_CHURN_SECONDS=3600` for an hour. The seed is printed, and `SIDING_CHURN_SEED` runs the
//! same choices again (what threads and the kernel make of them is theirs).

mod chance;
mod firewall;
mod flows;
mod kernel;
mod life;
mod reader;
mod requests;

use std::time::Duration;
use std::time::Instant;

use siding_tests::need;

use chance::Chance;
use life::World;

fn variable(name: &str) -> Option<u64> {
    std::env::var(name)
        .ok()
        .map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is no number: {text}")))
}

#[test]
fn everything_changes_and_nothing_is_lost() {
    if !need(&["ip", "ping", "cat", "sh"]) {
        return;
    }
    let seconds = variable("SIDING_CHURN_SECONDS").unwrap_or(50);
    let seed = variable("SIDING_CHURN_SEED").unwrap_or_else(|| std::process::id().into());
    println!("churn: seed {seed}, {seconds} s");
    let Some(world) = World::open() else { return };
    let mut chance = Chance::new(seed);
    let end = Instant::now() + Duration::from_secs(seconds);
    // Long ones, to see what grows; several, since each ends in another way.
    let life = Duration::from_secs((seconds / 6).clamp(20, 600));
    while Instant::now() < end {
        let left = end.saturating_duration_since(Instant::now());
        world.live(&mut chance, if left < life * 3 / 2 { left } else { life });
    }
}

#[test]
fn a_firewall_goes_on_with_its_flows_while_everything_changes() {
    if !need(&["ip", "ping", "cat", "sh"]) {
        return;
    }
    let seconds = variable("SIDING_SOAK_SECONDS").unwrap_or(20);
    let flows = variable("SIDING_SOAK_FLOWS").unwrap_or(2000) as usize;
    let seed = variable("SIDING_CHURN_SEED").unwrap_or_else(|| std::process::id().into());
    println!("soak: seed {seed}, {seconds} s, {flows} flows");
    let Some(world) = World::open() else { return };
    firewall::soak(&world, &mut Chance::new(seed), Duration::from_secs(seconds), flows);
}
