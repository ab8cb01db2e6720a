//! The package, built from what crates/siding/Cargo.toml says of it: whole, installed where it belongs, and a service that
//! systemd understands and is told by.

use std::fs;
use std::io::BufRead;
use std::io::BufReader;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::time::Duration;

use siding_tests::Siding;
use siding_tests::need;

mod booted;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Place {
        let path = std::env::temp_dir().join(format!("siding-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Place(path)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {text}");
    text
}

/// Files that an asset means: one, or those of a folder that end so.
fn meant(source: &Path) -> Vec<PathBuf> {
    let name = source.file_name().unwrap().to_str().unwrap();
    let Some(ending) = name.strip_prefix('*') else { return vec![source.to_owned()] };
    let files = fs::read_dir(source.parent().unwrap()).unwrap().map(|file| file.unwrap().path());
    files.filter(|file| file.to_str().unwrap().ends_with(ending)).collect()
}

/// Puts what the package has below `tree`, as its metadata say.
fn fill(tree: &Path, made: &Path) -> usize {
    let manifest = fs::read_to_string(root().join("crates/siding/Cargo.toml")).unwrap();
    let manifest: toml::Table = toml::from_str(&manifest).unwrap();
    let assets = manifest["package"]["metadata"]["deb"]["assets"].as_array().unwrap();
    let mut files = 0;
    for asset in assets {
        let [source, to, mode] = [0, 1, 2].map(|at| asset[at].as_str().unwrap());
        let source = match source.strip_prefix("../../target/package/") {
            Some(rest) => made.join(rest),
            None if source.starts_with("target/release/") => {
                Siding::binary().with_file_name(Path::new(source).file_name().unwrap())
            }
            None => root().join("crates/siding").join(source),
        };
        let all = meant(&source);
        assert!(!all.is_empty(), "nothing at {}", source.display());
        for file in all {
            let to = match to.strip_suffix('/') {
                Some(folder) => tree.join(folder).join(file.file_name().unwrap()),
                None => tree.join(to),
            };
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            fs::copy(&file, &to).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
            let mode = u32::from_str_radix(mode, 8).unwrap();
            fs::set_permissions(&to, fs::Permissions::from_mode(mode)).unwrap();
            files += 1;
        }
    }
    files
}

/// That each file of the package is in the page's table, and each line of the table in the package; how many files there are.
fn has_what_the_page_says(contents: &str) -> usize {
    let page = fs::read_to_string(root().join("docs/package.md")).unwrap();
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    let said: Vec<&str> = rows.map(|(path, _)| path).collect();
    let files = contents.lines().filter(|line| line.starts_with('-'));
    let files: Vec<&str> = files.map(|line| line.split_whitespace().last().unwrap()).collect();
    let is = |said: &str, file: &str| match said.split_once('*') {
        None => said == file,
        Some((folder, ending)) => {
            let name = file.strip_prefix(folder).and_then(|name| name.strip_suffix(ending));
            name.is_some_and(|name| !name.contains('/'))
        }
    };
    for file in &files {
        let file = file.trim_start_matches('.');
        assert!(said.iter().any(|said| is(said, file)), "{file} is not in docs/package.md");
    }
    for said in said {
        let there = files.iter().any(|file| is(said, file.trim_start_matches('.')));
        assert!(there, "{said} is not in the package: {contents}");
    }
    files.len()
}

/// What `cargo deb` writes of the package.
fn control() -> String {
    let manifest = fs::read_to_string(root().join("crates/siding/Cargo.toml")).unwrap();
    let manifest: toml::Table = toml::from_str(&manifest).unwrap();
    let deb = &manifest["package"]["metadata"]["deb"];
    let of = |key: &str| deb[key].as_str().unwrap();
    let more: String = of("extended-description").trim().lines().map(|line| format!(" {line}\n")).collect();
    format!(
        "Package: siding\nVersion: 0.1.0-1\nArchitecture: amd64\nSection: {}\nPriority: {}\nMaintainer: {}\n\
         Depends: libc6 (>= 2.34)\nDescription: {}\n{more}",
        of("section"),
        of("priority"),
        of("maintainer"),
        manifest["package"]["description"].as_str().unwrap()
    )
}

/// That Debian's own judge has no errors to tell, where he is. How it was packed for a test is not looked at.
fn has_no_errors(package: &Path) {
    let packed = "unstripped-binary-or-object,uses-no-compression-for-control-tarball,uses-no-compression-for-data-tarball";
    let judge = ["--allow-root", "--suppress-tags", packed];
    let Ok(judged) = Command::new("lintian").args(judge).arg(package).output() else {
        println!("skipped: the package was not judged: no lintian");
        return;
    };
    let told = String::from_utf8_lossy(&judged.stdout).into_owned();
    assert!(!told.lines().any(|line| line.starts_with("E:")) && !told.contains("internal error"), "{told}");
    println!("lintian: {} warnings", told.lines().filter(|line| line.starts_with("W:")).count());
}

/// That a manual page can be set without a warning, where there is somebody to set it.
fn is_set_without_a_warning(page: &Path) {
    let set = Command::new("man").args(["--warnings", "-E", "UTF-8", "-l"]).arg(page).output();
    let Ok(set) = set else { return println!("skipped: {} was not set: no man", page.display()) };
    assert!(set.stderr.is_empty(), "{}: {}", page.display(), String::from_utf8_lossy(&set.stderr));
}

/// Packs it by `dpkg-deb` from what the metadata say; how many files it has.
fn packed(place: &Path, package: &Path) -> usize {
    let (made, tree) = (place.join("made"), place.join("tree"));
    run(Command::new(root().join("packaging/tree")).arg(Siding::binary()).arg(&made));
    let files = fill(&tree, &made);
    // As `cargo deb` does: a program with all that a debugger wants to know takes long to be packed and judged.
    let programs = ["usr/bin/siding", "usr/bin/siding-demo"].map(|program| tree.join(program));
    let _ = Command::new("strip").args(programs).status();
    fs::create_dir_all(tree.join("DEBIAN")).unwrap();
    fs::write(tree.join("DEBIAN/control"), control()).unwrap();
    fs::write(tree.join("DEBIAN/conffiles"), "/etc/siding/siding.toml\n").unwrap();
    for script in ["postinst", "prerm"] {
        let from = root().join("packaging/debian").join(script);
        run(Command::new("sh").arg("-n").arg(&from));
        fs::copy(from, tree.join("DEBIAN").join(script)).unwrap();
    }
    pack(&tree, package);
    files
}

/// Not compressed, which takes long.
fn pack(tree: &Path, package: &Path) {
    run(Command::new("dpkg-deb").args(["--root-owner-group", "-Znone", "--build"]).arg(tree).arg(package));
}

/// Packs it by `cargo deb`, as docs/package.md says, but the program that is tested in place of one for release.
fn packed_by_cargo_deb(place: &Path, package: &Path) {
    let target = place.join("target");
    fs::create_dir_all(target.join("release")).unwrap();
    for program in ["siding", "siding-demo"] {
        fs::copy(Siding::binary().with_file_name(program), target.join("release").join(program)).unwrap();
    }
    // Where the metadata look for it, wherever programs are built.
    run(Command::new(root().join("packaging/tree")).arg(Siding::binary()).arg(root().join("target/package")));
    let mut deb = Command::new("cargo");
    deb.current_dir(root()).env("CARGO_TARGET_DIR", target);
    deb.args(["deb", "--package", "siding", "--no-build", "--strip", "--fast", "--output"]);
    run(deb.arg(package));
    let parts = run(Command::new("dpkg-deb").arg("--info").arg(package));
    for part in ["conffiles", "postinst", "prerm", "Version: 0.1.0-1", "Depends: libc6"] {
        assert!(parts.contains(part), "no {part}: {parts}");
    }
}

/// That it has what the page says, that Debian's judge and systemd find no fault with it, and that what is unpacked works.
fn is_whole(place: &Path, package: &Path) -> usize {
    let out = place.join("out");
    run(Command::new("dpkg-deb").arg("-x").arg(package).arg(&out));
    has_no_errors(package);
    let contents = run(Command::new("dpkg-deb").arg("--contents").arg(package));
    let files = has_what_the_page_says(&contents);
    // What is unpacked works.
    let program = out.join("usr/bin/siding");
    run(Command::new(&program).arg("check").arg(out.join("etc/siding/siding.toml")));
    for file in ["firewall.toml", "host.toml", "lagg.toml", "router-advertise.toml"] {
        run(Command::new(&program).arg("check").arg(out.join("usr/share/doc/siding/examples").join(file)));
    }
    assert!(out.join("usr/share/man/man1/siding.1.gz").is_file());
    for page in ["siding.1.gz", "siding-run.1.gz", "siding-reload.1.gz", "siding-config-save.1.gz"] {
        is_set_without_a_warning(&out.join("usr/share/man/man1").join(page));
    }
    run(Command::new("bash").arg("-n").arg(out.join("usr/share/bash-completion/completions/siding")));
    let there = Command::new("systemd-analyze").arg("--version").output().is_ok();
    if !there {
        println!("skipped: the unit was not verified: no systemd-analyze");
    } else {
        let unit = out.join("usr/lib/systemd/system/siding.service");
        let text = fs::read_to_string(&unit).unwrap();
        // Without this system's own units: those that it names may not be here.
        let program = program.to_str().unwrap();
        fs::write(&unit, text.replace("/usr/bin/siding", program)).unwrap();
        let output =
            Command::new("systemd-analyze").args(["verify", "--man=no"]).arg(&unit).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!told.lines().any(|line| line.contains("siding.service")), "{told}");
    }
    files
}

