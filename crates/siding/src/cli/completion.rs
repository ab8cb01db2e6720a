//! Completions for shells, and manual pages: made of the grammar itself.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use clap::CommandFactory;
use siding_output as output;

use super::args::Args;
use super::args::Shell;

/// What a shell asks for the names of interfaces; without a daemon there are none.
const NAMES: &str =
    r#"siding show interfaces --json 2>/dev/null | sed -n 's/^    "name": "\([^"]*\)".*/\1/p'"#;

/// Words of the grammar behind which an interface is named. A noun stands before each: `siding set` alone is of protocols.
const BEFORE: [&str; 19] = [
    "dev",
    "--dev",
    "--parent",
    "--interface",
    "--port",
    "attach",
    "detach",
    "set",
    "up",
    "down",
    "restart",
    "start",
    "stop",
    "delete",
    "add-port",
    "remove-port",
    "set-primary",
    "set-mac",
    "flush",
];

/// Writes a script that a shell reads.
pub(super) fn completion(shell: Shell) -> anyhow::Result<ExitCode> {
    output::print(script(shell))?;
    Ok(ExitCode::SUCCESS)
}

fn script(shell: Shell) -> String {
    let (kind, names) = match shell {
        Shell::Bash => (clap_complete::Shell::Bash, bash()),
        Shell::Zsh => (clap_complete::Shell::Zsh, zsh()),
        Shell::Fish => (clap_complete::Shell::Fish, fish()),
    };
    let mut made = Vec::new();
    clap_complete::generate(kind, &mut Args::command(), "siding", &mut made);
    let made = String::from_utf8_lossy(&made);
    match shell {
        // What takes a name there asks for one; and so does, before all, who has a word in front that a name stands behind.
        Shell::Zsh => {
            let asks = |line: &str| {
                let line = line.replace(":NAME:_default", ":NAME:_siding_interfaces");
                let begins = ["_siding \"$@\"", "compdef _siding siding"].contains(&line.trim());
                if begins { line.replacen("_siding", "_siding_or_names", 1) } else { line }
            };
            let lines: Vec<String> = made.lines().map(asks).collect();
            // The first line tells the shell what the file is.
            let (first, rest) =
                lines.split_first().map_or(("", [].as_slice()), |(first, rest)| (first, rest));
            format!("{first}\n{names}{}\n", rest.join("\n"))
        }
        Shell::Bash | Shell::Fish => format!("{made}{names}"),
    }
}

fn bash() -> String {
    let before = BEFORE.join("|");
    format!(
        r#"
_siding_interfaces() {{
    {NAMES}
}}

_siding_with_interfaces() {{
    _siding "$@"
    (( COMP_CWORD > 2 )) && case "${{COMP_WORDS[COMP_CWORD-1]}}" in
        {before})
            # A name is anything: nothing of it is expanded, here or on the line.
            local name quoted
            while IFS= read -r name; do
                if [[ $name == "${{COMP_WORDS[COMP_CWORD]}}"* ]]; then
                    printf -v quoted %q "$name"
                    COMPREPLY+=("$quoted")
                fi
            done < <(_siding_interfaces)
            ;;
    esac
}}

complete -F _siding_with_interfaces -o bashdefault -o default siding
"#
    )
}

fn zsh() -> String {
    let before = BEFORE.join("|");
    format!(
        r#"_siding_interfaces() {{
    compadd -- ${{(f)"$({NAMES})"}}
}}

_siding_or_names() {{
    if (( CURRENT > 3 )) && [[ ${{words[CURRENT-1]}} == ({before}) ]]; then
        _siding_interfaces && return
    fi
    _siding "$@"
}}
"#
    )
}

