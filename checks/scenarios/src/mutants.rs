//! The mutants.

use crate::scenario::SCENARIOS;
use crate::scenario::Scenario;

/// One way to break a promise.
#[derive(Debug)]
pub struct Mutant {
    /// What the code asks for: `mutant("name")`.
    pub name: &'static str,
    /// The promise that it breaks.
    pub promise: &'static str,
    /// The scenario that must notice.
    pub scenario: &'static str,
    /// What it does, in a few words.
    pub what: &'static str,
}

impl Mutant {
    /// The scenario that must notice.
    pub fn scenario(&self) -> Option<&'static Scenario> {
        SCENARIOS.iter().find(|scenario| scenario.name == self.scenario)
    }
}

const fn mutant(
    promise: &'static str,
    name: &'static str,
    scenario: &'static str,
    what: &'static str,
) -> Mutant {
    Mutant { name, promise, scenario, what }
}

/// All mutants, by promise.
pub const MUTANTS: &[Mutant] = &[
    mutant("G1", "dispatch-waits-for-room", "dispatch-under-a-lock", "a dispatch blocks on a full queue"),
    mutant(
        "G1",
        "announcement-sent-inline",
        "dispatch-under-a-lock",
        "a packet is sent under the lock that sending takes",
    ),
    mutant(
        "G1",
        "announcement-sent-inline",
        "lagg-failover",
        "an announcement goes through a VLAN down to the lagg whose lock is held",
    ),
    mutant("G2", "second-root-allowed", "second-root", "a handler may mint a token of its own"),
    mutant("G2", "changed-under-a-look", "read-write", "who changes what a lock guards has it only to look"),
    mutant("G3", "metadata-captured-late", "captured", "a handler reads the state as it is by then"),
    mutant("G3", "ring-leaks", "left-behind", "what waits in a queue that goes away is not dropped"),
    mutant("G4", "departed-not-counted", "departure-vacant", "a packet leaves with no fate"),
    mutant(
        "G4",
        "gone-unseen-by-a-drain",
        "departure-middle",
        "a drain takes a lane for an ordinary one from whose middle a packet has gone",
    ),
    mutant("G4", "void-counts-as-packet", "departure-foreign", "a refused packet counts as accepted too"),
    mutant(
        "G4",
        "void-counts-as-packet",
        "made-in-place",
        "what was announced and not made counts as a packet",
    ),
    mutant(
        "G4",
        "asked-again-for-ever",
        "panics",
        "a packet that panics when it is asked what it names stays",
    ),
    mutant(
        "G1",
        "dropped-under-the-callers-locks",
        "under-locks",
        "packets are dropped on the stack of whoever detaches or unregisters",
    ),
    mutant(
        "G5",
        "liveness-without-pin",
        "departure-pinned",
        "an interface is used after a look at its gate only",
    ),
    mutant("G5", "detach-skips-pins", "departure-pinned", "a detach does not wait for pins"),
    mutant(
        "G5",
        "pins-not-counted",
        "departure-pins",
        "the first of several pins that goes takes all with it",
    ),
    mutant(
        "G5",
        "dropped-departure-is-lost",
        "departure-dropped",
        "a departure that is dropped is nobody's any more",
    ),
    mutant(
        "G5",
        "wait-trusts-the-clock",
        "wait-ends",
        "a wait with a time limit goes on while the clock stands still",
    ),
    mutant(
        "G5",
        "held-token-unnoticed",
        "polls-here",
        "a thread that has its worker's token is told that it may wait for that worker",
    ),
    mutant("G5", "detach-skips-workers", "departure-own", "a detach does not wait for workers"),
    mutant(
        "G5",
        "order-unseen-while-one-is-alone",
        "departure-alone",
        "a worker with packets of one type only looks at nothing else",
    ),
    mutant(
        "G5",
        "later-orders-acknowledged",
        "departure-own",
        "a worker acknowledges orders that it has not carried out",
    ),
    mutant(
        "G5",
        "claim-without-second-look",
        "departure-foreign",
        "a dispatch does not look at the gates after its claim",
    ),
    mutant(
        "G5",
        "quick-claim-without-second-look",
        "departure-foreign-quick",
        "a dispatch that finds room at once does not look at the gates after its claim",
    ),
    mutant(
        "G5",
        "claim-without-second-look",
        "departure-made-in-place",
        "packets are made in their places without a second look at the gates",
    ),
    mutant(
        "G5",
        "line-drawn-by-a-look",
        "departure-foreign",
        "a sweep reads the tail without a place in the order of claims",
    ),
    mutant(
        "G5",
        "identity-used-again",
        "stale-identity",
        "a slot's next interface gets the last one's identity",
    ),
    mutant(
        "G5",
        "purge-before-mark",
        "departure-foreign-polled",
        "addresses are torn down before the interface is marked",
    ),
    mutant(
        "G5",
        "timer-drops-the-lock-to-send",
        "stack-crash",
        "the crash of the design: lock dropped, sent, MAC read",
    ),
    mutant(
        "G5",
        "names-not-raised",
        "departure-resting",
        "a dispatch does not say in its lane which interfaces it names",
    ),
    mutant(
        "G5",
        "forgets-names-at-rest",
        "departure-resting",
        "a lane that rests forgets its names after it was said to rest",
    ),
    mutant(
        "G5",
        "noted-through-a-rest",
        "departure-noted",
        "a worker takes an interface for named in its lane that the lane has forgotten",
    ),
    mutant("G5", "order-lost-by-panic", "panics", "an order is lost when the embedder's code panics"),
    mutant("G6", "unregister-does-not-wait", "unregister-drain", "an unregister waits for nobody"),
    mutant("G6", "intake-left-open", "unregister-drain", "packets come in while their type is unregistered"),
    mutant(
        "G6",
        "dropped-unregistering-is-lost",
        "unregister-dropped",
        "an unregistering that is dropped is nobody's any more",
    ),
    mutant(
        "G6",
        "flush-goes-on-handling",
        "unregister-own",
        "a handler that has its own type flushed is called again",
    ),
    mutant("G6", "permits-not-waited-for", "unregister-permit", "an unregister does not wait for permits"),
    mutant("G4", "positions-do-not-wrap", "wake", "a packet is lost where the positions begin anew"),
    mutant("G7", "closing-up-reorders", "fifo-sweep", "packets are moved past each other when one departs"),
    mutant("G7", "flow-key-ignored", "fifo-flow", "packets of one flow go to several workers"),
    mutant(
        "G7",
        "permit-of-another-flow",
        "fifo-permits",
        "a permit's packet goes where the permit is, not where its flow is",
    ),
    mutant(
        "G7",
        "flush-lets-later-packets-by",
        "stack-flush-order",
        "a later packet overtakes the flushed hold queue",
    ),
    mutant("G8", "room-given-back-twice", "limit-departed", "what departs leaves room for two"),
    mutant("G8", "dropped-takes-up-room", "drop-oldest", "what was dropped to make room makes none"),
    mutant("G8", "limit-off-by-one", "limit", "one packet more than the limit"),
    mutant(
        "G8",
        "limit-lowered-where-free",
        "limit-lowered",
        "a lower limit leaves the room that is in use as it was",
    ),
    mutant("G8", "permit-not-honoured", "limit", "reserved room is given to others"),
    mutant(
        "G8",
        "own-claim-takes-reserved-room",
        "limit-own",
        "a worker that dispatches to itself takes room that is reserved",
    ),
    mutant(
        "G8",
        "own-claim-off-by-one",
        "limit-own",
        "a worker that dispatches to itself goes past the limit by one",
    ),
    mutant("G9", "wake-up-lost", "wake", "a worker looks at a lane once too few before it sleeps"),
    mutant(
        "G9",
        "quick-claim-wakes-nobody",
        "wake-quick",
        "a dispatch that finds room at once does not look whether the worker looks elsewhere",
    ),
    mutant("G9", "sleeps-on-work", "wake", "a worker sleeps while a packet is announced"),
    mutant("G9", "orders-wake-nobody", "wake-departure", "control's orders do not wake a sleeper"),
    mutant(
        "stack",
        "alarm-in-two-queues",
        "timers-moved",
        "a deadline that another worker moves keeps its place in the first one's queue as well",
    ),
    mutant(
        "stack",
        "leaver-calls-nobody",
        "stack-timers-left",
        "a worker leaves, and one that sleeps does not learn what it had armed",
    ),
    mutant(
        "stack",
        "decides-before-reading",
        "stack-answer-unread",
        "a timer runs although what had arrived by its deadline lies unread",
    ),
    mutant("G10", "published-without-release", "captured", "a slot is marked ready with no ordering"),
    mutant("G10", "freed-without-release", "batches", "a slot is marked free with no ordering"),
    mutant(
        "pool",
        "slot-stack-without-tag",
        "pool-reuse",
        "a stack of buffers that looks as before is taken for it",
    ),
    mutant("pool", "slot-freed-without-release", "pool-reuse", "a buffer is given back with no ordering"),
    mutant("fib", "fib-publishes-relaxed", "fib-publish", "a node is linked to with no ordering"),
    mutant("fib", "fib-reuses-unannounced", "fib-reuse", "memory is used again and the clock stands still"),
    mutant(
        "fib",
        "fib-many-relaxed",
        "fib-many",
        "of many routes in one change, those in a new node are linked to with no ordering",
    ),
    mutant("fib", "fib-skip-relaxed", "fib-skip", "what is skipped leads to a node with no ordering"),
    mutant("fib", "fib-skip-kept", "fib-skip", "what is skipped stays so when something comes there"),
];
