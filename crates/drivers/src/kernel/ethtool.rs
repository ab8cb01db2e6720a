//! Offloads of a device, through the `SIOCETHTOOL` ioctl.
//!
//! A network card that merges segments for good, or takes the VLAN tag out of the frame, changes what a user-space stack
//! sees. What matters is known by the features' names, which
//! are the kernel's interface; their bit numbers are not, and are asked for.

use std::collections::BTreeSet;
use std::fmt;
use std::os::fd::AsFd;
use std::os::fd::OwnedFd;

use rustix::ioctl::Updater;
use rustix::net::AddressFamily;
use rustix::net::SocketFlags;
use rustix::net::SocketType;

use super::Error;
use super::features::alters_frames;
use super::features::leaves_undone;
use super::link::checked;

// Of `linux/ethtool.h`.
const ETHTOOL_GSTRINGS: u32 = 0x1b;
const ETHTOOL_GSSET_INFO: u32 = 0x37;
const ETHTOOL_GFEATURES: u32 = 0x3a;
const ETHTOOL_SFEATURES: u32 = 0x3b;
const ETH_SS_FEATURES: u32 = 4;
/// `ETH_GSTRING_LEN`: bytes of one name.
const NAME_BYTES: usize = 32;
/// Opcode of `linux/sockios.h`; it follows none of the usual encodings.
const SIOCETHTOOL: rustix::ioctl::Opcode = 0x8946;

/// Switches offloads of the devices of one namespace: that of the thread that opened it.
#[derive(Debug)]
pub struct Offloads {
    socket: OwnedFd,
}

/// Which features were switched off, and how they were wanted before. For [`Offloads::put_back`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TurnedOff {
    /// Per word of 32 features: those that we changed, and those of them that were requested before.
    words: Vec<(u32, u32)>,
}

impl Offloads {
    /// Opens the way to the devices of the calling thread's namespace.
    ///
    /// # Errors
    /// If the kernel grants no socket.
    pub fn open() -> Result<Self, Error> {
        let socket =
            rustix::net::socket_with(AddressFamily::UNIX, SocketType::DGRAM, SocketFlags::CLOEXEC, None)
                .map_err(|e| Error::system("open a socket to ask for device features", e))?;
        Ok(Self { socket })
    }

    /// Switches off what changes frames between the wire and us: merging on receive, VLAN tags taken out or put in, VLAN
    /// filters. Features that are off already, or that the device cannot change, are left alone.
    ///
    /// # Errors
    /// If there is no such interface, or the caller may not.
    pub fn turn_off(&self, interface: &str) -> Result<TurnedOff, Error> {
        self.turn_off_those(interface, alters_frames)
    }

    /// Switches off all that lets a frame differ from what is on a wire, as between machines with plain cards: what
    /// [`turn_off`](Self::turn_off) does, checksums that are left to the device, and segmentation.
    ///
    /// # Errors
    /// If there is no such interface, or the caller may not.
    pub fn turn_off_all(&self, interface: &str) -> Result<TurnedOff, Error> {
        self.turn_off_those(interface, |feature| alters_frames(feature) || leaves_undone(feature))
    }

    fn turn_off_those(&self, interface: &str, those: impl Fn(&str) -> bool) -> Result<TurnedOff, Error> {
        let changed = self.those(interface, those)?.before(&TurnedOff::default());
        if !changed.is_empty() {
            let off: Vec<(u32, u32)> = changed.words.iter().map(|(valid, _)| (*valid, 0)).collect();
            self.set(interface, &off)?;
        }
        Ok(changed)
    }

    /// The features that [`turn_off`](Self::turn_off) is about, as they are.
    pub(super) fn altering(&self, interface: &str) -> Result<Altering, Error> {
        self.those(interface, alters_frames)
    }

    fn those(&self, interface: &str, those: impl Fn(&str) -> bool) -> Result<Altering, Error> {
        let names = self.names(interface)?;
        let blocks = self.features(interface)?.into_iter().enumerate().map(|(word, block)| {
            let ours = names
                .iter()
                .enumerate()
                .filter(|(bit, name)| bit / 32 == word && those(name))
                .fold(0, |mask, (bit, _)| mask | 1 << (bit % 32));
            Block { available: ours & block.available, ..block }
        });
        Ok(Altering(blocks.collect()))
    }

