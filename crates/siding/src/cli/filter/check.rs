//! `siding filter check`: what is wrong with rules, where no daemon runs.

use std::path::PathBuf;
use std::process::ExitCode;

use serde::Serialize;
use siding_filter::Errors;
use siding_filter::Program;
use siding_filter::Setup;

use crate::filter::Texts;
use crate::output;

/// What a check found.
#[derive(Serialize)]
struct Report<'a> {
    errors: Vec<Wrong<'a>>,
    rules: Vec<Rule<'a>>,
}

#[derive(Serialize)]
struct Wrong<'a> {
    file: &'a str,
    line: u32,
    column: u32,
    what: &'a str,
}

#[derive(Serialize)]
struct Rule<'a> {
    family: &'a str,
    table: &'a str,
    chain: &'a str,
    handle: u64,
    rule: &'a str,
    file: &'a str,
    line: u32,
    column: u32,
}

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

fn report(compiled: &Result<Program, Errors>) -> Report<'_> {
    match compiled {
        Ok(program) => Report { errors: Vec::new(), rules: program.rules().iter().map(Rule::from).collect() },
        Err(errors) => Report { errors: errors.0.iter().map(Wrong::from).collect(), rules: Vec::new() },
    }
}

impl<'a> From<&'a siding_filter::RuleInfo> for Rule<'a> {
    fn from(info: &'a siding_filter::RuleInfo) -> Rule<'a> {
        Rule {
            family: info.family.text(),
            table: &info.table,
            chain: &info.chain,
            handle: info.handle,
            rule: &info.text,
            file: &info.place.file,
            line: info.place.line,
            column: info.place.column,
        }
    }
}

impl<'a> From<&'a siding_filter::Error> for Wrong<'a> {
    fn from(error: &'a siding_filter::Error) -> Wrong<'a> {
        let place = &error.place;
        Wrong { file: &place.file, line: place.line, column: place.column, what: &error.what }
    }
}