fn fish() -> String {
    let before = BEFORE.map(|word| format!("'{word}'")).join(" ");
    let mut nouns = String::new();
    chosen(&Args::command(), &mut Vec::new(), &mut nouns);
    format!(
        "\nfunction __siding_interfaces\n    {NAMES}\nend\n\
         function __siding_names_one\n    set -l said (commandline -opc)\n    test (count $said) -gt 2; and contains -- $said[-1] {before}\nend\n\
         complete -c siding -n __siding_names_one -f -a '(__siding_interfaces)'\n\
         function __siding_has_said\n    test (string join ' ' -- (string match -v -- '-*' (commandline -opc)[2..])) = \"$argv\"\nend\n\
         {nouns}"
    )
}

/// Lines for what is chosen of a few words without an option in front, such as what `show` shows: nobody else writes them for
/// fish.
fn chosen<'c>(command: &'c clap::Command, said: &mut Vec<&'c str>, into: &mut String) {
    if let Some(first) = command.get_positionals().next() {
        let values = first.get_possible_values();
        let words: Vec<&str> = values.iter().map(|value| value.get_name()).collect();
        if !words.is_empty() {
            let said = said.join(" ");
            *into +=
                &format!("complete -c siding -n '__siding_has_said {said}' -f -a '{}'\n", words.join(" "));
        }
    }
    for below in command.get_subcommands() {
        said.push(below.get_name());
        chosen(below, said, into);
        said.pop();
    }
}

