//! A raw sender and receiver on an interface of a host: frames as an attacker makes them, and as a tap sees them.

use std::net::Ipv6Addr;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use rustix::thread::CpuSet;
use rustix::thread::sched_getaffinity;
use rustix::thread::sched_setaffinity;
use siding_drivers::PacketConfig;
use siding_drivers::PacketDevice;
use siding_mbuf::Cache;
use siding_mbuf::Mbuf;
use siding_mbuf::Pool;
use siding_mbuf::PoolConfig;
use siding_stack::BATCH;
use siding_stack::Device;
use siding_tests::Host;
use siding_wire::EtherType;
use siding_wire::IpProto;
use siding_wire::Mac;
use siding_wire::ether::Ether;
use siding_wire::ip6::Ip6Repr;
use siding_wire::nd::HOP_LIMIT;
use siding_wire::nd::NeighborSolicit;

/// An interface, past its kernel's stack.
pub(super) struct Raw {
    device: PacketDevice,
    cache: Cache,
    batch: Vec<Mbuf>,
}

impl Raw {
    /// Opens the host's interface, which stays the kernel's too.
    pub(super) fn open(host: &Host, interface: &str) -> Raw {
        let config = PacketConfig { promiscuous: true, qdisc_bypass: true, ..PacketConfig::default() };
        let device = host.inside(|| PacketDevice::open(interface, config, 1).unwrap().remove(0));
        let pool = Pool::new(PoolConfig { buffers: 8192, ..PoolConfig::default() }).unwrap();
        Raw { device, cache: pool.cache(256), batch: Vec::with_capacity(BATCH) }
    }

    /// Sends frames as fast as they go, and says how many have gone. What does not go at once is dropped.
    pub(super) fn send<'f>(&mut self, frames: impl IntoIterator<Item = &'f [u8]>) -> usize {
        for frame in frames {
            let mut mbuf = self.cache.alloc().unwrap();
            assert!(mbuf.extend_from_slice(frame));
            self.batch.push(mbuf);
        }
        let sent = self.device.transmit(&mut self.cache, &mut self.batch);
        for left in self.batch.drain(..) {
            self.cache.free(left);
        }
        sent.frames as usize
    }

    /// Sends all of them: waits for the wire.
    pub(super) fn send_all(&mut self, frames: &[Vec<u8>]) {
        for frame in frames {
            // One by one: of several it is not known which have gone.
            while self.send([frame.as_slice()]) == 0 {
                thread::yield_now();
            }
        }
    }

    /// Shows what has come in, and says how many frames that was.
    pub(super) fn receive(&mut self, mut see: impl FnMut(&[u8])) -> usize {
        let got = self.device.receive(&mut self.cache, &mut self.batch, BATCH).unwrap();
        for frame in self.batch.drain(..) {
            see(frame.data());
            self.cache.free(frame);
        }
        got
    }

    /// Sends the frames over and over for so long, at most `rate` a second; says how many went. On a thread of its own,
    /// on the last core: the daemon's first worker is on the first.
    pub(super) fn flood(&mut self, frames: &[Vec<u8>], time: Duration, rate: Option<u64>) -> u64 {
        thread::scope(|scope| {
            let flooding = scope.spawn(|| {
                stay_on_the_last_core();
                self.send_for(frames, time, rate)
            });
            flooding.join().unwrap()
        })
    }

    fn send_for(&mut self, frames: &[Vec<u8>], time: Duration, rate: Option<u64>) -> u64 {
        let start = Instant::now();
        let mut sent = 0;
        for chunk in frames.chunks(BATCH).cycle() {
            let elapsed = start.elapsed();
            if elapsed >= time {
                break;
            }
            let due = rate.map_or(u64::MAX, |rate| (elapsed.as_secs_f64() * rate as f64) as u64);
            if sent >= due {
                thread::sleep(Duration::from_micros(200));
                continue;
            }
            sent += self.send(chunk.iter().map(Vec::as_slice)) as u64;
        }
        sent
    }
}

/// For threads that send or answer without pause.
pub(super) fn stay_on_the_last_core() {
    let all = sched_getaffinity(None).unwrap();
    let Some(last) = (0..CpuSet::MAX_CPU).rev().find(|core| all.is_set(*core)) else { return };
    let mut one = CpuSet::new();
    one.set(last);
    sched_setaffinity(None, &one).unwrap();
}

/// An IPv6 frame.
pub(super) fn frame(from: Mac, to: Mac, header: Ip6Repr, payload: &[u8]) -> Vec<u8> {
    let link = Ether { dst: to, src: from, ethertype: EtherType::IPV6 };
    [&link.to_bytes()[..], &header.to_bytes()[..], payload].concat()
}

/// A packet with nothing in it, which any router forwards.
pub(super) fn empty(from: Mac, to: Mac, src: Ipv6Addr, dst: Ipv6Addr) -> Vec<u8> {
    const NOTHING: IpProto = IpProto(59);
    frame(from, to, Ip6Repr::new(src, dst, NOTHING, 64, 16), &[0; 16])
}

/// A solicitation for `target`, sent to its own address.
pub(super) fn solicit(from: Mac, to: Mac, src: Ipv6Addr, target: Ipv6Addr) -> Vec<u8> {
    let message = NeighborSolicit::new(target, from);
    let mut bytes = vec![0; message.buffer_len()];
    message.emit(src, target, &mut bytes).unwrap();
    let header = Ip6Repr::new(src, target, IpProto::ICMP6, HOP_LIMIT, bytes.len() as u16);
    frame(from, to, header, &bytes)
}

/// So many forged solicitations, each from a station of its own.
pub(super) fn forged(count: u32, to: Mac, prefix: u16, target: Ipv6Addr) -> Vec<Vec<u8>> {
    let one = |n: u32| {
        let [a, b, c, d] = n.to_be_bytes();
        let src = Ipv6Addr::new(0x2001, 0xdb8, prefix, 0, 0xbad, 0, (n >> 16) as u16, n as u16);
        solicit(Mac([2, 0xba, a, b, c, d]), to, src, target)
    };
    (0..count).map(one).collect()
}
