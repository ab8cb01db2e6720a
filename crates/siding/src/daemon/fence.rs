//! Which files the daemon may reach once it is at work, by landlock: those that it needs, and no others, whoever's they are.
//! SECURITY.md has the list.
//!
//! What the kernel does not know of this is left out, and said. It binds this thread and all that it starts.

use std::collections::BTreeSet;
use std::fs::DirBuilder;
use std::fs::File;
use std::fs::OpenOptions;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::path::PathBuf;

use landlock::ABI;
use landlock::Access;
use landlock::AccessFs;
use landlock::AccessNet;
use landlock::BitFlags;
use landlock::PathBeneath;
use landlock::Ruleset;
use landlock::RulesetAttr;
use landlock::RulesetCreated;
use landlock::RulesetCreatedAttr;
use landlock::RulesetError;
use landlock::RulesetStatus;

use crate::config::Config;
use crate::config::Listen;
use crate::control;

/// What is known here of the kernel's rights.
const KNOWN: ABI = ABI::V5;

/// Sockets are removed from these by nobody: others have theirs there.
const SHARED: [&str; 5] = ["/", "/run", "/var/run", "/tmp", "/var/tmp"];

/// So many links may lead from one to the other; the kernel follows no more.
const MOST_LINKS: usize = 40;

/// Files and folders, with all that is in them, by what may be done.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Fence {
    /// Read: what a reload, or rules to be loaded, may name.
    read: Vec<PathBuf>,
    /// Made and written: captures.
    write: Vec<PathBuf>,
    /// Made, written, read and removed: records of what is changed in the kernel, and locks.
    own: Vec<PathBuf>,
    /// Removed from: where sockets are.
    remove: Vec<PathBuf>,
}

impl Fence {
    /// What a daemon needs that was started with this file, and these places in the stead of the usual ones.
    pub(super) fn new(config: &Config, file: &Path, control: &Path, records: Option<&Path>) -> Fence {
        let security = &config.stack.security;
        let mut fence = Fence::default();
        fence.read.extend(folders(file));
        let rules = config.filter.iter().flat_map(|filter| filter.files());
        fence.read.extend(rules.flat_map(|rules| folders(&rules)));
        fence
            .read
            .extend(["/etc/siding", "/etc/machine-id", "/dev/urandom", "/proc", "/sys"].map(PathBuf::from));
        fence.read.extend(security.may_read.iter().cloned());
        let own = config.interfaces.iter().filter_map(|interface| interface.pcap.as_deref());
        let captures = config.stack.pcap.as_deref().into_iter().chain(own);
        fence.write.extend(captures.flat_map(captured));
        fence.write.extend(security.may_write.iter().cloned());
        fence.own.extend(records.map(Path::to_owned).or_else(control::run_directory));
        fence.own.extend(siding_drivers::kernel::lock_directories());
        let metrics = match &config.stack.metrics {
            Some(Listen::Unix(path)) => Some(path.as_path()),
            Some(Listen::Tcp(_)) | None => None,
        };
        let sockets = [Some(control), security.monitor.as_deref(), metrics];
        let sockets = sockets.into_iter().flatten().filter_map(folder);
        fence.remove.extend(sockets.filter(|folder| SHARED.iter().all(|shared| Path::new(shared) != folder)));
        for all in [&mut fence.read, &mut fence.write] {
            let mut seen = BTreeSet::new();
            all.retain(|path| seen.insert(path.clone()));
        }
        fence
    }

    /// What may be read or written by the configuration, and is not there: it stays out of reach, also when it comes.
    pub(super) fn absent(config: &Config) -> Vec<String> {
        let security = &config.stack.security;
        let named = |key, all: &[PathBuf]| -> Vec<String> {
            let absent = all.iter().filter(|path| reach(path).is_none());
            let why = "is not there, and stays out of reach until it is and the daemon is started again";
            absent.map(|path| format!("`{key}` of [security]: {} {why}", path.display())).collect()
        };
        [named("may_read", &security.may_read), named("may_write", &security.may_write)].concat()
    }

    /// Stays inside from now on; says what of it does not hold.
    pub(super) fn close(&self) -> Result<(), String> {
        match self.restrict().map_err(|error| error.to_string())? {
            RulesetStatus::FullyEnforced => Ok(()),
            RulesetStatus::PartiallyEnforced => {
                Err("this kernel knows only a part of landlock's rights".into())
            }
            RulesetStatus::NotEnforced => Err("this kernel has no landlock, or it is not turned on".into()),
        }
    }