#[test]
fn the_package_is_whole_and_unpacks_to_what_it_says() {
    if !need(&["dpkg-deb", "gzip"]) {
        return;
    }
    let place = Place::new("package");
    let package = place.0.join("siding_0.1.0-1_amd64.deb");
    let files = packed(&place.0, &package);
    assert_eq!(is_whole(&place.0, &package), files);
}

/// Where somebody has it: nothing is fetched for a test.
#[test]
fn cargo_deb_makes_the_same_package() {
    let there = Command::new("cargo").args(["deb", "--version"]).output();
    if !there.is_ok_and(|version| version.status.success()) || !need(&["dpkg-deb", "gzip"]) {
        println!("skipped: no cargo-deb");
        return;
    }
    let place = Place::new("cargo-deb");
    let package = place.0.join("siding_0.1.0-1_amd64.deb");
    packed_by_cargo_deb(&place.0, &package);
    is_whole(&place.0, &package);
}

/// Only the metadata are there of it: they name all that the other package has.
#[test]
fn the_rpm_has_the_same_files() {
    let manifest = fs::read_to_string(root().join("crates/siding/Cargo.toml")).unwrap();
    let manifest: toml::Table = toml::from_str(&manifest).unwrap();
    let metadata = &manifest["package"]["metadata"];
    let deb = metadata["deb"]["assets"].as_array().unwrap().iter();
    let deb = deb.map(|asset| (asset[0].as_str().unwrap(), asset[2].as_str().unwrap()));
    // Debian's alone.
    let deb: Vec<_> = deb.filter(|(source, _)| !source.ends_with("changelog.Debian.gz")).collect();
    let rpm = metadata["generate-rpm"]["assets"].as_array().unwrap().iter();
    let rpm: Vec<_> =
        rpm.map(|asset| (asset["source"].as_str().unwrap(), asset["mode"].as_str().unwrap())).collect();
    assert_eq!(rpm, deb);
}

