//! The run itself.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;
use std::time::Duration;

use siding_tests::Lab;
use siding_tests::need;

use super::bytes::borne;
use super::bytes::ends;
use super::chance::Chance;
use super::known::COUNTED_OTHERWISE;
use super::known::DIFFER;
use super::known::FRAMED_OTHERWISE;
use super::known::SEEDS;
use super::ours::Ours;
use super::ours::WORKERS;
use super::packets::Event;
use super::packets::Packets;
use super::rules::BRIEF;
use super::rules::Rules;
use super::theirs::Theirs;

pub(super) const NAMES: [&str; 2] = ["inner", "outer"];
pub(super) const ROUTER_MACS: [[u8; 6]; 2] = [[2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 1, 1]];
pub(super) const HOSTS: [u8; 3] = [2, 3, 4];

/// Packets for each ruleset.
const EVENTS: usize = 80;

pub(super) fn host_mac(side: usize, host: u8) -> [u8; 6] {
    [2, 0, 0, 0, side as u8, host]
}

/// A host's address; the router is host 1.
pub(super) fn addr(side: usize, host: u8, v6: bool) -> IpAddr {
    match v6 {
        true => Ipv6Addr::new(0x2001, 0xdb8, side as u16 + 1, 0, 0, 0, 0, host.into()).into(),
        false if side == 0 => Ipv4Addr::new(192, 0, 2, host).into(),
        false => Ipv4Addr::new(198, 51, 100, host).into(),
    }
}

fn frame(side: usize, from: u8, packet: &[u8]) -> Vec<u8> {
    let kind: [u8; 2] = if packet[0] >> 4 == 6 { [0x86, 0xdd] } else { [8, 0] };
    [&ROUTER_MACS[side][..], &host_mac(side, from), &kind, packet].concat()
}

/// How many octets of an event have come out, of packets with its ends: nothing else leaves on the other side.
fn came_out(event: &Event, out: &[Vec<u8>]) -> usize {
    let of = ends(&event.pieces[0]);
    out.iter().filter(|packet| ends(packet) == of).map(|packet| borne(packet)).sum()
}

/// How often packets met a word, by whether they went on.
type Coverage = BTreeMap<&'static str, [u64; 2]>;

struct Run {
    ours: Ours,
    theirs: Theirs,
    met: Coverage,
    kinds: Coverage,
    /// What `nft` refuses, and we take.
    refused: Vec<String>,
}

impl Run {
    fn new(theirs: Theirs) -> Run {
        Run { ours: Ours::new(), theirs, met: Coverage::new(), kinds: Coverage::new(), refused: Vec::new() }
    }

    /// Rules that both take.
    fn load(&mut self, seed: u64, chance: &mut Chance, make: impl Fn(&mut Chance) -> Rules) -> Rules {
        let rules = loop {
            let rules = make(chance);
            match self.theirs.load(&rules.text) {
                Ok(()) => break rules,
                Err(None) => {}
                Err(Some(why)) => {
                    let taken = self.ours.program(&rules.text).is_ok();
                    println!(
                        "seed {seed}: refused by nft, {} by us: {why}",
                        if taken { "taken" } else { "refused" }
                    );
                    self.refused.extend(taken.then_some(why));
                }
            }
        };
        self.ours.load(&rules.text, rules.states);
        rules
    }

