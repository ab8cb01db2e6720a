//! A firewall with many flows, whose rules, sets and neighbours change while all else does, too.
//!
//! Every rule set lets what is established pass, so that no flow may lose its state: there are as many states as flows, at
//! every look, and what is asked from outside, which passes by its flow's state alone, is answered. `SIDING_SOAK_SECONDS` and `SIDING_SOAK_FLOWS` say for how long and how many.

use std::sync::atomic::Ordering;
use std::time::Duration;
use std::time::Instant;

use siding_tests::Host;
use siding_tests::wait_for;

use super::chance::Chance;
use super::flows::Flows;
use super::flows::INSIDE;
use super::flows::OUTSIDE;
use super::life::Daemon;
use super::life::World;

const CONFIG: &str = r#"
[stack]
control = "{control}"
workers = 2
buffers = 8192
forwarding = true
[[interface]]
name = "flow0"
driver = "packet"
addresses = ["2001:db8::1/64", "192.0.2.1/24"]
dad = false
[[interface]]
name = "in0"
driver = "packet"
addresses = ["2001:db8:a::1/64"]
dad = false
[[interface]]
name = "out0"
driver = "packet"
addresses = ["2001:db8:b::1/64"]
dad = false
[filter]
rules = "{rules}"
states = 262144
"#;

/// Between one step and the next: this is to go on for long beside others, and not to be as fast as it can.
const PAUSE: Duration = Duration::from_millis(400);
/// Memory that it may gain once there is a state for each flow, in KiB.
const GAIN: u64 = 8 << 10;

/// What runs, and what it is asked about.
struct Soak<'a> {
    daemon: Daemon<'a>,
    inside: Host,
    flows: Flows,
    wanted: u64,
    loads: u64,
}

/// Rules by chance; what is established, and what begins inside, passes all of them.
fn rules(chance: &mut Chance) -> String {
    let addresses: Vec<String> =
        (0..1 + chance.below(3000)).map(|n| format!("2001:db8:bad:{:x}::/64", n * 7 % 65_521)).collect();
    let more: Vec<String> = (0..chance.below(40))
        .map(|n| match n % 4 {
            0 => format!("tcp dport {} counter drop", 1000 + chance.below(100)),
            1 => format!("ip6 saddr 2001:db8:c{n}::/48 udp dport {} accept", chance.below(1000)),
            2 => "limit rate over 100/second burst 10 packets meta l4proto ipv6-icmp drop".to_owned(),
            _ => format!("add @seen {{ ip6 daddr timeout {}s }}", 1 + chance.below(9)),
        })
        .collect();
    format!(
        "table inet fw {{\n set blocked {{\n type ipv6_addr; flags interval; elements = {{ {} }}\n }}\n \
         set seen {{\n type ipv6_addr; size 512; flags dynamic,timeout\n }}\n \
         ct timeout long {{\n protocol udp; l3proto ip6; policy = {{ replied : {} }};\n }}\n \
         chain onward {{\n type filter hook forward priority 0; policy drop;\n \
         ct state established,related accept\n ct state invalid drop\n ip6 daddr @blocked drop\n \
         iifname \"in0\" udp dport 30000-31000 ct timeout set \"long\"\n iifname \"in0\" accept\n {}\n }}\n}}\n",
        addresses.join(", "),
        400 + chance.below(400),
        more.join("\n "),
    )
}

/// For so long, with so many flows.
pub(super) fn soak(world: &World, chance: &mut Chance, time: Duration, flows: usize) {
    let (inside, outside) = (world.lab.host("inside"), world.lab.host("outside"));
    for (host, wire, own, gateway) in
        [(&inside, "in0", INSIDE, "2001:db8:a::1"), (&outside, "out0", OUTSIDE, "2001:db8:b::1")]
    {
        world.lab.wire(&world.hosts[0], wire, host, "eth0");
        host.address("eth0", &format!("{own}/64"));
        host.route("2001:db8::/32", gateway, None);
    }
    let file = world.lab.directory().join("soak.nft");
    std::fs::write(&file, rules(chance)).unwrap();
    let daemon = world.start(&CONFIG.replace("{rules}", &file.to_string_lossy()));
    let flows_there = Flows::start(&inside, &outside, flows);
    // As many as the sockets make of it, and the connection.
    let wanted = (flows / 400).max(1) as u64 * 400 + 1;
    let mut soak = Soak { daemon, inside, flows: flows_there, wanted, loads: 0 };
    wait_for("a state for each flow", Duration::from_secs(600), || {
        std::thread::sleep(Duration::from_millis(200));
        (soak.flows.counts.rounds.load(Ordering::Relaxed) > 0 && soak.states() >= wanted).then_some(())
    });
    let begin = Instant::now();
    // What is reserved once and for all is there when everything has happened for a while.
    let settled = time / 8;
    let (mut early, mut told, mut steps) = (None, Instant::now(), 0_u64);
    while begin.elapsed() < time {
        soak.step(chance, &file);
        steps += 1;
        std::thread::sleep(PAUSE);
        if steps.is_multiple_of(50) {
            soak.holds();
        }
        if early.is_none() && begin.elapsed() > settled {
            early = Some(soak.daemon.measure());
        }
        if told.elapsed() > Duration::from_secs(300) {
            told = Instant::now();
            soak.tell(steps, begin.elapsed());
        }
    }
    soak.holds();
    let (early, late) = (early.unwrap_or_else(|| soak.daemon.measure()), soak.tell(steps, begin.elapsed()));
    let grown = late.0.saturating_sub(early.0);
    println!("soak: memory, descriptors, threads: {early:?}, then {late:?}");
    soak.daemon.check(grown <= GAIN, &format!("memory grew by {grown} KiB"));
    soak.daemon.check(late.1 <= early.1 + 2, &format!("descriptors: {} became {}", early.1, late.1));
    soak.daemon.check(late.2 <= early.2 + 1, &format!("threads: {} became {}", early.2, late.2));
    let (asked, answered) = soak.flows.stop();
    println!("soak: {asked} asked, {} of them not answered; {} loads of rules", asked - answered, soak.loads);
    // Neighbours are forgotten on purpose, and their packets wait in a queue of so many.
    soak.daemon.check(asked - answered <= asked / 100, "more than a hundredth is lost");
    soak.daemon.end(chance);
}

