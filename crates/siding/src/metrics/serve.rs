//! HTTP, as far as a scrape needs it: one GET on each connection, answered and closed.
//!
//! # Teardown
//!
//! Dropping the [`Server`] ends and joins its threads, whatever a reader does. A connection is served for [`WHOLE`] at the
//! most, request and answer together, beside [a few others](Crowd): whoever is slow delays nobody.

use std::io;
use std::os::fd::OwnedFd;
use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::thread;
use std::thread::JoinHandle;
use std::time::Duration;
use std::time::Instant;

use rustix::net::Shutdown;
use rustix::net::SocketFlags;

use super::Rows;
use super::crowd::Crowd;
use super::page::Format;
use super::told::Told;
use crate::patience::Patience;

/// The longest head of a request.
const LONGEST: usize = 8 << 10;

/// Lines of a head, at the most.
const HEADERS: usize = 64;

/// How long a request may take to come and its answer to be taken, in all.
const WHOLE: Duration = Duration::from_secs(5);

/// Between two attempts, when the system gives no connection.
const PAUSE: Duration = Duration::from_millis(200);

/// How long the thread may take to end.
const END: Duration = Duration::from_secs(2);

/// Between two looks whether it has.
const LOOK: Duration = Duration::from_millis(1);

/// The media type of what is told, whatever is asked for, unless that is the format of before.
const OPEN: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const PLAIN: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Who knows what is to be told.
pub(crate) trait Scrape: Send + Sync + 'static {
    /// What is known now.
    fn scrape(&self) -> Rows;
}

/// The thread that answers.
#[derive(Debug)]
pub(crate) struct Server {
    listener: Arc<OwnedFd>,
    stopped: Arc<AtomicBool>,
    join: Option<JoinHandle<()>>,
}

impl Server {
    /// Answers who connects there from now on.
    ///
    /// # Errors
    ///
    /// The system starts no thread.
    pub(crate) fn start(listener: impl Into<OwnedFd>, of: &Arc<impl Scrape>) -> io::Result<Server> {
        let listener = Arc::new(listener.into());
        let stopped = Arc::new(AtomicBool::new(false));
        let (own, of, socket) = (stopped.clone(), of.clone(), listener.clone());
        let serve = move || {
            let (mut crowd, told) = (Crowd::default(), Arc::new(Told::default()));
            while !own.load(Ordering::Acquire) {
                match rustix::net::accept_with(&*socket, SocketFlags::CLOEXEC) {
                    Ok(stream) if !own.load(Ordering::Acquire) => {
                        let (told, of) = (told.clone(), of.clone());
                        // Without a thread for it, it is closed, and comes again.
                        if crowd.answer(stream, move |stream| begin(stream, &told, &*of)).is_err() {
                            thread::sleep(PAUSE);
                        }
                    }
                    Ok(_) => {}
                    Err(_) => thread::sleep(PAUSE),
                }
            }
        };
        let join = thread::Builder::new().name("metrics".into()).spawn(serve)?;
        Ok(Server { listener, stopped, join: Some(join) })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Release);
        // It waits for a connection: there will be none.
        let _ = rustix::net::shutdown(&*self.listener, Shutdown::Both);
        let Some(join) = self.join.take() else { return };
        let begun = Instant::now();
        while !join.is_finished() && begun.elapsed() < END {
            thread::sleep(LOOK);
        }
        match join.is_finished() {
            // A thread that has panicked has said so.
            true => _ = join.join(),
            false => tracing::error!("a scrape does not end: stopping without it"),
        }
    }
}

/// Serves one. Somebody who does not listen to the end is not told the rest; a bug ends one answer.
fn begin(stream: &OwnedFd, told: &Told, of: &impl Scrape) {
    let told = |format| told.page(of, format);
    if catch_unwind(AssertUnwindSafe(|| answer(stream, told))).is_err() {
        tracing::error!("a scrape has met a bug: it is not answered");
    }
}

