//! HTTP, as far as a scrape needs it: one GET on each connection, answered and closed.
//!
//! # Teardown
//!
//! Dropping the [`Server`] ends and joins its thread. A connection is served for [`WHOLE`] at the most, one at a time:
//! whoever is slow delays the next scrape, and nothing else.

use std::io;
use std::io::Read;
use std::io::Write;
use std::net::Shutdown;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::net::TcpStream;
use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::thread;
use std::thread::JoinHandle;
use std::time::Duration;
use std::time::Instant;

use super::Rows;
use super::page::page;

/// The longest head of a request.
const LONGEST: usize = 8 << 10;

/// Lines of a head, at the most.
const HEADERS: usize = 64;

/// How long a request may take to come, and its answer to be taken.
const WHOLE: Duration = Duration::from_secs(5);

/// Between two attempts, when the system gives no connection.
const PAUSE: Duration = Duration::from_millis(200);

/// The media type of what is told.
const TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Who knows what is to be told.
pub(crate) trait Scrape: Send + Sync + 'static {
    /// What is known now.
    fn scrape(&self) -> Rows;
}

/// The thread that answers.
#[derive(Debug)]
pub(crate) struct Server {
    address: SocketAddr,
    stopped: Arc<AtomicBool>,
    join: Option<JoinHandle<()>>,
}

impl Server {
    /// Answers at this address from now on.
    ///
    /// # Errors
    ///
    /// The address is taken or none of this host's, or the system starts no thread.
    pub(crate) fn start(address: SocketAddr, of: &Arc<impl Scrape>) -> io::Result<Server> {
        let listener = TcpListener::bind(address)?;
        let address = listener.local_addr()?;
        let stopped = Arc::new(AtomicBool::new(false));
        let (own, of) = (stopped.clone(), of.clone());
        let serve = move || {
            while !own.load(Ordering::Acquire) {
                match listener.accept() {
                    Ok((stream, _)) if !own.load(Ordering::Acquire) => {
                        // Somebody who does not listen to the end is not told the rest; a bug ends one answer.
                        let answered = catch_unwind(AssertUnwindSafe(|| answer(stream, &*of)));
                        if answered.is_err() {
                            tracing::error!("a scrape has met a bug: it is not answered");
                        }
                    }
                    Ok(_) => {}
                    Err(_) => thread::sleep(PAUSE),
                }
            }
        };
        let join = thread::Builder::new().name("metrics".into()).spawn(serve)?;
        Ok(Server { address, stopped, join: Some(join) })
    }

    /// Where it answers.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Release);
        // It waits for a connection: this is one. If none can be made, the thread ends with the process.
        let woken = TcpStream::connect_timeout(&self.address, WHOLE).is_ok();
        if let Some(join) = self.join.take().filter(|_| woken) {
            // A thread that has panicked has said so.
            let _ = join.join();
        }
    }
}

fn answer(mut stream: TcpStream, of: &impl Scrape) -> io::Result<()> {
    let (status, kind, body) = match request(&mut stream)? {
        Ok(()) => ("200 OK", TYPE, page(&of.scrape().families())),
        Err(status) => {
            (status, "text/plain; charset=utf-8", format!("{status}: GET /metrics is all there is\n"))
        }
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.set_write_timeout(Some(WHOLE))?;
    stream.write_all(head.as_bytes())?;
    stream.write_all(body.as_bytes())?;
    stream.shutdown(Shutdown::Write)
}

/// Whether it is one that can be answered; the status if not.
fn request(stream: &mut TcpStream) -> io::Result<Result<(), &'static str>> {
    let begun = Instant::now();
    let mut got = Vec::new();
    loop {
        let mut headers = [httparse::EMPTY_HEADER; HEADERS];
        let mut request = httparse::Request::new(&mut headers);
        match request.parse(&got) {
            Err(_) => return Ok(Err("400 Bad Request")),
            Ok(httparse::Status::Complete(_)) => {
                let path = request.path.and_then(|path| path.split('?').next());
                return Ok(match (request.method, path) {
                    (Some("GET"), Some("/metrics")) => Ok(()),
                    (Some("GET"), _) => Err("404 Not Found"),
                    _ => Err("405 Method Not Allowed"),
                });
            }
            Ok(httparse::Status::Partial) if got.len() > LONGEST => {
                return Ok(Err("431 Request Header Fields Too Large"));
            }
            Ok(httparse::Status::Partial) => {}
        }
        let left = WHOLE.saturating_sub(begun.elapsed());
        if left.is_zero() {
            return Ok(Err("408 Request Timeout"));
        }
        stream.set_read_timeout(Some(left))?;
        let mut piece = [0; 1024];
        match stream.read(&mut piece)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            many => got.extend_from_slice(&piece[..many]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Nothing;

    impl Scrape for Nothing {
        fn scrape(&self) -> Rows {
            Rows::default()
        }
    }

    #[test]
    fn a_get_is_answered_and_all_else_is_told_what_there_is() {
        let server = Server::start("127.0.0.1:0".parse().unwrap(), &Arc::new(Nothing)).unwrap();
        let ask = |request: &str| {
            let mut stream = TcpStream::connect(server.address()).unwrap();
            stream.write_all(request.as_bytes()).unwrap();
            let mut text = String::new();
            stream.read_to_string(&mut text).unwrap();
            text
        };
        let text = ask("GET /metrics HTTP/1.1\r\nHost: here\r\n\r\n");
        assert!(text.starts_with("HTTP/1.1 200 OK\r\nContent-Type: application/openmetrics-text"), "{text}");
        assert!(text.ends_with("# EOF\n") && text.contains("siding_build_info{version=\""), "{text}");
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("Content-Length: {}\r\n", body.len())), "{head}");
        for (request, status) in [
            ("GET / HTTP/1.1\r\n\r\n", "404"),
            ("POST /metrics HTTP/1.1\r\n\r\n", "405"),
            ("nonsense\r\n\r\n", "400"),
        ] {
            assert!(ask(request).starts_with(&format!("HTTP/1.1 {status} ")), "{request}");
        }
        let long = format!("GET /metrics HTTP/1.1\r\nX: {}", "x".repeat(LONGEST));
        assert!(ask(&long).starts_with("HTTP/1.1 431 "));
        drop(server);
    }
}
