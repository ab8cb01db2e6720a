//! Many stacks in one process, on virtual wires and a virtual clock, everything from one seed.
//!
//! # Model
//!
//! A [`World`] has a clock, [links](World::add_link) and [nodes](World::add_node). Each node is a whole
//! [`Stack`](siding_stack::Stack) with one worker, driven turn by turn; each link is a hub whose frames are lost,
//! doubled, delayed and so reordered as its [`Faults`] say. Nothing runs but what the world steps, so the same
//! calls give the same [log](World::log), to the letter.
//!
//! [`run_seed`] makes a world, lets chance act on it (links flap, interfaces come and go, pools run dry, clocks
//! jump), calms it, and checks what must hold.
//!
//! # Invariants
//!
//! - Every accepted packet has one fate, in every type of every node (G4).
//! - No frame leaves by an interface whose detach is complete (G5).
//! - Once the network is calm, everybody reaches everybody.
//! - In the end every pool is full.
//! - No lock order reversal: the run-time witness would panic.
//!
//! # What it does not do
//!
//! It runs one thread: races are for the model checkers.
#![forbid(unsafe_code)]

mod actions;
mod exercise;
pub mod fuzz_input;
mod link;
mod node;
mod seeds;
mod world;

pub use link::Faults;
pub use link::LinkId;
pub use node::Node;
pub use node::NodeSpec;
pub use seeds::Failure;
pub use seeds::Summary;
pub use seeds::run_routed_seed;
pub use seeds::run_seed;
pub use seeds::run_seed_with;
pub use world::NodeId;
pub use world::World;
