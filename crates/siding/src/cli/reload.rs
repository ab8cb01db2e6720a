//! `siding reload` and `siding config`.

use std::ffi::OsString;
use std::fs::File;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use anyhow::bail;
use clap::Args as ClapArgs;
use clap::Subcommand;
use siding_output as output;

use crate::control::Answer;
use crate::control::Client;
use crate::control::ConfigRow;
use crate::control::FileText;
use crate::control::ReloadRequest;
use crate::control::ReloadRow;
use crate::control::Request;
use crate::control::SavedRow;

#[derive(Debug, ClapArgs)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct ReloadArgs {
    #[command(subcommand)]
    command: Option<ReloadCommand>,
    /// Configuration, in TOML [default: the file that the daemon was started with]
    #[arg(value_name = "FILE.toml")]
    file: Option<PathBuf>,
    /// Tell what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Go back after so many seconds, unless `siding reload confirm` comes before
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    confirm: Option<u64>,
    /// As JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum ReloadCommand {
    /// Keep what was loaded last. Example: siding reload confirm
    Confirm,
    /// Go back to what ran before it, without waiting. Example: siding reload back
    Back,
}

#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// What runs, as a file that would make it again. Example: siding config show
    Show {
        /// As JSON: the file, and what it cannot say
        #[arg(long)]
        json: bool,
    },
    /// What a reload would change. Example: siding config diff examples/host.toml
    Diff {
        /// Configuration, in TOML [default: the file that the daemon was started with]
        #[arg(value_name = "FILE.toml")]
        file: Option<PathBuf>,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Write what runs into a file; what stood there is kept beside it as FILE~, or FILE.~2~ and so on. Example: siding
    /// config save
    Save {
        /// [default: the file that the daemon was started with]
        #[arg(value_name = "FILE.toml")]
        file: Option<PathBuf>,
        /// Also if what the file says of the next start would be lost, or a reload waits to be confirmed
        #[arg(long)]
        force: bool,
        /// Tell as JSON where it is now, and where what stood there is kept
        #[arg(long)]
        json: bool,
    },
}

/// So many old files are kept beside a file.
const KEPT: u32 = 999;

