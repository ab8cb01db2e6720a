//! How counters grow.

use std::collections::VecDeque;
use std::time::Duration;

/// Moments of the past that are kept: as many as the widest sparkline shows.
const KEPT: usize = 240;

/// How much a counter has grown. One that is less than it was has begun anew, as its interface or its daemon has, and has
/// grown from nothing.
pub(crate) fn grown(now: u64, before: u64) -> u64 {
    now.checked_sub(before).unwrap_or(now)
}

/// What has come each second, if so much came in this time.
pub(crate) fn each_second(grown: u64, over: Duration) -> f64 {
    match over.is_zero() {
        true => 0.0,
        false => grown as f64 / over.as_secs_f64(),
    }
}

/// Rates, the newest last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Track(VecDeque<u64>);

impl Track {
    /// One more; fractions do not show.
    pub(crate) fn push(&mut self, rate: f64) {
        if self.0.len() == KEPT {
            self.0.pop_front();
        }
        // Whatever happens at all is more than nothing.
        self.0.push_back(rate.ceil() as u64);
    }

    /// The newest so many.
    pub(crate) fn newest(&self, most: usize) -> Vec<u64> {
        self.0.iter().skip(self.0.len().saturating_sub(most)).copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_that_goes_backward_has_begun_anew() {
        assert_eq!([grown(7, 5), grown(5, 5), grown(3, 5), grown(0, u64::MAX)], [2, 0, 3, 0]);
        assert_eq!(each_second(5, Duration::from_millis(500)), 10.0);
        assert_eq!(each_second(5, Duration::ZERO), 0.0);
    }

    #[test]
    fn only_so_much_of_the_past_is_kept() {
        let mut track = Track::default();
        (0..1000).for_each(|rate| track.push(f64::from(rate)));
        assert_eq!((track.0.len(), track.newest(2)), (KEPT, vec![998, 999]));
        track.push(0.01);
        assert_eq!(track.newest(1), [1]);
    }
}
