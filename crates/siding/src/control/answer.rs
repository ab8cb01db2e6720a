//! What is answered to one line: to a request, a greeting, or many requests at once. A batch has its bounds: so many
//! requests, so long, so many bytes of answers.

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

/// When a batch has taken so long, the rest of it is not carried out.
const LONGEST: Duration = Duration::from_secs(60);

/// When its answers have so many bytes, neither.
const LARGEST: usize = 64 << 20;

/// A line, and whether it is the connection's last.
pub(super) struct Line {
    pub(super) text: String,
    pub(super) last: bool,
}

/// To one request.
pub(super) fn to(request: Request, only_looks: bool, carry_out: &mut CarryOut<'_>) -> Line {
    match request {
        Request::Hello(hello) => Line { text: text(&greet(&hello, only_looks)), last: false },
        Request::Batch(batch) => many(batch, carry_out),
        one => {
            let (reply, last) = alone(one, carry_out);
            Line { text: text(&reply), last }
        }
    }
}

/// What is no request.
pub(super) fn to_nonsense(why: impl std::fmt::Display) -> Line {
    Line { text: text(&Reply::refused(Code::NotARequest, format_args!("not a request: {why}"))), last: false }
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
fn alone(request: Request, carry_out: &mut CarryOut<'_>) -> (Reply, bool) {
    if matches!(request, Request::Hello(_) | Request::Batch(_) | Request::Subscribe(_)) {
        let why = "this is a line of its own, and cannot stand in a batch";
        return (Reply::refused(Code::NotARequest, why), false);
    }
    match catch_unwind(AssertUnwindSafe(|| carry_out(request))) {
        Ok(reply) => (reply, false),
        Err(_) => (Reply::refused(Code::Bug, "this met a bug in Siding: its log says more"), true),
    }
}

fn many(BatchRequest { requests, on_error }: BatchRequest, carry_out: &mut CarryOut<'_>) -> Line {
    if requests.len() > MOST_REQUESTS {
        let why = format!("{} requests in a batch: give at most {MOST_REQUESTS}", requests.len());
        return Line { text: text(&Reply::refused(Code::TooLong, why)), last: false };
    }
    let begun = Instant::now();
    let mut all = String::from(r#"{"answer":"batch","value":["#);
    let (mut failed, mut last) = (false, false);
    for (at, request) in requests.into_iter().enumerate() {
        let reply = if last || failed && on_error == OnError::Stop {
            Reply::refused(Code::Skipped, "one before it in the batch was not carried out")
        } else if begun.elapsed() >= LONGEST {
            let why = format!("the batch has taken {} s already: give less at once", LONGEST.as_secs());
            Reply::refused(Code::TooLate, why)
        } else if all.len() >= LARGEST {
            let why = format!("the batch's answers have {LARGEST} bytes already: ask for less at once");
            Reply::refused(Code::TooLong, why)
        } else {
            let (reply, bug) = alone(request, carry_out);
            last |= bug;
            reply
        };
        failed |= reply.is_error();
        if at > 0 {
            all.push(',');
        }
        all += &text(&reply);
    }
    all += "]}";
    Line { text: all, last }
}

#[cfg(test)]
mod tests {
    use super::super::DropRow;
    use super::*;

    fn batch(requests: Vec<Request>, on_error: OnError) -> Request {
        Request::Batch(BatchRequest { requests, on_error })
    }

    /// What is answered, and how often something was carried out; detaching fails.
    fn answers(request: Request) -> (Vec<Result<Answer, Code>>, usize) {
        let mut carried_out = 0;
        let line = to(request, false, &mut |request| {
            carried_out += 1;
            match request {
                Request::InterfaceDetach { .. } => Reply::refused(Code::NotFound, "no such interface"),
                _ => Answer::Done.into(),
            }
        });
        let reply: Reply = serde_json::from_str(&line.text).unwrap();
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

    #[test]
    fn a_batch_has_its_bounds_and_none_within() {
        let (told, carried_out) = answers(batch(vec![Request::ShowDrops {}; 1025], OnError::GoOn));
        assert_eq!((told, carried_out), (vec![Err(Code::TooLong)], 0), "nothing is begun");
        let within = batch(vec![batch(Vec::new(), OnError::Stop), Request::ShowDrops {}], OnError::GoOn);
        assert_eq!(answers(within), (vec![Err(Code::NotARequest), Ok(Answer::Done)], 1));
        // Each of these has a mebibyte.
        let row = DropRow { count: 1, ..DropRow::stack(&"x".repeat(1 << 20)) };
        let large = batch(vec![Request::ShowDrops {}; 100], OnError::GoOn);
        let line = to(large, false, &mut |_| Answer::Drops(vec![row.clone()]).into());
        assert!((LARGEST..LARGEST + (2 << 20)).contains(&line.text.len()), "{}", line.text.len());
        let last: Reply = serde_json::from_str(&line.text).unwrap();
        let Answer::Batch(replies) = last.answer else { panic!() };
        assert_eq!((replies.len(), replies[99].code), (100, Some(Code::TooLong)));
    }

    #[test]
    fn a_bug_in_a_batch_ends_it_and_the_connection() {
        let line =
            to(batch(vec![Request::ShowDrops {}; 3], OnError::GoOn), false, &mut |_| panic!("on purpose"));
        let codes = |line: &Line| -> Vec<Option<Code>> {
            let Answer::Batch(replies) = serde_json::from_str::<Reply>(&line.text).unwrap().answer else {
                panic!()
            };
            replies.into_iter().map(|reply| reply.code).collect()
        };
        assert!(line.last);
        assert_eq!(codes(&line), [Some(Code::Bug), Some(Code::Skipped), Some(Code::Skipped)]);
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
