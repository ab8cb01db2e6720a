//! A ruleset as it is written: what both doors read into, and what is printed and compiled.

use crate::place::Files;
use crate::place::Place;
use crate::place::Spot;
use crate::select::Selector;
pub use crate::timed::*;
use crate::types::Type;
use crate::types::Value;

/// Every table of a set of files.
#[derive(Debug, Clone, Default)]
pub struct Ruleset {
    /// In the order in which they were first named.
    pub tables: Vec<Table>,
    pub(crate) files: Files,
}

impl Ruleset {
    /// Where a chain of this ruleset is written.
    pub fn place_of_chain(&self, chain: &Chain) -> Place {
        self.files.place(chain.spot)
    }

    /// Where a rule of this ruleset is written.
    pub fn place_of_rule(&self, rule: &Rule) -> Place {
        self.files.place(rule.spot)
    }
}

/// Which packets a table sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TableFamily {
    /// IPv4.
    Ip,
    /// IPv6.
    Ip6,
    /// Both.
    Inet,
}

impl TableFamily {
    /// Its word.
    pub const fn text(self) -> &'static str {
        match self {
            TableFamily::Ip => "ip",
            TableFamily::Ip6 => "ip6",
            TableFamily::Inet => "inet",
        }
    }
}

/// A table.
#[derive(Debug, Clone)]
pub struct Table {
    /// Which packets it sees.
    pub family: TableFamily,
    /// Its name.
    pub name: String,
    /// Its chains, as written.
    pub chains: Vec<Chain>,
    /// Its named sets and maps.
    pub sets: Vec<Set>,
    /// Its named counters, quotas, limits and synproxies.
    pub objects: Vec<Object>,
    /// Its flowtables.
    pub flowtables: Vec<Flowtable>,
    /// What it is said to be for.
    pub comment: Option<String>,
}

/// A chain.
#[derive(Debug, Clone)]
pub struct Chain {
    /// Its name.
    pub name: String,
    /// Its number in the table.
    pub handle: u64,
    /// Where packets come into it; nowhere but by a jump if it has none.
    pub base: Option<BaseChain>,
    /// Its rules, in order.
    pub rules: Vec<Rule>,
    /// What it is said to be for.
    pub comment: Option<String>,
    pub(crate) spot: Spot,
}

/// Where packets come into a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BaseChain {
    /// At which point of their way.
    pub hook: Hook,
    /// Lower ones come first.
    pub priority: i32,
    /// What becomes of a packet that no rule has decided on: dropped instead of accepted.
    pub drop: bool,
}

/// A point of a packet's way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Hook {
    /// Before its route is known.
    Prerouting,
    /// On its way to this node.
    Input,
    /// On its way through this node.
    Forward,
    /// From this node.
    Output,
    /// On its way out.
    Postrouting,
}

impl Hook {
    /// All of them.
    pub const ALL: [Hook; 5] =
        [Hook::Prerouting, Hook::Input, Hook::Forward, Hook::Output, Hook::Postrouting];

    /// Its word.
    pub const fn text(self) -> &'static str {
        match self {
            Hook::Prerouting => "prerouting",
            Hook::Input => "input",
            Hook::Forward => "forward",
            Hook::Output => "output",
            Hook::Postrouting => "postrouting",
        }
    }
}

/// A rule.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Its number in the table.
    pub handle: u64,
    /// What it looks at and does, in order.
    pub statements: Vec<Statement>,
    /// What it is said to be for.
    pub comment: Option<String>,
    pub(crate) spot: Spot,
}

/// One thing that a rule looks at or does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Statement {
    /// Goes on if a field is as it says.
    Match(Match),
    /// Counts; what is written is where it begins.
    Counter(Count),
    /// Counts by a named counter.
    NamedCounter(String),
    /// Goes on until so many octets have come by, or from then on.
    Quota(Quota),
    /// The same, named.
    NamedQuota(String),
    /// Goes on at most so often, or only beyond that.
    Limit(Limit),
    /// The same, named.
    NamedLimit(String),
    /// Says so in the log.
    Log(Log),
    /// Drops, and tells the sender.
    Reject(RejectWith),
    /// Makes no connection of it.
    NoTrack,
    /// Accepts, drops, or goes elsewhere.
    Verdict(Action),
    /// The verdict that a map has for a key.
    Vmap(Vec<Part>, MapRef),
    /// Sets the packet's mark.
    SetMark(Expr),
    /// Sets the connection's mark.
    SetCtMark(Expr),
    /// Gives the connection the times of a named policy.
    SetCtTimeout(String),
    /// Changes a dynamic set.
    Update(Update),
    /// Goes on while at most so many connections are alive that came here, or only beyond that.
    CtCount {
        /// Beyond.
        over: bool,
        /// So many.
        count: u32,
    },
    /// Answers for the server until the client has proved its address.
    SynProxy(SynProxy),
    /// The same, named.
    NamedSynProxy(String),
    /// The fast ways may take this flow.
    FlowAdd(String),
}

