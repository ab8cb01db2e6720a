//! What a fuzzer starts from.

use std::net::IpAddr;
use std::net::Ipv6Addr;
use std::time::Duration;

use siding_wire::Mac;
use siding_wire::arp::ArpRepr;
use siding_wire::ether;
use siding_wire::nd::NeighborAdvert;
use siding_wire::nd::NeighborSolicit;

use super::frames;
use super::steps::Step;

/// One input, for both targets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What it is, fit for the name of a file.
    pub name: String,
    /// For [`parsers`](super::parsers); empty for a story.
    pub parsers: Vec<u8>,
    /// For [`input_path`](super::input_path).
    pub input_path: Vec<u8>,
}

/// Every kind of frame, by itself and in stories. The same each time.
pub fn corpus() -> Vec<Entry> {
    let frames = frames::all();
    let mut entries: Vec<Entry> = Vec::new();
    for (name, frame) in &frames {
        // To one whose addresses are tentative, and to both of whom they are not.
        let tentative = write(0, &[step(frame, 0)]);
        let preferred = write(3, &[step(frame, 0), step(frame, 1), Step::Run(Duration::from_secs(5))]);
        let parsers = frame.clone();
        entries.push(Entry { name: name.clone(), parsers, input_path: preferred });
        // A message by itself, without what stands before it.
        let message = frame.get(ether::HEADER_LEN + 40..).unwrap_or_default().to_vec();
        entries.push(Entry { name: format!("tentative-{name}"), parsers: message, input_path: tentative });
    }
    for (name, input_path) in stories(&frames) {
        entries.push(Entry { name, parsers: Vec::new(), input_path });
    }
    entries
}

