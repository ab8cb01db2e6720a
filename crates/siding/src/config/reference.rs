//! docs/configuration.md: every key of the file, from the comments beside it.
//!
//! Kept by a test: with `SIDING_BLESS=1` in the environment it writes the page.

use std::fmt::Write;

use siding_stack::SectionSpec;
use siding_stack::Takes;

const FILE: &str = include_str!("file.rs");
const BRIDGE: &str = include_str!("../../../client/src/bridge.rs");
const VLAN: &str = include_str!("../../../client/src/nested.rs");
const PROTOCOL: &str = include_str!("../../../client/src/protocol.rs");
const INTERFACE: &str = include_str!("../interface/check.rs");
const CHECK: &str = include_str!("../nested/check.rs");
const ON: &str = include_str!("../means/said.rs");
const LIMITS: &str = include_str!("../limits/check.rs");
const NEIGHBORS: &str = include_str!("../means/neighbors.rs");
const ROUTE: &str = include_str!("../../../client/src/route.rs");
const REFUSE: &str = include_str!("../../../client/src/refuse.rs");
const NEIGHBOR: &str = include_str!("../../../client/src/neighbor.rs");
const GROUP: &str = include_str!("../../../client/src/group.rs");
const LAGG: &str = include_str!("../../../client/src/lagg.rs");
const VALUE: &str = include_str!("../../../client/src/value.rs");
const ADVERTISE: &str = include_str!("../../../client/src/advertise.rs");
const AUTOCONF: &str = include_str!("../../../client/src/autoconf.rs");
const FILTER: &str = include_str!("../filter/check.rs");
const SECURITY: &str = include_str!("security.rs");

/// Sections as the page has them, each with the structure that it is read into.
const SECTIONS: [(&str, &str, &str); 26] = [
    ("[stack]", FILE, "Stack"),
    ("[metrics]", FILE, "Metrics"),
    ("[security]", SECURITY, "Security"),
    ("[filter]", FILTER, "Filter"),
    ("[limits]", LIMITS, "Limits"),
    ("[limits.neighbors]", NEIGHBORS, "Neighbors"),
    ("[limits.all_neighbors]", NEIGHBORS, "AllNeighbors"),
    ("[[interface]]", PROTOCOL, "Interface"),
    ("[interface.neighbors]", NEIGHBORS, "Neighbors"),
    ("[interface.advertise]", ADVERTISE, "Advertise"),
    ("[[interface.advertise.prefix]]", ADVERTISE, "AdvertisePrefix"),
    ("[[interface.advertise.route]]", ADVERTISE, "AdvertiseRoute"),
    ("[[interface.advertise.rdnss]]", ADVERTISE, "AdvertiseRdnss"),
    ("[[interface.advertise.dnssl]]", ADVERTISE, "AdvertiseDnssl"),
    ("[[interface.advertise.nat64]]", ADVERTISE, "AdvertiseNat64"),
    ("[interface.autoconf]", AUTOCONF, "Autoconf"),
    ("[interface.autoconf.limits]", AUTOCONF, "Limits"),
    ("[[vlan]]", VLAN, "Vlan"),
    ("[[lagg]]", VLAN, "Lagg"),
    ("[lagg.lacp]", LAGG, "Lacp"),
    ("[[bridge]]", BRIDGE, "Bridge"),
    ("[[route]]", ROUTE, "Route"),
    ("[[refuse]]", REFUSE, "Refuse"),
    ("[[neighbor]]", NEIGHBOR, "Neighbor"),
    ("[[group]]", GROUP, "Group"),
    ("the whole file", FILE, "File"),
];

/// What only a file says.
const BESIDE: [(&str, &str, &str); 2] =
    [("[[interface]]", INTERFACE, "Kept"), ("[[lagg]]", CHECK, "Preferred")];

/// Those that have what is said of any interface.
const OF_ALL: [&str; 4] = ["[[interface]]", "[[vlan]]", "[[lagg]]", "[[bridge]]"];

/// Words that a key may be, by the enumeration that they are read into.
const WORDS: [(&str, &str); 12] = [
    ("Level", FILE),
    ("Driver", VALUE),
    ("Tag", LAGG),
    ("Mode", LAGG),
    ("Reselect", LAGG),
    ("Layer", LAGG),
    ("Rate", LAGG),
    ("Activity", LAGG),
    ("How", REFUSE),
    ("Preference", ADVERTISE),
    ("AcceptWord", AUTOCONF),
    ("IdentifierWord", AUTOCONF),
];

/// A key with its type, and what is said of it.
struct Key<'s> {
    name: &'s str,
    kind: &'s str,
    said: String,
}

/// What stands between the braces of `struct name` or `enum name`.
fn body<'s>(source: &'s str, what: &str, name: &str) -> &'s str {
    let begun = format!("{what} {name} {{\n");
    let start = source.find(&begun).unwrap_or_else(|| panic!("no {begun}")) + begun.len();
    let length = source[start..].find("\n}\n").unwrap();
    &source[start..start + length]
}

fn keys(body: &str) -> Vec<Key<'_>> {
    let (mut keys, mut said) = (Vec::new(), String::new());
    let mut in_attribute = false;
    for line in body.lines().map(str::trim) {
        in_attribute |= line.starts_with("#[");
        if in_attribute {
            in_attribute = !line.ends_with(']');
        } else if let Some(words) = line.strip_prefix("/// ") {
            said += words;
            said.push(' ');
        } else {
            let line = line
                .trim_start_matches("pub ")
                .trim_start_matches("pub(crate) ")
                .trim_start_matches("pub(super) ");
            let (name, kind) = line.split_once(": ").unwrap_or_else(|| panic!("{line}"));
            keys.push(Key { name, kind: kind.trim_end_matches(','), said: std::mem::take(&mut said) });
        }
    }
    keys
}