pub(super) fn reload(client: &mut Client, args: ReloadArgs) -> anyhow::Result<ExitCode> {
    let ReloadArgs { command, file, dry_run, confirm, json } = args;
    let request = match command {
        Some(ReloadCommand::Confirm) => ReloadRequest::Confirm {},
        Some(ReloadCommand::Back) => ReloadRequest::Back {},
        None => ReloadRequest::Load { file: file.map(read).transpose()?, dry_run, confirm_s: confirm },
    };
    if let Answer::Reload(row) = client.ask(&Request::Reload(request))? {
        output::print(told(&row, json)?)?;
        if let Some(seconds) = confirm.filter(|_| !json && !dry_run && !row.steps.is_empty()) {
            output::line(format_args!("goes back in {seconds} s, unless: siding reload confirm"))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) fn config(client: &mut Client, command: ConfigCommand) -> anyhow::Result<ExitCode> {
    match command {
        ConfigCommand::Show { json: true } => {
            output::line(serde_json::to_string_pretty(&running(client)?)?)?;
        }
        ConfigCommand::Show { json: false } => output::print(noted(&running(client)?))?,
        ConfigCommand::Diff { file, json } => {
            let request =
                ReloadRequest::Load { file: file.map(read).transpose()?, dry_run: true, confirm_s: None };
            let Answer::Reload(row) = client.ask(&Request::Reload(request))? else {
                bail!("the daemon answers something else");
            };
            output::print(told(&row, json)?)?;
        }
        ConfigCommand::Save { file, force, json } => {
            let row = running(client)?;
            let text = noted(&row);
            let file = file.unwrap_or(row.file);
            if let Some(waits) = row.waits.filter(|_| !force) {
                bail!("{waits}: save when that is over, or now with --force");
            }
            no_device(&file)?;
            if !force && file.exists() {
                loses_nothing(client, &file)?;
            }
            let kept = save(&file, &text)?;
            if json {
                output::line(serde_json::to_string_pretty(&SavedRow { file, kept })?)?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// What is of the start is saved as it was at the start: a file that says otherwise by now is not overwritten.
fn loses_nothing(client: &mut Client, file: &Path) -> anyhow::Result<()> {
    let shown = file.display();
    let request = ReloadRequest::Load { file: Some(read(file.to_owned())?), dry_run: true, confirm_s: None };
    let compared = client.ask(&Request::Reload(request)).with_context(|| {
        format!(
            "{shown} is there and cannot be compared with what runs: save with --force, or into another file"
        )
    })?;
    match compared {
        Answer::Reload(row) if row.later.is_empty() => Ok(()),
        Answer::Reload(row) => bail!(
            "{shown} says what holds from the next start on, and would lose it ({}): start again first, save into another file, \
             or save with --force",
            row.later.join("; ")
        ),
        _ => bail!("the daemon answers something else"),
    }
}

/// What runs.
fn running(client: &mut Client) -> anyhow::Result<ConfigRow> {
    match client.ask(&Request::Reload(ReloadRequest::Show {}))? {
        Answer::Config(row) => Ok(row),
        _ => bail!("the daemon answers something else"),
    }
}

/// The file, with what it cannot say above.
fn noted(ConfigRow { text, left_out, waits, .. }: &ConfigRow) -> String {
    let noted = waits.iter().map(|waits| format!("# {waits}\n"));
    let left_out = left_out.iter().map(|what| format!("# Left out: {what}\n"));
    noted.chain(left_out).chain([text.clone()]).collect()
}

/// Whole or not at all. What was there is kept: where, is the answer.
#[expect(clippy::disallowed_methods, reason = "somebody waits who wants to find it after a power cut")]
fn save(path: &Path, text: &str) -> anyhow::Result<Option<PathBuf>> {
    // Where a link leads to: the link stays.
    let path = &path.canonicalize().unwrap_or_else(|_| path.to_owned());
    no_device(path)?;
    let beside = |mark: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(mark);
        PathBuf::from(name)
    };
    let new = beside(".new");
    let what = || format!("cannot write {}", new.display());
    // There may be secrets in it: nobody else reads it unless that was so before.
    // What is left of a save that was cut short goes: nothing is written through what somebody has put there.
    let _ = std::fs::remove_file(&new);
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new);
    let file = made
        .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map(|()| file))
        .with_context(what)?;
    let mut kept = None;
    if let Ok(before) = std::fs::metadata(path) {
        // The owner first, who may then have more or fewer rights.
        let owned = std::os::unix::fs::fchown(&file, Some(before.uid()), Some(before.gid()));
        owned.and_then(|()| file.set_permissions(before.permissions())).with_context(what)?;
        kept = Some(keep(path, &beside)?);
    }
    std::fs::rename(&new, path)
        // Whoever loses power now finds the one or the other, and FILE~ with it.
        .and_then(|()| File::open(path.parent().unwrap_or(Path::new("/")))?.sync_all())
        .with_context(|| format!("cannot write {}", path.display()))?;
    Ok(kept)
}

/// What is there may be replaced: a device or a pipe, which others use by that name, may not.
fn no_device(path: &Path) -> anyhow::Result<()> {
    if std::fs::metadata(path).is_ok_and(|there| !there.is_file()) {
        bail!(
            "{} is no file, and stays what it is: `siding config show` writes to standard output",
            path.display()
        );
    }
    Ok(())
}

/// Keeps a file beside itself, under a name that nothing has, which is the answer.
#[expect(clippy::disallowed_methods, reason = "as above")]
fn keep(path: &Path, beside: &dyn Fn(&str) -> PathBuf) -> anyhow::Result<PathBuf> {
    let marks = std::iter::once("~".to_owned()).chain((2..=KEPT).map(|count| format!(".~{count}~")));
    for old in marks.map(|mark| beside(&mark)) {
        let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&old);
        match made {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            made => {
                return made
                    .and_then(|_| std::fs::copy(path, &old))
                    .and_then(|_| File::open(&old)?.sync_all())
                    .with_context(|| format!("cannot keep the old file as {}", old.display()))
                    .map(|()| old);
            }
        }
    }
    bail!("{KEPT} old files are kept beside {} already: remove some", path.display())
}

fn read(path: PathBuf) -> anyhow::Result<FileText> {
    let text = crate::read::whole(&path).with_context(|| format!("cannot read {}", path.display()))?;
    // What it names is beside it, wherever the daemon is.
    let path = std::path::absolute(&path).with_context(|| format!("no file {}", path.display()))?;
    Ok(FileText { path, text })
}

fn told(row: &ReloadRow, json: bool) -> anyhow::Result<String> {
    if json {
        return Ok(serde_json::to_string_pretty(row)? + "\n");
    }
    let steps = row.steps.iter().map(|step| format!("{step}\n"));
    let later = row.later.iter().map(|later| format!("! {later}, at the next start only\n"));
    let all: String = steps.chain(later).collect();
    let waits: String = row.waits.iter().map(|waits| format!("! {waits}\n")).collect();
    Ok(if all.is_empty() { "nothing changes\n".to_owned() + &waits } else { all + &waits })
}

/// A word behind `reload` that is a file's name or a command cut short, and who knows which: what to write instead.
pub(super) fn which_is_meant(args: &[OsString]) -> Option<String> {
    let words = args.iter().skip(1).map(|arg| arg.to_string_lossy());
    let mut words = words.skip_while(|word| word.starts_with('-') || word.contains('/'));
    let is_reload = |word: &str| word.len() >= 2 && "reload".starts_with(word);
    words.next().filter(|word| is_reload(word))?;
    let word = words.find(|word| !word.starts_with('-'))?;
    let command = ["confirm", "back"].into_iter().find(|command| command.starts_with(&*word))?;
    (*word != *command && !word.is_empty()).then(|| {
        format!(
            "`reload {word}`: for the file write ./{word}, for the command write `siding reload {command}`"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meant(line: &str) -> Option<String> {
        let words: Vec<OsString> = line.split_whitespace().map(OsString::from).collect();
        which_is_meant(&words)
    }

    #[test]
    fn a_file_is_not_taken_for_a_command() {
        for line in ["siding reload conf", "siding rel b", "siding --control /run/x.sock reload --dry-run co"]
        {
            assert!(meant(line).unwrap().contains("write ./"), "{line}");
        }
        for line in [
            "siding reload confirm",
            "siding reload back",
            "siding reload ./conf",
            "siding reload conf.toml",
            "siding reload",
            "siding reload --confirm 60",
            "siding show conf",
        ] {
            assert_eq!(meant(line), None, "{line}");
        }
    }

    #[test]
    fn a_link_stays_and_nothing_is_written_through_one_that_was_planted() {
        let directory = std::env::temp_dir().join(format!("siding-links-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let [link, file, other] = ["link.toml", "file.toml", "other"].map(|name| directory.join(name));
        std::fs::write(&file, "before").unwrap();
        std::fs::write(&other, "other").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        std::os::unix::fs::symlink(&other, directory.join("file.toml.new")).unwrap();
        std::os::unix::fs::symlink(&other, directory.join("link.toml.new")).unwrap();
        save(&link, "after").unwrap();
        assert!(link.is_symlink() && !file.is_symlink());
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "after");
        assert_eq!(std::fs::read_to_string(&other).unwrap(), "other");
        std::fs::remove_dir_all(directory).unwrap();
    }

    /// Of a version that replaced it, root would have had a file with a configuration in the place of the device.
    #[test]
    fn what_is_no_file_stays_what_it_is() {
        let pipe = std::env::temp_dir().join(format!("siding-save-pipe-{}", std::process::id()));
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, mode, 0).unwrap();
        for path in [&pipe, &std::env::temp_dir()] {
            assert!(save(path, "text").unwrap_err().to_string().contains("is no file"));
            assert!(!path.is_file());
        }
        std::fs::remove_file(pipe).unwrap();
    }

    #[test]
    fn whatever_was_saved_before_is_kept() {
        let directory = std::env::temp_dir().join(format!("siding-save-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let path = directory.join("a.toml");
        for text in ["first", "second", "third", "fourth"] {
            save(&path, text).unwrap();
        }
        let kept = |name: &str| std::fs::read_to_string(directory.join(name)).unwrap();
        assert_eq!(
            ["a.toml", "a.toml~", "a.toml.~2~", "a.toml.~3~"].map(kept),
            ["fourth", "first", "second", "third"]
        );
        std::fs::remove_dir_all(directory).unwrap();
    }
}
