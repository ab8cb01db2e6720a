//! Two flows of numbered packets through the router, one each way: what was sent, what came, in which order.

use std::net::Ipv6Addr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::thread;
use std::thread::JoinHandle;
use std::time::Duration;
use std::time::Instant;

use siding_drivers::PacketConfig;
use siding_drivers::PacketDevice;
use siding_mbuf::Cache;
use siding_mbuf::Mbuf;
use siding_mbuf::Pool;
use siding_mbuf::PoolConfig;
use siding_stack::BATCH;
use siding_stack::Device;
use siding_tests::Host;
use siding_wire::IpProto;
use siding_wire::Mac;
use siding_wire::ip6::Ip6Repr;
use siding_wire::nd::NdMessage;
use siding_wire::nd::validate;

use super::rig::FAR_MAC;
use super::rig::LAGG_MAC;
use super::rig::LAN_MAC;
use super::rig::SOURCE_MAC;

/// For experiments (RFC 3692).
const PROTOCOL: IpProto = IpProto(253);
/// Bytes of data: the number, and as many more as make a frame of 86 bytes with its tag.
const DATA: usize = 28;
const SOURCE: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0xa, 0, 0, 0, 0, 2);
const FAR: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0xc, 0, 0, 0, 0, 2);
const ROUTER: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0xc, 0, 0, 0, 0, 1);

/// The flows while they run.
pub(super) struct Flow {
    shared: Arc<Shared>,
    join: JoinHandle<[Tally; 2]>,
}

#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    /// Packets sent each way so far.
    sent: AtomicU64,
}

/// What came of one direction.
#[derive(Debug, Default, Clone)]
pub(super) struct Tally {
    pub(super) sent: u64,
    /// A bit for each packet that came.
    came: Vec<u64>,
    pub(super) twice: u64,
    /// Packets that came behind one that was sent after them.
    pub(super) late: u64,
    newest: u64,
}

/// A station that sends and receives.
struct Station {
    device: PacketDevice,
    cache: Cache,
    pool: Pool,
    /// The frame with its number left out, and where that goes.
    template: Vec<u8>,
    at: usize,
    tally: Tally,
    received: Vec<Mbuf>,
}

impl Flow {
    /// Begins to send `rate` packets a second each way.
    pub(super) fn start(source: &Host, far: &Host, rate: u64) -> Flow {
        let shared = Arc::new(Shared::default());
        let mut stations = [
            Station::new(source, frame(LAN_MAC, SOURCE_MAC, None, SOURCE, FAR)),
            Station::new(far, frame(LAGG_MAC, FAR_MAC, Some(10), FAR, SOURCE)),
        ];
        let theirs = shared.clone();
        let join = thread::spawn(move || {
            run(&mut stations, rate, &theirs);
            let [a, b] = stations.map(|station| station.tally);
            // Who sent and who received.
            [Tally { sent: a.sent, ..b.clone() }, Tally { sent: b.sent, ..a }]
        });
        Flow { shared, join }
    }

    /// How many have been sent each way.
    pub(super) fn sent(&self) -> u64 {
        self.shared.sent.load(Ordering::Acquire)
    }

    /// Ends it, when all that can come has come: packets from `source` to `far`, and back.
    pub(super) fn stop(self) -> [Tally; 2] {
        self.shared.stop.store(true, Ordering::Release);
        self.join.join().unwrap()
    }
}

impl Tally {
    /// Packets of this range that did not come.
    pub(super) fn lost(&self, range: std::ops::Range<u64>) -> u64 {
        range.filter(|number| !self.has(*number)).count() as u64
    }

    fn has(&self, number: u64) -> bool {
        self.came.get((number / 64) as usize).is_some_and(|word| word >> (number % 64) & 1 == 1)
    }

    fn take(&mut self, number: u64) {
        let word = (number / 64) as usize;
        if self.came.len() <= word {
            self.came.resize(word + 4096, 0);
        }
        let bit = 1 << (number % 64);
        self.twice += u64::from(self.came[word] & bit != 0);
        self.came[word] |= bit;
        self.late += u64::from(number < self.newest);
        self.newest = self.newest.max(number);
    }
}

