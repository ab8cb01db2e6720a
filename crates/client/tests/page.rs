//! docs/control.md: the protocol, from the code that speaks it; each request with a line that is read here. docs/schema.json:
//! what is told, for programs.
//!
//! With `SIDING_BLESS=1` in the environment the page is written.
#![allow(clippy::unwrap_used)]

use std::fmt::Write;

use siding_client::Code;
use siding_client::EventKind;
use siding_client::Request;

const PROTOCOL: &str = include_str!("../src/protocol.rs");
const CODE: &str = include_str!("../src/code.rs");
const EVENT: &str = include_str!("../src/event.rs");

/// Requests that have actions, with where those are said.
const ACTIONS: [(&str, &str, &str); 9] = [
    ("vlan", "VlanRequest", include_str!("../src/nested.rs")),
    ("lagg", "LaggRequest", include_str!("../src/nested.rs")),
    ("bridge", "BridgeRequest", include_str!("../src/bridge.rs")),
    ("group", "GroupRequest", include_str!("../src/group.rs")),
    ("host", "HostRequest", include_str!("../src/host.rs")),
    ("stack", "StackRequest", PROTOCOL),
    ("reload", "ReloadRequest", include_str!("../src/reload.rs")),
    ("filter", "FilterRequest", include_str!("../src/filter.rs")),
    ("watch", "WatchRequest", include_str!("../src/trace.rs")),
];

const HEAD: &str = include_str!("page/head.md");
const LINES: &str = include_str!("page/lines.jsonl");

/// A variant: its name as lines have it, and what is said of it.
struct Variant {
    name: String,
    said: String,
}

fn variants(source: &str, name: &str) -> Vec<Variant> {
    let begun = format!("pub enum {name} {{\n");
    let start = source.find(&begun).unwrap_or_else(|| panic!("no {begun}")) + begun.len();
    let body = &source[start..start + source[start..].find("\n}\n").unwrap()];
    let (mut all, mut said) = (Vec::new(), String::new());
    // Only what stands at the first level.
    for line in body.lines().filter(|line| line.starts_with("    ") && !line.starts_with("     ")) {
        let line = line.trim();
        if let Some(words) = line.strip_prefix("/// ") {
            said += words;
            said.push(' ');
        } else if line.starts_with(|c: char| c.is_ascii_uppercase()) {
            let variant: String = line.chars().take_while(|c| c.is_ascii_alphanumeric()).collect();
            all.push(Variant { name: kebab(&variant), said: std::mem::take(&mut said).trim().to_owned() });
        }
    }
    all
}

fn kebab(variant: &str) -> String {
    let mut name = String::new();
    for (at, c) in variant.chars().enumerate() {
        if at > 0 && c.is_ascii_uppercase() {
            name.push('-');
        }
        name.push(c.to_ascii_lowercase());
    }
    name
}

/// The line that has these, as it stands in the file.
fn line<'l>(lines: &[&'l str], request: &str, action: Option<&str>) -> &'l str {
    let is = |line: &str| {
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        value["request"] == request && action.is_none_or(|action| value["action"] == action)
    };
    lines
        .iter()
        .find(|line| is(line))
        .unwrap_or_else(|| panic!("no line in lines.jsonl for {request} {action:?}"))
}

fn page() -> String {
    let lines: Vec<&str> = LINES.lines().collect();
    let mut page = HEAD.to_owned();
    let mut used = Vec::new();
    page += "\n## Requests\n";
    // For tests of the daemon, in their builds alone.
    for Variant { name, said } in variants(PROTOCOL, "Request").into_iter().filter(|one| one.name != "panic")
    {
        let _ = write!(page, "\n### `{name}`\n\n{said}\n");
        match ACTIONS.iter().find(|(request, ..)| *request == name) {
            None => {
                let line = line(&lines, &name, None);
                used.push(line);
                let _ = write!(page, "\n```json\n{line}\n```\n");
            }
            Some((_, actions, source)) => {
                for action in variants(source, actions) {
                    let line = line(&lines, &name, Some(&action.name));
                    used.push(line);
                    let said =
                        if action.said.is_empty() { String::new() } else { format!(": {}", action.said) };
                    let _ = write!(page, "\n`{}`{said}\n\n```json\n{line}\n```\n", action.name);
                }
            }
        }
    }
    let unused: Vec<_> = lines.iter().filter(|line| !used.contains(line)).collect();
    assert!(unused.is_empty(), "lines of nothing: {unused:#?}");
    page += "\n## Answers\n\n`{\"answer\":NAME,\"value\":VALUE}`. What is in a row is said below.\n\n| answer | |\n|---|---|\n";
    for Variant { name, said } in variants(PROTOCOL, "Answer") {
        assert!(!said.is_empty(), "nothing is said of {name}");
        let _ = writeln!(page, "| `{name}` | {said} |");
    }
    page += &rows();
    page += "\n## Codes\n\n| code | |\n|---|---|\n";
    for Variant { name, said } in variants(CODE, "Code") {
        assert!(Code::ALL.iter().any(|code| code.name() == name), "{name}");
        let _ = writeln!(page, "| `{name}` | {said} |");
    }
    page += "\n## Kinds of events\n\n| kind | |\n|---|---|\n";
    for Variant { name, said } in variants(EVENT, "EventKind").into_iter().filter(|one| one.name != "other") {
        assert!(EventKind::ALL.iter().any(|kind| kind.name() == name), "{name}");
        let _ = writeln!(page, "| `{name}` | {said} |");
    }
    page
}

