//! One daemon's life under churn, and what must hold in it and after it.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::time::Duration;
use std::time::Instant;

use rustix::process::Signal;
use serde_json::Value;
use siding_tests::Host;
use siding_tests::Lab;
use siding_tests::Running;
use siding_tests::Siding;
use siding_tests::wait_for;

use super::chance::Chance;
use super::kernel;
use super::reader::Reader;
use super::requests;

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
"#;

const PATIENCE: Duration = Duration::from_secs(90);
/// A stop ends by itself after `stop_timeout_ms`, which is 120 s, and gives back what is the kernel's within 10 s more.
const END: Duration = Duration::from_secs(150);
/// A step that takes longer is told.
const LONG: Duration = Duration::from_secs(5);
/// Memory that a life may gain after its first quarter, in KiB, besides a quarter of what it had.
const GAIN: u64 = 8 << 10;

/// Interfaces that nobody takes away.
const KEPT: [&str; 3] = ["flow0", "in0", "out0"];

/// Where it happens.
pub(super) struct World {
    pub(super) lab: Lab,
    /// Ours, a peer at the other ends of all wires, and one that interfaces are lost to.
    pub(super) hosts: [Host; 3],
    lives: std::cell::Cell<u32>,
}

pub(super) struct Daemon<'a> {
    running: Running,
    socket: PathBuf,
    reader: Reader,
    done: VecDeque<String>,
    world: &'a World,
}

impl World {
    pub(super) fn open() -> Option<World> {
        let lab = Lab::open()?;
        let hosts = ["ours", "peer", "other"].map(|name| lab.host(name));
        lab.wire(&hosts[0], "flow0", &hosts[1], "flow0");
        hosts[1].address("flow0", "2001:db8::2/64");
        hosts[1].address("flow0", "192.0.2.2/24");
        Some(World { lab, hosts, lives: 0.into() })
    }

    /// A daemon's life, from its start to an end of one kind or another.
    pub(super) fn live(&self, chance: &mut Chance, time: Duration) {
        let begin = Instant::now();
        let mut daemon = self.start(CONFIG);
        let peer = &self.hosts[1];
        let mut flow = peer.start("ping", &["-q", "-n", "-i", "0.02", "-W", "5", "2001:db8::1"]);
        let mut early = None;
        let mut steps: u64 = 0;
        while begin.elapsed() < time {
            daemon.step(chance);
            steps += 1;
            if steps.is_multiple_of(200) {
                daemon.adds_up();
            }
            if early.is_none() && begin.elapsed() > time / 4 {
                early = Some(daemon.measure());
            }
        }
        daemon.adds_up();
        let (early, late) = (early.unwrap_or_else(|| daemon.measure()), daemon.measure());
        println!(
            "churn: {steps} steps in {:?}; memory, descriptors, threads: {early:?}, then {late:?}",
            begin.elapsed()
        );
        let grown = late.0.saturating_sub(early.0);
        daemon.check(grown <= GAIN + early.0 / 4, &format!("memory grew by {grown} KiB"));
        daemon.check(late.1 <= early.1 + 2, &format!("descriptors: {} became {}", early.1, late.1));
        daemon.check(late.2 <= early.2 + 1, &format!("threads: {} became {}", early.2, late.2));
        // What the end itself takes away is not counted.
        flow.signal(Signal::INT);
        let flow = flow.finish(PATIENCE);
        let (sent, got) = counts(&flow.stdout);
        println!("churn: of {sent} pings beside it {} lost", sent - got);
        daemon.check(got > 0 && sent - got <= 2 + sent / 50, &format!("the flow beside it lost: {flow}"));
        daemon.end(chance);
    }

    /// A daemon with this configuration, that answers.
    pub(super) fn start(&self, configured: &str) -> Daemon<'_> {
        let number = self.lives.replace(self.lives.get() + 1);
        let directory = self.lab.directory();
        let socket = directory.join("churn.sock");
        let config = directory.join("churn.toml");
        std::fs::write(&config, configured.replace("{control}", &socket.to_string_lossy())).unwrap();
        let reader = Reader::start(directory, number);
        let line = format!(
            "exec {} run {} 2>{}",
            Siding::binary().display(),
            config.display(),
            reader.pipe().display()
        );
        let running = self.hosts[0].start("sh", &["-c", &line]);
        let mut daemon = Daemon { running, socket, reader, done: VecDeque::new(), world: self };
        wait_for("the daemon to answer", PATIENCE, || {
            daemon.lives();
            requests::ask(&daemon.socket, r#"{"request":"show-interfaces"}"#).ok().map(drop)
        });
        daemon
    }
}