/// Writes a page for each command.
pub(super) fn man(directory: &Path) -> anyhow::Result<ExitCode> {
    let written = clap_mangen::generate_to(Args::command(), directory);
    written.with_context(|| format!("cannot write pages into {}", directory.display()))?;
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_shell_asks_for_the_names_of_interfaces() {
        for (shell, part) in [
            (Shell::Bash, "complete -F _siding_with_interfaces"),
            (Shell::Zsh, ":NAME:_siding_interfaces"),
            (Shell::Fish, "-a '(__siding_interfaces)'"),
        ] {
            let script = script(shell);
            assert!(script.contains(part) && script.contains("route"), "{shell:?}");
        }
        assert!(script(Shell::Zsh).starts_with("#compdef siding\n"));
    }

    /// A real shell completes with names that a daemon would tell.
    #[test]
    fn bash_completes_names_and_commands() {
        let text = format!(
            "{}\nsiding() {{ printf '[\\n  {{\\n    \"name\": \"eth0\",\\n  {{\\n    \"name\": \"lan\",\\n'; }}\n\
             ask() {{ COMP_WORDS=(\"$@\"); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); COMPREPLY=(); \
             _siding_with_interfaces siding \"${{COMP_WORDS[COMP_CWORD]}}\" \"${{COMP_WORDS[COMP_CWORD-1]}}\"; \
             echo \"${{COMPREPLY[@]}}\"; }}\n\
             ask siding route show dev e\nask siding interface detach ''\nask siding rel\nask siding set ''\n",
            script(Shell::Bash)
        );
        // By a file: it is longer than an argument may be.
        let file = std::env::temp_dir().join(format!("siding-completion-{}", std::process::id()));
        std::fs::write(&file, text).unwrap();
        let output = std::process::Command::new("bash").arg(&file).output();
        std::fs::remove_file(&file).unwrap();
        let told = String::from_utf8(output.unwrap().stdout).unwrap();
        let lines: Vec<&str> = told.lines().collect();
        assert!(lines[0].split(' ').any(|word| word == "eth0"), "{told}");
        assert!(lines[1].contains("eth0") && lines[1].contains("lan"), "{told}");
        assert_eq!(lines[2], "reload", "{told}");
        assert!(!lines[3].contains("eth0"), "behind this one stands no interface: {told}");
    }

    /// What a real shell says to a script, by a file; `None` where there is no such shell.
    fn told(shell: &str, name: &str, text: &str) -> Option<String> {
        let file = std::env::temp_dir().join(format!("siding-completion-{name}-{}", std::process::id()));
        std::fs::write(&file, text).unwrap();
        let output = std::process::Command::new(shell).arg(&file).output();
        std::fs::remove_file(&file).unwrap();
        match output {
            Ok(output) => Some(String::from_utf8_lossy(&output.stdout).into_owned()),
            Err(_) => {
                assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "no {shell}: install it");
                None
            }
        }
    }

    const TWO: &str = "printf '    \"name\": \"eth0\",\\n    \"name\": \"lan\",\\n'";

    #[test]
    fn fish_completes_names_and_nouns() {
        let asks =
            ["siding show rout", "siding interface down ", "siding route show dev e", "siding completion z"];
        let asks: String = asks.iter().map(|ask| format!("complete -C '{ask}'\necho =\n")).collect();
        let text = format!("{}\nfunction siding\n    {TWO}\nend\n{asks}", script(Shell::Fish));
        let Some(told) = told("fish", "fish", &text) else { return };
        let words: Vec<Vec<&str>> = told
            .split("=\n")
            .map(|lines| lines.lines().map(|line| line.split('\t').next().unwrap_or_default()).collect())
            .collect();
        assert_eq!(
            words[..4],
            [vec!["routers", "routes"], vec!["eth0", "lan"], vec!["eth0"], vec!["zsh"]],
            "{told}"
        );
    }

    #[test]
    fn zsh_completes_names_wherever_one_stands() {
        let text = format!(
            "compdef() {{ print compdef $@ }}\n_arguments() {{ print arguments }}\n\
             compadd() {{ shift; print -r -- names $@; [[ -n $1 ]] }}\nsiding() {{ {TWO} }}\n{}\n\
             for line in 'siding interface down ' 'siding route show dev ' 'siding show '; do\n\
             words=(\"${{(@s: :)line}}\"); CURRENT=${{#words}}; _siding_or_names\ndone\nsiding() {{ }}\n\
             words=(siding interface down ''); CURRENT=4; _siding_or_names\n",
            script(Shell::Zsh)
        );
        let Some(told) = told("zsh", "zsh", &text) else { return };
        let lines: Vec<&str> = told.lines().collect();
        // Without a daemon there are no names, and the grammar goes on.
        let expected = ["compdef _siding_or_names siding", "names eth0 lan", "names eth0 lan", "arguments"];
        assert_eq!(lines[..4], expected, "{told}");
        assert_eq!(lines[lines.len() - 2..], ["names", "arguments"], "{told}");
    }

    /// What an interface is called is up to others.
    #[test]
    fn bash_runs_nothing_of_a_name() {
        let text = format!(
            "{}\nsiding() {{ printf '    \"name\": \"$(echo${{IFS}}ran)\",\\n    \"name\": \"`x;*\",\\n'; }}\n\
             COMP_WORDS=(siding interface detach ''); COMP_CWORD=3\n_siding_with_interfaces siding '' detach\n\
             printf '%s\\n' \"${{COMPREPLY[@]}}\"\n",
            script(Shell::Bash)
        );
        let file = std::env::temp_dir().join(format!("siding-completion-quoted-{}", std::process::id()));
        std::fs::write(&file, text).unwrap();
        let output = std::process::Command::new("bash").arg(&file).output();
        std::fs::remove_file(&file).unwrap();
        let output = output.unwrap();
        let told = String::from_utf8(output.stdout).unwrap();
        assert!(told.lines().any(|line| line == r"\$\(echo\$\{IFS\}ran\)"), "{told}");
        assert!(told.lines().any(|line| line == r"\`x\;\*"), "{told}");
        assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
    }

    #[test]
    fn there_is_a_page_for_each_command() {
        let directory = std::env::temp_dir().join(format!("siding-man-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        man(&directory).unwrap();
        let pages: Vec<_> =
            std::fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert!(pages.len() > 50, "{}", pages.len());
        for page in &pages {
            let text = std::fs::read_to_string(page).unwrap();
            assert!(text.contains(".SH NAME") && text.contains(".SH SYNOPSIS"), "{}", page.display());
        }
        std::fs::remove_dir_all(directory).unwrap();
    }
}
