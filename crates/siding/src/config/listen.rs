//! `[metrics] listen`: where.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Deserialize;

/// Where metrics are told.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) enum Listen {
    Tcp(SocketAddr),
    /// A socket that is made there.
    Unix(PathBuf),
}

impl TryFrom<String> for Listen {
    type Error = String;

    fn try_from(text: String) -> Result<Listen, String> {
        if text.starts_with('/') {
            return Ok(Listen::Unix(text.into()));
        }
        text.parse().map(Listen::Tcp).map_err(|_| {
            format!("{text:?} is neither an address with a port, as 127.0.0.1:9440 or [::1]:9440, nor a path from / on")
        })
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Listen::Tcp(address) => address.fmt(f),
            Listen::Unix(path) => path.display().fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_with_a_port_or_a_path() {
        let read = |text: &str| Listen::try_from(text.to_owned());
        assert_eq!(read("[::1]:9440"), Ok(Listen::Tcp("[::1]:9440".parse().unwrap())));
        assert_eq!(read("/run/siding/metrics"), Ok(Listen::Unix("/run/siding/metrics".into())));
        for wrong in ["127.0.0.1", "localhost:9440", "run/metrics", ""] {
            assert!(read(wrong).unwrap_err().contains("127.0.0.1:9440"), "{wrong}");
        }
    }
}
