//! Flows through the firewall, from a host on one side to one on the other: questions and their answers, one after the other.

use std::io::Read;
use std::io::Write;
use std::net::TcpListener;
use std::net::TcpStream;
use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;

use siding_tests::Host;
use siding_tests::wait_for;

pub(super) const INSIDE: &str = "2001:db8:a::2";
pub(super) const OUTSIDE: &str = "2001:db8:b::2";
const CLIENTS: u16 = 400;
/// Questions that are on their way together.
const BATCH: usize = 50;
/// Between one batch and the next. Each flow is to be heard of before its time of silence is over.
const PAUSE: Duration = Duration::from_millis(80);
const ON_ITS_WAY: Duration = Duration::from_millis(10);

#[derive(Default)]
pub(super) struct Counts {
    pub(super) asked: AtomicU64,
    pub(super) answered: AtomicU64,
    /// How often each flow has been gone through.
    pub(super) rounds: AtomicU64,
    stop: AtomicBool,
}

pub(super) struct Flows {
    pub(super) counts: Arc<Counts>,
    thread: Option<JoinHandle<()>>,
    long: [TcpStream; 2],
}

impl Flows {
    /// So many of UDP, and a connection beside them.
    pub(super) fn start(inside: &Host, outside: &Host, flows: usize) -> Flows {
        let servers = (flows / usize::from(CLIENTS)).max(1) as u16;
        let bind = |host: &Host, at: &'static str, first: u16, count: u16| -> Vec<UdpSocket> {
            host.inside(move || {
                (first..first + count).map(|port| UdpSocket::bind((at, port)).unwrap()).collect()
            })
        };
        let clients = bind(inside, INSIDE, 20_000, CLIENTS);
        let servers = bind(outside, OUTSIDE, 30_000, servers);
        clients.iter().chain(&servers).for_each(|socket| socket.set_nonblocking(true).unwrap());
        let counts = Arc::new(Counts::default());
        let told = Arc::clone(&counts);
        let thread = Some(std::thread::spawn(move || go_on(&clients, &servers, &told)));
        Flows { counts, thread, long: connect(inside, outside) }
    }

    /// The connection carries something both ways. Each end speaks first in turn: what comes from outside passes by its state alone.
    pub(super) fn long_flow_goes_on(&mut self) -> bool {
        self.long.reverse();
        let [near, far] = &mut self.long;
        let mut trip = |word: &[u8; 4]| -> std::io::Result<bool> {
            let mut got = [0; 4];
            near.write_all(word)?;
            far.read_exact(&mut got)?;
            far.write_all(&got)?;
            near.read_exact(&mut got)?;
            Ok(got == *word)
        };
        trip(b"ping").unwrap_or_else(|error| panic!("the connection beside all that: {error}"))
    }

    /// Ends; what was asked, and what was answered of that.
    pub(super) fn stop(mut self) -> (u64, u64) {
        self.counts.stop.store(true, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap();
        (self.counts.asked.load(Ordering::Relaxed), self.counts.answered.load(Ordering::Relaxed))
    }
}

fn connect(inside: &Host, outside: &Host) -> [TcpStream; 2] {
    let listener = outside.inside(|| TcpListener::bind((OUTSIDE, 8080)).unwrap());
    let near = inside.inside(|| {
        let address = format!("[{OUTSIDE}]:8080").parse().unwrap();
        wait_for("a connection", Duration::from_secs(60), || {
            TcpStream::connect_timeout(&address, Duration::from_secs(2)).ok()
        })
    });
    let (far, _) = listener.accept().unwrap();
    for end in [&near, &far] {
        end.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    }
    [near, far]
}

/// Goes through all flows, again and again: each client asks each server, and in every second round each server each client, whose
/// questions pass by their flows' states alone.
fn go_on(clients: &[UdpSocket], servers: &[UdpSocket], counts: &Counts) {
    let all = clients.len() * servers.len();
    let ends = |flow: usize| (&clients[flow / servers.len()], &servers[flow % servers.len()]);
    let mut first = 0;
    while !counts.stop.load(Ordering::Relaxed) {
        let back = counts.rounds.load(Ordering::Relaxed) % 2 == 1;
        let asks = |flow: usize| if back { (ends(flow).1, ends(flow).0) } else { ends(flow) };
        let batch = first..all.min(first + BATCH);
        for flow in batch.clone() {
            let (from, to) = asks(flow);
            let sent = from.send_to(b"anybody?", to.local_addr().unwrap()).is_ok();
            counts.asked.fetch_add(sent.into(), Ordering::Relaxed);
        }
        std::thread::sleep(ON_ITS_WAY);
        let mut octets = [0; 16];
        for flow in batch.clone() {
            let (_, asked) = asks(flow);
            while let Ok((len, from)) = asked.recv_from(&mut octets) {
                let _ = asked.send_to(&octets[..len], from);
            }
        }
        std::thread::sleep(ON_ITS_WAY);
        for flow in batch.clone() {
            while asks(flow).0.recv_from(&mut octets).is_ok() {
                counts.answered.fetch_add(1, Ordering::Relaxed);
            }
        }
        std::thread::sleep(PAUSE);
        first = batch.end;
        if first == all {
            first = 0;
            counts.rounds.fetch_add(1, Ordering::Relaxed);
        }
    }
}
