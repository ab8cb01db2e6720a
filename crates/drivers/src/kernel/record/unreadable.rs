//! Why a record is not used.

use std::io;

/// Why.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unreadable {
    #[error("it is of an earlier boot")]
    OtherBoot,
    #[error("it is of user {0}, who may put back what it says: run as that user, or remove it")]
    Foreign(u32),
    #[error("it is not a file of this user's alone")]
    Open,
    /// As [`OtherBoot`](Self::OtherBoot): of this one, what is renamed is whole, for whoever reads it.
    #[error("its record is empty. A power cut leaves it so, and what it spoke of went with that")]
    Lost,
    #[error("it is damaged")]
    CutOff,
    #[error("it says {0:?}")]
    Odd(String),
    #[error("{0}")]
    System(#[from] io::Error),
}

impl From<Unreadable> for io::Error {
    fn from(why: Unreadable) -> io::Error {
        match why {
            Unreadable::System(error) => error,
            why => io::Error::other(why),
        }
    }
}
