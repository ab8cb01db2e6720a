//! A configuration in the place of the one that runs: planned, applied as one step, and taken back unless it is confirmed.
//!
//! # Locks
//!
//! `changes` is held for reading by each request that changes something, and for writing by a reload: nobody changes
//! what it compares with, and it may wait for departures. Requests that only look go on meanwhile. `pending` is held for
//! moments.
//!
//! # Teardown
//!
//! A reload that nobody has confirmed is as it is when the daemon stops: the next start takes the file as it is then.

use std::path::Path;
use std::path::PathBuf;
use std::sync::PoisonError;
use std::sync::RwLockWriteGuard;
use std::sync::TryLockError;
use std::time::Duration;
use std::time::Instant;

use anyhow::bail;
use toml::Table;
use toml::Value;

use super::running::Loaded;
use super::state::Daemon;
use super::state::Free;
use super::state::lock;
use crate::config::Config;
use crate::control::Answer;
use crate::control::ReloadRequest;
use crate::control::ReloadRow;
use crate::setting::Any;
use crate::setting::plan::Plan;

/// What is gone back to unless somebody confirms what came after it.
#[derive(Debug)]
pub(super) struct Pending {
    until: Instant,
    before: Vec<Any>,
    said: Loaded,
}

impl Daemon {
    pub(super) fn ask_reload(&self, ctx: &mut Free<'_>, request: ReloadRequest) -> anyhow::Result<Answer> {
        let _alone = self.changes.write().unwrap_or_else(PoisonError::into_inner);
        Ok(match request {
            ReloadRequest::Show {} => {
                let (text, left_out) = self.as_file()?;
                Answer::Config { text, left_out, file: self.file.clone() }
            }
            ReloadRequest::Load { file, dry_run, confirm_s } => {
                let path = file.as_ref().map_or(&self.file, |file| &file.path);
                let text = match &file {
                    Some(file) => file.text.clone(),
                    None => read(path)?,
                };
                Answer::Reload(self.reload(ctx, path, &text, dry_run, confirm_s.map(Duration::from_secs))?)
            }
            ReloadRequest::Confirm {} => {
                if lock(&self.pending).take().is_none() {
                    bail!("nothing waits to be confirmed");
                }
                self.log.command(format_args!("the reload is confirmed"));
                Answer::Done
            }
            ReloadRequest::Back {} => {
                let Some(pending) = lock(&self.pending).take() else {
                    bail!("nothing waits to be confirmed, so there is nothing to go back to");
                };
                self.go_back(ctx, pending)?;
                Answer::Done
            }
        })
    }

    /// Reads the file again that the run began with, because a signal says so.
    /// False if somebody changes something at this moment: to be tried again, as the main thread waits for nobody.
    pub(super) fn reload_file(&self, ctx: &mut Free<'_>) -> bool {
        let Some(_alone) = self.alone() else { return false };
        let reloaded = read(&self.file).and_then(|text| self.reload(ctx, &self.file, &text, false, None));
        match reloaded {
            Ok(row) if row.steps.is_empty() && row.later.is_empty() => {
                tracing::info!("{}: nothing has changed", self.file.display());
            }
            Ok(row) => {
                row.later.iter().for_each(|later| tracing::warn!("not before the next start: {later}"))
            }
            Err(error) => tracing::error!("nothing is changed: {error:#}"),
        }
        true
    }

    /// Goes back, if the time for a confirmation has passed.
    pub(super) fn go_back_in_time(&self, ctx: &mut Free<'_>) {
        // If somebody changes something at this moment, it is tried again.
        let Some(_alone) = self.alone() else { return };
        let late = lock(&self.pending).take_if(|pending| pending.until <= Instant::now());
        let Some(pending) = late else { return };
        tracing::warn!("the reload was not confirmed: going back");
        if let Err(error) = self.go_back(ctx, pending) {
            tracing::error!("going back: {error:#}");
        }
    }

    /// To be called with `changes` held.
    fn go_back(&self, ctx: &mut Free<'_>, pending: Pending) -> anyhow::Result<()> {
        let running = lock(&self.running).clone();
        let plan = Plan::new(&running, &pending.before);
        self.take_steps(ctx, &plan)?;
        *lock(&self.running) = pending.before;
        *lock(&self.said) = pending.said;
        self.log.command(format_args!("back to what ran before"));
        Ok(())
    }