impl Station {
    fn new(host: &Host, template: Vec<u8>) -> Station {
        let pool = Pool::new(PoolConfig { buffers: 4096, size: 512, headroom: 32 }).unwrap();
        let config = PacketConfig { ring_frames: 8192, max_frame: 300, ..PacketConfig::default() };
        let device = host.inside(|| PacketDevice::open("eth0", config, 1)).unwrap().remove(0);
        let at = template.len() - DATA;
        let cache = pool.cache(128);
        Station { device, cache, pool, template, at, tally: Tally::default(), received: Vec::new() }
    }

    fn send(&mut self, count: usize) {
        let mut frames: Vec<Mbuf> = Vec::with_capacity(count);
        for _ in 0..count {
            let mut mbuf = self.pool.alloc().unwrap();
            self.template[self.at..self.at + 8].copy_from_slice(&self.tally.sent.to_be_bytes());
            assert!(mbuf.extend_from_slice(&self.template));
            frames.push(mbuf);
            self.tally.sent += 1;
        }
        while !frames.is_empty() {
            self.device.transmit(&mut self.cache, &mut frames);
        }
    }

    /// Takes what has come, and says how many numbers that were. A neighbour that hears that the router has moved
    /// follows.
    fn receive(&mut self) -> usize {
        self.device.receive(&mut self.cache, &mut self.received, BATCH).unwrap();
        let mut got = 0;
        for mbuf in self.received.drain(..) {
            match packet(mbuf.data()) {
                Some(Heard::Number(number)) => {
                    self.tally.take(number);
                    got += 1;
                }
                Some(Heard::Router(mac)) => self.template[..6].copy_from_slice(&mac.0),
                None => {}
            }
            self.cache.free(mbuf);
        }
        got
    }
}

enum Heard {
    Number(u64),
    Router(Mac),
}

fn packet(frame: &[u8]) -> Option<Heard> {
    let ip = match frame.get(12..14)? {
        [0x81, 0x00] if frame.get(16..18)? == [0x86, 0xdd] => frame.get(18..)?,
        [0x86, 0xdd] => frame.get(14..)?,
        _ => return None,
    };
    let (header, body) = Ip6Repr::parse(ip).ok()?;
    if header.next_header == PROTOCOL {
        let number = body.first_chunk().map(|number| u64::from_be_bytes(*number))?;
        // Its own, which the switch may flood back, is none that came through.
        let to_here = header.dst == FAR || header.dst == SOURCE;
        return to_here.then_some(Heard::Number(number));
    }
    if header.next_header != IpProto::ICMP6 {
        return None;
    }
    match validate(header.hop_limit, header.src, header.dst, body, false).ok()? {
        NdMessage::NeighborAdvert(advert) if advert.target == ROUTER => advert.tlla.map(Heard::Router),
        _ => None,
    }
}

fn frame(dst: Mac, src: Mac, vlan: Option<u16>, from: Ipv6Addr, to: Ipv6Addr) -> Vec<u8> {
    let mut bytes = [dst.0, src.0].concat();
    if let Some(vid) = vlan {
        bytes.extend([0x81, 0x00]);
        bytes.extend(vid.to_be_bytes());
    }
    bytes.extend([0x86, 0xdd]);
    let mut header = [0; 40];
    Ip6Repr::new(from, to, PROTOCOL, 64, DATA as u16).emit(&mut header).unwrap();
    bytes.extend(header);
    bytes.extend([0; DATA]);
    bytes
}

/// Sends evenly and receives, until the end; then receives what is still on its way.
fn run(stations: &mut [Station; 2], rate: u64, shared: &Shared) {
    let begun = Instant::now();
    let mut sent = 0;
    while !shared.stop.load(Ordering::Acquire) {
        let due = (begun.elapsed().as_nanos() as u64).saturating_mul(rate) / 1_000_000_000;
        // One that was kept from its core does not catch up in one burst.
        let now = due.saturating_sub(sent).min(32) as usize;
        if now > 0 {
            stations.iter_mut().for_each(|station| station.send(now));
            sent += now as u64;
            shared.sent.store(sent, Ordering::Release);
        }
        let got: usize = stations.iter_mut().map(Station::receive).sum();
        if now + got == 0 {
            thread::sleep(Duration::from_micros(20));
        }
    }
    let mut quiet = Instant::now();
    while quiet.elapsed() < Duration::from_millis(300) {
        if stations.iter_mut().map(Station::receive).sum::<usize>() > 0 {
            quiet = Instant::now();
        }
        thread::sleep(Duration::from_micros(100));
    }
}
