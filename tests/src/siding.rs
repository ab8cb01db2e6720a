//! The `siding` daemon at work inside a host.

use std::env;
use std::fs;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use crate::Finished;
use crate::Host;
use crate::Lab;
use crate::Running;
use crate::fresh;
use crate::wait_for;

/// Names the binary to test, instead of building it.
const BINARY_VARIABLE: &str = "SIDING_BIN";

/// How long the daemon may take until it listens, and until it has ended.
const PATIENCE: Duration = Duration::from_secs(20);

/// In a configuration, stands for the path of the control socket.
const CONTROL_PLACE: &str = "{control}";

/// A `siding` daemon. Dropping it kills it; [`stop`](Self::stop) is the way to see that it ends well.
#[derive(Debug)]
pub struct Siding {
    running: Running,
    config: PathBuf,
    control: PathBuf,
}

impl Siding {
    /// Starts the daemon inside `host` as `siding <arguments> <configuration file>`, and waits until it takes
    /// connections on its control socket. `{control}` in `config` and in `arguments` is replaced by that socket's
    /// path, which is short enough for one and in the laboratory's own directory.
    ///
    /// The binary is the one that `SIDING_BIN` names, or else built beside the test with the same profile.
    ///
    /// # Panics
    /// If the daemon ends or does not listen in time, with all that it wrote.
    #[must_use]
    pub fn start(lab: &Lab, host: &Host, arguments: &[&str], config: &str) -> Self {
        let control = lab.directory().join(format!("{}.sock", host.name()));
        let path = lab.directory().join(format!("{}.toml", host.name()));
        let with_control = |text: &str| text.replace(CONTROL_PLACE, &control.to_string_lossy());
        fs::write(&path, with_control(config))
            .unwrap_or_else(|e| panic!("cannot write {}: {e}", path.display()));
        let mut command = Command::new(binary());
        command.args(arguments.iter().map(|argument| with_control(argument))).arg(&path);
        let mut running = host.start_command(&mut command);
        wait_for("the daemon's control socket", PATIENCE, || {
            let ended = running.try_wait();
            assert!(ended.is_none(), "the daemon ended while it started: {running}");
            // A socket that is merely there may be one that nobody listens on yet.
            UnixStream::connect(&control).ok().map(drop)
        });
        Self { running, config: path, control }
    }

    /// Ends the daemon by SIGTERM and checks that it exits with status 0.
    ///
    /// # Panics
    /// If it does not end in time, or with another status, with all that it wrote.
    pub fn stop(self) -> Finished {
        let finished = self.running.stop(PATIENCE);
        assert!(finished.succeeded(), "the daemon did not end well: {finished}");
        finished
    }

    /// The daemon's process, for signals and for what it has written.
    pub fn process(&mut self) -> &mut Running {
        &mut self.running
    }

    /// What it has logged so far.
    #[must_use]
    pub fn log(&self) -> String {
        self.running.stderr()
    }

    /// Its configuration file, to be changed before a reload.
    #[must_use]
    pub fn config(&self) -> &Path {
        &self.config
    }

    /// Its control socket.
    #[must_use]
    pub fn control(&self) -> &Path {
        &self.control
    }

    /// The program itself, for its command line (`Command::new(Siding::binary())`).
    ///
    /// # Panics
    /// If it is not there and cannot be built.
    #[must_use]
    pub fn binary() -> &'static Path {
        binary()
    }
}

/// Looked for once in a process. `cargo test --workspace` has built it with everything else. Cargo is asked if it is
/// not there, or older than what it is made of: for this package alone it would build it, and half of what it depends
/// on, once more with fewer features.
fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        if let Some(path) = env::var_os(BINARY_VARIABLE) {
            let path = PathBuf::from(path);
            assert!(path.is_file(), "{BINARY_VARIABLE} names {}, which is no file", path.display());
            return path;
        }
        // The test is target/<profile>/deps/<test>.
        let test = env::current_exe().unwrap_or_else(|e| panic!("where is this test? {e}"));
        let profile =
            test.ancestors().nth(2).unwrap_or_else(|| panic!("odd place for a test: {}", test.display()));
        let path = profile.join("siding");
        // The program beside it, which it hands the demonstration over to, is built with it.
        let is_fresh = |name: &str, without: &[&str]| fresh(&profile.join(name), &made_of(without));
        if !(is_fresh("siding", &["demo", "sim"]) && is_fresh("siding-demo", &["siding", "top"])) {
            build(profile);
        }
        assert!(path.is_file(), "no {} after its build; set {BINARY_VARIABLE}", path.display());
        path
    })
}

/// What a program is made of, and more: the crates but `without`, what they include of other directories, and what says how they
/// are built.
fn made_of(without: &[&str]) -> Vec<PathBuf> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(1).unwrap_or(Path::new("/"));
    let crates = std::fs::read_dir(workspace.join("crates")).into_iter().flatten().flatten();
    let crates = crates.filter(|krate| without.iter().all(|name| krate.file_name() != *name));
    let others = ["docs", "examples", "packaging", "Cargo.toml", "Cargo.lock"];
    crates.map(|krate| krate.path()).chain(others.map(|name| workspace.join(name))).collect()
}

fn build(profile_directory: &Path) {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--quiet", "--package", "siding", "--package", "siding-demo", "--bins"]);
    cargo.current_dir(env!("CARGO_MANIFEST_DIR"));
    if profile_directory.file_name().is_some_and(|name| name == "release") {
        cargo.arg("--release");
    }
    if let Some(target) = profile_directory.parent() {
        cargo.arg("--target-dir").arg(target);
    }
    match cargo.output() {
        Ok(output) if output.status.success() => {}
        Ok(output) => {
            panic!("cannot build siding with {cargo:?}:\n{}", String::from_utf8_lossy(&output.stderr));
        }
        Err(error) => panic!("cannot run {cargo:?}: {error}; set {BINARY_VARIABLE} to the siding binary"),
    }
}
