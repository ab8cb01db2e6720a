//! `siding filter check`: what is wrong with rules, where no daemon runs.

use std::path::PathBuf;
use std::process::ExitCode;

use siding_filter::Errors;
use siding_filter::Program;
use siding_filter::Setup;
use siding_judge::Texts;
use siding_output as output;

use crate::control::CheckedRow;
use crate::control::CheckedRuleRow;
use crate::control::WrongRow;

/// Does it; the exit status says whether the rules are in order.
///
/// # Errors
///
/// A file that cannot be read, or standard output that cannot be written.
pub(super) fn check(files: &[PathBuf], json: bool) -> anyhow::Result<ExitCode> {
    let compiled = Texts::read(files, |path| std::fs::read_to_string(path))
        .map_err(anyhow::Error::msg)?
        .compile(&Setup::default(), None);
    if json {
        output::line(serde_json::to_string(&report(&compiled))?)?;
    } else {
        match &compiled {
            Ok(program) => {
                let tables = program.ruleset().tables.len();
                let rules = program.rules().len();
                output::line(format_args!("ok, {tables} table(s), {rules} rule(s)"))?;
            }
            Err(errors) => output::line(errors)?,
        }
    }
    Ok(if compiled.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn report(compiled: &Result<Program, Errors>) -> CheckedRow {
    match compiled {
        Ok(program) => CheckedRow { errors: Vec::new(), rules: program.rules().iter().map(rule).collect() },
        Err(errors) => CheckedRow { errors: errors.0.iter().map(wrong).collect(), rules: Vec::new() },
    }
}

fn rule(info: &siding_filter::RuleInfo) -> CheckedRuleRow {
    CheckedRuleRow {
        family: info.family.text().into(),
        table: info.table.to_string(),
        chain: info.chain.to_string(),
        handle: info.handle,
        rule: info.text.to_string(),
        file: info.place.file.to_string(),
        line: info.place.line,
        column: info.place.column,
    }
}

fn wrong(error: &siding_filter::Error) -> WrongRow {
    let place = &error.place;
    WrongRow {
        file: place.file.to_string(),
        line: place.line,
        column: place.column,
        what: error.what.to_string(),
    }
}