fn answer(stream: &OwnedFd, known: impl FnOnce(Format) -> String) -> io::Result<()> {
    let patience = Patience::new(WHOLE);
    let (status, kind, body) = match request(stream, &patience)? {
        Ok(Format::OpenMetrics) => ("200 OK", OPEN, known(Format::OpenMetrics)),
        Ok(Format::Plain) => ("200 OK", PLAIN, known(Format::Plain)),
        Err(status) => {
            (status, "text/plain; charset=utf-8", format!("{status}: GET /metrics is all there is\n"))
        }
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    patience.send(stream, head.as_bytes())?;
    patience.send(stream, body.as_bytes())?;
    Ok(rustix::net::shutdown(stream, Shutdown::Write)?)
}

/// How one that can be answered is to be; the status if it cannot.
fn request(stream: &OwnedFd, patience: &Patience) -> io::Result<Result<Format, &'static str>> {
    let mut got = Vec::new();
    loop {
        let mut headers = [httparse::EMPTY_HEADER; HEADERS];
        let mut request = httparse::Request::new(&mut headers);
        match request.parse(&got) {
            Err(_) => return Ok(Err("400 Bad Request")),
            Ok(httparse::Status::Complete(_)) => {
                let path = request.path.and_then(|path| path.split('?').next());
                return Ok(match (request.method, path) {
                    (Some("GET"), Some("/metrics")) => Ok(wanted(request.headers)),
                    (Some("GET"), _) => Err("404 Not Found"),
                    _ => Err("405 Method Not Allowed"),
                });
            }
            Ok(httparse::Status::Partial) if got.len() > LONGEST => {
                return Ok(Err("431 Request Header Fields Too Large"));
            }
            Ok(httparse::Status::Partial) => {}
        }
        let mut piece = [0; 1024];
        match patience.receive(stream, &mut piece)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            many => got.extend_from_slice(&piece[..many]),
        }
    }
}