/// A daemon, and what it tells who has started it as systemd does.
struct Told {
    daemon: Child,
    socket: UnixDatagram,
    control: PathBuf,
    place: Place,
}

impl Told {
    fn start(name: &str) -> Told {
        let told = Told::begin(name, &[]);
        assert_eq!(told.next(20).as_deref(), Some("READY=1"));
        told
    }

    /// Starts it with this in its environment.
    fn begin(name: &str, environment: &[(&str, &str)]) -> Told {
        let place = Place::new(name);
        let path = |name: &str| place.0.join(name);
        let socket = UnixDatagram::bind(path("notify")).unwrap();
        let config = "[stack]\nstop_timeout_ms = 200000\n[[interface]]\nname = \"m0\"\ndriver = \"memory\"\n";
        fs::write(path("a.toml"), config).unwrap();
        // As systemd does: whose watchdog it is stands beside it.
        let mut command = Command::new("sh");
        command.args(["-c", "WATCHDOG_PID=$$ exec \"$0\" \"$@\""]).arg(Siding::binary());
        command.args(["run", "--control"]).arg(path("control")).arg("--run-directory").arg(path("run"));
        command.arg(path("a.toml")).env("NOTIFY_SOCKET", path("notify")).env("WATCHDOG_USEC", "2000000");
        command.envs(environment.iter().copied());
        let daemon = command.spawn().unwrap();
        Told { daemon, socket, control: path("control"), place }
    }

