//! The table of routes: `cargo bench -p siding-benches --bench routes`.
//!
//! Times are of the machine that it runs on, at that moment; what is compared is measured in turns in the same run. Each goal
//! is printed with PASS or MISS.

#![forbid(unsafe_code)]

use std::error::Error;
use std::fs;
use std::process::ExitCode;

use clap::Parser;

use siding_benches::routes::Peer;
use siding_benches::routes::changes;
use siding_benches::routes::lookups;
use siding_benches::routes::prefixes4;
use siding_benches::routes::prefixes6;
use siding_benches::verdicts::Goal;
use siding_benches::verdicts::Verdicts;

const MIB: f64 = 1024.0 * 1024.0;

/// What changes and look-ups cost, and how large the table is.
#[derive(Debug, Parser)]
struct Options {
    /// A hundredth of the routes, to see that everything works; its verdicts mean nothing.
    #[arg(long)]
    quick: bool,
    /// Look-ups alone, and nothing of what changes cost.
    #[arg(long)]
    lookups: bool,
    /// Rounds of look-ups; the median counts.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,
    /// Passed by `cargo bench`; no effect.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("routes: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let part = if options.quick { 100 } else { 1 };
    let rounds = usize::from(options.rounds);
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!(
        "Prefixes of the lengths that BGP has, the longer within the shorter; destinations spread over all of them, in \
         random order; one thread on core 0; batches and look-ups: median of {rounds} rounds in turns; load before {}.",
        load.split(' ').next().unwrap_or("?"),
    );
    siding_benches::affinity::pin(0)?;
    let mut verdicts = Verdicts::default();
    if !options.lookups {
        change(part, rounds, &mut verdicts);
    }
    println!("\nlook-ups      routes   single   bulk of 32   peer single   peer bulk (ns)");
    for count in [100_000 / part, 1_000_000 / part] {
        let found = lookups(&prefixes6(count), rounds, Peer::six);
        println!("IPv6 {count:>13} {found}");
        if let Some(ratio) = found.bulk_ratio() {
            verdicts.judge(&format!("IPv6 bulk at {count}, of rte_fib6"), ratio, Goal::AtMost(1.0), "times");
        }
    }
    let found = lookups(&prefixes4(1_000_000 / part), rounds, Peer::four);
    println!("IPv4 {:>13} {found}", 1_000_000 / part);
    if let Some(ratio) = found.bulk_ratio() {
        verdicts.judge("IPv4 bulk, of rte_fib", ratio, Goal::AtMost(1.2), "times");
    }
    println!("\n{verdicts}");
    if let Some(why) = Peer::<std::net::Ipv6Addr>::missing() {
        println!("No peer: {why}");
    }
    Ok(())
}

/// What changes cost, and how large the table is.
fn change(part: usize, rounds: usize, verdicts: &mut Verdicts) {
    println!(
        "\nchanges at   routes   batch/s  singly/s   add p50 p99   replace p50 p99   delete p50 p99 (us)   table"
    );
    let six = changes(&prefixes6(250_000 / part), rounds);
    println!("{six}");
    verdicts.judge("250,000 IPv6 routes", six.bytes as f64 / MIB, Goal::AtMost(64.0), "MiB");
    let big6 = changes(&prefixes6(1_000_000 / part), rounds);
    println!("{big6}");
    let four = changes(&prefixes4(1_000_000 / part), rounds);
    println!("{four}");
    verdicts.judge("a million IPv4 routes", four.bytes as f64 / MIB, Goal::AtMost(96.0), "MiB");
    for (family, table) in [("IPv6", &big6), ("IPv4", &four)] {
        verdicts.judge(&format!("{family} batch"), table.per_second, Goal::AtLeast(500_000.0), "/s");
        for (what, cost) in [("add", table.add), ("replace", table.replace), ("delete", table.delete)] {
            verdicts.judge(&format!("{family} {what}, median"), cost.0, Goal::AtMost(10.0), "us");
            verdicts.judge(&format!("{family} {what}, p99"), cost.1, Goal::AtMost(50.0), "us");
        }
    }
}