    /// Puts back what [`turn_off`](Self::turn_off) changed, as it was requested then.
    ///
    /// # Errors
    /// If there is no such interface, or the caller may not.
    pub fn put_back(&self, interface: &str, before: &TurnedOff) -> Result<(), Error> {
        if before.words.iter().all(|(valid, _)| *valid == 0) {
            return Ok(());
        }
        self.set(interface, &before.words)
    }

    /// Names of the features that are on, as `ethtool --show-features` has them.
    ///
    /// # Errors
    /// If there is no such interface.
    pub fn active(&self, interface: &str) -> Result<BTreeSet<String>, Error> {
        let blocks = self.features(interface)?;
        let is_on =
            |bit: usize| blocks.get(bit / 32).is_some_and(|block| block.active & 1 << (bit % 32) != 0);
        let names = self.names(interface)?;
        Ok(names.into_iter().enumerate().filter(|(bit, _)| is_on(*bit)).map(|(_, name)| name).collect())
    }

    /// How many features this kernel knows; the same for all devices and all the time.
    fn count(&self, interface: &str) -> Result<usize, Error> {
        // struct ethtool_sset_info: cmd, reserved, sset_mask (64 bits), one count per bit of the mask.
        let mut request = [0_u32; 5];
        request[0] = ETHTOOL_GSSET_INFO;
        write_u64(&mut request[2..4], 1 << ETH_SS_FEATURES);
        self.call(interface, &mut request)?;
        Ok(request[4] as usize)
    }

    fn names(&self, interface: &str) -> Result<Vec<String>, Error> {
        let count = self.count(interface)?;
        // struct ethtool_gstrings: cmd, string_set, len, and the names.
        let mut request = vec![0_u32; 3 + count * NAME_BYTES / 4];
        request[0] = ETHTOOL_GSTRINGS;
        request[1] = ETH_SS_FEATURES;
        request[2] = count as u32;
        self.call(interface, &mut request)?;
        let bytes: Vec<u8> = request[3..].iter().flat_map(|word| word.to_ne_bytes()).collect();
        Ok(bytes
            .chunks_exact(NAME_BYTES)
            .map(|name| {
                let end = name.iter().position(|b| *b == 0).unwrap_or(NAME_BYTES);
                String::from_utf8_lossy(&name[..end]).into_owned()
            })
            .collect())
    }

    fn features(&self, interface: &str) -> Result<Vec<Block>, Error> {
        let words = self.count(interface)?.div_ceil(32);
        // struct ethtool_gfeatures: cmd, size, and per word available, requested, active, never_changed.
        let mut request = vec![0_u32; 2 + words * 4];
        request[0] = ETHTOOL_GFEATURES;
        request[1] = words as u32;
        self.call(interface, &mut request)?;
        Ok(request[2..]
            .chunks_exact(4)
            .map(|word| Block { available: word[0], requested: word[1], active: word[2] })
            .collect())
    }

    fn set(&self, interface: &str, words: &[(u32, u32)]) -> Result<(), Error> {
        // struct ethtool_sfeatures: cmd, size, and per word valid, requested.
        let mut request = vec![ETHTOOL_SFEATURES, words.len() as u32];
        request.extend(words.iter().flat_map(|(valid, requested)| [*valid, *requested]));
        self.call(interface, &mut request)
    }

    /// One ethtool command. `request` begins with the command's number and is as long as its structure,
    /// including what the kernel appends to it.
    fn call(&self, interface: &str, request: &mut [u32]) -> Result<(), Error> {
        let name = checked(interface)?;
        let mut ifr_name = [0; libc::IFNAMSIZ];
        for (to, from) in ifr_name.iter_mut().zip(name.bytes()) {
            *to = from as libc::c_char;
        }
        let data = request.as_mut_ptr().cast();
        let mut ifreq = libc::ifreq { ifr_name, ifr_ifru: libc::__c_anonymous_ifr_ifru { ifru_data: data } };
        // JUSTIFICATION: SIOCETHTOOL takes a pointer inside a structure, which no safe wrapper of rustix offers;
        // the netlink form of ethtool would need a generic-netlink crate more, and is missing before Linux 5.7.
        // SAFETY: the opcode takes a `struct ifreq`, which `libc::ifreq` is, and which lives over the call.
        // `checked` left at most 15 bytes of name, so it ends in a zero. `ifru_data` points to `request`, which is
        // borrowed mutably and lives over the call, is aligned for u32 (ethtool's structures need no more to be
        // copied from and to user memory), and is as long as what the kernel writes: GSSET_INFO writes one count
        // (one bit of the mask is set); GSTRINGS writes `count` names, a constant of the kernel that GSSET_INFO gave
        // us; GFEATURES writes at most the number of blocks given in `size`; SFEATURES writes nothing.
        let result = unsafe {
            let ioctl = Updater::<SIOCETHTOOL, libc::ifreq>::new(&mut ifreq);
            rustix::ioctl::ioctl(self.socket.as_fd(), ioctl)
        };
        match result {
            Ok(()) => Ok(()),
            Err(rustix::io::Errno::NODEV) => Err(Error::NoInterface {
                operation: format!("change the offloads of {interface}"),
                interface: interface.to_owned(),
            }),
            Err(error) => Err(Error::system(format_args!("change the offloads of {interface}"), error)),
        }
    }
}

