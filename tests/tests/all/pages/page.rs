//! A page, as its reader takes it: files to write, and commands with their answers.
//!
//! ````text
//! <!-- machines
//! wire router.eth0 provider.eth0
//! provider# ip address add 2001:db8::1/64 dev eth0 nodad
//! -->
//!
//! ```toml edge.toml          a file of that name, beside the reader
//! ```console                 commands: `MACHINE# COMMAND`, and what they answer; a line `...` stands for any lines
//! router# siding check edge.toml
//! ```
//! ````

/// Something that the reader does, in the order of the page.
#[derive(Debug)]
pub(super) enum Step {
    /// A file is written.
    File { name: String, text: String },
    /// A command is given on a machine.
    Command(Command),
}

#[derive(Debug)]
pub(super) struct Command {
    pub machine: String,
    pub line: String,
    /// What the page says it answers.
    pub answer: Vec<String>,
    /// The lines of the page that the answer takes.
    pub place: std::ops::Range<usize>,
}

#[derive(Debug, Default)]
pub(super) struct Page {
    /// Both ends of each wire: machine and interface.
    pub wires: Vec<[(String, String); 2]>,
    /// What is done on the machines before the reader comes.
    pub before: Vec<Command>,
    pub steps: Vec<Step>,
}

/// Reads a page.
///
/// # Panics
/// If it is not written as above.
pub(super) fn read(text: &str) -> Page {
    let mut page = Page::default();
    let mut lines = text.lines().enumerate();
    while let Some((_, line)) = lines.next() {
        if line == "<!-- machines" {
            for (number, line) in lines.by_ref().take_while(|(_, line)| *line != "-->") {
                match line.strip_prefix("wire ") {
                    Some(ends) => page.wires.push(wire(ends)),
                    None => {
                        page.before.push(prompt(line, number).unwrap_or_else(|| panic!("no prompt: {line}")))
                    }
                }
            }
        } else if let Some(info) = line.strip_prefix("```").filter(|info| !info.is_empty()) {
            let block: Vec<(usize, &str)> = lines.by_ref().take_while(|(_, line)| *line != "```").collect();
            match info.split_once(' ') {
                Some((_, name)) => {
                    page.steps.push(Step::File { name: name.to_owned(), text: joined(&block) })
                }
                None if info == "console" => {
                    page.steps.extend(commands(&block).into_iter().map(Step::Command))
                }
                None => {}
            }
        }
    }
    page
}

fn joined(block: &[(usize, &str)]) -> String {
    block.iter().flat_map(|(_, line)| [*line, "\n"]).collect()
}

fn wire(ends: &str) -> [(String, String); 2] {
    let (left, right) = ends.split_once(' ').unwrap_or_else(|| panic!("a wire has two ends: {ends}"));
    [left, right].map(|end| {
        let (machine, interface) =
            end.split_once('.').unwrap_or_else(|| panic!("MACHINE.INTERFACE, not {end}"));
        (machine.to_owned(), interface.to_owned())
    })
}

fn commands(block: &[(usize, &str)]) -> Vec<Command> {
    let mut all: Vec<Command> = Vec::new();
    for (number, line) in block {
        match (prompt(line, *number), all.last_mut()) {
            (Some(command), _) => all.push(command),
            (None, Some(command)) => {
                command.answer.push((*line).to_owned());
                command.place.end = number + 1;
            }
            (None, None) => panic!("a block begins with a prompt, not with {line}"),
        }
    }
    all
}

fn prompt(line: &str, number: usize) -> Option<Command> {
    let (machine, command) = line.split_once("# ")?;
    if machine.is_empty() || !machine.chars().all(|c| c.is_ascii_alphanumeric()) {
        return None;
    }
    Some(Command {
        machine: machine.to_owned(),
        line: command.to_owned(),
        answer: Vec::new(),
        place: number + 1..number + 1,
    })
}
