//! `siding reload` and `siding config`.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use anyhow::bail;
use clap::Args as ClapArgs;
use clap::Subcommand;

use crate::control::Answer;
use crate::control::Client;
use crate::control::FileText;
use crate::control::ReloadRequest;
use crate::control::ReloadRow;
use crate::control::Request;
use crate::output;

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
    Show,
    /// What a reload would change. Example: siding config diff examples/host.toml
    Diff {
        /// Configuration, in TOML [default: the file that the daemon was started with]
        #[arg(value_name = "FILE.toml")]
        file: Option<PathBuf>,
    },
    /// Write what runs into a file; what stood there is kept beside it as FILE~. Example: siding config save
    Save {
        /// [default: the file that the daemon was started with]
        #[arg(value_name = "FILE.toml")]
        file: Option<PathBuf>,
    },
}

pub(super) fn reload(client: &mut Client, args: ReloadArgs) -> anyhow::Result<ExitCode> {
    let ReloadArgs { command, file, dry_run, confirm } = args;
    let request = match command {
        Some(ReloadCommand::Confirm) => ReloadRequest::Confirm {},
        Some(ReloadCommand::Back) => ReloadRequest::Back {},
        None => ReloadRequest::Load { file: file.map(read).transpose()?, dry_run, confirm_s: confirm },
    };
    if let Answer::Reload(row) = client.ask(&Request::Reload(request))? {
        output::print(told(&row))?;
        if let Some(seconds) = confirm.filter(|_| !dry_run && !row.steps.is_empty()) {
            output::line(format_args!("goes back in {seconds} s, unless: siding reload confirm"))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) fn config(client: &mut Client, command: ConfigCommand) -> anyhow::Result<ExitCode> {
    match command {
        ConfigCommand::Show => {
            let (text, _) = running(client)?;
            output::print(text)?;
        }
        ConfigCommand::Diff { file } => {
            let request =
                ReloadRequest::Load { file: file.map(read).transpose()?, dry_run: true, confirm_s: None };
            let Answer::Reload(row) = client.ask(&Request::Reload(request))? else {
                bail!("the daemon answers something else");
            };
            output::print(told(&row))?;
        }
        ConfigCommand::Save { file } => {
            let (text, own) = running(client)?;
            save(&file.unwrap_or(own), &text)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// What runs, and the file that the run began with.
fn running(client: &mut Client) -> anyhow::Result<(String, PathBuf)> {
    let Answer::Config { text, left_out, file } = client.ask(&Request::Reload(ReloadRequest::Show {}))?
    else {
        bail!("the daemon answers something else");
    };
    let notes: String =
        left_out.iter().map(|name| format!("# {name} is left out: what it lies on is not there\n")).collect();
    Ok((notes + &text, file))
}

/// Whole or not at all, and what was there is kept.
fn save(path: &Path, text: &str) -> anyhow::Result<()> {
    let beside = |mark: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(mark);
        PathBuf::from(name)
    };
    let (new, old) = (beside(".new"), beside("~"));
    let what = || format!("cannot write {}", new.display());
    // There may be secrets in it: nobody else reads it unless that was so before.
    let made = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new);
    made.and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()))
        .with_context(what)?;
    if let Ok(before) = std::fs::metadata(path) {
        std::fs::set_permissions(&new, before.permissions())?;
        std::fs::copy(path, &old)
            .with_context(|| format!("cannot keep the old file as {}", old.display()))?;
    }
    std::fs::rename(&new, path).with_context(|| format!("cannot write {}", path.display()))
}

fn read(path: PathBuf) -> anyhow::Result<FileText> {
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(FileText { path, text })
}

fn told(row: &ReloadRow) -> String {
    let steps = row.steps.iter().map(|step| format!("{step}\n"));
    let later = row.later.iter().map(|later| format!("! {later}, at the next start only\n"));
    let all: String = steps.chain(later).collect();
    if all.is_empty() { "nothing changes\n".into() } else { all }
}