/// Tables of what rows have, from the schema.
fn rows() -> String {
    let schema = siding_client::schema::document().unwrap();
    let mut page = String::from(
        "\n## Rows\n\n[schema.json](schema.json) is the same for programs (JSON Schema 2020-12). A key that may be `null` is marked `?`. \
         Numbers without a unit are names.\n",
    );
    let defined = schema["$defs"].as_object().unwrap();
    let reports = schema["properties"].as_object().unwrap();
    let link = |name: &str| format!("[{name}](#{})", name.to_lowercase());
    page += "\n| report | |\n|---|---|\n";
    for (report, of) in reports {
        let _ = writeln!(page, "| `{report}` | {} |", kind(of, &link));
    }
    for (name, row) in defined {
        let said = row["description"].as_str().unwrap_or_default();
        let _ = write!(page, "\n### {name}\n\n{said}\n");
        if let Some(keys) = row["properties"].as_object() {
            page += "\n| key | type | unit | |\n|---|---|---|---|\n";
            for (key, of) in keys {
                let unit = of["unit"].as_str().unwrap_or_default();
                let said =
                    of["description"].as_str().unwrap_or_default().replace('\n', " ").replace('|', "\\|");
                let _ = writeln!(page, "| `{key}` | {} | {unit} | {said} |", kind(of, &link));
            }
            continue;
        }
        let one = |of: &serde_json::Value| match (&of["const"], &of["enum"]) {
            (serde_json::Value::String(word), _) => vec![format!("`{word}`")],
            (_, serde_json::Value::Array(words)) => {
                words.iter().map(|word| format!("`{}`", word.as_str().unwrap())).collect()
            }
            _ => panic!("{of}"),
        };
        let words: Vec<String> = match &row["oneOf"] {
            serde_json::Value::Array(all) => all.iter().flat_map(one).collect(),
            _ => one(row),
        };
        let _ = write!(page, "\nOne of {}.\n", words.join(", "));
    }
    page
}

/// A type, in few words.
fn kind(of: &serde_json::Value, link: &dyn Fn(&str) -> String) -> String {
    if let Some(reference) = of["$ref"].as_str() {
        return link(reference.rsplit('/').next().unwrap());
    }
    if let Some(any) = of["anyOf"].as_array() {
        let some = any.iter().find(|one| one["type"] != "null").unwrap();
        return kind(some, link) + "?";
    }
    let (name, optional) = match &of["type"] {
        serde_json::Value::Array(types) => (types[0].as_str().unwrap(), "?"),
        one => (one.as_str().unwrap_or_else(|| panic!("{of}")), ""),
    };
    let name = match name {
        "array" => format!("list of {}", kind(&of["items"], link)),
        "object" => format!("table of {}", kind(&of["additionalProperties"], link)),
        "string" => match of["format"].as_str() {
            Some(format) => format!("string ({format})"),
            None => "string".into(),
        },
        other => other.into(),
    };
    name + optional
}

#[test]
fn the_schema_is_what_the_code_says() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/schema.json");
    let schema = serde_json::to_string_pretty(&siding_client::schema::document().unwrap()).unwrap() + "\n";
    if std::env::var_os("SIDING_BLESS").is_some() {
        std::fs::write(path, &schema).unwrap();
    }
    let there = std::fs::read_to_string(path).unwrap_or_default();
    assert!(there == schema, "docs/schema.json is not what the code says: SIDING_BLESS=1 writes it");
}

/// One style of keys in what is told, too; and all of them are said.
#[test]
fn keys_of_rows_have_one_style_and_are_said() {
    let schema = siding_client::schema::document().unwrap();
    let defined = schema["$defs"].as_object().unwrap();
    assert!(defined.len() > 30);
    for (name, row) in defined {
        assert!(row["description"].is_string(), "nothing is said of {name}");
        for (key, of) in row["properties"].as_object().into_iter().flatten() {
            let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
            assert!(key.chars().all(is_plain), "{name}: {key}");
            assert!(of["description"].is_string(), "nothing is said of {name}'s {key}");
        }
    }
}

#[test]
fn the_page_of_the_protocol_is_what_the_code_says() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/control.md");
    let page = page();
    if std::env::var_os("SIDING_BLESS").is_some() {
        std::fs::write(path, &page).unwrap();
    }
    let there = std::fs::read_to_string(path).unwrap_or_default();
    assert!(there == page, "docs/control.md is not what the code says: SIDING_BLESS=1 writes it");
}

/// Programs that have learnt them are understood for as long as the version is what it is.
#[test]
fn every_line_of_the_page_is_a_request_and_says_all_that_it_means() {
    for line in LINES.lines() {
        let request: Request = serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"));
        let again: Request = serde_json::from_str(&serde_json::to_string(&request).unwrap()).unwrap();
        assert_eq!(again, request, "{line}");
        // A key that is not known is no request.
        let more = line.replacen('{', "{\"frobnicate\":1,", 1);
        assert!(serde_json::from_str::<Request>(&more).is_err(), "{more}");
    }
}

/// One style: words with underscores for keys, whatever is told.
#[test]
fn keys_have_one_style() {
    fn keys(value: &serde_json::Value, line: &str) {
        match value {
            serde_json::Value::Object(table) => table.iter().for_each(|(key, value)| {
                assert!(
                    key.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'),
                    "{key}: {line}"
                );
                keys(value, line);
            }),
            serde_json::Value::Array(list) => list.iter().for_each(|value| keys(value, line)),
            _ => {}
        }
    }
    for line in LINES.lines() {
        let request: Request = serde_json::from_str(line).unwrap();
        keys(&serde_json::to_value(&request).unwrap(), line);
    }
}
