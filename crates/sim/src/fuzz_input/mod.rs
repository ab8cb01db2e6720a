//! What the fuzz targets run, so that libFuzzer and the replay on stable run the same code.
//!
//! # Model
//!
//! [`parsers`] takes bytes as a frame, and as a message of each kind. [`input_path`] takes them as a list of
//! [`Step`]s (frames, and what time, chance and an operator do between them) for a world of a host and a router.
//! Both panic where something does not hold, and do nothing else that is seen.
//!
//! [`corpus`] writes what a fuzzer starts from: frames of every kind with the writers of `siding_wire`, alone and in
//! small stories. It is made anew each time, so that nothing of it is kept in the repository but what was found.

mod corpus;
mod frames;
mod input_path;
mod messages;
mod mutate;
mod parsers;
mod repair;
mod steps;

pub use corpus::Entry;
pub use corpus::corpus;
pub use input_path::input_path;
pub use mutate::mutate;
pub use parsers::parsers;
pub use steps::Step;
pub use steps::Steps;
