//! `[metrics]`: what the daemon knows, as OpenMetrics by HTTP.
//!
//! The same rows as `siding show` has, text and JSON, put under names as Prometheus has them. A scrape is a look like any
//! other: of what a worker takes it takes the neighbors' locks, one at a time, and that twice a second at the most.

mod crowd;
mod families;
mod page;
mod serve;
mod told;

pub(crate) use page::Family;
pub(crate) use page::Kind;
pub(crate) use serve::Scrape;
pub(crate) use serve::Server;

pub(crate) use families::Rows;
