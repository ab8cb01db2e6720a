//! What a claim changes, written down before it changes it: so that who comes after one that was killed knows what
//! was there before.
//!
//! One file for each interface that is claimed, `claim-NAMESPACE-INDEX`, in a directory that several daemons may share.
//! NAMESPACE is the kernel's cookie of the network namespace, which no other gets until the next boot, and INDEX the
//! interface's, which no other in that namespace gets unless somebody insists. The file names the boot that it is of.
//! It is text, ends in a check sum, and says nothing that a claim does not change: what cannot be read to its end is not
//! applied, nor is a value that somebody has changed meanwhile. One that is another user's is neither read nor removed nor
//! written over: what it says is his to put back.
//!
//! Nobody waits for a disk. A record is for whoever comes after a process that was killed, and he reads what that one has
//! written and renamed, be it on a disk or not. When the machine itself goes down, the kernel's settings go with it, and
//! whatever of the file is left is of an earlier boot.
//!
//! # Locks
//!
//! A file belongs to whoever holds the claim of its interface. # Teardown: the file goes when all has been put back.

mod unreadable;

use std::fs;
use std::fs::DirBuilder;
use std::fs::OpenOptions;
use std::io;
use std::io::Read;
use std::io::Write;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::fs::MetadataExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::path::PathBuf;

use super::Error;
use super::Netlink;
use super::Netns;
use super::Offloads;
use super::ethtool::TurnedOff;
use super::ingress::Ingress;
use super::lock;
use super::undo::SILENT;
use super::undo::Undo;
use unreadable::Unreadable;

/// The first line of a record.
const HEAD: &str = "siding claim 1";

/// No record is longer.
const LONGEST: u64 = 8192;

/// Where claims of one network namespace are written down.
#[derive(Debug, Clone)]
pub struct Records {
    directory: PathBuf,
    boot: String,
    namespace: u64,
}

/// What became of a record that nobody had need of.
#[derive(Debug)]
pub struct Leftover {
    /// The interface's name when it was claimed; the record's file, if even that cannot be read.
    pub interface: String,
    /// Whether its values could be put back.
    pub result: io::Result<()>,
}

