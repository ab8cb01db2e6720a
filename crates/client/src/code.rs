//! Why something could not be done, for programs: the text beside it is for people, and may be put better at any time.

use std::fmt;

use serde::Deserialize;
use serde::Serialize;

/// Why something could not be done. Stays what it is from version to version; there may be more of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Code {
    /// The line is no request that this daemon knows.
    NotARequest,
    /// The protocol's version is newer than what the daemon speaks.
    UnknownVersion,
    /// The request, or the batch, is longer than it may be; or its answer would be.
    TooLong,
    /// The request, or the batch, took longer than it may.
    TooLate,
    /// There are as many connections, or subscribers, as there may be.
    TooMany,
    /// This socket only tells.
    NotPermitted,
    /// The daemon stops.
    Stopping,
    /// There is none of that name, or nothing that was asked for.
    NotFound,
    /// It is there already.
    Exists,
    /// A value cannot be.
    Invalid,
    /// A bound of the stack is reached.
    NoRoom,
    /// The system says no.
    System,
    /// It was not carried out, because one before it in the batch was not.
    Skipped,
    /// The daemon met a bug of its own.
    Bug,
    /// Anything else: the text says what.
    #[serde(other)]
    Refused,
}

impl Code {
    /// All of them.
    pub const ALL: [Code; 15] = [
        Code::NotARequest,
        Code::UnknownVersion,
        Code::TooLong,
        Code::TooLate,
        Code::TooMany,
        Code::NotPermitted,
        Code::Stopping,
        Code::NotFound,
        Code::Exists,
        Code::Invalid,
        Code::NoRoom,
        Code::System,
        Code::Skipped,
        Code::Bug,
        Code::Refused,
    ];

    /// As lines have it.
    pub fn name(self) -> &'static str {
        match self {
            Code::NotARequest => "not-a-request",
            Code::UnknownVersion => "unknown-version",
            Code::TooLong => "too-long",
            Code::TooLate => "too-late",
            Code::TooMany => "too-many",
            Code::NotPermitted => "not-permitted",
            Code::Stopping => "stopping",
            Code::NotFound => "not-found",
            Code::Exists => "exists",
            Code::Invalid => "invalid",
            Code::NoRoom => "no-room",
            Code::System => "system",
            Code::Skipped => "skipped",
            Code::Bug => "bug",
            Code::Refused => "refused",
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// That something could not be done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct Failure {
    /// Why, for programs.
    pub code: Code,
    /// Why, and what to do, for people.
    pub text: String,
}

impl Failure {
    /// With a code and a text.
    pub fn new(code: Code, text: impl Into<String>) -> Failure {
        Failure { code, text: text.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A program that has learnt them by heart is not to learn them again.
    #[test]
    fn codes_are_written_as_they_are_named_and_an_unknown_one_is_read() {
        for code in Code::ALL {
            assert_eq!(serde_json::to_value(code).unwrap(), code.name());
            assert_eq!(serde_json::from_value::<Code>(code.name().into()).unwrap(), code);
        }
        assert_eq!(serde_json::from_str::<Code>("\"of-tomorrow\"").unwrap(), Code::Refused);
    }
}