    /// The file that it began with.
    fn config(&self) -> PathBuf {
        self.place.0.join("a.toml")
    }

    /// What comes next, within so many seconds.
    fn next(&self, seconds: u64) -> Option<String> {
        self.socket.set_read_timeout(Some(Duration::from_secs(seconds))).unwrap();
        let mut text = [0; 256];
        let bytes = self.socket.recv(&mut text).ok()?;
        Some(String::from_utf8_lossy(&text[..bytes]).trim().to_owned())
    }

    /// What comes next beside that it is well.
    fn next_but_well(&self) -> Option<String> {
        (0..60).map(|_| self.next(20)).find(|said| said.as_deref() != Some("WATCHDOG=1")).flatten()
    }

    /// Makes a thread panic, or stall; false if this build cannot.
    fn trip(&self, thread: &str, stall: bool) -> bool {
        let mut stream = UnixStream::connect(&self.control).unwrap();
        let request = format!("{{\"request\":\"panic\",\"thread\":\"{thread}\",\"stall\":{stall}}}\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        BufReader::new(stream).read_line(&mut answer).unwrap();
        let can = !answer.contains("not in this build");
        if !can {
            siding_tests::skip("a build for release makes no thread panic or stall");
        }
        can
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        // One that has ended cannot be killed.
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }
}

#[test]
fn systemd_is_told_that_it_is_ready_and_well_and_stopping() {
    let mut told = Told::start("told");
    // Requests are answered by then.
    let mut show = Command::new(Siding::binary());
    run(show.arg("--control").arg(&told.control).args(["show", "interfaces"]));
    for _ in 0..3 {
        assert_eq!(told.next(20).as_deref(), Some("WATCHDOG=1"));
    }
    let pid = rustix::process::Pid::from_child(&told.daemon);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert_eq!(told.next_but_well().as_deref(), Some("STOPPING=1"));
    // As long as the configuration lets it take, and what the kernel is given back after that.
    assert_eq!(told.next(20).as_deref(), Some("EXTEND_TIMEOUT_USEC=210000000"));
    assert!(told.daemon.wait().unwrap().success());
}

#[test]
fn systemd_is_told_when_a_reload_begins_and_ends_and_why_it_failed() {
    let told = Told::start("reloads");
    let pid = rustix::process::Pid::from_child(&told.daemon);
    let file = told.config();
    let text = fs::read_to_string(&file).unwrap();
    for (text, status) in [
        (text.replace("[[interface]]", "[[interfac]]"), "STATUS=the file is not in effect: "),
        (text, "STATUS="),
    ] {
        fs::write(&file, text).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::HUP).unwrap();
        let began = told.next_but_well().unwrap();
        let at = began.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").unwrap_or_else(|| panic!("{began}"));
        assert!(at.parse::<u64>().is_ok_and(|at| at > 0), "{began}");
        let said = told.next_but_well().unwrap();
        assert!(said.starts_with(status) && !said.contains('\n'), "{said}");
        assert_eq!(status == "STATUS=", said == status, "{said}");
        assert_eq!(told.next_but_well().as_deref(), Some("READY=1"));
    }
}