/// Packets and octets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Count {
    /// Packets.
    pub packets: u64,
    /// Octets, from the IP header on.
    pub bytes: u64,
    /// When last, in ns; 0 if never. Not known to a counter in a file.
    pub last_hit: u64,
}

/// A comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Match {
    /// What is looked at: one field, or several side by side.
    pub left: Vec<Part>,
    /// How.
    pub op: Op,
    /// What with.
    pub right: Right,
}

/// One field of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// Which.
    pub selector: Selector,
    /// Which of its bits, if not all.
    pub and: Option<u128>,
}

impl Part {
    /// What it holds.
    pub const fn ty(&self) -> Type {
        self.selector.ty()
    }
}

/// How two values are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    /// Equal; in the set.
    Eq,
    /// Not equal; not in the set.
    Ne,
    /// Less.
    Lt,
    /// Greater.
    Gt,
    /// Less or equal.
    Le,
    /// Greater or equal.
    Ge,
    /// Any of these flags.
    Any,
}

impl Op {
    /// As it is written.
    pub const fn text(self) -> &'static str {
        match self {
            Op::Eq => "==",
            Op::Ne => "!=",
            Op::Lt => "<",
            Op::Gt => ">",
            Op::Le => "<=",
            Op::Ge => ">=",
            Op::Any => "",
        }
    }
}

/// What a key is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Right {
    /// A value for each part of the key.
    Values(Vec<Value>),
    /// A set written in place.
    Set(Vec<Element>),
    /// A named set.
    Named(String, Spot),
}

/// An element of a set or map.
#[derive(Debug, Clone)]
pub struct Element {
    /// A value for each part of the key.
    pub key: Vec<Value>,
    /// What a map has for it.
    pub data: Option<Data>,
    /// How long it stays, in ns.
    pub timeout: Option<u64>,
    /// How much of that is left, in ns.
    pub expires: Option<u64>,
    /// What it is said to be for.
    pub comment: Option<String>,
    pub(crate) spot: Spot,
}

// Where they stand is no part of what two elements are.
impl PartialEq for Element {
    fn eq(&self, other: &Element) -> bool {
        (&self.key, &self.data, self.timeout, self.expires, &self.comment)
            == (&other.key, &other.data, other.timeout, other.expires, &other.comment)
    }
}

impl Eq for Element {}

/// What a map has for a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Data {
    /// A verdict.
    Verdict(Action),
    /// A value.
    Value(u128),
}

/// A map written in place or by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MapRef {
    /// Written in place.
    Inline(Vec<Element>),
    /// Named.
    Named(String, Spot),
}

/// Where a packet goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Past this base chain.
    Accept,
    /// Nowhere.
    Drop,
    /// To the next rule.
    Continue,
    /// Back to the chain that jumped here.
    Return,
    /// Into a chain, and back.
    Jump(String),
    /// Into a chain, not back.
    Goto(String),
}

/// A value that a mark is set to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expr {
    /// What it begins with.
    pub base: ExprBase,
    /// What is then done with it, in order.
    pub ops: Vec<(BitOp, u32)>,
}

/// What a value begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExprBase {
    /// Itself.
    Value(u32),
    /// A field.
    Part(Part),
    /// What a map has for a key.
    Map(Vec<Part>, MapRef),
}

/// An operation on bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BitOp {
    /// Both.
    And,
    /// Either.
    Or,
    /// One of them.
    Xor,
}

/// So much in such a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// So many packets, or octets.
    pub rate: u64,
    /// In so many seconds.
    pub per: u64,
    /// So many at once, of the same unit.
    pub burst: u64,
    /// Octets instead of packets.
    pub bytes: bool,
    /// What is beyond goes on, instead of what is not.
    pub over: bool,
}

/// So many octets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// So many.
    pub bytes: u64,
    /// Of which this many are used when it is loaded.
    pub used: u64,
    /// What is beyond goes on, instead of what is not.
    pub over: bool,
}

/// What is written to the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// What its line begins with.
    pub prefix: String,
    /// How grave.
    pub level: Level,
    /// The most octets of the packet.
    pub snaplen: Option<u32>,
    /// To which listeners.
    pub group: Option<u16>,
}

/// How grave a line of the log is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "syslog's own words")]
pub enum Level {
    Emerg,
    Alert,
    Crit,
    Err,
    Warn,
    Notice,
    Info,
    Debug,
}

