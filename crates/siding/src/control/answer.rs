//! What is answered to one line: to a request, a greeting, or many requests at once. A batch has its bounds: so many
//! requests, so long, so many bytes of answers.
//!
//! An answer is written piece by piece: no more of it is kept than what has not been taken yet of one piece, and of a batch
//! what one request is answered.

use std::io;
use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;
use std::time::Duration;
use std::time::Instant;

use super::Answer;
use super::BatchRequest;
use super::CarryOut;
use super::Code;
use super::HelloRequest;
use super::HelloRow;
use super::MOST_REQUESTS;
use super::OnError;
use super::Reply;
use super::Request;
use super::VERSION;
use super::pieces::Pieces;

/// When a batch has taken so long, the rest of it is not carried out.
const LONGEST: Duration = Duration::from_secs(60);

/// When its answers have so many bytes, neither.
const LARGEST: usize = 64 << 20;

/// How long a request may take from its answer's first piece to its last.
pub(super) fn most(request: &Request) -> Duration {
    match request {
        Request::Batch(_) => LONGEST,
        _ => Duration::ZERO,
    }
}

/// Answers one request; whether that is the connection's last.
///
/// # Errors
///
/// Nobody takes the answer. What changes something is done all the same.
pub(super) fn to(
    request: Request,
    only_looks: bool,
    carry_out: &mut dyn CarryOut,
    into: &mut Pieces<'_>,
) -> io::Result<bool> {
    let last = match request {
        Request::Hello(hello) => {
            into.put(&greet(&hello, only_looks));
            false
        }
        Request::Batch(batch) => many(batch, carry_out, into),
        one => {
            let (reply, last) = alone(one, carry_out);
            into.put(&reply);
            last
        }
    };
    into.end().map(|()| last)
}

/// What is no request.
pub(super) fn nonsense(why: impl std::fmt::Display) -> Reply {
    Reply::refused(Code::NotARequest, format_args!("not a request: {why}"))
}

