//! Linux as the router: a namespace with two TAP interfaces, whose other ends are ours.

use rustix::net::AddressFamily;
use rustix::net::RecvFlags;
use rustix::net::SendFlags;
use rustix::net::SocketType;
use siding_drivers::tap::TapDevice;
use siding_mbuf::Cache;
use siding_mbuf::Pool;
use siding_mbuf::PoolConfig;
use siding_stack::Device;
use siding_tests::Host;
use siding_tests::Lab;
use siding_tests::skip;

use super::compare::HOSTS;
use super::compare::NAMES;
use super::compare::ROUTER_MACS;
use super::compare::addr;
use super::compare::host_mac;

pub(super) struct Theirs {
    host: Host,
    taps: [TapDevice; 2],
    cache: Cache,
    file: std::path::PathBuf,
    flush: rustix::fd::OwnedFd,
}

impl Theirs {
    /// `None`, and the test is skipped, where the kernel has no such interfaces, or does not filter for us.
    pub(super) fn open(lab: &Lab) -> Option<Theirs> {
        let host = lab.host("router");
        let probe = "add table inet probe; add chain inet probe c { type filter hook forward priority 0; }; \
                     add rule inet probe c ct state new; delete table inet probe";
        if host.inside(|| TapDevice::open("probe", 1)).is_err() || !host.run("nft", &[probe]).succeeded() {
            skip("needs /dev/net/tun, and nftables with states of flows in the kernel");
            return None;
        }
        let pool = Pool::new(PoolConfig { buffers: 256, size: 2048, headroom: 128 }).unwrap();
        for (key, value) in [
            ("ipv6/conf/all/forwarding", "1"),
            ("ipv6/conf/default/accept_dad", "0"),
            ("ipv6/conf/default/addr_gen_mode", "1"),
            ("ipv4/ip_forward", "1"),
            ("ipv4/conf/all/rp_filter", "0"),
            ("ipv4/conf/default/rp_filter", "0"),
            ("ipv6/icmp/ratelimit", "0"),
        ] {
            host.set_sysctl(key, value);
        }
        let taps = [0, 1].map(|side: usize| {
            let name = NAMES[side];
            let tap = host.inside(|| TapDevice::open(name, 1)).unwrap().remove(0);
            host.netlink().set_mac(name, ROUTER_MACS[side]).unwrap();
            host.netlink().set_up(name).unwrap();
            host.address(name, &format!("{}/64", addr(side, 1, true)));
            host.address(name, &format!("{}/24", addr(side, 1, false)));
            for v6 in [true, false] {
                for of in HOSTS {
                    let mac = host_mac(side, of).map(|byte| format!("{byte:02x}")).join(":");
                    let (addr, dev) = (addr(side, of, v6).to_string(), name);
                    let words = ["neigh", "replace", &addr, "lladdr", &mac, "dev", dev, "nud", "permanent"];
                    host.run("ip", &words).expect_success();
                }
            }
            tap
        });
        let file = lab.directory().join("rules.nft");
        let netfilter = rustix::net::netlink::NETFILTER;
        let flush =
            host.inside(|| rustix::net::socket(AddressFamily::NETLINK, SocketType::RAW, Some(netfilter)));
        Some(Theirs { host, taps, cache: pool.cache(32), file, flush: flush.unwrap() })
    }

    /// Filters as these rules say. No flow is known.
    ///
    /// # Errors
    /// What `nft` has against them; nothing if it finds that what stands in one rule is never true together.
    pub(super) fn load(&mut self, text: &str) -> Result<(), Option<String>> {
        self.flush();
        std::fs::write(&self.file, format!("flush ruleset\n{text}")).unwrap();
        let file = self.file.to_string_lossy().into_owned();
        let loaded = self.host.run("nft", &["-f", &file]);
        let said = format!("{loaded:?}");
        let contradicts =
            said.contains("conflicting protocols") || said.contains("cannot use exthdr with ip");
        match loaded.succeeded() {
            true => Ok(()),
            false => Err((!contradicts).then_some(loaded.stderr)),
        }
    }

    /// Has all flows forgotten: `IPCTNL_MSG_CT_DELETE` without a word about which.
    fn flush(&self) {
        let mut message = [0_u8; 20];
        message[..4].copy_from_slice(&20_u32.to_ne_bytes());
        message[4..6].copy_from_slice(&(1_u16 << 8 | 2).to_ne_bytes());
        // NLM_F_REQUEST and NLM_F_ACK.
        message[6..8].copy_from_slice(&5_u16.to_ne_bytes());
        rustix::net::send(&self.flush, &message, SendFlags::empty()).unwrap();
        let mut answer = [0_u8; 64];
        rustix::net::recv(&self.flush, &mut answer[..], RecvFlags::empty()).unwrap();
        assert_eq!(answer[16..20], [0; 4], "flows are forgotten");
    }

    /// What leaves by the other side when a frame comes by this one. The kernel has done it all when the frame is written.
    pub(super) fn pass(&mut self, side: usize, frame: &[u8]) -> Vec<Vec<u8>> {
        let mut mbuf = self.cache.alloc().unwrap();
        assert!(mbuf.extend_from_slice(frame));
        let _sent = self.taps[side].transmit(&mut self.cache, &mut vec![mbuf]);
        let out = self.read(1 - side);
        self.read(side);
        out
    }

    fn read(&mut self, side: usize) -> Vec<Vec<u8>> {
        let mut frames = Vec::new();
        while self.taps[side].receive(&mut self.cache, &mut frames, 32).unwrap() > 0 {}
        frames.drain(..).map(|frame| frame.data()[14..].to_vec()).collect()
    }
}