    /// To be called with `changes` held.
    fn reload(
        &self,
        ctx: &mut Free<'_>,
        path: &Path,
        text: &str,
        dry_run: bool,
        confirm: Option<Duration>,
    ) -> anyhow::Result<ReloadRow> {
        let read = Loaded::new(Config::parse(path, text)?, text);
        if !dry_run && lock(&self.pending).is_some() {
            bail!(
                "an earlier reload waits to be confirmed: `siding reload confirm` keeps it, `siding reload back` takes it back"
            );
        }
        let running = lock(&self.running).clone();
        let plan = Plan::new(&running, &read.settings);
        let row = ReloadRow {
            steps: plan.0.iter().map(ToString::to_string).collect(),
            later: self.later(&read.config, &read.begun),
        };
        if dry_run {
            return Ok(row);
        }
        self.take_steps(ctx, &plan)?;
        let before = std::mem::replace(&mut *lock(&self.running), read.settings.clone());
        let said = std::mem::replace(&mut *lock(&self.said), read);
        *lock(&self.pending) = confirm.filter(|_| !plan.is_empty()).map(|within| Pending {
            until: Instant::now() + within,
            before,
            said,
        });
        Ok(row)
    }

    /// Keeps everybody else from changing something, unless somebody does.
    fn alone(&self) -> Option<RwLockWriteGuard<'_, ()>> {
        match self.changes.try_write() {
            Ok(alone) => Some(alone),
            Err(TryLockError::Poisoned(alone)) => Some(alone.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    fn take_steps(&self, ctx: &mut Free<'_>, plan: &Plan) -> anyhow::Result<()> {
        let before = lock(&self.running).clone();
        plan.carry_out(self, ctx).inspect_err(|_| {
            // Interfaces that went, and came again, have taken what was noted of them along.
            *lock(&self.running) = before;
        })?;
        plan.0.iter().for_each(|step| self.log.command(format_args!("reload: {step}")));
        Ok(())
    }

    /// What is otherwise in a file, but is set when a run begins.
    fn later(&self, config: &Config, begun: &Table) -> Vec<String> {
        let as_running = crate::config::StackConfig {
            forwarding: self.begun.stack.forwarding,
            learn_announced: self.begun.stack.learn_announced,
            examine_options: self.begun.stack.examine_options,
            ..config.stack.clone()
        };
        if as_running == self.begun.stack {
            return Vec::new();
        }
        let (mut before, mut after) = (Vec::new(), Vec::new());
        flatten("", &Value::Table(self.begun_table.clone()), &mut before);
        flatten("", &Value::Table(begun.clone()), &mut after);
        let switches = ["stack.forwarding", "stack.learn_announced", "stack.examine_options"];
        let of = |all: &[(String, String)], key: &str| {
            all.iter()
                .find(|(other, _)| other == key)
                .map_or_else(|| "the usual".to_owned(), |(_, value)| value.clone())
        };
        let mut keys: Vec<&String> = before.iter().chain(&after).map(|(key, _)| key).collect();
        keys.sort();
        keys.dedup();
        let differs = keys
            .into_iter()
            .filter(|key| !switches.contains(&key.as_str()) && of(&before, key) != of(&after, key));
        differs.map(|key| format!("{key}: {} instead of {}", of(&after, key), of(&before, key))).collect()
    }
}

fn read(path: &Path) -> anyhow::Result<String> {
    let unreadable = |source| crate::config::ConfigError::Unreadable { path: PathBuf::from(path), source };
    Ok(std::fs::read_to_string(path).map_err(unreadable)?)
}

/// Every key with its value, by its whole name.
fn flatten(prefix: &str, value: &Value, into: &mut Vec<(String, String)>) {
    match value {
        Value::Table(table) => table.iter().for_each(|(key, value)| {
            let name = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
            flatten(&name, value, into);
        }),
        value => into.push((prefix.to_owned(), value.to_string())),
    }
}
