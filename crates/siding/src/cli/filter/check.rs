//! `siding filter`: what can be done with rules where no daemon runs.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;
use serde::Serialize;
use siding_filter::Errors;
use siding_filter::Program;
use siding_filter::Ruleset;
use siding_filter::Setup;

use crate::output;

#[derive(Debug, Subcommand)]
pub(super) enum FilterCommand {
    /// Check files of rules together, and name every error. Example: siding filter check rules.nft
    Check {
        /// nftables' text, or its JSON as `nft -j list ruleset` prints it
        #[arg(value_name = "FILE", required = true)]
        files: Vec<PathBuf>,
        /// As JSON: the errors, or the rules as they were understood
        #[arg(long)]
        json: bool,
    },
}

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
pub(super) fn filter(command: FilterCommand) -> anyhow::Result<ExitCode> {
    let FilterCommand::Check { files, json } = command;
    let mut texts = Vec::new();
    for file in &files {
        let text = std::fs::read_to_string(file).map_err(|error| {
            anyhow::anyhow!("{}: {error}: name a file of rules that can be read", file.display())
        })?;
        texts.push((file.display().to_string(), text));
    }
    let named: Vec<(&str, &str)> = texts.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let compiled = compile(&named);
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

fn compile(files: &[(&str, &str)]) -> Result<Program, Errors> {
    let mut include = |path: &str| std::fs::read_to_string(path).map_err(|error| error.to_string());
    Program::compile(Ruleset::load(files, &mut include)?, &Setup::default(), None)
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