impl Daemon<'_> {
    /// One thing happens.
    pub(super) fn step(&mut self, chance: &mut Chance) {
        let world = self.world;
        let begun = Instant::now();
        let mut what = match chance.below(100) {
            0..=24 => kernel::disturb(chance, &world.lab, &world.hosts),
            25..=27 => kernel::speak(chance, &world.hosts[1]),
            28..=29 => {
                self.reader.kill();
                "the log's reader is killed".into()
            }
            30..=32 => {
                self.reader.read_again();
                "the log is read".into()
            }
            33..=34 => {
                requests::vanish(chance, &self.socket);
                "a client vanishes".into()
            }
            35 if chance.once_in(4) => {
                self.running.signal(Signal::STOP);
                std::thread::sleep(Duration::from_millis(chance.below(300)));
                self.running.signal(Signal::CONT);
                "held up".into()
            }
            _ => {
                let request = requests::any(chance);
                let told = self.ask(&request);
                format!("{request} -> {}", told.chars().take(100).collect::<String>().trim())
            }
        };
        if begun.elapsed() > LONG {
            what = format!("[{:.1} s] {what}", begun.elapsed().as_secs_f64());
            println!("churn: {what}");
        }
        self.done.push_back(what);
        if self.done.len() > 60 {
            self.done.pop_front();
        }
        self.lives();
    }

    /// What is answered; that nothing is, is told as what it is.
    pub(super) fn ask(&mut self, request: &str) -> String {
        let answer = requests::ask(&self.socket, request);
        self.lives();
        if let Err(why) = &answer {
            self.check(false, why);
        }
        answer.unwrap_or_default()
    }

    /// Whether it is still at work.
    fn lives(&mut self) {
        let ended = self.running.try_wait();
        self.check(ended.is_none(), &format!("the daemon ended by itself: {ended:?}"));
    }

    /// Every identity of what it shows, at a moment that is quiet enough.
    pub(super) fn adds_up(&mut self) {
        let begin = Instant::now();
        loop {
            let wrong = self.identities();
            if wrong.is_empty() {
                return;
            }
            self.check(begin.elapsed() < Duration::from_secs(20), &format!("does not add up: {wrong:?}"));
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn identities(&mut self) -> Vec<String> {
        let mut wrong = Vec::new();
        for kind in self.show("show-netisr").as_array().unwrap() {
            for lane in std::iter::once(&kind["total"]).chain(kind["workers"].as_array().unwrap()) {
                let of = |name: &str| lane[name].as_u64().unwrap();
                let fates = ["handled", "departed", "flushed", "dropped_oldest", "resident"].map(of);
                if of("accepted") != fates.iter().sum::<u64>() {
                    wrong.push(format!("{}: {lane}", kind["name"]));
                }
            }
        }
        let causes = self.show("show-drops");
        let account = ["interface", "departed", "by", "cause"];
        let name = |row: &Value| account.map(|part| row[part].to_string());
        let mut causes: Vec<_> = causes.as_array().unwrap().iter().map(name).collect();
        let all = causes.len();
        causes.sort();
        causes.dedup();
        if causes.len() != all || all == 0 {
            wrong.push(format!("{all} causes of drops, {} names", causes.len()));
        }
        if self.show("show-workers").as_array().unwrap().len() != 2 {
            wrong.push("not two workers".into());
        }
        wrong
    }

    pub(super) fn show(&mut self, what: &str) -> Value {
        requests::value(&self.ask(&format!(r#"{{"request":"{what}"}}"#)))
    }

    /// Memory in KiB, descriptors and threads, when only what is configured is left.
    pub(super) fn measure(&mut self) -> (u64, usize, u64) {
        self.reader.read_again();
        for _ in 0..3 {
            for row in self.show("show-interfaces").as_array().unwrap().clone() {
                let name = row["name"].as_str().unwrap();
                if !KEPT.contains(&name) {
                    let request =
                        format!(r#"{{"request":"interface-detach","name":"{name}","timeout_ms":10000}}"#);
                    self.ask(&request);
                }
            }
        }
        // Sessions of clients that have vanished end when they see it.
        std::thread::sleep(Duration::from_millis(500));
        let process = format!("/proc/{}", self.running.pid().as_raw_nonzero());
        let status = std::fs::read_to_string(format!("{process}/status")).unwrap();
        let of = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            line.split_whitespace().next().unwrap().parse::<u64>().unwrap()
        };
        let descriptors = std::fs::read_dir(format!("{process}/fd")).unwrap().count();
        (of("VmRSS:"), descriptors, of("Threads:"))
    }

    /// Ends it by a signal: well, with everything back, unless it is killed.
    pub(super) fn end(mut self, chance: &mut Chance) {
        self.reader.read_again();
        let signal = [Signal::TERM, Signal::INT, Signal::TERM, Signal::KILL][chance.below(4) as usize];
        self.running.signal(signal);
        let begun = Instant::now();
        let status = loop {
            if let Some(status) = self.running.try_wait() {
                break status;
            }
            self.check(begun.elapsed() < END, &format!("it has not ended by {signal:?}"));
            std::thread::sleep(Duration::from_millis(10));
        };
        if begun.elapsed() > LONG {
            println!("churn: it has ended by {signal:?} after {:?}", begun.elapsed());
        }
        let well = status.success() || signal == Signal::KILL;
        self.check(well, &format!("it did not end well by {signal:?}: {status}"));
        println!("churn: a life ended by {signal:?}: {status}");
        // The reader has all of it when it has seen the end.
        std::thread::sleep(Duration::from_millis(100));
        let log = self.reader.text();
        let panic: Vec<&str> = log.lines().skip_while(|line| !line.contains("panicked")).take(12).collect();
        self.check(panic.is_empty(), &format!("a thread panicked:\n  {}", panic.join("\n  ")));
        if signal == Signal::KILL {
            let _ = std::fs::remove_file(&self.socket);
        } else {
            self.check(log.contains("every buffer back"), "buffers are missing");
        }
    }

    /// What does not hold is told with all that may say why.
    pub(super) fn check(&mut self, holds: bool, what: &str) {
        if holds {
            return;
        }
        let threads = threads(self.running.pid().as_raw_nonzero().get());
        // What waits in the pipe, if nobody has read it.
        self.reader.read_again();
        std::thread::sleep(Duration::from_millis(500));
        let log = self.reader.text();
        let tail: Vec<&str> = log.lines().rev().take(200).collect();
        let tail: Vec<&str> = tail.into_iter().rev().collect();
        let done: Vec<&str> = self.done.iter().map(String::as_str).collect();
        panic!(
            "{what}\nlast done:\n  {}\nlog:\n  {}\nthreads:\n  {}",
            done.join("\n  "),
            tail.join("\n  "),
            threads.join("\n  ")
        );
    }
}

/// What each thread of a process is at, and where it waits in the kernel.
fn threads(pid: i32) -> Vec<String> {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let told = tasks.map(|task| {
        let of = |name: &str| std::fs::read_to_string(task.path().join(name)).unwrap_or_default();
        let state = of("status").lines().find_map(|line| line.strip_prefix("State:").map(str::to_owned));
        let stack = of("stack");
        let stack: Vec<&str> = stack.lines().take(6).map(str::trim).collect();
        let (name, waits) = (of("comm"), of("wchan"));
        format!("{}: {} {waits} {}", name.trim(), state.unwrap_or_default().trim(), stack.join(" < "))
    });
    told.collect()
}

/// How many pings were sent, and how many were answered.
fn counts(ping: &str) -> (u32, u32) {
    let line = ping.lines().find(|line| line.contains("packets transmitted")).unwrap_or_default();
    let numbers: Vec<u32> = line.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    numbers.first().zip(numbers.get(1)).map_or((0, 0), |(sent, got)| (*sent, *got))
}