impl Soak<'_> {
    /// One thing happens.
    fn step(&mut self, chance: &mut Chance, file: &std::path::Path) {
        let elements = format!("\"2001:db8:beef:{:x}::/64\"", chance.below(500));
        let which = r#""which":{"name":"blocked"}"#;
        let side = chance.of(&["in0", "out0"]);
        match chance.below(20) {
            0..=3 => {
                std::fs::write(file, rules(chance)).unwrap();
                let said = self.daemon.ask(r#"{"request":"filter","action":"reload"}"#);
                self.daemon.check(said.contains(r#""ok""#) || !said.contains("error"), &said);
                self.loads += 1;
            }
            4 => {
                std::fs::write(file, "table inet fw { chain onward { nonsense } }").unwrap();
                let said = self.daemon.ask(r#"{"request":"filter","action":"reload"}"#);
                self.daemon.check(said.contains("error"), &format!("loaded: {said}"));
            }
            5..=6 => {
                let what = chance.of(&["add", "add", "delete"]);
                self.daemon.ask(&format!(
                    r#"{{"request":"filter","action":"set","set":{{"do":"{what}",{which},"elements":[{elements}]}}}}"#
                ));
            }
            7 => {
                self.daemon.ask(r#"{"request":"filter","action":"show"}"#);
                let which = r#"{"address":null,"port":null,"protocol":6,"phase":null,"most":10}"#;
                self.daemon.ask(&format!(
                    r#"{{"request":"filter","action":"states","which":{which},"flush":false}}"#
                ));
            }
            8 => {
                self.daemon.ask(&format!(r#"{{"request":"neighbor-flush","interface":"{side}"}}"#));
            }
            9..=10 => {
                let (net, last) = (if side == "in0" { "a" } else { "b" }, 16 + chance.below(200));
                self.daemon.ask(&format!(
                    r#"{{"request":"neighbor-add","interface":"{side}","address":"2001:db8:{net}::{last:x}","mac":"02:cc:00:00:00:01"}}"#
                ));
                // And one who does not answer.
                let nobody = format!("2001:db8:b::1:{last:x}");
                let _ = self.inside.run("ping", &["-q", "-c", "1", "-W", "1", &nobody]);
            }
            _ => self.daemon.step(chance),
        }
        if chance.once_in(4) {
            let goes_on = self.flows.long_flow_goes_on();
            self.daemon.check(goes_on, "the connection says what nobody said");
        }
    }

    fn states(&mut self) -> u64 {
        let limits = self.daemon.show("show-limits");
        let row = limits.as_array().unwrap().iter().find(|row| row["limit"] == "filter-states").cloned();
        row.map_or(0, |row| row["used"].as_u64().unwrap())
    }

    /// What adds up without a filter does with one, and no flow has lost its state.
    fn holds(&mut self) {
        self.daemon.adds_up();
        let states = self.states();
        let wanted = self.wanted;
        self.daemon.check(states >= wanted, &format!("{states} states of {wanted} flows"));
    }

    fn tell(&mut self, steps: u64, since: Duration) -> (u64, usize, u64) {
        let (measured, states) = (self.daemon.measure(), self.states());
        let counts = &self.flows.counts;
        let [asked, answered, rounds] =
            [&counts.asked, &counts.answered, &counts.rounds].map(|count| count.load(Ordering::Relaxed));
        println!(
            "soak: {} s, {steps} steps, {} loads of rules, {states} states; {asked} asked, {answered} answered, {rounds} times all flows; \
             memory, descriptors, threads: {measured:?}",
            since.as_secs(),
            self.loads,
        );
        measured
    }
}
