//! A configuration in the place of the one that runs: planned, applied as one step, and taken back unless it is confirmed.
//!
//! # Locks
//!
//! `changes` is held for reading by each request that changes something, and for writing by a reload: nobody changes
//! what it compares with, and it may wait for departures. Requests that only look go on meanwhile. `pending` is held for
//! moments, and a confirmation holds nothing else. Files are read before: whoever waits for one keeps nobody from changing something, or from going back.
//!
//! # Teardown
//!
//! A reload that nobody has confirmed is as it is when the daemon stops: the next start takes the file as it is then.

use std::ops::RangeInclusive;
use std::path::Path;
use std::path::PathBuf;
use std::sync::PoisonError;
use std::sync::RwLockWriteGuard;
use std::time::Duration;
use std::time::Instant;

use anyhow::bail;
use toml::Table;
use toml::Value;

use super::service;
use crate::config::Config;
use crate::control::Answer;
use crate::control::ConfigRow;
use crate::control::ReloadRequest;
use crate::control::ReloadRow;
use crate::setting::plan::Plan;
use crate::state::daemon::Daemon;
use crate::state::daemon::Free;
use crate::state::lock::lock;
use crate::state::owed::few;
use crate::state::pending::Pending;
use crate::state::running::Loaded;

/// Nothing is loaded over what waits to be confirmed.
#[derive(Debug, thiserror::Error)]
#[error(
    "an earlier reload waits to be confirmed: `siding reload confirm` keeps it, `siding reload back` takes it back"
)]
struct Waits;

/// What the service says once that has ended.
const WAS_REFUSED: &str = "the file is not in effect: it was to be read while an earlier reload waited to be confirmed, which has \
                           ended: read it again";

/// How long a reload may wait to be confirmed.
const CONFIRM_S: RangeInclusive<u64> = 1..=86_400;

/// Between the first two attempts to go back; twice as long each time, up to the second.
const PAUSES: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(60));

impl Pending {
    fn is_late(&self) -> bool {
        self.until <= Instant::now()
    }

    /// It waits no more: nor is that any longer why the file is not in effect.
    fn ended(&self) {
        if self.refused {
            service::status(WAS_REFUSED);
        }
    }

    /// For who asks what is going on.
    fn told(&self) -> String {
        let left = self.until.saturating_duration_since(Instant::now()).as_secs();
        match &self.failed {
            None => format!(
                "a reload waits to be confirmed: it is gone back in {left} s; `siding reload confirm` keeps it, `siding \
                 reload back` takes it back now"
            ),
            Some(why) => format!(
                "a reload was not confirmed, and going back has failed ({why}): it is tried again in {left} s; `siding reload \
                 confirm` keeps what runs"
            ),
        }
    }
}

impl Daemon {
    pub(super) fn ask_reload(&self, ctx: &mut Free<'_>, request: ReloadRequest) -> anyhow::Result<Answer> {
        Ok(match request {
            ReloadRequest::Show {} => {
                let _alone = self.alone();
                let (text, left_out) = self.as_file()?;
                Answer::Config(ConfigRow { text, left_out, file: self.file.clone(), waits: self.waits() })
            }
            ReloadRequest::Load { file, dry_run, confirm_s } => {
                // Before anything is done: what comes after may not fail.
                if let Some(seconds) = confirm_s.filter(|seconds| !CONFIRM_S.contains(seconds)) {
                    bail!("{seconds} s to confirm: give {} to {}", CONFIRM_S.start(), CONFIRM_S.end());
                }
                let wanted = match file {
                    Some(file) => parsed(&file.path, &file.text)?,
                    None => read(&self.file)?,
                };
                let _alone = self.alone();
                Answer::Reload(self.reload(ctx, wanted, dry_run, confirm_s.map(Duration::from_secs))?)
            }
            ReloadRequest::Confirm {} => {
                // Without waiting for those who change something: it is to come in time. Whoever goes back already has taken
                // it.
                let Some(pending) = lock(&self.pending).take() else {
                    bail!("nothing waits to be confirmed")
                };
                self.filter.let_go();
                pending.ended();
                self.log.command(format_args!("the reload is confirmed"));
                Answer::Done
            }
            ReloadRequest::Back {} => {
                let _alone = self.alone();
                let Some(pending) = lock(&self.pending).take() else {
                    bail!("nothing waits to be confirmed, so there is nothing to go back to");
                };
                self.go_back(ctx, pending)?;
                Answer::Done
            }
        })
    }