/// Why the file is not in effect is told for as long as that is so, and no longer.
#[test]
fn systemd_is_told_why_a_file_is_not_in_effect_until_one_is() {
    let told = Told::start("status");
    let pid = rustix::process::Pid::from_child(&told.daemon);
    let reload = |words: &[&str]| {
        let mut reload = Command::new(Siding::binary());
        let reload = reload.arg("--control").arg(&told.control).arg("reload").args(words).output().unwrap();
        reload.status.success()
    };
    // What it is told until a reload by a signal has ended, or something else has.
    let hear = || told.next_but_well().unwrap();
    let by_signal = || {
        rustix::process::kill_process(pid, rustix::process::Signal::HUP).unwrap();
        assert!(hear().starts_with("RELOADING=1"));
        let status = hear();
        assert_eq!(hear(), "READY=1");
        status
    };
    let (file, right) = (told.config(), fs::read_to_string(told.config()).unwrap());
    let other = format!("{right}addresses = [\"2001:db8::1/64\"]\n");
    let mistaken = right.replace("driver", "diver");
    fs::write(&file, &mistaken).unwrap();
    assert!(by_signal().contains("missing field `driver`"));
    // Neither who fails again nor who only asks takes it away: nothing else is said before what comes next.
    assert!(!reload(&[]) && !reload(&["--dry-run"]));
    fs::write(&file, &other).unwrap();
    assert!(reload(&["--dry-run"]));
    fs::write(&file, &mistaken).unwrap();
    assert!(by_signal().contains("missing field `driver`"));
    fs::write(&file, &other).unwrap();
    assert!(reload(&["--confirm", "600"]));
    assert_eq!(hear(), "STATUS=");
    // What keeps a file from being read comes to an end: that is why no longer.
    for end in ["confirm", "back"] {
        if end == "back" {
            fs::write(&file, &right).unwrap();
            assert!(reload(&["--confirm", "600"]));
            assert_eq!(hear(), "STATUS=");
        }
        assert!(by_signal().contains("waits to be confirmed"));
        assert!(reload(&[end]));
        let status = hear();
        assert!(status.contains("not in effect") && status.contains("which has ended"), "{status}");
        assert_eq!(by_signal(), "STATUS=");
    }
}

#[test]
fn systemd_is_told_of_an_end_that_nobody_asked_for() {
    let mut told = Told::start("failed");
    if told.trip("worker0", false) {
        assert_eq!(told.next_but_well().as_deref(), Some("STOPPING=1"));
        assert_eq!(told.daemon.wait().unwrap().code(), Some(1));
    }
}

#[test]
fn systemd_is_told_of_the_end_of_a_start_that_met_a_bug() {
    let mut told = Told::begin("start-bug", &[("SIDING_TRIP", "starting")]);
    let first = told.next(20);
    if first.as_deref() == Some("READY=1") {
        assert!(!told.trip("nobody", false), "this build can, and has not");
        return;
    }
    assert_eq!(first.as_deref(), Some("STOPPING=1"));
    assert_eq!(told.daemon.wait().unwrap().code(), Some(1));
}

#[test]
fn systemd_does_not_hear_that_all_is_well_while_a_worker_hangs() {
    let mut told = Told::start("hangs");
    assert_eq!(told.next(20).as_deref(), Some("WATCHDOG=1"));
    if !told.trip("worker0", true) {
        return;
    }
    // One or two may have been under way.
    let silent = (0..5).any(|_| told.next(6).is_none());
    assert!(silent, "it says that it is well, and its worker hangs");
    assert!(told.daemon.try_wait().unwrap().is_none(), "it has ended");
}