impl TurnedOff {
    /// Nothing was switched off.
    pub(super) fn is_empty(&self) -> bool {
        self.words.iter().all(|(valid, _)| *valid == 0)
    }

    /// Those alone that were wanted on.
    pub(super) fn wanted_on(&self) -> TurnedOff {
        TurnedOff {
            words: self.words.iter().map(|(valid, before)| (valid & before, valid & before)).collect(),
        }
    }

    /// From the words of its text.
    pub(super) fn parse(words: &[&str]) -> Option<TurnedOff> {
        let word = |text: &&str| {
            let (valid, before) = text.split_once(':')?;
            Some((u32::from_str_radix(valid, 16).ok()?, u32::from_str_radix(before, 16).ok()?))
        };
        let words: Vec<(u32, u32)> = words.iter().map(word).collect::<Option<_>>()?;
        words.iter().all(|(valid, before)| before & !valid == 0).then_some(TurnedOff { words })
    }
}

impl fmt::Display for TurnedOff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<String> =
            self.words.iter().map(|(valid, before)| format!("{valid:x}:{before:x}")).collect();
        f.write_str(&words.join(" "))
    }
}

/// The features of a device that alter frames: only those are `available`.
pub(super) struct Altering(Vec<Block>);

impl Altering {
    /// What switching them off changes. Those that are off already and that an earlier claim has `left` off were wanted
    /// before as it says; and so were those that only an earlier version switched off, which come on again at the end.
    pub(super) fn before(&self, left: &TurnedOff) -> TurnedOff {
        let left = left.words.iter().copied().chain(std::iter::repeat((0, 0)));
        let word = |(block, (left, wanted)): (&Block, (u32, u32))| {
            let on = block.available & (block.requested | block.active);
            let others = left & wanted & !block.available & !block.active;
            let left = left & block.available & !on;
            (on | left | others, on & block.requested | left & wanted | others)
        };
        TurnedOff { words: self.0.iter().zip(left).map(word).collect() }
    }
}

/// 32 features of a device, one bit each.
struct Block {
    /// Can be changed.
    available: u32,
    /// Wanted on, be it possible or not at present.
    requested: u32,
    /// On.
    active: u32,
}

/// A 64-bit member of a structure that is otherwise of 32-bit ones.
fn write_u64(words: &mut [u32], value: u64) {
    for (word, bytes) in words.iter_mut().zip(value.to_ne_bytes().chunks_exact(4)) {
        *word = u32::from_ne_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_earlier_version_left_off_is_put_back() {
        // The first two are ours to switch, the third was an earlier version's.
        let now = |active| Altering(vec![Block { available: 0b011, requested: 0b001, active }]);
        let left = TurnedOff { words: vec![(0b110, 0b110)] };
        assert_eq!(now(0b001).before(&left), TurnedOff { words: vec![(0b111, 0b111)] });
        // Somebody has put it on since; and one that was not wanted.
        assert_eq!(now(0b101).before(&left), TurnedOff { words: vec![(0b011, 0b011)] });
        let unwanted = TurnedOff { words: vec![(0b110, 0b000)] };
        assert_eq!(now(0b001).before(&unwanted), TurnedOff { words: vec![(0b011, 0b001)] });
        assert_eq!(now(0b001).before(&TurnedOff::default()), TurnedOff { words: vec![(0b001, 0b001)] });
    }
}
