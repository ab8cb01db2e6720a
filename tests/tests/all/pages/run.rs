//! Working through a page.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::Command as Process;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use siding_tests::Host;
use siding_tests::Lab;
use siding_tests::Ovs;
use siding_tests::Running;
use siding_tests::Siding;
use siding_tests::wait_for;

use super::page;
use super::page::Command;
use super::page::Step;
use super::same::same;

/// A reader looks again when an answer is not there yet; so long.
const PATIENCE: Duration = Duration::from_secs(20);

/// Works through `docs/tasks/<name>.md`.
///
/// # Panics
/// If a command does not answer what the page shows, unless `SIDING_BLESS` asks to write it there.
pub(super) fn work_through(lab: &Lab, name: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("../docs/tasks/{name}.md"));
    let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let page = page::read(&text);
    assert!(page.steps.len() > 1, "{name} has nothing to do");
    let mut machines = BTreeMap::new();
    for [left, right] in &page.wires {
        for (machine, _) in [left, right] {
            machines.entry(machine.clone()).or_insert_with(|| lab.host(machine));
        }
        lab.wire(&machines[&left.0], &left.1, &machines[&right.0], &right.1);
    }
    let mut reader = Reader { lab, machines: &machines, running: Vec::new() };
    let mut switches = BTreeMap::new();
    for command in &page.before {
        let Some(arguments) = command.line.strip_prefix("ovs-vsctl ") else {
            let answer = reader.give(command);
            assert!(answer.is_empty(), "{}: {answer:?}", command.line);
            continue;
        };
        if !switches.contains_key(&command.machine) {
            let Some(switch) = Ovs::start(lab, &machines[&command.machine]) else { return };
            switches.insert(command.machine.clone(), switch);
        }
        switches[&command.machine].vsctl(&arguments.split_whitespace().collect::<Vec<_>>());
    }
    let mut now: Vec<String> = text.lines().map(str::to_owned).collect();
    let mut moved = 0isize;
    for step in &page.steps {
        match step {
            Step::File { name, text } => fs::write(lab.directory().join(name), text).unwrap(),
            Step::Command(command) => {
                let answer = reader.give(command);
                if same(&command.answer, &answer) {
                    continue;
                }
                assert!(
                    env::var_os("SIDING_BLESS").is_some(),
                    "{name}, line {}: {}# {}\n--- the page shows ---\n{}\n--- the answer ---\n{}\n---\n{}",
                    command.place.start,
                    command.machine,
                    command.line,
                    command.answer.join("\n"),
                    answer.join("\n"),
                    reader.logs(),
                );
                let place = |at: usize| at.checked_add_signed(moved).unwrap();
                let range = place(command.place.start)..place(command.place.end);
                moved += isize::try_from(answer.len()).unwrap() - isize::try_from(range.len()).unwrap();
                now.splice(range, answer);
            }
        }
    }
    if moved != 0 || env::var_os("SIDING_BLESS").is_some() {
        fs::write(&path, now.join("\n") + "\n").unwrap();
    }
}

struct Reader<'a> {
    lab: &'a Lab,
    machines: &'a BTreeMap<String, Host>,
    running: Vec<Running>,
}

impl Reader<'_> {
    /// Gives a command, and returns what it answers. One that only looks is given again until it answers as the page
    /// shows: addresses are tested before they are used, and neighbours take a moment to be found.
    fn give(&mut self, command: &Command) -> Vec<String> {
        if let Some(line) = command.line.strip_suffix(" &") {
            let running = self.start(&command.machine, line);
            self.running.push(running);
            if line.starts_with("siding run") {
                let socket = self.socket(&command.machine);
                wait_for("the daemon's control socket", PATIENCE, || {
                    UnixStream::connect(&socket).ok().map(drop)
                });
            }
            return Vec::new();
        }
        let deadline = Instant::now() + PATIENCE;
        loop {
            let finished = self.start(&command.machine, &command.line).finish(PATIENCE * 3);
            let answer: Vec<String> =
                (finished.stdout + &finished.stderr).lines().map(|line| line.trim_end().to_owned()).collect();
            if same(&command.answer, &answer) || !only_looks(&command.line) || Instant::now() > deadline {
                return answer;
            }
            thread::sleep(Duration::from_millis(250));
        }
    }

    fn start(&self, machine: &str, line: &str) -> Running {
        let host = self.machines.get(machine).unwrap_or_else(|| panic!("no machine is called {machine}"));
        let programs = Siding::binary().parent().unwrap();
        let path = env::join_paths(
            std::iter::once(programs.to_owned())
                .chain(env::split_paths(&env::var_os("PATH").unwrap_or_default())),
        );
        let mut shell = Process::new("/bin/sh");
        // `exec`, for a signal to the shell is meant for the program.
        shell.args(["-c", &format!("exec {line}")]).current_dir(self.lab.directory());
        shell.env("PATH", path.unwrap()).env("SIDING_CONTROL", self.socket(machine)).env("LC_ALL", "C");
        host.start_command(&mut shell)
    }

    fn socket(&self, machine: &str) -> PathBuf {
        self.lab.directory().join(format!("{machine}.sock"))
    }

    fn logs(&self) -> String {
        self.running.iter().map(ToString::to_string).collect()
    }
}

impl Drop for Reader<'_> {
    /// A page need not end what it began.
    fn drop(&mut self) {
        for running in self.running.drain(..).rev() {
            let _ = running.stop(PATIENCE);
        }
    }
}

fn only_looks(line: &str) -> bool {
    let words: Vec<&str> = line.split_whitespace().collect();
    words.contains(&"show")
        || words.contains(&"get")
        || words.first().is_some_and(|word| word.starts_with("ping"))
}
