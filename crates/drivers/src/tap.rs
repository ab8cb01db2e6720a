//! TAP: an Ethernet interface of the kernel whose other end is this process.
//!
//! One queue for each worker (IFF_MULTI_QUEUE): the kernel spreads flows over them. One system call moves one
//! frame, for the driver offers no more.
//!
//! A virtio_net_hdr stands in front of each frame, either way: the kernel, or a guest behind it, leaves checksums and
//! the cutting of super-frames to us, and we to it ([`Mbuf::offload`]). It puts VLAN tags back by itself.
//!
//! *Locks*: none. *Teardown*: dropping the last queue removes the interface, unless it was made persistent (`ip tuntap
//! add`): then the kernel is told that nothing may be left to whoever comes next.

use std::fs::File;
use std::fs::OpenOptions;
use std::io;
use std::io::IoSlice;
use std::io::IoSliceMut;
use std::os::fd::AsFd;
use std::os::fd::AsRawFd;
use std::os::fd::BorrowedFd;
use std::os::unix::fs::OpenOptionsExt;
use std::sync::Arc;

use rustix::io::Errno;
use siding_mbuf::Cache;
use siding_mbuf::Mbuf;
use siding_stack::BATCH;
use siding_stack::Device;
use siding_stack::Offloads;
use siding_stack::Sent;
use siding_stack::Unread;

use crate::Count;
use crate::Counters;
use crate::DriverError;
use crate::error::check_name;
use crate::error::named;
use crate::fate;
use crate::fate::Batch;
use crate::fate::Fate;
use crate::vnet;
use crate::vnet::Fault;

/// One queue of a TAP interface.
#[derive(Debug)]
pub struct TapDevice {
    file: File,
    name: String,
    counters: Arc<Counters>,
    /// Frames read.
    taken: u64,
    /// The last call read all that could be read.
    drained: bool,
    /// Where the rest of a frame is read into that is longer than a buffer.
    tail: Box<[u8]>,
    /// The kernel knows of super-frames of UDP.
    cuts_udp: bool,
}

/// Bytes of the longest frame: an IP packet's 16 bits, IPv6's header, the link's, and tags.
const LONGEST: usize = 65_535 + 40 + 14 + 8;

impl TapDevice {
    /// Opens `queues` queues (at least one) of the TAP interface `name`, and makes it if it is not there. `%d` in the
    /// name stands for the first free number.
    ///
    /// The interface starts as the kernel makes it, that is, down; it takes an administrator to bring it up.
    ///
    /// # Errors
    ///
    /// [`DriverError`], which says what to do.
    pub fn open(name: &str, queues: usize) -> Result<Vec<TapDevice>, DriverError> {
        check_name(name)?;
        let mut devices: Vec<TapDevice> = Vec::new();
        for _ in 0..queues.max(1) {
            // The first one settles a name with a placeholder.
            let name = devices.first().map_or(name, |first| first.name.as_str()).to_owned();
            devices.push(TapDevice::open_queue(&name)?);
        }
        Ok(devices)
    }

    /// The interface's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// This queue's counters, to keep and read from elsewhere.
    pub fn counters(&self) -> &Arc<Counters> {
        &self.counters
    }

    fn open_queue(name: &str) -> Result<TapDevice, DriverError> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(libc::O_NONBLOCK | libc::O_CLOEXEC)
            .open("/dev/net/tun")
            .map_err(|source| DriverError::NoTun { interface: name.to_owned(), why: source })?;
        let name = attach(&file, name).map_err(|source| match Errno::from_io_error(&source) {
            // INVAL: there is an interface of this name, and it is no TAP or not for several queues.
            Some(Errno::BUSY | Errno::INVAL) => DriverError::Busy { interface: name.to_owned() },
            _ => DriverError::system(name, "attach to the TAP interface", "cap_net_admin", source),
        })?;
        let prepared = prepare(&file).map_err(|source| {
            DriverError::system(&name, "settle the TAP interface's offloads", "cap_net_admin", source)
        })?;
        let tail = vec![0; LONGEST].into_boxed_slice();
        Ok(TapDevice {
            file,
            name,
            counters: Arc::default(),
            taken: 0,
            drained: true,
            tail,
            cuts_udp: prepared,
        })
    }
}

impl Drop for TapDevice {
    fn drop(&mut self) {
        // An interface that stays would hand unfinished frames to one who does not ask for headers.
        let _ = set_offloads(&self.file, 0);
    }
}

impl Device for TapDevice {
    fn receive(&mut self, cache: &mut Cache, into: &mut Vec<Mbuf>, max: usize) -> io::Result<usize> {
        let (mut frames, mut bytes) = (0, 0);
        let mut result = Ok(());
        let mut drained = false;
        // So many looks, whatever comes of them: a guest may send nothing but nonsense.
        for _ in 0..max.min(BATCH) {
            let Some(mut mbuf) = cache.alloc() else {
                drained = true;
                // Not read means not lost: the frame waits in the kernel's queue, whose drops the kernel counts.
                break;
            };
            let room = mbuf.tailroom();
            let Some(buffer) = mbuf.append(room) else { break };
            let mut header = vnet::NOTHING;
            let mut places =
                [IoSliceMut::new(&mut header), IoSliceMut::new(buffer), IoSliceMut::new(&mut self.tail)];
            match rustix::io::readv(&self.file, &mut places) {
                Ok(len) => {
                    self.taken += 1;
                    match take(&header, len.saturating_sub(vnet::LEN), mbuf, &self.tail, cache) {
                        Ok(mbuf) => {
                            frames += 1;
                            bytes += mbuf.len();
                            into.push(mbuf);
                        }
                        Err(fault) => self.counters.add(fault.count(), 1),
                    }
                }
                Err(Errno::AGAIN) => {
                    cache.free(mbuf);
                    drained = true;
                    break;
                }
                Err(Errno::INTR) => cache.free(mbuf),
                Err(error) => {
                    cache.free(mbuf);
                    self.counters.add(Count::RxErrors, 1);
                    result = Err(named(&self.name, "receive", error));
                    drained = true;
                    break;
                }
            }
        }
        // Nothing is left, or nothing can be read, for want of buffers or for an error.
        self.drained = drained;
        self.counters.received(frames, bytes);
        // What has arrived is not to be lost for an error that the next call will meet again.
        if frames > 0 { Ok(frames) } else { result.map(|()| 0) }
    }