impl Records {
    /// Records in this directory, which is made if it is not there, of the calling thread's namespace.
    ///
    /// # Errors
    /// If there can be no such directory, or others than this user may write to it.
    pub fn open(directory: &Path) -> io::Result<Records> {
        match DirBuilder::new().mode(0o700).create(directory) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        let there = fs::metadata(directory)?;
        if !there.is_dir() {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        if !is_ours(&there) {
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, "others may write to it"));
        }
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id")?.trim().to_owned();
        let namespace = Netns::current().and_then(|netns| netns.cookie()).map_err(io::Error::other)?;
        Ok(Records { directory: directory.to_owned(), boot, namespace })
    }

    /// The directory.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Puts back what claims of this namespace have left that were never released, unless somebody has the interface
    /// now, and removes what is of an earlier boot.
    #[must_use]
    pub fn restore_leftovers(&self) -> Vec<Leftover> {
        let Ok(files) = fs::read_dir(&self.directory) else { return Vec::new() };
        let names = files.flatten().filter_map(|file| file.file_name().into_string().ok());
        names.filter_map(|name| self.restore_leftover(&name)).collect()
    }

    fn restore_leftover(&self, file: &str) -> Option<Leftover> {
        let (namespace, index) = file.strip_prefix("claim-")?.split_once('-')?;
        let (namespace, index): (u64, u32) = (namespace.parse().ok()?, index.parse().ok()?);
        let path = self.directory.join(file);
        let record = self.read_file(&path, namespace, index);
        if let Err(Unreadable::OtherBoot) = record {
            let _ = fs::remove_file(&path);
            return None;
        }
        if namespace != self.namespace {
            return None;
        }
        // Somebody alive has it, this process or another: his it is to put back.
        let _lock = lock::try_lock(index, &mut None).ok()?;
        let (interface, result) = match record {
            Ok(None) => return None,
            Ok(Some((interface, undo))) => (interface, put_back(index, undo).map_err(io::Error::other)),
            Err(Unreadable::Foreign(user)) => {
                let (interface, result) = (path.display().to_string(), Err(Unreadable::Foreign(user).into()));
                return Some(Leftover { interface, result });
            }
            Err(error) => (path.display().to_string(), Err(error.into())),
        };
        // Also what cannot be read: it is told once.
        let removed = fs::remove_file(&path);
        Some(Leftover { interface, result: result.and(removed) })
    }

    /// What was there before the claim that has left a record of this interface, if one has.
    pub(super) fn read(&self, index: u32) -> io::Result<Option<Undo>> {
        match self.read_file(&self.path(index), self.namespace, index) {
            Ok(found) => Ok(found.map(|(_, undo)| undo)),
            Err(Unreadable::OtherBoot) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Writes down what is going to be changed; when this returns, whoever comes later finds it.
    pub(super) fn write(&self, index: u32, interface: &str, undo: &Undo) -> io::Result<()> {
        if undo.is_empty() {
            return self.remove(index);
        }
        self.no_other_has(index)?;
        let fresh = self.directory.join(format!(".new-{}-{index}", self.namespace));
        let written = || -> io::Result<()> {
            match fs::remove_file(&fresh) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh)?;
            file.write_all(self.text(index, interface, undo).as_bytes())?;
            fs::rename(&fresh, self.path(index))
        };
        written().inspect_err(|_| {
            let _ = fs::remove_file(&fresh);
        })
    }

    /// All has been put back.
    pub(super) fn remove(&self, index: u32) -> io::Result<()> {
        self.no_other_has(index)?;
        match fs::remove_file(self.path(index)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Refuses a place where a record of another user's is.
    fn no_other_has(&self, index: u32) -> io::Result<()> {
        match fs::symlink_metadata(self.path(index)) {
            Ok(there) if there.uid() != own_user() => Err(Unreadable::Foreign(there.uid()).into()),
            _ => Ok(()),
        }
    }

    fn path(&self, index: u32) -> PathBuf {
        self.directory.join(format!("claim-{}-{index}", self.namespace))
    }

    fn text(&self, index: u32, interface: &str, undo: &Undo) -> String {
        let Records { boot, namespace, .. } = self;
        let mut text =
            format!("{HEAD}\nboot {boot}\nnetns {namespace}\nindex {index}\ninterface {interface}\n");
        for (setting, before) in &undo.settings {
            text += &format!("setting {} {} {before}\n", setting.family, setting.key);
        }
        if !undo.features.is_empty() {
            text += &format!("features {}\n", undo.features);
        }
        text += match undo.ingress {
            Some(Ingress::Filter) => "ingress filter\n",
            Some(Ingress::Queue) => "ingress queue\n",
            None => "",
        };
        if undo.down {
            text += "down\n";
        }
        let sum = check_sum(&text);
        text + &format!("sum {sum:016x}\n")
    }

    fn read_file(
        &self,
        path: &Path,
        namespace: u64,
        index: u32,
    ) -> Result<Option<(String, Undo)>, Unreadable> {
        let mut options = OpenOptions::new();
        // Neither a link to elsewhere nor a pipe that nobody writes to.
        options.read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK);
        let there = match fs::symlink_metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            there => there?,
        };
        if there.uid() != own_user() {
            return Err(Unreadable::Foreign(there.uid()));
        }
        let file = match options.open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file?,
        };
        let there = file.metadata()?;
        if !there.is_file() || !is_ours(&there) {
            return Err(Unreadable::Open);
        }
        let mut text = String::new();
        file.take(LONGEST).read_to_string(&mut text)?;
        self.parse(&text, namespace, index).map(Some)
    }

    fn parse(&self, text: &str, namespace: u64, index: u32) -> Result<(String, Undo), Unreadable> {
        // File systems make up for what was not written by nothing, or by zeros.
        if text.bytes().all(|byte| byte == 0) {
            return Err(Unreadable::Lost);
        }
        let (said, sum) = text.rsplit_once("sum ").ok_or(Unreadable::CutOff)?;
        if sum != format!("{:016x}\n", check_sum(said)) {
            return Err(Unreadable::CutOff);
        }
        let mut lines = said.lines();
        let mut field = |name: &str| -> Result<&str, Unreadable> {
            let line = lines.next().ok_or(Unreadable::CutOff)?;
            line.strip_prefix(name).ok_or_else(|| Unreadable::Odd(line.to_owned()))
        };
        field(HEAD)?;
        if field("boot ")? != self.boot {
            return Err(Unreadable::OtherBoot);
        }
        for (name, expected) in [("netns ", namespace), ("index ", u64::from(index))] {
            let value = field(name)?;
            if value != expected.to_string() {
                return Err(Unreadable::Odd(format!("{name}{value}")));
            }
        }
        let interface = field("interface ")?.to_owned();
        let mut undo = Undo::default();
        for line in lines {
            let odd = || Unreadable::Odd(line.to_owned());
            match line.split(' ').collect::<Vec<_>>()[..] {
                ["setting", family, key, before] => {
                    let known = SILENT.iter().map(|(setting, _)| *setting);
                    let setting = known.into_iter().find(|known| (known.family, known.key) == (family, key));
                    let _: i32 = before.parse().map_err(|_| odd())?;
                    undo.settings.push((setting.ok_or_else(odd)?, before.to_owned()));
                }
                ["features", ref words @ ..] => {
                    undo.features = TurnedOff::parse(words).ok_or_else(odd)?;
                }
                ["ingress", "filter"] => undo.ingress = Some(Ingress::Filter),
                ["ingress", "queue"] => undo.ingress = Some(Ingress::Queue),
                ["down"] => undo.down = true,
                _ => return Err(odd()),
            }
        }
        Ok((interface, undo))
    }
}

fn put_back(index: u32, undo: Undo) -> Result<(), Error> {
    let name = match Netlink::open()?.link_by_index(index) {
        Ok(link) => link.name,
        Err(error) if error.is_gone() => return Ok(()),
        Err(error) => return Err(error),
    };
    undo.untouched(&name)?.apply(index, &Offloads::open()?)
}

/// Whether nobody but us can have written it.
fn is_ours(there: &fs::Metadata) -> bool {
    there.uid() == own_user() && there.mode() & 0o022 == 0
}

fn own_user() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// FNV-1a: against accidents, not against enemies, who cannot write here.
fn check_sum(text: &str) -> u64 {
    text.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |sum, byte| (sum ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}

#[cfg(test)]
mod tests;