    fn restrict(&self) -> Result<RulesetStatus, RulesetError> {
        // Neither connections nor doors of TCP: what is listened at is open by now.
        let all = Ruleset::default().handle_access(AccessFs::from_all(KNOWN))?;
        let mut rules = all.handle_access(AccessNet::from_all(KNOWN))?.create()?;
        let (read, list) = (AccessFs::ReadFile, AccessFs::ReadDir);
        let write = AccessFs::WriteFile | AccessFs::Truncate;
        for path in &self.read {
            rules = allow(rules, path, read | list)?;
        }
        for path in &self.write {
            rules = allow(rules, path, write | AccessFs::MakeReg)?;
        }
        for path in &self.own {
            // Its maker may not be allowed to any more.
            let _ = DirBuilder::new().mode(0o700).create(path);
            rules = allow(rules, path, read | list | write | AccessFs::MakeReg | AccessFs::RemoveFile)?;
        }
        for path in &self.remove {
            rules = allow(rules, path, AccessFs::RemoveFile.into())?;
        }
        rules = allow(rules, Path::new("/dev/net/tun"), write | read | AccessFs::IoctlDev)?;
        rules = allow(rules, Path::new("/dev/null"), write | read)?;
        // Settings of interfaces; not those beside them, of which some run programs.
        let settings = Path::new("/proc/sys/net");
        rules = allow(rules, settings, write | read)?;
        // A folder of /proc that nobody holds is made anew when it is looked for, and would be another then.
        std::mem::forget(reach(settings));
        Ok(rules.restrict_self()?.ruleset)
    }
}

/// Allows something of a file, or of all that is in a folder. One that is not there needs nothing.
fn allow(
    rules: RulesetCreated,
    path: &Path,
    access: BitFlags<AccessFs>,
) -> Result<RulesetCreated, RulesetError> {
    let Some(place) = reach(path) else { return Ok(rules) };
    let is_folder = place.metadata().is_ok_and(|there| there.is_dir());
    let access = if is_folder { access } else { access & AccessFs::from_file(KNOWN) };
    rules.add_rule(PathBeneath::new(place, access))
}

/// A handle by which nothing is read or written.
fn reach(path: &Path) -> Option<File> {
    OpenOptions::new().read(true).custom_flags(libc::O_PATH).open(path).ok()
}

/// The folder that a file is in.
fn folder(file: &Path) -> Option<PathBuf> {
    Some(std::path::absolute(file).ok()?.parent()?.to_owned())
}

/// The folder that a file is in and, if it is a link, those that the link leads to, be there a file or not: it may lead to
/// another one by the time of a reload, in the same folder.
fn folders(file: &Path) -> Vec<PathBuf> {
    let mut at = Some(file.to_owned());
    // As many links as the kernel follows.
    let chain = std::iter::from_fn(|| {
        let file = at.take()?;
        let there = folder(&file)?;
        at = std::fs::read_link(&file).ok().map(|to| there.join(to));
        Some(there)
    });
    chain.take(MOST_LINKS).collect()
}

