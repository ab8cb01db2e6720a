//! The firewall in memory: `cargo bench -p siding-benches --bench filter`.
//!
//! Times are of the machine that it runs on, at that moment; what is compared is measured in turns in the same run. Each goal
//! is printed with PASS or MISS.

#![forbid(unsafe_code)]

use std::error::Error;
use std::fs;
use std::process::ExitCode;

use clap::Parser;

use siding_benches::firewall::Wall;
use siding_benches::firewall::Way;
use siding_benches::firewall::in_sets;
use siding_benches::firewall::many;
use siding_benches::firewall::many_beside;
use siding_benches::firewall::resident;
use siding_benches::measure::median;
use siding_benches::verdicts::Goal;
use siding_benches::verdicts::Verdicts;

/// Flows that are known.
const FLOWS: u64 = 65_536;
const MILLION: u64 = 1_000_000;

/// What states and rules cost, and how large a table of states is.
#[derive(Debug, Parser)]
struct Options {
    /// A hundredth of the packets, to see that everything works; its verdicts mean nothing.
    #[arg(long)]
    quick: bool,
    /// Rounds; the median counts.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,
    /// Only so many turns of one arrangement, to be counted by callgrind: `router` or `established`.
    #[arg(long)]
    count: Option<String>,
    /// How many.
    #[arg(long, default_value_t = 4096)]
    turns: u64,
    /// Passed by `cargo bench`; no effect.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("filter: {error}");
            ExitCode::FAILURE
        }
    }
}

/// A firewall of 100 rules that knows all flows, answered.
fn established(mut wall: Wall) -> Result<Wall, Box<dyn Error>> {
    wall.filter(&many(100), 1 << 20)?;
    wall.run(Way::Out(FLOWS), FLOWS)?;
    wall.run(Way::Back(FLOWS), FLOWS)?;
    Ok(wall)
}

fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    if let Some(what) = &options.count {
        let router = Wall::new()?.without_clock();
        let mut wall = if what == "router" { router } else { established(router)? };
        let cost = wall.run(Way::Out(FLOWS), options.turns * 64)?;
        println!("{} packets", cost.packets);
        return Ok(());
    }
    let part = if options.quick { 100 } else { 1 };
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!(
        "UDP over IPv6, 64 bytes, forwarded in memory by one worker on core 0, 64 in a turn; {FLOWS} flows, in the order in which they began; \
         processor time, medians of {} rounds in turns; load before {}.",
        options.rounds,
        load.split(' ').next().unwrap_or("?"),
    );
    siding_benches::affinity::pin(0)?;
    let mut verdicts = Verdicts::default();
    beside_forwarding(options, 20 * FLOWS / part, &mut verdicts)?;
    a_million(options, &mut verdicts)?;
    sets(options, 20 * FLOWS / part, &mut verdicts)?;
    reload(options, 100 * FLOWS / part, &mut verdicts)?;
    println!("\n{verdicts}");
    Ok(())
}

fn beside_forwarding(options: &Options, packets: u64, verdicts: &mut Verdicts) -> Result<(), Box<dyn Error>> {
    let (mut router, mut wall) = (Wall::new()?, established(Wall::new()?)?);
    let (mut plain, mut filtered, mut more) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..options.rounds {
        let (mut sums, slices) = ([0.0; 2], 16);
        for slice in 0..slices {
            let way = if slice % 2 == 0 { Way::Out(FLOWS) } else { Way::Back(FLOWS) };
            sums[0] += router.run(way, packets / slices)?.each / slices as f64;
            sums[1] += wall.run(way, packets / slices)?.each / slices as f64;
        }
        plain.push(sums[0]);
        filtered.push(sums[1]);
        more.push(sums[1] - sums[0]);
    }
    let rounds: Vec<String> = more.iter().map(|more| format!("{more:.1}")).collect();
    println!(
        "\nforwarding {:.1} ns; established flows through 100 rules {:.1} ns; more by ({}) ns",
        median(&mut plain),
        median(&mut filtered),
        rounds.join(" "),
    );
    verdicts.judge(
        "an established packet, on top of forwarding",
        median(&mut more),
        Goal::AtMost(30.0),
        "ns",
    );
    Ok(())
}