    /// Reads the file again that the run began with, because a signal says so.
    pub(super) fn reload_file(&self, ctx: &mut Free<'_>) {
        let _told = service::Reloading::begin();
        let reloaded = read(&self.file).and_then(|wanted| {
            let _alone = self.alone();
            self.reload(ctx, wanted, false, None)
        });
        match reloaded {
            Ok(row) if row.steps.is_empty() && row.later.is_empty() => {
                tracing::info!("{}: nothing has changed", self.file.display());
            }
            Ok(row) => {
                row.later.iter().for_each(|later| tracing::warn!("not before the next start: {later}"))
            }
            Err(error) => {
                tracing::error!("nothing is changed: {error:#}");
                let refused = error.is::<Waits>();
                let waiting = lock(&self.pending).as_mut().map(|pending| pending.refused = refused);
                match waiting {
                    None if refused => service::status(WAS_REFUSED),
                    _ => service::status(&format!("the file is not in effect: {error:#}")),
                }
            }
        }
    }

    /// Whether the time for a confirmation has passed.
    pub(super) fn is_to_go_back(&self) -> bool {
        lock(&self.pending).as_ref().is_some_and(Pending::is_late)
    }

    /// What waits to be confirmed, or to be set back.
    fn waits(&self) -> Option<String> {
        let pending = lock(&self.pending).as_ref().map(Pending::told);
        let owed = lock(&self.owed).told(Instant::now());
        let all: Vec<String> = pending.into_iter().chain(owed).collect();
        (!all.is_empty()).then(|| all.join("; "))
    }

    /// Goes back, if the time for a confirmation has passed. Who changes something at this moment is waited for, and nobody
    /// who comes later.
    pub(super) fn go_back_in_time(&self, ctx: &mut Free<'_>) {
        let _alone = self.alone();
        let late = lock(&self.pending).take_if(|pending| pending.is_late());
        let Some(pending) = late else { return };
        if pending.failed.is_none() {
            tracing::warn!("the reload was not confirmed: going back");
        }
        let before = pending.failed.clone();
        if let Err(error) = self.go_back(ctx, pending) {
            // The same again is told by who is asked.
            if before != Some(format!("{error:#}")) {
                tracing::error!("going back: {error:#}; trying again");
            }
        }
    }

    /// Goes back, or tries again later. To be called with `changes` held.
    fn go_back(&self, ctx: &mut Free<'_>, pending: Pending) -> anyhow::Result<()> {
        let running = lock(&self.running).list();
        let plan = Plan::new(&running, &pending.before);
        if let Err(error) = self.take_steps(ctx, &plan) {
            let (until, failed) = (Instant::now() + pending.pause, Some(format!("{error:#}")));
            let pause = (pending.pause * 2).min(PAUSES.1);
            *lock(&self.pending) = Some(Pending { until, failed, pause, ..pending });
            return Err(error);
        }
        // Whatever was owed, this is wanted.
        lock(&self.owed).clear();
        pending.ended();
        *lock(&self.running) = pending.before.into_iter().collect();
        *lock(&self.said) = pending.said;
        self.filter.let_go();
        self.log.command(format_args!("back to what ran before"));
        Ok(())
    }

