//! What is told, as JSON Schema: of each answer that is a report its rows, with type, unit and meaning of each key.
//!
//! `docs/schema.json` is this, and a test holds a live daemon to it.

use schemars::JsonSchema;
use schemars::Schema;
use schemars::generate::SchemaSettings;
use schemars::transform::transform_subschemas;

use crate::*;

/// The values of answers, by the answers' names; `event` is one of what follows `subscribed`.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case")]
#[allow(dead_code, missing_docs)] // Its fields' types are all that it is for.
struct Reports {
    hello: HelloRow,
    interfaces: Vec<InterfaceRow>,
    addresses: Vec<AddressRow>,
    neighbors: Vec<NeighborRow>,
    routes: Vec<RouteRow>,
    way: WayRow,
    path_mtus: Vec<PathMtuRow>,
    tables: Vec<TableRow>,
    table: TableTextRow,
    sections: Vec<SectionRow>,
    groups: Vec<GroupRow>,
    routers: Vec<RouterRow>,
    prefixes: Vec<PrefixRow>,
    advertisers: Vec<AdvertiserRow>,
    vlans: Vec<VlanRow>,
    laggs: Vec<LaggRow>,
    bridges: Vec<BridgeRow>,
    netisr: Vec<TypeRow>,
    drops: Vec<DropRow>,
    workers: Vec<WorkerRow>,
    performance: Vec<PerformanceRow>,
    limits: Vec<LimitRow>,
    filter: FilterRow,
    states: StatesRow,
    sets: Vec<SetRow>,
    set: SetContentRow,
    /// `siding filter test --json` prints a list of them.
    tested: TestRow,
    watched: WatchRow,
    /// Of a plan (`--dry-run`, `siding config diff`) and of what was done.
    reload: ReloadRow,
    config: ConfigRow,
    /// No answer: what `siding config save --json` prints.
    saved: SavedRow,
    /// No answer: what `siding trace --json` prints, a line for each.
    life: LifeRow,
    /// No answer: what `siding filter check --json` prints.
    checked: CheckedRow,
    event: EventRow,
}

/// What numbers count whose keys do not end in their unit.
const UNITS: [(&str, &[&str]); 14] = [
    ("bytes", &["mtu", "bytes", "len"]),
    (
        "packets",
        &[
            "accepted",
            "handled",
            "departed",
            "flushed",
            "dropped_oldest",
            "resident",
            "reserved",
            "high_water",
            "timed",
            "packets",
            "packets_left_out",
            "held",
            "in_receives",
            "in_forw_datagrams",
            "in_delivers",
            "in_hdr_errors",
            "in_no_routes",
            "in_addr_errors",
            "in_unknown_protos",
            "reasm_reqds",
            "reasm_oks",
            "reasm_fails",
            "out_discards",
            "out_frag_reqds",
            "out_frag_oks",
            "out_frag_fails",
            "out_frag_creates",
            "out_transmits",
            "out_requests",
            "out_forw_datagrams",
            "in_pkts",
            "out_pkts",
        ],
    ),
    (
        "frames",
        &[
            "received",
            "forwarded",
            "flooded",
            "sent",
            "ignored",
            "markers",
            "announced",
            "expressed",
            "walked",
        ],
    ),
    ("packets/s", &["per_second"]),
    ("records", &["records_lost"]),
    ("rows", &["left_out"]),
    ("turns", &["turns", "busy"]),
    ("s", &["lifetime"]),
    ("1,024ths", &["share"]),
    ("hops", &["hop_limit"]),
    ("neighbors", &["neighbors"]),
    ("stations", &["stations"]),
    ("times", &["put_right", "panicked", "sleeps", "wakeups", "moved", "solicitations", "refused"]),
    // As many as there are, or as there may be, of what the row is of.
    ("of its kind", &["all", "elements", "size", "limit", "most", "used", "highest", "count", "at_least"]),
];

/// Numbers that are names, and count nothing.
const NAMES: [&str; 21] = [
    "version",
    "newest",
    "type",
    "metric",
    "weight",
    "worker",
    "core",
    "vid",
    "priority",
    "key",
    "number",
    "port",
    "handle",
    "protocol",
    "source_port",
    "destination_port",
    "mark",
    "at",
    "line",
    "column",
    "packet",
];

/// The unit of a number, by its key: `None` if it is a name.
///
/// # Errors
///
/// Nobody has said what it counts.
fn unit(key: &str) -> Result<Option<&'static str>, String> {
    for (ending, unit) in [("_ns", "ns"), ("_ms", "ms"), ("_s", "s")] {
        if key.ends_with(ending) {
            return Ok(Some(unit));
        }
    }
    let counts = UNITS.iter().find(|(_, keys)| keys.contains(&key));
    match counts {
        Some((unit, _)) => Ok(Some(unit)),
        None if NAMES.contains(&key) => Ok(None),
        None => Err(format!("nobody has said what the number {key:?} counts")),
    }
}

/// All of it, as one document of JSON Schema 2020-12: the reports are its properties, their rows its definitions.
///
/// # Errors
///
/// A number has no unit.
pub fn document() -> Result<serde_json::Value, String> {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    let mut schema = settings.into_generator().into_root_schema_for::<Reports>();
    let mut wrong = None;
    with_units(&mut schema, &mut wrong);
    schema.remove("required");
    schema.insert("title".into(), "What siding tells".into());
    schema.insert("version".into(), VERSION.into());
    let about = "Values of answers of the control protocol, by the answers' names. `siding show ... --json` prints them. \
                 Within a version keys are added, and none goes or changes its meaning: skip those that you do not know.";
    schema.insert("description".into(), about.into());
    match wrong {
        Some(wrong) => Err(wrong),
        None => Ok(schema.to_value()),
    }
}

/// Puts its unit beside each number.
fn with_units(schema: &mut Schema, wrong: &mut Option<String>) {
    if let Some(properties) = schema.get_mut("properties").and_then(|properties| properties.as_object_mut()) {
        for (key, property) in properties.iter_mut().filter(|(_, property)| is_number(property)) {
            match unit(key) {
                Ok(None) => {}
                Ok(Some(unit)) => property["unit"] = unit.into(),
                Err(why) => *wrong = Some(why),
            }
        }
    }
    transform_subschemas(&mut |schema: &mut Schema| with_units(schema, wrong), schema);
}

/// Whether it, what a list of it has, or what a table of it has, is one.
fn is_number(of: &serde_json::Value) -> bool {
    let is = |name: &serde_json::Value| name == "integer" || name == "number";
    let own = match &of["type"] {
        serde_json::Value::Array(types) => types.iter().any(is),
        one => is(one),
    };
    own || of.get("items").is_some_and(is_number)
}