impl Level {
    /// Their words.
    pub const ALL: [(&'static str, Level); 8] = [
        ("emerg", Level::Emerg),
        ("alert", Level::Alert),
        ("crit", Level::Crit),
        ("err", Level::Err),
        ("warn", Level::Warn),
        ("notice", Level::Notice),
        ("info", Level::Info),
        ("debug", Level::Debug),
    ];
}

/// How the sender is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RejectWith {
    /// A reset.
    TcpReset,
    /// ICMP destination unreachable, with this code.
    Icmp(u8),
    /// ICMPv6 destination unreachable, with this code.
    Icmp6(u8),
    /// The one of the packet's family, in nft's own numbers.
    Icmpx(u8),
}

/// A change that a rule makes to a set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Update {
    /// Which change.
    pub op: UpdateOp,
    /// Which set.
    pub set: String,
    pub(crate) spot: Spot,
    /// Which element.
    pub key: Vec<Part>,
    /// How long it stays, in ns.
    pub timeout: Option<u64>,
    /// What each element has for itself: limits, counters, quotas, counts of connections.
    pub each: Vec<Statement>,
}

/// Which change a rule makes to a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpdateOp {
    /// Adds what is not there.
    Add,
    /// Adds, or begins its time again.
    Update,
    /// Takes out.
    Delete,
}

impl UpdateOp {
    /// Its word.
    pub const fn text(self) -> &'static str {
        match self {
            UpdateOp::Add => "add",
            UpdateOp::Update => "update",
            UpdateOp::Delete => "delete",
        }
    }
}

/// What a SYN proxy tells the client of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SynProxy {
    /// The largest segment; 0 if not said.
    pub mss: u16,
    /// The shift of its window.
    pub wscale: u8,
    /// Timestamps.
    pub timestamp: bool,
    /// Selective acknowledgements.
    pub sack: bool,
}

/// A named set or map.
#[derive(Debug, Clone)]
pub struct Set {
    /// Its name.
    pub name: String,
    /// Its number in the table.
    pub handle: u64,
    /// What each part of its key holds.
    pub key: Vec<Type>,
    /// The fields it was declared by, if it was.
    pub typeof_: Option<Vec<Part>>,
    /// What it maps to; a set if nothing.
    pub data: Option<DataType>,
    /// Prefixes and ranges are elements.
    pub interval: bool,
    /// Elements go after a time.
    pub timeouts: bool,
    /// Rules add and delete.
    pub dynamic: bool,
    /// Nobody changes it.
    pub constant: bool,
    /// How long elements stay that do not say so, in ns.
    pub timeout: Option<u64>,
    /// Time between two looks at what is over, in ns.
    pub gc_interval: Option<u64>,
    /// The most elements.
    pub size: Option<u32>,
    /// Elements that overlap are merged.
    pub auto_merge: bool,
    /// What it begins with.
    pub elements: Vec<Element>,
    /// What each element has for itself.
    pub each: Vec<Statement>,
    /// It holds the prefixes of these interfaces, and follows them.
    pub prefix_of: Vec<String>,
    /// What it is said to be for.
    pub comment: Option<String>,
    pub(crate) spot: Spot,
}

/// What a map maps to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DataType {
    /// Verdicts.
    Verdict,
    /// Values.
    Value(Type),
}

/// Something that a table has under a name.
#[derive(Debug, Clone)]
pub struct Object {
    /// Its name.
    pub name: String,
    /// Its number in the table.
    pub handle: u64,
    /// What it is.
    pub kind: ObjectKind,
    /// What it is said to be for.
    pub comment: Option<String>,
}

/// What has a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ObjectKind {
    /// A counter.
    Counter(Count),
    /// A quota.
    Quota(Quota),
    /// A limit.
    Limit(Limit),
    /// A SYN proxy.
    SynProxy(SynProxy),
    /// How long connections may be silent.
    CtTimeout(CtTimeout),
}

impl ObjectKind {
    /// Its word.
    pub const fn text(&self) -> &'static str {
        match self {
            ObjectKind::Counter(_) => "counter",
            ObjectKind::Quota(_) => "quota",
            ObjectKind::Limit(_) => "limit",
            ObjectKind::SynProxy(_) => "synproxy",
            ObjectKind::CtTimeout(_) => "ct timeout",
        }
    }
}

/// A table of flows that the fast ways may take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flowtable {
    /// Its name.
    pub name: String,
    /// Its number in the table.
    pub handle: u64,
    /// As nft has it; nothing depends on it here.
    pub priority: i32,
    /// The interfaces whose flows may be taken.
    pub devices: Vec<String>,
}