/// Frames that belong together, with what happens between them.
fn stories(all: &[frames::Named]) -> Vec<frames::Named> {
    let tell = NeighborAdvert {
        router: false,
        solicited: true,
        override_: true,
        target: frames::GLOBAL,
        tlla: Some(frames::MAC),
    };
    let answer = frames::advert(frames::HOST, &tell);
    let moved = frames::advert(
        frames::HOST,
        &NeighborAdvert { solicited: false, tlla: Some(Mac([2, 0, 0, 0, 0, 0x98])), ..tell },
    );
    let echo = frames::echo(frames::GLOBAL, frames::HOST, 64, 8);
    let forward = frames::echo(frames::GLOBAL, frames::BEYOND, 64, 8);
    let arp = frames::arp(
        ArpRepr::request(frames::HOST_MAC, frames::HOST_V4, frames::V4).reply(frames::MAC),
        frames::HOST_MAC,
    );
    let ask = NeighborSolicit::new(frames::HOST, frames::MAC);
    let (run, long) = (Step::Run(Duration::from_millis(500)), Step::Run(Duration::from_secs(60)));
    let ping = |dst: IpAddr| Step::Ping { node: 0, dst };
    let ping6 = || ping(frames::GLOBAL.into());
    let scan: Vec<Vec<u8>> = (0..12)
        .map(|host| frames::echo(frames::GLOBAL, Ipv6Addr::from_bits(frames::BEYOND.to_bits() + host), 64, 8))
        .collect();
    let strangers: Vec<Vec<u8>> = (0..24)
        .map(|n| {
            let src = Ipv6Addr::from_bits(frames::GLOBAL.to_bits() + n);
            frames::solicit(src, frames::HOST, frames::HOST, &ask)
        })
        .collect();
    let named = |name: &str, first: u8, steps: &[Step<'_>]| (name.to_string(), write(first, steps));
    let queued = |frame| match step(frame, 0) {
        Step::Frame { link, repair, lengths, aim, bytes, .. } => {
            Step::Frame { link, repair, lengths, aim, bytes, settle: false }
        }
        other => other,
    };
    let mut stories = vec![
        named(
            "story-resolve",
            3,
            &[ping6(), run.clone(), step(&answer, 0), long.clone(), ping6(), long.clone()],
        ),
        named("story-fail", 3, &[ping6(), ping6(), ping6(), ping6(), ping6(), long.clone()]),
        named(
            "story-move",
            3,
            &[ping6(), run.clone(), step(&answer, 0), step(&moved, 0), ping6(), long.clone()],
        ),
        named("story-arp", 3, &[ping(frames::V4.into()), run.clone(), step(&arp, 0), long.clone()]),
        named("story-held-detach", 3, &[ping6(), run.clone(), Step::Unplug(0), queued(&answer), run.clone()]),
        named("story-flushed", 3, &[ping6(), run.clone(), queued(&answer), Step::Flush(0), Step::Unplug(0)]),
        named(
            "story-replug",
            3,
            &[Step::Unplug(0), run.clone(), Step::Plug { node: 0, link: 0 }, step(&echo, 0)],
        ),
        named(
            "story-dry",
            3,
            &[Step::Hoard(0), step(&echo, 0), step(&forward, 1), Step::Hoard(0), step(&echo, 0)],
        ),
        named(
            "story-down",
            3,
            &[ping6(), Step::Up(0, false), step(&answer, 0), Step::Up(0, true), long.clone()],
        ),
        named(
            "story-jump",
            3,
            &[ping6(), Step::Jump(Duration::from_secs(100)), step(&answer, 0), run.clone()],
        ),
        named("story-readdress", 3, &[Step::Readdress(0), step(&echo, 0), step(&answer, 0), long.clone()]),
        named("story-forward", 3, &[step(&forward, 1), run.clone(), Step::Unplug(2), run.clone()]),
    ];
    let volley =
        |frames: &[Vec<u8>], aim| write(3, &frames.iter().map(|frame| step(frame, aim)).collect::<Vec<_>>());
    stories.push(("story-scan".to_string(), volley(&scan, 1)));
    stories.push(("story-strangers".to_string(), volley(&strangers, 0)));
    stories.extend(fragments());
    let everything: Vec<Step<'_>> = all.iter().step_by(3).map(|(_, frame)| queued(frame)).collect();
    stories.push(("story-burst".to_string(), write(3, &[&everything[..], &[run]].concat())));
    stories
}

/// Packets in fragments: whole, with something wrong, and never complete.
fn fragments() -> Vec<frames::Named> {
    let (large, small) = (frames::fragments(4_000, 1232), frames::fragments(100, 24));
    let four = frames::fragments4(3_000, 1200);
    let order = |pieces: &[Vec<u8>], which: &[usize], then: &[Step<'_>]| {
        let steps: Vec<Step<'_>> = which.iter().map(|n| step(&pieces[*n], 0)).collect();
        write(3, &[&steps[..], then].concat())
    };
    let timeout = [Step::Run(Duration::from_secs(61))];
    let mut overlap = small[1].clone();
    overlap[ether::HEADER_LEN + 40 + 3] ^= 8;
    let overlapping = [small[0].clone(), overlap, small[2].clone()];
    let echo = frames::echo(frames::GLOBAL, frames::HOST, 64, 1452);
    let told = frames::too_big(1300);
    let too_big = [step(&echo, 0), step(&told, 0), step(&echo, 0)];
    vec![
        ("story-fragments".into(), order(&small, &[0, 1, 2, 3, 4], &[])),
        ("story-fragments-backwards".into(), order(&small, &[4, 3, 2, 2, 1, 0], &[])),
        ("story-fragments-large".into(), order(&large, &[1, 0, 3, 2], &timeout)),
        ("story-fragments-overlap".into(), order(&overlapping, &[0, 1, 2], &timeout)),
        ("story-fragments-timeout".into(), order(&small, &[0, 3], &timeout)),
        ("story-fragments-detach".into(), order(&small, &[0, 3], &[Step::Unplug(0)])),
        ("story-fragments4".into(), order(&four, &[2, 0, 1], &[])),
        ("story-fragments4-timeout".into(), order(&four, &[0, 2], &timeout)),
        ("story-too-big".into(), write(3, &too_big)),
    ]
}

/// A frame to an interface of link 0: as it is, as what is cut short shall stay so.
fn step(frame: &[u8], aim: usize) -> Step<'_> {
    Step::Frame { link: 0, repair: false, lengths: false, aim: Some(aim), settle: true, bytes: frame }
}

fn write(first: u8, steps: &[Step<'_>]) -> Vec<u8> {
    let mut out = vec![first];
    steps.iter().for_each(|step| step.write(&mut out));
    out
}