fn a_million(options: &Options, verdicts: &mut Verdicts) -> Result<(), Box<dyn Error>> {
    let (mut rates, mut bytes, mut tails) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..options.rounds {
        let mut wall = Wall::new()?;
        let before = resident();
        wall.filter(&many(100), 1 << 20)?;
        let tenth = MILLION / 10;
        let mut costs = Vec::new();
        for _ in 0..10 {
            costs.push(wall.run(Way::Out(u64::MAX), tenth)?);
        }
        if wall.states() < MILLION as usize {
            return Err(format!("{} states", wall.states()).into());
        }
        let each = costs.iter().map(|cost| cost.each).sum::<f64>() / costs.len() as f64;
        rates.push(1e3 / each);
        bytes.push((resident() - before) as f64 / 1e6);
        tails.push(costs[9].p99 / costs[0].p99);
        println!(
            "a million new states: {each:.1} ns each with forwarding, p99 {:.1} ns for the first tenth, {:.1} for the last",
            costs[0].p99, costs[9].p99
        );
    }
    verdicts.judge("new states a second, on one core", median(&mut rates), Goal::AtLeast(1.0), "million");
    verdicts.judge("memory of a million states", median(&mut bytes), Goal::AtMost(160.0), "MB");
    verdicts.judge("p99 of the last tenth, of the first's", median(&mut tails), Goal::AtMost(1.5), "times");
    Ok(())
}

fn sets(options: &Options, packets: u64, verdicts: &mut Verdicts) -> Result<(), Box<dyn Error>> {
    let (mut few, mut lots) = (Wall::new()?, Wall::new()?);
    few.filter(&in_sets(10), 1 << 20)?;
    lots.filter(&in_sets(10_000), 1 << 20)?;
    let (mut first, mut second, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..options.rounds {
        let (mut sums, slices) = ([0.0; 2], 16);
        for _ in 0..slices {
            sums[0] += few.run(Way::Out(FLOWS), packets / slices)?.each / slices as f64;
            sums[1] += lots.run(Way::Out(FLOWS), packets / slices)?.each / slices as f64;
        }
        first.push(sums[0]);
        second.push(sums[1]);
        ratios.push(sums[1] / sums[0]);
    }
    println!(
        "10 rules in a map {:.1} ns, 10,000 {:.1} ns, with forwarding",
        median(&mut first),
        median(&mut second)
    );
    verdicts.judge("10,000 rules in sets, of 10", median(&mut ratios), Goal::AtMost(1.2), "times");
    Ok(())
}

/// Rules are replaced while packets of flows that are known pass: none is lost, no flow either, and turns take as long as before. The rules
/// that come count flows at sixteen places, where those before counted none: room for these is reserved meanwhile.
fn reload(options: &Options, packets: u64, verdicts: &mut Verdicts) -> Result<(), Box<dyn Error>> {
    let rules = many_beside(10_000, 100_000);
    let (mut tails, mut longest) = (Vec::new(), Vec::new());
    for _ in 0..options.rounds {
        let mut wall = established(Wall::new()?)?;
        let known = (wall.states(), wall.inserted());
        let times = wall.load_under_way(&rules, 1 << 20, Way::Out(FLOWS), packets / 64)?;
        // Answers pass by their states alone.
        wall.run(Way::Back(FLOWS), FLOWS)?;
        let now = (wall.states(), wall.inserted());
        if now != known {
            return Err(format!("{known:?} states, and ever, before; {now:?} afterwards").into());
        }
        let at = |times: &[u64], share: f64| times[((times.len() - 1) as f64 * share) as usize] as f64 / 1e3;
        let of =
            |times: &[u64]| [0.5, 0.99, 0.999, 1.0].map(|share| format!("{:.1}", at(times, share))).join(" ");
        let mut own = Vec::new();
        for (what, at_clock) in ["by the clock", "of processor time"].into_iter().zip(0..) {
            let [before, beside] = times.each_ref().map(|times| {
                let mut sorted: Vec<u64> = times.iter().map(|both| both[at_clock]).collect();
                sorted.sort_unstable();
                sorted
            });
            println!(
                "turns of 64, {what}: {} us before (median, p99, p99.9, longest of {}), {} us from the load of 10,000 rules, 100,000 elements and 16 places on ({})",
                of(&before),
                before.len(),
                of(&beside),
                beside.len(),
            );
            own = vec![before, beside];
        }
        tails.push(at(&own[1], 0.999) / at(&own[0], 0.999));
        longest.push(at(&own[1], 1.0));
    }
    verdicts.judge(
        "p99.9 of turns beside a load, of that before",
        median(&mut tails),
        Goal::AtMost(1.2),
        "times",
    );
    // The one that takes the rules up is one of a hundred thousand.
    verdicts.judge("the longest turn beside a load", median(&mut longest), Goal::AtMost(1000.0), "us");
    Ok(())
}
