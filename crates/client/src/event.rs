//! What the daemon tells of by itself.

use std::fmt;

use serde::Deserialize;
use serde::Deserializer;
use serde::Serialize;
use serde::Serializer;
use serde::de::Error;
use serde::de::SeqAccess;
use serde::de::Visitor;

/// Asks for events; from then on the connection has nothing else. Without kinds: all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubscribeRequest {
    /// Which kinds. One that the daemon does not know is refused.
    #[serde(default)]
    pub kinds: Kinds,
}

/// What an event is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum EventKind {
    /// Interfaces that come and go, and their states
    Interface,
    /// Addresses of ours, and their states
    Address,
    /// Neighbors' states
    Neighbor,
    /// Routes that come and go
    Route,
    /// Routers, prefixes and redirects that a host has learnt, and routers that contradict us
    Router,
    /// Ports of laggs, and LACP
    Lagg,
    /// Ports of bridges
    Bridge,
    /// Rules that were loaded, and what rules log
    Filter,
    /// Files that were reloaded, and what commands changed
    Config,
    /// Bounds at which something was refused
    Limit,
    /// Devices that fail, and transmit queues that do not move
    Device,
    /// What paths take
    Path,
    /// Events that this subscriber has lost, being too slow
    Lost,
    /// One that this program does not know yet
    #[serde(other)]
    #[cfg_attr(feature = "clap", value(skip))]
    Other,
}

impl EventKind {
    /// All that can be asked for.
    pub const ALL: [EventKind; 13] = [
        EventKind::Interface,
        EventKind::Address,
        EventKind::Neighbor,
        EventKind::Route,
        EventKind::Router,
        EventKind::Lagg,
        EventKind::Bridge,
        EventKind::Filter,
        EventKind::Config,
        EventKind::Limit,
        EventKind::Device,
        EventKind::Path,
        EventKind::Lost,
    ];

    /// As lines have it.
    pub fn name(self) -> &'static str {
        match self {
            EventKind::Interface => "interface",
            EventKind::Address => "address",
            EventKind::Neighbor => "neighbor",
            EventKind::Route => "route",
            EventKind::Router => "router",
            EventKind::Lagg => "lagg",
            EventKind::Bridge => "bridge",
            EventKind::Filter => "filter",
            EventKind::Config => "config",
            EventKind::Limit => "limit",
            EventKind::Device => "device",
            EventKind::Path => "path",
            EventKind::Lost => "lost",
            EventKind::Other => "other",
        }
    }
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct EventRow {
    /// When, in milliseconds since 1970.
    pub at_ms: u64,
    /// What it is about.
    pub kind: EventKind,
    /// On which interface, if it was on one.
    pub interface: Option<String>,
    /// What it happened to: an address, a prefix, a port, a limit.
    pub subject: Option<String>,
    /// Its state before; none if it was not there.
    pub from: Option<String>,
    /// Its state now; none if it is not there any more.
    pub to: Option<String>,
    /// How many: of events that were lost, of refusals at a limit.
    pub count: Option<u64>,
    /// The whole of it, for people.
    pub text: String,
}

/// Kinds of events that are asked for: all of them if there are none in it. A line that names one as often as it has room
/// makes no more of it than one that does so once.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Kinds(u32);

impl Kinds {
    /// Whether events of this kind are asked for.
    pub fn has(self, kind: EventKind) -> bool {
        self.0 == 0 || self.0 & bit(kind) != 0
    }

    /// Those that are named.
    pub fn iter(self) -> impl Iterator<Item = EventKind> {
        // What is unknown here is refused where it is read: it is not to be taken for all.
        let all = EventKind::ALL.into_iter().chain([EventKind::Other]);
        all.filter(move |kind| self.0 & bit(*kind) != 0)
    }
}

/// A kind's place in the set.
fn bit(kind: EventKind) -> u32 {
    1 << kind as u32
}

impl FromIterator<EventKind> for Kinds {
    fn from_iter<I: IntoIterator<Item = EventKind>>(kinds: I) -> Kinds {
        Kinds(kinds.into_iter().fold(0, |all, kind| all | bit(kind)))
    }
}

impl fmt::Debug for Kinds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl Serialize for Kinds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for Kinds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Kinds, D::Error> {
        deserializer.deserialize_seq(Words)
    }
}

struct Words;

impl<'de> Visitor<'de> for Words {
    type Value = Kinds;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of kinds of events")
    }

    /// Who asks for something that there is not would wait for it in vain.
    fn visit_seq<A: SeqAccess<'de>>(self, mut words: A) -> Result<Kinds, A::Error> {
        let mut all = Kinds::default();
        while let Some(word) = words.next_element::<String>()? {
            let Some(kind) = EventKind::ALL.into_iter().find(|kind| kind.name() == word) else {
                let known: Vec<&str> = EventKind::ALL.into_iter().map(EventKind::name).collect();
                // As much of it as a word has.
                let shown: String = word.chars().take(40).collect();
                let why = format!("no events are of kind `{shown}`: there are {}", known.join(", "));
                return Err(A::Error::custom(why));
            };
            all.0 |= bit(kind);
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_counts_once_and_an_unknown_one_is_refused() {
        let read = |text: &str| serde_json::from_str::<Kinds>(text);
        let many = vec!["\"route\""; 100_000].join(",");
        let routes = read(&format!("[{many}]")).unwrap();
        assert!(routes.has(EventKind::Route) && !routes.has(EventKind::Lagg));
        assert_eq!(serde_json::to_string(&routes).unwrap(), "[\"route\"]");
        assert!(EventKind::ALL.into_iter().all(|kind| read("[]").unwrap().has(kind)));
        let all: Kinds = EventKind::ALL.into_iter().collect();
        assert_eq!(read(&serde_json::to_string(&all).unwrap()).unwrap(), all);
        for wrong in ["[\"rout\"]", "[\"other\"]", "[\"route\",\"\"]"] {
            let told = read(wrong).unwrap_err().to_string();
            assert!(told.contains("there are interface, address, neighbor"), "{told}");
        }
        let unknown: Kinds = [EventKind::Other].into_iter().collect();
        assert!(!unknown.has(EventKind::Route));
        assert!(read(&serde_json::to_string(&unknown).unwrap()).is_err());
    }
}