/// The format of before for who takes text and does not say that he takes OpenMetrics.
fn wanted(headers: &[httparse::Header<'_>]) -> Format {
    let accepts = |what: &str| {
        let accept = headers.iter().filter(|header| header.name.eq_ignore_ascii_case("accept"));
        accept.into_iter().any(|header| String::from_utf8_lossy(header.value).contains(what))
    };
    match accepts("text/plain") && !accepts("application/openmetrics-text") {
        true => Format::Plain,
        false => Format::OpenMetrics,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::io::Write;
    use std::net::SocketAddr;
    use std::net::TcpListener;
    use std::net::TcpStream;
    use std::os::unix::net::UnixStream;

    use super::*;
    use crate::control::DropRow;
    use crate::control::Listener;
    use crate::metrics::crowd::AT_ONCE;
    use crate::metrics::told::FRESH;

    struct Nothing;

    fn started(of: &Arc<impl Scrape>) -> (Server, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        (Server::start(listener, of).unwrap(), address)
    }

    #[test]
    fn a_socket_at_a_path_answers_as_well_and_is_gone_afterwards() {
        let path = std::env::temp_dir().join(format!("siding-metrics-{}", std::process::id()));
        let socket = Listener::bind(&path, None).unwrap();
        let server = Server::start(socket.open().unwrap(), &Arc::new(Nothing)).unwrap();
        let mut stream = UnixStream::connect(&path).unwrap();
        stream.write_all(b"GET /metrics HTTP/1.1\r\n\r\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        assert!(text.starts_with("HTTP/1.1 200 OK\r\n") && text.ends_with("# EOF\n"), "{text}");
        drop((server, socket));
        assert!(!path.exists());
    }

    /// More than fits into a socket.
    struct Much;

    impl Scrape for Much {
        fn scrape(&self) -> Rows {
            let row = |at: u64| DropRow { count: at, ..DropRow::stack(&format!("{at:0100}")) };
            Rows { drops: (0..100_000).map(row).collect(), ..Rows::default() }
        }
    }

    #[test]
    fn a_reader_who_takes_it_slowly_or_not_at_all_does_not_hold_up_the_end() {
        let (server, address) = started(&Arc::new(Much));
        let mut readers = Vec::new();
        for _ in 0..3 {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.write_all(b"GET /metrics HTTP/1.1\r\n\r\n").unwrap();
            readers.push(stream);
        }
        readers[0].read_exact(&mut [0; 1000]).unwrap();
        let begun = Instant::now();
        drop(server);
        assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    }

    #[test]
    fn those_who_say_nothing_hold_up_nobody_who_asks() {
        let (_server, address) = started(&Arc::new(Nothing));
        let mut silent: Vec<TcpStream> =
            (0..2 * AT_ONCE).map(|_| TcpStream::connect(address).unwrap()).collect();
        silent.iter_mut().for_each(|stream| stream.write_all(b"GET /met").unwrap());
        let begun = Instant::now();
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(b"GET /metrics HTTP/1.1\r\n\r\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        assert!(text.ends_with("# EOF\n") && begun.elapsed() < WHOLE, "{:?}: {text}", begun.elapsed());
        // The oldest have gone for those who came later, and the last are waited for.
        for (at, stream) in silent.iter_mut().enumerate() {
            stream.set_nonblocking(true).unwrap();
            let read = stream.read(&mut [0; 1]);
            let waits = read.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock);
            assert_eq!(waits, at > AT_ONCE, "{at}: {read:?}");
        }
    }

    struct Broken;

    impl Scrape for Broken {
        fn scrape(&self) -> Rows {
            panic!("a bug");
        }
    }

    #[test]
    fn a_scrape_that_meets_a_bug_ends_without_an_answer_and_at_once() {
        let (_server, address) = started(&Arc::new(Broken));
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(b"GET /metrics HTTP/1.1\r\n\r\n").unwrap();
        stream.set_read_timeout(Some(WHOLE)).unwrap();
        assert_eq!(stream.read(&mut [0; 1]).unwrap(), 0);
    }

    impl Scrape for Nothing {
        fn scrape(&self) -> Rows {
            Rows::default()
        }
    }

    /// Counts the looks.
    #[derive(Default)]
    struct Counting(std::sync::atomic::AtomicU64);

    impl Scrape for Counting {
        fn scrape(&self) -> Rows {
            self.0.fetch_add(1, Ordering::Relaxed);
            Rows::default()
        }
    }

    #[test]
    fn whoever_asks_without_end_makes_few_looks_of_it() {
        let (of, begun) = (Arc::new(Counting::default()), Instant::now());
        let (_server, address) = started(&of);
        for _ in 0..200 {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.write_all(b"GET /metrics HTTP/1.1\r\n\r\n").unwrap();
            let mut text = String::new();
            stream.read_to_string(&mut text).unwrap();
            assert!(text.ends_with("# EOF\n"), "{text}");
        }
        let most = begun.elapsed().as_millis() / FRESH.as_millis() + 1;
        let looks = u128::from(of.0.load(Ordering::Relaxed));
        assert!((1..=most).contains(&looks), "{looks} of {most}");
    }

    #[test]
    fn a_get_is_answered_and_all_else_is_told_what_there_is() {
        let (server, address) = started(&Arc::new(Nothing));
        let ask = |request: &str| {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.write_all(request.as_bytes()).unwrap();
            let mut text = String::new();
            stream.read_to_string(&mut text).unwrap();
            text
        };
        let text = ask("GET /metrics HTTP/1.1\r\nHost: here\r\n\r\n");
        assert!(text.starts_with("HTTP/1.1 200 OK\r\nContent-Type: application/openmetrics-text"), "{text}");
        assert!(text.ends_with("# EOF\n") && text.contains("siding_build_info{version=\""), "{text}");
        let plain = ask("GET /metrics HTTP/1.1\r\naccept: text/plain;version=0.0.4, */*;q=0.1\r\n\r\n");
        assert!(
            plain.contains("Content-Type: text/plain; version=0.0.4") && !plain.contains("# EOF"),
            "{plain}"
        );
        let both = ask("GET /metrics HTTP/1.1\r\nAccept: application/openmetrics-text, text/plain\r\n\r\n");
        assert!(both.contains("Content-Type: application/openmetrics-text"), "{both}");
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
