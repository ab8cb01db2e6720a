//! TAP: an Ethernet interface of the kernel whose other end is this process.
//!
//! One queue for each worker (IFF_MULTI_QUEUE): the kernel spreads flows over them. One system call moves one
//! frame, for the driver offers no more.
//!
//! No virtio header is asked for, so the kernel itself completes checksums, segments what is too long and
//! puts VLAN tags back before it hands a frame over. That is the work that we would otherwise do here.
//!
//! *Locks*: none. *Teardown*: dropping the last queue removes the interface, unless it was made persistent (`ip tuntap
//! add`).

use std::fs::File;
use std::fs::OpenOptions;
use std::io;
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
use siding_stack::Sent;
use siding_stack::Unread;

use crate::Count;
use crate::Counters;
use crate::DriverError;
use crate::error::check_name;
use crate::error::named;
use crate::fate;
use crate::fate::Fate;

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
}

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
            .map_err(|source| DriverError::NoTun { interface: name.to_owned(), source })?;
        let name = attach(&file, name).map_err(|source| match Errno::from_io_error(&source) {
            // INVAL: there is an interface of this name, and it is no TAP or not for several queues.
            Some(Errno::BUSY | Errno::INVAL) => DriverError::Busy { interface: name.to_owned() },
            _ => DriverError::system(name, "attach to the TAP interface", "cap_net_admin", source),
        })?;
        Ok(TapDevice { file, name, counters: Arc::default(), taken: 0, drained: true })
    }
}

impl Device for TapDevice {
    fn receive(&mut self, cache: &mut Cache, into: &mut Vec<Mbuf>, max: usize) -> io::Result<usize> {
        let (mut frames, mut bytes) = (0, 0);
        let mut result = Ok(());
        while frames < max.min(BATCH) {
            let Some(mut mbuf) = cache.alloc() else {
                // Not read means not lost: the frame waits in the kernel's queue, whose drops the kernel counts.
                break;
            };
            let room = mbuf.tailroom();
            let Some(buffer) = mbuf.append(room) else { break };
            match rustix::io::read(&self.file, buffer) {
                // The kernel cuts a frame off at the end of the buffer and does not say so.
                Ok(len) if len >= room => {
                    self.taken += 1;
                    self.counters.add(Count::RxTooBig, 1);
                    cache.free(mbuf);
                }
                Ok(len) => {
                    mbuf.truncate(len);
                    self.taken += 1;
                    frames += 1;
                    bytes += len;
                    into.push(mbuf);
                }
                Err(Errno::AGAIN) => {
                    cache.free(mbuf);
                    break;
                }
                Err(Errno::INTR) => cache.free(mbuf),
                Err(error) => {
                    cache.free(mbuf);
                    self.counters.add(Count::RxErrors, 1);
                    result = Err(named(&self.name, "receive", error));
                    break;
                }
            }
        }
        // If the loop ended early nothing is left, or nothing can be read, for want of buffers or for an error.
        self.drained = frames < max.min(BATCH);
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
        fate::send(&self.name, cache, frames, &self.counters, Fate::of_tap, |frames| match frames {
            [first, ..] => rustix::io::write(file, first.data()).map(|_| 1),
            [] => Ok(0),
        })
    }

    fn readable(&self) -> Option<BorrowedFd<'_>> {
        Some(self.file.as_fd())
    }
}

/// Makes `file` a queue of the interface, and gives the interface's name as the kernel has settled it.
fn attach(file: &File, name: &str) -> io::Result<String> {
    let mut request = libc::ifreq {
        ifr_name: [0; libc::IFNAMSIZ],
        ifr_ifru: libc::__c_anonymous_ifr_ifru {
            ifru_flags: (libc::IFF_TAP | libc::IFF_NO_PI | libc::IFF_MULTI_QUEUE) as libc::c_short,
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
