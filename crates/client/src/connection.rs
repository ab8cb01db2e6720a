//! A connection to a daemon.

use std::io;
use std::io::BufRead;
use std::io::BufReader;
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::path::PathBuf;

use crate::Answer;
use crate::Request;

/// A connection to a daemon.
#[derive(Debug)]
pub struct Client {
    path: PathBuf,
    stream: BufReader<UnixStream>,
}

/// Why a request has no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody is there.
    #[error(
        "no siding answers at {}: start one with `siding run FILE.toml`, or give its socket with --control",
        .0.display()
    )]
    Nobody(PathBuf),
    /// The socket is somebody else's.
    #[error("not permitted to speak to {}: be the user whose siding it is (root, mostly)", .0.display())]
    NotPermitted(PathBuf),
    /// The connection broke.
    #[error("the siding at {} does not answer: {source}", .path.display())]
    Broken {
        /// Where it was.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The daemon says no.
    #[error("{0}")]
    Refused(String),
}

impl Client {
    /// Connects to the daemon at `path`.
    ///
    /// # Errors
    ///
    /// Nobody answers there.
    pub fn connect(path: &Path) -> Result<Client, ClientError> {
        let stream = UnixStream::connect(path).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
                ClientError::Nobody(path.to_owned())
            }
            io::ErrorKind::PermissionDenied => ClientError::NotPermitted(path.to_owned()),
            _ => ClientError::Broken { path: path.to_owned(), source },
        })?;
        Ok(Client { path: path.to_owned(), stream: BufReader::new(stream) })
    }

    /// Asks, and waits for the answer.
    ///
    /// # Errors
    ///
    /// The daemon says no, or has gone.
    pub fn ask(&mut self, request: &Request) -> Result<Answer, ClientError> {
        let answer = self.converse(request);
        match answer.map_err(|source| ClientError::Broken { path: self.path.clone(), source })? {
            Answer::Error(why) => Err(ClientError::Refused(why)),
            answer => Ok(answer),
        }
    }

    fn converse(&mut self, request: &Request) -> io::Result<Answer> {
        let line = serde_json::to_string(request)? + "\n";
        match self.stream.get_mut().write_all(line.as_bytes()) {
            // It has closed the connection, and may have said why.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
            sent => sent?,
        }
        let mut line = String::new();
        if self.stream.read_line(&mut line)? == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it has closed the connection"));
        }
        Ok(serde_json::from_str(&line)?)
    }
}
