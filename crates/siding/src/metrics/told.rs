//! What was told last: whoever asks soon after is told the same.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;
use std::time::Instant;

use super::Family;
use super::page::Format;
use super::page::page;
use super::serve::Scrape;

/// For so long a page is told again: a look at many neighbors costs the workers something, and whoever asks without end has
/// no more of it than this.
pub(super) const FRESH: Duration = Duration::from_millis(500);

/// What was told last. Under its lock one looks, and all others wait for what he sees.
#[derive(Debug, Default)]
pub(super) struct Told(Mutex<Option<(Instant, Arc<Vec<Family>>)>>);

impl Told {
    pub(super) fn page(&self, of: &impl Scrape, format: Format) -> String {
        page(&self.families(of), format)
    }

    fn families(&self, of: &impl Scrape) -> Arc<Vec<Family>> {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = last.take().filter(|(at, _)| at.elapsed() < FRESH);
        let look = || (Instant::now(), Arc::new(of.scrape().families()));
        last.insert(fresh.unwrap_or_else(look)).1.clone()
    }
}
