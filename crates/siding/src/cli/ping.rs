//! `siding ping` and `ping6`: echo requests by the running stack, told as iputils' ping tells them.

use std::collections::HashMap;
use std::collections::HashSet;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::time::Duration;
use std::time::Instant;

use anyhow::bail;
use clap::Args as ClapArgs;
use siding_output as output;
use signal_hook::consts::SIGINT;

use super::address::Scoped;
use super::ask::seconds;
use super::table::millis;
use crate::control::Answer;
use crate::control::Client;
use crate::control::PingRow;
use crate::control::Request;

#[derive(Debug, ClapArgs)]
pub(super) struct PingArgs {
    /// Address; a link-local one with its interface, fe80::1%eth0
    #[arg(value_name = "ADDR[%IF]")]
    pub(super) to: Scoped,
    /// Requests to send [default: until Ctrl-C]
    #[arg(short, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) count: Option<u64>,
    /// Seconds between requests
    #[arg(short, value_name = "SECONDS", default_value = "1")]
    pub(super) interval: f64,
    /// Bytes of data
    #[arg(short, value_name = "BYTES", default_value_t = 56)]
    pub(super) size: u16,
    /// Seconds to wait for the last answer [default: 1, or 4 if there was none yet: a neighbour is given up after 3]
    #[arg(short = 'W', value_name = "SECONDS")]
    pub(super) wait: Option<f64>,
    /// Only the summary
    #[arg(short)]
    pub(super) quiet: bool,
}

/// What has been sent and what has come of it.
struct Ping {
    client: Client,
    quiet: bool,
    size: usize,
    v6: bool,
    /// When requests left that have no answer yet, in nanoseconds, by their number.
    waiting: HashMap<u16, u64>,
    answered: HashSet<u16>,
    sent: u64,
    received: u64,
    duplicates: u64,
    errors: u64,
    times: Vec<Duration>,
}

/// Longest between two looks whether somebody has pressed Ctrl-C.
const LOOK: Duration = Duration::from_millis(100);

/// How long the last answer is waited for, of somebody who has answered others...
const ANSWERED: Duration = Duration::from_secs(1);
/// ...and of somebody of whom nothing is known: longer than three solicitations take.
const SILENT: Duration = Duration::from_secs(4);