    /// One ruleset and its packets, with a pause before each. What differs, in words.
    fn one(
        &mut self,
        seed: u64,
        make: impl Fn(&mut Chance) -> Rules,
        pause: Option<Duration>,
    ) -> Result<(), String> {
        let mut chance = Chance::new(seed);
        let rules = self.load(seed, &mut chance, make);
        let worker_chance = &mut Chance::new(!seed);
        let mut packets = Packets::new(chance, rules.states, rules.brief);
        let mut history = Vec::new();
        for number in 0..EVENTS {
            pause.into_iter().for_each(std::thread::sleep);
            if rules.brief && number == EVENTS / 2 {
                // Some flows are forgotten meanwhile, and others are not.
                std::thread::sleep(BRIEF * 4 / 3);
                self.ours.wait(BRIEF * 4 / 3);
            }
            let from = if rules.frames { 2 + worker_chance.below(2) as u8 } else { 2 };
            let event = packets.next();
            let (mut ours, mut theirs) = (Vec::new(), Vec::new());
            for piece in &event.pieces {
                let frame = frame(event.side, from, piece);
                ours.extend(self.ours.pass(event.side, worker_chance.below(WORKERS), &frame));
                theirs.extend(self.theirs.pass(event.side, &frame));
            }
            let (ours, theirs) = (came_out(&event, &ours), came_out(&event, &theirs));
            let passed = usize::from(ours == event.borne);
            for word in &rules.words {
                self.met.entry(word).or_default()[passed] += 1;
            }
            self.kinds.entry(event.kind).or_default()[passed] += 1;
            let hex = |piece: &Vec<u8>| piece.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
            let shown: Vec<String> = event.pieces.iter().map(hex).collect();
            history.push(format!(
                "{number} {} from {}, host {from}: {}",
                event.kind,
                NAMES[event.side],
                shown.join(" ")
            ));
            if ours != theirs {
                let before =
                    history.len().saturating_sub(self::number("FILTER_HISTORY").unwrap_or(12) as usize);
                return Err(format!(
                    "seed {seed}: of {} octets {ours} come out of ours and {theirs} of the kernel's ({})\n{}\n{}",
                    event.borne,
                    self.ours.drops(),
                    rules.text,
                    history[before..].join("\n"),
                ));
            }
        }
        Ok(())
    }
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

#[test]
fn the_kernel_lets_the_same_packets_pass() {
    if !need(&["nft", "ip"]) {
        return;
    }
    let Some(lab) = Lab::open() else { return };
    let Some(theirs) = Theirs::open(&lab) else { return };
    let (first, count) = (number("FILTER_SEED").unwrap_or(1), number("FILTER_RULESETS").unwrap_or(SEEDS));
    let mut run = Run::new(theirs);
    let mut wrong = Vec::new();
    let mut others = Vec::new();
    for seed in first..first + count {
        match (run.one(seed, Rules::new, None), DIFFER.contains(&seed)) {
            (Ok(()), false) => {}
            (Ok(()), true) => println!("seed {seed}: agrees here; the list has it as one that differs"),
            (Err(said), true) => {
                let begins = said.lines().next().unwrap_or_default().to_owned();
                println!("differs, being looked into: {begins}");
                others.push(said);
            }
            (Err(said), false) => wrong.push(said),
        }
    }
    let all: [u64; 2] = run.kinds.values().fold([0, 0], |sum, one| [sum[0] + one[0], sum[1] + one[1]]);
    println!("{count} rulesets, {} packets, {} of them dropped", all[0] + all[1], all[0]);
    for (word, [dropped, passed]) in run.kinds.iter().chain(&run.met) {
        println!("{word:28} {dropped:8} dropped {passed:8} passed");
    }
    // One that is asked for is shown, also if it is known to differ.
    for one in wrong
        .iter()
        .chain(others.iter().filter(|_| count == 1))
        .take(number("FILTER_SHOW").unwrap_or(5) as usize)
    {
        println!("{one}\n");
    }
    let seeds: Vec<&str> = wrong.iter().filter_map(|said| said.split(':').next()).collect();
    println!("{} rulesets that nft refuses are taken here", run.refused.len());
    assert!(wrong.is_empty(), "{} rulesets of {count} differ that are not known to: {seeds:?}", wrong.len());
    assert_eq!(run.refused, [""; 0], "refused by nft, and taken here");
    if count >= 200 {
        let share = 100 * all[0] / (all[0] + all[1]);
        assert!((20..=80).contains(&share), "{share} % are dropped");
        let one_sided = |(_, sides): &(&&str, &[u64; 2])| sides.contains(&0);
        assert_eq!(run.met.iter().find(one_sided), None, "a word without both outcomes");
    }
}

/// Of rulesets that count connections there are so many, from this seed on; and of those that look at frames.
const COUNTING: (u64, u64) = (20_001, 12);
const FRAMED: (u64, u64) = (30_001, 12);

/// Longer than two ticks of the kernel's: within one it does not look whether it has counted a connection, and counts it again.
const TICKS: Duration = Duration::from_millis(21);

/// Rulesets of one kind, from a seed on: those that are not known to differ have to agree.
fn all_agree(
    (first, count): (u64, u64),
    known: &[u64],
    make: impl Fn(&mut Chance) -> Rules,
    pause: Option<Duration>,
) {
    if !need(&["nft", "ip"]) {
        return;
    }
    let Some(lab) = Lab::open() else { return };
    let Some(theirs) = Theirs::open(&lab) else { return };
    let count = number("FILTER_RULESETS").unwrap_or(count);
    let mut run = Run::new(theirs);
    let mut wrong = Vec::new();
    for seed in first..first + count {
        let differs = run.one(seed, &make, pause).err();
        match known.contains(&seed) && count > 1 {
            true => println!("{}", differs.unwrap_or(format!("seed {seed}: agrees here"))),
            false => wrong.extend(differs),
        }
    }
    for (word, [dropped, passed]) in run.kinds.iter().chain(&run.met) {
        println!("{word:28} {dropped:8} dropped {passed:8} passed");
    }
    assert!(wrong.is_empty(), "{} rulesets of {count} differ:\n{}", wrong.len(), wrong.join("\n\n"));
    assert_eq!(run.refused, [""; 0], "refused by nft, and taken here");
}

#[test]
fn connections_are_counted_as_the_kernel_counts_them() {
    let first = number("FILTER_COUNT_SEED").unwrap_or(COUNTING.0);
    all_agree((first, COUNTING.1), COUNTED_OTHERWISE, Rules::counting, Some(TICKS));
}

#[test]
fn frames_and_times_of_silence_are_what_they_are_to_the_kernel() {
    let first = number("FILTER_FRAME_SEED").unwrap_or(FRAMED.0);
    all_agree((first, FRAMED.1), FRAMED_OTHERWISE, Rules::with_frames, None);
}