/// Where a capture is made: its folder, or what stands there if that is no file.
fn captured(file: &Path) -> Vec<PathBuf> {
    match std::fs::metadata(file) {
        Ok(there) if !there.is_file() => vec![file.to_owned()],
        _ => folders(file),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_configuration_names_is_inside_and_little_else() {
        let text = "[stack]\npcap = \"/var/log/x/all.pcapng\"\n[security]\nmonitor = \"/run/siding-monitor.sock\"\n\
                    may_read = [\"/srv/rules\"]\nmay_write = [\"/srv/captures\"]\n\
                    [[interface]]\nname = \"a\"\ndriver = \"memory\"\npcap = \"/dev/null\"\n";
        let config = Config::parse(Path::new("/opt/y/a.toml"), text).unwrap().0;
        let control = Path::new("/opt/z/control.sock");
        let fence = Fence::new(&config, Path::new("/opt/y/a.toml"), control, Some(Path::new("/opt/run")));
        let paths = |all: &[&str]| all.iter().map(PathBuf::from).collect::<Vec<_>>();
        let usual = ["/etc/siding", "/etc/machine-id", "/dev/urandom", "/proc", "/sys"];
        assert_eq!(fence.read, paths(&[&["/opt/y"], &usual[..], &["/srv/rules"]].concat()));
        assert_eq!(fence.write, paths(&["/var/log/x", "/dev/null", "/srv/captures"]));
        assert_eq!(fence.own[0], Path::new("/opt/run"));
        // Sockets of others are in /run.
        assert_eq!(fence.remove, paths(&["/opt/z"]));
        let absent = Fence::absent(&config);
        assert!(absent[0].starts_with("`may_read` of [security]: /srv/rules is not there"), "{absent:?}");
        assert!(absent[1].starts_with("`may_write` of [security]: /srv/captures is not"), "{absent:?}");
    }

    #[test]
    fn where_links_lead_and_what_rules_include_is_inside() {
        let place = std::env::temp_dir().join(format!("siding-links-{}", std::process::id()));
        let path = |name: &str| place.join(name);
        for folder in ["etc", "rules", "more", "captures", "far"] {
            std::fs::create_dir_all(path(folder)).unwrap();
        }
        std::fs::write(path("rules/real.nft"), "include \"../more/sets.nft\"\ntable inet t { }\n").unwrap();
        std::fs::write(path("more/sets.nft"), "define x = 1\n").unwrap();
        let link = |to: &str, at: &str| std::os::unix::fs::symlink(to, path(at)).unwrap();
        link("../rules/real.nft", "etc/a.nft");
        // To a file that is yet to be made, over another link; and one that leads nowhere but to itself.
        link("../captures/next", "etc/all.pcapng");
        link("../far/new.pcapng", "captures/next");
        link("round.pcapng", "etc/round.pcapng");
        let text = "[stack]\npcap = \"all.pcapng\"\n[filter]\nrules = \"a.nft\"\n\
                    [[interface]]\nname = \"a\"\ndriver = \"memory\"\npcap = \"round.pcapng\"\n";
        let text = text.replace("pcap = \"", &format!("pcap = \"{}/", path("etc").display()));
        let file = path("etc/a.toml");
        let config = Config::parse(&file, &text).unwrap().0;
        let fence = Fence::new(&config, &file, &path("control"), Some(Path::new("/opt/run")));
        for folder in ["etc", "etc/../rules", "etc/../more"] {
            assert!(fence.read.contains(&path(folder)), "{folder}: {:?}", fence.read);
        }
        for folder in ["etc", "etc/../captures", "etc/../captures/../far"] {
            assert!(fence.write.contains(&path(folder)), "{folder}: {:?}", fence.write);
        }
        std::fs::remove_dir_all(place).unwrap();
    }

    /// On a thread of its own, which alone is bound.
    #[test]
    fn what_is_outside_is_refused_and_what_is_inside_is_not() {
        let place = std::env::temp_dir().join(format!("siding-fence-{}", std::process::id()));
        let path = |name: &str| place.join(name);
        for folder in ["read", "write", "own", "remove", "outside"] {
            std::fs::create_dir_all(path(folder)).unwrap();
            std::fs::write(path(folder).join("file"), "text").unwrap();
        }
        let all = |folder: &str| vec![path(folder)];
        let fence = Fence { read: all("read"), write: all("write"), own: all("own"), remove: all("remove") };
        let done = std::thread::scope(|scope| {
            let work = || {
                if let Err(why) = fence.close() {
                    // This kernel cannot: nothing is to be seen.
                    assert!(why.contains("landlock"), "{why}");
                    return None;
                }
                let read = |name: &str| std::fs::read_to_string(path(name)).is_ok();
                let write = |name: &str| std::fs::write(path(name), "other").is_ok();
                let remove = |name: &str| std::fs::remove_file(path(name)).is_ok();
                Some([
                    (read("read/file"), true),
                    (write("read/file"), false),
                    (write("write/file") && write("write/new"), true),
                    (read("write/file") || remove("write/file"), false),
                    (write("own/new") && read("own/new") && remove("own/file"), true),
                    (remove("remove/file"), true),
                    (write("remove/new") || read("remove/new"), false),
                    (read("outside/file") || write("outside/file") || write("outside/new"), false),
                    (remove("outside/file") || std::fs::read_dir(path("outside")).is_ok(), false),
                    (std::fs::rename(path("own/new"), path("outside/x")).is_ok(), false),
                    (OpenOptions::new().write(true).open("/proc/sys/kernel/core_pattern").is_ok(), false),
                    (std::fs::read("/etc/passwd").is_ok(), false),
                    (std::net::TcpListener::bind("127.0.0.1:0").is_ok(), false),
                ])
            };
            scope.spawn(work).join().unwrap()
        });
        for (at, (was, expected)) in done.into_iter().flatten().enumerate() {
            assert_eq!(was, expected, "{at}");
        }
        std::fs::remove_dir_all(place).unwrap();
    }
}