/// The words of an enumeration, as files have them.
fn words(source: &str, name: &str) -> String {
    let body = body(source, "enum", name);
    let kebab = source[..source.find(&format!("enum {name} {{")).unwrap()]
        .lines()
        .rev()
        .take(4)
        .any(|line| line.contains("kebab-case"));
    let (mut all, mut renamed) = (Vec::new(), None);
    for line in body.lines().map(str::trim) {
        if let Some(rest) = line.strip_prefix("#[serde(rename = \"") {
            renamed = rest.split('"').next().map(str::to_owned);
        } else if let Some(variant) = line.strip_suffix(',').filter(|line| !line.starts_with("//")) {
            let mut word = String::new();
            for (at, c) in variant.chars().enumerate() {
                if kebab && at > 0 && c.is_uppercase() {
                    word.push('-');
                }
                word.extend(c.to_lowercase());
            }
            all.push(format!("`{}`", renamed.take().unwrap_or(word)));
        }
    }
    all.join(", ")
}

/// A type in words.
fn kind(kind: &str) -> String {
    let inside = |outer: &str| kind.strip_prefix(outer).and_then(|rest| rest.strip_suffix('>'));
    if let Some(inner) = inside("Option<").or_else(|| inside("Spanned<")) {
        return self::kind(inner);
    }
    if let Some(inner) = inside("Vec<") {
        return match self::kind(inner).as_str() {
            "table" => "tables".to_owned(),
            one => format!("list of {one}"),
        };
    }
    let kind = kind.rsplit("::").next().unwrap_or(kind);
    if let Some((_, source)) = WORDS.iter().find(|(name, _)| *name == kind) {
        return words(source, kind);
    }
    match kind {
        "bool" => "`true` or `false`".into(),
        "u8" | "u16" | "u32" | "u64" | "usize" => "number".into(),
        "String" | "PathBuf" | "Secret" | "Destination" | "OwnAddress" => "text".into(),
        "IpAddr" | "Ipv6Addr" => "address".into(),
        "ParsedMac" => "link-layer address".into(),
        "Listen" => "address and port, or path".into(),
        "Paths" => "text, or list of text".into(),
        "Seconds" => "number or `infinite`".into(),
        "SolicitWord" => words(AUTOCONF, kind),
        _ => "table".into(),
    }
}

fn rows(keys: Vec<Key<'_>>) -> String {
    let row = |key: &Key<'_>| format!("| `{}` | {} | {} |\n", key.name, kind(key.kind), key.said.trim());
    keys.iter().map(row).collect()
}

/// What a protocol says of its section.
fn of_protocol(section: &SectionSpec) -> String {
    let mut part = format!("\n## `[{}]`\n\n| key | value | |\n|---|---|---|\n", section.name);
    for key in section.keys {
        let value = match key.takes {
            Takes::Switch => "`true` or `false`".to_owned(),
            Takes::Number { .. } => "number".to_owned(),
            Takes::Word(words) => words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", "),
        };
        let _ = writeln!(part, "| `{}` | {value} | {} |", key.name, key.said());
    }
    part
}

fn page() -> String {
    let mut page = String::from(
        "# The configuration file\n\nEvery key, from the code that reads it. TOML; what is not given has its default. `siding check` names \
         every mistake\nat once; `siding reload` puts a changed file into effect. VLANs, laggs and bridges have the tables `neighbors`, \
         `advertise`\nand `autoconf` as interfaces do.\n",
    );
    for (title, source, name) in SECTIONS.iter().filter(|(_, _, name)| *name != "File") {
        // Behind what is of the stack as a whole.
        if *title == OF_ALL[0] {
            siding_stack::sections().for_each(|section| page += &of_protocol(section));
        }
        let _ = write!(page, "\n## `{title}`\n\n| key | value | |\n|---|---|---|\n");
        page += &rows(keys(body(source, "struct", name)));
        if let Some((_, source, name)) = BESIDE.iter().find(|(of, ..)| of == title) {
            page += &rows(keys(body(source, "struct", name)));
        }
        if OF_ALL.contains(title) {
            let all = keys(body(VLAN, "struct", "Addressing")).into_iter();
            for Key { name, kind, said } in all.chain(keys(body(ON, "struct", "On"))) {
                let said = if *title == OF_ALL[0] { said.trim() } else { "As in `[[interface]]`." };
                let _ = writeln!(page, "| `{name}` | {} | {said} |", self::kind(kind));
            }
        }
    }
    page
}

#[test]
fn the_page_of_the_configuration_is_what_the_code_says() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/configuration.md");
    let page = page();
    let silent: Vec<&str> = page.lines().filter(|line| line.ends_with("|  |")).collect();
    assert!(silent.is_empty(), "nothing is said of {silent:#?}");
    if std::env::var_os("SIDING_BLESS").is_some() {
        std::fs::write(path, &page).unwrap();
    }
    let there = std::fs::read_to_string(path).unwrap_or_default();
    assert!(there == page, "docs/configuration.md is not what the code says: SIDING_BLESS=1 writes it");
}

/// Whatever the file can have has a section.
#[test]
fn no_section_is_left_out() {
    let has = |name: &str| SECTIONS.iter().any(|(title, ..)| title.trim_matches(['[', ']']) == name);
    for Key { name, .. } in keys(body(FILE, "struct", "File")) {
        assert!(has(name), "{name}");
    }
}
