use std::fs;
use std::io::BufRead;
use std::io::BufReader;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

use super::*;
use siding_client::neighbor::Neighbor;
use siding_client::refuse::How;
use siding_client::refuse::Refuse;
use siding_client::route::Destination;
use siding_client::route::Route;
use siding_client::value::Driver;

/// A path for a socket that is removed with this.
struct Place(PathBuf);

impl Place {
    fn new() -> Place {
        static MADE: AtomicUsize = AtomicUsize::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        Place(std::env::temp_dir().join(format!("siding-control-{}-{number}", std::process::id())))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// Counts its session's requests.
#[derive(Default)]
struct Counting(Sessions);

impl Serve for Counting {
    fn session(&self, each: &mut dyn FnMut(&mut dyn CarryOut)) {
        let mut count = 0;
        each(&mut |request: Request| {
            count += 1;
            match request {
                Request::ShowDrops {} => {
                    Answer::Drops(vec![DropRow { count, ..DropRow::stack("no-route") }]).into()
                }
                Request::ShowNetisr {} => panic!("on purpose"),
                other => Reply::refused(Code::Refused, format!("{other:?}")),
            }
        });
    }

    fn sessions(&self) -> &Sessions {
        &self.0
    }

    /// Numbers, as fast as they are taken.
    fn subscribe(
        &self,
        _request: SubscribeRequest,
        ask: &mut dyn CarryOut,
    ) -> Result<Box<dyn Feed + '_>, Failure> {
        struct Numbers(u64);
        impl Feed for Numbers {
            fn next(
                &mut self,
                _: std::time::Duration,
                _: &mut dyn CarryOut,
            ) -> Result<Vec<EventRow>, Failure> {
                self.0 += 1;
                Ok(vec![EventRow {
                    at_ms: 0,
                    kind: EventKind::Route,
                    interface: None,
                    subject: None,
                    from: None,
                    to: None,
                    count: Some(self.0),
                    text: "x".repeat(100),
                }])
            }
        }
        ask.one(Request::ShowDrops {}).into_result()?;
        Ok(Box::new(Numbers(0)))
    }
}

#[test]
fn a_line_is_a_request_and_a_line_its_answer() {
    let place = Place::new();
    let listener = Listener::bind(&place.0, None).unwrap();
    listener.serve(&Arc::new(Counting::default())).unwrap();
    let mode = fs::metadata(listener.path()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let mut first = Client::connect(&place.0).unwrap();
    let mut second = Client::connect(&place.0).unwrap();
    for count in 1..=3 {
        let row = DropRow { count, ..DropRow::stack("no-route") };
        assert_eq!(first.ask(&Request::ShowDrops {}).unwrap(), Answer::Drops(vec![row]));
    }
    let row = DropRow { count: 1, ..DropRow::stack("no-route") };
    assert_eq!(second.ask(&Request::ShowDrops {}).unwrap(), Answer::Drops(vec![row]));
    assert_eq!(second.ask(&Request::ShowRoutes {}).unwrap_err().to_string(), "ShowRoutes");
}

#[test]
fn the_text_on_the_wire() {
    let place = Place::new();
    let listener = Listener::bind(&place.0, None).unwrap();
    listener.serve(&Arc::new(Counting::default())).unwrap();
    let mut stream = UnixStream::connect(&place.0).unwrap();
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
    let mut ask = |line: &str| {
        stream.write_all(line.as_bytes()).unwrap();
        lines.next().unwrap().unwrap()
    };
    assert_eq!(
        ask("{\"request\":\"show-drops\"}\n"),
        r#"{"answer":"drops","value":[{"interface":null,"departed":false,"by":"stack","cause":"no-route","count":1,"per_second":null,"over_s":null}]}"#
    );
    let wrong = ask("{\"request\":\"frobnicate\"}\n");
    assert!(
        wrong.starts_with(r#"{"answer":"error","value":"not a request: unknown variant `frobnicate`"#),
        "{wrong}"
    );
    assert!(ask("zebra\n").contains("not a request"));
    // The connection has survived them.
    assert!(ask("{\"request\":\"show-drops\"}\n").contains("\"count\":2"));
}

#[test]
fn every_request_survives_the_way() {
    let cidr = || "2001:db8::1/64".parse::<siding_client::value::ParsedCidr>().unwrap();
    let mac = || "02:00:00:00:00:01".to_owned().try_into().unwrap();
    let address = "fe80::1".parse().unwrap();
    let attach = AttachRequest {
        interface: Interface {
            name: "a".into(),
            driver: Some(Driver::Packet),
            device: None,
            mac: Some(mac()),
            mtu: Some(1500),
        },
        addressing: Addressing {
            addresses: vec!["2001:db8::1/64".parse().unwrap()],
            link_local: true,
            dad: false,
            point_to_point: true,
        },
    };
    let to = Destination::Prefix(cidr().0);
    let route = || Route { to, via: Some(address), interface: None, metric: Some(1), weight: None };
    let requests = [
        Request::ShowNetisr {},
        Request::InterfaceAttach(attach),
        Request::InterfaceDetach { name: "a".into(), timeout_ms: 5 },
        Request::InterfaceSet { name: "a".into(), up: false },
        Request::AddressAdd(AddressRequest {
            interface: "a".into(),
            address: cidr(),
            dad: true,
            preferred_s: Some(1),
            valid_s: None,
        }),
        Request::Host(HostRequest::ShowRouters {}),
        Request::Host(HostRequest::FlushPrefixes { interface: None }),
        Request::Host(HostRequest::Start { interface: "a".into(), autoconf: Box::default() }),
        Request::Host(HostRequest::Restart { interface: "a".into() }),
        Request::AddressDel { interface: "a".into(), address },
        Request::AddressRetry { interface: None, address: Some(address) },
        Request::RouteAdd(route()),
        Request::RouteDel(route()),
        Request::RouteRefuse(Refuse { to, how: How::Prohibit, metric: None }),
        Request::NeighborAdd(Neighbor { interface: "a".into(), address, mac: mac() }),
        Request::NeighborFlush { interface: None, address: None },
        Request::PingSend { address, interface: Some("a".into()), seq: 1, size: 56 },
        Request::PingWait { timeout_ms: 1 },
    ];
    for request in requests {
        let text = serde_json::to_string(&request).unwrap();
        assert_eq!(serde_json::from_str::<Request>(&text).unwrap(), request, "{text}");
    }
}

#[test]
fn the_socket_of_a_dead_daemon_is_replaced_and_that_of_a_living_one_is_not() {
    let place = Place::new();
    drop(UnixListener::bind(&place.0).unwrap());
    assert!(place.0.exists());
    let listener = Listener::bind(&place.0, None).unwrap();
    assert!(Client::connect(&place.0).is_err(), "it answers before it is ready");
    listener.serve(&Arc::new(Counting::default())).unwrap();
    let error = Listener::bind(&place.0, None).unwrap_err().to_string();
    assert!(error.contains("answers at") && error.contains("stop that one first"), "{error}");
    drop(listener);
    assert!(!place.0.exists());
    fs::write(&place.0, "precious").unwrap();
    let error = Listener::bind(&place.0, None).unwrap_err().to_string();
    assert!(error.contains("is no socket"), "{error}");
    assert_eq!(fs::read_to_string(&place.0).unwrap(), "precious");
}

#[test]
fn of_two_that_start_at_once_one_gives_way() {
    let place = Place::new();
    let first = Listener::bind(&place.0, None).unwrap();
    let second = Listener::bind(&place.0, None).unwrap();
    assert!(
        first.serve(&Arc::new(Counting::default())).unwrap_err().to_string().contains("stop that one first")
    );
    drop(first);
    second.serve(&Arc::new(Counting::default())).unwrap();
    assert!(Client::connect(&place.0).unwrap().ask(&Request::ShowDrops {}).is_ok());
}

#[test]
fn nobody_is_taken_once_it_is_shut() {
    let place = Place::new();
    let listener = Listener::bind(&place.0, None).unwrap();
    let taker = listener.serve(&Arc::new(Counting::default())).unwrap();
    let mut client = Client::connect(&place.0).unwrap();
    assert!(client.ask(&Request::ShowDrops {}).is_ok());
    listener.shut();
    taker.join().unwrap();
    assert!(!place.0.exists() && UnixStream::connect(&place.0).is_err());
    assert!(client.ask(&Request::ShowDrops {}).is_ok(), "who was taken is served to the end");
}

#[test]
fn nobody_there_says_what_to_do() {
    let place = Place::new();
    let error = Client::connect(&place.0).unwrap_err().to_string();
    let start = format!("no siding answers at {}: start one with `siding run FILE.toml`", place.0.display());
    assert!(error.starts_with(&start), "{error}");
}

#[test]
fn there_are_so_many_sessions_and_the_next_one_is_told_so() {
    let place = Place::new();
    let listener = Listener::bind(&place.0, None).unwrap();
    let server = Arc::new(Counting::default());
    listener.serve(&server).unwrap();
    let ask = |client: &mut Client| client.ask(&Request::ShowDrops {});
    let mut clients: Vec<Client> = (0..64).map(|_| Client::connect(&place.0).unwrap()).collect();
    clients.iter_mut().for_each(|client| assert!(ask(client).is_ok()));
    let refused = ask(&mut Client::connect(&place.0).unwrap()).unwrap_err().to_string();
    assert!(refused.starts_with("64 connections are served already"), "{refused}");
    let row = server.0.limit("control-sessions");
    assert_eq!((row.most, row.used, row.highest, row.refused), (64, 64, Some(64), 1));
    clients.pop();
    // The session ends when its thread has seen that.
    let begun = std::time::Instant::now();
    while server.0.limit("control-sessions").used == 64 && begun.elapsed().as_secs() < 10 {
        std::thread::yield_now();
    }
    assert!(ask(&mut Client::connect(&place.0).unwrap()).is_ok());
}

#[test]
fn a_request_that_panics_ends_its_session_and_no_other() {
    let place = Place::new();
    let listener = Listener::bind(&place.0, None).unwrap();
    let server = Arc::new(Counting::default());
    listener.serve(&server).unwrap();
    let mut other = Client::connect(&place.0).unwrap();
    assert!(other.ask(&Request::ShowDrops {}).is_ok());
    let mut client = Client::connect(&place.0).unwrap();
    let told = client.ask(&Request::ShowNetisr {}).unwrap_err().to_string();
    assert!(told.contains("a bug in Siding"), "{told}");
    assert!(client.ask(&Request::ShowDrops {}).is_err(), "its session is over");
    assert!(other.ask(&Request::ShowDrops {}).is_ok());
}

#[test]
fn half_a_request_and_one_without_end_are_answered_and_closed() {
    let place = Place::new();
    let listener = Listener::bind(&place.0, None).unwrap();
    listener.serve(&Arc::new(Counting::default())).unwrap();
    // To the end, or to the reset that ends it if something was left that nobody reads.
    let told = |stream: UnixStream| BufReader::new(stream).lines().map_while(Result::ok).collect::<Vec<_>>();
    let mut half = UnixStream::connect(&place.0).unwrap();
    half.write_all(b"{\"request\":").unwrap();
    let mut endless = UnixStream::connect(&place.0).unwrap();
    endless.set_write_timeout(Some(std::time::Duration::from_secs(20))).unwrap();
    // It is told and closed before it has said all of it.
    let _ = endless.write_all(&vec![b'x'; 3 << 20]);
    let lines = told(endless);
    assert!(lines.len() == 1 && lines[0].contains("longer than 1048576 bytes"), "{lines:?}");
    // Meanwhile, others are served.
    assert!(Client::connect(&place.0).unwrap().ask(&Request::ShowDrops {}).is_ok());
    let begun = std::time::Instant::now();
    let lines = told(half);
    assert!(lines.len() == 1 && lines[0].contains("half a request for 10 s"), "{lines:?}");
    assert!((5..20).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
}

#[test]
fn a_line_of_many_requests_has_one_answer_and_the_connection_goes_on() {
    let place = Place::new();
    let listener = Listener::bind(&place.0, None).unwrap();
    listener.serve(&Arc::new(Counting::default())).unwrap();
    let mut client = Client::connect(&place.0).unwrap();
    assert_eq!(client.hello().unwrap().version, VERSION);
    let requests = vec![Request::ShowDrops {}, Request::ShowRoutes {}, Request::ShowDrops {}];
    let codes = |told: Vec<Result<Answer, Failure>>| -> Vec<Option<Code>> {
        told.into_iter().map(|one| one.err().map(|failure| failure.code)).collect()
    };
    let stopped = codes(client.batch(requests.clone(), OnError::Stop).unwrap());
    assert_eq!(stopped, [None, Some(Code::Refused), Some(Code::Skipped)]);
    let all = codes(client.batch(requests, OnError::GoOn).unwrap());
    assert_eq!(all, [None, Some(Code::Refused), None]);
    let huge = vec![Request::ShowDrops {}; MOST_REQUESTS + 1];
    assert_eq!(client.batch(huge, OnError::GoOn).unwrap_err().code(), Some(Code::TooLong));
    let row = DropRow { count: 6, ..DropRow::stack("no-route") };
    assert_eq!(client.ask(&Request::ShowDrops {}).unwrap(), Answer::Drops(vec![row]), "none of the huge one");
}

#[test]
fn who_reads_no_events_holds_nobody_up_and_misses_none_that_were_written() {
    let place = Place::new();
    let listener = Listener::bind(&place.0, None).unwrap();
    let server = Arc::new(Counting::default());
    listener.serve(&server).unwrap();
    let mut events = Client::connect(&place.0).unwrap().subscribe(&[]).unwrap();
    // Far more is told than the socket takes; others are served all the same.
    let mut other = Client::connect(&place.0).unwrap();
    (0..100).for_each(|_| assert!(other.ask(&Request::ShowDrops {}).is_ok()));
    for number in 1..=5000 {
        assert_eq!(events.next().unwrap().unwrap().count, Some(number));
    }
    drop(events);
    // Its thread has seen that nobody reads.
    let begun = std::time::Instant::now();
    while server.0.limit("control-sessions").used > 1 && begun.elapsed().as_secs() < 60 {
        std::thread::yield_now();
    }
    assert_eq!(server.0.limit("control-sessions").used, 1);
}
