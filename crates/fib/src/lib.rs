//! A table of routes that is changed in place by one and read without locks by all others.
//!
//! # Model
//!
//! A [`Trie`] maps prefixes to [`Value`]s, each of which stands for a few words that mean something to the caller. Any thread may [look up](Trie::lookup)
//! the longest prefix of an address, at any time. Who holds the [`Keeper`] changes it: each change costs a microsecond or
//! so, whatever the size of the table, and allocates nothing but its own memory.
//!
//! ```text
//! address   2001:0db8  :  40    00   ...
//!           |root    | node  node
//! root      65,536 words: the best prefix of up to 16 bits, and the node of what is longer
//! node      eight bits: 256 places, of which only those that differ from the one before are kept
//! ```
//!
//! - **Node.** A bitmap of 256 bits says where a run of equal places begins, and counts of bits where in the list of
//!   entries a place's run is. Most nodes fit one or two cache lines. One that has very many runs is kept unfolded, an
//!   entry for each place; and so is most of the first level below the root, so that IPv4 costs two loads.
//! - **Skip.** Where all below a word of the root begins with the same bytes, one more word names these and the node behind
//!   them.
//! - **Entry.** Nothing, a value, or a further node. What is nothing here inherits what the levels above had found: a route
//!   to much changes one node, not all below it.
//! - **Many at once** ([`lookup_all`](Trie::lookup_all)) go down together: each step asks for the words that it will want of all
//!   keys before it waits for those of one.
//! - **Prefixes.** Behind its entries each node lists the prefixes that end in it: from them it is made anew when one
//!   goes, and [`covering`](Table::covering) finds them all, also those that no address uses.
//!
//! # Publication
//!
//! All that readers meet are atomic words. A node that changes its shape is built aside and then published by the one
//! word that points to it, stored with release and loaded with acquire; one that only changes its values is changed where it
//! stands, a word at a time.
//!
//! # Memory
//!
//! What was replaced is kept aside and used again later, when enough of it has come together: never unmapped, and never
//! freed by a reader. Before it is used again, the keeper moves a clock on. A look-up reads the clock before and after;
//! if it moved meanwhile, what was read may have been used for something else, and the look-up begins again. So a reader
//! that sleeps in the middle holds nothing up, and none has to say when it comes by. Look-ups meet a moved clock about
//! as often as the keeper has made some thousand changes, or takes a prefix out. One that has begun sixteen times says so,
//! and the clock stands still until it has come to its end: that one, and no other, the keeper waits for.
//!
//! # Ordering
//!
//! The keeper unlinks (release), moves the clock (release), fences (release), and only then writes into used memory. A
//! reader that has seen such a write sees the clock moved after its own fence (acquire). One that had seen the moved
//! clock from the beginning sees that the memory is unlinked, and does not find it.
#![deny(unsafe_code)]

mod arena;
mod build;
mod bulk;
mod hint;
mod keeper;
mod key;
mod node;
mod nodes;
mod popcnt;
mod read;
mod room;
mod search;
mod skip;
mod together;
mod trie;

pub use keeper::Keeper;
pub use keeper::MOST_LISTED;
pub use key::Key;
pub use node::Meaning;
pub use node::Value;
pub use nodes::Full;
pub use read::Table;
pub use trie::Trie;