    /// To be called with `changes` held.
    fn reload(
        &self,
        ctx: &mut Free<'_>,
        read: Loaded,
        dry_run: bool,
        confirm: Option<Duration>,
    ) -> anyhow::Result<ReloadRow> {
        if !dry_run && lock(&self.pending).is_some() {
            return Err(Waits.into());
        }
        let running = lock(&self.running).list();
        let plan = Plan::new(&running, &read.settings);
        let row = ReloadRow {
            steps: plan.told(),
            later: self.later(&read.config, &read.begun),
            // What is done takes the place of it.
            waits: self.waits().filter(|_| dry_run),
        };
        if dry_run {
            return Ok(row);
        }
        self.filter.keep();
        self.take_steps(ctx, &plan).inspect_err(|_| self.filter.let_go_of_running())?;
        // Whatever was owed, this is wanted.
        lock(&self.owed).clear();
        *lock(&self.running) = read.settings.iter().cloned().collect();
        let said = std::mem::replace(&mut *lock(&self.said), read);
        *lock(&self.pending) = confirm.filter(|_| !plan.is_empty()).map(|within| Pending {
            until: Instant::now() + within,
            before: running,
            said,
            failed: None,
            pause: PAUSES.0,
            refused: false,
        });
        if lock(&self.pending).is_none() {
            self.filter.let_go();
        }
        service::status("");
        Ok(row)
    }

    /// Whether something is, and it is time to try again.
    pub(super) fn is_to_pay(&self) -> bool {
        lock(&self.owed).is_due(Instant::now())
    }

    /// Sets back what can be of what a reload that failed could not. Of what somebody has set or removed meanwhile, nothing is
    /// owed any more.
    pub(super) fn pay(&self, ctx: &mut Free<'_>) {
        let _alone = self.alone();
        let begun = lock(&self.owed).begin(Instant::now());
        let settings = match begun {
            Ok(settings) => settings,
            Err(left) => {
                let left = few(left.iter(), left.len());
                return tracing::error!(
                    "not set back, and tried no more: {left}; `siding reload` puts into effect what the file says"
                );
            }
        };
        let mut why = None;
        for setting in settings {
            match setting.apply(self, ctx) {
                Ok(()) => {
                    self.log.command(format_args!("set back at last: {setting}"));
                    self.note_paid(setting);
                }
                // What comes after may only lack this one.
                Err(error) => {
                    why.get_or_insert_with(|| format!("{setting}: {error:#}"));
                }
            }
        }
        if let Some(why) = why.filter(|why| lock(&self.owed).failed(why)) {
            tracing::warn!("setting back, {why}; trying again");
        }
    }

    /// Keeps everybody else from changing something. Whoever does so already is waited for, but nobody else: who waits to
    /// write goes before those who come to read.
    fn alone(&self) -> RwLockWriteGuard<'_, ()> {
        self.changes.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn take_steps(&self, ctx: &mut Free<'_>, plan: &Plan) -> anyhow::Result<()> {
        let (before, owed) = (lock(&self.running).clone(), lock(&self.owed).list());
        plan.carry_out(self, ctx).inspect_err(|_| {
            // What was set back stands where it stood, and what was owed before is so still.
            lock(&self.running).stand_as_in(&before);
            self.owe(owed.into_iter().filter(|owed| self.noted(&owed.slot()).is_none()).collect());
        })?;
        plan.told().iter().for_each(|step| self.log.command(format_args!("reload: {step}")));
        Ok(())
    }

    /// What is otherwise in a file, but is set when a run begins.
    fn later(&self, config: &Config, begun: &Table) -> Vec<String> {
        let as_running = crate::config::StackConfig {
            forwarding: self.begun.stack.forwarding,
            learn_announced: self.begun.stack.learn_announced,
            examine_options: self.begun.stack.examine_options,
            express: self.begun.stack.express,
            ..config.stack.clone()
        };
        if as_running == self.begun.stack {
            return Vec::new();
        }
        let (mut before, mut after) = (Vec::new(), Vec::new());
        flatten("", &Value::Table(self.begun_table.clone()), &mut before);
        flatten("", &Value::Table(begun.clone()), &mut after);
        let switches =
            ["stack.forwarding", "stack.learn_announced", "stack.examine_options", "stack.express"];
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

fn read(path: &Path) -> anyhow::Result<Loaded> {
    let unreadable = |why| crate::config::ConfigError::Unreadable { path: PathBuf::from(path), why };
    parsed(path, &crate::read::regular(path).map_err(unreadable)?)
}

fn parsed(path: &Path, text: &str) -> anyhow::Result<Loaded> {
    Ok(Loaded::new(Config::parse(path, text)?))
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