    fn unread(&self) -> Option<Unread> {
        // How many wait is not told; as many as any queue of the kernel's holds that is not made longer on purpose.
        Some(Unread { taken: self.taken, waiting: if self.drained { 0 } else { 1 << 14 } })
    }

    fn transmit(&mut self, cache: &mut Cache, frames: &mut Vec<Mbuf>) -> Sent {
        let file = &self.file;
        let batch = Batch { name: &self.name, frames, cache, counters: &self.counters };
        fate::send(batch, Fate::of_tap, |frames| match frames {
            [first, ..] => {
                let header = vnet::header(first);
                rustix::io::writev(file, &[IoSlice::new(&header), IoSlice::new(first.data())]).map(|_| 1)
            }
            [] => Ok(0),
        })
    }

    fn offloads(&self) -> Offloads {
        Offloads { checksum: true, tcp: true, udp: self.cuts_udp }
    }

    fn readable(&self) -> Option<BorrowedFd<'_>> {
        Some(self.file.as_fd())
    }
}

/// Makes a packet of what was read: `len` bytes, the first of them in `mbuf`, the rest in `tail`.
fn take(
    header: &[u8; vnet::LEN],
    len: usize,
    mut mbuf: Mbuf,
    tail: &[u8],
    cache: &mut Cache,
) -> Result<Mbuf, Fault> {
    let room = mbuf.len();
    if len > room {
        if !vnet::is_super(header) {
            cache.free(mbuf);
            return Err(Fault::TooBig);
        }
        // The kernel cuts a frame off at the end of the buffers and does not say so.
        let rest = tail.get(..len - room).filter(|_| len < room + tail.len()).ok_or(Fault::TooBig)?;
        let mut large = cache.alloc_for(len).ok_or(Fault::NoBuffer)?;
        if !large.extend_from_slice(mbuf.data()) || !large.extend_from_slice(rest) {
            return Err(Fault::TooBig);
        }
        cache.free(std::mem::replace(&mut mbuf, large));
    }
    mbuf.truncate(len);
    vnet::note(header, 0, &mut mbuf)?;
    Ok(mbuf)
}

/// Settles how long the header is and what may be left to us. Says whether super-frames of UDP are known.
fn prepare(file: &File) -> io::Result<bool> {
    let len = vnet::LEN as libc::c_int;
    // JUSTIFICATION: neither std nor rustix has this request.
    // SAFETY: TUNSETVNETHDRSZ reads one int, which lives until the call returns.
    if unsafe { libc::ioctl(file.as_raw_fd(), libc::TUNSETVNETHDRSZ, &raw const len) } < 0 {
        return Err(io::Error::last_os_error());
    }
    let all = libc::TUN_F_CSUM | libc::TUN_F_TSO4 | libc::TUN_F_TSO6 | libc::TUN_F_TSO_ECN;
    // Of Linux 6.2 on.
    if set_offloads(file, all | libc::TUN_F_USO4 | libc::TUN_F_USO6).is_ok() {
        return Ok(true);
    }
    set_offloads(file, all).map(|()| false)
}

/// Says what the kernel may leave to us.
fn set_offloads(file: &File, offloads: libc::c_uint) -> io::Result<()> {
    // JUSTIFICATION: neither std nor rustix has this request.
    // SAFETY: TUNSETOFFLOAD takes its argument by value, and no pointer.
    let result = unsafe { libc::ioctl(file.as_raw_fd(), libc::TUNSETOFFLOAD, libc::c_ulong::from(offloads)) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Makes `file` a queue of the interface, and gives the interface's name as the kernel has settled it.
fn attach(file: &File, name: &str) -> io::Result<String> {
    let mut request = libc::ifreq {
        ifr_name: [0; libc::IFNAMSIZ],
        ifr_ifru: libc::__c_anonymous_ifr_ifru {
            ifru_flags: (libc::IFF_TAP | libc::IFF_NO_PI | libc::IFF_MULTI_QUEUE | libc::IFF_VNET_HDR)
                as libc::c_short,
        },
    };
    for (to, from) in request.ifr_name.iter_mut().zip(name.bytes()) {
        *to = from as libc::c_char;
    }
    // JUSTIFICATION: neither std nor rustix has this request.
    // SAFETY: TUNSETIFF reads and writes one ifreq, which lives until the call returns.
    if unsafe { libc::ioctl(file.as_raw_fd(), libc::TUNSETIFF, &raw mut request) } < 0 {
        return Err(io::Error::last_os_error());
    }
    let settled: Vec<u8> =
        request.ifr_name.iter().map(|&byte| byte as u8).take_while(|&byte| byte != 0).collect();
    Ok(String::from_utf8_lossy(&settled).into_owned())
}