/// As it is written, without its end.
pub(super) fn text(reply: &Reply) -> String {
    serde_json::to_string(reply).unwrap_or_else(|error| {
        // No answer of ours is such, but somebody waits for one.
        format!(r#"{{"answer":"error","value":{:?},"code":"bug"}}"#, error.to_string())
    })
}

fn greet(hello: &HelloRequest, only_looks: bool) -> Reply {
    match hello.version {
        1..=VERSION => Answer::Hello(HelloRow {
            version: hello.version,
            newest: VERSION,
            siding: env!("CARGO_PKG_VERSION").into(),
            only_looks,
        })
        .into(),
        other => Reply::refused(
            Code::UnknownVersion,
            format_args!(
                "version {other} of the protocol is asked for, and this siding speaks 1 to {VERSION}: ask for one of those, or \
                 update it"
            ),
        ),
    }
}

/// One that may stand in a batch.
fn alone(request: Request, carry_out: &mut dyn CarryOut) -> (Reply, bool) {
    if matches!(request, Request::Hello(_) | Request::Batch(_) | Request::Subscribe(_)) {
        let why = "this is a line of its own, and cannot stand in a batch";
        return (Reply::refused(Code::NotARequest, why), false);
    }
    match catch_unwind(AssertUnwindSafe(|| carry_out.one(request))) {
        Ok(reply) => (reply, false),
        Err(_) => (Reply::refused(Code::Bug, "this met a bug in Siding: its log says more"), true),
    }
}

/// Whether that is the connection's last.
fn many(
    BatchRequest { requests, on_error }: BatchRequest,
    carry_out: &mut dyn CarryOut,
    into: &mut Pieces<'_>,
) -> bool {
    if requests.len() > MOST_REQUESTS {
        let why = format!("{} requests in a batch: give at most {MOST_REQUESTS}", requests.len());
        into.put(&Reply::refused(Code::TooLong, why));
        return false;
    }
    // What was carried out took so long. That somebody takes the answers slowly has a bound of its own.
    let mut took = Duration::ZERO;
    into.word(r#"{"answer":"batch","value":["#);
    let (mut failed, mut last) = (false, false);
    let mut requests = requests.into_iter();
    // Of those to come so many add routes, all of which have been asked for together; and so many have been carried out so.
    let (mut routes, mut done) = (0, 0);
    let mut is_first = true;
    loop {
        let skips = last || failed && on_error == OnError::Stop;
        if routes == 0 && !skips && took < LONGEST && into.bytes() < LARGEST {
            let begun = Instant::now();
            (routes, done) = together(requests.as_slice(), carry_out);
            took += begun.elapsed();
        }
        let Some(request) = requests.next() else { break };
        routes = routes.saturating_sub(1);
        // Nothing has failed for those that come after it.
        let unheard = into.is_lost() && request.only_looks();
        let reply = if done > 0 {
            done -= 1;
            Answer::Done.into()
        } else if skips {
            Reply::refused(Code::Skipped, "one before it in the batch was not carried out")
        } else if unheard {
            Reply::refused(Code::Skipped, "nobody takes the answer")
        } else if took >= LONGEST {
            let why = format!("the batch has taken {} s already: give less at once", LONGEST.as_secs());
            Reply::refused(Code::TooLate, why)
        } else if into.bytes() >= LARGEST {
            let why = format!("the batch's answers have {LARGEST} bytes already: ask for less at once");
            Reply::refused(Code::TooLong, why)
        } else {
            let begun = Instant::now();
            let (reply, bug) = alone(request, carry_out);
            took += begun.elapsed();
            last |= bug;
            reply
        };
        failed |= reply.is_error() && !unheard;
        if !is_first {
            into.word(",");
        }
        is_first = false;
        into.put(&reply);
    }
    into.word("]}");
    last
}

/// Carries out together what begins these and adds routes: how many there are, and how many have been carried out, all or none.
fn together(requests: &[Request], carry_out: &mut dyn CarryOut) -> (usize, usize) {
    let run = requests.iter().take_while(|request| matches!(request, Request::RouteAdd(_)));
    let (routes, _) = requests.split_at(run.count());
    let is_done = match routes {
        [] | [_] => false,
        // What is a bug in it is one again, and is told, when each is carried out by itself.
        routes => catch_unwind(AssertUnwindSafe(|| carry_out.routes(routes))).unwrap_or(false),
    };
    (routes.len(), if is_done { routes.len() } else { 0 })
}

#[cfg(test)]
mod tests {
    use siding_client::route::Route;

    use super::super::DropRow;
    use super::*;

    fn batch(requests: Vec<Request>, on_error: OnError) -> Request {
        Request::Batch(BatchRequest { requests, on_error })
    }

    /// What is answered, and whether it is the last.
    fn line(request: Request, carry_out: &mut dyn CarryOut) -> (String, bool) {
        let mut text = Vec::new();
        let mut take = |bytes: &[u8]| {
            text.extend_from_slice(bytes);
            Ok(())
        };
        let last = to(request, false, carry_out, &mut Pieces::new(&mut take)).unwrap();
        (String::from_utf8(text).unwrap(), last)
    }

    /// What is answered, and how often something was carried out; detaching fails.
    fn answers(request: Request) -> (Vec<Result<Answer, Code>>, usize) {
        let mut carried_out = 0;
        let (text, _) = line(request, &mut |request: Request| {
            carried_out += 1;
            match request {
                Request::InterfaceDetach { .. } => Reply::refused(Code::NotFound, "no such interface"),
                _ => Answer::Done.into(),
            }
        });
        let reply: Reply = serde_json::from_str(&text).unwrap();
        let replies = match reply.into_result() {
            Ok(Answer::Batch(replies)) => replies.into_iter().map(Reply::into_result).collect(),
            one => vec![one],
        };
        (replies.into_iter().map(|reply| reply.map_err(|failure| failure.code)).collect(), carried_out)
    }

    #[test]
    fn a_batch_is_answered_in_order_and_stops_or_goes_on() {
        let fails = || Request::InterfaceDetach { name: "a".into(), timeout_ms: 1 };
        let requests = || vec![Request::ShowDrops {}, fails(), Request::ShowDrops {}, fails()];
        let (done, none, skipped) = (Ok(Answer::Done), Err(Code::NotFound), Err(Code::Skipped));
        let stopped = vec![done.clone(), none.clone(), skipped.clone(), skipped];
        assert_eq!(answers(batch(requests(), OnError::Stop)), (stopped, 2));
        assert_eq!(
            answers(batch(requests(), OnError::GoOn)),
            (vec![done.clone(), none.clone(), done, none], 4)
        );
        assert_eq!(answers(batch(Vec::new(), OnError::Stop)), (Vec::new(), 0));
    }

    /// Adds routes together, but for those to one destination, which cannot be, and notes what it was asked.
    #[derive(Default)]
    struct Router(Vec<usize>);

    impl Router {
        const REFUSED: &str = "2001:db8:bad::/48";

        fn is_refused(request: &Request) -> bool {
            matches!(request, Request::RouteAdd(route) if route.to.to_string() == Self::REFUSED)
        }
    }

    impl CarryOut for Router {
        fn one(&mut self, request: Request) -> Reply {
            self.0.push(1);
            match Self::is_refused(&request) {
                true => Reply::refused(Code::NoRoom, "no room"),
                false => Answer::Done.into(),
            }
        }

        fn routes(&mut self, requests: &[Request]) -> bool {
            assert!(requests.iter().all(|request| matches!(request, Request::RouteAdd(_))));
            self.0.push(requests.len());
            !requests.iter().any(Self::is_refused)
        }
    }

    #[test]
    fn routes_that_follow_each_other_are_added_together_and_one_by_one_where_one_cannot_be() {
        let to = |to: &str| {
            Request::RouteAdd(Route {
                to: to.parse().unwrap(),
                via: None,
                interface: None,
                metric: None,
                weight: None,
            })
        };
        let fine = || to("2001:db8::/48");
        let refused = || to(Router::REFUSED);
        let look = || Request::ShowDrops {};
        let (done, full, skipped) = (None, Some(Code::NoRoom), Some(Code::Skipped));
        for (requests, on_error, asked, codes) in [
            (vec![fine(), fine(), fine()], OnError::Stop, vec![3], vec![done; 3]),
            (vec![fine(), look(), fine()], OnError::Stop, vec![1, 1, 1], vec![done; 3]),
            (vec![look(), fine(), fine(), look()], OnError::Stop, vec![1, 2, 1], vec![done; 4]),
            // All that was refused together is asked for again, once.
            (
                vec![fine(), refused(), fine(), look()],
                OnError::GoOn,
                vec![3, 1, 1, 1, 1],
                vec![done, full, done, done],
            ),
            (
                vec![fine(), refused(), fine(), fine(), look()],
                OnError::Stop,
                vec![4, 1, 1],
                vec![done, full, skipped, skipped, skipped],
            ),
        ] {
            let mut router = Router::default();
            let (text, last) = line(batch(requests, on_error), &mut router);
            let Answer::Batch(replies) = serde_json::from_str::<Reply>(&text).unwrap().answer else {
                panic!()
            };
            let told: Vec<Option<Code>> = replies.into_iter().map(|reply| reply.code).collect();
            assert_eq!((told, router.0, last), (codes, asked, false));
        }
    }

    #[test]
    fn a_batch_has_its_bounds_and_none_within() {
        let (told, carried_out) = answers(batch(vec![Request::ShowDrops {}; 1025], OnError::GoOn));
        assert_eq!((told, carried_out), (vec![Err(Code::TooLong)], 0), "nothing is begun");
        let within = batch(vec![batch(Vec::new(), OnError::Stop), Request::ShowDrops {}], OnError::GoOn);
        assert_eq!(answers(within), (vec![Err(Code::NotARequest), Ok(Answer::Done)], 1));
        // Each of these has a mebibyte.
        let row = DropRow { count: 1, ..DropRow::stack(&"x".repeat(1 << 20)) };
        let large = batch(vec![Request::ShowDrops {}; 100], OnError::GoOn);
        let (text, _) = line(large, &mut |_: Request| Answer::Drops(vec![row.clone()]).into());
        assert!((LARGEST..LARGEST + (2 << 20)).contains(&text.len()), "{}", text.len());
        let last: Reply = serde_json::from_str(&text).unwrap();
        let Answer::Batch(replies) = last.answer else { panic!() };
        assert_eq!((replies.len(), replies[99].code), (100, Some(Code::TooLong)));
    }

    /// What many ask for at once is not to be had in memory at once.
    #[test]
    fn an_answer_is_given_away_before_the_next_is_made_and_what_is_asked_for_is_done_though_nobody_takes_it()
    {
        let made = std::cell::Cell::new(0);
        let row = DropRow { count: 1, ..DropRow::stack(&"x".repeat(1 << 20)) };
        let mut carry_out = |_: Request| {
            made.set(made.get() + (1 << 20));
            Answer::Drops(vec![row.clone()]).into()
        };
        let (mut taken, mut most) = (0, 0);
        let mut take = |bytes: &[u8]| {
            most = most.max(made.get() - taken.min(made.get()));
            taken += bytes.len();
            Ok(())
        };
        let asked = || batch(vec![Request::ShowDrops {}; 20], OnError::GoOn);
        to(asked(), false, &mut carry_out, &mut Pieces::new(&mut take)).unwrap();
        assert!(most < 2 << 20 && taken > 20 << 20, "{most} of {taken} were kept");
        // To be told what nobody hears is not worth the trouble; what changes something is done.
        let mut gone = |_: &[u8]| Err(io::ErrorKind::BrokenPipe.into());
        made.set(0);
        assert!(to(asked(), false, &mut carry_out, &mut Pieces::new(&mut gone)).is_err());
        assert_eq!(made.get(), 1 << 20);
        let set = Request::InterfaceSet { name: "a".into(), up: true };
        for on_error in [OnError::GoOn, OnError::Stop] {
            made.set(0);
            let both = vec![Request::ShowDrops {}, set.clone(), Request::ShowDrops {}, set.clone()];
            assert!(to(batch(both, on_error), false, &mut carry_out, &mut Pieces::new(&mut gone)).is_err());
            assert_eq!(made.get(), 3 << 20, "{on_error:?}");
        }
    }

    #[test]
    fn a_bug_in_a_batch_ends_it_and_the_connection() {
        let asked = batch(vec![Request::ShowDrops {}; 3], OnError::GoOn);
        let (text, last) = line(asked, &mut |_: Request| -> Reply { panic!("on purpose") });
        let Answer::Batch(replies) = serde_json::from_str::<Reply>(&text).unwrap().answer else { panic!() };
        let codes: Vec<Option<Code>> = replies.into_iter().map(|reply| reply.code).collect();
        assert!(last);
        assert_eq!(codes, [Some(Code::Bug), Some(Code::Skipped), Some(Code::Skipped)]);
    }

    #[test]
    fn a_version_that_is_newer_than_ours_is_told_what_there_is() {
        let greeted = |version| answers(Request::Hello(HelloRequest { version })).0.remove(0);
        assert!(matches!(
            greeted(VERSION),
            Ok(Answer::Hello(HelloRow { version: VERSION, newest: VERSION, .. }))
        ));
        assert_eq!(
            (greeted(VERSION + 1), greeted(0)),
            (Err(Code::UnknownVersion), Err(Code::UnknownVersion))
        );
    }
}