/// Pings until the count is reached or somebody stops it. The status is 0 if an answer came, else 1.
pub(super) fn run(client: Client, args: &PingArgs, v6: bool) -> anyhow::Result<ExitCode> {
    let address = args.to.address;
    if address.is_ipv6() != v6 {
        bail!("{address} is not for this: use `siding {}`", if v6 { "ping" } else { "ping6" });
    }
    let interval = seconds(args.interval)?;
    let wait = args.wait.map(seconds).transpose()?;
    let stop = Arc::new(AtomicBool::new(false));
    signal_hook::flag::register(SIGINT, stop.clone())?;
    let mut ping = Ping {
        client,
        quiet: args.quiet,
        size: args.size.into(),
        v6,
        waiting: HashMap::new(),
        answered: HashSet::new(),
        sent: 0,
        received: 0,
        duplicates: 0,
        errors: 0,
        times: Vec::new(),
    };
    let size = usize::from(args.size);
    let headers = if v6 { 40 + 8 } else { 20 + 8 };
    match v6 {
        true => output::line(format_args!("PING {address} ({address}) {size} data bytes"))?,
        false => output::line(format_args!(
            "PING {address} ({address}) {size}({}) bytes of data.",
            size + headers
        ))?,
    }
    let start = Instant::now();
    let mut due = start;
    while args.count.is_none_or(|count| ping.sent < count) && !stop.load(Ordering::Relaxed) {
        ping.send(args)?;
        // From the plan, not from now: requests keep their pace.
        due += interval;
        let last = args.count == Some(ping.sent);
        while !last && Instant::now() < due && !stop.load(Ordering::Relaxed) {
            ping.take(due.saturating_duration_since(Instant::now()))?;
        }
    }
    let last = Instant::now();
    // While nothing has come, there may be that nothing will: a silent neighbour is told of by our own stack, later.
    let wait = |ping: &Ping| wait.unwrap_or(if ping.received + ping.errors > 0 { ANSWERED } else { SILENT });
    while !ping.waiting.is_empty() && last.elapsed() < wait(&ping) && !stop.load(Ordering::Relaxed) {
        ping.take(wait(&ping).saturating_sub(last.elapsed()))?;
    }
    output::print(ping.summary(&address.to_string(), start.elapsed()))?;
    Ok(if ping.received > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Ping {
    fn send(&mut self, args: &PingArgs) -> anyhow::Result<()> {
        self.sent += 1;
        let seq = self.sent as u16;
        let request = Request::PingSend {
            address: args.to.address,
            interface: args.to.interface.clone(),
            seq,
            size: args.size,
        };
        self.answered.remove(&seq);
        if let Answer::PingSent { at_ns } = self.client.ask(&request)? {
            self.waiting.insert(seq, at_ns);
        }
        Ok(())
    }

    fn take(&mut self, longest: Duration) -> anyhow::Result<()> {
        // Whole milliseconds travel; what is less is slept here, so that small intervals are kept.
        let longest = longest.min(LOOK);
        let timeout_ms = u64::try_from(longest.as_millis()).unwrap_or(0);
        let began = Instant::now();
        let answer = self.client.ask(&Request::PingWait { timeout_ms })?;
        let Answer::PingAnswers(rows) = answer else { return Ok(()) };
        if rows.is_empty() && timeout_ms == 0 {
            std::thread::sleep(longest.saturating_sub(began.elapsed()).min(Duration::from_millis(1)));
        }
        for row in &rows {
            if let Some(line) = self.note(row) {
                output::line(line)?;
            }
        }
        Ok(())
    }

    /// Counts an answer; gives what there is to say of it.
    fn note(&mut self, row: &PingRow) -> Option<String> {
        let PingRow { seq, at_ns, from, hop_limit, error } = row;
        let sent = self.waiting.remove(seq);
        if let Some(error) = error {
            self.errors += 1;
            return (!self.quiet).then(|| format!("From {from} icmp_seq={seq} {error}"));
        }
        let Some(sent) = sent else {
            self.duplicates += u64::from(self.answered.contains(seq));
            return (!self.quiet)
                .then(|| format!("{} bytes from {from}: icmp_seq={seq} (DUP!)", self.size + 8));
        };
        self.answered.insert(*seq);
        self.received += 1;
        let time = Duration::from_nanos(at_ns.saturating_sub(sent));
        self.times.push(time);
        let ttl = hop_limit.unwrap_or(0);
        (!self.quiet).then(|| {
            format!("{} bytes from {from}: icmp_seq={seq} ttl={ttl} time={} ms", self.size + 8, millis(time))
        })
    }

    fn summary(&self, address: &str, elapsed: Duration) -> String {
        let Ping { sent, received, .. } = self;
        let mut text =
            format!("\n--- {address} ping statistics ---\n{sent} packets transmitted, {received} received");
        if self.duplicates > 0 {
            text += &format!(", +{} duplicates", self.duplicates);
        }
        if self.errors > 0 {
            text += &format!(", +{} errors", self.errors);
        }
        let lost = sent.saturating_sub(*received) as f64 * 100.0 / (*sent).max(1) as f64;
        // As ping does: up to six digits, and no zeros behind the point.
        let lost = format!("{lost:.4}");
        let lost = lost.trim_end_matches('0').trim_end_matches('.');
        text += &format!(", {lost}% packet loss, time {}ms\n", elapsed.as_millis());
        if !self.times.is_empty() {
            let millis: Vec<f64> = self.times.iter().map(|time| time.as_secs_f64() * 1e3).collect();
            let mean = millis.iter().sum::<f64>() / millis.len() as f64;
            let square = millis.iter().map(|time| time * time).sum::<f64>() / millis.len() as f64;
            let deviation = (square - mean * mean).max(0.0).sqrt();
            let least = millis.iter().copied().fold(f64::INFINITY, f64::min);
            let most = millis.iter().copied().fold(0.0, f64::max);
            text += &format!("rtt min/avg/max/mdev = {least:.3}/{mean:.3}/{most:.3}/{deviation:.3} ms\n");
        }
        // The option of the other family would be a line that scripts trip over.
        debug_assert!(self.v6 == address.contains(':'));
        text
    }
}
