//! A line as a request. A batch may be long, and most of one are routes: each of its requests is read where it stands, without
//! all of them being taken apart before.

use std::fmt;

use serde::Deserialize;
use serde::Deserializer;
use serde::de::Error;
use serde::de::MapAccess;
use serde::de::Visitor;
use serde::de::value::MapAccessDeserializer;
use serde_json::value::RawValue;
use siding_client::route::Route;

use super::BatchRequest;
use super::OnError;
use super::Request;

/// A batch whose requests are not read yet.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<'l> {
    #[serde(rename = "request")]
    _request: Batch,
    #[serde(borrow)]
    requests: Vec<&'l RawValue>,
    #[serde(default)]
    on_error: OnError,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Batch {
    Batch,
}

/// The request, if it is first said to be one, to add a route.
struct AddsRoute(Route);

/// Reads a line.
///
/// # Errors
///
/// It is no request.
pub(super) fn read(line: &[u8]) -> serde_json::Result<Request> {
    match serde_json::from_slice(line).and_then(batch) {
        Ok(batch) => Ok(Request::Batch(batch)),
        // Nor, then, is it a batch, or what is wrong with it is told in the same words as of any other.
        Err(_) => serde_json::from_slice(line),
    }
}

fn batch(Line { requests, on_error, .. }: Line<'_>) -> serde_json::Result<BatchRequest> {
    let one = |text: &RawValue| match serde_json::from_str(text.get()) {
        Ok(AddsRoute(route)) => Ok(Request::RouteAdd(route)),
        Err(_) => serde_json::from_str(text.get()),
    };
    let requests = requests.into_iter().map(one).collect::<serde_json::Result<_>>()?;
    Ok(BatchRequest { requests, on_error })
}

impl<'de> Deserialize<'de> for AddsRoute {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<AddsRoute, D::Error> {
        struct Keys;
        impl<'de> Visitor<'de> for Keys {
            type Value = AddsRoute;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a request to add a route")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<AddsRoute, M::Error> {
                match map.next_entry::<&str, &str>()? {
                    Some(("request", "route-add")) => {
                        Route::deserialize(MapAccessDeserializer::new(map)).map(AddsRoute)
                    }
                    _ => Err(M::Error::custom("another request")),
                }
            }
        }
        deserializer.deserialize_map(Keys)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is read, or what is wrong.
    fn told(read: serde_json::Result<Request>) -> Result<Request, String> {
        read.map_err(|error| error.to_string())
    }

    #[test]
    fn a_batch_is_read_as_any_request_is() {
        let route = r#"{"request":"route-add","to":"2001:db8::/48","via":"2001:db8::1","metric":7}"#;
        let later = r#"{ "to" : "192.0.2.0/24", "request" : "route-add", "interface" : "a\u0062" }"#;
        let shared = r#"{"request":"route-add","to":"::/0","via":"fe80::1","interface":"a","weight":9}"#;
        let look = r#"{"request":"show-drops"}"#;
        for requests in [
            String::new(),
            route.to_owned(),
            [route, look, later, shared, route].join(", "),
            // What is wrong with one, or beside it.
            [route, r#"{"request":"route-add","to":"2001:db8::/480"}"#].join(","),
            [route, r#"{"request":"route-add","to":"::/0","vai":"::1"}"#, route].join(","),
            [route, r#"{"request":"route-add","via":"::1"}"#].join(","),
            [look, r#"{"request":"frobnicate"}"#].join(","),
            [look, r#"{"request":"route-add","request":"route-add","to":"::/0"}"#].join(","),
            [look, "7", route].join(","),
            [look, r#"{"request":"route-add","to":"::/0""#].join(","),
        ] {
            for line in [
                format!(r#"{{"request":"batch","requests":[{requests}]}}"#),
                format!("{{\"requests\":[{requests}],\"on_error\":\"go-on\",\"request\":\"batch\"}}\n"),
                format!(r#"{{"request":"batch","requests":[{requests}],"on_error":"never"}}"#),
                format!(r#"{{"request":"batch","requests":[{requests}],"more":1}}"#),
                format!(r#"{{"request":"batch","requests":[{requests}]"#),
            ] {
                assert_eq!(told(read(line.as_bytes())), told(serde_json::from_str(&line)), "{line}");
            }
        }
        for line in [route, look, "zebra", "[]", "", r#"{"request":"batch"}"#, "\u{fffd}"] {
            assert_eq!(told(read(line.as_bytes())), told(serde_json::from_str(line)), "{line}");
        }
        let Request::Batch(BatchRequest { requests, .. }) =
            read(format!(r#"{{"request":"batch","requests":[{route},{look}]}}"#).as_bytes()).unwrap()
        else {
            panic!("no batch")
        };
        assert!(matches!(requests[..], [Request::RouteAdd(_), Request::ShowDrops {}]), "{requests:?}");
    }
}
