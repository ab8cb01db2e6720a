//! The configuration file: what it may say, and what is wrong with it, by file, line and column.
//!
//! [`mod@file`] has the shape of the text; here is what it means: every name resolved, every value in its range. What is
//! read is either right or an [error](ConfigError) that points at the place and says what to do.

mod apart;
mod begun;
mod check;
mod error;
mod faults;
pub(crate) mod file;
mod listen;
mod means;
#[cfg(test)]
mod reference;
mod security;

use std::path::Path;

pub(crate) use error::ConfigError;
use error::Place;
pub(crate) use file::Level;
pub(crate) use listen::Listen;
pub(crate) use means::Config;
pub(crate) use means::MOST_INTERFACES;
pub(crate) use means::StackConfig;
pub(crate) use security::SecurityConfig;

use crate::filter::check::beside;
use crate::words::wrong::Wrong;

impl Config {
    /// Reads a file; what is of the start in it, as it is written there, too.
    ///
    /// # Errors
    ///
    /// It cannot be read, or says something that makes no sense; the error tells where.
    pub(crate) fn load(path: &Path) -> Result<(Config, toml::Table), ConfigError> {
        let text =
            crate::read::whole(path).map_err(|why| ConfigError::Unreadable { path: path.to_owned(), why })?;
        Config::parse(path, &text)
    }

    /// Reads a text, which came from `path`.
    ///
    /// # Errors
    ///
    /// It says something that makes no sense; the error tells of everything, and where.
    pub(crate) fn parse(path: &Path, text: &str) -> Result<(Config, toml::Table), ConfigError> {
        let sections: Vec<_> = siding_stack::sections().collect();
        let (mut config, begun) = faults::read(text, &sections).map_err(|wrongs| {
            let place = |wrong: Wrong| Place::new(path, text, wrong.span, wrong.message);
            ConfigError::Wrong(wrongs.into_iter().map(place).collect())
        })?;
        if let Some(mut filter) = config.filter.take() {
            beside(path, &mut filter.rules);
            config.filter = Some(filter.read(crate::read::regular).map_err(ConfigError::Rules)?);
        }
        Ok((config, begun))
    }
}

#[cfg(test)]
mod tests;
